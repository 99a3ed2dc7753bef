"""Places in a model's latent space, and ways between them: arithmetic on vectors, no network needed.

A `Point` lies in Z (what a seed gives), in W (what the mapping makes of it) or in W+ (a w for each layer), and
remembers where it comes from: seed, truncation, label, edits. Points are values: every operation gives a new
one.

In Z nearly all points lie near a sphere of radius sqrt(size), and a straight line between two of them cuts through the
inside, where the model has seen nothing; so interpolation follows the great circle (Shoemake, "Animating Rotation with
Quaternion Curves", 1985). W has no such sphere and is made to be straight, so there it is linear.

>>> a, b = seed(7), seed(8)
>>> a.space, a.values.shape, a.seed
('z', (512,), 7)
>>> halfway = interpolate(a, b, 0.5)
>>> bool(0.9 < np.linalg.norm(halfway.values) / np.linalg.norm(a.values) < 1.1)
True
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runway_lab.errors import BadValue, suggest

__all__ = [
    "EASINGS",
    "Direction",
    "Edit",
    "Keyframe",
    "Path",
    "Point",
    "circle",
    "grid",
    "interpolate",
    "lerp",
    "load_directions",
    "mix",
    "neighbours",
    "save_directions",
    "seed",
    "slerp",
]

Vector = NDArray[np.float32]
EASINGS: dict[str, Callable[[float], float]] = {
    "ease": lambda t: t * t * (3 - 2 * t),
    "ease-in": lambda t: t * t,
    "ease-out": lambda t: t * (2 - t),
    "hold": lambda t: 0.0 if t < 1 else 1.0,
    "linear": lambda t: t,
    "smooth": lambda t: t**3 * (t * (6 * t - 15) + 10),
}
_SPACES = ("z", "w", "w+")


@dataclass(frozen=True)
class Edit:
    """One step along a direction, for the record."""

    name: str
    amount: float
    layers: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Point:
    """A place in Z [size], W [size] or W+ [layers, size], and where it comes from.

    >>> Point("w", [1.0, 2.0]) == Point("w", [1.0, 2.0])
    True
    >>> Point.from_json(seed(3, 16).to_json()) == seed(3, 16)
    True
    """

    space: str
    values: Vector
    seed: int | None = None
    psi: float = 1.0
    label: int | None = None
    edits: tuple[Edit, ...] = ()
    note: str = ""

    def __init__(
        self,
        space: str,
        values: ArrayLike,
        *,
        seed: int | None = None,
        psi: float = 1.0,
        label: int | None = None,
        edits: Iterable[Edit] = (),
        note: str = "",
    ) -> None:
        if space not in _SPACES:
            raise BadValue(f"There is no latent space {space!r}.", hint=suggest(space, _SPACES))
        array = np.array(values, dtype=np.float32)
        if array.ndim == 2 and len(array) == 1 and space != "w+":
            array = array[0]
        if array.ndim != (2 if space == "w+" else 1) or not array.size:
            wanted = "[layers, size]" if space == "w+" else "[size]"
            raise BadValue(
                f"A point in {space.upper()} cannot have the shape {list(array.shape)}.", hint=f"It is {wanted}."
            )
        if not np.isfinite(array).all():
            raise BadValue("A point has numbers that are not finite.", hint="Look where they come from.")
        array.setflags(write=False)
        for name, value in (
            ("space", space),
            ("values", array),
            ("seed", seed),
            ("psi", float(psi)),
            ("label", label),
            ("edits", tuple(edits)),
            ("note", note),
        ):
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Point):
            return NotImplemented
        mine = (self.space, self.seed, self.psi, self.label, self.edits, self.note)
        theirs = (other.space, other.seed, other.psi, other.label, other.edits, other.note)
        return mine == theirs and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.space, self.seed, self.values.tobytes()))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def size(self) -> int:
        """Numbers in one vector."""
        return int(self.values.shape[-1])

    def widened(self, layers: int) -> Point:
        """A point of W as one of W+, the same in each of `layers`; one of W+ as it is."""
        if self.space == "z":
            raise BadValue("A point of Z has no layers.", hint="Map it to W first.")
        if self.space == "w":
            return self._with(np.tile(self.values, (layers, 1)), space="w+")
        if len(self.values) != layers:
            raise BadValue(f"This point has {len(self.values)} layers.", hint=f"A point for this model has {layers}.")
        return self

    def moved(self, direction: Direction, amount: float, layers: int | None = None) -> Point:
        """`amount` steps along a direction; a direction with a range of layers makes a point of W+ of it."""
        if self.space == "z":
            raise BadValue("Directions lead through W.", hint="Map the point to W first.")
        if direction.vector.shape[-1] != self.size:
            raise BadValue(
                f"The direction {direction.name!r} has {direction.vector.shape[-1]} numbers, this point {self.size}.",
                hint="It belongs to another model.",
            )
        edits = (*self.edits, Edit(direction.name, float(amount), direction.layers))
        if direction.layers is None:
            return self._with(self.values + amount * direction.vector, edits=edits)
        if self.space == "w" and layers is None:
            raise BadValue(
                f"The direction {direction.name!r} is for some layers only.",
                hint="Say how many the model has: layers=.",
            )
        wide = self if self.space == "w+" else self.widened(layers or 0)
        values = wide.values.copy()
        first, last = direction.layers
        values[first : last + 1] += amount * direction.vector
        return wide._with(values, edits=edits)

    def _with(self, values: ArrayLike, **changes: Any) -> Point:
        kept = {name: getattr(self, name) for name in ("space", "seed", "psi", "label", "edits", "note")}
        kept |= changes
        return Point(kept.pop("space"), values, **kept)

    def to_json(self) -> dict[str, Any]:
        """Plain values; a point that its seed says all about is stored as its seed."""
        told: dict[str, Any] = {"space": self.space, "psi": self.psi}
        if self.seed is not None:
            told["seed"] = self.seed
        if self.label is not None:
            told["label"] = self.label
        if self.note:
            told["note"] = self.note
        if self.edits:
            told["edits"] = [[edit.name, edit.amount, edit.layers] for edit in self.edits]
        if (
            self.space == "z"
            and self.seed is not None
            and np.array_equal(self.values, _from_seed(self.seed, len(self)))
        ):
            return told | {"size": len(self)}
        return told | {"shape": list(self.values.shape), "values": _packed(self.values)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Point:
        """The point that `to_json` told about."""
        try:
            edits = [
                Edit(str(name), float(amount), None if layers is None else (int(layers[0]), int(layers[1])))
                for name, amount, layers in told.get("edits", ())
            ]
            values = (
                _unpacked(told["values"], told["shape"]) if "values" in told else _from_seed(told["seed"], told["size"])
            )
            return cls(
                told["space"],
                values,
                seed=told.get("seed"),
                psi=told.get("psi", 1.0),
                label=told.get("label"),
                edits=edits,
                note=str(told.get("note", "")),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BadValue(
                "This is no point in a latent space.", hint="It was stored by another program, or damaged."
            ) from error


@dataclass(frozen=True, eq=False)
class Direction:
    """A way through W: a vector, a name, and the layers it is for (first and last; None: all)."""

    name: str
    vector: Vector
    layers: tuple[int, int] | None = None
    source: str = ""
    share: float = 0.0

    def named(self, name: str) -> Direction:
        return replace(self, name=name)

    def to_json(self) -> dict[str, Any]:
        told = {"name": self.name, "layers": self.layers, "source": self.source, "share": self.share}
        return told | {"size": len(self.vector), "vector": _packed(self.vector)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Direction:
        layers = told.get("layers")
        return cls(
            str(told["name"]),
            _unpacked(told["vector"], [told["size"]]),
            None if layers is None else (int(layers[0]), int(layers[1])),
            str(told.get("source", "")),
            float(told.get("share", 0.0)),
        )


def save_directions(path: Any, directions: Sequence[Direction]) -> None:
    """Write directions as JSON, for instance beside their model."""
    text = json.dumps([direction.to_json() for direction in directions], indent=1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def load_directions(path: Any) -> list[Direction]:
    """Read what `save_directions` wrote."""
    try:
        with open(path, encoding="utf-8") as file:
            return [Direction.from_json(told) for told in json.load(file)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadValue(f"{path} has no directions.", hint="It was written by another program, or damaged.") from error


def _packed(values: Vector) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _unpacked(text: str, shape: Sequence[int]) -> Vector:
    values: Vector = np.frombuffer(base64.b64decode(text), dtype="<f4").reshape(shape).astype(np.float32)
    return values


def _from_seed(number: int, size: int) -> Vector:
    values: Vector = np.random.RandomState(number).randn(1, size)[0].astype(np.float32)
    return values


def seed(number: int, size: int = 512) -> Point:
    """The z that the reference tools give for a seed.

    >>> bool(np.allclose(seed(0, 3).values, [1.764052, 0.400157, 0.978738]))
    True
    """
    if not 0 <= number < 2**32:
        raise BadValue(f"{number} is no seed.", hint="A seed is a whole number from 0 to 4294967295.")
    return Point("z", _from_seed(number, size), seed=number)


def lerp(a: ArrayLike, b: ArrayLike, t: float) -> Vector:
    """The straight way from `a` (t = 0) to `b` (t = 1)."""
    start, end = np.asarray(a, dtype=np.float32), np.asarray(b, dtype=np.float32)
    between: Vector = (start + np.float32(t) * (end - start)).astype(np.float32)
    return between


def slerp(a: ArrayLike, b: ArrayLike, t: float) -> Vector:
    """The way along the great circle; lengths change evenly. Opposite or equal vectors go straight."""
    start, end = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    if min(lengths) == 0:
        return lerp(start, end, t)
    one, other = start / lengths[0], end / lengths[1]
    angle = math.acos(float(np.clip(np.sum(one * other), -1, 1)))
    if angle < 1e-6 or math.pi - angle < 1e-6:
        return lerp(start, end, t)
    on_sphere = (math.sin((1 - t) * angle) * one + math.sin(t * angle) * other) / math.sin(angle)
    between: Vector = (on_sphere * (lengths[0] + t * (lengths[1] - lengths[0]))).astype(np.float32)
    return between


def interpolate(a: Point, b: Point, t: float) -> Point:
    """Between two points: round the sphere in Z, straight in W and W+. At the ends these points themselves."""
    a, b = _together(a, b)
    if t in (0, 1):
        return b if t else a
    values = slerp(a.values, b.values, t) if a.space == "z" else lerp(a.values, b.values, t)
    return Point(a.space, values, psi=a.psi + t * (b.psi - a.psi), note=f"{t:.3f} of the way")


def _together(a: Point, b: Point) -> tuple[Point, Point]:
    if {a.space, b.space} == {"w", "w+"}:
        layers = len(a if a.space == "w+" else b)
        a, b = a.widened(layers), b.widened(layers)
    if a.space != b.space or a.values.shape != b.values.shape:
        raise BadValue(
            f"A point in {a.space.upper()} {list(a.values.shape)} and one in {b.space.upper()} {list(b.values.shape)} "
            "have nothing in between.",
            hint="Take two points of one model; map those of Z to W first.",
        )
    return a, b


def neighbours(
    point: Point, count: int, similarity: float = 0.8, *, seed: int = 0, spread: ArrayLike = 1.0
) -> list[Point]:
    """Points around one: at `similarity` 1 itself, at 0 any.

    In Z each has the correlation `similarity` with `point`; in W and W+ it goes part of the way to a random
    point, whose distance `spread` (one number, or one for each) tells.
    """
    if not 0 <= similarity <= 1:
        raise BadValue(f"A similarity of {similarity} makes no sense.", hint="It is a number from 0 to 1.")
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        noise = random.standard_normal(point.values.shape if point.space == "z" else point.size)
        away = math.sqrt(1 - similarity**2)
        if point.space == "z":
            values = similarity * point.values + away * noise
        else:
            values = point.values + away * np.asarray(spread) * noise
        found.append(Point(point.space, values, psi=point.psi, label=point.label, note=f"near, {similarity:g} alike"))
    return found


def grid(corners: Sequence[Point], rows: int, columns: int) -> list[list[Point]]:
    """Rows of points between four corners: top left, top right, bottom left, bottom right."""
    if len(corners) != 4 or rows < 1 or columns < 1:
        raise BadValue("A grid has four corners and at least one row and column.", hint="Pass four points.")
    lines = []
    for row in range(rows):
        down = row / max(rows - 1, 1)
        left, right = interpolate(corners[0], corners[2], down), interpolate(corners[1], corners[3], down)
        lines.append([interpolate(left, right, column / max(columns - 1, 1)) for column in range(columns)])
    return lines


def circle(a: Point, b: Point, frames: int) -> list[Point]:
    """A closed loop of `frames` points of Z through `a`, on the great circle that leads towards `b`.

    >>> loop = circle(seed(1), seed(2), 60)
    >>> bool(np.allclose(loop[0].values, seed(1).values, atol=1e-5))
    True
    """
    a, b = _together(a, b)
    if a.space != "z":
        raise BadValue("A circle runs through Z.", hint="In W, use a closed Path.")
    start, towards = a.values.astype(np.float64), b.values.astype(np.float64)
    radius = np.linalg.norm(start)
    across = towards - start * (start @ towards) / radius**2
    across *= radius / max(float(np.linalg.norm(across)), 1e-12)
    turns = (2 * math.pi * i / frames for i in range(frames))
    return [Point("z", math.cos(turn) * start + math.sin(turn) * across, note="on a circle") for turn in turns]


def mix(coarse: Point, fine: Point, layers: tuple[int, int] | Sequence[int], count: int | None = None) -> Point:
    """`coarse` with the `layers` (first and last, or a list) of `fine`: style mixing. `count`: layers of the model."""
    if "z" in (coarse.space, fine.space):
        raise BadValue("Points of Z cannot be mixed by layer.", hint="Map them to W first.")
    known = [len(point) for point in (coarse, fine) if point.space == "w+"]
    number = known[0] if known else count
    if number is None:
        raise BadValue("How many layers the model has is not known here.", hint="Say it: count=.")
    one, other = coarse.widened(number), fine.widened(number)
    one, other = _together(one, other)
    chosen = range(layers[0], layers[1] + 1) if isinstance(layers, tuple) and len(layers) == 2 else layers
    if any(not 0 <= layer < number for layer in chosen):
        raise BadValue("There is no such layer.", hint=f"The layers are 0 to {number - 1}.")
    values = one.values.copy()
    values[list(chosen)] = other.values[list(chosen)]
    return one._with(values, note="mixed")


@dataclass(frozen=True)
class Keyframe:
    """A point, when it is reached, and how the way from it to the next one is gone."""

    point: Point
    at: float
    easing: str = "ease"


@dataclass(frozen=True)
class Path:
    """A way through key frames. `closed` leads back to the first, `returning` seconds after the last.

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
