"""One model made of two: weights in between, or coarse layers of one and fine layers of the other.

Models that come from one parent by training further stay close enough for their weights to be mixed (Pinkney and Adler,
"Resolution Dependent GAN Interpolation for Controllable Image Synthesis Between Domains", 2020). With one
`amount` for all layers that gives something in between; with a step at some resolution it takes shapes from one
and textures from the other, which made faces into cartoons; `width` makes the step a slope.

The mapping and the mean of w come from `a` where layers are swapped: the ws must mean the same to all layers.
"""

from __future__ import annotations

import copy
import re
from dataclasses import fields

import torch

from runway_lab.errors import BadValue
from runway_lab.stylegan.checkpoint import Checkpoint
from runway_lab.stylegan.errors import Incompatible
from runway_lab.stylegan.generator import Generator
from runway_lab.stylegan.stylegan2 import StyleGAN2Config

__all__ = ["amounts_by_resolution", "blend", "check_compatible"]

_HARMLESS = {"conv_clamp", "fp16_blocks"}


def check_compatible(a: Generator, b: Generator) -> None:
    """Raise `Incompatible`, naming the difference, unless the weights of two generators fit each other."""
    one, other = a.config, b.config
    if type(one) is not type(other):
        raise Incompatible("A StyleGAN2 and a StyleGAN3 cannot be mixed.", hint="Take two models of one kind.")
    for field in fields(one):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if mine != theirs and field.name not in _HARMLESS:
            raise Incompatible(
                f"These models differ in {field.name.replace('_', ' ')}: {mine} and {theirs}.",
                hint="Only models of one shape can be mixed, best a model and one trained on from it.",
            )


def amounts_by_resolution(config: StyleGAN2Config, swap_from: int, width: float = 0.0) -> dict[int, float]:
    """For each resolution how much of `b` there is: none below `swap_from`, all from there on; `width` in doublings.

    >>> amounts_by_resolution(StyleGAN2Config(resolution=64), 16)
    {4: 0.0, 8: 0.0, 16: 1.0, 32: 1.0, 64: 1.0}
    """
    if swap_from not in config.resolutions:
        known = ", ".join(map(str, config.resolutions))
        raise BadValue(f"This model has no layers at {swap_from}.", hint=f"It has layers at {known}.")
    amounts = {}
    for resolution in config.resolutions:
        # From half a doubling before: that lies between this resolution and the one before.
        beyond = resolution.bit_length() - swap_from.bit_length() + 0.5
        share = float(beyond > 0) if width <= 0 else min(max(beyond / width + 0.5, 0.0), 1.0)
        amounts[resolution] = share
    return amounts


@torch.no_grad()
def blend(
    a: Checkpoint,
    b: Checkpoint,
    amount: float = 0.5,
    *,
    swap_from: int | None = None,
    width: float = 0.0,
) -> Checkpoint:
    """A new checkpoint: `amount` of `b` in `a`; with `swap_from`, coarse layers of `a` and fine ones of `b`.

    With `swap_from`, `amount` is how much of `b` the fine layers have. The discriminator is that of `b`, where it fits.
    """
    check_compatible(a.generator, b.generator)
    if not 0 <= amount <= 1:
        raise BadValue(f"An amount of {amount} makes no sense.", hint="0 is the first model, 1 the second.")
    shares: dict[int, float] | None = None
    if swap_from is not None:
        if not isinstance(a.config, StyleGAN2Config):
            raise BadValue(
                "Layers can be swapped by resolution in StyleGAN2 only.", hint="Mix with one amount instead."
            )
        shares = amounts_by_resolution(a.config, swap_from, width)
    generator = copy.deepcopy(a.generator)
    other = b.generator.state_dict()
    for name, tensor in generator.state_dict().items():
        share = amount
        if shares is not None:
            match = re.match(r"synthesis\.b(\d+)\.", name)
            share = amount * shares[int(match[1])] if match else 0.0
        # A filter, the mean and noise mix as the weights do.
        tensor.copy_(torch.lerp(tensor, other[name].to(tensor), share))
    how = {"amount": amount} | ({} if swap_from is None else {"swap_from": swap_from, "width": width})
    parents = [{"lineage": each.lineage, "licence": each.licence, "recipe": each.recipe} for each in (a, b)]
    licences = sorted({each.licence for each in (a, b) if each.licence})
    return Checkpoint(
        generator=generator,
        discriminator=copy.deepcopy(b.discriminator),
        kind=a.kind,
        config=a.config,
        labels=a.labels,
        format="blend",
        licence="; ".join(licences),
        lineage=[{"blend": how, "parents": parents}],
    )
