"""Augmentation that the generator does not learn: what keeps a few hundred pictures from being learned by heart.

Karras et al., "Training Generative Adversarial Networks with Limited Data" (2020). Before the discriminator sees a
picture, real or made, it is turned, moved, scaled or recoloured, each with probability p. As long as p stays well
below one, the true picture remains the most frequent one, and the generator has to make true ones. p follows
from how sure the discriminator is about real pictures, r = mean(sign D(real)): above the target it knows them by heart,
p rises; below, p falls. p has a ceiling, because with p near one the generator begins to make turned and recoloured
pictures ("leaks").

All movements of a picture are one affine map and one look-up, at twice the resolution so that it does not blur;
all recolourings are one matrix. Both are linear in the picture. The look-up's own gradient is not differentiable in
torch, and R1 needs that; as it is linear, its gradient is its adjoint and the adjoint's gradient is the look-up again.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from runway_lab.stylegan.resample import down, up

__all__ = ["Augment", "Likelihood", "look_up"]


class Likelihood:
    """The probability p, moved towards what keeps the discriminator just sure enough."""

    def __init__(self, target: float, ceiling: float, kimg: float) -> None:
        self.target, self.ceiling, self.kimg = target, ceiling, kimg
        self.value = 0.0

    def follow(self, sureness: float, images: int) -> None:
        """After `images` pictures of which the discriminator was that sure, the mean sign of its logits.

        >>> p = Likelihood(0.6, ceiling=0.8, kimg=100)
        >>> p.follow(0.9, images=1000); p.value
        0.01
        """
        direction = (sureness > self.target) - (sureness < self.target)
        step = direction * images / (self.kimg * 1000)
        self.value = min(max(self.value + step, 0.0), self.ceiling)


class Augment:
    """Changes pictures [N, C, H, W] around [-1, 1], each family with probability `p`; chance comes from `source`.

    "mirror" left and right; "turn" by quarters and by any angle; "shift" by about an eighth; "scale" with and without
    keeping the ratio; "colour" brightness, contrast, hue and saturation; "cutout" a gray square over a part.
    """

    def __init__(self, families: tuple[str, ...]) -> None:
        self.families = frozenset(families)

    def __call__(self, images: Tensor, p: float, source: torch.Generator) -> Tensor:
        if p <= 0 or not self.families:
            return images
        count, _, height, width = images.shape
        # Chance is drawn on the CPU in float32, the same on every device.
        moved, maps = self._movements(count, height, width, p, source)
        if moved.any():
            theta = maps[:, :2].to(images.device)
            changed = _moved(images.float(), theta)
            images = torch.where(moved.to(images.device)[:, None, None, None], changed, images.float())
        if "colour" in self.families:
            images = _coloured(images, *_colours(count, p, source))
        if "cutout" in self.families:
            images = images * _holes(count, height, width, p, source).to(images)
        return images

    def _movements(
        self, count: int, height: int, width: int, p: float, source: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Which pictures move, and for each the map [3, 3] from where a pixel goes to where it came from."""
        maps = torch.eye(3).repeat(count, 1, 1)
        moved = torch.zeros(count, dtype=torch.bool)
        ratio = height / width

        def chosen(likelihood: float = p) -> Tensor:
            return torch.rand(count, generator=source) < likelihood

        def normal() -> Tensor:
            return torch.randn(count, generator=source)

        def apply(which: Tensor, change: Tensor) -> None:
            nonlocal maps, moved
            maps = torch.where(which[:, None, None], change @ maps, maps)
            moved = moved | which

        if "mirror" in self.families:
            flip = torch.eye(3).repeat(count, 1, 1)
            flip[:, 0, 0] = -1
            # Half of those asked for; the other half stays as it is.
            apply(chosen(p / 2), flip)
        if "turn" in self.families and height == width:
            quarters = torch.randint(0, 4, [count], generator=source)
            apply(chosen() & (quarters > 0), _rotation(quarters * (math.pi / 2), 1.0))
        if "scale" in self.families:
            size = torch.exp2(normal() * 0.2)
            apply(chosen(), _scaling(size, size))
        # One turn before the ratio changes and one after: together they are as likely as anything else.
        half = 1 - math.sqrt(1 - p)
        if "turn" in self.families:
            apply(chosen(half), _rotation((torch.rand(count, generator=source) * 2 - 1) * math.pi, ratio))
        if "scale" in self.families:
            skew = torch.exp2(normal() * 0.2)
            apply(chosen(), _scaling(skew, 1 / skew))
        if "turn" in self.families:
            apply(chosen(half), _rotation((torch.rand(count, generator=source) * 2 - 1) * math.pi, ratio))
        if "shift" in self.families:
            away = torch.eye(3).repeat(count, 1, 1)
            away[:, 0, 2] = normal() * 0.25
            away[:, 1, 2] = normal() * 0.25
            apply(chosen(), away)
        return moved, maps


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    one = torch.ones_like(x)
    return torch.diag_embed(torch.stack([1 / x, 1 / y, one], dim=1))


