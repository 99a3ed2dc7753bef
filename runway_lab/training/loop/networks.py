"""The two networks of a training: new ones, or grown from a checkpoint.

What a checkpoint knows is taken over layer by layer, matched by resolution: a model of 64x64 gives a 128x128 one all
but its last block. Where a tensor does not fit there is often a way that keeps what was learned:

- other channels: a colour layer for gray is the mean of the three, a gray one serves all three colours, and
  transparency begins as opaque;
- another shape of picture: the constant that everything grows from, and what looks at it at the end of the
  discriminator, are stretched like small pictures;
- a model with labels, for pictures without: the labels' average goes into the bias.

What finds no counterpart begins anew, and `Networks.said` tells that in words a person can use.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from runway_lab.stylegan.checkpoint import Checkpoint
from runway_lab.stylegan.discriminator import Discriminator, DiscriminatorConfig
from runway_lab.stylegan.errors import Incompatible
from runway_lab.stylegan.mapping import Dense, normalize
from runway_lab.stylegan.stylegan2 import StyleGAN2, StyleGAN2Config
from runway_lab.training.loop.settings import TrainingSettings
from runway_lab.training.loop.shapes import shape_of

__all__ = ["Networks", "networks", "shape_of"]


@dataclass
class Networks:
    """What is trained: the generator, its discriminator, and the generator's running average that people see."""

    live: StyleGAN2
    discriminator: Discriminator
    average: StyleGAN2
    said: list[str] = field(default_factory=list)
    anew: frozenset[str] = frozenset()
    """The discriminator's tensors that nothing was taken over for."""


def networks(settings: TrainingSettings, shape: tuple[int, int, int], start: Checkpoint | None = None) -> Networks:
    """Networks for pictures of `shape` (height, width, channels).

    What is random comes from torch's own chance: set its seed, or leave that to `Trainer`.
    """
    if start is None:
        generator_config, critic_config = _fresh(settings, shape)
        live, discriminator = StyleGAN2(generator_config), Discriminator(critic_config)
        return Networks(live, discriminator, _average(live), anew=frozenset(discriminator.state_dict()))
    if not isinstance(start.config, StyleGAN2Config) or not isinstance(start.generator, StyleGAN2):
        raise Incompatible(
            f"A {start.kind} cannot be trained on here, only explored.", hint="Start from a StyleGAN2 checkpoint."
        )
    return _grown(settings, shape, start)


def _fresh(settings: TrainingSettings, shape: tuple[int, int, int]) -> tuple[StyleGAN2Config, DiscriminatorConfig]:
    height, width, channels = shape
    resolution, start = shape_of(height, width)
    # A small model is quick on a processor and enough for a small picture; from 256 on it is as wide as the paper's.
    base = settings.channel_base or {64: 2048, 128: 8192}.get(max(resolution, 64), 16384)
    widest = settings.channel_max or {64: 128, 128: 256}.get(max(resolution, 64), 512)
    latent = settings.latent or min(widest, 512)
    clamp = 256.0 if settings.precision == "float16" else None
    generator = StyleGAN2Config(
        resolution=resolution,
        start=start,
        img_channels=channels,
        z_dim=latent,
        w_dim=latent,
        channel_base=base,
        channel_max=widest,
        conv_clamp=clamp,
        mapping_layers=settings.mapping_layers or 2,
    )
    critic = DiscriminatorConfig(
        resolution=resolution,
        start=start,
        img_channels=channels,
        channel_base=base,
        channel_max=widest,
        conv_clamp=clamp,
    )
    return generator, critic


