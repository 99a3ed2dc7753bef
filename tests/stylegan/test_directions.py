from __future__ import annotations

import numpy as np
import pytest
import torch
from support.stylegan_files import small_stylegan2, small_stylegan3

from runway_lab.errors import BadValue
from runway_lab.latents import Direction
from runway_lab.stylegan import Incompatible
from runway_lab.stylegan.directions import apply, pca, sefa


@pytest.mark.parametrize("make", [small_stylegan2, small_stylegan3])
def test_sefa_finds_what_changes_the_styles_most(make) -> None:  # type: ignore[no-untyped-def]
    G = make()  # noqa: N806
    found = sefa(G, 10)
    shares = [direction.share for direction in found]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-4)
    vectors = np.stack([d.vector / np.linalg.norm(d.vector) for d in found])
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(10), atol=1e-4)


def test_sefa_in_one_layer_is_that_layers_singular_vectors() -> None:
    G = small_stylegan2()  # noqa: N806
    first = sefa(G, 1, layers=(2, 2))[0]
    weight = G.synthesis.b8.conv1.affine.weight
    rows = (weight / weight.norm(dim=1, keepdim=True)).numpy()
    main = np.linalg.svd(rows)[2][0]
    assert abs(main @ first.vector) / np.linalg.norm(first.vector) == pytest.approx(1, abs=1e-4)
    assert first.layers == (2, 2)


def test_pca_finds_the_axis_along_which_w_is_stretched() -> None:
    G = small_stylegan2(mapping_layers=1, c_dim=2)  # noqa: N806
    axis = torch.nn.functional.normalize(torch.randn(10), dim=0)
    fc = G.mapping.get_submodule("fc0")
    fc.weight.add_(torch.outer(axis, axis @ fc.weight) * 30)  # type: ignore[operator,union-attr]
    first = pca(G, 2, samples=2000)[0]
    along = abs(float(torch.from_numpy(first.vector) @ axis)) / float(np.linalg.norm(first.vector))
    assert along > 0.9
    assert first.share > 0.5


def test_the_same_model_gives_the_same_directions() -> None:
    for method in (sefa, pca):
        one, two = method(small_stylegan2()), method(small_stylegan2())  # type: ignore[operator]
        assert all(np.array_equal(a.vector, b.vector) for a, b in zip(one, two, strict=True))


def test_an_edit_moves_its_layers() -> None:
    ws = torch.zeros(2, 6, 10)
    some = Direction("x", np.ones(10, np.float32), (2, 3))
    assert apply(ws, some, 2.0)[0, :, 0].tolist() == [0, 0, 2, 2, 0, 0]
    assert apply(ws, Direction("y", np.ones(10, np.float32)), 1.0).sum() == 120
    assert not ws.any()
    with pytest.raises(Incompatible, match="another model"):
        apply(torch.zeros(1, 6, 8), some, 1.0)
    with pytest.raises(BadValue, match="layers are 0 to 5"):
        sefa(small_stylegan2(), layers=(3, 6))
