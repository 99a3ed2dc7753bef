"""Eyes, brows, nose and mouth: what a face says.

Each is drawn in the coordinates of the head and placed by its pose. Large eyes and a clear mouth are what is left of
a face at 64 pixels, so they get most of the care: a lid that throws a shadow, two lights in an iris, a lip that shines.
"""

from __future__ import annotations

import numpy as np

from runway_lab.training.drawn.people.person import Mood, Person
from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import (
    Points,
    Sheet,
    ellipse,
    mirrored,
    moved,
    ribbon,
    smooth,
    taper,
)
from runway_lab.training.drawn.tones import Tone, between

__all__ = ["brows", "eyes", "mouth", "nose"]


def eyes(sheet: Sheet, scene: Scene, person: Person, mood: Mood) -> None:
    """Both eyes, step by step: what is true of one is true of the other."""
    pose, skin, iris = scene.pose, person.skin, person.iris
    grow = 1.0 + person.big_eyes
    wide = 0.056 * (1 + 0.6 * person.big_eyes)
    high = 0.038 * grow * mood.open * (0.92 if mood.mouth == "laugh" else 1.0)
    middle = 0.103
    # From the inner corner (towards the nose) over the upper lid to the outer corner.
    upper = [(-1.0, 0.28), (-0.62, -0.55), (0.0, -1.0), (0.62, -0.70), (1.02, 0.02)]
    lower = [(1.02, 0.02), (0.60, 0.66), (0.0, 0.88), (-0.60, 0.70), (-1.0, 0.28)]

    def placed(curve: list[tuple[float, float]]) -> Points:
        return pose.place(smooth(mirrored(moved(np.array(curve) * (wide, high), middle, 0)), closed=False, pieces=5))

    lid, under = placed(upper), placed(lower)
    outlines = np.concatenate([lid, under[:, 1:-1]], axis=1)
    within = sheet.shape(outlines)
    looks = [
        (x + wide * 0.45 * mood.gaze[0], y + high * 0.25 * mood.gaze[1])
        for x, y in (pose.spot(side * middle, 0.0) for side in (-1, 1))
    ]

    def discs(radius: float, right: float = 0.0, down: float = 0.0) -> list[Points]:
        return [ellipse(x + right, y + down, radius, radius) for x, y in looks]

    white = Tone(0.965, 0.008, 80).rgb() if skin.lightness > 0.55 else Tone(0.93, 0.014, 80).rgb()
    sheet.fill(outlines, white)
    # The lid throws a shadow on the upper part of the eyeball.
    sheet.fill(ribbon(moved(lid, 0, 0.008), 0.026), skin.shade(0.9).rgb(), 0.45, within=within, soft=0.006)
    radius = 0.0365 * (1 + 0.75 * person.big_eyes)
    towards = float(np.sign(scene.side))
    sheet.fill(discs(radius), iris.shade(1.3).rgb(), within=within)
    sheet.fill(discs(radius * 0.80, 0.0, 0.003), iris.rgb(), within=within, soft=0.003)
    for x, y in looks:
        sheet.dab(iris.glow(1.5).rgb(), 0.75, x - 0.010 * scene.side, y + 0.015, radius * 0.42, radius * 0.30)
    sheet.fill(discs(radius * 0.52), Tone(0.16, 0.02, 300).rgb(), within=within)
    sheet.fill(ribbon(moved(lid, 0, 0.006), 0.016), Tone(0.2, 0.03, 300).rgb(), 0.35, within=within, soft=0.004)
    light = np.ones((3, 1, 1), np.float32)
    sheet.fill(discs(radius * 0.34, 0.012 * towards, -0.013), light, 0.97)
    for x, y in looks:
        sheet.dab(light, 0.55, x - 0.014 * towards, y + 0.014, 0.005)
    _lashes(sheet, person, lid)
    sheet.fill(ribbon(under[:, 1:-1], 0.005), skin.shade(1.2).shifted(0, 0.02).rgb(), 0.5)
    crease = moved(lid[:, 1:-1], 0, -0.019 * (1.0 + 0.5 * person.big_eyes))
    fold = 0.008 * taper(crease.shape[1])
    sheet.fill(ribbon(crease, fold), skin.shade(1.1).shifted(0, 0.02).rgb(), 0.55)


