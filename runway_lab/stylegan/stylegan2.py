"""The StyleGAN2 generator, from the paper.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (2020). A 3x3 convolution whose
weight w_ijk (i input channel, j output channel, k place in the kernel) is scaled by a style s_i and
normalised again (eq. 1 and 3):

    w'_ijk  = s_i w_ijk
    w''_ijk = w'_ijk d_j,    d_j = 1 / sqrt(sum_ik w'_ijk^2 + eps)

A convolution is linear, so this need not build a weight for each picture: y_j = d_j conv(s_i x_i, w), and
d_j comes from one small matrix product, sum_i s_i^2 (sum_k w_ijk^2). One shared weight serves the whole
batch, whatever its size. Then, for each layer, y = lrelu(y + noise + bias) sqrt(2); leaky ReLU is
positively homogeneous, so the sqrt(2) moves into d, noise and bias.

Upsampling layers are a transposed convolution with stride 2 and a blur (`resample`). In the "skip"
architecture (fig. 7b) each block adds its RGB, unnormalised and without noise, to the upsampled sum of
those before; "resnet" (fig. 7c) and "orig" (fig. 7a) have one RGB layer, at the end.

The layers come in two forms with one result. Where something asks for gradients, they are made of the
operations of `learning`, and d is put off: as lrelu(d v + b) = d lrelu(v + b / d), features are left without
their d, which goes along as a `Scaled` and is multiplied into the style of whoever takes them next. That
saves a pass over the features, and two in the backward pass. In training mode it is the same without
gradients, as weights change too often for anything to be prepared. Otherwise a quicker form works in place,
keeps weights packed (`onednn`) and multiplies s and d into the weight when that has fewer elements than the
picture. Both keep activations in channels-last memory from the first block to the last: one operation that
forgets it makes every convolution after it rearrange its input, which costs more than the operation itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from runway_lab.errors import BadValue
from runway_lab.stylegan import onednn
from runway_lab.stylegan.generator import Generator, Noise, Seed, noise_source
from runway_lab.stylegan.learning import SLOPE, activate, combine, convolve, energy, modulate
from runway_lab.stylegan.mapping import Dense, Mapping
from runway_lab.stylegan.resample import blur, taps, up

__all__ = ["Scaled", "StyleGAN2", "StyleGAN2Config", "SynthesisBlock", "SynthesisNetwork"]


@dataclass(frozen=True, kw_only=True)
class StyleGAN2Config:
    """All that is needed to build the generator again.

    `resolution` counts the doublings: a start of 4x4 gives resolution x resolution, a start of 4x6 one and
    a half times that width.
    """

    resolution: int = 256
    start: tuple[int, int] = (4, 4)
    img_channels: int = 3
    z_dim: int = 512
    w_dim: int = 512
    c_dim: int = 0
    channel_base: int = 32768
    channel_max: int = 512
    channels: tuple[int, ...] = ()
    architecture: str = "skip"
    conv_clamp: float | None = None
    use_noise: bool = True
    fp16_blocks: int = 4
    mapping_layers: int = 8
    embed_features: int | None = None
    layer_features: int | None = None
    mapping_activation: str = "lrelu"
    lr_multiplier: float = 0.01

    def __post_init__(self) -> None:
        if self.resolution < 4 or self.resolution & (self.resolution - 1) or self.resolution > 4096:
            raise BadValue(
                f"A StyleGAN2 cannot have the resolution {self.resolution}.",
                hint="It is a power of two from 4 to 1024; other shapes come from `start`.",
            )
        if self.architecture not in ("skip", "resnet", "orig"):
            raise BadValue(f"There is no architecture {self.architecture!r}.", hint="It is 'skip', 'resnet' or 'orig'.")

    @property
    def resolutions(self) -> list[int]:
        """Of the blocks: 4, 8, ... `resolution`."""
        return [2**i for i in range(2, self.resolution.bit_length())]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        scale = self.resolution // 4
        return self.start[0] * scale, self.start[1] * scale

    def width(self, resolution: int) -> int:
        """Channels of the block at `resolution`."""
        if self.channels:
            return self.channels[resolution.bit_length() - 3]
        return max(min(self.channel_base // resolution, self.channel_max), 1)

    @property
    def num_ws(self) -> int:
        return 2 * len(self.resolutions)


class Scaled(NamedTuple):
    """Features whose last multiplication has been put off."""

    values: Tensor  # [N, C, H, W]
    scale: Tensor | None  # [N, C], float32

    def whole(self) -> Tensor:
        return self.values if self.scale is None else modulate(self.values, self.scale)


class _Baked(NamedTuple):
    """What a layer needs for a picture: gains multiplied in, types converted, weights packed."""

    weight: Tensor  # packed
    energy: Tensor  # [I, O], over gain squared: d comes out with the gain in it
    bias: Tensor
    noise: Tensor | None  # [1, 1, H, W]
    shift: Tensor | None  # bias and noise in one, [1, O, H, W], where that is no larger than the weight
    style_weight: Tensor  # [w_dim, I]
    style_bias: Tensor


class _Bakery:
    """Keeps the last `_Baked` of a layer; never copied or stored with the layer."""

    def __init__(self) -> None:
        # One attribute, so that another thread never sees a new key with an old bake.
        self.last: tuple[tuple[object, ...], _Baked] | None = None
        self.changes = 0

    def __deepcopy__(self, memo: object) -> _Bakery:
        return _Bakery()

    def __reduce__(self) -> tuple[type[_Bakery], tuple[()]]:
        return _Bakery, ()


def _wants_grad(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(t.requires_grad for t in tensors)


def _spread(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype)[:, :, None, None]


class StyledConv(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU; with `up` at twice the size of its input."""

    noise_const: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        w_dim: int,
        size: tuple[int, int],
        *,
        up: bool = False,
        use_noise: bool = True,
        clamp: float | None = None,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.up, self.use_noise, self.size = up, use_noise, size
        self.gain = math.sqrt(2) * gain
        self.clamp = None if clamp is None else clamp * gain
        self.affine = Dense(w_dim, inputs, bias=1.0)
        # The shape is always [outputs, inputs, 3, 3]; in memory it lies as its convolution wants it.
        shape = (inputs, outputs, 3, 3) if up else (outputs, inputs, 3, 3)
        weight = torch.randn(shape).contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(weight.transpose(0, 1) if up else weight)
        self.bias = nn.Parameter(torch.zeros(outputs))
        if use_noise:
            self.noise_strength = nn.Parameter(torch.zeros([]))
            self.register_buffer("noise_const", torch.randn(size))
        self._bakery = _Bakery()

    def forget(self) -> None:
        """Forgets what is baked; for whoever changes `.data`, which no version counts."""
        self._bakery.changes += 1
        self._bakery.last = None

    def train(self, mode: bool = True) -> StyledConv:
        """Forgets what is baked as well, as an optimiser may change `.data`."""
        self.forget()
        super().train(mode)
        return self

    def _apply(self, *args: Any, **more: Any) -> StyledConv:
        """The same where tensors are moved or converted: new ones may lie where the old ones lay."""
        super()._apply(*args, **more)  # type: ignore[no-untyped-call]
        self.forget()
        return self

    def _load_from_state_dict(self, *args: Any, **more: Any) -> None:
        """And where others are loaded."""
        super()._load_from_state_dict(*args, **more)
        self.forget()

    def noise(self, kind: str, count: int, source: torch.Generator | None) -> Tensor | None:
        """The noise to add, before its strength, [1 or count, 1, H, W] in float32, or None."""
        if not self.use_noise or kind == "none":
            return None
        if kind == "const":
            return self.noise_const[None, None]
        return torch.randn(count, 1, *self.size, generator=source, device=self.noise_const.device)

    def forward(self, x: Tensor | Scaled, w: Tensor, noise: str | Tensor, *, put_off: bool = False) -> Tensor | Scaled:
        """`noise` is "const", "none" or what `noise` gave for "random"; with `put_off` a `Scaled` may come back."""
        features = x if isinstance(x, Scaled) else Scaled(x, None)
        if self.training or _wants_grad(features.values, w, *self.parameters()):
            y = self._differentiable(features, w, self.noise(noise, 1, None) if isinstance(noise, str) else noise)
            return y if put_off else y.whole()
        return self._quick(features.whole(), w, noise)

    def _differentiable(self, x: Scaled, w: Tensor, noise: Tensor | None) -> Scaled:
        dtype = x.values.dtype
        weight: Tensor = self.weight
        style: Tensor = self.affine(w)
        if dtype == torch.float16:
            weight, style = _tamed(weight), _bounded(style)
        demod = (style.square() @ energy(weight).T + 1e-8).rsqrt()
        scale = demod * self.gain
        weight = weight.to(dtype)
        y = modulate(x.values, style if x.scale is None else style * x.scale)
        if self.up:
            y = blur(convolve(y, weight.transpose(0, 1), stride=2, transposed=True), padding=1, gain=4.0)
        else:
            y = convolve(y, weight, padding=1)
        # What is added to the features: how much of a ground of ones and one of noise each channel gets.
        if noise is None:
            ground, shares = y.new_ones(len(y), y.shape[2] * y.shape[3], 1), self.bias[None]
        else:
            ground = F.pad(noise.flatten(1)[:, :, None], (1, 0), value=1.0).to(dtype).expand(len(y), -1, -1)
            shares = torch.stack([self.bias, self.noise_strength.expand_as(self.bias)])
        # Features without their d need what is added divided by it. A clamp needs them as they are, and float16 has
        # no room for others.
        put_off = self.clamp is None and dtype != torch.float16
        if put_off:
            shares = shares / demod[:, None]
        else:
            y = modulate(y, scale)
            shares = (shares * self.gain).expand(len(y), -1, -1)
        y = activate(y, ground, shares.to(dtype))
        if put_off:
            return Scaled(y, scale)
        return Scaled(y if self.clamp is None else y.clamp(-self.clamp, self.clamp), None)

    def _quick(self, x: Tensor, w: Tensor, kind: str | Tensor) -> Tensor:
        dtype, device = x.dtype, x.device
        outputs, inputs = self.weight.shape[:2]
        weight, energy, bias, noise, shift, style_weight, style_bias = self._bake(dtype)
        if isinstance(kind, Tensor):
            noise, shift = (kind * (self.noise_strength * self.gain)).to(dtype), None
        elif kind == "none":
            noise = shift = None
        style = torch.addmm(style_bias, w, style_weight)
        if dtype == torch.float16:
            style = _bounded(style)
        demod = torch.mm(style.square(), energy).add_(1e-8 / self.gain**2).rsqrt_()
        slope = SLOPE if noise is None else None
        if len(x) == 1 and self.up:  # one picture: the blur's own weight carries d
            x = onednn.transposed(x * _spread(style, dtype), weight)
            kernel = (taps(outputs, 4.0, torch.float32, device) * demod.view(-1, 1, 1, 1)).to(dtype)
            x = onednn.convolve(x, kernel, bias, groups=outputs, slope=slope)
        elif len(x) == 1 and _worth_folding(inputs, x.shape[2] * x.shape[3]):
            own = self.weight * style.view(1, -1, 1, 1) * demod.view(-1, 1, 1, 1)
            if dtype == torch.float16:
                own = own * _taming(self.weight)
            x = onednn.convolve(x, own.to(dtype), bias, slope=slope)
        else:
            x = x * _spread(style, dtype)
            if self.up:
                x = onednn.transposed(x, weight)
                x = onednn.convolve(x, taps(outputs, 4.0, dtype, device), None, groups=outputs)
            else:
                x = onednn.convolve(x, weight, None)
            demod = _spread(demod, dtype)
            if shift is not None:
                return self._clamped(F.leaky_relu_(torch.addcmul(shift, x, demod, out=x), SLOPE))
            x = x.mul_(demod).add_(bias[:, None, None])
            if noise is None:
                x = F.leaky_relu_(x, SLOPE)
        if noise is not None:
            x = F.leaky_relu_(x.add_(noise), SLOPE)
        return self._clamped(x)

    def _clamped(self, x: Tensor) -> Tensor:
        return x if self.clamp is None else x.clamp_(-self.clamp, self.clamp)

    def _bake(self, dtype: torch.dtype) -> _Baked:
        """What is needed for pictures in `dtype`; made anew when one of the tensors has changed."""
        sources: list[Tensor] = [self.weight, self.bias, self.affine.weight, self.affine.bias]
        if self.use_noise:
            sources += [self.noise_const, self.noise_strength]
        # Inference tensors do not count their changes, and what is being compiled must not depend on
        # addresses.
        lasting = not torch.compiler.is_compiling() and not any(t.is_inference() for t in sources)
        key = (dtype, *[(t.data_ptr(), t._version) for t in sources]) if lasting else ()
        last = self._bakery.last
        if lasting and last is not None and last[0] == key:
            return last[1]
        with torch.no_grad():
            weight = _tamed(self.weight) if dtype == torch.float16 else self.weight.detach()
            plain = weight.to(dtype)
            noise = None
            if self.use_noise and (self.noise_strength.device.type != "cpu" or float(self.noise_strength)):
                noise = (self.noise_const * self.noise_strength * self.gain).to(dtype)[None, None]
            bias = (self.bias * self.gain).to(dtype)
            shift = None
            if noise is not None and len(bias) * noise.numel() <= weight.numel():
                shift = (bias[:, None, None] + noise).contiguous(memory_format=torch.channels_last)
            baked = _Baked(
                weight=onednn.pack_transposed(plain.transpose(0, 1)) if self.up else onednn.pack(plain),
                energy=(weight.square().sum((2, 3)).T / self.gain**2).contiguous(),
                bias=bias,
                noise=noise,
                shift=shift,
                style_weight=(self.affine.weight * self.affine.gain).T,
                style_bias=self.affine.bias * self.affine.lr_multiplier,
            )
        if lasting:
            self._bakery.last = key, baked
        return baked


