from __future__ import annotations

import copy

import pytest
import torch
from support.stylegan_files import small_discriminator, small_stylegan2, small_stylegan3

from runway_lab.errors import BadValue
from runway_lab.stylegan import Checkpoint, Incompatible, blend
from runway_lab.stylegan.blending import amounts_by_resolution, check_compatible
from runway_lab.stylegan.generator import Generator


def checkpoint(generator: Generator, name: str = "") -> Checkpoint:
    kind = "stylegan2" if hasattr(generator.synthesis, "starts") else "stylegan3-t"  # type: ignore[union-attr]
    return Checkpoint(
        generator,
        small_discriminator(),
        kind,
        generator.config,  # type: ignore[arg-type]
        licence=f"licence of {name}",
        lineage=[name],
    )


@pytest.mark.parametrize("make", [small_stylegan2, small_stylegan3])
def test_in_between_lie_the_weights_in_between(make) -> None:  # type: ignore[no-untyped-def]
    a, b = checkpoint(make(0), "a"), checkpoint(make(1), "b")
    before = copy.deepcopy(a.generator.state_dict())
    mixed = blend(a, b, 0.25)
    for name, tensor in mixed.generator.state_dict().items():
        expected = torch.lerp(a.generator.state_dict()[name], b.generator.state_dict()[name], 0.25)
        torch.testing.assert_close(tensor, expected)
        assert torch.equal(a.generator.state_dict()[name], before[name])
    assert mixed.lineage[0]["blend"] == {"amount": 0.25}
    assert [parent["lineage"] for parent in mixed.lineage[0]["parents"]] == [["a"], ["b"]]
    assert mixed.licence == "licence of a; licence of b"


def test_the_ends_are_the_models_themselves() -> None:
    a, b = checkpoint(small_stylegan2(0)), checkpoint(small_stylegan2(1))
    z = torch.randn(2, 12)
    assert torch.equal(blend(a, b, 0.0).generator(z), a.generator(z))
    torch.testing.assert_close(blend(a, b, 1.0).generator(z), b.generator(z))


def test_swapped_layers_leave_the_coarse_ones() -> None:
    a, b = checkpoint(small_stylegan2(0)), checkpoint(small_stylegan2(1))
    mixed = blend(a, b, 1.0, swap_from=16).generator
    for name, tensor in mixed.state_dict().items():
        source = b if ".b16." in name else a
        torch.testing.assert_close(tensor, source.generator.state_dict()[name])


def test_a_slope_instead_of_a_step() -> None:
    config = small_stylegan2(resolution=64).config
    amounts = amounts_by_resolution(config, 16, width=3.0)
    values = [amounts[r] for r in (4, 8, 16, 32, 64)]
    assert values == sorted(values)
    assert values[0] == 0
    assert values[-1] == 1
    assert 0 < values[1] < 0.5 < values[2] < 1
    with pytest.raises(BadValue, match="4, 8, 16, 32, 64"):
        amounts_by_resolution(config, 12)


@pytest.mark.parametrize(
    ("other", "match"),
    [
        (small_stylegan2(resolution=32), "differ in resolution: 16 and 32"),
        (small_stylegan2(channel_max=9), "differ in channel max"),
        (small_stylegan2(c_dim=2), "differ in c dim"),
        (small_stylegan3(), "StyleGAN2 and a StyleGAN3"),
    ],
)
def test_models_that_do_not_fit_are_refused_in_words(other: Generator, match: str) -> None:
    with pytest.raises(Incompatible, match=match):
        check_compatible(small_stylegan2(), other)


def test_amounts_beyond_the_ends_are_refused() -> None:
    a = checkpoint(small_stylegan2())
    with pytest.raises(BadValue, match="0 is the first model"):
        blend(a, a, 1.5)
