"""The StyleGAN2 discriminator, which StyleGAN3 uses too.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (2020), fig. 7: from the picture down
to 4x4, each block two convolutions and a halving, with a linear shortcut ("resnet") or without ("orig";
"skip" feeds a smaller picture in at each block). At 4x4 comes the minibatch standard deviation of Karras et
al., "Progressive Growing of GANs" (2018, section 3): one more channel that tells how much a group of
pictures varies, so that a generator of look-alikes is found out.

With labels the last layer gives cmap_dim numbers and the logit is their product with the mapped label, over
sqrt(cmap_dim) (Miyato and Koyama, "cGANs with Projection Discriminator", 2018).

Bias and gain go into the convolution itself, as nothing comes between them: both branches of a resnet block
end with a gain of sqrt(1/2), which meets the sqrt(2) of leaky ReLU and cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from runway_lab.errors import BadValue
from runway_lab.stylegan.errors import Incompatible
from runway_lab.stylegan.generator import check_labels
from runway_lab.stylegan.learning import convolve
from runway_lab.stylegan.mapping import Dense, Mapping
from runway_lab.stylegan.resample import blur, down

__all__ = ["Discriminator", "DiscriminatorConfig"]


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    """All that is needed to build the discriminator again; `resolution` and `start` as in the generator's."""

    resolution: int = 256
    start: tuple[int, int] = (4, 4)
    img_channels: int = 3
    c_dim: int = 0
    channel_base: int = 32768
    channel_max: int = 512
    channels: tuple[int, ...] = ()
    architecture: str = "resnet"
    conv_clamp: float | None = None
    fp16_blocks: int = 4
    cmap_dim: int | None = None
    mapping_layers: int = 8
    mapping_features: int | None = None
    mapping_lr_multiplier: float = 0.01
    mbstd_group: int | None = 4
    mbstd_channels: int = 1

    def __post_init__(self) -> None:
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            raise BadValue(
                f"A discriminator cannot have the resolution {self.resolution}.",
                hint="It is a power of two from 8 to 1024; other shapes come from `start`.",
            )
        if self.architecture not in ("orig", "resnet", "skip"):
            raise BadValue(f"There is no architecture {self.architecture!r}.", hint="It is 'orig', 'resnet' or 'skip'.")

    @property
    def resolutions(self) -> list[int]:
        """Of the blocks, from the picture down to 8."""
        return [2**i for i in range(self.resolution.bit_length() - 1, 2, -1)]

    def width(self, resolution: int) -> int:
        if self.channels:
            return self.channels[resolution.bit_length() - 3]
        return max(min(self.channel_base // resolution, self.channel_max), 1)

    @property
    def label_features(self) -> int:
        """How many numbers the last layer gives: one, or with labels cmap_dim."""
        if not self.c_dim:
            return 0
        return self.width(4) if self.cmap_dim is None else self.cmap_dim


class Conv(nn.Module):
    """Convolution with equalised learning rate; leaky ReLU if `active`; `halve` filters and halves first."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        halve: bool = False,
        active: bool = True,
        bias: bool = True,
        gain: float = 1.0,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.halve, self.active = halve, active
        self.clamp = None if clamp is None else clamp * gain
        self.bias_gain = gain * (math.sqrt(2) if active else 1.0)
        self.gain = self.bias_gain / math.sqrt(inputs * kernel * kernel)
        weight = torch.randn(outputs, inputs, kernel, kernel)
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * self.gain).to(x.dtype)
        bias = None if self.bias is None else (self.bias * self.bias_gain).to(x.dtype)
        kernel = weight.shape[2]
        if self.halve and kernel == 1:
            x = convolve(down(x), weight, bias, active=self.active)
        elif self.halve:
            x = convolve(blur(x, padding=2), weight, bias, stride=2, active=self.active)
        else:
            x = convolve(x, weight, bias, padding=kernel // 2, active=self.active)
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)


class DiscriminatorBlock(nn.Module):
    """From one resolution to half of it."""

    def __init__(self, config: DiscriminatorConfig, resolution: int) -> None:
        super().__init__()
        self.resolution, self.architecture = resolution, config.architecture
        inputs, outputs = config.width(resolution), config.width(resolution // 2)
        clamp = config.conv_clamp
        if resolution == config.resolution or config.architecture == "skip":
            self.fromrgb = Conv(config.img_channels, inputs, 1, clamp=clamp)
        gain = 1.0
        if config.architecture == "resnet":
            gain = math.sqrt(0.5)
            self.skip = Conv(inputs, outputs, 1, halve=True, active=False, bias=False, gain=gain)
        self.conv0 = Conv(inputs, inputs, 3, clamp=clamp)
        self.conv1 = Conv(inputs, outputs, 3, halve=True, gain=gain, clamp=clamp)

    def forward(self, x: Tensor | None, images: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        if x is not None:
            x = x.to(dtype)
        if "fromrgb" in self._modules:
            y = self.fromrgb(images.to(dtype).contiguous(memory_format=torch.channels_last))
            x = y if x is None else x + y
            images = down(images) if self.architecture == "skip" else images
        assert x is not None
        if self.architecture == "resnet":
            shortcut = self.skip(x)
            return shortcut + self.conv1(self.conv0(x)), images
        return self.conv1(self.conv0(x)), images


class DiscriminatorEpilogue(nn.Module):
    """At 4x4: how much the group varies, a convolution, two fully connected layers. Always float32."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        width = config.width(4)
        self.group, self.extra = config.mbstd_group, config.mbstd_channels
        if config.architecture == "skip":
            self.fromrgb = Conv(config.img_channels, width, 1, clamp=config.conv_clamp)
        self.conv = Conv(width + self.extra, width, 3, clamp=config.conv_clamp)
        self.fc = Dense(width * config.start[0] * config.start[1], width, activation="lrelu")
        self.out = Dense(width, config.label_features or 1)

    def forward(self, x: Tensor, images: Tensor, parts: int = 1) -> Tensor:
        x = x.float()
        if "fromrgb" in self._modules:
            x = x + self.fromrgb(images.float())
        if self.extra:
            x = self._with_deviation(x, parts)
        x = self.conv(x.contiguous(memory_format=torch.channels_last))
        y: Tensor = self.out(self.fc(x.flatten(1)))
        return y

    def _with_deviation(self, x: Tensor, parts: int) -> Tensor:
        channels, height, width = x.shape[1:]
        count = len(x) // parts
        group = count if self.group is None else min(self.group, count)
        if count % group:
            raise Incompatible(
                f"The discriminator compares groups of {group} pictures and got {count}.",
                hint=f"Pass a multiple of {group} pictures, or fewer than {group}.",
            )
        # Picture i is in the group of i + count/group, i + 2 count/group, ...
        y = x.reshape(parts, group, -1, self.extra, channels // self.extra, height, width)
        y = (y - y.mean(dim=1, keepdim=True)).square().mean(dim=1).add(1e-8).sqrt()
        y = y.mean(dim=(3, 4, 5))[:, None].expand(-1, group, -1, -1).reshape(len(x), self.extra, 1, 1)
        return torch.cat([x, y.expand(-1, -1, height, width)], dim=1)


class Discriminator(nn.Module):
    """Pictures [N, C, H, W] (and labels) to logits [N, 1]: high where they look real.

    >>> D = Discriminator(DiscriminatorConfig(resolution=16, channel_base=128, channel_max=16))
    >>> D(torch.randn(4, 3, 16, 16)).shape
    torch.Size([4, 1])
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.precision = torch.float32
        scale = config.resolution // 4
        self.shape = (config.img_channels, config.start[0] * scale, config.start[1] * scale)
        for resolution in config.resolutions:
            self.add_module(f"b{resolution}", DiscriminatorBlock(config, resolution))
        self.b4 = DiscriminatorEpilogue(config)
        if config.c_dim:
            self.mapping = Mapping(
                0,
                config.c_dim,
                config.label_features,
                layers=config.mapping_layers,
                layer_features=config.mapping_features,
                lr_multiplier=config.mapping_lr_multiplier,
                average=False,
            )

    def dtype(self, resolution: int) -> torch.dtype:
        if self.precision == torch.float16:
            lowest = max(self.config.resolution // 2 ** max(self.config.fp16_blocks - 1, 0), 8)
            low = resolution >= lowest and self.config.fp16_blocks
            return torch.float16 if low else torch.float32
        return self.precision

    def forward(self, images: Tensor, labels: Tensor | None = None, *, parts: int = 1) -> Tensor:
        """`images` may be several batches of one size, one after the other, each judged as if it were alone."""
        if images.ndim != 4 or tuple(images.shape[1:]) != self.shape:
            raise Incompatible(
                f"The pictures have the shape {list(images.shape)}.",
                hint=f"This discriminator takes [N, {', '.join(map(str, self.shape))}].",
            )
        labels = check_labels(labels, self.config.c_dim, len(images))
        x: Tensor | None = None
        for resolution in self.config.resolutions:
            x, images = self.get_submodule(f"b{resolution}")(x, images, self.dtype(resolution))
        logits: Tensor = self.b4(x, images, parts)
        if self.config.c_dim:
            mapped = self.mapping(None, labels)
            logits = (logits * mapped).sum(dim=1, keepdim=True) / math.sqrt(mapped.shape[1])
        return logits