def _lashes(sheet: Sheet, person: Person, lid: Points) -> None:
    lash = Tone(0.22, 0.035, 40) if person.skin.lightness > 0.5 else Tone(0.14, 0.02, 40)
    thick = 0.011 if person.manly else 0.017
    step = np.arange(lid.shape[1])
    weight = np.linspace(0.35, 1.0, len(step)) * np.minimum(1, (len(step) - 1 - step) / 3 + 0.25)
    sheet.fill(ribbon(moved(lid, 0, -0.003), thick * weight), lash.rgb(), 0.95)
    if person.manly:
        return
    flicks = []
    for side, each in zip((-1, 1), lid, strict=True):
        for start, end in (
            (moved(each[-1], -0.004 * side, -0.004), moved(each[-1], 0.016 * side, -0.016)),
            (each[-4], moved(each[-4], 0.015 * side, -0.022)),
        ):
            flicks.append([start, moved((start + end) / 2, 0.003 * side, 0.003), end])
    sheet.fill(ribbon(flicks, [0.009, 0.006, 0.001]), lash.rgb(), 0.9)


def brows(sheet: Sheet, scene: Scene, person: Person, mood: Mood) -> None:
    tone = between(person.hair, Tone(0.30, 0.04, 50), 0.35 if person.hair.lightness > 0.6 else 0.15).shifted(-0.05)
    rise = -0.082 - 0.03 * person.big_eyes - 0.008 * mood.brow
    tilt = 0.012 * mood.brow
    curve = [
        (0.052, rise + 0.012 - tilt),
        (0.095, rise - 0.006),
        (0.130, rise - 0.004),
        (0.162, rise + 0.016 + tilt),
    ]
    paths = scene.pose.place(smooth(mirrored(curve), closed=False, pieces=4))
    step = np.arange(paths.shape[1])
    thick = np.linspace(1.0, 0.30, len(step)) * np.minimum(1, step / 3 + 0.5)
    sheet.fill(ribbon(paths, (0.026 if person.manly else 0.017) * thick), tone.rgb(), 0.88, soft=0.0025)


def nose(sheet: Sheet, scene: Scene, person: Person) -> None:
    pose, skin, side = scene.pose, person.skin, float(np.sign(scene.side))
    big = 1.0 + 0.12 * person.nose
    deep = skin.shade(1.0).shifted(-0.02, 0.02).rgb()
    # The bridge: shade on one side of it, light on the other.
    path = pose.place(
        smooth([(-0.026 * side, -0.03), (-0.020 * side, 0.03), (-0.034 * side * big, 0.085)], closed=False), lift=0.01
    )
    sheet.fill([ribbon(path, 0.020 * np.linspace(0.5, 1.2, len(path)))], deep, 0.34, soft=0.009)
    path = pose.place(smooth([(0.004 * side, -0.02), (0.004 * side, 0.08)], closed=False), lift=0.02)
    sheet.fill([ribbon(path, 0.016)], skin.glow(1.0).rgb(), 0.42, soft=0.008)
    x, y = pose.spot(0.0, 0.098, lift=0.03)
    rose = Tone(max(skin.lightness - 0.07, 0.3), skin.chroma + 0.06, 26).rgb()
    sheet.dab(rose, 0.40, x, y, 0.030 * big, 0.022)
    x, y = pose.spot(0.0, 0.124, lift=0.02)
    sheet.dab(deep, 0.40, x - 0.006 * side, y + 0.004, 0.030 * big, 0.009)
    wings = []
    for way in (-1, 1):
        curve = [
            (0.036 * way * big, 0.088),
            (0.041 * way * big, 0.110),
            (0.022 * way * big, 0.118),
            (0.008 * way, 0.125),
        ]
        path = pose.place(smooth(curve, closed=False, pieces=4), lift=0.018)
        wings.append(ribbon(path, 0.0095 * taper(len(path), 0.7) + 0.001))
    sheet.fill(wings, skin.shade(1.5).shifted(0, 0.03).rgb(), 0.72)
    x, y = pose.spot(0.008 * side, 0.088, lift=0.035)
    sheet.dab(skin.glow(2.2).rgb(), 0.75, x, y, 0.010, 0.008)


