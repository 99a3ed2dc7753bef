"""Between points and around them: interpolation, neighbours, grids, circles, mixing by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from runway_lab.errors import BadValue
from runway_lab.latents.point import Point, Vector

__all__ = ["circle", "grid", "interpolate", "lerp", "mix", "neighbours", "slerp"]


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

    >>> from runway_lab.latents import seed
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
    return one.changed(values, note="mixed")