def _worth_folding(inputs: int, pixels: int) -> bool:
    """Whether a layer's weight is so small beside its picture that s and d are better multiplied into it."""
    return 12 * inputs <= pixels


def _taming(weight: Tensor) -> Tensor:
    return 1 / (math.sqrt(weight[0].numel()) * weight.abs().amax())


def _tamed(weight: Tensor) -> Tensor:
    """Scaled so that sums of products stay far from the largest float16; demodulation undoes it."""
    return weight * _taming(weight)


def _bounded(style: Tensor) -> Tensor:
    return style / style.abs().amax(dim=1, keepdim=True)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to the picture's channels, not normalised; its result is float32."""

    def __init__(self, inputs: int, img_channels: int, w_dim: int, clamp: float | None = None) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = Dense(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(img_channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(img_channels))

    def forward(self, x: Tensor | Scaled, w: Tensor) -> Tensor:
        values, scale = x if isinstance(x, Scaled) else (x, None)
        style = self.affine(w) / math.sqrt(self.weight.shape[1])
        style = style if scale is None else style * scale
        # A weight of its own for each picture is only 3 x C numbers here.
        own = (self.weight[None, :, :, 0, 0] * style[:, None]).to(values.dtype)
        y = combine(values, own).float() + self.bias[:, None, None]
        return y if self.clamp is None else y.clamp(-self.clamp, self.clamp)


class SkipConv(nn.Module):
    """The shortcut of the resnet architecture: 1x1 without bias, then upsampled."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * math.sqrt(0.5 / self.weight.shape[1])).to(x.dtype)
        return up(F.conv2d(x, weight))


class SynthesisBlock(nn.Module):
    """One resolution: an upsampling layer (but at 4x4), a second one, and an RGB layer where there is one."""

    def __init__(self, config: StyleGAN2Config, resolution: int) -> None:
        super().__init__()
        self.resolution = resolution
        self.architecture = config.architecture
        self.first = resolution == 4
        scale = resolution // 4
        size = (config.start[0] * scale, config.start[1] * scale)
        inputs, outputs = config.width(resolution // 2) if scale > 1 else 0, config.width(resolution)
        shared = {"use_noise": config.use_noise, "clamp": config.conv_clamp}
        if self.first:
            self.const = nn.Parameter(torch.randn(outputs, *config.start))
        else:
            self.conv0 = StyledConv(inputs, outputs, config.w_dim, size, up=True, **shared)  # type: ignore[arg-type]
        resnet = config.architecture == "resnet" and not self.first
        gain = math.sqrt(0.5) if resnet else 1.0
        self.conv1 = StyledConv(outputs, outputs, config.w_dim, size, gain=gain, **shared)  # type: ignore[arg-type]
        self.has_rgb = config.architecture == "skip" or resolution == config.resolution
        if self.has_rgb:
            self.torgb = ToRGB(outputs, config.img_channels, config.w_dim, config.conv_clamp)
        if resnet:
            self.skip = SkipConv(inputs, outputs)

    @property
    def convs(self) -> list[StyledConv]:
        return [self.conv1] if self.first else [self.conv0, self.conv1]

    def forward(
        self, x: Tensor | Scaled | None, ws: Tensor, noises: list[str | Tensor], dtype: torch.dtype
    ) -> tuple[Tensor | Scaled, Tensor | None]:
        """Features, and what this block adds to the picture, from the features of the block before.

        `ws` [N, layers, w_dim] are those of this block.
        """
        if x is None:
            x = self.const.to(dtype).expand(len(ws), -1, -1, -1)
        elif isinstance(x, Scaled) and dtype == torch.float16:
            x = x.whole()
        if isinstance(x, Scaled):
            x = Scaled(x.values.to(dtype), x.scale)
        else:
            x = x.to(dtype).contiguous(memory_format=torch.channels_last)
        resnet = self.architecture == "resnet" and not self.first
        shortcut = self.skip(_whole(x)) if resnet else None
        for conv, w, noise in zip(self.convs, ws.unbind(1), noises, strict=False):
            x = conv(x, w, noise, put_off=True)
        if shortcut is not None:
            x = shortcut + _whole(x)
        return x, self.torgb(x, ws[:, len(self.convs)]) if self.has_rgb else None


def _whole(x: Tensor | Scaled) -> Tensor:
    return x.whole() if isinstance(x, Scaled) else x


class SynthesisNetwork(nn.Module):
    """The blocks in order; `starts` and `ends` say which of the ws each takes."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        for resolution in config.resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(config, resolution))
        counts = [1, *[2] * (len(config.resolutions) - 1)]
        # Which of the ws a block takes. The RGB layer shares its w with the next block's first layer.
        self.starts = [sum(counts[:i]) for i in range(len(counts))]
        self.ends = [start + count + 1 for start, count in zip(self.starts, counts, strict=True)]

    @property
    def blocks(self) -> list[SynthesisBlock]:
        return list(self.children())  # type: ignore[arg-type]

    @property
    def changes(self) -> int:
        """A number that grows whenever the layers forget, for whoever keeps what they drew."""
        return sum(conv._bakery.changes for block in self.blocks for conv in block.convs)

    def dtype(self, resolution: int, precision: torch.dtype) -> torch.dtype:
        """float16 only at the highest resolutions, as its range is narrow; others throughout."""
        if precision == torch.float16:
            lowest = max(self.config.resolution // 2 ** max(self.config.fp16_blocks - 1, 0), 8)
            return precision if resolution >= lowest and self.config.fp16_blocks else torch.float32
        return precision

    def noises(self, kind: Noise, count: int, source: torch.Generator | None) -> list[list[str | Tensor]]:
        """What each layer of each block is to add: random noise itself, of the others the name."""
        layers: list[list[str | Tensor]] = []
        for block in self.blocks:
            drawn = [conv.noise(kind, count, source) if kind == "random" else kind for conv in block.convs]
            layers.append(["none" if each is None else each for each in drawn])
        return layers

    def step(
        self,
        index: int,
        x: Tensor | Scaled | None,
        rgb: Tensor | None,
        ws: Tensor,
        noises: list[str | Tensor],
        precision: torch.dtype,
    ) -> tuple[Tensor | Scaled, Tensor | None]:
        """Features and running RGB after block number `index`, given all `ws` [N, num_ws, w_dim]."""
        x, y = self._block(index, x, ws, noises, precision)
        return x, _sum(rgb, y)

    def _block(
        self, index: int, x: Tensor | Scaled | None, ws: Tensor, noises: list[str | Tensor], precision: torch.dtype
    ) -> tuple[Tensor | Scaled, Tensor | None]:
        block = self.blocks[index]
        own = ws[:, self.starts[index] : self.ends[index]]
        x, y = block(x, own, noises, self.dtype(block.resolution, precision))
        return x, y

    def forward(self, ws: Tensor, noises: list[list[str | Tensor]], precision: torch.dtype = torch.float32) -> Tensor:
        ws = ws.float()
        x: Tensor | Scaled | None = None
        rgb: Tensor | None = None
        count = len(self.config.resolutions)
        alone = self._alone_from(ws)
        for i in range(alone):
            x, rgb = self.step(i, x, rgb, ws, noises[i], precision)
        added: list[list[Tensor]] = [[] for _ in range(count)]
        for n in range(len(ws) if alone < count else 0):
            z: Tensor | Scaled | None = None if x is None else _whole(x)[n : n + 1]
            for i in range(alone, count):
                own = [noise[n : n + 1] if isinstance(noise, Tensor) else noise for noise in noises[i]]
                z, y = self._block(i, z, ws[n : n + 1], own, precision)
                if y is not None:
                    added[i].append(y)
        for i in range(alone, count):
            rgb = _sum(rgb, torch.cat(added[i]) if added[i] else None)
        assert rgb is not None
        return rgb.contiguous()

    def _alone_from(self, ws: Tensor) -> int:
        """From which block on pictures are computed one by one.

        On a CPU that is from where a picture's own weight has fewer elements than its features, so that
        modulating the weight saves several passes over memory.
        """
        config = self.config
        count = len(config.resolutions)
        if len(ws) == 1 or ws.device.type != "cpu" or self.training or _wants_grad(ws, *self.parameters()):
            return count
        area = config.start[0] * config.start[1] / 16
        for i, resolution in enumerate(config.resolutions):
            if i and _worth_folding(config.width(resolution), int(resolution * resolution * area)):
                return i
        return count


def _sum(rgb: Tensor | None, y: Tensor | None) -> Tensor | None:
    """The running RGB at twice its size, with what a block adds."""
    rgb = None if rgb is None else up(rgb)
    if y is None:
        return rgb
    return y if rgb is None else rgb + y


class StyleGAN2(Generator):
    """The whole generator.

    >>> G = StyleGAN2(StyleGAN2Config(resolution=16, z_dim=8, w_dim=8, channel_base=128, channel_max=16))
    >>> G.synthesize(G.map(torch.randn(2, 8), psi=0.7)).shape
    torch.Size([2, 3, 16, 16])
    """

    config: StyleGAN2Config
    synthesis: SynthesisNetwork

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        self.z_dim, self.c_dim, self.w_dim = config.z_dim, config.c_dim, config.w_dim
        self.num_ws = config.num_ws
        self.img_channels, self.size = config.img_channels, config.size
        # Tensors born in inference mode do not count their changes, and `_bake` relies on that count.
        with torch.inference_mode(False):
            self.synthesis = SynthesisNetwork(config)
            self.mapping = Mapping(
                config.z_dim,
                config.c_dim,
                config.w_dim,
                layers=config.mapping_layers,
                embed_features=config.embed_features,
                layer_features=config.layer_features,
                activation=config.mapping_activation,
                lr_multiplier=config.lr_multiplier,
            )
        self.eval()  # born for use; `train()` says that weights are about to change

    def forget(self) -> None:
        """Forgets what was made of the weights for speed; needed only after `.data` of one was changed by hand.

        Steps of an optimiser, `load_state_dict`, `.to()` and everything else in place are noticed.
        """
        for block in self.synthesis.blocks:
            for conv in block.convs:
                conv.forget()

    def synthesize(self, ws: Tensor, noise: Noise = "const", *, seed: Seed = None) -> Tensor:
        """ws [N, num_ws, w_dim] to images [N, C, H, W] around [-1, 1], not clipped.

        `noise` is "const" (the model's own, always the same), "random" (`seed` makes it repeatable) or
        "none".
        """
        self.check_ws(ws)
        source = noise_source(noise, seed, self.device)
        noises = self.synthesis.noises(noise, len(ws), source)
        images: Tensor = self.synthesis(ws, noises, self.precision)
        return images
