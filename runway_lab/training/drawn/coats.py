"""Who a cat is, and its coat: a colour and what lies on it.

Stripes, patches, a white bib or a dark mask are shapes on the lit head; fur is short strokes that run away from the
nose, each a little darker or lighter than whatever it lies on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runway_lab.training.drawn.fur import brush, furry
from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import (
    Field,
    Points,
    Sheet,
    blob,
    ribbon,
    smooth,
    taper,
)
from runway_lab.training.drawn.tones import Tone

__all__ = ["BLACK", "COATS", "WHITE", "Cat", "coat", "ears", "fur", "head"]


GINGER, CREAM, BROWN = Tone(0.73, 0.125, 62), Tone(0.88, 0.050, 80), Tone(0.58, 0.050, 70)
BLACK, GRAY, WHITE, SILVER = (
    Tone(0.27, 0.018, 290),
    Tone(0.60, 0.022, 262),
    Tone(0.945, 0.010, 85),
    Tone(0.77, 0.008, 260),
)
COCOA = Tone(0.33, 0.030, 45)

# Name: ground, marks, pattern, how often.
COATS: dict[str, tuple[Tone, Tone, str, float]] = {
    "brown tabby": (BROWN, Tone(0.34, 0.030, 55), "tabby", 0.13),
    "silver tabby": (SILVER, Tone(0.40, 0.010, 270), "tabby", 0.08),
    "ginger": (GINGER, Tone(0.61, 0.135, 52), "tabby", 0.16),
    "cream": (CREAM, Tone(0.80, 0.075, 70), "tabby", 0.06),
    "tuxedo": (BLACK, WHITE, "bib", 0.12),
    "gray and white": (GRAY, WHITE, "bib", 0.07),
    "calico": (WHITE, GINGER, "patches", 0.11),
    "siamese": (CREAM.shifted(0.02, -0.015), COCOA, "mask", 0.11),
    "black": (BLACK, BLACK, "plain", 0.08),
    "white": (WHITE, WHITE, "plain", 0.05),
    "blue": (GRAY, GRAY, "plain", 0.07),
    "tortoiseshell": (Tone(0.33, 0.025, 50), GINGER.shifted(-0.06), "mottled", 0.06),
}
IRISES = (
    Tone(0.80, 0.14, 100),
    Tone(0.72, 0.14, 75),
    Tone(0.76, 0.13, 128),
    Tone(0.66, 0.12, 150),
    Tone(0.62, 0.12, 55),
)
ICE = Tone(0.70, 0.11, 238)


@dataclass(frozen=True)
class Cat:
    name: str
    ground: Tone
    marks: Tone
    pattern: str
    bib: bool
    iris: Tone
    nose: Tone
    fluff: float
    ears: float
    round: float
    pupil: float
    open: float
    mouth: str
    side: int
    collar: str
    ribbon: Tone

    @classmethod
    def chance(cls, chance: np.random.Generator, wall: Tone) -> Cat:
        names = list(COATS)
        shares = np.array([COATS[each][3] for each in names])
        name = names[int(chance.choice(len(names), p=shares / shares.sum()))]
        ground, marks, pattern, _ = COATS[name]
        change = (
            float(chance.uniform(-0.03, 0.03)),
            float(chance.uniform(-0.008, 0.012)),
            float(chance.uniform(-6, 6)),
        )
        ground, marks = ground.shifted(*change), marks.shifted(*change)
        iris = IRISES[int(chance.integers(len(IRISES)))].shifted(0, 0, float(chance.uniform(-8, 8)))
        if pattern == "mask" or (name == "white" and chance.random() < 0.5):
            iris = ICE
        if name in ("black", "blue"):
            iris = IRISES[int(chance.integers(2))]
        dark = name in ("black", "blue", "tortoiseshell") or (pattern == "mask")
        nose = Tone(0.36, 0.03, 20) if dark else Tone(0.72, 0.095, 18)
        return cls(
            name=name,
            ground=ground,
            marks=marks,
            pattern=pattern,
            bib=pattern == "bib" or (pattern in ("tabby", "mottled") and bool(chance.random() < 0.35)),
            iris=iris,
            nose=nose,
            fluff=float(chance.choice([0.35, 1.0], p=[0.65, 0.35]) * chance.uniform(0.8, 1.2)),
            ears=float(chance.normal(0, 1)),
            round=float(chance.normal(0, 0.010)),
            pupil=float(chance.beta(1.6, 1.3)),
            open=float(np.clip(chance.normal(1.0, 0.13), 0.6, 1.2)),
            mouth=str(chance.choice(["closed", "mew", "tongue"], p=[0.82, 0.12, 0.06])),
            side=1 if chance.random() < 0.5 else -1,
            collar=str(chance.choice(["none", "bell", "tie", "kerchief"], p=[0.28, 0.40, 0.16, 0.16])),
            ribbon=Tone(
                float(chance.uniform(0.48, 0.68)),
                float(chance.uniform(0.10, 0.16)),
                wall.hue + float(chance.choice([180, 140, -140, 60])) + float(chance.normal(0, 12)),
            ),
        )


def head(cat: Cat) -> Points:
    r, f = cat.round, 0.022 * (cat.fluff - 0.35)
    half = [
        (0.10, -0.228),
        (0.192, -0.172),
        (0.240 + r, -0.06),
        (0.256 + r + 0.6 * f, 0.055),
        (0.232 + r + f, 0.148),
        (0.145, 0.215),
        (0.060, 0.246),
    ]
    return smooth([(0.0, -0.238), *half, (0.0, 0.250), *[(-x, y) for x, y in reversed(half)]], pieces=7)


def ears(sheet: Sheet, scene: Scene, cat: Cat, light: Field, chance: np.random.Generator) -> None:
    high = -0.365 + 0.012 * cat.ears
    for side in (-1, 1):
        # The ear on the far side of a turned head looks narrower.
        near = 1 - 0.35 * max(0.0, scene.pose.yaw * side)
        outline = [
            (0.246, -0.045),
            (0.280 * near, -0.17),
            (0.288 * near, high + 0.050),
            (0.272 * near, high + 0.002),
            (0.250 * near, high + 0.012),
            (0.165 * near, -0.290),
            (0.052, -0.205),
            (0.15, -0.10),
        ]
        edge = scene.pose.place(smooth([(side * x, y) for x, y in outline], pieces=7), edge=True)
        if cat.pattern == "mask":
            tone = cat.marks
        elif cat.pattern == "patches":
            tone = GINGER if side == cat.side else BLACK
        elif cat.pattern == "mottled" and side == cat.side:
            tone = cat.marks
        else:
            tone = cat.ground
        shape = sheet.shape([furry(edge, chance, 0.1)])
        ear_light = light * np.float32(0.8) + np.float32(0.10 + 0.14 * np.sign(side * scene.side))
        sheet.paint(shape, scene.lit(tone, ear_light))
        inner = [
            (0.230, -0.110),
            (0.253 * near, -0.19),
            (0.258 * near, high + 0.070),
            (0.245 * near, high + 0.050),
            (0.175 * near, -0.255),
            (0.110, -0.205),
            (0.16, -0.13),
        ]
        shell = scene.pose.place(smooth([(side * x, y) for x, y in inner]), edge=True)
        pink = Tone(0.76, 0.085, 20) if tone.lightness > 0.45 else Tone(0.55, 0.075, 15)
        sheet.fill([shell], scene.lit(pink, ear_light), 0.92, soft=0.005)
        sheet.fill(
            [shell * 0.55 + shell.mean(axis=0) * 0.45 + (0.004 * side, 0.02)], pink.shade(1.3).rgb(), 0.55, soft=0.012
        )
        spread = np.linspace(0.0, 1.0, 6)
        root = np.stack([0.105 + 0.075 * spread, -0.165 - 0.01 * np.sin(spread * 3.1)], axis=1)
        long = 0.075 + 0.030 * np.sin(np.arange(6) * 2.1)
        tip = root + np.stack([long * (0.25 + 0.35 * spread), -long], axis=1)
        tufts = [
            scene.pose.place(np.stack([a, (a + b) / 2 + (-0.008, 0.0), b]) * (side, 1), edge=True)
            for a, b in zip(root, tip, strict=True)
        ]
        sheet.fill(
            [ribbon(each, [0.020, 0.013, 0.001]) for each in tufts],
            tone.glow(1.0).shifted(0.04).rgb(),
            0.70,
            soft=0.002,
        )


def coat(sheet: Sheet, scene: Scene, cat: Cat, head: Field, light: Field, chance: np.random.Generator) -> None:
    pose = scene.pose

    def strokes(curves: list[list[tuple[float, float]]], width: float) -> list[Points]:
        paths = [pose.place(smooth(each, closed=False, pieces=5)) for each in curves]
        return [
            ribbon(path, width * taper(len(path), 0.6) * (1 + 0.2 * float(chance.uniform(-1, 1)))) for path in paths
        ]

    def both(curve: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
        return [curve, [(-x, y) for x, y in curve]]

    if cat.pattern == "tabby":
        colour = scene.lit(cat.marks, light, 1.1)
        curves = [
            [(0.0, -0.23), (0.0, -0.16), (0.0, -0.095)],
            *both([(0.040, -0.235), (0.046, -0.165), (0.034, -0.100), (0.058, -0.072)]),
            *both([(0.088, -0.235), (0.104, -0.165), (0.110, -0.105)]),
        ]
        curves += [
            *both([(0.262, 0.015), (0.22, 0.030), (0.172, 0.012)]),
            *both([(0.272, 0.075), (0.225, 0.083), (0.165, 0.068)]),
            *both([(0.262, 0.135), (0.220, 0.132), (0.175, 0.115)]),
        ]
        curves += [*both([(0.235, -0.10), (0.205, -0.065), (0.180, -0.045)])]
        sheet.fill(strokes(curves, 0.027), colour, 0.85, within=head, soft=0.0035)
        for side in (-1, 1):
            x, y = pose.spot(side * 0.112, -0.052)
            sheet.dab(cat.ground.glow(1.3).rgb(), 0.45, x, y, 0.050, 0.022)
    elif cat.pattern == "patches":
        one = smooth(
            [
                (0.02 * cat.side, -0.24),
                (0.028 * cat.side, -0.10),
                (0.062 * cat.side, 0.05),
                (0.16 * cat.side, 0.085),
                (0.29 * cat.side, 0.03),
                (0.26 * cat.side, -0.2),
            ]
        )
        other = smooth(
            [
                (-0.05 * cat.side, -0.25),
                (-0.075 * cat.side, -0.12),
                (-0.12 * cat.side, -0.055),
                (-0.21 * cat.side, -0.02),
                (-0.30 * cat.side, -0.10),
                (-0.22 * cat.side, -0.26),
            ]
        )
        wild = 0.012 * chance.uniform(-1, 1, (2, len(one), 2))
        sheet.fill([pose.place(one + wild[0])], scene.lit(GINGER, light, 1.1), within=head, soft=0.004)
        sheet.fill([pose.place(other + wild[1])], scene.lit(BLACK.shifted(0.03), light, 1.1), within=head, soft=0.004)
    elif cat.pattern == "mottled":
        for _ in range(7):
            x, y = chance.uniform((-0.22, -0.2), (0.22, 0.18))
            sheet.fill(
                [pose.place(blob(chance, x, y, 0.065, 0.05, 0.35))],
                scene.lit(cat.marks, light, 1.1),
                0.8,
                within=head,
                soft=0.010,
            )
        flame = smooth(
            [(0.0, -0.20), (0.022 * cat.side, -0.1), (0.035 * cat.side, 0.03), (0.0, 0.06), (-0.01 * cat.side, -0.05)]
        )
        sheet.fill([pose.place(flame)], scene.lit(cat.marks.glow(0.4), light), 0.9, within=head, soft=0.006)
    elif cat.pattern == "mask":
        colour = scene.lit(cat.marks, light)
        x, y = pose.spot(0.0, 0.085)
        sheet.paint(head * np.minimum(sheet.spot(x, y, 0.125, 0.115) * np.float32(1.15), 0.92), colour)
        for side in (-1, 1):
            x, y = pose.spot(side * 0.11, -0.005)
            sheet.paint(head * sheet.spot(x, y, 0.062, 0.045) * np.float32(0.65), colour)
            x, y = pose.spot(side * 0.19, -0.20)
            sheet.paint(head * sheet.spot(x, y, 0.045, 0.040) * np.float32(0.7), colour)
    if cat.bib:
        top = -0.155 if cat.pattern == "bib" else 0.02
        half = [(0.016, top + 0.05), (0.034, 0.0), (0.060, 0.070), (0.118, 0.120), (0.128, 0.185), (0.09, 0.262)]
        blaze = smooth([(0.0, top), *half, *[(-x, y) for x, y in reversed(half)]], pieces=7)
        sheet.fill([furry(pose.place(blaze), chance, 0.2)], scene.lit(WHITE, light, 1.1), within=head, soft=0.003)


def fur(sheet: Sheet, scene: Scene, head: Field, cat: Cat, chance: np.random.Generator) -> None:
    """Short strokes that run away from the nose."""
    count = 150
    angle = np.arange(count) * 2.39996
    ring = np.sqrt((np.arange(count) + 0.5) / count)
    roots = np.stack([np.cos(angle) * ring * 0.25, np.sin(angle) * ring * 0.23 + 0.01], axis=1) + chance.normal(
        0, 0.008, (count, 2)
    )
    away = roots - (0.0, 0.055)
    away /= np.sqrt((away * away).sum(axis=1, keepdims=True)) + 1e-6
    long = (0.020 + 0.022 * ring * (0.6 + cat.fluff))[:, None]
    bend = np.stack([np.zeros(count), ring * 0.010], axis=1)
    paths = scene.pose.place(np.stack([roots, roots + away * long * 0.5, roots + away * long + bend], axis=1))
    brush(sheet, head, paths, 0.0065)
