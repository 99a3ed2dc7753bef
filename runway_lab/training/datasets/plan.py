"""What a dataset is to become: size, channels, crop, copies, decisions. Checked once, here, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from runway_lab.errors import BadValue, shorten
from runway_lab.training.datasets.kinds import SKIP, decided

__all__ = ["CHANNELS", "CROPS", "Copy", "Plan", "sides", "size_of"]

CROPS = ("center", "random", "none")
CHANNELS = {"gray": 1, "rgb": 3, "rgba": 4}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
LEAST, MOST = 8, 4096

TURN, CLOSER, FARTHER = 10.0, 1.25, 1.25
"""What `rotate`, `zoom_in` and `zoom_out` mean when somebody only says yes: degrees, and times."""


@dataclass(frozen=True)
class Copy:
    """One picture that is made of an original: as it is, or one of its copies."""

    name: str = ""
    mirror: bool = False
    turn: float = 0.0
    zoom: float = 1.0


@dataclass(frozen=True)
class Plan:
    """How pictures are prepared.

    `rotate` adds two copies, turned by so many degrees to either side; `zoom_in` and `zoom_out` add a copy that shows
    less or more by that factor; `mirror` adds a mirrored copy. 0 and False add nothing.
    """

    height: int
    width: int
    channels: str = "rgb"
    crop: str = "center"
    mirror: bool = False
    rotate: float = 0.0
    zoom_in: float = 0.0
    zoom_out: float = 0.0
    seed: int = 0
    decisions: Mapping[str, str] = field(default_factory=lambda: decided({}), hash=False)

    @property
    def depth(self) -> int:
        """How many channels that is."""
        return CHANNELS[self.channels]

    @property
    def mode(self) -> str:
        """The mode of Pillow."""
        return MODES[self.depth]

    @property
    def bytes_each(self) -> int:
        """How large one prepared picture is."""
        return self.height * self.width * self.depth

    @property
    def copies(self) -> tuple[Copy, ...]:
        """What is made of each picture, itself first."""
        return tuple(self._copies())

    def _copies(self) -> Iterator[Copy]:
        yield Copy()
        if self.mirror:
            yield Copy("mirrored", mirror=True)
        if self.rotate:
            yield Copy("turned left", turn=self.rotate)
            yield Copy("turned right", turn=-self.rotate)
        if self.zoom_in:
            yield Copy("closer", zoom=self.zoom_in)
        if self.zoom_out:
            yield Copy("farther", zoom=1 / self.zoom_out)

    def skips(self, finding: str) -> bool:
        """Whether what has this finding is left out."""
        return self.decisions.get(finding) == SKIP

    def deciding(self, decisions: Mapping[str, str]) -> Plan:
        """The same plan with other decisions."""
        return replace(self, decisions=decided({**self.decisions, **decisions}, self.crop, self.channels))

    def to_json(self) -> dict[str, Any]:
        """As plain values, for a record."""
        return {**asdict(self), "decisions": dict(self.decisions)}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Plan:
        """Back from plain values, which may come from anywhere."""
        rest = {key: value for key, value in table.items() if key not in ("height", "width")}
        return cls.of((table["height"], table["width"]), **rest)

    @classmethod
    def of(
        cls,
        size: Any,
        channels: str = "rgb",
        crop: str = "center",
        *,
        mirror: Any = False,
        rotate: Any = False,
        zoom_in: Any = False,
        zoom_out: Any = False,
        seed: int = 0,
        decisions: Mapping[str, str] | None = None,
        film: bool = False,
    ) -> Plan:
        """A plan out of what a person says, or words about what is wrong with it.

        >>> Plan.of(64, rotate=True).rotate
        10.0
        """
        if crop not in CROPS:
            raise BadValue(f"The crop {shorten(crop)} is not known.", hint=f"Allowed: {', '.join(map(repr, CROPS))}.")
        if channels not in CHANNELS:
            raise BadValue(
                f"A dataset cannot have the channels {shorten(channels)}.",
                hint="Allowed: 'rgb', 'gray', 'rgba' or 'auto'.",
            )
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise BadValue(f"A seed cannot be {shorten(seed)}.", hint="Allowed: whole numbers from 0 on.")
        height, width = size_of(size)
        return cls(
            height,
            width,
            channels,
            crop,
            mirror=_is_on("mirror", mirror),
            rotate=_amount("rotate", rotate, TURN, 0.5, 180),
            zoom_in=_amount("zoom_in", zoom_in, CLOSER, 1.01, 4),
            zoom_out=_amount("zoom_out", zoom_out, FARTHER, 1.01, 4),
            seed=seed,
            decisions=decided(decisions or {}, crop, channels, film),
        )


def size_of(size: Any) -> tuple[int, int]:
    """Height and width: from one number for a square, or from both.

    >>> size_of(64), size_of((64, 128))
    ((64, 64), (64, 128))
    """
    both = size if isinstance(size, (tuple, list)) else (size, size)
    fine = len(both) == 2 and all(
        not isinstance(each, bool) and hasattr(each, "__index__") and LEAST <= int(each) <= MOST for each in both
    )
    if not fine:
        raise BadValue(
            f"Pictures of a dataset cannot have the size {shorten(size)}.",
            hint=f"Allowed: a number of pixels from {LEAST} to {MOST}, such as 256, "
            "or height and width, such as (128, 256).",
        )
    return int(both[0]), int(both[1])


def sides(height: int, width: int) -> str:
    """A size in words, in the order in which a person gives it: the height first.

    >>> sides(64, 64), sides(32, 64)
    ('64x64', '32x64 (height x width)')
    """
    return f"{height}x{width}" + ("" if height == width else " (height x width)")


def _is_on(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadValue(f"{name} cannot be {shorten(value)}.", hint="Allowed: True or False.")
    return value


def _amount(name: str, value: Any, default: float, least: float, most: float) -> float:
    if value is True:
        return default
    if value in (False, None, 0):
        return 0.0
    if isinstance(value, (int, float)) and math.isfinite(value) and least <= value <= most:
        return float(value)
    raise BadValue(
        f"{name} cannot be {shorten(value)}.", hint=f"Allowed: True, False, or a number from {least:g} to {most:g}."
    )
