"""Up- and downsampling by the binomial filter, differentiable any number of times.

StyleGAN2 resamples with the 4-tap binomial low-pass [1, 3, 3, 1] in both directions (Karras et al.,
"Analyzing and Improving the Image Quality of StyleGAN", 2020, appendix B). Written as F, with zero padding,
that is:

    blur(x, p)   depthwise F with p pixels of padding on every side: H -> H + 2p - 3
    down(x)      F with padding 1, every second pixel kept:           H -> H / 2
    up(x)        zeros between the pixels, then F with gain 4:        H -> 2H

What makes training on a CPU slow is the generic backward pass of a depthwise convolution (a third of all
the time spent in the backward passes of convolutions). F is symmetric, so the adjoints are again operations
from this very list:

    blur(., p)^T = blur(., 3 - p)        down^T = up / 4        up^T = 4 down

Each function below has another one as its backward pass. That is both fast and closed under
differentiation: R1 and path length regularisation, which differentiate a gradient, need nothing more.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["blur", "down", "taps", "up"]


@lru_cache(maxsize=64)
def taps(channels: int, gain: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The filter as the weight [channels, 1, 4, 4] of a depthwise convolution; its sum is `gain`."""
    with torch.inference_mode(False), torch.no_grad():
        row = torch.tensor([1.0, 3.0, 3.0, 1.0], device=device) / 8
        kernel = torch.outer(row, row) * gain
        return kernel.to(dtype).expand(channels, 1, 4, 4).contiguous()


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Low-pass `x`, with `padding` pixels of zeros on every side first.

    >>> blur(torch.ones(1, 2, 8, 8), padding=2).shape
    torch.Size([1, 2, 9, 9])
    """
    return _Blur.apply(x, padding, gain)  # type: ignore[no-any-return]


def down(x: Tensor, gain: float = 1.0) -> Tensor:
    """Half the height and width of `x`.

    >>> down(torch.ones(1, 1, 8, 8))[0, 0, 1].tolist()
    [0.875, 1.0, 1.0, 0.875]
    """
    return _Down.apply(x, gain)  # type: ignore[no-any-return]


def up(x: Tensor, gain: float = 1.0) -> Tensor:
    """Twice the height and width of `x`; on flat ground the values stay.

    >>> up(torch.ones(1, 1, 4, 4))[0, 0, 3].tolist()
    [0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75]
    """
    if not (torch.is_grad_enabled() and x.requires_grad):
        return _resize(x, gain)
    return _Up.apply(x, gain)  # type: ignore[no-any-return]


def _resize(x: Tensor, gain: float) -> Tensor:
    # Between two pixels this filter interpolates linearly, a quarter of the way from one and three from the
    # other, so the ready-made bilinear resize is the same filter. It repeats the border where F sees zeros.
    wide = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    for edge in (wide[:, :, :1], wide[:, :, -1:], wide[:, :, :, :1], wide[:, :, :, -1:]):
        edge.mul_(0.75)
    return wide.mul_(gain) if gain != 1.0 else wide


class _Blur(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, padding: int, gain: float) -> Tensor:
        ctx.padding, ctx.gain = padding, gain
        kernel = taps(x.shape[1], gain, x.dtype, x.device)
        return F.conv2d(x, kernel, padding=padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return blur(grad, 3 - ctx.padding, ctx.gain), None, None


class _Down(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: float) -> Tensor:
        ctx.gain = gain
        kernel = taps(x.shape[1], gain, x.dtype, x.device)
        return F.conv2d(x, kernel, stride=2, padding=1, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return up(grad, ctx.gain / 4), None


class _Up(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: float) -> Tensor:
        ctx.gain = gain
        return _resize(x, gain)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return down(grad, ctx.gain * 4), None