def _grown(settings: TrainingSettings, shape: tuple[int, int, int], start: Checkpoint) -> Networks:
    height, width, channels = shape
    resolution, own = shape_of(height, width)
    config = start.generator.config
    said = _overruled(settings, config)
    assert isinstance(start.generator, StyleGAN2)
    widths = _widths(config.channels, resolution)
    # In float16 what grows too large is cut off.
    clamp = config.conv_clamp or (256.0 if settings.precision == "float16" else None)
    generator_config = replace(
        config,
        resolution=resolution,
        start=own,
        img_channels=channels,
        c_dim=0,
        embed_features=None,
        channels=widths,
        conv_clamp=clamp,
    )
    live = StyleGAN2(generator_config)
    source = start.live if isinstance(start.live, StyleGAN2) else start.generator
    _say_size(said, config, generator_config)
    opaque = channels == 4 and config.img_channels != 4
    fitted = _fitted(_without_labels(source, said), live.state_dict())
    _say_left(said, "generator", _take(live, fitted, opaque=opaque))
    average = _average(live)
    if source is not start.generator:
        _take(average, _fitted(_without_labels(start.generator, []), average.state_dict()), opaque=opaque)
    if start.discriminator is None:
        critic_config = DiscriminatorConfig(
            resolution=resolution,
            start=own,
            img_channels=channels,
            channel_base=config.channel_base,
            channel_max=config.channel_max,
            channels=widths,
            conv_clamp=clamp,
        )
        discriminator = Discriminator(critic_config)
        said.append(
            "The start has no discriminator, so a new one is trained from nothing: "
            "the pictures get worse before they get better."
        )
        return Networks(live, discriminator, average, said, frozenset(discriminator.state_dict()))
    old = start.discriminator.config
    critic_config = replace(
        old,
        resolution=resolution,
        start=own,
        img_channels=channels,
        c_dim=0,
        cmap_dim=None,
        channels=_widths(old.channels, resolution),
        conv_clamp=old.conv_clamp or clamp,
    )
    discriminator = Discriminator(critic_config)
    known = {name: value for name, value in start.discriminator.state_dict().items() if not name.startswith("mapping.")}
    if resolution != old.resolution:
        # What looks at the picture itself stands in the first block only, and belongs to its resolution.
        known = {name: value for name, value in known.items() if ".fromrgb." not in name or old.architecture == "skip"}
    if own != old.start:
        known["b4.fc.weight"] = _stretched(known["b4.fc.weight"], old.start, own)
    if old.c_dim:
        known = {name: value for name, value in known.items() if not name.startswith("b4.out.")}
    left = _take(discriminator, _fitted(known, discriminator.state_dict()))
    _say_left(said, "discriminator", left)
    return Networks(live, discriminator, average, said, frozenset(left))


def _overruled(settings: TrainingSettings, config: StyleGAN2Config) -> list[str]:
    """What a person asked for and the start does not have."""
    said = []
    asked = replace(
        config,
        channels=() if settings.channel_base or settings.channel_max else config.channels,
        channel_base=settings.channel_base or config.channel_base,
        channel_max=settings.channel_max or config.channel_max,
    )
    if any(asked.width(resolution) != config.width(resolution) for resolution in config.resolutions):
        has = ", ".join(str(config.width(resolution)) for resolution in config.resolutions)
        said.append(f"The start decides how wide its layers are (channels, from coarse to fine: {has}).")
    for name, given, own in (
        ("latent", settings.latent, config.z_dim),
        ("mapping_layers", settings.mapping_layers, config.mapping_layers),
    ):
        if given is not None and given != own:
            said.append(f"The start decides {name}: it is {own}, not {given}.")
    return said


