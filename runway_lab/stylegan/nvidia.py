"""The network pickles of stylegan2-ada-pytorch and stylegan3.

One dict with `G`, `D`, `G_ema`, `augment_pipe` and `training_set_kwargs`. Each network is a record of a
class name, the text of its Python source (never looked at here) and the state of the module: `_parameters`,
`_buffers`, `_modules`, and `_init_kwargs` with which it was made. Layers that were frozen in training lie
among the buffers.
"""

from __future__ import annotations

from typing import Any

from runway_lab.errors import BadValue
from runway_lab.stylegan.errors import BadCheckpoint
from runway_lab.stylegan.found import Found
from runway_lab.stylegan.records import Record, TensorRef
from runway_lab.stylegan.shapes import Arrays, discriminator_config, generator_config, own_numbers
from runway_lab.stylegan.stylegan3 import StyleGAN3Config

__all__ = ["plain_taps", "read_nvidia"]

_MOST_PARTS = 20_000
_LICENCE = "NVIDIA Source Code License: for research and evaluation only, not for commercial use"


def read_nvidia(contents: dict[str, Any]) -> Found:
    """From the dict of the pickle."""
    record = contents["G_ema"]
    if not isinstance(record, Record) or not isinstance(record.state, dict):
        raise BadCheckpoint("The G_ema of this file is no network.", hint="The file is damaged.")
    kwargs = _init(record, ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels"))
    _refuse_relatives(record, kwargs)
    arrays = _arrays(record)
    live = _arrays(contents["G"]) if isinstance(contents.get("G"), Record) else None
    if "synthesis.input.weight" in arrays:
        config3 = _stylegan3(kwargs, arrays)
        kind = "stylegan3-r" if config3.radial else "stylegan3-t"
        found = Found("NVIDIA pickle", kind, config3, arrays, live)
        start = (4, 4)
    else:
        config2 = generator_config(arrays, _says(kwargs))
        found = Found("NVIDIA pickle", "stylegan2", config2, arrays, live)
        start = config2.start
    found.licence = _LICENCE
    found.labels = tuple(str(i) for i in range(found.config.c_dim))
    critic = contents.get("D")
    if isinstance(critic, Record) and critic.name == "Discriminator" and isinstance(critic.state, dict):
        found.discriminator = _arrays(critic)
        found.discriminator_config = discriminator_config(
            found.discriminator, _says_discriminator(_init(critic, ())), start
        )
    elif isinstance(critic, Record):
        found.notes.append(f"Its discriminator is a {critic.name}, which is not known here, and was left out.")
    return found


def _refuse_relatives(record: Record, kwargs: dict[str, Any]) -> None:
    modules = record.state.get("_modules")
    names = set(modules) if isinstance(modules, dict) else set()
    mapping, synthesis = kwargs.get("mapping_kwargs"), kwargs.get("synthesis_kwargs")
    xl = isinstance(mapping, dict) and "rand_embedding" in mapping
    if record.name == "SuperresGenerator" or xl or "path_stem" in kwargs:
        what = "a StyleGAN-XL generator"
    elif record.name == "TriPlaneGenerator":
        what = "an EG3D generator"
    elif record.name != "Generator" or not {"mapping", "synthesis"} <= names:
        what = f"a {record.name}, which is neither StyleGAN2 nor StyleGAN3"
    elif (isinstance(synthesis, dict) and "ngf" in synthesis) or "cond" in kwargs:
        what = "a FastGAN generator of Projected GAN"
    else:
        return
    raise BadCheckpoint(
        f"This is {what}.",
        hint="StyleGAN2 and StyleGAN3 (t and r) networks can be used; look for one of those.",
    )


def _init(record: Record, positional: tuple[str, ...]) -> dict[str, Any]:
    kwargs = record.state.get("_init_kwargs")
    args = record.state.get("_init_args")
    given = dict(kwargs) if isinstance(kwargs, dict) else {}
    for name, value in zip(positional, args if isinstance(args, tuple) else (), strict=False):
        given.setdefault(name, value)
    return given


def _arrays(record: Record) -> Arrays:
    """All parameters and buffers by their dotted names."""
    arrays: Arrays = {}
    waiting = [("", record)]
    seen = 0
    while waiting:
        prefix, module = waiting.pop()
        if not isinstance(module, Record) or not isinstance(module.state, dict):
            raise BadCheckpoint(f"The part {prefix!r} of this file is no module.", hint="The file is damaged.")
        for group in ("_buffers", "_parameters", "_modules"):
            members = module.state.get(group)
            for name, value in members.items() if isinstance(members, dict) else ():
                seen += 1
                # A module may be named in many places, and these again in many: a small file, a tree without end.
                if seen > _MOST_PARTS or not isinstance(name, str) or len(prefix) + len(name) > 500:
                    raise BadCheckpoint("This file's network is nested without end.", hint="It is damaged or hostile.")
                if group == "_modules" and value is not None:
                    waiting.append((f"{prefix}{name}.", value))
                elif isinstance(value, TensorRef) and name != "resample_filter":
                    arrays[prefix + name] = value.array()
    return own_numbers(arrays)


def plain_taps(taps: Any) -> bool:
    """Whether a filter is the one all StyleGAN2s that are known here have; anything could stand in its place."""
    return isinstance(taps, list | tuple) and len(taps) == 4 and list(taps) == [1, 3, 3, 1]


def _number(value: Any, least: float, most: float) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return value
    return None


def _says(kwargs: dict[str, Any]) -> dict[str, Any]:
    synthesis, mapping = kwargs.get("synthesis_kwargs"), kwargs.get("mapping_kwargs")
    synthesis = synthesis if isinstance(synthesis, dict) else {}
    mapping = mapping if isinstance(mapping, dict) else {}
    if (
        not plain_taps(synthesis.get("resample_filter", (1, 3, 3, 1)))
        or synthesis.get("activation", "lrelu") != "lrelu"
    ):
        raise BadCheckpoint(
            "This StyleGAN2 was trained with another filter or activation than [1, 3, 3, 1] and leaky ReLU.",
            hint="Such variants cannot be drawn here.",
        )
    activation = mapping.get("activation", "lrelu")
    return {
        "conv_clamp": _number(synthesis.get("conv_clamp"), 0, 1e9),
        "fp16_blocks": _number(synthesis.get("num_fp16_res"), 1, 20),
        "lr_multiplier": _number(mapping.get("lr_multiplier"), 1e-9, 1e9),
        "mapping_activation": activation if isinstance(activation, str) else None,
    }


def _says_discriminator(kwargs: dict[str, Any]) -> dict[str, Any]:
    epilogue, mapping = kwargs.get("epilogue_kwargs"), kwargs.get("mapping_kwargs")
    epilogue = epilogue if isinstance(epilogue, dict) else {}
    mapping = mapping if isinstance(mapping, dict) else {}
    return {
        "conv_clamp": _number(kwargs.get("conv_clamp"), 0, 1e9),
        "fp16_blocks": _number(kwargs.get("num_fp16_res"), 1, 20),
        "mbstd_group": epilogue.get("mbstd_group_size", 4),  # None: all pictures of a batch
        "mapping_lr_multiplier": _number(mapping.get("lr_multiplier"), 1e-9, 1e9),
    }


def _stylegan3(kwargs: dict[str, Any], arrays: Arrays) -> StyleGAN3Config:
    mapping = kwargs.get("mapping_kwargs")
    embed = arrays.get("mapping.embed.weight")
    stated = {
        "resolution": _number(kwargs.get("img_resolution"), 16, 4096),
        "img_channels": _number(kwargs.get("img_channels"), 1, 64),
        "z_dim": _number(kwargs.get("z_dim"), 0, 1e6),
        "w_dim": _number(kwargs.get("w_dim"), 1, 1e6),
        "channel_base": _number(kwargs.get("channel_base"), 1, 1e7),
        "channel_max": _number(kwargs.get("channel_max"), 1, 1e6),
        "conv_kernel": _number(kwargs.get("conv_kernel"), 1, 3),
        "layers": _number(kwargs.get("num_layers"), 2, 64),
        "critical": _number(kwargs.get("num_critical"), 0, 63),
        "first_cutoff": _number(kwargs.get("first_cutoff"), 1e-3, 1e4),
        "first_stopband": _number(kwargs.get("first_stopband"), 1e-3, 1e4),
        "last_stopband_ratio": _number(kwargs.get("last_stopband_rel"), 1e-3, 1e3),
        "margin": _number(kwargs.get("margin_size"), 0, 100),
        "output_scale": _number(kwargs.get("output_scale"), 1e-6, 1e6),
        "filter_size": _number(kwargs.get("filter_size"), 1, 64),
        "lrelu_upsampling": _number(kwargs.get("lrelu_upsampling"), 1, 16),
        "conv_clamp": _number(kwargs.get("conv_clamp"), 0, 1e9),
        "mapping_layers": _number(mapping.get("num_layers") if isinstance(mapping, dict) else None, 1, 64),
    }
    try:
        return StyleGAN3Config(
            **{name: value for name, value in stated.items() if value is not None},
            radial=kwargs.get("use_radial_filters") is True,
            c_dim=0 if embed is None else embed.shape[1],
        )
    except BadValue as error:
        raise BadCheckpoint(f"This file's StyleGAN3 makes no sense: {error.what}", hint=error.hint) from None
