from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from support.stylegan_files import pretending, small_discriminator, small_stylegan2, tensorflow_pickle

from runway_lab.stylegan import BadCheckpoint, load


@pytest.mark.parametrize(
    ("changes", "critic_changes"),
    [
        ({}, {}),
        ({"architecture": "orig", "conv_clamp": 256}, {"architecture": "orig", "conv_clamp": 256}),
        ({"architecture": "resnet", "c_dim": 2}, {}),
    ],
    ids=str,
)
def test_what_was_written_is_read(changes: dict, critic_changes: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    G, D = small_stylegan2(**changes), small_discriminator(**critic_changes)  # noqa: N806
    path = tmp_path / "network.pkl"
    path.write_bytes(tensorflow_pickle(G, D))
    found = load(path)
    assert found.format == "TensorFlow pickle"
    assert found.config == G.config
    labels = torch.eye(G.c_dim)[:2] if G.c_dim else None
    ws = G.map(torch.randn(2, 12), labels, psi=0.6)
    z = torch.randn(2, 12)
    torch.testing.assert_close(found.generator.map(z, labels, psi=0.6), G.map(z, labels, psi=0.6))
    torch.testing.assert_close(found.generator.synthesize(ws), G.synthesize(ws), rtol=1e-4, atol=1e-4)
    assert found.discriminator is not None
    images = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(found.discriminator(images), D(images), rtol=1e-4, atol=1e-4)


def test_a_stylegan1_file_is_called_what_it_is(tmp_path: Path) -> None:
    with pretending():
        network = sys.modules["dnnlib.tflib.network"].Network  # type: ignore[attr-defined]
        variables = [("4x4/Const/StyleMod/weight", np.zeros((4, 4), np.float32))]
        made = network({"version": 3, "static_kwargs": {}, "components": {}, "variables": variables})
        data = pickle.dumps((made, made, made))
    path = tmp_path / "karras2019.pkl"
    path.write_bytes(data)
    with pytest.raises(BadCheckpoint, match="This is a StyleGAN1 file"):
        load(path)
