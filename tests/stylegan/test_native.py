from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from support.stylegan_files import small_discriminator, small_stylegan2, small_stylegan3

from runway_lab.stylegan import BadCheckpoint, Checkpoint, load
from runway_lab.stylegan.native import FORMAT


def checkpoint(generator=None, **more: object) -> Checkpoint:  # type: ignore[no-untyped-def]
    G = generator or small_stylegan2(c_dim=2, start=(4, 6))  # noqa: N806
    D = small_discriminator(c_dim=2, start=(4, 6), mapping_layers=2)  # noqa: N806
    return Checkpoint(G, D, "stylegan2", G.config, labels=("cats", "dogs"), **more)  # type: ignore[arg-type]


def test_everything_comes_back(tmp_path: Path) -> None:
    made = checkpoint(
        live=small_stylegan2(seed=1, c_dim=2, start=(4, 6)),
        licence="CC BY 4.0",
        lineage=[{"name": "Petals", "steps": 3000}],
        recipe={"gamma": 0.5, "augment": "ada"},
    )
    path = made.save(tmp_path / "petals.safetensors")
    found = load(path, live=True)
    assert (found.kind, found.config, found.labels) == (made.kind, made.config, made.labels)
    assert (found.licence, found.lineage, found.recipe) == (made.licence, made.lineage, made.recipe)
    z, labels = torch.randn(2, 12), torch.tensor([0, 1])
    assert torch.equal(found.generator(z, labels), made.generator(z, labels))
    assert torch.equal(found.live(z, labels), made.live(z, labels))  # type: ignore[misc]
    images = torch.randn(4, 3, 16, 24)
    labels = torch.tensor([0, 1, 1, 0])
    assert torch.equal(found.discriminator(images, labels), made.discriminator(images, labels))  # type: ignore[misc]
    assert [p.name for p in tmp_path.iterdir()] == ["petals.safetensors"]


@pytest.mark.parametrize("changes", [{}, {"conv_kernel": 1, "radial": True}])
def test_stylegan3_too(changes: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    G = small_stylegan3(**changes)  # noqa: N806
    kind = "stylegan3-r" if changes else "stylegan3-t"
    found = load(Checkpoint(G, None, kind, G.config).save(tmp_path / "x.safetensors"))
    assert (found.kind, found.config, found.discriminator) == (kind, G.config, None)
    z = torch.randn(1, 12)
    assert torch.equal(found.generator(z), G(z))


def test_other_programs_can_read_it(tmp_path: Path) -> None:
    path = checkpoint().save(tmp_path / "x.safetensors")
    with safe_open(path, "pt") as file:
        assert file.metadata()["format"] == FORMAT
        assert json.loads(file.metadata()["config"])["resolution"] == 16
        assert "generator.synthesis.b4.const" in file.keys()  # noqa: SIM118


def test_half_precision_files_can_be_read(tmp_path: Path) -> None:
    path = checkpoint().save(tmp_path / "x.safetensors")
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    save_file(
        {name: tensor.bfloat16() for name, tensor in load_file(path).items()}, tmp_path / "y.safetensors", metadata
    )
    z = torch.randn(1, 12)
    one, two = load(path).generator, load(tmp_path / "y.safetensors").generator
    labels = torch.tensor([0])
    assert float((one(z, labels) - two(z, labels)).abs().max()) < 0.3


def test_a_short_file_says_by_how_much(tmp_path: Path) -> None:
    path = checkpoint().save(tmp_path / "x.safetensors")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(BadCheckpoint, match=rf"x.safetensors: This file ends after .* of {len(data) / 1e6:.1f}"):
        load(path)


def write(path: Path, header: object, body: bytes = b"") -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ({"x": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4]}}, "claims another size"),
        ({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, "claims another size|makes no sense"),
        ({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4 * 10**12]}}, "ends after"),
        ({"x": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}, "of the type 'I64'"),
        ({"x": 3}, "cannot be read"),
        ({"__metadata__": {"format": "pt"}}, "another kind of network"),
        ({"__metadata__": {"format": FORMAT, "kind": "stylegan9"}}, "no kind 'stylegan9'"),
        ({"__metadata__": {"format": FORMAT, "kind": "stylegan2"}}, "no complete StyleGAN2"),
        ({"__metadata__": {"format": FORMAT, "kind": "stylegan3-t", "config": '{"layers": "x"}'}}, "damaged"),
        (
            {"__metadata__": {"format": FORMAT, "kind": "stylegan3-t", "config": '{"layers": 1000000000}'}},
            "no StyleGAN3",
        ),
    ],
)
def test_damaged_and_hostile_files(header: object, match: str, tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=match):
        load(write(tmp_path / "x.safetensors", header, b"12345678"))


def test_half_is_half_as_large_and_draws_the_same(tmp_path: Path) -> None:
    made = checkpoint()
    whole, half = made.save(tmp_path / "whole.safetensors"), made.save(tmp_path / "half.safetensors", half=True)
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    z, labels = torch.randn(2, 12), torch.tensor([0, 1])
    expected = made.generator(z, labels)
    assert (load(half).generator(z, labels) - expected).abs().max() < 0.02 * (expected.max() - expected.min())
    assert load(half).discriminator is not None
