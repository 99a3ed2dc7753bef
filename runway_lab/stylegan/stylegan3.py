"""The StyleGAN3 generator, configurations T and R, from the paper.

Karras et al., "Alias-Free Generative Adversarial Networks" (2021). Features are samples of a continuous
signal, and every layer is equivariant to moving (T) or also to turning (R) that signal. There are 14 layers
whatever the size of the picture. Layer i has a cut-off frequency f_c, a stop band f_t from which nothing
may remain, a sampling rate s and a transition half-width f_h (section 3.2 and table 1c; N layers, the last
N_crit of them sampled critically):

    f_c[i] = f_c,0 (f_c,N / f_c,0)^e,   f_t[i] likewise,   e = min(i / (N - N_crit), 1)
    s[i]   = 2^ceil(log2(min(2 f_t[i], s_N)))        f_h[i] = max(s[i] / 2, f_t[i]) - f_c[i]

A layer is a modulated convolution, then leaky ReLU at a higher rate: upsample (Kaiser-windowed sinc),
activate, clamp, downsample (again, or with a radially symmetric jinc for R). Ten pixels of margin on each
side keep what happens at the border out of the picture; the last layers crop it. The input is not a
constant but a set of Fourier features that one w can move and turn (fig. 4), and so can a person, through
`transform`.

The magnitude of each layer's input is tracked in training; its root divides the layer's output (eq. 3 of
appendix C).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from runway_lab.errors import BadValue
from runway_lab.stylegan.generator import Generator, Noise, Seed
from runway_lab.stylegan.mapping import Dense, Mapping

__all__ = ["LayerPlan", "StyleGAN3", "StyleGAN3Config"]


@dataclass(frozen=True, kw_only=True)
class LayerPlan:
    """The signal-processing side of one layer, all frequencies in cycles per picture."""

    inputs: int
    outputs: int
    in_size: int
    out_size: int
    in_rate: int
    out_rate: int
    in_cutoff: float
    out_cutoff: float
    in_half_width: float
    out_half_width: float
    critical: bool
    is_rgb: bool


@dataclass(frozen=True, kw_only=True)
class StyleGAN3Config:
    """All that is needed to build it again. R has `conv_kernel` 1 and `radial` filters, T 3 and none."""

    resolution: int = 256
    img_channels: int = 3
    z_dim: int = 512
    w_dim: int = 512
    c_dim: int = 0
    channel_base: int = 32768
    channel_max: int = 512
    conv_kernel: int = 3
    radial: bool = False
    layers: int = 14
    critical: int = 2
    first_cutoff: float = 2.0
    first_stopband: float = 2**2.1
    last_stopband_ratio: float = 2**0.3
    margin: int = 10
    output_scale: float = 0.25
    filter_size: int = 6
    lrelu_upsampling: int = 2
    conv_clamp: float | None = 256.0
    mapping_layers: int = 2

    def __post_init__(self) -> None:
        if self.resolution < 16 or self.resolution & (self.resolution - 1) or self.resolution > 4096:
            raise BadValue(
                f"A StyleGAN3 cannot have the resolution {self.resolution}.",
                hint="It is a power of two from 16 to 1024.",
            )
        sane = (
            1 <= self.layers <= 64
            and 0 <= self.critical < self.layers
            and self.conv_kernel in (1, 3)
            and 0 < self.first_cutoff < self.resolution
            and 0 < self.first_stopband < 4 * self.resolution
            and 0 < self.last_stopband_ratio < 8
            and 0 <= self.margin <= 256
            and 1 <= self.filter_size <= 64
            and 1 <= self.lrelu_upsampling <= 16
            and 1 <= self.mapping_layers <= 64
        )
        if not sane:
            raise BadValue(
                "These settings make no StyleGAN3.",
                hint="It has 14 layers, 2 of them critical, and a 1x1 or 3x3 kernel.",
            )

    @property
    def num_ws(self) -> int:
        return self.layers + 2

    @property
    def size(self) -> tuple[int, int]:
        return self.resolution, self.resolution

    def plan(self) -> list[LayerPlan]:
        """One entry for each layer, the RGB layer last."""
        last_cutoff = self.resolution / 2
        cutoffs, sizes, rates, half_widths, channels = [], [], [], [], []
        for i in range(self.layers + 1):
            e = min(i / (self.layers - self.critical), 1)
            cutoff = self.first_cutoff * (last_cutoff / self.first_cutoff) ** e
            last_stopband = last_cutoff * self.last_stopband_ratio
            stopband = self.first_stopband * (last_stopband / self.first_stopband) ** e
            # The rounding keeps a hair of floating-point error from doubling the rate of a layer.
            rate = 2 ** math.ceil(round(math.log2(min(stopband * 2, self.resolution)), 9))
            cutoffs.append(cutoff)
            rates.append(rate)
            half_widths.append(max(stopband, rate / 2) - cutoff)
            sizes.append(self.resolution if i >= self.layers - 1 else rate + 2 * self.margin)
            channels.append(round(min(self.channel_base / 2 / cutoff, self.channel_max)))
        channels[-1] = self.img_channels
        plan = []
        for i in range(self.layers + 1):
            before = max(i - 1, 0)
            plan.append(
                LayerPlan(
                    inputs=channels[before],
                    outputs=channels[i],
                    in_size=sizes[before],
                    out_size=sizes[i],
                    in_rate=rates[before],
                    out_rate=rates[i],
                    in_cutoff=cutoffs[before],
                    out_cutoff=cutoffs[i],
                    in_half_width=half_widths[before],
                    out_half_width=half_widths[i],
                    critical=i >= self.layers - self.critical,
                    is_rgb=i == self.layers,
                )
            )
        return plan


def kaiser_lowpass(count: int, cutoff: float, width: float, rate: float, radial: bool = False) -> Tensor | None:
    """A filter of `count` taps that passes what is below `cutoff`, falling off over `width`; None for one tap.

    Kaiser's rules give the window's shape from the attenuation that `count` taps can reach.
    """
    if count == 1:
        return None
    attenuation = 2.285 * (count - 1) * math.pi * width / (rate / 2) + 7.95
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation > 21:
        beta = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    else:
        beta = 0.0
    window = torch.kaiser_window(count, periodic=False, beta=beta, dtype=torch.float64)
    x = torch.arange(count, dtype=torch.float64) - (count - 1) / 2
    if radial:
        radius = torch.hypot(x[:, None], x[None, :])
        # For an even count no tap lies on the centre, where this would be 0 / 0.
        taps: Tensor = torch.special.bessel_j1(2 * cutoff * (math.pi * radius / rate)) / (math.pi * radius)
        taps = taps * torch.outer(window, window)
    else:
        taps = torch.sinc(2 * cutoff / rate * x) * window
    return (taps / taps.sum()).float()


class FourierInput(nn.Module):
    """A grid of sines that w moves and turns (section 3.1 and appendix F)."""

    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, channels: int, w_dim: int, size: int, rate: float, bandwidth: float) -> None:
        super().__init__()
        self.channels, self.size, self.rate, self.bandwidth = channels, size, rate, bandwidth
        # Uniform in a disc of frequencies (section 3.1).
        angle, radius = torch.rand(channels) * (2 * math.pi), torch.rand(channels).sqrt() * bandwidth
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = Dense(w_dim, 4)
        with torch.no_grad():
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
        self.register_buffer("transform", torch.eye(3))
        self.register_buffer("freqs", torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1))
        self.register_buffer("phases", torch.rand(channels) - 0.5)

    def forward(self, w: Tensor) -> Tensor:
        t = self.affine(w)
        t = t / t[:, :2].norm(dim=1, keepdim=True)  # so that (cos, sin) is a turn
        cos, sin, x, y = t.unbind(dim=1)
        zero, one = torch.zeros_like(cos), torch.ones_like(cos)
        turn = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1).view(-1, 3, 3)
        move = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], dim=1).view(-1, 3, 3)
        whole = turn @ move @ self.transform
        phases = self.phases + (self.freqs @ whole[:, :2, 2:]).squeeze(2)
        freqs = self.freqs @ whole[:, :2, :2]
        # What a person's transform has pushed beyond the band fades out.
        beyond = (freqs.norm(dim=2) - self.bandwidth) / (self.rate / 2 - self.bandwidth)
        amplitudes = (1 - beyond).clamp(0, 1)
        edge = 0.5 * self.size / self.rate
        steps = (torch.arange(self.size, device=w.device) * 2 + 1) / self.size - 1
        line = steps * edge
        grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)
        waves = torch.einsum("hwd,ncd->nhwc", grid, freqs) + phases[:, None, None]
        waves = torch.sin(waves * (2 * math.pi)) * amplitudes[:, None, None]
        mixed: Tensor = waves @ self.weight.T / math.sqrt(self.channels)
        return mixed.permute(0, 3, 1, 2)


class AliasFreeLayer(nn.Module):
    """Modulated convolution, bias, leaky ReLU between an upsampling and a downsampling filter."""

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(self, config: StyleGAN3Config, plan: LayerPlan) -> None:
        super().__init__()
        self.plan, self.clamp = plan, config.conv_clamp
        self.kernel = 1 if plan.is_rgb else config.conv_kernel
        self.affine = Dense(config.w_dim, plan.inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(plan.outputs, plan.inputs, self.kernel, self.kernel))
        self.bias = nn.Parameter(torch.zeros(plan.outputs))
        self.register_buffer("magnitude_ema", torch.ones([]))
        rate = max(plan.in_rate, plan.out_rate) * (1 if plan.is_rgb else config.lrelu_upsampling)
        self.up_factor, self.down_factor = rate // plan.in_rate, rate // plan.out_rate
        up_taps = config.filter_size * self.up_factor if self.up_factor > 1 and not plan.is_rgb else 1
        down_taps = config.filter_size * self.down_factor if self.down_factor > 1 and not plan.is_rgb else 1
        radial = config.radial and not plan.critical
        up = kaiser_lowpass(up_taps, plan.in_cutoff, plan.in_half_width * 2, rate)
        down = kaiser_lowpass(down_taps, plan.out_cutoff, plan.out_half_width * 2, rate, radial)
        self.register_buffer("up_filter", up)
        self.register_buffer("down_filter", down)
        # Of the padding around the upsampled picture: what the filters and the downsampling consume, less
        # what there is too much. Negative means cropping.
        total = (plan.out_size - 1) * self.down_factor + 1
        total -= (plan.in_size + self.kernel - 1) * self.up_factor
        total += up_taps + down_taps - 2
        low = (total + self.up_factor) // 2
        self.padding = (low, total - low)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.affine(w)
        dtype = x.dtype
        gain = self.magnitude_ema.rsqrt()
        weight: Tensor = self.weight
        if self.plan.is_rgb:
            scale = (gain / math.sqrt(self.plan.inputs)).expand(len(x), self.plan.outputs)
        else:
            # Bounded before they are squared; the demodulation takes it out again.
            weight = weight * weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
            style = style * style.square().mean().rsqrt()
            scale = gain * (style.square() @ weight.square().sum((2, 3)).T + 1e-8).rsqrt()
        x = x * style.to(dtype)[:, :, None, None]
        x = F.conv2d(x, weight.to(dtype), padding=self.kernel - 1)
        x = x * scale.to(dtype)[:, :, None, None] + self.bias.to(dtype)[:, None, None]
        if not self.plan.is_rgb:
            x = F.leaky_relu_(self._upsampled(x), 0.2) * math.sqrt(2)
        if self.clamp is not None:
            x = x.clamp(-self.clamp, self.clamp)
        return self._downsampled(x)

    def _upsampled(self, x: Tensor) -> Tensor:
        """Zeros between the pixels, padding, filter: as two one-dimensional transposed convolutions."""
        low, high = self.padding
        factor, channels = self.up_factor, x.shape[1]
        if self.up_filter is None:
            return F.pad(x, (low, high, low, high))
        taps: Tensor = (self.up_filter * factor).to(x.dtype)
        count = len(taps)
        # Sample i lies at place i * factor; its filter answer begins there and, in the padded picture, low
        # places on. A transposed convolution gives just that without the zeros; what is too much at the
        # ends is cropped, what is missing is zero.
        for vertical in (True, False):
            shape = (count, 1) if vertical else (1, count)
            kernel = taps.flip(0).view(1, 1, *shape).expand(channels, 1, *shape).contiguous()
            stride = (factor, 1) if vertical else (1, factor)
            x = F.conv_transpose2d(x, kernel, stride=stride, groups=channels)
        # conv_transpose ends at the last sample's answer; inserting zeros gives factor - 1 more places
        # after it.
        first, last = count - 1 - low, count - 1 - high - (factor - 1)
        return F.pad(x, (-first, -last, -first, -last))

    def _downsampled(self, x: Tensor) -> Tensor:
        if self.down_filter is None:
            return x[:, :, :: self.down_factor, :: self.down_factor]
        taps, channels, factor = self.down_filter.to(x.dtype), x.shape[1], self.down_factor
        if taps.ndim == 2:
            kernel = taps.expand(channels, 1, *taps.shape).contiguous()
            return F.conv2d(x, kernel, stride=factor, groups=channels)
        x = F.conv2d(x, taps.view(1, 1, -1, 1).expand(channels, 1, -1, 1), stride=(factor, 1), groups=channels)
        return F.conv2d(x, taps.view(1, 1, 1, -1).expand(channels, 1, 1, -1), stride=(1, factor), groups=channels)


class AliasFreeSynthesis(nn.Module):
    """The Fourier input and the layers in order."""

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.output_scale = config.output_scale
        plans = config.plan()
        first = plans[0]
        self.input = FourierInput(first.inputs, config.w_dim, first.in_size, float(first.in_rate), config.first_cutoff)
        self.layer_names = []
        for i, plan in enumerate(plans):
            name = f"L{i}_{plan.out_size}_{plan.outputs}"
            self.add_module(name, AliasFreeLayer(config, plan))
            self.layer_names.append(name)

    def forward(self, ws: Tensor, precision: torch.dtype = torch.float32) -> Tensor:
        ws = ws.float()
        x = self.input(ws[:, 0]).to(precision)
        for i, name in enumerate(self.layer_names):
            x = x.contiguous(memory_format=torch.channels_last)
            x = self.get_submodule(name)(x, ws[:, i + 1])
        images: Tensor = x.float() * self.output_scale
        return images.contiguous()


class StyleGAN3(Generator):
    """The whole generator.

    >>> G = StyleGAN3(StyleGAN3Config(resolution=16, z_dim=8, w_dim=8, channel_base=128, channel_max=8))
    >>> G.synthesize(G.map(torch.randn(1, 8))).shape
    torch.Size([1, 3, 16, 16])
    """

    config: StyleGAN3Config
    synthesis: AliasFreeSynthesis

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.config = config
        self.z_dim, self.c_dim, self.w_dim = config.z_dim, config.c_dim, config.w_dim
        self.num_ws = config.num_ws
        self.img_channels, self.size = config.img_channels, config.size
        with torch.inference_mode(False):
            self.synthesis = AliasFreeSynthesis(config)
            self.mapping = Mapping(config.z_dim, config.c_dim, config.w_dim, layers=config.mapping_layers)

    def synthesize(self, ws: Tensor, noise: Noise = "const", *, seed: Seed = None) -> Tensor:
        """ws [N, num_ws, w_dim] to images [N, C, H, W]; a StyleGAN3 has no noise, whatever is asked for."""
        self.check_ws(ws)
        images: Tensor = self.synthesis(ws, self.precision)
        return images

    def move(self, x: float = 0.0, y: float = 0.0, turn: float = 0.0) -> None:
        """Move all pictures by a share of their width and turn them by degrees, through `transform`."""
        angle = math.radians(turn)
        cos, sin = math.cos(angle), math.sin(angle)
        # The transform says where to look, the inverse of where things go.
        there = torch.tensor([[cos, -sin, x], [sin, cos, y], [0.0, 0.0, 1.0]], dtype=torch.float64)
        self.synthesis.input.transform.copy_(torch.linalg.inv(there))
