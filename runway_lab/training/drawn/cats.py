"""Cats, who sit for their portrait exactly as people do.

The head is where a person's is, so are the eyes, the nose and the mouth; pose, light and wall come from the same
draws. A coat is a colour and what lies on it: stripes, patches, white feet that one does not see, a dark mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runway_lab.training.drawn.portrait import CLOSER, MIDDLE, Scene
from runway_lab.training.drawn.sheet import Field, Points, Sheet, blob, ellipse, moved, ribbon, smooth, taper
from runway_lab.training.drawn.tones import Tone

__all__ = ["COATS", "Cat", "draw_cat"]

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


def _furry(edge: Points, chance: np.random.Generator, long: float) -> Points:
    """The outline, broken into tufts that hang a little."""
    count = len(edge)
    middle = edge.mean(axis=0)
    out = edge - middle
    out /= np.sqrt((out * out).sum(axis=1, keepdims=True))
    tooth = np.tile([-0.2, 0.25, 1.0, 0.1], count // 4 + 1)[:count]
    reach = 0.012 * (0.25 + 0.8 * long) * tooth * chance.uniform(0.25, 1.2, count)
    result: Points = edge + out * reach[:, None] + np.stack([np.zeros(count), np.maximum(reach, 0) * 0.7], axis=1)
    return result


def draw_cat(chance: np.random.Generator, size: int) -> Sheet:
    sheet = Sheet(size, closer=CLOSER, about=(0.5, 0.60))
    scene = Scene.chance(chance)
    cat = Cat.chance(chance, scene.wall)
    pose = scene.pose
    u, v = pose.unplace(sheet)
    light = scene.sphere(u, v - np.float32(0.0), 0.30, 0.29)

    scene.backdrop(sheet)
    _body(sheet, scene, cat, chance)
    _ears(sheet, scene, cat, light, chance)
    head = sheet.shape([_furry(pose.place(_head(cat), edge=True), chance, cat.fluff)])
    sheet.paint(head, scene.lit(cat.ground, light, 1.15))
    _coat(sheet, scene, cat, head, light, chance)
    _fur(sheet, scene, head, cat, chance)
    _muzzle(sheet, scene, cat, head, u, v)
    for side in (-1, 1):
        _eye(sheet, scene, cat, side)
    _whiskers(sheet, scene, cat, chance)
    scene.finish(sheet)
    return sheet


def _head(cat: Cat) -> Points:
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


def _body(sheet: Sheet, scene: Scene, cat: Cat, chance: np.random.Generator) -> None:
    x = MIDDLE[0] + 0.05 * scene.pose.yaw
    half = [(0.12, 0.70), (0.165, 0.80), (0.235, 0.90), (0.275, 1.02), (0.285, 1.2)]
    edge = _furry(
        smooth([(x + a, b) for a, b in half] + [(x - a, b) for a, b in reversed(half)], pieces=6), chance, cat.fluff
    )
    light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(1.02), 0.32, 0.34)
    body = sheet.shape([edge])
    tone = cat.marks if cat.pattern == "mask" else cat.ground
    ground = cat.ground.shade(0.35) if cat.pattern == "mask" else tone
    sheet.paint(body, scene.lit(ground, light, 1.1))
    if cat.pattern == "tabby":
        bars = [
            smooth(
                [(x + side * 0.25, 0.90 + drop), (x + side * 0.17, 0.925 + drop), (x + side * 0.10, 0.90 + drop)],
                closed=False,
            )
            for side in (-1, 1)
            for drop in (0.0, 0.07, 0.14)
        ]
        sheet.fill(
            [ribbon(each, 0.030 * taper(len(each))) for each in bars], cat.marks.rgb(), 0.75, within=body, soft=0.005
        )
    elif cat.pattern in ("patches", "mottled"):
        sheet.fill([blob(chance, x + 0.16 * cat.side, 0.98, 0.12, 0.13)], cat.marks.rgb(), 0.9, within=body, soft=0.006)
        sheet.fill(
            [blob(chance, x - 0.19 * cat.side, 0.93, 0.09, 0.10)],
            (BLACK if cat.pattern == "patches" else cat.marks).rgb(),
            0.85,
            within=body,
            soft=0.006,
        )
    if cat.bib or cat.pattern == "patches":
        chest = _furry(
            smooth(
                [
                    (x - 0.10, 0.74),
                    (x + 0.10, 0.74),
                    (x + 0.125, 0.86),
                    (x + 0.09, 0.97),
                    (x, 1.06),
                    (x - 0.09, 0.97),
                    (x - 0.125, 0.86),
                ]
            ),
            chance,
            1.4,
        )
        sheet.fill([chest], scene.lit(WHITE, light, 1.1), 0.97, within=body, soft=0.003)
    tufts = np.stack([chance.uniform(x - 0.2, x + 0.2, 70), chance.uniform(0.78, 1.02, 70)], axis=1)
    hang = np.stack([(tufts[:, 0] - x) * 0.12, np.full(70, 0.040)], axis=1)
    paths = np.stack([tufts, tufts + hang / 2 + (0.003, 0.0), tufts + hang], axis=1)
    _brush(sheet, body, paths, 0.008)
    sheet.paint(
        body * sheet.spot(x - 0.04 * scene.side, 0.775, 0.17, 0.055) * np.float32(0.55), cat.ground.shade(1.8).rgb()
    )
    _collar(sheet, scene, cat, x)


def _collar(sheet: Sheet, scene: Scene, cat: Cat, x: float) -> None:
    if cat.collar == "none":
        return
    tone = cat.ribbon
    band = smooth(
        [(x - 0.158, 0.775), (x - 0.08, 0.822), (x, 0.836), (x + 0.08, 0.822), (x + 0.158, 0.775)], closed=False
    )
    light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(0.80), 0.19, 0.16)
    if cat.collar == "kerchief":
        cloth = smooth(
            [
                (x - 0.165, 0.768),
                (x, 0.815),
                (x + 0.165, 0.768),
                (x + 0.10, 0.885),
                (x + 0.012, 0.975),
                (x - 0.012, 0.975),
                (x - 0.10, 0.885),
            ],
            pieces=4,
        )
        sheet.fill([moved(cloth, 0, 0.012)], cat.ground.shade(1.6).rgb(), 0.5, soft=0.010)
        sheet.fill([cloth], scene.lit(tone, light))
        dots = [
            ellipse(x + a, b, 0.011, 0.011, count=12)
            for a, b in ((-0.08, 0.845), (0.0, 0.865), (0.08, 0.845), (-0.04, 0.905), (0.04, 0.905), (0.0, 0.945))
        ]
        sheet.fill(dots, Tone(0.95, 0.02, 85).rgb(), 0.9)
        return
    sheet.fill([ribbon(moved(band, 0, 0.012), 0.036)], cat.ground.shade(1.6).rgb(), 0.5, soft=0.008)
    sheet.fill([ribbon(band, 0.034)], scene.lit(tone, light))
    sheet.fill([ribbon(band - (0, 0.009), 0.006 * taper(len(band)))], tone.glow(1.5).rgb(), 0.7)
    if cat.collar == "bell":
        gold = Tone(0.80, 0.13, 88)
        sheet.fill(
            [ellipse(x, 0.872, 0.033, 0.035)],
            scene.lit(gold, scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(0.872), 0.036, 0.036)),
        )
        sheet.fill(
            [ribbon(np.array([(x, 0.876), (x, 0.903)]), 0.009), ellipse(x, 0.876, 0.009, 0.009)],
            gold.shade(2.0).rgb(),
            0.85,
        )
        sheet.dab(np.ones((3, 1, 1), np.float32), 0.85, x + 0.012 * np.sign(scene.side), 0.860, 0.007)
    else:
        for side in (-1, 1):
            wing = smooth(
                [
                    (x, 0.845),
                    (x + side * 0.06, 0.803),
                    (x + side * 0.115, 0.812),
                    (x + side * 0.115, 0.882),
                    (x + side * 0.06, 0.888),
                ]
            )
            sheet.fill([wing], (tone.glow(0.4) if side * scene.side > 0 else tone.shade(0.45)).rgb())
            sheet.fill(
                [ribbon(np.array([(x + side * 0.01, 0.845), (x + side * 0.07, 0.840)]), [0.022, 0.004])],
                tone.shade(1.3).rgb(),
                0.7,
            )
        sheet.fill([ellipse(x, 0.846, 0.024, 0.028)], tone.shade(0.7).rgb())


def _ears(sheet: Sheet, scene: Scene, cat: Cat, light: Field, chance: np.random.Generator) -> None:
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
        shape = sheet.shape([_furry(edge, chance, 0.1)])
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


def _coat(sheet: Sheet, scene: Scene, cat: Cat, head: Field, light: Field, chance: np.random.Generator) -> None:
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
        sheet.fill([_furry(pose.place(blaze), chance, 0.2)], scene.lit(WHITE, light, 1.1), within=head, soft=0.003)


def _brush(sheet: Sheet, where: Field, paths: Points, width: float) -> None:
    """Every other stroke darker and lighter than whatever coat it lies on."""
    sheet.planes *= 1 - where * sheet.lines(paths[::2], width) * np.float32(0.17)
    sheet.planes += (1.04 - sheet.planes) * (where * sheet.lines(paths[1::2], width) * np.float32(0.20))


def _fur(sheet: Sheet, scene: Scene, head: Field, cat: Cat, chance: np.random.Generator) -> None:
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
    _brush(sheet, head, paths, 0.0065)


def _muzzle(sheet: Sheet, scene: Scene, cat: Cat, head: Field, u: Field, v: Field) -> None:
    pose, side = scene.pose, float(np.sign(scene.side))
    tone = cat.marks if cat.pattern == "mask" else (WHITE if cat.bib or cat.pattern == "patches" else cat.ground)
    pale = tone.glow(1.0 if tone.lightness > 0.5 else 0.7).shifted(0.05 if cat.pattern == "tabby" else 0.02, -0.02)
    deep = tone.shade(1.1)
    x, y = pose.spot(0.0, 0.215)
    sheet.dab(deep.rgb(), 0.35, x, y + 0.012, 0.075, 0.020)
    # Shade beside the bridge of the nose.
    bridge = pose.place(smooth([(-0.040 * side, -0.03), (-0.036 * side, 0.04), (-0.05 * side, 0.09)], closed=False))
    sheet.fill([ribbon(bridge, 0.026)], deep.rgb(), 0.25, soft=0.012)
    ridge = pose.place(smooth([(0.006 * side, -0.06), (0.006 * side, 0.07)], closed=False), lift=0.01)
    sheet.fill([ribbon(ridge, 0.026)], pale.rgb(), 0.30, soft=0.012)
    x, y = pose.spot(0.0, 0.205, lift=0.005)
    sheet.fill([ellipse(x, y, 0.040, 0.030)], pale.shade(0.18).rgb(), 0.85 if tone.lightness > 0.5 else 0.4, soft=0.006)
    if cat.mouth != "closed":
        drop = 0.052 if cat.mouth == "mew" else 0.028
        opening = pose.place(
            smooth(
                [
                    (-0.036, 0.168),
                    (0.0, 0.160),
                    (0.036, 0.168),
                    (0.026, 0.170 + 0.7 * drop),
                    (0.0, 0.170 + drop),
                    (-0.026, 0.170 + 0.7 * drop),
                ]
            ),
            lift=0.01,
        )
        sheet.fill([opening], Tone(0.32, 0.09, 20).rgb())
        x, y = pose.spot(0.0, 0.172 + 0.75 * drop, lift=0.01)
        sheet.fill(
            [ellipse(x, y + (0.004 if cat.mouth == "tongue" else 0), 0.022, 0.022 if cat.mouth == "tongue" else 0.017)],
            Tone(0.72, 0.12, 15).rgb(),
            soft=0.002,
        )
    puffs = [(*pose.spot(0.044 * way, 0.140, lift=0.012), way) for way in (-1, 1)]
    sheet.fill([ellipse(x, y + 0.012, 0.058, 0.043) for x, y, _ in puffs], deep.rgb(), 0.40, soft=0.010)
    for x, y, way in puffs:
        puff_light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(y), 0.075, 0.060)
        sheet.fill([ellipse(x, y, 0.056, 0.042, 0.12 * way)], scene.lit(pale, puff_light, 0.8), 0.92, soft=0.005)
    dark = Tone(max(tone.lightness - 0.42, 0.13), 0.04, 20).rgb()
    lines = [
        [(0.0, 0.118), (0.0, 0.152)],
        [(0.0, 0.150), (0.018, 0.170), (0.046, 0.170), (0.068, 0.152)],
        [(0.0, 0.150), (-0.018, 0.170), (-0.046, 0.170), (-0.068, 0.152)],
    ]
    paths = [pose.place(smooth(each, closed=False, pieces=5), lift=0.012) for each in lines]
    sheet.fill([ribbon(path, 0.009 * taper(len(path), 0.4) + 0.002) for path in paths], dark, 0.85)
    dots = [
        pose.spot(way * (0.035 + 0.016 * k), 0.132 + 0.011 * (k % 2), lift=0.012) for way in (-1, 1) for k in range(3)
    ]
    sheet.fill([ellipse(x, y, 0.0042, 0.0042, count=8) for x, y in dots], dark, 0.55)
    tip = pose.place(
        smooth([(-0.036, 0.086), (0.0, 0.080), (0.036, 0.086), (0.022, 0.112), (0.0, 0.124), (-0.022, 0.112)]),
        lift=0.018,
    )
    sheet.fill([moved(tip, 0, 0.008)], deep.rgb(), 0.45, soft=0.007)
    sheet.fill([tip], cat.nose.rgb())
    x, y = pose.spot(0.008 * side, 0.092, lift=0.018)
    sheet.dab(cat.nose.glow(2.2).rgb(), 0.85, x, y, 0.014, 0.006)
    x, y = pose.spot(0.0, 0.115, lift=0.018)
    sheet.dab(cat.nose.shade(1.6).rgb(), 0.7, x - 0.013, y - 0.004, 0.007, 0.004)
    sheet.dab(cat.nose.shade(1.6).rgb(), 0.7, x + 0.013, y - 0.004, 0.007, 0.004)
    for way in (-1, 1):
        # A blush for the cat, too.
        x, y = pose.spot(way * 0.172, 0.125)
        sheet.paint(
            head * sheet.spot(x, y, 0.040, 0.028) * np.float32(0.22 if tone.lightness > 0.5 else 0.10),
            Tone(0.74, 0.11, 22).rgb(),
        )


def _eye(sheet: Sheet, scene: Scene, cat: Cat, side: int) -> None:
    pose = scene.pose
    wide, high = 0.068, 0.058 * cat.open
    middle = 0.112
    upper = [(-1.04, 0.50), (-0.66, -0.48), (0.0, -1.0), (0.64, -0.86), (1.04, -0.28)]
    lower = [(1.04, -0.28), (0.72, 0.55), (0.05, 0.92), (-0.58, 0.80), (-1.04, 0.50)]

    def placed(curve: list[tuple[float, float]], grow: float = 1.0) -> Points:
        return pose.place(
            smooth([(side * (middle + grow * wide * x), grow * high * y) for x, y in curve], closed=False, pieces=5)
        )

    lid, under = placed(upper), placed(lower)
    eye = np.concatenate([lid, under[1:-1]])
    around = np.concatenate([placed(upper, 1.17), placed(lower, 1.17)[1:-1]])
    rim = Tone(0.20, 0.025, 40) if cat.ground.lightness < 0.9 or cat.pattern == "mask" else Tone(0.42, 0.05, 25)
    if cat.ground.lightness < 0.45:
        sheet.fill([around], cat.ground.glow(0.9).shifted(0.05).rgb(), 0.5, soft=0.008)
    sheet.fill([around], rim.rgb(), 0.88, soft=0.003)
    inside = sheet.shape([eye])
    x, y = pose.spot(side * middle, 0.0)
    iris = cat.iris
    sheet.fill([eye], iris.shade(0.5).rgb())
    sheet.dab(iris.glow(0.9).rgb(), 0.85, x - 0.006 * scene.side, y + 0.022, 0.042, 0.026)
    sheet.fill([ellipse(x, y, 0.034, 0.036)], iris.shifted(0.02, 0.015, 18).rgb(), 0.45, within=inside, soft=0.010)
    slit = 0.013 + 0.024 * cat.pupil
    sheet.fill(
        [ellipse(x, y, slit, min(0.053, 0.030 + 0.6 * slit) * max(cat.open, 0.8))],
        Tone(0.13, 0.02, 290).rgb(),
        within=inside,
        soft=0.0015,
    )
    sheet.fill([ribbon(moved(lid, 0, 0.010), 0.028)], Tone(0.15, 0.03, 60).rgb(), 0.45, within=inside, soft=0.006)
    way = float(np.sign(scene.side))
    white = np.ones((3, 1, 1), np.float32)
    sheet.fill([ellipse(x + 0.016 * way, y - 0.018, 0.0135, 0.0145)], white, 0.97)
    sheet.dab(white, 0.6, x - 0.018 * way, y + 0.020, 0.008)
    corner = pose.place(
        np.array([(side * (middle - 1.0 * wide), 0.48 * high), (side * (middle - 1.22 * wide), 0.95 * high)])
    )
    sheet.fill([ribbon(corner, [0.016, 0.004])], rim.rgb(), 0.85)


def _whiskers(sheet: Sheet, scene: Scene, cat: Cat, chance: np.random.Generator) -> None:
    hairs = []
    for way in (-1, 1):
        for index, rise in enumerate((-0.050, 0.0, 0.052)):
            root = (way * (0.055 + 0.008 * index), 0.130 + 0.012 * index)
            bow = (way * 0.17, 0.118 + rise * 0.55 + 0.004 * index)
            tip = (way * 0.315, 0.145 + rise + float(chance.uniform(-0.012, 0.012)))
            path = scene.pose.place(smooth([root, bow, tip], closed=False, pieces=6), lift=0.01)
            hairs.append(ribbon(path, np.linspace(0.0065, 0.0018, len(path))))
    tone = Tone(0.98, 0.008, 85) if cat.ground.lightness < 0.86 or scene.wall.lightness < 0.6 else Tone(0.99, 0.004, 85)
    sheet.fill([moved(each, 0.0, 0.005) for each in hairs], Tone(0.3, 0.03, 40).rgb(), 0.16, soft=0.003)
    sheet.fill(hairs, tone.rgb(), 0.9)
    brows = []
    for way in (-1, 1):
        for lean in (0.0, 0.03):
            path = scene.pose.place(
                smooth(
                    [
                        (way * (0.10 + lean), -0.085),
                        (way * (0.115 + 1.5 * lean), -0.14),
                        (way * (0.15 + 2 * lean), -0.19),
                    ],
                    closed=False,
                )
            )
            brows.append(ribbon(path, np.linspace(0.005, 0.001, len(path))))
    sheet.fill(brows, tone.rgb(), 0.40)
