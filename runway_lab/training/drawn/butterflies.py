"""A butterfly seen from above, wings open, its shadow soft on the wall below.

The left wing is the right one in a mirror, and the whole is turned a little: symmetry that a network can find. A
wing is a field (its colour runs from the body outwards), with veins, a dark hem, pale spots in the hem and eyes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import Field, Points, Sheet, ellipse, moved, ribbon, smooth, smoothstep
from runway_lab.training.drawn.tones import Tone, mix

__all__ = ["Butterfly", "draw_butterfly"]


@dataclass(frozen=True)
class Butterfly:
    inner: Tone
    outer: Tone
    hem: Tone
    spots: Tone
    hem_width: float
    long: float
    round: float
    low: float
    tail: float
    wave: float
    eyes: float
    bands: int
    dots: int
    fold: float
    turn: float

    @classmethod
    def chance(cls, chance: np.random.Generator) -> Butterfly:
        hue = float(chance.choice([60, 50, 85, 100, 245, 235, 190, 160, 320, 290, 25]) + chance.normal(0, 9))
        light = float(chance.uniform(0.60, 0.78)) + (0.07 if 70 < hue < 115 else 0.0)
        inner = Tone(light, float(chance.uniform(0.11, 0.17)), hue)
        if chance.random() < 0.15:
            inner = Tone(0.93, 0.025, 90)
        outer = inner.shifted(float(chance.uniform(-0.14, 0.06)), 0.0, float(chance.choice([-40, -15, 20, 45, 80])))
        hem = Tone(
            float(chance.uniform(0.20, 0.34)),
            float(chance.uniform(0.02, 0.06)),
            hue + float(chance.choice([0, 180, 40])),
        )
        spots = Tone(0.95, 0.03, 90) if chance.random() < 0.6 else Tone(0.82, 0.12, hue + 150)
        return cls(
            inner=inner,
            outer=outer,
            hem=hem,
            spots=spots,
            hem_width=float(chance.uniform(0.35, 1.0)),
            long=float(chance.normal(0, 0.022)),
            round=float(chance.normal(0, 0.016)),
            low=float(chance.normal(0, 0.024)),
            tail=float(chance.choice([0.0, 1.0], p=[0.6, 0.4]) * chance.uniform(0.5, 1.1)),
            wave=float(chance.choice([0.0, 1.0], p=[0.55, 0.45])),
            eyes=float(chance.choice([0.0, 1.0], p=[0.5, 0.5]) * chance.uniform(0.75, 1.2)),
            bands=int(chance.choice([0, 1, 2], p=[0.5, 0.3, 0.2])),
            dots=int(chance.integers(3, 7)),
            fold=float(chance.normal(0, 0.10)),
            turn=float(chance.normal(0, 0.14)),
        )

    def place(self, local: Any, side: int) -> Points:
        """Points of a wing (x outwards from the body) on the sheet; a lifted wing looks narrower."""
        flat = np.asarray(local, np.float64) * (side * (0.97 - 0.10 * abs(self.fold) - 0.5 * self.fold * side), 1.0)
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        result: Points = flat @ np.array([[cos, sin], [-sin, cos]]) + (0.5, 0.52)
        return result


def _wings(fly: Butterfly) -> tuple[Points, Points]:
    """The outlines of a fore wing and a hind wing, from the body outwards."""
    n, r, w = fly.long, fly.round, fly.low
    fore = smooth(
        [
            (0.015, -0.10),
            (0.12, -0.235 - n),
            (0.27 + n, -0.345 - n),
            (0.385 + n, -0.350 - n),
            (0.400 + n, -0.25),
            (0.355 + r, -0.12),
            (0.315 + r, -0.02),
            (0.18, 0.02),
            (0.018, 0.03),
        ],
        pieces=8,
    )
    tail = fly.tail
    hind = smooth(
        [
            (0.015, -0.02),
            (0.16, -0.035),
            (0.295 + w, 0.01),
            (0.330 + w, 0.11),
            (0.280 + w, 0.215 + w),
            (0.215, 0.265 + w + 0.02 * tail),
            (0.175, 0.275 + w + 0.115 * tail),
            (0.135, 0.255 + w),
            (0.06, 0.18),
            (0.016, 0.09),
        ],
        pieces=8,
    )
    if fly.wave:
        for wing, first, last in ((fore, 24, 52), (hind, 16, 60)):
            out = wing - wing.mean(axis=0)
            out /= np.sqrt((out * out).sum(axis=1, keepdims=True))
            step = np.arange(len(wing))
            window = np.clip(np.minimum(step - first, last - step) / 4, 0, 1)
            wing += out * (0.009 * np.sin(step * 2 * math.pi / 8) * window)[:, None]
    return fore, hind


def draw_butterfly(chance: np.random.Generator, size: int) -> Sheet:
    sheet = Sheet(size)
    scene = Scene.chance(chance)
    fly = Butterfly.chance(chance)
    scene.backdrop(sheet)
    fore, hind = _wings(fly)
    both = [fly.place(wing, side) for side in (-1, 1) for wing in (hind, fore)]
    shade = sheet.shape([moved(each, -0.035 * scene.side, 0.050) for each in both], soft=0.020)
    sheet.paint(shade * np.float32(0.42), scene.wall.shade(2.0).rgb())
    cos, sin = math.cos(fly.turn), math.sin(fly.turn)
    u = (sheet.x - 0.5) * np.float32(cos) + (sheet.y - 0.52) * np.float32(sin)
    v = (sheet.y - 0.52) * np.float32(cos) - (sheet.x - 0.5) * np.float32(sin)
    for wing, front in ((hind, False), (fore, True)):
        _wing(sheet, scene, fly, wing, u, v, front=front)
    _body(sheet, scene, fly)
    scene.finish(sheet)
    return sheet


def _wing(sheet: Sheet, scene: Scene, fly: Butterfly, wing: Points, u: Field, v: Field, *, front: bool) -> None:
    root = np.array([0.02, -0.03 if front else 0.02])
    outlines = [fly.place(wing, side) for side in (-1, 1)]
    mask = sheet.shape(outlines)
    distance = np.sqrt(u * u + (v - np.float32(root[1])) ** 2)
    share = smoothstep(0.04, 0.36, distance)
    # A wing on the side of the light is bright, the other one a little in its own shade.
    light = np.float32(0.50) + u * np.float32(0.9 * scene.side) - v * np.float32(0.35)
    inner, outer = (fly.inner, fly.outer) if front else (fly.outer.glow(0.2), fly.inner)
    sheet.paint(mask, mix(scene.lit(inner, light, 0.9), scene.lit(outer, light, 0.9), share))
    heart = wing.mean(axis=0)
    for band in range(fly.bands):
        # A band runs along with the edge of the wing, further in.
        far, near = (wing + (heart - wing) * share for share in (0.36 + 0.26 * band, 0.54 + 0.24 * band))
        ring = sheet.shape([fly.place(far, side) for side in (-1, 1)], soft=0.003)
        ring = ring - sheet.shape([fly.place(near, side) for side in (-1, 1)], soft=0.003)
        sheet.paint(
            mask * np.maximum(ring, 0) * np.float32(0.62), (fly.spots if band == fly.dots % 2 else fly.hem).rgb()
        )
    veins, rays = [], 7 if front else 6
    tips = wing[np.linspace(10, len(wing) - 18, rays).astype(int)]
    for side in (-1, 1):
        for tip in tips:
            bow = (root + tip) / 2 + np.array([0.012, -0.012 if front else 0.012])
            veins.append(ribbon(fly.place(smooth([root, bow, tip], closed=False), side), np.linspace(0.010, 0.005, 13)))
    sheet.fill(veins, fly.hem.rgb(), 0.60, within=mask)
    # The hem: what of the wing is close to its edge, thicker towards the tip.
    width = 0.068 * fly.hem_width
    shrink = 1 - width / 0.17
    window = 0.35 + 0.65 * smoothstep(0.05, 0.30, wing[:, 0])[:, None]
    inside = wing + (heart - wing) * (1 - shrink) * window
    core = sheet.shape([fly.place(inside, side) for side in (-1, 1)], soft=0.004)
    hem = mask * (1 - core)
    sheet.paint(hem * np.float32(0.94), scene.lit(fly.hem, light))
    if fly.hem_width > 0.45:
        ring = wing + (heart - wing) * 0.5 * (1 - shrink) * window
        places = ring[np.linspace(22 if front else 16, len(ring) - (22 if front else 26), fly.dots).astype(int)]
        big = 0.0125 * (0.6 + 0.6 * fly.hem_width)
        middles = np.concatenate([fly.place(places, side) for side in (-1, 1)]).tolist()
        spots = [ellipse(a, b, big, big, count=12) for a, b in middles]
        sheet.fill(spots, fly.spots.rgb(), 0.95)
    if fly.eyes and (not front or fly.dots > 4):
        x, y = (0.275, -0.225) if front else (0.205, 0.135)
        size = 0.042 * fly.eyes * (0.85 if front else 1.0)
        for side in (-1, 1):
            a, b = fly.place([(x, y)], side)[0]
            sheet.fill([ellipse(a, b, size * 1.25, size * 1.25)], fly.spots.rgb(), 0.9, soft=0.002)
            sheet.fill([ellipse(a, b, size, size)], fly.hem.shade(0.3).rgb())
            sheet.fill([ellipse(a, b, size * 0.58, size * 0.58)], fly.outer.shifted(0.05, 0.03, 150).rgb())
            sheet.fill([ellipse(a, b, size * 0.26, size * 0.26)], fly.hem.shade(0.8).rgb())
            sheet.dab(
                np.ones((3, 1, 1), np.float32), 0.9, float(a) + 0.010 * np.sign(scene.side), float(b) - 0.012, 0.006
            )
    # Dusty light along the leading edge.
    if front:
        lead = [ribbon(fly.place(wing[3:26] * (0.985, 1.0) + (0, 0.010), side), 0.010) for side in (-1, 1)]
        sheet.fill(lead, fly.inner.glow(2.0).rgb(), 0.35, within=mask, soft=0.005)
    else:
        sheet.paint(
            mask
            * sheet.shape(
                [fly.place([(0.0, -0.06), (0.31, -0.06), (0.30, 0.045), (0.0, 0.05)], side) for side in (-1, 1)],
                soft=0.016,
            )
            * np.float32(0.28),
            fly.hem.rgb(),
        )


def _body(sheet: Sheet, scene: Scene, fly: Butterfly) -> None:
    tone = fly.hem.shifted(0.05)
    feelers = []
    for side in (-1, 1):
        path = fly.place(smooth([(0.006, -0.14), (0.045, -0.225), (0.105, -0.285)], closed=False, pieces=8), side)
        feelers.append(ribbon(path, 0.0085))
        feelers.append(ellipse(float(path[-1, 0]), float(path[-1, 1]), 0.014, 0.010, count=12))
    sheet.fill(feelers, fly.hem.rgb(), 0.95)
    parts = [ellipse(0.0, 0.085, 0.020, 0.115), ellipse(0.0, -0.045, 0.029, 0.066), ellipse(0.0, -0.125, 0.026, 0.026)]
    placed = [fly.place(part, 1) for part in parts]
    sheet.fill([moved(each, -0.010 * scene.side, 0.010) for each in placed], fly.hem.shade(1.0).rgb(), 0.5, soft=0.008)
    light = scene.sphere(sheet.x - np.float32(0.5), (sheet.y - np.float32(0.52)) * np.float32(0.1), 0.032, 0.1)
    sheet.fill(placed, scene.lit(tone, light, 1.3))
    rings = [fly.place([(-0.018, y), (0.0, y + 0.006), (0.018, y)], 1) for y in (0.045, 0.080, 0.115, 0.150)]
    sheet.fill([ribbon(each, 0.010) for each in rings], fly.inner.rgb(), 0.55)
    a, b = fly.place([(0.0, -0.06)], 1)[0]
    sheet.dab(tone.glow(2.0).rgb(), 0.55, float(a) + 0.008 * np.sign(scene.side), float(b), 0.008, 0.035)
