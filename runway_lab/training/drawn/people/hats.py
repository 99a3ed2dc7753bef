"""Glasses, hats, bows and headscarves: what is drawn last."""

from __future__ import annotations

import numpy as np

from runway_lab.training.drawn.people.clothes import Outfit
from runway_lab.training.drawn.people.hair import Locks
from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import (
    Field,
    Sheet,
    ellipse,
    moved,
    ribbon,
    smooth,
    taper,
)
from runway_lab.training.drawn.tones import Tone

__all__ = ["on_top", "veil"]


def on_top(sheet: Sheet, scene: Scene, outfit: Outfit, u: Field, v: Field, chance: np.random.Generator) -> None:
    """Glasses and whatever is on the head."""
    pose = scene.pose
    if outfit.glasses:
        rims = []
        for side in (-1, 1):
            if outfit.glasses == "round":
                local = ellipse(side * 0.105, 0.008, 0.078, 0.072)
            else:
                square = [
                    (-0.076, -0.045),
                    (0.0, -0.055),
                    (0.076, -0.045),
                    (0.074, 0.03),
                    (0.045, 0.062),
                    (-0.045, 0.062),
                    (-0.074, 0.03),
                ]
                local = smooth([(side * 0.107 + a, 0.004 + b) for a, b in square], pieces=4)
            lens = pose.place(local, lift=0.015)
            sheet.fill([lens], Tone(0.97, 0.012, 220).rgb(), 0.10)
            shine = smooth(
                [
                    (side * 0.105 - 0.045, -0.03),
                    (side * 0.105 - 0.015, -0.045),
                    (side * 0.105 - 0.03, 0.03),
                    (side * 0.105 - 0.055, 0.02),
                ]
            )
            sheet.fill([pose.place(shine, lift=0.015)], np.ones((3, 1, 1), np.float32), 0.16, soft=0.006)
            rims.append(np.concatenate([lens, lens[:2]]))
        bridge = pose.place(smooth([(-0.03, -0.002), (0.0, -0.014), (0.03, -0.002)], closed=False), lift=0.02)
        arms = [pose.place(np.array([(side * 0.182, -0.005), (side * 0.22, -0.012)])) for side in (-1, 1)]
        sheet.fill([ribbon(moved(each, 0, 0.008), 0.010) for each in rims], Tone(0.2, 0.04, 20).rgb(), 0.22, soft=0.004)
        sheet.fill([ribbon(each, 0.0125) for each in [*rims, bridge, *arms]], outfit.frame.rgb())
    if outfit.hat:
        _hat(sheet, scene, outfit, u, v, chance)


