from __future__ import annotations

import pytest
import torch
from support.stylegan_files import small_stylegan2

from runway_lab.errors import BadValue
from runway_lab.stylegan import Incompatible
from runway_lab.stylegan.generator import best_precision


def test_class_numbers_are_one_hot_labels() -> None:
    G = small_stylegan2(c_dim=3)  # noqa: N806
    z = torch.randn(2, 12)
    torch.testing.assert_close(G.map(z, torch.tensor([2, 0])), G.map(z, torch.eye(3)[[2, 0]]))
    assert not torch.equal(G.map(z, torch.tensor([2, 0])), G.map(z, torch.tensor([1, 0])))


def test_labels_are_asked_for_and_checked() -> None:
    G = small_stylegan2(c_dim=3)  # noqa: N806
    with pytest.raises(BadValue, match="trained with 3 labels"):
        G.map(torch.randn(1, 12))
    with pytest.raises(BadValue, match="labels are 0 to 2"):
        G.map(torch.randn(1, 12), torch.tensor([3]))


def test_vectors_of_another_model_are_refused_in_words() -> None:
    G = small_stylegan2()  # noqa: N806
    with pytest.raises(Incompatible, match=r"\[N, 12\]"):
        G.map(torch.randn(1, 13))
    with pytest.raises(Incompatible, match=r"\[N, 6, 10\]"):
        G.synthesize(torch.randn(1, 5, 10))
    with pytest.raises(BadValue, match="'const', 'random' or 'none'"):
        G.synthesize(torch.randn(1, 6, 10), noise="some")  # type: ignore[arg-type]


def test_the_precision_for_a_cpu_is_one_it_has() -> None:
    assert best_precision("cpu") in (torch.float32, torch.bfloat16)
    assert best_precision("mps") == torch.float32
