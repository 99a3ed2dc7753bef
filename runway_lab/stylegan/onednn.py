"""What oneDNN, the convolution library inside PyTorch for CPUs, can do beyond the stock operators.

A convolution called from Python hands oneDNN its weight in a plain layout, and oneDNN rearranges it, on
every call, into the blocked layout its kernels want. At 4x4 to 16x16 pixels with 512 channels that takes
longer than the convolution. `pack` rearranges once; `convolve` takes the packed weight and applies bias and
leaky ReLU while the result is still in registers. These are the operators that `torch.compile` itself emits
for CPUs. They have no stable name, so `available` tries them against the stock ones first, and where they
are missing or wrong everything falls back.

Only for inference: packed weights are opaque and nothing here can be differentiated.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["available", "convolve", "pack", "pack_transposed", "transposed"]

_FLOATS = (torch.float32, torch.bfloat16)


def _ops() -> Any:
    return torch.ops.mkldnn


@lru_cache(maxsize=8)
def available(dtype: torch.dtype) -> bool:
    """Whether packed convolutions work for `dtype` on this CPU and give what the stock ones give."""
    built_in = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if dtype not in _FLOATS or not built_in:
        return False
    try:
        with torch.no_grad():
            x = torch.linspace(-1, 1, 2 * 16 * 4 * 4).view(2, 16, 4, 4).to(dtype)
            x = x.contiguous(memory_format=torch.channels_last)
            weight = torch.linspace(-1, 1, 16 * 16 * 9).view(16, 16, 3, 3).to(dtype)
            bias = torch.linspace(-1, 1, 16).to(dtype)
            same = _ops()._convolution_pointwise(
                x, _pack(weight), bias, [1, 1], [1, 1], [1, 1], 1, "leaky_relu", [0.2], ""
            )
            wider = _ops()._convolution_transpose_pointwise(
                x, _pack_transposed(weight), None, [0, 0], [0, 0], [2, 2], [1, 1], 1, "none", [], ""
            )
            close = 1e-3 if dtype == torch.float32 else 5e-2
            return (
                torch.allclose(same, F.leaky_relu(F.conv2d(x, weight, bias, padding=1), 0.2), close, close)
                and torch.allclose(wider, F.conv_transpose2d(x, weight, stride=2), close, close)
                and same.is_contiguous(memory_format=torch.channels_last)
                and wider.is_contiguous(memory_format=torch.channels_last)
            )
    except (RuntimeError, AttributeError, NotImplementedError, TypeError):
        return False


def _usable(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and not torch.compiler.is_compiling() and available(weight.dtype)


def _pack(weight: Tensor) -> Tensor:
    return _ops()._reorder_convolution_weight(weight, [1, 1], [1, 1], [1, 1], 1, None)  # type: ignore[no-any-return]


def _pack_transposed(weight: Tensor) -> Tensor:
    return _ops()._reorder_convolution_transpose_weight(  # type: ignore[no-any-return]
        weight, [0, 0], [0, 0], [2, 2], [1, 1], 1, [1, weight.shape[0], 16, 16]
    )


def pack(weight: Tensor) -> Tensor:
    """The weight [O, I, 3, 3] of a convolution with padding 1, ready for `convolve`."""
    return _pack(weight.contiguous()) if _usable(weight) else weight.contiguous(memory_format=torch.channels_last)


def pack_transposed(weight: Tensor) -> Tensor:
    """The weight [I, O, 3, 3] of a transposed convolution with stride 2, ready for `transposed`."""
    if _usable(weight):
        return _pack_transposed(weight.contiguous())
    return weight.contiguous(memory_format=torch.channels_last)


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    stride: int = 1,
    padding: int = 1,
    groups: int = 1,
    slope: float | None = None,
) -> Tensor:
    """conv2d, then leaky ReLU where `slope` is given; `weight` packed or plain."""
    if weight.is_mkldnn or (slope is not None and _usable(weight)):
        attribute = ("none", []) if slope is None else ("leaky_relu", [slope])
        return _ops()._convolution_pointwise(  # type: ignore[no-any-return]
            x, weight, bias, [padding, padding], [stride, stride], [1, 1], groups, *attribute, ""
        )
    y = F.conv2d(x, weight, bias, stride=stride, padding=padding, groups=groups)
    return y if slope is None else F.leaky_relu_(y, slope)


def transposed(x: Tensor, weight: Tensor) -> Tensor:
    """conv_transpose2d with stride 2 and no padding; `weight` packed or plain."""
    if weight.is_mkldnn:
        return _ops()._convolution_transpose_pointwise(  # type: ignore[no-any-return]
            x, weight, None, [0, 0], [0, 0], [2, 2], [1, 1], 1, "none", [], ""
        )
    return F.conv_transpose2d(x, weight, stride=2)
