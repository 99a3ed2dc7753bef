"""Planets: shaded spheres with bands, lands, storms, polar caps, rings with shadows, air that glows, and stars.

Every property is a smooth function of normally distributed numbers: a ring is not there or missing but has a width
that may be nothing, a hue is a point on a plane with gray in its middle, stars come in constellations that brighten and
fade. So all planets form one connected landscape without cliffs, which is what a small network can learn
well in minutes, and what makes a walk from any planet to any other pleasant.

Pictures are computed, not painted: each pixel asks where its ray meets sphere and ring. Edges are softened over one
pixel by their distance, which is as good as drawing larger and shrinking, and ten times as quick.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from runway_lab.models.recipes.drawing import Floats, Picture, each_with_its_own_chance, from_oklab

__all__ = ["PROPERTIES", "draw_worlds", "properties", "worlds"]

PROPERTIES = 80
"""How many numbers describe a planet, with some to spare."""

CONSTELLATIONS, STARS = 6, 9


def worlds(count: int, seed: int, size: int = 128, *, first: int = 0) -> NDArray[np.uint8]:
    """`count` planets, `count` x `size` x `size` x 3.

    >>> worlds(2, seed=1, size=32).shape
    (2, 32, 32, 3)
    """
    numbers = properties(count, seed, first=first)
    drawn = np.empty((count, size, size, 3), np.uint8)
    for start in range(0, count, 32):
        drawn[start : start + 32] = draw_worlds(numbers[start : start + 32], size)
    return drawn


def properties(count: int, seed: int, *, first: int = 0) -> NDArray[np.float32]:
    """The numbers that describe the planets: size, roll, pitch, and the two angles of the light come first."""
    rows = [chance.standard_normal(PROPERTIES) for chance in each_with_its_own_chance(count, seed, first=first)]
    # Far-out numbers would make pictures that are seen once in a hundred and learned badly.
    return np.clip(np.stack(rows), -2.2, 2.2).astype(np.float32)


def draw_worlds(numbers: NDArray[np.float32], size: int) -> Picture:
    """The planets that rows of `PROPERTIES` numbers describe."""
    u = _Numbers(numbers)
    pixel = np.float32(2 / size)
    line = (np.arange(size, dtype=np.float32) + 0.5) * pixel - 1
    x, y = line[None, None, :], -line[None, :, None]

    radius = 0.53 * np.exp(0.10 * u())
    roll, pitch = 0.10 + 0.35 * u(), 0.12 + 0.42 * _sigmoid(1.2 * u())
    axis = (np.sin(roll) * np.cos(pitch), np.cos(roll) * np.cos(pitch), np.sin(pitch))
    across = (np.cos(roll), -np.sin(roll), np.zeros_like(roll))
    away = _cross(axis, across)
    turn, height = 2.35 + 0.5 * u(), 0.35 + 0.45 * _sigmoid(1.5 * u())
    light = (np.cos(turn) * np.sqrt(1 - height**2), np.sin(turn) * np.sqrt(1 - height**2), height)

    distance = np.sqrt(x**2 + y**2)
    disc = np.clip((radius - distance) / pixel + 0.5, 0, 1)
    # Just outside the disc the surface continues flat, so that its rim has a colour to be blended with.
    scale = np.maximum(radius, distance)
    normal = (x / scale, y / scale, np.sqrt(np.maximum(1 - (x / scale) ** 2 - (y / scale) ** 2, 0)))

    ground = _ground(u, _dot(normal, across), _dot(normal, away), _dot(normal, axis))
    base = ground.pop("tint")
    ring_width = np.maximum(0.24 + 0.40 * u(), 0)
    ring_inner, ring_gap, ring_wave = 1.28 + 0.08 * u(), 0.45 + 0.12 * u(), u()

    def ring_at(reach: Floats, soft: Floats | float) -> Floats:
        """How dense the ring is at `reach` planet radii, edges softened over `soft`."""
        edge = np.clip((reach - ring_inner) / soft + 0.5, 0, 1)
        edge = edge * np.clip((ring_inner + ring_width - reach) / soft + 0.5, 0, 1)
        part = (reach - ring_inner) / np.maximum(ring_width, 0.05)
        gap = 1 - 0.8 * np.clip((0.06 - np.abs(part - ring_gap)) * ring_width / soft * 2 + 0.5, 0, 1)
        dense: Floats = edge * gap * np.clip(ring_width / 0.08, 0, 1) * (0.72 + 0.2 * np.sin(9 * part + 2 * ring_wave))
        return dense

    daylight = _dot(normal, light)
    toward = _dot(axis, light)
    climb = -_dot(normal, axis) / np.where(np.abs(toward) < 0.08, np.copysign(0.08, toward), toward)
    hit = [n + climb * way for n, way in zip(normal, light, strict=True)]
    ring_shadow = ring_at(np.sqrt(_dot(hit, hit)), 0.06) * (climb > 0)
    lit = _smooth(daylight, -0.12, 0.85) * (1 - 0.6 * ring_shadow)
    shade = (0.05 + 0.98 * lit) * (0.72 + 0.28 * normal[2])
    surface = from_oklab(ground["lightness"], ground["a"], ground["b"]) ** 2.2 * shade[..., None]
    glint = 0.25 * _sigmoid(1.5 * u()) * np.clip(_dot(normal, _half(light)), 0, 1) ** 28
    surface = surface + glint[..., None]

    air_colour = from_oklab(0.78 + 0 * radius, base[0] + 0.06 * u(), base[1] - 0.03 + 0.06 * u()) ** 2.2
    air = 0.25 + 0.75 * _sigmoid(1.2 * u())
    rim = (1 - normal[2]) ** 3 * _smooth(daylight, -0.3, 0.6) * air
    surface = surface + rim[..., None] * air_colour

    scene = _sky(u, x, y, size)
    facing = _smooth((x * light[0] + y * light[1]) / np.maximum(distance, 1e-3), -0.9, 1.0)
    glow = np.exp(-np.maximum(distance - radius, 0) / 0.09) * facing * air * 0.55
    scene = scene + glow[..., None] * air_colour

    # Where the ray through a pixel meets the plane of the ring, in planet radii.
    depth = -(x * axis[0] + y * axis[1]) / axis[2]
    reach = np.sqrt(x**2 + y**2 + depth**2) / radius
    slope = np.hypot(*np.gradient(reach, axis=(1, 2)))
    density = ring_at(reach, np.maximum(slope, 1e-3))
    along = x * light[0] + y * light[1] + depth * light[2]
    aside = np.sqrt(np.maximum(x**2 + y**2 + depth**2 - along**2, 0)) / radius
    ring_light = 1 - 0.93 * _smooth(-along / radius, 0, 0.15) * _smooth(-aside, -1.05, -0.95)
    ring_tint = from_oklab(0.80 + 0.05 * u(), 0.5 * base[0] + 0.035 * u(), 0.5 * base[1] + 0.02 + 0.035 * u())
    ring = ring_tint**2.2 * (0.85 * ring_light)[..., None]

    behind = (density * (depth < 0))[..., None]
    front = (density * (depth >= 0))[..., None]
    scene = scene * (1 - behind) + ring * behind
    scene = scene * (1 - disc[..., None]) + surface * disc[..., None]
    scene = scene * (1 - front) + ring * front
    # A gentle shoulder instead of a hard ceiling keeps the bright side from burning out.
    scene = 1 - np.exp(-1.4 * scene)
    drawn: Picture = (np.clip(scene, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)
    return drawn


class _Numbers:
    """Hands out the next number of each planet, shaped to be used with pictures."""

    def __init__(self, numbers: NDArray[np.float32]) -> None:
        self._columns: Iterator[NDArray[np.float32]] = iter(numbers.T)

    def __call__(self) -> NDArray[np.float32]:
        return next(self._columns)[:, None, None]


def _ground(u: _Numbers, a: Floats, b: Floats, s: Floats) -> dict[str, Floats]:
    """Bands bent by winds, lands, caps and a storm: colours at points of the sphere, `s` along its axis."""
    bent = s + 0.10 * (u() * a * b + u() * a * s + u() * b * (1 - s * s) + u() * (a * a - b * b))
    bands = sum((u() * np.cos(k * 2.2 * bent) + u() * np.sin(k * 2.2 * bent)) * (0.75 / k**0.4) for k in range(1, 5))
    streaks = sum((u() * np.cos(k * bent) + u() * np.sin(k * bent)) * 0.5 for k in (5.0, 9.0))
    a, b = (
        a + 0.22 * (u() * np.sin(3 * s) + u() * np.cos(4 * b)),
        b + 0.22 * (u() * np.cos(3 * s) + u() * np.sin(4 * a)),
    )
    lands = 0.75 * (u() * a + u() * b + u() * s)
    lands = lands + 1.3 * (u() * a * b + u() * a * s + u() * b * s + u() * (a * a - b * b))
    lands = lands + 2.2 * (u() * a * (a * a - 3 * b * b) + u() * a * b * s + u() * s * (a * a - b * b))
    lands = lands + 1.6 * (u() * np.sin(5 * a + 2 * s) + u() * np.sin(5 * b - 3 * s)) * 0.35
    banded = _sigmoid(2.2 * u())
    mix = _sigmoid(5.0 * (banded * bands + (1 - banded) * lands))
    streak = 0.75 * _sigmoid(4.0 * (streaks - 0.5))

    lightness, green, blue = 0.74 + 0.07 * u(), 0.085 * u(), 0.085 * u()
    tint = (green, blue)
    colours = {"lightness": lightness, "a": green, "b": blue}
    second = {"lightness": lightness - 0.20 + 0.09 * u(), "a": green + 0.085 * u(), "b": blue + 0.085 * u()}
    third = {"lightness": lightness + 0.08 + 0.05 * u(), "a": green + 0.07 * u(), "b": blue + 0.07 * u()}

    storm_lat, storm_lon, storm_size = 0.45 * u(), 0.5 * u(), np.maximum(0.10 + 0.12 * u(), 0)
    east = np.arctan2(a, np.maximum(b, 1e-3)) - storm_lon
    off = np.hypot(1.7 * (s - storm_lat), east * np.sqrt(np.maximum(1 - s * s, 0)))
    storm = np.clip((storm_size - off) / 0.04 + 0.5, 0, 1) * (b > 0) * np.clip(storm_size / 0.05, 0, 1)
    cap = np.clip((np.abs(bent) - (1.0 + 0.12 * u())) / 0.04 + 0.5, 0, 1)

    for name, other, extra in (("lightness", 0.96, 0.0), ("a", 0.0, 0.0), ("b", 0.0, 0.0)):
        value = colours[name] * (1 - mix) + second[name] * mix
        value = value * (1 - streak) + third[name] * streak
        value = value * (1 - 0.9 * storm) + (third[name] + extra) * 0.9 * storm
        colours[name] = value * (1 - 0.85 * cap) + other * 0.85 * cap
    colours["tint"] = np.stack(tint)
    return colours


def _sky(u: _Numbers, x: Floats, y: Floats, size: int) -> Floats:
    """Night in two colours, and constellations; linear light."""
    green, blue = 0.03 * u(), -0.035 + 0.035 * u()
    lean = u()
    mix = _sigmoid(2.5 * (y * 0.8 + 0.4 * x * lean))
    night = from_oklab(0.15 + 0.02 * u() + 0 * mix, green + 0 * mix, blue + 0 * mix)
    dusk = from_oklab(0.24 + 0.05 * u() + 0 * mix, green + 0.04 * u() + 0 * mix, blue + 0.03 * u() + 0 * mix)
    sky = (night * mix[..., None] + dusk * (1 - mix[..., None])) ** 2.2
    fixed = np.random.default_rng(20)
    for _ in range(CONSTELLATIONS):
        brightness = np.maximum(0.25 + 0.5 * u(), 0)
        stars = np.zeros_like(x * y)
        for _ in range(STARS):
            at = fixed.uniform(-1, 1, 2)
            spread = np.float32(2.0 / 128 * fixed.uniform(0.45, 0.75))
            stars = stars + fixed.uniform(0.3, 1.0) * np.exp(
                -((x - np.float32(at[0])) ** 2 + (y - np.float32(at[1])) ** 2) / (2 * spread**2)
            )
        sky = sky + (brightness * stars)[..., None] * np.array([1.0, 0.97, 0.9], np.float32)
    return sky


def _sigmoid(x: Floats | float) -> Floats:
    squashed: Floats = 0.5 + 0.5 * np.tanh(0.5 * np.asarray(x))
    return squashed


def _smooth(x: Floats, low: float, high: float) -> Floats:
    """0 below `low`, 1 above `high`, and smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    eased: Floats = t * t * (3 - 2 * t)
    return eased


def _dot(a: tuple[Floats, ...] | list[Floats], b: tuple[Floats, ...] | list[Floats]) -> Floats:
    product: Floats = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return product


def _cross(a: tuple[Floats, ...], b: tuple[Floats, ...]) -> tuple[Floats, ...]:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _half(light: tuple[Floats, ...]) -> tuple[Floats, ...]:
    """Half way between the light and the eye: where a glossy ball shows its highlight."""
    x, y, z = light[0], light[1], light[2] + 1
    length = np.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length
