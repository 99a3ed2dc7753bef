"""Augmentation that does not leak."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from runway_lab.training.loop.augment import Augment, Likelihood, _moved, look_up
from runway_lab.training.loop.settings import FAMILIES


def pictures(count: int = 8, channels: int = 3, height: int = 16, width: int = 16) -> Tensor:
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1)).clamp(-1, 1)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_likelihood_a_picture_stays_as_it_is() -> None:
    images = pictures()
    assert Augment(FAMILIES)(images, 0.0, chance()) is images
    assert Augment(())(images, 1.0, chance()) is images


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_changes_about_as_many_as_asked_for(family: str) -> None:
    images = pictures(200)
    changed = (Augment((family,))(images, 0.3, chance()) - images).abs().amax(dim=(1, 2, 3)) > 1e-4
    # Half of those that are to be mirrored stay; "scale" and "colour" are several changes.
    least, most = {"mirror": (0.05, 0.3), "scale": (0.4, 0.62), "turn": (0.25, 0.55), "colour": (0.6, 0.9)}.get(
        family, (0.2, 0.4)
    )
    assert least < changed.float().mean() < most


def test_pictures_that_are_not_chosen_keep_every_bit() -> None:
    images = pictures(100)
    changed = Augment(("turn", "shift", "scale"))(images, 0.1, chance())
    same = (changed == images).all(dim=(1, 2, 3))
    assert 0.3 < same.float().mean() < 0.9


def test_the_same_chance_gives_the_same_pictures() -> None:
    images = pictures()
    augment = Augment(FAMILIES)
    assert torch.equal(augment(images, 0.5, chance(3)), augment(images, 0.5, chance(3)))
    assert not torch.equal(augment(images, 0.5, chance(3)), augment(images, 0.5, chance(4)))


def test_a_mirrored_picture_is_its_mirror_image() -> None:
    smooth = torch.linspace(-1, 1, 32).expand(50, 1, 32, 32).contiguous()
    changed = Augment(("mirror",))(smooth, 1.0, chance())
    mirrored = (changed - smooth).abs().amax(dim=(1, 2, 3)) > 0.1
    assert 0.3 < mirrored.float().mean() < 0.7
    torch.testing.assert_close(changed[mirrored][..., 2:-2], smooth.flip(3)[mirrored][..., 2:-2], atol=0.02, rtol=0)


def disc(height: int, width: int) -> Tensor:
    """A soft disc in the middle, round in pixels."""
    y, x = torch.meshgrid(torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij")
    return torch.exp(-(x.square() + y.square()) / 40).expand(20, 1, height, width).contiguous()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 64), (48, 32)])
def test_a_turn_keeps_a_disc_and_turns_a_bar(height: int, width: int) -> None:
    turned = Augment(("turn",))(disc(height, width), 1.0, chance())
    # Further out a picture that is wider than high shows its mirror image.
    near = disc(1000, 1000)[:1, :, 500 - height // 2 : 500 + height // 2, 500 - width // 2 : 500 + width // 2] > 0.02
    assert ((turned - disc(height, width)) * near).abs().max() < 0.08
    bar = torch.zeros(20, 1, height, width)
    bar[:, :, :, width // 2 - 3 : width // 2 + 3] = 1
    assert (Augment(("turn",))(bar, 1.0, chance()) - bar).abs().amax(dim=(1, 2, 3)).min() > 0.2


def test_a_moved_picture_has_no_dark_border() -> None:
    flat = torch.full((50, 3, 16, 16), 0.5)
    moved = Augment(("turn", "shift", "scale"))(flat, 1.0, chance())
    assert (moved - 0.5).abs().max() < 1e-4


def test_beyond_its_border_a_picture_goes_on_mirrored_without_a_seam() -> None:
    ramp = torch.arange(16.0).view(1, 1, 1, 16).expand(1, 1, 16, 16).contiguous()
    theta = torch.tensor([[[1.0, 0.0, -12 / 16], [0.0, 1.0, 0.0]]])
    expected = torch.tensor([5.0, 4, 3, 2, 1, 0, 0, 1, 2, 3])
    moved = _moved(ramp, theta)[0, 0]
    assert (moved[:, :10] - expected).abs().max() < 0.6
    assert (_moved(ramp, theta * 0 + torch.eye(3)[:2]) - ramp).abs().max() < 0.3


def test_colours_change_and_forms_stay() -> None:
    images = pictures(30)
    images[:, :, :8] = 0.5
    changed = Augment(("colour",))(images, 1.0, chance())
    assert changed[:, :, :8].var(dim=(2, 3)).max() < 1e-6
    assert (changed[:, :, 0, 0] - 0.5).abs().amax(dim=1).min() > 1e-3


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_gray_and_transparent_pictures_can_be_augmented(channels: int) -> None:
    images = pictures(channels=channels, height=24, width=16)
    changed = Augment(FAMILIES)(images, 1.0, chance())
    assert changed.shape == images.shape
    assert changed.isfinite().all()
    if channels == 4:
        colour_only = Augment(("colour",))(images, 1.0, chance())
        assert torch.equal(colour_only[:, 3], images[:, 3])


def test_the_look_up_can_be_differentiated_twice() -> None:
    images = torch.randn(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    grid = (torch.rand(2, 4, 4, 2, dtype=torch.float64) * 2 - 1) * 0.9
    assert torch.autograd.gradcheck(lambda x: look_up(x, grid), images)
    assert torch.autograd.gradgradcheck(lambda x: look_up(x, grid).square(), images)


def test_a_slope_goes_back_through_every_family() -> None:
    images = pictures().requires_grad_(True)
    seen = Augment(FAMILIES)(images, 0.7, chance())
    (slope,) = torch.autograd.grad(seen.square().sum(), images, create_graph=True)
    slope.square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_likelihood_rises_falls_and_has_bounds() -> None:
    p = Likelihood(0.6, ceiling=0.2, kimg=1)
    for _ in range(10):
        p.follow(0.9, images=64)
    assert p.value == 0.2
    p.follow(0.1, images=64)
    assert p.value == pytest.approx(0.136)
    for _ in range(10):
        p.follow(0.1, images=64)
    assert p.value == 0.0
    p.follow(0.6, images=64)
    assert p.value == 0.0
