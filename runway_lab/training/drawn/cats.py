"""Cats, who sit for their portrait exactly as people do.

The head is where a person's is, so are the eyes, the nose and the mouth; pose, light and wall come from the same
draws. Their coats are in `coats.py`.
"""

from __future__ import annotations

import numpy as np

from runway_lab.training.drawn import coats
from runway_lab.training.drawn.coats import BLACK, WHITE, Cat
from runway_lab.training.drawn.fur import brush, furry
from runway_lab.training.drawn.portrait import CLOSER, MIDDLE, Scene
from runway_lab.training.drawn.sheet import (
    Field,
    Points,
    Sheet,
    blob,
    ellipse,
    mirrored,
    moved,
    ribbon,
    smooth,
    taper,
)
from runway_lab.training.drawn.tones import Tone

__all__ = ["draw_cat"]


def draw_cat(chance: np.random.Generator, size: int) -> Sheet:
    sheet = Sheet(size, closer=CLOSER, about=(0.5, 0.60))
    scene = Scene.chance(chance)
    cat = Cat.chance(chance, scene.wall)
    pose = scene.pose
    u, v = pose.unplace(sheet)
    light = scene.sphere(u, v, 0.30, 0.29)

    scene.backdrop(sheet)
    _body(sheet, scene, cat, chance)
    coats.ears(sheet, scene, cat, light, chance)
    head = sheet.shape([furry(pose.place(coats.head(cat), edge=True), chance, cat.fluff)])
    sheet.paint(head, scene.lit(cat.ground, light, 1.15))
    coats.coat(sheet, scene, cat, head, light, chance)
    coats.fur(sheet, scene, head, cat, chance)
    _muzzle(sheet, scene, cat, head, u, v)
    _eyes(sheet, scene, cat)
    _whiskers(sheet, scene, cat, chance)
    scene.finish(sheet)
    return sheet


def _body(sheet: Sheet, scene: Scene, cat: Cat, chance: np.random.Generator) -> None:
    x = MIDDLE[0] + 0.05 * scene.pose.yaw
    half = [(0.12, 0.70), (0.165, 0.80), (0.235, 0.90), (0.275, 1.02), (0.285, 1.2)]
    edge = furry(
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
        chest = furry(
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
    brush(sheet, body, paths, 0.008)
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


def _eyes(sheet: Sheet, scene: Scene, cat: Cat) -> None:
    pose, iris = scene.pose, cat.iris
    wide, high = 0.068, 0.058 * cat.open
    middle = 0.112
    upper = [(-1.04, 0.50), (-0.66, -0.48), (0.0, -1.0), (0.64, -0.86), (1.04, -0.28)]
    lower = [(1.04, -0.28), (0.72, 0.55), (0.05, 0.92), (-0.58, 0.80), (-1.04, 0.50)]

    def placed(curve: list[tuple[float, float]], grow: float = 1.0) -> Points:
        local = moved(np.array(curve) * (grow * wide, grow * high), middle, 0)
        return pose.place(smooth(mirrored(local), closed=False, pieces=5))

    lid, under = placed(upper), placed(lower)
    outlines = np.concatenate([lid, under[:, 1:-1]], axis=1)
    around = np.concatenate([placed(upper, 1.17), placed(lower, 1.17)[:, 1:-1]], axis=1)
    rim = Tone(0.20, 0.025, 40) if cat.ground.lightness < 0.9 or cat.pattern == "mask" else Tone(0.42, 0.05, 25)
    if cat.ground.lightness < 0.45:
        sheet.fill(around, cat.ground.glow(0.9).shifted(0.05).rgb(), 0.5, soft=0.008)
    sheet.fill(around, rim.rgb(), 0.88, soft=0.003)
    inside = sheet.shape(outlines)
    middles = [pose.spot(side * middle, 0.0) for side in (-1, 1)]

    def discs(across: float, down: float, right: float = 0.0, lower: float = 0.0) -> list[Points]:
        return [ellipse(x + right, y + lower, across, down) for x, y in middles]

    sheet.fill(outlines, iris.shade(0.5).rgb())
    for x, y in middles:
        sheet.dab(iris.glow(0.9).rgb(), 0.85, x - 0.006 * scene.side, y + 0.022, 0.042, 0.026)
    sheet.fill(discs(0.034, 0.036), iris.shifted(0.02, 0.015, 18).rgb(), 0.45, within=inside, soft=0.010)
    slit = 0.013 + 0.024 * cat.pupil
    tall = min(0.053, 0.030 + 0.6 * slit) * max(cat.open, 0.8)
    sheet.fill(discs(slit, tall), Tone(0.13, 0.02, 290).rgb(), within=inside, soft=0.0015)
    sheet.fill(ribbon(moved(lid, 0, 0.010), 0.028), Tone(0.15, 0.03, 60).rgb(), 0.45, within=inside, soft=0.006)
    way = float(np.sign(scene.side))
    white = np.ones((3, 1, 1), np.float32)
    sheet.fill(discs(0.0135, 0.0145, 0.016 * way, -0.018), white, 0.97)
    for x, y in middles:
        sheet.dab(white, 0.6, x - 0.018 * way, y + 0.020, 0.008)
    corner = mirrored([(middle - 1.0 * wide, 0.48 * high), (middle - 1.18 * wide, 0.85 * high)])
    sheet.fill(ribbon(pose.place(corner), [0.016, 0.004]), rim.rgb(), 0.85)


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
    brows = [[(0.10 + k, -0.085), (0.115 + 1.5 * k, -0.14), (0.15 + 2 * k, -0.19)] for k in (0.0, 0.03)]
    for each in brows:
        paths = scene.pose.place(smooth(mirrored(each), closed=False))
        sheet.fill(ribbon(paths, np.linspace(0.005, 0.001, paths.shape[1])), tone.rgb(), 0.40)