def _widths(channels: tuple[int, ...], resolution: int) -> tuple[int, ...]:
    """Widths named one by one, for as many blocks as there are now."""
    if not channels:
        return ()
    blocks = resolution.bit_length() - 2
    longer = list(channels[:blocks])
    while len(longer) < blocks:
        longer.append(max(longer[-1] // 2, 1))
    return tuple(longer)


def _average(live: StyleGAN2) -> StyleGAN2:
    return copy.deepcopy(live).eval().requires_grad_(False)


def _without_labels(network: StyleGAN2, said: list[str]) -> dict[str, Tensor]:
    """The tensors, with the average of all labels in the first bias where there were labels."""
    state = dict(network.state_dict())
    if not network.c_dim:
        return state
    said.append(f"The start has {network.c_dim} labels and the pictures have none: it begins from their average.")
    mapping = network.mapping
    first: Tensor = state["mapping.fc0.weight"]
    with torch.no_grad():
        embedded = normalize(mapping.embed(torch.eye(network.c_dim, device=first.device))).mean(dim=0)
        dense = mapping.get_submodule("fc0")
        assert isinstance(dense, Dense)
        shift = (first[:, mapping.z_dim :] @ embedded) * (dense.gain / dense.lr_multiplier)
        # Fewer inputs make a larger gain; the weight makes up for it.
        state["mapping.fc0.weight"] = first[:, : mapping.z_dim] * math.sqrt(mapping.z_dim / first.shape[1])
        state["mapping.fc0.bias"] = state["mapping.fc0.bias"] + shift
    return {name: value for name, value in state.items() if not name.startswith("mapping.embed.")}


def _fitted(known: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of `known` what fits, or can be made to fit, the tensors in `wanted`."""
    fitted = {}
    for name, tensor in wanted.items():
        have = known.get(name)
        if have is None:
            continue
        value = have if have.shape == tensor.shape else _reshaped(name, have, tensor)
        if value is not None:
            fitted[name] = value.detach().to(tensor)
    return fitted


def _reshaped(name: str, have: Tensor, wanted: Tensor) -> Tensor | None:
    """A tensor of another shape that does the same as far as can be; None where nothing comes near."""
    if ".torgb." in name and have.shape[1:] == wanted.shape[1:]:
        return _colours(have, wanted.shape[0])
    if ".fromrgb.weight" in name and have.shape[0] == wanted.shape[0]:
        return _seen(have, wanted.shape[1])
    if name.endswith(".const") and have.shape[0] == wanted.shape[0]:
        return F.interpolate(have[None], wanted.shape[1:], mode="bilinear", align_corners=False)[0]
    return None


def _colours(have: Tensor, channels: int) -> Tensor:
    """A layer that makes other channels: gray is the mean of colours, a new alpha is zero."""
    colours, alpha = (have[:3], have[3:]) if have.shape[0] >= 3 else (have[:1].expand(3, *have.shape[1:]), have[:0])
    if channels == 1:
        return colours.mean(dim=0, keepdim=True)
    if channels == 3:
        return colours
    if not len(alpha):
        alpha = torch.zeros_like(colours[:1])
    return torch.cat([colours, alpha])


def _seen(have: Tensor, channels: int) -> Tensor:
    """A layer that looks at other channels, and sees the same. Its gain is 1 / sqrt(channels)."""
    colours, alpha = have[:, :3], have[:, 3:]
    if have.shape[1] == 1:
        colours = have.expand(-1, 3, -1, -1) / 3
    if channels == 1:
        colours, alpha = colours.sum(dim=1, keepdim=True), alpha[:, :0]
    elif channels == 4 and not alpha.shape[1]:
        alpha = torch.zeros_like(colours[:, :1])
    elif channels == 3:
        alpha = alpha[:, :0]
    return torch.cat([colours, alpha], dim=1) * math.sqrt(channels / have.shape[1])


def _stretched(weight: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """The discriminator's last look, [outputs, channels * height * width], at another height and width."""
    grids = weight.view(weight.shape[0], -1, *old)
    # Sums over more places, with a smaller gain for each: the result stays about what it was.
    gain = math.sqrt(math.prod(old) / math.prod(new))
    return F.interpolate(grids, new, mode="bilinear", align_corners=False).flatten(1) * gain


def _take(network: nn.Module, fitted: dict[str, Tensor], *, opaque: bool = False) -> list[str]:
    """Puts the tensors in place; the names of those that begin anew."""
    network.load_state_dict(fitted, strict=False)
    if isinstance(network, StyleGAN2) and opaque:
        # The last block alone says so: what the others make is added up.
        network.get_parameter(f"synthesis.b{network.config.resolution}.torgb.bias").data[3] = 1.0
    return [name for name in network.state_dict() if name not in fitted and not name.endswith("noise_const")]


def _say_size(said: list[str], old: StyleGAN2Config, new: StyleGAN2Config) -> None:
    if old.size != new.size:
        said.append(
            f"The start makes pictures of {old.size[0]} x {old.size[1]}, these have {new.size[0]} x {new.size[1]}: "
            "layers of the same resolution are taken over."
        )
    if old.img_channels != new.img_channels:
        named = {1: "gray", 3: "in colour", 4: "with transparency"}
        said.append(
            f"The start's pictures are {named.get(old.img_channels, f'of {old.img_channels} channels')}, "
            f"these are {named.get(new.img_channels, f'of {new.img_channels} channels')}."
        )


def _say_left(said: list[str], what: str, left: list[str]) -> None:
    """Which layers begin anew, by resolution rather than by tensor."""
    if not left:
        return
    blocks = sorted(
        {int(part[1:]) for name in left for part in name.split(".") if part[0] == "b" and part[1:].isdigit()}
    )
    places = ", ".join(f"{each} x {each}" for each in blocks)
    rest = "" if places else "some of its layers"
    said.append(f"In the {what}, {f'layers at {places}' if places else rest} begin anew: they learn their part first.")
