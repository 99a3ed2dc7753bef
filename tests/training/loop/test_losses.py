from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from runway_lab.training.loop.losses import PathLength, critic_loss, generator_loss, gradient_penalty, mixed


def test_each_side_wants_what_the_other_does_not() -> None:
    high, low = torch.full([4, 1], 3.0), torch.full([4, 1], -3.0)
    assert generator_loss(high) < 0.1 < 3 < generator_loss(low)
    assert critic_loss(low, high) < 0.1 < 6 < critic_loss(high, low)
    zero = torch.zeros(4, 1)
    torch.testing.assert_close(critic_loss(zero, zero), torch.tensor(2 * math.log(2)))
    assert generator_loss(-1000 * torch.ones(1)) == 1000


def test_the_gradient_penalty_is_the_squared_slope_summed_in_a_picture_and_averaged_over_the_batch() -> None:
    images = torch.randn(3, 2, 4, 4, requires_grad=True)
    slopes = torch.randn(3, 2, 4, 4, requires_grad=True)
    penalty = gradient_penalty((images * slopes).sum((1, 2, 3)), images)
    torch.testing.assert_close(penalty, slopes.square().sum() / 3)
    penalty.backward()
    torch.testing.assert_close(slopes.grad, 2 * slopes / 3)


def straight(ws: Tensor, scale: Tensor) -> Tensor:
    """A "generator" whose |J^T y| is known: the first numbers of w, times `scale`, are the picture."""
    return ws[:, 0, :12].reshape(-1, 3, 2, 2) * scale


def test_path_lengths_are_compared_with_their_running_mean() -> None:
    ws = torch.randn(2, 1, 16, requires_grad=True)
    scale = torch.tensor([1.0, 3.0], requires_grad=True)
    path = PathLength(2.0)
    penalty = path(straight(ws, scale[:, None, None, None]), ws, torch.Generator().manual_seed(1))
    direction = torch.randn(2, 3, 2, 2, generator=torch.Generator().manual_seed(1)) / 2
    lengths = direction.flatten(1).norm(dim=1) * scale.detach()
    mean = 2.0 + 0.01 * (lengths.mean() - 2.0)
    torch.testing.assert_close(path.mean, mean)
    torch.testing.assert_close(penalty.detach(), (lengths - mean).square().mean())
    penalty.backward()
    assert scale.grad is not None
    assert bool(scale.grad.abs().min() > 0)
    assert not path.mean.requires_grad


def test_mixing_cuts_between_the_first_and_the_last_layer() -> None:
    a, b = torch.zeros(2, 6, 3), torch.ones(2, 6, 3)
    source = torch.Generator().manual_seed(0)
    cuts = {int(6 - mixed(a, b, 1.0, source)[0, :, 0].sum()) for _ in range(200)}
    assert cuts == {1, 2, 3, 4, 5}
    whole = mixed(a, b, 1.0, source)
    assert bool((whole == whole[:1, :, :1]).all())
    share = sum(bool(mixed(a, b, 0.3, source).any()) for _ in range(500)) / 500
    assert share == pytest.approx(0.3, abs=0.08)
    assert not mixed(a, b, 0.0, source).any()


def test_the_same_numbers_are_drawn_whether_it_cuts_or_not() -> None:
    a, b = torch.zeros(1, 6, 3), torch.ones(1, 6, 3)
    after = []
    for probability in (0.0, 1.0):
        source = torch.Generator().manual_seed(5)
        mixed(a, b, probability, source)
        after.append(torch.rand([], generator=source))
    assert torch.equal(*after)
