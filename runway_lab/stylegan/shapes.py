"""What a network is, told from the names and shapes of its tensors, and the network built from them.

A configuration that a file states may be wrong, incomplete or hostile; its tensors are what there is. So
the number of channels, layers, labels and so on come from shapes, the same way for each format, and only
what no shape can tell (whether activations are clamped, the multiplier of the learning rate) is taken from
what the file says. A network is built without memory first, compared name by name and shape by shape
(`Blueprint`), and gets memory when everything fits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

import torch
from numpy.typing import NDArray
from torch import nn

from runway_lab.errors import shorten
from runway_lab.stylegan.discriminator import DiscriminatorConfig
from runway_lab.stylegan.errors import BadCheckpoint
from runway_lab.stylegan.mapping import ACTIVATIONS
from runway_lab.stylegan.records import BF16, copy_numbers
from runway_lab.stylegan.stylegan2 import StyleGAN2Config

__all__ = ["MOST_LAYERS", "Arrays", "Blueprint", "discriminator_config", "generator_config", "own_numbers"]

Arrays = dict[str, NDArray[Any]]
MOST_LAYERS = 64
"""Of a mapping; nobody ever trained one with more than eight."""

_Network = TypeVar("_Network", bound=nn.Module)


def generator_config(arrays: Arrays, says: Mapping[str, Any] | None = None) -> StyleGAN2Config:
    """The configuration of the StyleGAN2 generator that has these tensors; `says` is what the file adds."""
    try:
        resolutions = _resolutions(arrays, "synthesis.b{}.conv1.weight", 4)
        last = resolutions[-1]
        layers = _count(arrays, "mapping.fc{}.weight")
        first = arrays["mapping.fc0.weight"].shape
        embed = arrays.get("mapping.embed.weight")
        embedded = 0 if embed is None else embed.shape[0]
        w_dim = arrays["synthesis.b4.conv1.affine.weight"].shape[1]
        architecture = "orig"
        if "synthesis.b4.torgb.weight" in arrays:
            architecture = "skip"
        elif "synthesis.b8.skip.weight" in arrays:
            architecture = "resnet"
        start = arrays["synthesis.b4.const"].shape[1:]
        config = StyleGAN2Config(
            resolution=last,
            start=(start[0], start[1]),
            img_channels=arrays[f"synthesis.b{last}.torgb.weight"].shape[0],
            z_dim=first[1] - embedded,
            w_dim=w_dim,
            c_dim=0 if embed is None else embed.shape[1],
            channels=tuple(arrays[f"synthesis.b{r}.conv1.weight"].shape[0] for r in resolutions),
            architecture=architecture,
            use_noise="synthesis.b4.conv1.noise_const" in arrays,
            mapping_layers=layers,
            embed_features=None if embed is None or embedded == w_dim else embedded,
            layer_features=None if layers == 1 or first[0] == w_dim else first[0],
        )
    except (KeyError, IndexError) as missing:
        raise BadCheckpoint(
            f"This file has no complete StyleGAN2 generator: {missing} is missing.",
            hint="It is from another kind of network, or damaged.",
        ) from None
    return _named_widths(config, _sane(says))


def discriminator_config(
    arrays: Arrays, says: Mapping[str, Any] | None = None, start: tuple[int, int] = (4, 4)
) -> DiscriminatorConfig:
    """The same for a discriminator; its `start` is that of its generator."""
    try:
        resolutions = _resolutions(arrays, "b{}.conv0.weight", 8)
        last = resolutions[-1]
        four = arrays["b4.conv.weight"].shape
        embed = arrays.get("mapping.embed.weight")
        features = 0 if embed is None else arrays["mapping.fc0.weight"].shape[0]
        answers = None if embed is None else arrays["b4.out.weight"].shape[0]
        architecture = "orig"
        if f"b{last}.skip.weight" in arrays:
            architecture = "resnet"
        elif "b4.fromrgb.weight" in arrays:
            architecture = "skip"
        config = DiscriminatorConfig(
            resolution=last,
            start=start,
            img_channels=arrays[f"b{last}.fromrgb.weight"].shape[1],
            c_dim=0 if embed is None else embed.shape[1],
            channels=(four[0], *[arrays[f"b{r}.conv0.weight"].shape[0] for r in resolutions]),
            architecture=architecture,
            cmap_dim=None if answers == four[0] else answers,
            mapping_layers=_count(arrays, "mapping.fc{}.weight") if embed is not None else 8,
            mapping_features=None if embed is None or len(embed) == features else features,
            mbstd_channels=four[1] - four[0],
        )
    except (KeyError, IndexError) as missing:
        raise BadCheckpoint(
            f"This file has no complete StyleGAN2 discriminator: {missing} is missing.",
            hint="It is from another kind of network, or damaged.",
        ) from None
    return _named_widths(config, _sane(says))


class Blueprint(Generic[_Network]):
    """A network without memory that is known to fit its tensors; `size` bytes is what it will take."""

    def __init__(self, network: Callable[[], _Network], arrays: Arrays, what: str) -> None:
        with torch.device("meta"):
            self._model = network()
        self._arrays = arrays
        expected = self._model.state_dict()
        for name, tensor in expected.items():
            if name not in arrays:
                raise BadCheckpoint(f"This file's {what} has no {name}.", hint="It is incomplete, or of another kind.")
            if tuple(arrays[name].shape) != tuple(tensor.shape):
                raise BadCheckpoint(
                    f"In this file's {what}, {name} has the shape {list(arrays[name].shape)}; "
                    f"{list(tensor.shape)} would fit the rest.",
                    hint="The file is damaged, or from a variant that is not known here.",
                )
        left = sorted(set(arrays) - set(expected))
        if left:
            raise BadCheckpoint(
                f"This file's {what} has {left[0][:80]}{f' and {len(left) - 1} more' if left[1:] else ''}, "
                "which no such network has.",
                hint="It is from a variant that is not known here.",
            )
        tensors = itertools.chain(self._model.parameters(), self._model.buffers())
        self.size = sum(4 * tensor.numel() for tensor in tensors)

    def build(self) -> _Network:
        """The network with these tensors, for inference."""
        with torch.inference_mode(False), torch.no_grad():
            model = self._model.to_empty(device="cpu")
            for name, tensor in model.state_dict().items():
                copy_numbers(self._arrays[name], tensor.numpy())
        return model.eval().requires_grad_(False)


def own_numbers(arrays: Arrays) -> Arrays:
    """The same, once it is certain that they are weights, and that no number of the file belongs to two of them.

    What a file may unfold into is bounded by its size in this way: a hundred tensors that look at the same
    numbers would be a hundred times as large in memory.
    """
    pieces = []
    for name, array in arrays.items():
        if array.dtype != BF16 and array.dtype.kind != "f":
            raise BadCheckpoint(
                f"{name[:80]} of this file holds {array.dtype}, which no weights are.",
                hint="Save it as float32; numbers of another kind cannot be drawn with.",
            )
        if array.size:
            first = array.__array_interface__["data"][0]
            reach = sum((n - 1) * step for n, step in zip(array.shape, array.strides, strict=True))
            pieces.append((first, first + reach + array.itemsize, array.nbytes, name))
    begin = end = taken = 0
    for first, last, size, name in sorted(pieces):
        if first >= end:
            begin, end, taken = first, last, 0
        end, taken = max(end, last), taken + size
        if taken > end - begin:
            raise BadCheckpoint(
                f"{name[:80]} of this file looks at numbers that are another tensor's already.",
                hint="No trained network looks like this; the file is damaged or hostile.",
            )
    return arrays


def _sane(says: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a file adds to its shapes, without what it leaves open; a value of the wrong kind would only fail later."""
    known = {}
    for name, value in (says or {}).items():
        if value is None and name != "mbstd_group":
            continue
        if not _FITS[name](value):
            raise BadCheckpoint(
                f"This file's configuration makes no sense: {name} cannot be {shorten(value, 40)}.",
                hint="The file is damaged, or from a variant that is not known here.",
            )
        known[name] = value
    return known


