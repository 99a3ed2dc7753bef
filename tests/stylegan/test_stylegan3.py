from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from support.stylegan_files import small_stylegan3
from torch import Tensor

from runway_lab.errors import BadValue
from runway_lab.stylegan.stylegan3 import AliasFreeLayer, StyleGAN3Config, kaiser_lowpass


def by_the_paper(layer: AliasFreeLayer, x: Tensor, w: Tensor) -> Tensor:
    """One picture after the other: zeros inserted, padded, filtered with the whole two-dimensional filter."""
    pictures = []
    for picture, style in zip(x, layer.affine(w), strict=True):
        weight = layer.weight * style[None, :, None, None]
        if layer.plan.is_rgb:
            weight = weight / math.sqrt(layer.plan.inputs)
        else:
            weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
        weight = weight * layer.magnitude_ema.rsqrt()
        y = F.conv2d(picture[None], weight, padding=layer.kernel - 1) + layer.bias[:, None, None]
        channels = y.shape[1]
        factor = layer.up_factor
        spread = y.new_zeros(1, channels, y.shape[2] * factor, y.shape[3] * factor)
        spread[:, :, ::factor, ::factor] = y
        spread = F.pad(spread, (*layer.padding, *layer.padding))
        if layer.up_filter is not None:
            taps = torch.outer(layer.up_filter, layer.up_filter) * factor**2
            spread = F.conv2d(spread, taps.expand(channels, 1, -1, -1), groups=channels)
        if not layer.plan.is_rgb:
            spread = F.leaky_relu(spread, 0.2) * math.sqrt(2)
        spread = spread.clamp(-layer.clamp, layer.clamp)
        if layer.down_filter is not None:
            taps = layer.down_filter
            taps = torch.outer(taps, taps) if taps.ndim == 1 else taps
            spread = F.conv2d(spread, taps.expand(channels, 1, -1, -1), groups=channels)
        pictures.append(spread[:, :, :: layer.down_factor, :: layer.down_factor])
    return torch.cat(pictures)


@pytest.mark.parametrize("changes", [{}, {"conv_kernel": 1, "radial": True}], ids=["t", "r"])
def test_each_layer_is_its_definition(changes: dict) -> None:  # type: ignore[type-arg]
    G = small_stylegan3(resolution=32, **changes)  # noqa: N806
    for name in G.synthesis.layer_names:
        layer: AliasFreeLayer = G.synthesis.get_submodule(name)  # type: ignore[assignment]
        layer.magnitude_ema.fill_(1.7)
        x = torch.randn(2, layer.plan.inputs, layer.plan.in_size, layer.plan.in_size)
        w = torch.randn(2, 10)
        y = layer(x, w)
        assert y.shape == (2, layer.plan.outputs, layer.plan.out_size, layer.plan.out_size)
        torch.testing.assert_close(y, by_the_paper(layer, x, w), rtol=1e-4, atol=1e-4)


def test_the_plan_of_a_1024_model() -> None:
    plan = StyleGAN3Config(resolution=1024).plan()
    assert [p.out_size for p in plan] == [36, 36, 52, 52, 84, 148, 148, 276, 276, 532, 1044, 1044, 1044, 1024, 1024]
    assert [p.outputs for p in plan] == [512] * 7 + [323, 203, 128, 81, 51, 32, 32, 3]
    assert plan[-1].is_rgb
    assert [p.critical for p in plan] == [False] * 12 + [True] * 3


def test_the_filters_pass_low_and_stop_high_frequencies() -> None:
    for radial in (False, True):
        taps = kaiser_lowpass(24, cutoff=4.0, width=8.0, rate=64.0, radial=radial)
        assert taps is not None
        line = taps.sum(0) if radial else taps
        spectrum = torch.fft.rfft(line, 512).abs()
        assert float(taps.sum()) == pytest.approx(1)
        assert float(spectrum[0]) == pytest.approx(1, abs=1e-5)
        assert float(spectrum[512 * 12 // 64 :].max()) < 0.1


@pytest.mark.parametrize("changes", [{}, {"conv_kernel": 1, "radial": True}], ids=["t", "r"])
def test_moving_the_input_moves_the_picture(changes: dict) -> None:  # type: ignore[type-arg]
    G = small_stylegan3(resolution=64, **changes)  # noqa: N806
    ws = G.map(torch.randn(1, 12))
    still = G.synthesize(ws)
    G.move(x=8 / 64)
    moved = G.synthesize(ws)
    inner = slice(16, 48)
    error = (moved[..., inner, 24:56] - still[..., inner, 16:48]).square().mean()
    unmoved = (moved[..., inner, 16:48] - still[..., inner, 16:48]).square().mean()
    assert float(error) < 0.02 * float(unmoved)


def test_r_turns_with_its_input() -> None:
    G = small_stylegan3(resolution=64, conv_kernel=1, radial=True)  # noqa: N806
    ws = G.map(torch.randn(1, 12))
    still = G.synthesize(ws)
    errors = []
    for turn in (90, -90):
        G.move(turn=turn)
        turned = G.synthesize(ws)
        errors.append(float((turned - still.rot90(-turn // 90, (2, 3))).square().mean() / still.var()))
    assert max(errors) < 0.02


def test_labels_and_low_precision() -> None:
    G = small_stylegan3(c_dim=2)  # noqa: N806
    exact = G(torch.randn(2, 12), torch.tensor([0, 1]))
    assert exact.shape == (2, 3, 16, 16)
    ws = G.map(torch.randn(2, 12), torch.tensor([0, 1]), psi=0.5)
    exact = G.synthesize(ws)
    G.precision = torch.bfloat16
    low = G.synthesize(ws)
    assert low.dtype == torch.float32
    assert float((low - exact).abs().max() / (exact.max() - exact.min())) < 0.05


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(BadValue, match="power of two"):
        StyleGAN3Config(resolution=100)
    with pytest.raises(BadValue, match="14 layers"):
        StyleGAN3Config(layers=10**9)
