from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from support.stylegan_files import (
    Persistent,
    nvidia_pickle,
    pretending,
    small_discriminator,
    small_stylegan2,
    small_stylegan3,
)

from runway_lab.stylegan import BadCheckpoint, Checkpoint, load

CASES = {
    "plain": (small_stylegan2, {}, {}),
    "labels": (small_stylegan2, {"c_dim": 3}, {"c_dim": 3, "mapping_layers": 8}),
    "resnet": (small_stylegan2, {"architecture": "resnet", "conv_clamp": 256}, {"architecture": "orig"}),
    "gray": (small_stylegan2, {"img_channels": 1}, {"img_channels": 1}),
    "rgba": (small_stylegan2, {"img_channels": 4}, {"img_channels": 4}),
    "wide": (small_stylegan2, {"start": (4, 5)}, {"start": (4, 5)}),
    "odd widths": (
        small_stylegan2,
        {"channels": (9, 5, 7), "channel_base": 32768, "channel_max": 512},
        {"channels": (9, 5, 7), "channel_base": 32768, "channel_max": 512},
    ),
    "without noise": (small_stylegan2, {"use_noise": False}, {}),
    "stylegan3-t": (small_stylegan3, {}, {}),
    "stylegan3-r": (small_stylegan3, {"conv_kernel": 1, "radial": True, "c_dim": 2}, {}),
}


def saved(tmp_path: Path, data: bytes) -> Checkpoint:
    path = tmp_path / "network.pkl"
    path.write_bytes(data)
    return load(path)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_was_written_is_read(name: str, protocol: int, tmp_path: Path) -> None:
    make, changes, critic_changes = CASES[name]
    G, D = make(**changes), small_discriminator(**critic_changes)  # noqa: N806
    found = saved(tmp_path, nvidia_pickle(G, D, protocol=protocol))
    assert found.config == G.config
    assert found.discriminator is not None
    assert found.discriminator.config == D.config
    assert found.kind == (name if "3-" in name else "stylegan2")
    assert found.labels == tuple(str(i) for i in range(G.c_dim))
    assert "NVIDIA" in found.licence
    labels = torch.eye(G.c_dim)[:2] if G.c_dim else None
    z = torch.randn(2, 12)
    ws = G.map(z, labels, psi=0.7, cutoff=3)
    assert torch.equal(found.generator.map(z, labels, psi=0.7, cutoff=3), ws)
    assert torch.equal(found.generator.synthesize(ws), G.synthesize(ws))
    images = torch.randn(4, *D.shape)
    labels = torch.eye(3)[[0, 1, 2, 0]] if D.config.c_dim else None
    assert torch.equal(found.discriminator(images, labels), D(images, labels))


def test_frozen_layers_are_found_among_the_buffers(tmp_path: Path) -> None:
    G, D = small_stylegan2(), small_discriminator()  # noqa: N806
    frozen = tuple(f"b16.{layer}.weight" for layer in ("fromrgb", "conv0", "conv1", "skip"))
    found = saved(tmp_path, nvidia_pickle(G, D, frozen=frozen))
    images = torch.randn(4, 3, 16, 16)
    assert found.discriminator is not None
    assert torch.equal(found.discriminator(images), D(images))


def test_the_generator_in_training_comes_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(nvidia_pickle(small_stylegan2(), small_discriminator()))
    assert load(path).live is None
    assert load(path, live=True).live is not None


@pytest.mark.parametrize(
    ("class_name", "kwargs", "what"),
    [
        ("SuperresGenerator", {}, "StyleGAN-XL generator"),
        ("Generator", {"path_stem": "x"}, "StyleGAN-XL generator"),
        ("TriPlaneGenerator", {}, "EG3D generator"),
        ("SomethingElse", {}, "a SomethingElse"),
    ],
)
def test_relatives_are_called_by_their_names(class_name: str, kwargs: dict, what: str, tmp_path: Path) -> None:  # type: ignore[type-arg]
    data = nvidia_pickle(small_stylegan2(), class_name=class_name, kwargs=kwargs)
    with pytest.raises(BadCheckpoint, match=f"This is .*{what}"):
        saved(tmp_path, data)


def test_an_unknown_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="Version 6"):
        saved(tmp_path, nvidia_pickle(small_stylegan2(), version=7))


def test_a_foreign_discriminator_is_left_out_with_a_note(tmp_path: Path) -> None:
    G = small_stylegan2()  # noqa: N806
    data = nvidia_pickle(G, small_discriminator()).replace(b"\x8c\rDiscriminator", b"\x8c\rProjectedDis.")
    found = saved(tmp_path, data)
    assert found.discriminator is None
    assert "ProjectedDis." in found.notes[0]


def test_a_stated_size_that_its_tensors_do_not_have_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    G = small_stylegan3()  # noqa: N806
    data = nvidia_pickle(G)
    data = data.replace(b"channel_max\x94K\x08", b"channel_max\x94K\xff")
    with pytest.raises(BadCheckpoint, match="would fit the rest|no synthesis"):
        saved(tmp_path, data)


def test_a_small_file_that_unfolds_without_end_is_refused(tmp_path: Path) -> None:
    with pretending():
        leaf = module({})
        for _ in range(40):
            leaf = module({"a": leaf, "b": leaf})
        top = module({"mapping": leaf, "synthesis": leaf})
        data = pickle.dumps({"G_ema": top})
    with pytest.raises(BadCheckpoint, match="nested without end"):
        saved(tmp_path, data)


def module(children: dict) -> object:  # type: ignore[type-arg]
    return Persistent("Generator", {"_modules": children, "_parameters": {}, "_buffers": {}, "_init_kwargs": {}})
