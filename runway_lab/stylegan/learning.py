"""What training computes with: a few operations whose derivatives are again these operations.

R1 and path length regularisation differentiate a gradient. PyTorch can do that with any operation, but the
second derivative of a convolution and of a leaky ReLU take ways that cost several times what they need. So
each operation here says itself what its derivative is, in terms of the others:

    convolve(x, w)      by x: the transposed one with w, and back       by w: correlate(x, g)
    correlate(x, g)     by x and g: convolutions with what comes in, as it is linear in both
    modulate(x, s)      by x: modulate(g, s)                            by s: inner(g, x)
    inner(a, b)         by a: modulate(b, g)                            by b: modulate(a, g)
    energy(x)           by x: modulate(x, 2 g)
    activate(x, ...)    by x: g times the slope, which is constant but for the kink
    combine(x, w)       matrix products both ways

Everything lies in memory with the channels last, coming and going; `activate` writes over its input. `bmm`
serves where it can instead of additions and sums: it reads the features once, and in bfloat16 no other
operation is as quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from runway_lab.stylegan import onednn

__all__ = ["SLOPE", "activate", "combine", "convolve", "energy", "inner", "modulate", "slopes_of_inputs"]

SLOPE = 0.2
_LAST = torch.channels_last

# An operation cannot know which of its derivatives somebody wants; whoever does knows it. Not a matter of one
# thread: autograd has threads of its own.
_weights_wanted = True


@contextmanager
def slopes_of_inputs() -> Iterator[None]:
    """Inside, gradients are taken for features only; convolutions leave out those for their weights.

    For the first of two differentiations, whose result is the slope of something by a picture or by ws.
    """
    global _weights_wanted
    before, _weights_wanted = _weights_wanted, False
    try:
        yield
    finally:
        _weights_wanted = before


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    transposed: bool = False,
    active: bool = False,
) -> Tensor:
    """conv2d, or conv_transpose2d with the weight as that wants it, [inputs, outputs, k, k].

    With `active` (not for a transposed one) leaky ReLU follows, while the result is still in registers.

    >>> convolve(torch.ones(1, 2, 4, 4), torch.ones(3, 2, 3, 3), padding=1).shape
    torch.Size([1, 3, 4, 4])
    """
    return _Convolve.apply(x, weight, bias, stride, padding, transposed, active)  # type: ignore[no-any-return]


def modulate(x: Tensor, scale: Tensor) -> Tensor:
    """Each feature map of x [N, C, H, W] times its number in `scale` [N, C]."""
    return _Modulate.apply(x, scale)  # type: ignore[no-any-return]


def inner(a: Tensor, b: Tensor) -> Tensor:
    """The sum over the pixels of a times b: [N, C, H, W] twice to [N, C]."""
    return _Inner.apply(a, b)  # type: ignore[no-any-return]


def energy(x: Tensor) -> Tensor:
    """`inner(x, x)`: the sum of squares, [N, C, H, W] to [N, C]."""
    return _Energy.apply(x)  # type: ignore[no-any-return]


def activate(x: Tensor, ground: Tensor, shares: Tensor) -> Tensor:
    """Leaky ReLU of x [N, C, H, W] plus, in each channel, its share of the ground; writes over x.

    `ground` [N, H * W, K] holds K maps (ones for a bias, noise), `shares` [N, K, C] how much of each a channel
    gets.
    """
    return _Activate.apply(x, ground, shares)  # type: ignore[no-any-return]


def combine(x: Tensor, weight: Tensor) -> Tensor:
    """A 1x1 convolution with a weight [N, K, C] for each picture: [N, C, H, W] to [N, K, H, W], rows last.

    For a few outputs, as an RGB layer has them.
    """
    return _Combine.apply(x, weight)  # type: ignore[no-any-return]


def _rows(x: Tensor) -> Tensor:
    """[N, C, H, W] with the channels last, seen as [N, H * W, C]."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: int,
        padding: int,
        transposed: bool,
        active: bool,
    ) -> Tensor:
        ctx.how = stride, padding, transposed
        y = _convolution(x, weight, bias, ctx.how, active)
        ctx.save_for_backward(x, weight, y if active else None)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, y = ctx.saved_tensors
        stride, padding, transposed = ctx.how
        by_x, by_weight, by_bias = (bool(need) for need in ctx.needs_input_grad[:3])
        by_weight, by_bias = by_weight and _weights_wanted, by_bias and _weights_wanted
        if y is not None:
            grad = _Sloped.apply(grad, y.detach())
        if not torch.is_grad_enabled():
            wanted = [by_x, by_weight, by_bias]
            return (*_convolution_backward(grad, x, weight, ctx.how, wanted), *[None] * 4)
        return (
            convolve(grad, weight, stride=stride, padding=padding, transposed=not transposed) if by_x else None,
            _Correlate.apply(x, grad, weight.detach(), ctx.how) if by_weight else None,
            grad.sum((0, 2, 3)) if by_bias else None,
            *[None] * 4,
        )