def _hat(sheet: Sheet, scene: Scene, outfit: Outfit, u: Field, v: Field, chance: np.random.Generator) -> None:
    pose = scene.pose
    tone = Tone(0.60, 0.13, scene.wall.hue + 165)
    light = scene.sphere(u, v + np.float32(0.17), 0.27, 0.20)
    if outfit.hat == "beanie":
        dome = pose.place(
            smooth(
                [
                    (-0.242, -0.105),
                    (-0.225, -0.235),
                    (-0.12, -0.345),
                    (0.0, -0.372),
                    (0.12, -0.345),
                    (0.225, -0.235),
                    (0.242, -0.105),
                    (0.0, -0.145),
                ]
            )
        )
        sheet.fill([dome], scene.lit(tone, light))
        ribs = [
            pose.place(smooth([(a * 0.02, -0.36), (a * 0.055, -0.27), (a * 0.062, -0.15)], closed=False))
            for a in (-3, -2, -1, 0, 1, 2, 3)
        ]
        sheet.fill([ribbon(each, 0.009 * taper(len(each), 0.5)) for each in ribs], tone.shade(1.0).rgb(), 0.5)
        cuff = pose.place(
            smooth(
                [
                    (-0.245, -0.09),
                    (-0.232, -0.165),
                    (-0.12, -0.192),
                    (0.0, -0.200),
                    (0.12, -0.192),
                    (0.232, -0.165),
                    (0.245, -0.09),
                    (0.12, -0.118),
                    (0.0, -0.126),
                    (-0.12, -0.118),
                ]
            )
        )
        sheet.fill([cuff], scene.lit(tone.shifted(0.10, -0.02), light))
        x, y = pose.spot(0.0, -0.385)
        fluff = np.stack([np.cos(np.linspace(0, 6.283, 30)), np.sin(np.linspace(0, 6.283, 30))], 1) * (
            0.062 * chance.uniform(0.88, 1.1, (30, 1))
        ) + (x, y)
        ball = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(y), 0.07, 0.07)
        sheet.fill([fluff], scene.lit(Tone(0.93, 0.02, 85), ball))
    elif outfit.hat == "straw":
        straw = Tone(0.82, 0.085, 85)
        brim = pose.place(
            smooth(
                [
                    (-0.40, -0.125),
                    (-0.22, -0.215),
                    (0.0, -0.235),
                    (0.22, -0.215),
                    (0.40, -0.125),
                    (0.22, -0.120),
                    (0.0, -0.132),
                    (-0.22, -0.120),
                ]
            )
        )
        crown = pose.place(
            smooth(
                [
                    (-0.205, -0.17),
                    (-0.20, -0.28),
                    (-0.13, -0.375),
                    (0.0, -0.392),
                    (0.13, -0.375),
                    (0.20, -0.28),
                    (0.205, -0.17),
                    (0.0, -0.19),
                ]
            )
        )
        sheet.fill([moved(brim, 0, 0.022)], Tone(0.25, 0.04, 40).rgb(), 0.40, soft=0.014)
        sheet.fill([brim], scene.lit(straw.shade(0.2), light))
        sheet.fill([crown], scene.lit(straw, light))
        band = pose.place(
            smooth(
                [(-0.207, -0.185), (0.0, -0.205), (0.207, -0.185), (0.206, -0.235), (0.0, -0.258), (-0.206, -0.235)],
                pieces=4,
            )
        )
        sheet.fill([band], scene.lit(tone, light))
        weave = [
            pose.place(
                smooth([(-0.19 + 0.3 * k, -0.26 - k), (0.0, -0.285 - k), (0.19 - 0.3 * k, -0.26 - k)], closed=False)
            )
            for k in (0.0, 0.03, 0.06)
        ]
        sheet.fill([ribbon(each, 0.006) for each in weave], straw.shade(0.9).rgb(), 0.4)
    elif outfit.hat == "beret":
        lean = 0.05 * (1 if scene.side > 0 else -1)
        felt = pose.place(
            smooth(
                [
                    (-0.235, -0.135),
                    (-0.30 + lean, -0.225),
                    (-0.20 + lean, -0.335),
                    (0.02 + lean, -0.375),
                    (0.22 + lean, -0.335),
                    (0.30 + lean, -0.225),
                    (0.235, -0.135),
                    (0.0, -0.185),
                ]
            )
        )
        sheet.fill([moved(felt, 0, 0.016)], Tone(0.2, 0.04, 30).rgb(), 0.35, soft=0.010)
        sheet.fill(
            [felt], scene.lit(tone.shifted(-0.08), scene.sphere(u - np.float32(lean), v + np.float32(0.23), 0.32, 0.15))
        )
        x, y = pose.spot(0.02 + lean, -0.377)
        sheet.fill([ribbon(np.array([(x, y + 0.01), (x + 0.01, y - 0.03)]), 0.016)], tone.shade(0.6).rgb())
    elif outfit.hat == "band":
        path = pose.place(
            smooth([(-0.228, -0.12), (-0.17, -0.225), (0.0, -0.278), (0.17, -0.225), (0.228, -0.12)], closed=False)
        )
        sheet.fill([ribbon(path, 0.040)], scene.lit(tone, light))
        sheet.fill([ribbon(path - (0, 0.008), 0.008 * taper(len(path)))], tone.glow(1.5).rgb(), 0.6)
    else:
        x, y = pose.spot(0.135 * (1 if scene.side > 0 else -1), -0.245)
        if outfit.hat == "bow":
            for side in (-1, 1):
                loop = smooth(
                    [
                        (x, y),
                        (x + side * 0.05, y - 0.05),
                        (x + side * 0.10, y - 0.04),
                        (x + side * 0.095, y + 0.035),
                        (x + side * 0.045, y + 0.03),
                    ]
                )
                sheet.fill([loop], (tone if side * scene.side > 0 else tone.shade(0.5)).rgb())
                sheet.fill(
                    [ribbon(np.array([(x, y), (x + side * 0.06, y - 0.005)]), [0.02, 0.004])],
                    tone.shade(1.3).rgb(),
                    0.7,
                )
            sheet.fill([ellipse(x, y, 0.022, 0.026)], tone.shade(0.6).rgb())
        else:
            petals = [
                ellipse(x + 0.040 * np.cos(a), y + 0.040 * np.sin(a), 0.034, 0.026, a)
                for a in np.linspace(0, 2 * np.pi, 6)[:5]
            ]
            sheet.fill(petals, tone.glow(0.9).rgb())
            sheet.dab(tone.shade(0.5).rgb(), 0.6, x, y, 0.022)
            sheet.fill([ellipse(x, y, 0.020, 0.020)], Tone(0.85, 0.14, 90).rgb())


