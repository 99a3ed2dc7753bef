"""The checkpoints of rosinality/stylegan2-pytorch, read and written.

The mathematics are those of StyleGAN2, the names are not. `style.1` is the first layer of the mapping;
`conv1` and `to_rgb1` work at 4x4; `convs.{2k}`, `convs.{2k+1}` and `to_rgbs.{k}` at 8 * 2^k. Convolution
weights have an axis more in front. There is no mean of w in a file that was trained there, so it is
estimated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from runway_lab.stylegan.discriminator import Discriminator
from runway_lab.stylegan.errors import BadCheckpoint, Incompatible
from runway_lab.stylegan.found import Found
from runway_lab.stylegan.records import TensorRef, floats
from runway_lab.stylegan.shapes import MOST_LAYERS, Arrays, discriminator_config, generator_config, own_numbers
from runway_lab.stylegan.stylegan2 import StyleGAN2, StyleGAN2Config

__all__ = ["ABOUT", "discriminator_to_rosinality", "generator_to_rosinality", "read_rosinality"]

ABOUT = "runway_lab"
"""The entry in which this project says whose network it is; their program looks at the entries it knows."""

_MOST_TENSORS = 20_000
_SKIPPED = ("blur.kernel", "upsample.kernel", ".0.kernel")


def _layer(theirs: str, ours: str, rgb: bool = False) -> dict[str, str]:
    names = {
        f"{theirs}.conv.weight": f"{ours}.weight",
        f"{theirs}.conv.modulation.weight": f"{ours}.affine.weight",
        f"{theirs}.conv.modulation.bias": f"{ours}.affine.bias",
    }
    if rgb:
        return names | {f"{theirs}.bias": f"{ours}.bias"}
    return names | {
        f"{theirs}.noise.weight": f"{ours}.noise_strength",
        f"{theirs}.activate.bias": f"{ours}.bias",
    }


def _generator_names(resolution: int, layers: int) -> dict[str, str]:
    """Their names for our tensors."""
    names = {"input.input": "synthesis.b4.const", "noises.noise_0": "synthesis.b4.conv1.noise_const"}
    for i in range(layers):
        names |= {f"style.{i + 1}.{part}": f"mapping.fc{i}.{part}" for part in ("weight", "bias")}
    names |= _layer("conv1", "synthesis.b4.conv1") | _layer("to_rgb1", "synthesis.b4.torgb", rgb=True)
    for k in range(resolution.bit_length() - 3):
        block = f"synthesis.b{8 * 2**k}"
        for j in (0, 1):
            names |= _layer(f"convs.{2 * k + j}", f"{block}.conv{j}")
            names[f"noises.noise_{2 * k + j + 1}"] = f"{block}.conv{j}.noise_const"
        names |= _layer(f"to_rgbs.{k}", f"{block}.torgb", rgb=True)
    return names


def _discriminator_names(resolution: int) -> dict[str, str]:
    names = {
        "convs.0.0.weight": f"b{resolution}.fromrgb.weight",
        "convs.0.1.bias": f"b{resolution}.fromrgb.bias",
        "final_conv.0.weight": "b4.conv.weight",
        "final_conv.1.bias": "b4.conv.bias",
    }
    for i, ours in enumerate(("b4.fc", "b4.out")):
        names |= {f"final_linear.{i}.{part}": f"{ours}.{part}" for part in ("weight", "bias")}
    for i in range(1, resolution.bit_length() - 2):
        block = f"b{resolution // 2 ** (i - 1)}"
        names |= {
            f"convs.{i}.conv1.0.weight": f"{block}.conv0.weight",
            f"convs.{i}.conv1.1.bias": f"{block}.conv0.bias",
            f"convs.{i}.conv2.1.weight": f"{block}.conv1.weight",
            f"convs.{i}.conv2.2.bias": f"{block}.conv1.bias",
            f"convs.{i}.skip.1.weight": f"{block}.skip.weight",
        }
    return names


def read_rosinality(contents: dict[str, Any]) -> Found:
    """From the dict of the file."""
    generator = _generator(_tensors(contents["g_ema"]))
    config = generator_config(generator)
    mean = contents.get("latent_avg")
    if isinstance(mean, TensorRef):
        array = own_numbers({"latent_avg": mean.array()})["latent_avg"]
        generator["mapping.w_avg"] = array[0] if array.ndim == 2 else array
    else:
        generator["mapping.w_avg"] = _estimated_mean(generator, config)
    found = Found("rosinality .pt", "stylegan2", config, generator)
    if not isinstance(mean, TensorRef):
        found.notes.append("The file has no mean of w; it was estimated from 4096 points.")
    if isinstance(contents.get("g"), dict):
        live = _generator(_tensors(contents["g"]), generator)
        found.live = live | {"mapping.w_avg": generator["mapping.w_avg"]}
    if isinstance(contents.get(ABOUT), dict):
        found.tell(contents[ABOUT])
        found.labels = ()  # of which their networks know none
    if isinstance(contents.get("d"), dict):
        tensors = _tensors(contents["d"])
        found.discriminator = _renamed(tensors, _discriminator_names(config.resolution))
        found.discriminator_config = discriminator_config(found.discriminator, None, config.start)
    return found


def _tensors(state: Any) -> Arrays:
    if not isinstance(state, dict):
        raise BadCheckpoint("The g_ema of this file is no set of tensors.", hint="The file is damaged.")
    arrays: Arrays = {}
    for name, tensor in state.items():
        if not isinstance(name, str) or len(name) > 200:
            raise BadCheckpoint("The tensors of this file have no proper names.", hint="It is damaged or hostile.")
        if len(arrays) == _MOST_TENSORS:
            raise BadCheckpoint("This file has thousands of tensors, which no StyleGAN has.", hint="It is hostile.")
        if isinstance(tensor, TensorRef) and not name.endswith(_SKIPPED):
            arrays[name.removeprefix("module.")] = tensor.array()
    return own_numbers(arrays)


def _generator(theirs: Arrays, averaged: Arrays | None = None) -> Arrays:
    layers = 0
    while f"style.{layers + 1}.weight" in theirs and layers <= MOST_LAYERS:
        layers += 1
    blocks = 0
    while f"to_rgbs.{blocks}.conv.weight" in theirs and blocks < 8:  # 1024 x 1024
        blocks += 1
    arrays = _renamed(theirs, _generator_names(4 * 2**blocks, layers))
    for k in range(blocks + 1):
        for j in (0, 1) if k else (1,):
            name = f"synthesis.b{4 * 2**k}.conv{j}.noise_const"
            if name not in arrays and averaged is not None and name in averaged:
                arrays[name] = averaged[name]
            elif name not in arrays:  # older files keep none; any fixed noise does
                size = 4 * 2**k
                arrays[name] = np.random.default_rng(2 * k + j).standard_normal((size, size), dtype=np.float32)
    return arrays


def _renamed(theirs: Arrays, names: dict[str, str]) -> Arrays:
    arrays: Arrays = {}
    for name, array in theirs.items():
        if name not in names:
            raise BadCheckpoint(
                f"This file has the tensor {name[:80]}, which no checkpoint of rosinality's StyleGAN2 has.",
                hint="It is from another program or a variant.",
            )
        ours = names[name]
        # Always by looking at a part, never by reshaping, which may copy.
        if ours.endswith("noise_const"):
            array = array[0, 0] if array.ndim == 4 else array
        elif ours.endswith("noise_strength"):
            array = array[0] if array.ndim == 1 else array
        elif ours.endswith("torgb.bias"):
            array = array[0, :, 0, 0] if array.ndim == 4 else array
        elif array.ndim == 5 or ours.endswith("const"):
            array = array[0]
        arrays[ours] = array
    return arrays


def _estimated_mean(arrays: Arrays, config: StyleGAN2Config) -> NDArray[np.float32]:
    """Of the w of 4096 points, some hundred at a time, so that it takes little memory."""
    width, random = config.w_dim, np.random.RandomState(0)
    for i in range(config.mapping_layers):
        weight, bias = (arrays.get(f"mapping.fc{i}.{part}") for part in ("weight", "bias"))
        if weight is None or bias is None or weight.shape != (width, width) or bias.shape != (width,):
            raise BadCheckpoint(
                f"The mapping layer style.{i + 1} of this file does not fit the others.",
                hint="All of rosinality's are of one width; the file is damaged.",
            )
    total = np.zeros(width)
    with np.errstate(all="ignore"):
        for _ in range(16):
            x = random.randn(256, width).astype(np.float32)
            x /= np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)
            for i in range(config.mapping_layers):
                weight, bias = (floats(arrays[f"mapping.fc{i}.{part}"]) for part in ("weight", "bias"))
                x = (x * np.float32(0.01 / np.sqrt(width))) @ weight.T + bias * np.float32(0.01)
                x = np.maximum(x, np.float32(0.2) * x) * np.float32(np.sqrt(2))
            total += x.sum(axis=0)
    return (total / 4096).astype(np.float32)


def generator_to_rosinality(generator: StyleGAN2) -> dict[str, torch.Tensor]:
    """Its tensors under their names, with the filters that their program wants to find."""
    config = generator.config
    problems = {
        "labels": config.c_dim > 0,
        f"the architecture {config.architecture!r}": config.architecture != "skip",
        "pictures that are not square": config.start != (4, 4),
        f"{config.img_channels} channels": config.img_channels != 3,
        "z and w of different sizes": config.z_dim != config.w_dim or config.layer_features is not None,
        "no noise": not config.use_noise,
    }
    for problem, holds in problems.items():
        if holds:
            raise Incompatible(
                f"This model has {problem}, for which rosinality's format has no room.",
                hint="Save it as .safetensors.",
            )
    state = generator.state_dict()
    kernel = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64
    written: dict[str, torch.Tensor] = {}
    for theirs, ours in _generator_names(config.resolution, config.mapping_layers).items():
        tensor = state[ours].detach().cpu().contiguous()
        if theirs.startswith("noises."):
            tensor = tensor[None, None]
        elif theirs.endswith("noise.weight"):
            tensor = tensor.reshape(1)
        elif theirs.startswith("to_rgb") and theirs.endswith(".bias") and "modulation" not in theirs:
            tensor = tensor.view(1, -1, 1, 1)
        elif theirs.endswith(".conv.weight") or theirs == "input.input":
            tensor = tensor[None]
        written[theirs] = tensor.clone()
    for k in range(len(config.resolutions) - 1):
        written[f"convs.{2 * k}.conv.blur.kernel"] = kernel * 4
        written[f"to_rgbs.{k}.upsample.kernel"] = kernel * 4
    return written


def discriminator_to_rosinality(discriminator: Discriminator) -> dict[str, torch.Tensor]:
    """The same for a discriminator."""
    config = discriminator.config
    if config.c_dim or config.architecture != "resnet":
        raise Incompatible(
            "This discriminator has labels or is no resnet, for which rosinality's format has no room.",
            hint="Save it as .safetensors.",
        )
    state = discriminator.state_dict()
    kernel = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64
    names = _discriminator_names(config.resolution)
    written = {theirs: state[ours].detach().cpu().contiguous().clone() for theirs, ours in names.items()}
    for i in range(1, len(config.resolutions) + 1):
        written[f"convs.{i}.conv2.0.kernel"] = kernel
        written[f"convs.{i}.skip.0.kernel"] = kernel
    return written
