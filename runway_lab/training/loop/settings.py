"""What is to be trained, and how: one value object, the same in Python, in the shell and in an experiment's folder.

Everything has a default that suits a person who has pictures and no opinions. `None` and "auto" mean: chosen when
the pictures, the start and the device are known (`for_pictures`), so that settings can be written down before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from runway_lab.errors import BadValue, Unknown, shorten, suggest

__all__ = ["FAMILIES", "TrainingSettings"]

FAMILIES = ("mirror", "turn", "shift", "scale", "colour", "cutout")
"""The families of augmentation; see `augment`."""

FEW, MANY = 1_000, 10_000
"""With fewer pictures than the first every safe family helps, with more than the second none is needed."""

# name: (least, most, whole number)
_RANGES: dict[str, tuple[float, float, bool]] = {
    "steps": (1, 25_000_000, True),
    "batch": (2, 4096, True),
    "part": (2, 4096, True),
    "seed": (0, 2**32 - 1, True),
    "threads": (0, 1024, True),
    "learning_rate": (1e-7, 0.1, False),
    "gamma": (0, 1e6, False),
    "r1_every": (1, 1000, True),
    "path_every": (1, 1000, True),
    "mixing": (0, 1, False),
    "ema_kimg": (0.01, 100_000, False),
    "ema_rampup": (0, 10, False),
    "freeze": (0, 64, True),
    "augment_target": (0, 1, False),
    "augment_ceiling": (0, 1, False),
    "augment_kimg": (0.1, 1e6, False),
    "sampled": (1, 100_000, True),
    "kept": (1, 10_000, True),
    "samples": (1, 256, True),
    "channel_base": (16, 2**20, True),
    "channel_max": (1, 4096, True),
    "latent": (1, 4096, True),
    "mapping_layers": (1, 16, True),
}


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """All that decides how a training goes; the same settings, pictures and device give the same model.

    >>> TrainingSettings(steps=500).batch
    16
    """

    # How long
    steps: int = 3000
    """A step is one update of both networks, from `batch` pictures."""
    batch: int = 16
    part: int | None = None
    """So many pictures at once, the rest of the batch after them: for a device with little memory."""

    # From what
    start: str = ""
    """A checkpoint to go on from; "" begins with networks that know nothing."""
    freeze: int = 0
    """So many of the discriminator's layers, from the picture on, stay as they came with the start."""
    channel_base: int | None = None
    channel_max: int | None = None
    latent: int | None = None
    mapping_layers: int | None = None

    # How
    seed: int = 0
    learning_rate: float = 0.0025
    gamma: float | None = None
    """The weight of R1: more is steadier and blander."""
    r1_every: int = 16
    path_length: bool | None = None
    path_every: int = 4
    mixing: float = 0.9
    ema_kimg: float | None = None
    ema_rampup: float = 0.05
    reuse_fakes: bool = True
    """The discriminator learns from the pictures the generator has just learned from: a forward pass saved."""

    # So that few pictures suffice
    mirror: bool = True
    """Every second picture is shown mirrored, as if there were twice as many."""
    augment: str | tuple[str, ...] = "auto"
    """Families of augmentation, "auto" or () for none."""
    augment_target: float = 0.6
    augment_ceiling: float = 0.8
    """Augmentation never becomes more likely than this: above it the pictures themselves begin to look augmented."""
    augment_kimg: float | None = None

    # On what
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    """Processor cores to use; 0: all there are."""

    # What is kept to look at
    samples: int = 32
    sampled: int = 150
    every_step: bool = False
    kept: int = 12

    def __post_init__(self) -> None:
        families: object = self.augment
        if isinstance(families, list):
            object.__setattr__(self, "augment", tuple(families))
        for each in fields(self):
            value = getattr(self, each.name)
            _check(each.name, value, each.default)
            if isinstance(value, float) and each.name in _RANGES and _RANGES[each.name][2]:
                object.__setattr__(self, each.name, int(value))
        if isinstance(self.augment, tuple):
            for family in self.augment:
                if family not in FAMILIES:
                    raise Unknown(
                        f"There is no augmentation called {shorten(family)}.", hint=suggest(str(family), FAMILIES)
                    )
        elif self.augment != "auto":
            raise BadValue(
                f"augment cannot be {shorten(self.augment)}.",
                hint='It is "auto", or a list of: ' + ", ".join(FAMILIES) + ".",
            )
        if self.precision not in ("auto", "float32", "bfloat16", "float16"):
            raise BadValue(
                f"precision cannot be {shorten(self.precision)}.", hint="It is auto, float32, bfloat16 or float16."
            )
        if self.part is not None and self.batch % self.part:
            raise BadValue(
                f"{self.batch} pictures cannot be shown in parts of {self.part}.", hint="Take a part that divides them."
            )

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> TrainingSettings:
        """From names and values, as a person or a file gives them; an unknown name is told with a suggestion."""
        names = [each.name for each in fields(cls)]
        for name in given:
            if name not in names:
                raise Unknown(f"Training has no setting {shorten(name)}.", hint=suggest(str(name), names))
        return cls(**dict(given))

    def to_json(self) -> dict[str, Any]:
        """As plain values; `of` makes the same settings of them again.

        >>> TrainingSettings.of(TrainingSettings(augment=("mirror",)).to_json()).augment
        ('mirror',)
        """
        said = asdict(self)
        said["augment"] = list(self.augment) if isinstance(self.augment, tuple) else self.augment
        return said

    def for_pictures(self, count: int, height: int, width: int, *, transfer: bool = False) -> TrainingSettings:
        """With everything decided that depends on the pictures and on whether a start is at hand (`transfer`).

        >>> TrainingSettings().for_pictures(400, 64, 64).path_length
        False
        """
        area = height * width
        decided: dict[str, Any] = {}
        if self.gamma is None:
            # Karras et al. 2020 (ADA) found 0.0002 pixels / batch for long trainings; short ones like it firmer.
            decided["gamma"] = 0.0004 * area / self.batch
        if self.path_length is None:
            decided["path_length"] = area > 64 * 64
        if self.ema_kimg is None:
            decided["ema_kimg"] = self.batch * 10 / 32
        if self.augment_kimg is None:
            decided["augment_kimg"] = 100.0 if transfer or self.start else 500.0
        if self.augment == "auto":
            decided["augment"] = (
                () if count >= MANY else ("shift", "scale", "turn", "colour")[: 4 if count < FEW else 3]
            )
        return replace(self, **decided)


def _check(name: str, value: Any, default: Any) -> None:
    if name in _RANGES:
        least, most, whole = _RANGES[name]
        if value is None and default is None:
            return
        fine = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not fine or not least <= value <= most or (whole and value != int(value)):
            raise BadValue(
                f"{name} cannot be {shorten(value)}.",
                hint=f"It is {'a whole number' if whole else 'a number'} from {least:,.10g} to {most:,.10g}.",
            )
    elif (isinstance(default, bool) or name == "path_length") and not (
        isinstance(value, bool) or (value is None and default is None)
    ):
        raise BadValue(f"{name} cannot be {shorten(value)}.", hint="It is True or False.")
    elif isinstance(default, str) and name != "augment" and not isinstance(value, str):
        raise BadValue(f"{name} cannot be {shorten(value)}.", hint="It is a word.")
