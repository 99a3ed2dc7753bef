"""What a checkpoint says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runway_lab.training.experiments.headers import recipe_of, size_of


def file(folder: Path, **metadata: str) -> Path:
    header = json.dumps({"__metadata__": metadata}).encode()
    (folder / "one.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    return folder / "one.safetensors"


def test_its_size_is_that_of_its_configuration(tmp_path: Path) -> None:
    assert size_of(file(tmp_path, config='{"resolution": 64}')) == (64, 64)
    assert size_of(file(tmp_path, config='{"resolution": 64, "start": [4, 6]}')) == (64, 96)


def test_a_real_checkpoint_says_its_size(tmp_path: Path) -> None:
    from runway_lab.stylegan.checkpoint import Checkpoint
    from runway_lab.stylegan.stylegan2 import StyleGAN2, StyleGAN2Config

    config = StyleGAN2Config(resolution=16, channel_base=64, channel_max=8, z_dim=8, w_dim=8)
    made = Checkpoint(StyleGAN2(config), None, "stylegan2", config, recipe={"step": 5})
    path = made.save(tmp_path / "one.safetensors")
    assert size_of(path) == (16, 16)
    assert recipe_of(path) == {"step": 5}


@pytest.mark.parametrize("data", [b"", b"\x05", b"\xff" * 100, b"\x02\0\0\0\0\0\0\0{}", b"\x80\x04pickle" * 10])
def test_a_file_that_does_not_tell_is_no_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.pkl").write_bytes(data)
    assert size_of(tmp_path / "a.pkl") is None
    assert recipe_of(tmp_path / "a.pkl") == {}
    assert size_of(tmp_path / "nothing") is None


@pytest.mark.parametrize("config", ["{}", "[]", '{"resolution": "large"}', '{"resolution": 64, "start": 4}', "{"])
def test_a_strange_configuration_is_no_error(tmp_path: Path, config: str) -> None:
    assert size_of(file(tmp_path, config=config)) is None
