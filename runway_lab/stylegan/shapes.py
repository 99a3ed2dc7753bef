"""What a network is, told from the names and shapes of its tensors, and the network built from them.

A configuration that a file states may be wrong, incomplete or hostile; its tensors are what there is. So
the number of channels, layers, labels and so on come from shapes, the same way for each format, and only
what no shape can tell (whether activations are clamped, the multiplier of the learning rate) is taken from
what the file says. A network is built without memory first, compared name by name and shape by shape, and
gets memory when everything fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from runway_lab.stylegan.discriminator import DiscriminatorConfig
from runway_lab.stylegan.errors import BadCheckpoint
from runway_lab.stylegan.stylegan2 import StyleGAN2Config

__all__ = ["Arrays", "build", "discriminator_config", "generator_config"]

Arrays = dict[str, NDArray[Any]]
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
    known = {key: value for key, value in (says or {}).items() if value is not None}
    return _named_widths(replace(config, **known))


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
    known = {key: value for key, value in (says or {}).items() if value is not None}
    return _named_widths(replace(config, **known))


def build(network: Callable[[], _Network], arrays: Arrays, what: str) -> _Network:
    """The network with these tensors, for inference; refuses before it takes memory where they do not fit."""
    with torch.device("meta"):
        model = network()
    expected = model.state_dict()
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
            f"This file's {what} has {left[0]}{f' and {len(left) - 1} more' if left[1:] else ''}, "
            "which no such network has.",
            hint="It is from a variant that is not known here.",
        )
    with torch.inference_mode(False), torch.no_grad():
        model = model.to_empty(device="cpu")
        for name, tensor in model.state_dict().items():
            tensor.copy_(torch.from_numpy(np.array(arrays[name], dtype=np.float32)))
    return model.eval().requires_grad_(False)


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
    return count


_Config = TypeVar("_Config", StyleGAN2Config, DiscriminatorConfig)


def _named_widths(config: _Config) -> _Config:
    """The same by `channel_base` and `channel_max` where these two numbers give all the widths."""
    resolutions = [4 * 2**i for i in range(len(config.channels))]
    widest = max(config.channels)
    for base in {r * c for r, c in zip(resolutions, config.channels, strict=True)} | {config.channel_base}:
        named = replace(config, channels=(), channel_base=base, channel_max=widest)
        if tuple(named.width(r) for r in resolutions) == config.channels:
            return named
    return config
