"""One flower on its stem: the petals in rows around a heart, a wall of soft light behind.

All petals of a row are one colour field: it runs from the throat to the tips and around with the light, so that a
flower of sixty petals is lit as one thing. Every other petal lies on its neighbours and throws a shadow on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import Points, Sheet, ellipse, moved, ribbon, smooth, smoothstep
from runway_lab.training.drawn.tones import Tone, mix

__all__ = ["Flower", "draw_flower"]

# Name: petals in a row, rows, length, width of a petal, where it is widest, how pointed it is, size of the heart.
SHAPES: dict[str, tuple[tuple[int, int], tuple[int, int], float, float, float, float, float]] = {
    "daisy": ((13, 21), (1, 2), 0.300, 0.050, 0.62, 0.25, 0.085),
    "poppy": ((4, 6), (1, 2), 0.290, 0.178, 0.66, 0.05, 0.055),
    "cosmos": ((8, 8), (1, 1), 0.305, 0.105, 0.70, 0.10, 0.060),
    "star": ((5, 6), (1, 2), 0.315, 0.105, 0.45, 0.95, 0.045),
    "sunflower": ((15, 19), (2, 2), 0.315, 0.058, 0.45, 0.85, 0.135),
    "dahlia": ((10, 14), (3, 4), 0.315, 0.072, 0.55, 0.60, 0.030),
    "pansy": ((5, 5), (1, 1), 0.280, 0.138, 0.62, 0.0, 0.028),
}
HUES = (5, 20, 45, 75, 95, 320, 345, 300, 275, 250)


@dataclass(frozen=True)
class Flower:
    shape: str
    petals: int
    rows: int
    tone: Tone
    throat: Tone
    heart: Tone
    long: float
    wide: float
    turn: float
    tilt: float
    lean: float
    freckled: bool
    leaf: Tone
    leaves: float

    @classmethod
    def chance(cls, chance: np.random.Generator) -> Flower:
        shape = list(SHAPES)[int(chance.integers(len(SHAPES)))]
        petals, rows, *_ = SHAPES[shape]
        hue = float(HUES[int(chance.integers(len(HUES)))] + chance.normal(0, 6))
        light = 0.80 if 60 < hue < 120 else float(chance.uniform(0.56, 0.74))
        tone = Tone(light, float(chance.uniform(0.12, 0.18)), hue)
        if shape == "sunflower":
            tone = Tone(0.82, 0.165, float(chance.normal(82, 8)))
        elif chance.random() < 0.2:
            tone = Tone(0.95, 0.018, hue)
        throat = tone.shade(0.9).shifted(0, 0.02) if chance.random() < 0.5 else Tone(0.88, 0.11, 95)
        if chance.random() < 0.3:
            throat = Tone(0.50, 0.16, hue + float(chance.choice([-50, 40])))
        heart = (
            Tone(0.36, 0.06, 50) if shape in ("sunflower", "poppy") else Tone(0.80, 0.15, float(chance.uniform(72, 98)))
        )
        return cls(
            shape=shape,
            petals=int(chance.integers(petals[0], petals[1] + 1)),
            rows=int(chance.integers(rows[0], rows[1] + 1)),
            tone=tone,
            throat=throat,
            heart=heart,
            long=float(chance.uniform(0.90, 1.06)),
            wide=float(chance.uniform(0.88, 1.15)),
            turn=float(chance.uniform(0, 2 * math.pi)) if shape != "pansy" else float(chance.normal(0, 0.1)) + 0.314,
            tilt=float(chance.uniform(0.80, 1.0)),
            lean=float(chance.normal(0, 0.06)),
            freckled=bool(chance.random() < 0.3),
            leaf=Tone(
                float(chance.uniform(0.42, 0.60)), float(chance.uniform(0.07, 0.12)), float(chance.uniform(125, 160))
            ),
            leaves=float(chance.uniform(-0.03, 0.05)),
        )


def draw_flower(chance: np.random.Generator, size: int) -> Sheet:
    sheet = Sheet(size, closer=1.2, about=(0.5, 0.42))
    scene = Scene.chance(chance)
    flower = Flower.chance(chance)
    scene.backdrop(sheet)
    x, y = 0.5 + 0.02 * math.sin(scene.pose.yaw * 6), 0.42
    _stem(sheet, scene, flower, x, y)
    sheet.paint(sheet.spot(x - 0.03 * scene.side, y + 0.07, 0.20, 0.16) * np.float32(0.30), scene.wall.shade(1.8).rgb())
    _bloom(sheet, scene, flower, x, y, chance)
    _heart(sheet, scene, flower, x, y)
    scene.finish(sheet)
    return sheet


def _stem(sheet: Sheet, scene: Scene, flower: Flower, x: float, y: float) -> None:
    foot = 0.5 - 1.5 * flower.lean
    path = smooth([(x, y), (x + flower.lean, 0.70), (foot, 1.05)], closed=False, pieces=10)
    for side in (-1, 1):
        start = path[10 + (3 if side > 0 else 6)]
        high = start[1] - 0.06 - flower.leaves
        tip = (start[0] + side * 0.30, high - 0.05)
        upper = [(start[0] + side * 0.09, high - 0.065), (start[0] + side * 0.20, high - 0.085)]
        lower = [(start[0] + side * 0.22, high + 0.010), (start[0] + side * 0.10, high + 0.060)]
        leaf = smooth([tuple(start), *upper, tip, *lower], pieces=7)
        light = scene.sphere(sheet.x - np.float32(start[0] + side * 0.15), sheet.y - np.float32(high), 0.19, 0.12)
        sheet.fill([leaf], scene.lit(flower.leaf, light, 1.1))
        rib = smooth([tuple(start), (start[0] + side * 0.14, high - 0.010), tip], closed=False)
        sheet.fill([np.concatenate([rib, np.array([lower[0], lower[1]])])], flower.leaf.shade(0.9).rgb(), 0.35)
        sheet.fill([ribbon(rib, 0.009 * np.linspace(1, 0.2, len(rib)))], flower.leaf.glow(1.0).rgb(), 0.7)
    sheet.fill([ribbon(path, 0.026)], flower.leaf.shade(0.5).rgb())
    sheet.fill([ribbon(moved(path, 0.006 * scene.side, 0), 0.009)], flower.leaf.glow(0.8).rgb(), 0.8, soft=0.002)


def _petal(flower: Flower, length: float, angle: float, broad: float) -> Points:
    """The outline of one petal that points along `angle` from (0, 0)."""
    _, _, _, wide, widest, pointed, _ = SHAPES[flower.shape]
    half = wide * flower.wide * broad * length / SHAPES[flower.shape][2]
    shoulder = 0.80 + 0.06 * (1 - pointed)
    top = half * (0.80 - 0.45 * pointed)
    side = [(0.05, 0.30 * half), (0.5 * widest, 0.78 * half), (widest, half), (shoulder, top)]
    tip = (
        [(1.0, 0.0)]
        if pointed > 0.4
        else [(0.97, 0.45 * top), (0.955 - 0.02 * (flower.shape == "cosmos"), 0.0), (0.97, -0.45 * top)]
    )
    local = np.array([*side, *tip, *[(a, -b) for a, b in reversed(side)]]) * (length, 1.0)
    curve = smooth(local, pieces=4)
    cos, sin = math.cos(angle), math.sin(angle)
    result: Points = curve @ np.array([[cos, sin], [-sin, cos]])
    return result


def _bloom(sheet: Sheet, scene: Scene, flower: Flower, x: float, y: float, chance: np.random.Generator) -> None:
    dx, dy = sheet.x - np.float32(x), (sheet.y - np.float32(y)) / np.float32(flower.tilt)
    distance = np.sqrt(dx * dx + dy * dy)
    base = SHAPES[flower.shape][2] * flower.long
    light = scene.sphere(dx, dy, base * 1.15, base * 1.15)
    for row in range(flower.rows):
        length = base * (1 - 0.80 * row / max(flower.rows + 0.6, 1)) * (0.88 if flower.rows > 1 and row else 1.0)
        share = smoothstep(0.10, 0.85, distance / np.float32(length))
        tone = flower.tone.glow(0.25 * row)
        colour = mix(scene.lit(flower.throat, light, 0.8), scene.lit(tone, light, 1.1), share)
        under = mix(flower.throat.shade(0.8).rgb(), tone.shade(0.6).rgb(), share)
        count = flower.petals
        angles = flower.turn + (np.arange(count) + 0.5 * (row % 2)) * 2 * math.pi / count
        angles = angles + chance.normal(0, 0.035, count) * (flower.shape != "pansy")
        sizes = length * (1 + 0.045 * chance.uniform(-1, 1, count))
        broad = max(1.0, 0.9 * 16 / count) if flower.shape == "daisy" else 1.0
        outlines = [
            _petal(flower, float(one), float(a), broad) * (1, flower.tilt) + (x, y)
            for one, a in zip(sizes, angles, strict=True)
        ]
        sheet.fill(
            [moved(each, -0.008 * scene.side, 0.014) for each in outlines], tone.shade(1.8).rgb(), 0.32, soft=0.010
        )
        sheet.fill(outlines[1::2], mix(colour, under, 0.42))
        sheet.fill(
            [moved(each, -0.004 * scene.side, 0.006) for each in outlines[::2]], tone.shade(1.9).rgb(), 0.50, soft=0.007
        )
        sheet.fill(outlines[::2], colour)
        lines = []
        for one, a in zip(sizes, angles, strict=True):
            for spread in (-0.10, 0.0, 0.10) if count < 9 else (0.0,):
                near, far = 0.22 * one, (0.80 - 1.2 * abs(spread)) * one
                bend = a + spread
                lines.append(
                    [
                        (x + r * math.cos(t), y + flower.tilt * r * math.sin(t))
                        for r, t in ((near, a), (0.55 * one, (a + bend) / 2 + 0.5 * spread), (far, a + 1.8 * spread))
                    ]
                )
        veins = sheet.lines(np.array(lines), 0.006, soft=0.002)
        inside = sheet.shape(outlines)
        sheet.paint(inside * veins * np.float32(0.34), tone.shade(1.3).shifted(0, 0.02).rgb())
        edge = smoothstep(0.75, 1.0, distance / np.float32(length))
        sheet.paint(inside * edge * np.float32(0.22), tone.glow(1.6).rgb())
    if flower.shape == "pansy" or (flower.freckled and flower.rows == 1):
        dark = Tone(0.30, 0.10, flower.tone.hue + 20).rgb()
        count = flower.petals
        marks = []
        for index in range(count):
            a = flower.turn + index * 2 * math.pi / count
            for r, spread in ((0.30, -0.14), (0.36, 0.0), (0.30, 0.14)):
                near = (x + 0.13 * base * math.cos(a), y + 0.13 * base * flower.tilt * math.sin(a))
                far = (
                    x + r * 1.5 * base * math.cos(a + spread),
                    y + r * 1.5 * base * flower.tilt * math.sin(a + spread),
                )
                marks.append(
                    ribbon(
                        np.array([near, ((near[0] + far[0]) / 2, (near[1] + far[1]) / 2), far]), [0.022, 0.016, 0.002]
                    )
                )
        sheet.fill(marks, dark, 0.75, soft=0.003)


def _heart(sheet: Sheet, scene: Scene, flower: Flower, x: float, y: float) -> None:
    radius = SHAPES[flower.shape][6]
    across, down = radius, radius * flower.tilt
    light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(y), across * 1.15, down * 1.15)
    if flower.shape in ("poppy", "star", "cosmos"):
        angle = np.linspace(0, 2 * math.pi, 17)[:-1]
        far = radius * 1.7 * (1 + 0.2 * np.sin(angle * 5))
        ends = np.stack([x + far * np.cos(angle), y + far * flower.tilt * np.sin(angle)], axis=1)
        start = np.broadcast_to(np.array([x, y]), ends.shape)
        sheet.paint(sheet.lines(np.stack([start, ends], axis=1), 0.006) * np.float32(0.8), flower.heart.glow(1.0).rgb())
        sheet.fill(
            [ellipse(a, b, 0.011, 0.011, count=10) for a, b in ends],
            Tone(0.84, 0.14, 88).rgb() if flower.heart.lightness > 0.5 else flower.heart.shade(0.3).rgb(),
        )
    sheet.fill(
        [ellipse(x - 0.004 * scene.side, y + 0.010, across * 1.1, down * 1.1)],
        flower.throat.shade(2.0).rgb(),
        0.5,
        soft=0.008,
    )
    sheet.fill([ellipse(x, y, across, down)], scene.lit(flower.heart, light, 1.2))
    if radius > 0.05:
        count = 60 if radius < 0.1 else 120
        ring = np.sqrt((np.arange(count) + 0.5) / count) * radius * 0.94
        spiral = np.arange(count) * 2.39996
        grains = np.stack([x + ring * np.cos(spiral), y + ring * flower.tilt * np.sin(spiral)], axis=1)
        small = 0.30 * radius / math.sqrt(count / 12)
        sheet.fill(
            [ellipse(a, b + 0.3 * small, small, small, count=8) for a, b in grains], flower.heart.shade(1.3).rgb(), 0.55
        )
        sheet.fill(
            [
                ellipse(a + 0.2 * small * scene.side, b - 0.2 * small, 0.6 * small, 0.6 * small, count=8)
                for a, b in grains
            ],
            flower.heart.glow(1.2).rgb(),
            0.75,
        )
        sheet.fill([ellipse(x, y, across * 0.42, down * 0.42)], flower.heart.shade(1.0).rgb(), 0.35, soft=0.012)