def _rotation(angle: Tensor, ratio: float) -> Tensor:
    """In coordinates of [-1, 1] on both axes, where a turn depends on height / width."""
    cos, sin, zero, one = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle), torch.ones_like(angle)
    rows = [cos, -sin * ratio, zero, sin / ratio, cos, zero, zero, zero, one]
    return torch.stack(rows, dim=1).view(-1, 3, 3)


def _moved(images: Tensor, theta: Tensor) -> Tensor:
    """The pictures looked up at twice the resolution; beyond its border a picture goes on mirrored, without a seam."""
    height, width = images.shape[2:]
    margin = _MARGIN
    big = up(F.pad(images, [margin + 1] * 4, mode="replicate"))[:, :, 2:-2, 2:-2]
    wider = theta.new_tensor([(width + 2 * margin) / width, (height + 2 * margin) / height])
    # The map holds for [-1, 1] without the margin, which only the filters need.
    grid = F.affine_grid(theta * torch.cat([wider, wider.new_ones(1)]), list(big.shape), align_corners=False)
    folded = 1 - (torch.remainder(grid + 1, 4) - 2).abs()
    return down(look_up(big, folded / wider))[:, :, margin:-margin, margin:-margin]


_MARGIN = 2
_BILINEAR, _REFLECTED = 0, 2


def look_up(images: Tensor, grid: Tensor) -> Tensor:
    """The pictures' values at the places in `grid` [N, H, W, 2], in [-1, 1]; beyond the border they are mirrored."""
    return _LookUp.apply(images, grid)  # type: ignore[no-any-return]


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor) -> Tensor:
        ctx.shape = images.shape
        ctx.save_for_backward(grid)
        return torch.grid_sampler_2d(images, grid, _BILINEAR, _REFLECTED, False)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _PutBack.apply(grad, grid, ctx.shape), None


class _PutBack(torch.autograd.Function):
    """The adjoint of `_LookUp`: every pixel goes back to where it was taken from."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        # What was looked up plays no part in this: only its shape does.
        blank = grad.new_zeros(()).expand(shape)
        back: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            grad.contiguous(), blank.contiguous(), grid, _BILINEAR, _REFLECTED, False, [True, False]
        )[0]
        return back

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _LookUp.apply(grad, grid), None, None


def _colours(count: int, p: float, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """For each picture a matrix [3, 3] and an offset [3] for its colours."""
    matrix, offset = torch.eye(3).repeat(count, 1, 1), torch.zeros(count, 3)
    gray = torch.full((3, 3), 1 / 3)

    def chosen() -> Tensor:
        return (torch.rand(count, generator=source) < p)[:, None, None]

    def normal() -> Tensor:
        return torch.randn(count, 1, 1, generator=source)

    offset = offset + torch.where(chosen(), normal() * 0.2, torch.zeros(1))[:, :, 0]
    contrast = torch.where(chosen(), torch.exp2(normal() * 0.5), torch.ones(1))
    matrix, offset = contrast * matrix, contrast[:, :, 0] * offset
    angle = torch.where(chosen(), (torch.rand(count, 1, 1, generator=source) * 2 - 1) * math.pi, torch.zeros(1))
    saturation = torch.where(chosen(), torch.exp2(normal()), torch.ones(1))
    hue = _hue(angle)
    turn = gray + saturation * (hue - gray)
    return turn @ matrix, (turn @ offset[:, :, None])[:, :, 0]


def _hue(angle: Tensor) -> Tensor:
    """Rotations about the gray axis (Rodrigues), [N, 3, 3]."""
    axis = 1 / math.sqrt(3)
    cross = torch.tensor([[0.0, -axis, axis], [axis, 0.0, -axis], [-axis, axis, 0.0]])
    along = torch.full((3, 3), 1 / 3)
    return torch.cos(angle) * torch.eye(3) + torch.sin(angle) * cross + (1 - torch.cos(angle)) * along


def _coloured(images: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    matrix, offset = matrix.to(images.device), offset.to(images.device)
    channels = images.shape[1]
    if channels == 1:
        # Of a gray picture only brightness and contrast can change.
        return images * matrix.sum((1, 2)).div(3)[:, None, None, None] + offset.mean(dim=1)[:, None, None, None]
    colours = torch.einsum("nij,njhw->nihw", matrix, images[:, :3].float()) + offset[:, :, None, None]
    return torch.cat([colours, images[:, 3:]], dim=1) if channels > 3 else colours


def _holes(count: int, height: int, width: int, p: float, source: torch.Generator) -> Tensor:
    """Ones with a square of zeros of half the size in some, [N, 1, H, W]."""
    centre = torch.rand(count, 2, generator=source)
    chosen = torch.rand(count, generator=source) < p
    rows = ((torch.arange(height) + 0.5) / height)[None, :, None]
    columns = ((torch.arange(width) + 0.5) / width)[None, None, :]
    inside = ((rows - centre[:, 0, None, None]).abs() < 0.25) & ((columns - centre[:, 1, None, None]).abs() < 0.25)
    return 1.0 - (inside & chosen[:, None, None])[:, None].float()
