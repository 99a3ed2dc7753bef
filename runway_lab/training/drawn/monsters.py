"""Friendly monsters: any colour, one to three eyes, horns or feelers, more or fewer teeth.

They pose as people and cats do (the same walls, light and turn of the head), so that they, too, can be trained on
from a model of faces. What they have many of (eyes, teeth, horns) makes them good to look for in a latent space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runway_lab.training.drawn.fur import brush, furry
from runway_lab.training.drawn.portrait import CLOSER, Scene
from runway_lab.training.drawn.sheet import Field, Points, Sheet, blob, ellipse, moved, ribbon, smooth, taper
from runway_lab.training.drawn.tones import Tone

__all__ = ["Monster", "draw_monster"]

# Where eyes sit and how large they are, by their number.
EYES: dict[int, tuple[tuple[float, float, float], ...]] = {
    1: ((0.0, -0.02, 0.118),),
    2: ((-0.103, 0.0, 0.082), (0.103, 0.0, 0.082)),
    3: ((-0.135, 0.015, 0.062), (0.0, -0.055, 0.070), (0.135, 0.015, 0.062)),
}
BONE = Tone(0.91, 0.045, 85)


@dataclass(frozen=True)
class Monster:
    body: Tone
    second: Tone
    iris: Tone
    eyes: int
    lid: float
    head: str
    fur: float
    wide: float
    foot: float
    high: float
    pattern: str
    belly: bool
    mouth: str
    teeth: int
    smile: float
    gaze: tuple[float, float]

    @classmethod
    def chance(cls, chance: np.random.Generator, wall: Tone) -> Monster:
        # Any colour but that of the wall.
        hue = wall.hue + float(chance.uniform(50, 310))
        body = Tone(float(chance.uniform(0.52, 0.76)), float(chance.uniform(0.09, 0.15)), hue)
        second = Tone(
            float(np.clip(body.lightness + chance.choice([-0.16, 0.14]), 0.35, 0.9)),
            0.12,
            hue + float(chance.choice([-60, -30, 35, 70, 180])),
        )
        gaze = chance.normal(0, 0.3, 2).clip(-0.6, 0.6)
        return cls(
            body=body,
            second=second,
            iris=Tone(float(chance.uniform(0.50, 0.70)), 0.12, float(chance.choice([75, 140, 200, 245, 300, 30]))),
            eyes=int(chance.choice([1, 2, 3], p=[0.30, 0.50, 0.20])),
            lid=float(chance.uniform(-0.1, 0.36)),
            head=str(chance.choice(["horns", "feelers", "ears", "tuft", "spikes"])),
            fur=float(chance.choice([0.0, 1.0], p=[0.4, 0.6])),
            wide=float(chance.uniform(0.205, 0.262)),
            foot=float(chance.uniform(0.24, 0.37)),
            high=float(chance.uniform(-0.285, -0.235)),
            pattern=str(chance.choice(["plain", "spots", "stripes"], p=[0.34, 0.38, 0.28])),
            belly=bool(chance.random() < 0.45),
            mouth=str(chance.choice(["open", "closed", "fangs"], p=[0.45, 0.22, 0.33])),
            teeth=int(chance.integers(1, 6)),
            smile=float(chance.uniform(0.2, 1.0)),
            gaze=(float(gaze[0]), float(gaze[1])),
        )


def draw_monster(chance: np.random.Generator, size: int) -> Sheet:
    sheet = Sheet(size, closer=CLOSER, about=(0.5, 0.60))
    scene = Scene.chance(chance)
    monster = Monster.chance(chance, scene.wall)
    u, v = scene.pose.unplace(sheet)
    light = scene.sphere(u, v - np.float32(0.06), 0.32, 0.42)
    scene.backdrop(sheet)
    _crown(sheet, scene, monster)
    outline = scene.pose.place(_outline(monster), edge=True)
    body = sheet.shape([furry(outline, chance, 0.8) if monster.fur else outline])
    sheet.paint(body, scene.lit(monster.body, light, 1.15))
    _skin(sheet, scene, monster, body, light, chance)
    _mouth(sheet, scene, monster)
    for place in EYES[monster.eyes]:
        _eye(sheet, scene, monster, *place)
    scene.finish(sheet)
    return sheet


def _outline(monster: Monster) -> Points:
    w, f, top = monster.wide, monster.foot, monster.high
    half = [
        (0.55 * w, top + 0.018),
        (0.90 * w, top + 0.11),
        (w, -0.02),
        (0.5 * (w + f), 0.22),
        (f, 0.42),
        (f + 0.02, 0.75),
    ]
    return smooth([(0.0, top), *half, *[(-x, y) for x, y in reversed(half)]], pieces=8)


def _crown(sheet: Sheet, scene: Scene, monster: Monster) -> None:
    """What stands on the head, drawn before it."""
    pose, top = scene.pose, monster.high

    def placed(curve: list[tuple[float, float]], closed: bool = True) -> Points:
        return pose.place(smooth(curve, closed=closed, pieces=6), edge=True)

    def lit(tone: Tone, side: int) -> Tone:
        return tone.glow(0.4) if side * scene.side > 0 else tone.shade(0.5)

    for side in (-1, 1):
        if monster.head == "horns":
            spine = placed(
                [(side * 0.13, top + 0.06), (side * 0.215, top - 0.02), (side * 0.225, top - 0.115)], closed=False
            )
            sheet.fill([ribbon(spine, np.linspace(0.085, 0.008, len(spine)))], lit(BONE, side).rgb())
            for index in (3, 5, 7):
                across = spine[index] + np.array([(-0.040, 0.010), (0.040, -0.010)]) * (1 - index / 13)
                sheet.fill([ribbon(across, 0.009)], BONE.shade(1.2).rgb(), 0.55)
        elif monster.head == "feelers":
            stalk = placed(
                [(side * 0.07, top + 0.04), (side * 0.10, top - 0.05), (side * 0.155, top - 0.10)], closed=False
            )
            sheet.fill([ribbon(stalk, 0.020)], lit(monster.body.shade(0.3), side).rgb())
            x, y = stalk[-1].tolist()
            ball = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(y), 0.042, 0.042)
            sheet.fill([ellipse(x, y, 0.038, 0.038)], scene.lit(monster.second, ball))
            sheet.dab(np.ones((3, 1, 1), np.float32), 0.8, x + 0.012 * np.sign(scene.side), y - 0.014, 0.008)
        elif monster.head == "ears":
            ear = placed(
                [
                    (side * 0.11, top + 0.05),
                    (side * 0.19, top - 0.075),
                    (side * 0.275, top - 0.035),
                    (side * 0.275, top + 0.07),
                    (side * 0.20, top + 0.14),
                ]
            )
            sheet.fill([ear], lit(monster.body, side).rgb())
            sheet.fill([ear * 0.62 + ear.mean(axis=0) * 0.38], lit(monster.second, side).rgb(), 0.9, soft=0.004)
    if monster.head in ("tuft", "spikes"):
        count = 7
        lean = np.linspace(-1, 1, count)
        spikes = []
        for index, t in enumerate(lean.tolist()):
            long = (0.125 if monster.head == "tuft" else 0.115) * (1 - 0.35 * t * t) * (1 + 0.15 * (index % 2))
            x, y = 0.15 * t, top + 0.045 + 0.05 * t * t
            if monster.head == "tuft":
                spikes.append(
                    [
                        (x * 0.5 - 0.024, y),
                        (x * 0.7 + 0.02 * t, y - 0.6 * long),
                        (x * 0.9 + 0.07 * t, y - long),
                        (x * 0.6 + 0.024, y),
                    ]
                )
            else:
                spikes.append([(x - 0.040, y + 0.02), (x + 0.05 * t, y - long), (x + 0.040, y + 0.02)])
        outlines = [
            placed(each) if monster.head == "tuft" else pose.place(np.array(each), edge=True) for each in spikes
        ]
        sheet.fill(outlines[::2], monster.second.shade(0.5).rgb())
        sheet.fill(outlines[1::2], monster.second.glow(0.3).rgb())


def _skin(sheet: Sheet, scene: Scene, monster: Monster, body: Field, light: Field, chance: np.random.Generator) -> None:
    pose = scene.pose
    if monster.pattern == "spots":
        places = [
            (0.17, -0.16),
            (-0.19, -0.09),
            (-0.05, -0.20),
            (0.215, 0.06),
            (-0.22, 0.14),
            (0.25, 0.24),
            (-0.27, 0.30),
        ]
        spots = [
            blob(chance, x + float(chance.normal(0, 0.012)), y + float(chance.normal(0, 0.012)), r, r * 0.9, 0.10)
            for (x, y), r in zip(places, chance.uniform(0.024, 0.048, 7).tolist(), strict=True)
        ]
        sheet.fill(
            [pose.place(each) for each in spots], scene.lit(monster.second, light, 1.1), 0.9, within=body, soft=0.003
        )
    elif monster.pattern == "stripes":
        stripes = []
        for y in (-0.16, -0.06, 0.05, 0.16, 0.27):
            for side in (-1, 1):
                path = pose.place(
                    smooth(
                        [(side * 0.38, y - 0.02), (side * 0.25, y + 0.02), (side * 0.155, y)], closed=False, pieces=5
                    ),
                    edge=True,
                )
                stripes.append(ribbon(path, 0.050 * np.linspace(1.0, 0.05, len(path))))
        sheet.fill(stripes, scene.lit(monster.second, light, 1.1), 0.9, within=body, soft=0.003)
    if monster.belly:
        x, y = pose.spot(0.0, 0.45)
        sheet.fill(
            [ellipse(x, y, 0.19, 0.20)],
            scene.lit(monster.body.glow(1.2).shifted(0.05, -0.04), light),
            0.85,
            within=body,
            soft=0.012,
        )
    if monster.fur:
        count = 110
        ring = np.sqrt((np.arange(count) + 0.5) / count)
        angle = np.arange(count) * 2.39996
        roots = np.stack([np.cos(angle) * ring * 0.30, np.sin(angle) * ring * 0.34 + 0.08], axis=1) + chance.normal(
            0, 0.01, (count, 2)
        )
        hang = np.stack([0.10 * roots[:, 0], np.full(count, 0.034)], axis=1)
        brush(sheet, body, pose.place(np.stack([roots, roots + hang * 0.5 + (0.003, 0), roots + hang], axis=1)), 0.008)
    deep = monster.body.shade(1.3).rgb()
    x, y = pose.spot(0.0, 0.275)
    sheet.paint(body * sheet.spot(x, y, 0.15, 0.030) * np.float32(0.30), deep)
    for side in (-1, 1):
        x, y = pose.spot(side * 0.150, 0.115)
        sheet.paint(body * sheet.spot(x, y, 0.045, 0.030) * np.float32(0.42), Tone(0.68, 0.15, 15).rgb())
    x, y = pose.spot(0.075 * scene.side, monster.high + 0.08)
    sheet.paint(
        body * sheet.spot(x, y, 0.075, 0.035, 0.25 * scene.side) * np.float32(0.35), monster.body.glow(2.0).rgb()
    )


def _eye(sheet: Sheet, scene: Scene, monster: Monster, x: float, y: float, radius: float) -> None:
    pose = scene.pose
    a, b = pose.spot(x, y)
    ball = ellipse(a, b, radius, radius * 1.03, count=40)
    inside = sheet.shape([ball])
    sheet.fill([moved(ball * 1.0, 0, 0.010)], monster.body.shade(1.7).rgb(), 0.55, soft=0.010)
    light = scene.sphere(sheet.x - np.float32(a), sheet.y - np.float32(b), radius * 1.15, radius * 1.15)
    sheet.fill([ball], scene.lit(Tone(0.965, 0.010, 90), light, 0.7))
    c, d = a + 0.35 * radius * monster.gaze[0] + 0.25 * radius * scene.pose.yaw, b + 0.30 * radius * monster.gaze[1]
    big = 0.56 * radius
    sheet.fill([ellipse(c, d, big, big)], monster.iris.shade(1.2).rgb(), within=inside)
    sheet.fill([ellipse(c, d, 0.84 * big, 0.84 * big)], monster.iris.rgb(), within=inside, soft=0.003)
    sheet.dab(monster.iris.glow(1.6).rgb(), 0.75, c - 0.2 * big * scene.side, d + 0.42 * big, 0.40 * big, 0.26 * big)
    sheet.fill([ellipse(c, d, 0.50 * big, 0.50 * big)], Tone(0.15, 0.02, 300).rgb(), within=inside)
    way = float(np.sign(scene.side))
    sheet.fill(
        [ellipse(c + 0.36 * big * way, d - 0.38 * big, 0.27 * big, 0.27 * big)], np.ones((3, 1, 1), np.float32), 0.97
    )
    sheet.dab(np.ones((3, 1, 1), np.float32), 0.6, c - 0.40 * big * way, d + 0.38 * big, 0.12 * big)
    # The lid comes down as far as the monster is sleepy.
    low = b - radius + 2 * radius * max(monster.lid, 0.04)
    lid = smooth(
        [
            (a - 1.10 * radius, low + 0.02),
            (a, low - 0.010),
            (a + 1.10 * radius, low + 0.02),
            (a + radius, b - 1.2 * radius),
            (a - radius, b - 1.2 * radius),
        ]
    )
    sheet.fill([moved(lid, 0, 0.012)], monster.body.shade(1.8).rgb(), 0.40, within=inside, soft=0.006)
    sheet.fill([lid], scene.lit(monster.body.shade(0.15), light), within=inside)
    rim = smooth([(a - 1.0 * radius, low + 0.016), (a, low - 0.004), (a + 1.0 * radius, low + 0.016)], closed=False)
    sheet.fill([ribbon(rim, 0.008)], monster.body.shade(1.7).rgb(), 0.75, within=inside)


def _mouth(sheet: Sheet, scene: Scene, monster: Monster) -> None:
    pose = scene.pose
    wide, up, y = 0.115, 0.030 * monster.smile, 0.172
    upper = [(-wide, y - up), (-0.5 * wide, y + 0.006), (0.0, y + 0.010), (0.5 * wide, y + 0.006), (wide, y - up)]
    line = pose.place(smooth(upper, closed=False, pieces=6))
    dark = monster.body.shade(2.2)
    if monster.mouth != "open":
        sheet.fill([ribbon(line, 0.013 * taper(len(line), 0.4) + 0.003)], dark.rgb(), 0.95)
        if monster.mouth == "fangs":
            for side in (-1, 1):
                x = side * 0.062
                fang = pose.place(
                    np.array([(x - 0.020, y + 0.006), (x + 0.020, y + 0.004), (x + 0.003 * side, y - 0.046)])
                )
                sheet.fill([fang], (BONE.glow(0.5) if side * scene.side > 0 else BONE.shade(0.15)).rgb())
        return
    drop = 0.055 + 0.030 * monster.smile
    lower = [
        (0.86 * wide, y + 0.45 * drop),
        (0.45 * wide, y + 0.95 * drop),
        (0.0, y + 1.08 * drop),
        (-0.45 * wide, y + 0.95 * drop),
        (-0.86 * wide, y + 0.45 * drop),
    ]
    opening = np.concatenate([line, pose.place(smooth(lower, closed=False, pieces=5))])
    inside = sheet.shape([opening])
    sheet.fill([moved(opening, 0, 0.006)], monster.body.glow(1.2).rgb(), 0.45, soft=0.006)
    sheet.fill([opening], Tone(0.26, 0.08, 12).rgb())
    x, b = pose.spot(0.0, y + drop * 1.05)
    sheet.fill([ellipse(x, b, 0.055, 0.034)], Tone(0.66, 0.15, 15).rgb(), within=inside, soft=0.004)
    teeth = []
    for t in np.linspace(-0.72, 0.72, monster.teeth).tolist() if monster.teeth > 1 else [0.3]:
        at = t * wide
        top = y + 0.010 - (up + 0.010) * t * t - 0.012
        half = min(0.026, 0.62 * wide / max(monster.teeth, 2))
        teeth.append(
            pose.place(
                smooth(
                    [
                        (at - half, top),
                        (at + half, top),
                        (at + 0.7 * half, top + 0.036),
                        (at, top + 0.044),
                        (at - 0.7 * half, top + 0.036),
                    ],
                    pieces=4,
                )
            )
        )
    sheet.fill(teeth, BONE.glow(0.8).rgb(), within=inside)
    sheet.fill([ribbon(line, 0.008)], dark.rgb(), 0.8)