def mouth(sheet: Sheet, scene: Scene, person: Person, mood: Mood) -> None:
    pose, skin = scene.pose, person.skin
    lips = Tone(min(max(skin.lightness - 0.17, 0.34), 0.64), 0.105 if skin.lightness > 0.5 else 0.085, 22)
    if not person.manly:
        lips = lips.shifted(-0.02, 0.035, -3)
    line = Tone(max(skin.lightness - 0.42, 0.16), 0.07, 28).rgb()
    wide = 0.066 + 0.012 * mood.smile
    up = 0.020 * mood.smile
    full = 0.9 if person.manly else 1.25
    middle = 0.172

    def placed(curve: list[tuple[float, float]], pieces: int = 4, closed: bool = False) -> Points:
        return pose.place(smooth(curve, closed=closed, pieces=pieces))

    if mood.mouth == "closed":
        seam = [
            (-wide, middle - up),
            (-0.5 * wide, middle + 0.004),
            (0.0, middle + 0.3 * up),
            (0.5 * wide, middle + 0.004),
            (wide, middle - up),
        ]
        top = [
            (0.72 * wide, middle - 0.006 * full - 0.4 * up),
            (0.24 * wide, middle - 0.016 * full),
            (0.0, middle - 0.011 * full),
            (-0.24 * wide, middle - 0.016 * full),
            (-0.72 * wide, middle - 0.006 * full - 0.4 * up),
        ]
        bottom = [
            (0.6 * wide, middle + 0.012 * full - 0.1 * up),
            (0.0, middle + 0.028 * full + 0.3 * up),
            (-0.6 * wide, middle + 0.012 * full - 0.1 * up),
        ]
        seam_line = placed(seam, 5)
        sheet.fill([np.concatenate([seam_line, placed(top)])], lips.shade(0.5).rgb(), 0.85)
        sheet.fill([np.concatenate([seam_line, placed(bottom)])], lips.rgb(), 0.85, soft=0.0015)
        x, y = pose.spot(0.012 * scene.side, middle + 0.016 * full + 0.3 * up)
        sheet.dab(lips.glow(1.6).rgb(), 0.65, x, y, 0.020, 0.006)
        sheet.fill([ribbon(seam_line, 0.009 * taper(len(seam_line), 0.5) + 0.003)], line, 0.92)
        corners = seam_line[[0, -1]]
    else:
        drop = {"grin": 0.036, "laugh": 0.060, "oh": 0.050}[mood.mouth]
        wide = 0.034 if mood.mouth == "oh" else wide + 0.006
        lift = 0.0 if mood.mouth == "oh" else up + 0.006
        start = middle - 0.010
        top = [
            (-wide, start - lift),
            (-0.5 * wide, start - 0.1 * lift),
            (0.0, start),
            (0.5 * wide, start - 0.1 * lift),
            (wide, start - lift),
        ]
        if mood.mouth == "oh":
            top = [
                (-wide, start + 0.02),
                (-0.6 * wide, start - 0.006),
                (0.0, start - 0.014),
                (0.6 * wide, start - 0.006),
                (wide, start + 0.02),
            ]
        bottom = [
            (0.85 * wide, start + 0.45 * drop),
            (0.45 * wide, start + 0.9 * drop),
            (0.0, start + drop),
            (-0.45 * wide, start + 0.9 * drop),
            (-0.85 * wide, start + 0.45 * drop),
        ]
        lid = placed(top, 5)
        opening = np.concatenate([lid, placed(bottom)])
        inside = sheet.shape([opening])
        lip = (
            opening.mean(axis=0)
            + (opening - opening.mean(axis=0)) * (1.13, 1.0)
            + np.where(opening[:, 1:] > opening[:, 1].mean(), (0, 0.013 * full), (0, -0.010 * full))
        )
        sheet.fill([lip], lips.rgb(), 0.9, soft=0.0015)
        sheet.fill([opening], Tone(0.27, 0.09, 22).rgb())
        x, y = pose.spot(0.0, start + drop)
        sheet.fill(
            [ellipse(x, y, 0.62 * wide, 0.45 * drop)], Tone(0.60, 0.13, 20).rgb(), 0.9, within=inside, soft=0.004
        )
        if mood.mouth != "oh":
            teeth = Tone(0.94, 0.016, 85).rgb()
            sheet.fill(
                [ribbon(moved(lid, 0, 0.007 if mood.mouth == "laugh" else 0.008), 0.028 * taper(len(lid), 0.45))],
                teeth,
                within=inside,
            )
        x, y = pose.spot(0.012 * scene.side, start + drop + 0.010)
        sheet.dab(lips.glow(1.6).rgb(), 0.6, x, y, 0.020, 0.005)
        corners = lid[[0, -1]]
    deep = skin.shade(1.1).shifted(0, 0.02).rgb()
    for x, y in corners:
        sheet.dab(deep, 0.45, float(x), float(y), 0.010, 0.010)
