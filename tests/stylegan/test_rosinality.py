from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from support.stylegan_files import small_discriminator, small_stylegan2

from runway_lab.stylegan import Checkpoint, Incompatible, load
from runway_lab.stylegan.rosinality import discriminator_to_rosinality, generator_to_rosinality

SAME = {"z_dim": 10, "w_dim": 10}


def checkpoint(**changes: object) -> Checkpoint:
    G, D = small_stylegan2(**SAME, **changes), small_discriminator()  # noqa: N806
    return Checkpoint(G, D, "stylegan2", G.config)  # type: ignore[arg-type]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    made = checkpoint()
    found = load(made.save(tmp_path / "faces.pt"))
    assert found.format == "rosinality .pt"
    assert found.config == made.config
    z = torch.randn(2, 10)
    assert torch.equal(found.generator(z, psi=0.5), made.generator(z, psi=0.5))
    images = torch.randn(4, 3, 16, 16)
    assert found.discriminator is not None
    assert torch.equal(found.discriminator(images), made.discriminator(images))  # type: ignore[misc]


def test_names_and_shapes_are_those_of_that_program() -> None:
    written = generator_to_rosinality(checkpoint().generator)  # type: ignore[arg-type]
    shapes = {name: list(tensor.shape) for name, tensor in written.items()}
    assert shapes["input.input"] == [1, 12, 4, 4]
    assert shapes["style.1.weight"] == [10, 10]
    assert shapes["conv1.conv.weight"] == [1, 12, 12, 3, 3]
    assert shapes["conv1.conv.modulation.bias"] == [12]
    assert shapes["conv1.noise.weight"] == [1]
    assert shapes["to_rgb1.conv.weight"] == [1, 3, 12, 1, 1]
    assert shapes["to_rgb1.bias"] == [1, 3, 1, 1]
    assert shapes["convs.2.conv.weight"] == [1, 8, 12, 3, 3]
    assert shapes["convs.3.activate.bias"] == [8]
    assert shapes["to_rgbs.1.upsample.kernel"] == [4, 4]
    assert float(written["convs.0.conv.blur.kernel"].sum()) == pytest.approx(4)
    assert shapes["noises.noise_4"] == [1, 1, 16, 16]
    critic = discriminator_to_rosinality(small_discriminator())
    assert list(critic["convs.1.conv2.1.weight"].shape) == [12, 8, 3, 3]
    assert list(critic["final_linear.0.weight"].shape) == [12, 192]


@pytest.mark.parametrize("archive", [True, False])
def test_a_training_checkpoint_without_a_mean(archive: bool, tmp_path: Path) -> None:
    made = checkpoint()
    state = generator_to_rosinality(made.generator)  # type: ignore[arg-type]
    contents = {
        "g": state,
        "d": discriminator_to_rosinality(made.discriminator),  # type: ignore[arg-type]
        "g_ema": state,
        "g_optim": {"state": {}, "param_groups": [{"lr": 0.002, "betas": (0.0, 0.99)}]},
        "args": argparse.Namespace(size=16, channel_multiplier=2),
        "ada_aug_p": 0.25,
    }
    path = tmp_path / "010000.pt"
    torch.save(contents, path, _use_new_zipfile_serialization=archive)
    found = load(path, live=True)
    assert found.live is not None
    assert "estimated" in found.notes[0]
    generator = made.generator
    z = torch.from_numpy(np.random.RandomState(5).randn(4096, 10)).float()
    mean = generator.map(z)[:, 0].mean(0)
    spread = generator.map(z)[:, 0].std(0)
    assert float(((found.generator.mapping.w_avg - mean) / spread).abs().max()) < 0.1


def test_files_without_noise_get_some(tmp_path: Path) -> None:
    state = generator_to_rosinality(checkpoint().generator)  # type: ignore[arg-type]
    state = {name: tensor for name, tensor in state.items() if not name.startswith("noises")}
    torch.save({"g_ema": state, "latent_avg": torch.zeros(10)}, tmp_path / "a.pt")
    one, two = load(tmp_path / "a.pt").generator, load(tmp_path / "a.pt").generator
    z = torch.randn(1, 10)
    assert torch.equal(one(z), two(z))


@pytest.mark.parametrize("changes", [{"c_dim": 2}, {"architecture": "resnet"}, {"img_channels": 1}, {"start": (4, 6)}])
def test_what_the_format_has_no_room_for_is_refused(changes: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(Incompatible, match="no room"):
        generator_to_rosinality(small_stylegan2(**SAME, **changes))
