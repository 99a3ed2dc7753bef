from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from runway_lab.stylegan import onednn

FLOATS = [torch.float32, torch.bfloat16]


def near(dtype: torch.dtype) -> dict[str, float]:
    return {"rtol": 1e-4, "atol": 1e-3} if dtype == torch.float32 else {"rtol": 5e-2, "atol": 0.5}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("packed", [True, False])
def test_convolution_with_bias_and_leaky_relu(dtype: torch.dtype, packed: bool, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    if not packed:
        monkeypatch.setattr(onednn, "available", lambda dtype: False)
    x = torch.randn(2, 20, 7, 9).to(dtype).contiguous(memory_format=torch.channels_last)
    weight, bias = torch.randn(12, 20, 3, 3).to(dtype), torch.randn(12).to(dtype)
    expected = F.leaky_relu(F.conv2d(x.float(), weight.float(), bias.float(), padding=1), 0.2)
    with torch.no_grad():
        y = onednn.convolve(x, onednn.pack(weight), bias, slope=0.2)
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y.float(), expected, **near(dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("packed", [True, False])
def test_transposed_convolution(dtype: torch.dtype, packed: bool, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    if not packed:
        monkeypatch.setattr(onednn, "available", lambda dtype: False)
    x = torch.randn(2, 20, 5, 6).to(dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(20, 12, 3, 3).to(dtype)
    with torch.no_grad():
        y = onednn.transposed(x, onednn.pack_transposed(weight))
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y.float(), F.conv_transpose2d(x.float(), weight.float(), stride=2), **near(dtype))


def test_a_missing_operator_is_noticed(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    onednn.available.cache_clear()
    monkeypatch.setattr(onednn, "_ops", lambda: object())
    assert onednn.available(torch.float32) is False
    onednn.available.cache_clear()
