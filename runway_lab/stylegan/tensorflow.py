"""The legacy TensorFlow pickles: StyleGAN2 and StyleGAN2-ADA, read without TensorFlow.

A triple (G, D, Gs) of `dnnlib.tflib.network.Network`. The state of each has `static_kwargs`, `variables`
(pairs of name and array) and `components` (the networks inside: mapping and synthesis). TensorFlow keeps
matrices as [in, out] and convolutions as [height, width, in, out]; up-convolutions and shortcuts are
flipped besides, and a modulation's bias lacks its one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from runway_lab.stylegan.errors import BadCheckpoint
from runway_lab.stylegan.found import Found
from runway_lab.stylegan.nvidia import plain_taps
from runway_lab.stylegan.records import Record, TensorRef
from runway_lab.stylegan.shapes import Arrays, discriminator_config, generator_config, own_numbers

__all__ = ["read_tensorflow"]

_MOST_VARIABLES = 20_000
_PARTS = {
    "weight": ".weight",
    "bias": ".bias",
    "mod_weight": ".affine.weight",
    "mod_bias": ".affine.bias",
    "noise_strength": ".noise_strength",
}


def read_tensorflow(triple: tuple[Any, ...]) -> Found:
    """From the triple of the pickle."""
    live, critic, averaged = triple
    arrays = _generator(averaged)
    says = _says(averaged)
    config = generator_config(arrays, says)
    found = Found("TensorFlow pickle", "stylegan2", config, arrays, _generator(live))
    found.licence = "NVIDIA Source Code License: for research and evaluation only, not for commercial use"
    found.labels = tuple(str(i) for i in range(config.c_dim))
    found.discriminator = _discriminator(critic)
    group = _kwargs(critic).get("mbstd_group_size", 4)
    found.discriminator_config = discriminator_config(
        found.discriminator,
        {
            "conv_clamp": says["conv_clamp"],
            "mbstd_group": group if isinstance(group, int) and group > 0 else 4,
        },
        config.start,
    )
    return found


def _kwargs(network: Record) -> dict[str, Any]:
    kwargs = network.state.get("static_kwargs") if isinstance(network.state, dict) else None
    return kwargs if isinstance(kwargs, dict) else {}


def _says(network: Record) -> dict[str, Any]:
    kwargs = _kwargs(network)
    if not plain_taps(kwargs.get("resample_kernel") or kwargs.get("resample_filter") or (1, 3, 3, 1)):
        raise BadCheckpoint(
            "This StyleGAN2 was trained with another filter than [1, 3, 3, 1].",
            hint="Such variants cannot be drawn.",
        )
    clamp, multiplier = kwargs.get("conv_clamp"), kwargs.get("mapping_lrmul")
    return {
        "conv_clamp": clamp if isinstance(clamp, int | float) and clamp > 0 else None,
        "lr_multiplier": multiplier if isinstance(multiplier, float) and multiplier > 0 else None,
    }


def _variables(network: Any) -> Arrays:
    """All by their names, which are text of a sane length; anything could stand there, and be written out."""
    found: Arrays = {}
    for name, value in _pairs(network):
        if not isinstance(name, str) or len(name) > 200 or len(found) > _MOST_VARIABLES:
            raise BadCheckpoint("The variables of this file have no proper names.", hint="It is damaged or hostile.")
        if isinstance(value, Record) and isinstance(value.state, TensorRef):
            found[name] = value.state.array()
        elif isinstance(value, int | float):
            found[name] = np.asarray(value, np.float32)
    return own_numbers(found)


def _pairs(network: Any, prefix: str = "") -> Iterator[tuple[Any, Any]]:
    if not isinstance(network, Record) or network.name != "Network" or not isinstance(network.state, dict):
        raise BadCheckpoint("A network of this file is none.", hint="The file is damaged.")
    version = network.state.get("version")
    if not isinstance(version, int) or version < 2:
        raise BadCheckpoint(
            "This file was written by a very old TensorFlow StyleGAN.",
            hint="StyleGAN2 and later can be read.",
        )
    for name, value in network.state.get("variables") or ():
        yield prefix + name if isinstance(name, str) else name, value
    components = network.state.get("components")
    if isinstance(components, dict) and not prefix:  # mapping and synthesis, which have none themselves
        for part, component in components.items():
            if not isinstance(part, str) or len(part) > 40:
                raise BadCheckpoint("A network of this file is none.", hint="The file is damaged.")
            yield from _pairs(component, f"{part}/")


def _generator(network: Any) -> Arrays:
    raw = _variables(network)
    if any("AdaIN" in name or "StyleMod" in name for name in raw):
        raise BadCheckpoint(
            "This is a StyleGAN1 file.",
            hint="StyleGAN1 cannot be drawn here; look for a StyleGAN2 of the same pictures.",
        )
    arrays: Arrays = {}
    for name, value in raw.items():
        if name == "dlatent_avg" or name.endswith("/dlatent_avg"):
            arrays["mapping.w_avg"] = value
        elif name == "lod" or name.endswith("/lod"):
            continue
        elif match := re.fullmatch(r"mapping/(?:Dense(\d+)|LabelEmbed)/(weight|bias)", name):
            place = "embed" if match[1] is None else f"fc{match[1]}"
            arrays[f"mapping.{place}.{match[2]}"] = value.T
        elif match := re.fullmatch(r"synthesis/noise(\d+)", name):
            log, layer = divmod(int(match[1]) + 5, 2)
            if 2 <= log <= 12:
                arrays[f"synthesis.b{2**log}.conv{layer}.noise_const"] = value[0, 0]
        elif name == "synthesis/4x4/Const/const":
            arrays["synthesis.b4.const"] = value[0]
        elif match := re.fullmatch(r"synthesis/(\d+)x\d+/(Conv0_up|Conv1|Conv|ToRGB|Skip)/(\w+)", name):
            layer_name = {
                "Conv0_up": "conv0",
                "Conv1": "conv1",
                "Conv": "conv1",
                "ToRGB": "torgb",
                "Skip": "skip",
            }[match[2]]
            if match[3] not in _PARTS:
                raise _unknown(name)
            value = _turned(value, match[3])
            if layer_name in ("conv0", "skip") and match[3] == "weight":
                value = value[:, :, ::-1, ::-1]
            arrays[f"synthesis.b{match[1]}.{layer_name}{_PARTS[match[3]]}"] = value
        elif match := re.fullmatch(r"synthesis/ToRGB_lod0/(\w+)", name):
            largest = max(int(m[1]) for n in raw if (m := re.match(r"synthesis/(\d+)x", n)))
            if match[1] not in _PARTS:
                raise _unknown(name)
            arrays[f"synthesis.b{largest}.torgb{_PARTS[match[1]]}"] = _turned(value, match[1])
        elif "LabelConcat" in name:
            raise BadCheckpoint(
                "This StyleGAN2 joins its labels in the way of before ADA.",
                hint="Such models cannot be drawn here.",
            )
        else:
            raise _unknown(name)
    return arrays


def _discriminator(network: Any) -> Arrays:
    arrays: Arrays = {}
    raw = _variables(network)
    largest = max((int(m[1]) for n in raw if (m := re.match(r"(\d+)x", n))), default=4)
    layers = {"FromRGB": "fromrgb", "Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip"}
    four = {"Conv": "conv", "Dense0": "fc", "FromRGB": "fromrgb"}
    for name, value in raw.items():
        if match := re.fullmatch(r"(\d+)x\d+/(\w+)/(weight|bias)", name):
            known = four if match[1] == "4" else layers
            if match[2] not in known:
                raise _unknown(name)
            arrays[f"b{match[1]}.{known[match[2]]}.{match[3]}"] = _turned(value, match[3])
        elif match := re.fullmatch(r"FromRGB_lod0/(weight|bias)", name):
            arrays[f"b{largest}.fromrgb.{match[1]}"] = _turned(value, match[1])
        elif match := re.fullmatch(r"Output/(weight|bias)", name):
            arrays[f"b4.out.{match[1]}"] = _turned(value, match[1])
        elif match := re.fullmatch(r"(?:mapping/)?(?:LabelEmbed|Mapping(\d+))/(weight|bias)", name):
            place = "embed" if match[1] is None else f"fc{match[1]}"
            arrays[f"mapping.{place}.{match[2]}"] = value.T
        elif not name.endswith("lod"):
            raise _unknown(name)
    return arrays


def _turned(value: Any, part: str) -> Any:
    if part == "mod_bias":
        if value.ndim != 1 or len(value) > 2**16:
            raise BadCheckpoint("A bias of this file is none.", hint="The file is damaged or hostile.")
        return value + 1
    if value.ndim == 4:
        return value.transpose(3, 2, 0, 1)
    return value.T


def _unknown(name: str) -> BadCheckpoint:
    return BadCheckpoint(
        f"This TensorFlow file has the variable {name[:80]!r}, which no StyleGAN2 has.",
        hint="StyleGAN2 and StyleGAN2-ADA files can be read.",
    )