def _is_number(value: Any, least: float, most: float = 1e9) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_whole(value: Any, least: int, most: int = 10**6) -> bool:
    return isinstance(value, int) and _is_number(value, least, most)


_FITS: dict[str, Callable[[Any], bool]] = {
    "channel_base": lambda value: _is_whole(value, 1, 10**9),
    "channel_max": lambda value: _is_whole(value, 1, 10**9),
    "conv_clamp": lambda value: _is_number(value, 0),
    "fp16_blocks": lambda value: _is_whole(value, 0, 20),
    "lr_multiplier": lambda value: _is_number(value, 1e-9),
    "mapping_activation": lambda value: isinstance(value, str) and value in ACTIVATIONS,
    "mapping_lr_multiplier": lambda value: _is_number(value, 1e-9),
    "mbstd_group": lambda value: value is None or _is_whole(value, 1),
}


def _resolutions(arrays: Arrays, pattern: str, first: int) -> list[int]:
    found = []
    resolution = first
    while pattern.format(resolution) in arrays and resolution <= 4096:
        found.append(resolution)
        resolution *= 2
    if not found:
        raise KeyError(pattern.format(first))
    return found


def _count(arrays: Arrays, pattern: str) -> int:
    count = 0
    while pattern.format(count) in arrays:
        count += 1
    if count > MOST_LAYERS:
        raise BadCheckpoint(
            f"This file has more than {MOST_LAYERS} mapping layers.", hint="A StyleGAN has 2 or 8; it is damaged."
        )
    return count


_Config = TypeVar("_Config", StyleGAN2Config, DiscriminatorConfig)


def _named_widths(config: _Config, says: dict[str, Any]) -> _Config:
    """With what the file says, and by `channel_base` and `channel_max` where these two numbers give all the widths."""
    resolutions = [4 * 2**i for i in range(len(config.channels))]
    widest = max(config.channels)
    config = replace(config, **says)
    tried: list[tuple[int, int]] = [(config.channel_base, says.get("channel_max", widest))]
    tried += [(base, widest) for base in sorted({r * c for r, c in zip(resolutions, config.channels, strict=True)})]
    for base, most in [*tried, (config.channel_base, widest)]:
        named = replace(config, channels=(), channel_base=base, channel_max=most)
        if tuple(named.width(r) for r in resolutions) == config.channels:
            return named
    return config