def veil(locks: Locks, sheet: Sheet, scene: Scene, u: Field, v: Field) -> None:
    """A headscarf, which leaves the face free."""
    pose = scene.pose
    tone = Tone(0.55 + 0.2 * float(locks.jitter[0, 0]), 0.09, scene.wall.hue + 150 + 60 * float(locks.jitter[1, 0]))
    half = [(0.13, -0.285), (0.235, -0.17), (0.265, 0.02), (0.25, 0.20), (0.235, 0.36), (0.12, 0.44)]
    outer = smooth([(0.0, -0.335), *half, (0.0, 0.46), *[(-x, y) for x, y in reversed(half)]], pieces=5)
    inner = [(0.115, -0.165), (0.172, -0.07), (0.180, 0.06), (0.158, 0.165), (0.095, 0.238)]
    hole = smooth([(0.0, -0.185), *inner, (0.0, 0.268), *[(-x, y) for x, y in reversed(inner)]], pieces=5)
    cloth = sheet.shape([pose.place(outer)]) * (1 - sheet.shape([pose.place(hole)]))
    light = scene.sphere(u, v - np.float32(0.03), 0.30, 0.42)
    sheet.paint(cloth, scene.lit(tone, light))
    rim = pose.place(hole)
    sheet.paint(
        cloth * sheet.shape([ribbon(np.concatenate([rim, rim[:1]]), 0.020)], soft=0.004) * np.float32(0.45),
        tone.shade(1.2).rgb(),
    )
    folds = [
        [(-0.20 * locks.side, 0.14), (0.0, 0.315), (0.17 * locks.side, 0.33)],
        [(-0.225 * locks.side, 0.20), (-0.05 * locks.side, 0.38), (0.14 * locks.side, 0.40)],
        [(0.05 * locks.side, -0.30), (0.19 * locks.side, -0.16), (0.225 * locks.side, 0.05)],
        [(0.12 * locks.side, -0.27), (0.24 * locks.side, -0.05), (0.235 * locks.side, 0.18)],
    ]
    paths = [pose.place(smooth(each, closed=False)) for each in folds]
    sheet.fill(
        [ribbon(each, 0.016 * taper(len(each))) for each in paths],
        tone.shade(1.1).rgb(),
        0.55,
        within=cloth,
        soft=0.003,
    )
    sheet.fill(
        [ribbon(each - (0, 0.012), 0.009 * taper(len(each))) for each in paths],
        tone.glow(1.1).rgb(),
        0.6,
        within=cloth,
        soft=0.003,
    )
