"""This project's own format: a .safetensors file that says what it is.

Tensors are named `generator.*` (the averaged one), `discriminator.*` and `live.*` (the generator in
training, for going on). The metadata, all text, has `format` ("runway-lab stylegan 1"), `kind`, `config`
and `discriminator_config` (JSON), `labels` (JSON list), `licence`, `lineage` (JSON list: what it was made
from) and `recipe` (JSON object: how it was trained). Any safetensors reader opens it; this one reads the
table of contents itself, to tell a file that is cut short by how much, and points into the file instead of
copying.
"""

from __future__ import annotations

import json
import math
import os
import struct
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from runway_lab.errors import BadValue, shorten
from runway_lab.stylegan.discriminator import Discriminator, DiscriminatorConfig
from runway_lab.stylegan.errors import BadCheckpoint
from runway_lab.stylegan.found import Found, from_text, in_text
from runway_lab.stylegan.generator import Generator
from runway_lab.stylegan.records import Storage, Truncated, dimensions, tensor_ref, width_of
from runway_lab.stylegan.shapes import Arrays, discriminator_config, generator_config, own_numbers
from runway_lab.stylegan.stylegan2 import StyleGAN2Config
from runway_lab.stylegan.stylegan3 import StyleGAN3Config

__all__ = ["FORMAT", "looks_native", "read_native", "write_native"]

FORMAT = "runway-lab stylegan 1"
_KINDS = {"F32": "f4", "F64": "f8", "F16": "f2", "BF16": "bf16"}
_LARGEST_HEADER = 2 * 2**20


def looks_native(head: bytes, size: int) -> bool:
    """Whether a file that begins like this may be a safetensors file, whole or cut short."""
    return len(head) > 9 and head[8:9] == b"{" and 2 <= struct.unpack("<Q", head[:8])[0] <= 100 * 2**20


def read_native(data: memoryview) -> Found:
    """From the bytes of the file."""
    metadata, arrays = _contents(data)
    if metadata.get("format") != FORMAT:
        raise BadCheckpoint(
            "This .safetensors file is of another kind of network.",
            hint=f"StyleGAN files of this project say {FORMAT!r} in their metadata.",
        )
    stated, critic_stated = from_text(metadata, "config", dict), from_text(metadata, "discriminator_config", dict)
    generator = _part(arrays, "generator.")
    kind = str(metadata.get("kind"))
    config: StyleGAN2Config | StyleGAN3Config
    try:
        if kind == "stylegan2":
            known = ("conv_clamp", "fp16_blocks", "lr_multiplier", "mapping_activation", "channel_base", "channel_max")
            config = generator_config(generator, _only(stated, *known))
            start = config.start
        elif kind in ("stylegan3-t", "stylegan3-r"):
            config, start = StyleGAN3Config(**_stylegan3(stated)), (4, 4)
        else:
            raise BadCheckpoint(f"There is no kind {kind[:40]!r} of StyleGAN.", hint="A newer version may know it.")
    except BadValue as error:
        raise BadCheckpoint(f"This file's configuration makes no sense: {error.what}", hint=error.hint) from None
    except (TypeError, AttributeError) as error:
        raise BadCheckpoint(
            "This file's configuration is damaged.", hint="Get it again.", details=repr(error)
        ) from None
    found = Found("runway-lab .safetensors", kind, config, generator)
    found.live = _part(arrays, "live.") or None
    found.discriminator = _part(arrays, "discriminator.") or None
    if found.discriminator is not None:
        known = ("conv_clamp", "fp16_blocks", "mbstd_group", "mapping_lr_multiplier", "channel_base", "channel_max")
        found.discriminator_config = discriminator_config(found.discriminator, _only(critic_stated, *known), start)
    found.tell(metadata)
    return found


def _contents(data: memoryview) -> tuple[dict[str, str], Arrays]:
    (length,) = struct.unpack("<Q", data[:8])
    if length > _LARGEST_HEADER:
        raise BadCheckpoint("This file's table of contents is far too long.", hint="It is damaged or hostile.")
    if 8 + length > len(data):
        raise Truncated(len(data), 8 + length)
    try:
        header = json.loads(bytes(data[8 : 8 + length]))
        metadata = header.pop("__metadata__", {})
        entries = {name: (each["dtype"], each["shape"], each["data_offsets"]) for name, each in header.items()}
        ends = [offsets[1] for _, _, offsets in entries.values()]
        body = data[8 + length :]
        if ends and max(ends) > len(body):
            raise Truncated(len(data), 8 + length + max(ends))
        arrays: Arrays = {}
        for name, (kind, shape, (begin, end)) in entries.items():
            if kind not in _KINDS:
                raise BadCheckpoint(f"The tensor {name[:80]} is of the type {kind!r}.", hint="Save it as F32.")
            width, shape = width_of(_KINDS[kind]), dimensions(shape)
            if begin < 0 or end < begin or (end - begin) != math.prod(shape) * width:
                raise BadCheckpoint(
                    f"The tensor {name[:80]} claims another size than it holds.",
                    hint="The file is damaged or hostile.",
                )
            strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
            storage = Storage(_KINDS[kind], (end - begin) // width, body[begin:end])
            arrays[name] = tensor_ref(storage, 0, shape, strides).array()
        own_numbers(arrays)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        if isinstance(error, BadCheckpoint):
            raise
        raise BadCheckpoint(
            "This file's table of contents cannot be read.",
            hint="It is damaged; get it again.",
            details=repr(error)[:200],
        ) from None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise BadCheckpoint("This file's metadata is damaged.", hint="Get it again.")
    return metadata, arrays


def _part(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _stylegan3(stated: dict[str, Any]) -> dict[str, Any]:
    """Its settings, each of the type it must have: what is wrong here would else only fail when it draws."""
    says = {}
    for each in fields(StyleGAN3Config):
        value = stated.get(each.name, each.default)
        if isinstance(each.default, bool):
            fits = isinstance(value, bool)
        elif isinstance(each.default, int):
            fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**9
        else:
            fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e9
            fits = fits or (value is None and each.name == "conv_clamp")
        if not fits:
            raise BadCheckpoint(
                f"This file's configuration makes no sense: {each.name} cannot be {shorten(value, 40)}.",
                hint="It is damaged; get it again.",
            )
        says[each.name] = value
    return says


def _only(stated: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: stated[name] for name in names if name in stated}


def write_native(
    path: Path,
    *,
    kind: str,
    generator: Generator,
    discriminator: Discriminator | None,
    live: Generator | None,
    labels: tuple[str, ...],
    licence: str,
    lineage: list[Any],
    recipe: dict[str, Any],
    half: bool = False,
) -> None:
    """First under another name, then in place: a file by this name is always whole."""
    config: Any = generator.config
    metadata = {
        "format": FORMAT,
        "kind": kind,
        "config": json.dumps(asdict(config)),
        **in_text(labels, licence, lineage, recipe),
    }
    dtype = torch.float16 if half else torch.float32
    tensors = _state(generator, "generator.", dtype)
    if live is not None:
        tensors |= _state(live, "live.", dtype)
    if discriminator is not None:
        tensors |= _state(discriminator, "discriminator.", dtype)
        critic: DiscriminatorConfig = discriminator.config
        metadata["discriminator_config"] = json.dumps(asdict(critic))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file(tensors, unfinished, metadata)
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _state(network: nn.Module, prefix: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    # Copied, as a network may go on learning while its file is written.
    state = network.state_dict()
    return {prefix + name: tensor.detach().to("cpu", dtype, copy=True).contiguous() for name, tensor in state.items()}