class _Correlate(torch.autograd.Function):
    """The derivative of <grad, convolve(x, weight)> by the weight, of which only the shape matters."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grad: Tensor, weight: Tensor, how: tuple[int, int, bool]) -> Tensor:
        ctx.save_for_backward(x, grad)
        ctx.how = how
        slope = _convolution_backward(grad, x, weight, how, [False, True, False])[1]
        assert slope is not None
        return slope

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, outer = ctx.saved_tensors
        stride, padding, transposed = ctx.how
        by_x, by_outer = ctx.needs_input_grad[:2]
        return (
            convolve(outer, grad, stride=stride, padding=padding, transposed=not transposed) if by_x else None,
            convolve(x, grad, stride=stride, padding=padding, transposed=transposed) if by_outer else None,
            None,
            None,
        )


def _convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, how: tuple[int, int, bool], active: bool = False
) -> Tensor:
    stride, padding, transposed = how
    if transposed:
        return F.conv_transpose2d(x, weight, bias, stride=stride, padding=padding)
    if active:
        return onednn.convolve(x, weight, bias, stride=stride, padding=padding, slope=SLOPE)
    return F.conv2d(x, weight, bias, stride=stride, padding=padding)


def _convolution_backward(
    grad: Tensor, x: Tensor, weight: Tensor, how: tuple[int, int, bool], wanted: list[bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    stride, padding, transposed = how
    outputs = weight.shape[1 if transposed else 0]
    grad = grad.contiguous(memory_format=_LAST)
    return torch.ops.aten.convolution_backward(  # type: ignore[no-any-return]
        grad, x, weight, [outputs], [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], 1, wanted
    )


class _Modulate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(x, scale)
        return x * scale.to(x.dtype)[:, :, None, None]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, scale = ctx.saved_tensors
        by_x, by_scale = ctx.needs_input_grad
        return modulate(grad, scale) if by_x else None, inner(grad, x).to(scale.dtype) if by_scale else None


class _Inner(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return (a * b).sum((2, 3))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = ctx.saved_tensors
        by_a, by_b = ctx.needs_input_grad
        return modulate(b, grad) if by_a else None, modulate(a, grad) if by_b else None


class _Energy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x * x).sum((2, 3))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return modulate(x, grad * 2)


class _Activate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, ground: Tensor, shares: Tensor) -> Tensor:
        y = x.contiguous(memory_format=_LAST)
        if y is x:
            ctx.mark_dirty(x)
        _rows(y).baddbmm_(ground, shares)
        F.leaky_relu_(y, SLOPE)
        ctx.save_for_backward(y, ground)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, ground = ctx.saved_tensors
        grad = _Sloped.apply(grad, y.detach())
        return grad, None, torch.bmm(ground.transpose(1, 2), _rows(grad)) if ctx.needs_input_grad[2] else None


class _Sloped(torch.autograd.Function):
    """`grad` times the slope of a leaky ReLU whose result was y."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        grad = grad.contiguous(memory_format=_LAST)
        return torch.ops.aten.leaky_relu_backward(grad, y, SLOPE, True)  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return _Sloped.apply(grad, y), None


class _Combine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.bmm(weight, _rows(x).transpose(1, 2)).view(len(x), -1, *x.shape[2:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        by_x, by_weight = ctx.needs_input_grad
        flat = grad.flatten(2)
        back = None
        if by_x:
            count, channels, height, width = x.shape
            back = torch.bmm(flat.transpose(1, 2), weight).view(count, height, width, channels).permute(0, 3, 1, 2)
        return back, torch.bmm(flat, _rows(x)) if by_weight else None
