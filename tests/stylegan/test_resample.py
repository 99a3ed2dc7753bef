from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from runway_lab.stylegan import resample


def kernel(channels: int, gain: float = 1.0) -> torch.Tensor:
    row = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8
    return (torch.outer(row, row) * gain).expand(channels, 1, 4, 4)


def picture(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def test_up_is_zeros_between_pixels_then_the_filter_with_gain_4() -> None:
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    spread = torch.zeros(2, 3, 10, 12, dtype=torch.float64)
    spread[:, :, ::2, ::2] = x
    expected = F.conv2d(F.pad(spread, (2, 1, 2, 1)), kernel(3, 4.0), groups=3)
    torch.testing.assert_close(resample.up(x), expected)
    torch.testing.assert_close(resample.up(x.requires_grad_()).detach(), expected)


def test_down_is_the_filter_then_every_second_pixel() -> None:
    x = torch.randn(2, 3, 6, 8, dtype=torch.float64)
    expected = F.conv2d(F.pad(x, (1, 1, 1, 1)), kernel(3), groups=3)[:, :, ::2, ::2]
    torch.testing.assert_close(resample.down(x), expected)


@pytest.mark.parametrize("padding", [0, 1, 2, 3])
def test_blur_can_be_differentiated_twice(padding: int) -> None:
    x = picture(2, 2, 5, 6)
    assert gradcheck(lambda x: resample.blur(x, padding, 4.0), (x,))
    assert gradgradcheck(lambda x: resample.blur(x, padding, 4.0), (x,))


@pytest.mark.parametrize("way", [resample.up, resample.down])
def test_up_and_down_can_be_differentiated_twice(way) -> None:  # type: ignore[no-untyped-def]
    x = picture(2, 2, 4, 6)
    assert gradcheck(lambda x: way(x, 0.7), (x,))
    assert gradgradcheck(lambda x: way(x, 0.7), (x,))


def test_the_filter_made_in_inference_mode_serves_training() -> None:
    resample.taps.cache_clear()
    with torch.inference_mode():
        resample.blur(torch.ones(1, 7, 8, 8), 1)
    x = torch.ones(1, 7, 8, 8, requires_grad=True)
    resample.blur(x * 2, 1).sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize("way", [resample.up, resample.down, lambda x: resample.blur(x, 2)])
def test_channels_last_stays(way) -> None:  # type: ignore[no-untyped-def]
    x = torch.randn(2, 8, 8, 8).contiguous(memory_format=torch.channels_last)
    assert way(x).is_contiguous(memory_format=torch.channels_last)
    assert way(x.clone().requires_grad_()).is_contiguous(memory_format=torch.channels_last)
