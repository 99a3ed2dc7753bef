"""A way through key frames, in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from runway_lab.errors import BadValue, suggest
from runway_lab.latents.point import Point
from runway_lab.latents.ways import interpolate

__all__ = ["EASINGS", "Keyframe", "Path"]

EASINGS: dict[str, Callable[[float], float]] = {
    "ease": lambda t: t * t * (3 - 2 * t),
    "ease-in": lambda t: t * t,
    "ease-out": lambda t: t * (2 - t),
    "hold": lambda t: 0.0 if t < 1 else 1.0,
    "linear": lambda t: t,
    "smooth": lambda t: t**3 * (t * (6 * t - 15) + 10),
}


@dataclass(frozen=True)
class Keyframe:
    """A point, when it is reached, and how the way from it to the next one is gone."""

    point: Point
    at: float
    easing: str = "ease"


@dataclass(frozen=True)
class Path:
    """A way through key frames. `closed` leads back to the first, `returning` seconds after the last.

    >>> from runway_lab.latents import seed
    >>> path = Path([Keyframe(seed(1), 0), Keyframe(seed(2), 2)], closed=True, returning=2)
    >>> path.duration, len(path.frames(rate=10))
    (4, 40)
    >>> path.at(4) == path.at(0) == seed(1)
    True
    """

    keyframes: Sequence[Keyframe]
    closed: bool = False
    returning: float = 1.0
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        times = [frame.at for frame in self.keyframes]
        if not times or any(b <= a for a, b in pairwise(times)):
            raise BadValue("Key frames must come one after the other.", hint="Give each a later time than the last.")
        for frame in self.keyframes:
            if frame.easing not in EASINGS:
                raise BadValue(f"There is no easing {frame.easing!r}.", hint=suggest(frame.easing, EASINGS))
        if self.closed and self.returning <= 0:
            raise BadValue("The way back takes some time.", hint="Set `returning` to some seconds.")

    @classmethod
    def through(
        cls, points: Sequence[Point], seconds: float = 2.0, *, closed: bool = False, easing: str = "ease"
    ) -> Path:
        """Evenly through `points`, `seconds` from one to the next."""
        frames = [Keyframe(point, i * seconds, easing) for i, point in enumerate(points)]
        return cls(frames, closed=closed, returning=seconds)

    @property
    def duration(self) -> float:
        span = self.keyframes[-1].at - self.keyframes[0].at
        return span + self.returning if self.closed else span

    def at(self, time: float) -> Point:
        """Where the path is at a time, counted from its first key frame; a closed one goes round and round."""
        frames = list(self.keyframes)
        start = frames[0].at
        if self.closed:
            frames.append(replace(frames[0], at=frames[-1].at + self.returning))
            time %= self.duration
        time = min(max(time + start, start), frames[-1].at)
        for here, there in pairwise(frames):
            if time <= there.at:
                t = (time - here.at) / (there.at - here.at)
                return interpolate(here.point, there.point, EASINGS[here.easing](t))
        return frames[-1].point

    def frames(self, rate: float = 30.0) -> list[Point]:
        """One point for each frame of a film; of a closed path the last is one step before the first."""
        count = max(round(self.duration * rate), 1)
        steps = count if self.closed else max(count - 1, 1)
        return [self.at(self.duration * i / steps) for i in range(count)]
