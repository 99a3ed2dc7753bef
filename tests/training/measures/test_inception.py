"""The network is the one that FID uses, and a file that is none is told in words."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.inception_file import random_state, write
from torchvision.models import inception as torchvisions

from runway_lab.errors import RunwayLabError
from runway_lab.training.measures.inception import Inception, describer


def test_it_is_torchvisions_network_but_for_its_pooling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the published description differs from torchvision's network, that one is bent to it."""
    state = random_state(narrower=1)
    other = torchvisions.Inception3(num_classes=1008, aux_logits=False, init_weights=False).eval()
    other.load_state_dict(state)
    pools = 0
    stock = F.avg_pool2d

    def pool(x: torch.Tensor, kernel_size: int, stride: int, padding: int) -> torch.Tensor:
        nonlocal pools
        pools += 1
        if pools == 9:
            return F.max_pool2d(x, kernel_size, stride, padding)
        return stock(x, kernel_size, stride, padding, count_include_pad=False)

    monkeypatch.setattr(torchvisions.F, "avg_pool2d", pool)
    other.fc = torch.nn.Identity()
    pictures = torch.rand(1, 3, 299, 299, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = other(pictures * 2 - 1)
        monkeypatch.undo()
        found = Inception(state)(pictures)
    assert pools == 9
    assert found.shape == (1, 2048)
    assert torch.allclose(found, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_pictures_of_any_size_are_described(tmp_path: Path) -> None:
    describe = describer(write(tmp_path / "weights.pth"))
    pictures = np.random.default_rng(0).integers(0, 256, (3, 24, 40, 3), dtype=np.uint8)
    found = describe(pictures)
    assert found.shape == (3, 128)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.allclose(describe(pictures[1:2]), found[1:2], rtol=1e-3, atol=1e-4)
    assert not np.allclose(found[0], found[1])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not weights", "cannot be read as weights"),
        (b"", "cannot be read as weights"),
        (pickle.dumps(print, 2), "cannot be read as weights"),
        ([1, 2], "it holds something else"),
        ("torchvision", "it knows 1000 classes instead of 1008"),
        ("lacking", r"do not fit together \('Mixed_6c.branch_pool'\)"),
        ("crooked", "do not fit together"),
    ],
)
def test_a_file_that_is_none_is_told_in_words(tmp_path: Path, content: Any, why: str) -> None:
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, list):
        torch.save(content, path)
    else:
        state = random_state(classes=1000 if content == "torchvision" else 1008)
        if content == "lacking":
            del state["Mixed_6c.branch_pool.conv.weight"]
        if content == "crooked":
            state["Mixed_5b.branch1x1.conv.weight"] = state["Mixed_5b.branch1x1.conv.weight"][:, :-1]
        write(path, state)
    with pytest.raises(RunwayLabError, match=f"not the Inception network.*{why}.*torchvision is another one"):
        describer(path)
