"""What people put on below the chin: shirts, scarves, hoods; and what else goes with an outfit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runway_lab.training.drawn.portrait import MIDDLE, Scene
from runway_lab.training.drawn.sheet import (
    Sheet,
    ellipse,
    moved,
    ribbon,
    smooth,
    smoothstep,
    taper,
)
from runway_lab.training.drawn.tones import Tone, mix

__all__ = ["Outfit", "shoulders"]


METALS = (
    Tone(0.28, 0.02, 280),
    Tone(0.76, 0.11, 85),
    Tone(0.48, 0.14, 25),
    Tone(0.42, 0.07, 50),
    Tone(0.45, 0.10, 255),
)


@dataclass(frozen=True)
class Outfit:
    cloth: Tone
    second: Tone
    collar: str
    stripes: bool
    hat: str
    glasses: str
    frame: Tone
    earrings: Tone | None

    @classmethod
    def chance(cls, chance: np.random.Generator, style: str, wall: Tone, age: float) -> Outfit:
        # Clothes sit well before a wall: its opposite, its neighbour, or a quiet gray.
        turn = float(chance.choice([180, 150, -150, 40, -40, 90]) + chance.normal(0, 12))
        light = float(chance.uniform(0.34, 0.80))
        cloth = Tone(light, float(chance.choice([0.03, 0.08, 0.12], p=[0.25, 0.4, 0.35])), wall.hue + turn)
        second = (
            Tone(0.92, 0.02, 85)
            if light < 0.65 and chance.random() < 0.7
            else cloth.shifted(0.14 if light < 0.5 else -0.16, 0.01, 25)
        )
        collar = str(
            chance.choice(["round", "shirt", "turtle", "vee", "scarf", "hood"], p=[0.28, 0.2, 0.16, 0.14, 0.12, 0.10])
        )
        hat = ""
        if style not in ("bun", "bunches", "afro", "veil") and chance.random() < 0.17:
            hat = str(chance.choice(["beanie", "straw", "beret"]))
        if not hat and style in ("bob", "long", "bunches", "bun", "curls", "afro", "waves") and chance.random() < 0.22:
            hat = str(chance.choice(["band", "bow", "flower"]))
        glasses = str(
            chance.choice(["", "round", "square"], p=[0.78 - 0.2 * age, 0.13 + 0.12 * age, 0.09 + 0.08 * age])
        )
        frame = METALS[int(chance.integers(len(METALS)))]
        earrings = (
            METALS[1] if chance.random() < 0.12 else (Tone(0.72, 0.10, cloth.hue) if chance.random() < 0.07 else None)
        )
        return cls(cloth, second, collar, bool(chance.random() < 0.22), hat, glasses, frame, earrings)


def shoulders(sheet: Sheet, scene: Scene, outfit: Outfit, skin: Tone, broad: float = 0.0) -> None:
    """Neck and clothes, with the shadow the head throws on them."""
    lean = 0.35 * scene.pose.yaw * 0.2
    x = MIDDLE[0] + lean
    light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(1.06), 0.42, 0.30)
    neck = 0.082 + 0.5 * broad
    throat = smooth(
        [
            (x - neck, 0.68),
            (x - neck, 0.80),
            (x - neck - 0.015, 0.89),
            (x, 1.02),
            (x + neck + 0.015, 0.89),
            (x + neck, 0.80),
            (x + neck, 0.68),
        ]
    )
    sheet.fill([throat], scene.lit(skin.shifted(-0.02), light))
    sheet.fill(
        [ellipse(x - 0.02 * scene.side, 0.775, 0.15, 0.075)],
        skin.shade(1.5).rgb(),
        0.62,
        within=sheet.shape([throat]),
        soft=0.018,
    )
    wide = 0.36 + broad
    neckline = {"round": 0.045, "shirt": 0.03, "turtle": -0.05, "vee": 0.03, "scarf": 0.0, "hood": 0.04}[outfit.collar]
    top = 0.862
    slope = [
        (x - wide - 0.12, 1.12),
        (x - wide, 0.985),
        (x - wide + 0.11, 0.915),
        (x - neck - 0.045, top),
        (x - neck - 0.005, top - 0.018),
    ]
    dip = [(x - 0.55 * neck, top + neckline * 0.9), (x, top + neckline * 1.25), (x + 0.55 * neck, top + neckline * 0.9)]
    if outfit.collar == "vee":
        dip = [(x - 0.4 * neck, top + 0.045), (x, top + 0.115), (x + 0.4 * neck, top + 0.045)]
    mirrored = [(2 * x - a, b) for a, b in reversed(slope)]
    body = np.concatenate([smooth([*slope, *dip, *mirrored], closed=False, pieces=5)])
    cloth = sheet.shape([body])
    colour = scene.lit(outfit.cloth, light)
    if outfit.stripes:
        bend = sheet.y + 0.35 * (sheet.x - np.float32(x)) ** 2
        bands = smoothstep(-0.35, 0.35, np.sin((bend - np.float32(0.86)) * np.float32(2 * np.pi / 0.075)))
        colour = mix(colour, scene.lit(outfit.second, light), bands)
    sheet.paint(cloth, colour)
    # Folds under the arms and the shadow of the head.
    dark = outfit.cloth.shade(1.2).rgb()
    for side in (-1, 1):
        fold = smooth([(x + side * (wide - 0.10), 0.94), (x + side * (wide - 0.13), 1.02)], closed=False)
        sheet.fill([ribbon(fold, 0.014 * taper(len(fold)))], dark, 0.5, soft=0.005)
    sheet.paint(cloth * sheet.spot(x - 0.05 * scene.side, 0.845, 0.11, 0.05) * np.float32(0.50), dark)
    _collar(sheet, scene, outfit, x, neck, top, neckline)


def _collar(sheet: Sheet, scene: Scene, outfit: Outfit, x: float, neck: float, top: float, neckline: float) -> None:
    second, cloth = outfit.second, outfit.cloth
    if outfit.collar == "round":
        path = smooth(
            [
                (x - neck - 0.012, top - 0.016),
                (x - 0.6 * neck, top + neckline * 0.9),
                (x, top + neckline * 1.25),
                (x + 0.6 * neck, top + neckline * 0.9),
                (x + neck + 0.012, top - 0.016),
            ],
            closed=False,
        )
        sheet.fill([ribbon(path, 0.026)], cloth.shade(0.6).rgb())
        sheet.fill([ribbon(path - (0, 0.004), 0.008)], cloth.glow(0.8).rgb(), 0.6)
    elif outfit.collar == "shirt":
        for side in (-1, 1):
            flap = [
                (x + side * (neck + 0.01), top - 0.045),
                (x + side * (neck + 0.045), top + 0.01),
                (x + side * 0.075, top + 0.095),
                (x + side * 0.006, top + 0.045),
            ]
            tone = second if side * scene.side > 0 else second.shade(0.45)
            sheet.fill([moved(np.array(flap), 0, 0.01)], cloth.shade(1.3).rgb(), 0.45, soft=0.006)
            sheet.fill([np.array(flap)], tone.rgb())
    elif outfit.collar == "turtle":
        roll = smooth(
            [
                (x - neck - 0.022, top - 0.075),
                (x, top - 0.045),
                (x + neck + 0.022, top - 0.075),
                (x + neck + 0.030, top + 0.005),
                (x, top + 0.040),
                (x - neck - 0.030, top + 0.005),
            ]
        )
        light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(top), 0.16, 0.10)
        sheet.fill([roll], scene.lit(cloth, light))
        sheet.dab(cloth.shade(1.5).rgb(), 0.6, x - 0.03 * scene.side, top - 0.060, 0.07, 0.016)
        lower = smooth([(x - neck - 0.03, top + 0.004), (x, top + 0.040), (x + neck + 0.03, top + 0.004)], closed=False)
        sheet.fill([ribbon(lower, 0.010 * taper(len(lower), 0.4))], cloth.shade(1.3).rgb(), 0.7)
    elif outfit.collar == "vee":
        path = np.array(
            [
                (x - neck - 0.012, top - 0.016),
                (x - 0.42 * neck, top + 0.045),
                (x, top + 0.115),
                (x + 0.42 * neck, top + 0.045),
                (x + neck + 0.012, top - 0.016),
            ]
        )
        sheet.fill([ribbon(path, 0.024)], second.rgb())
    elif outfit.collar == "scarf":
        roll = smooth(
            [
                (x - neck - 0.055, top - 0.055),
                (x, top - 0.015),
                (x + neck + 0.055, top - 0.055),
                (x + neck + 0.060, top + 0.03),
                (x, top + 0.085),
                (x - neck - 0.060, top + 0.03),
            ]
        )
        tone = Tone(0.62, 0.13, cloth.hue + 150)
        light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(top), 0.20, 0.11)
        sheet.fill([moved(roll, 0, 0.012)], cloth.shade(1.5).rgb(), 0.6, soft=0.01)
        side = 1 if scene.side > 0 else -1
        end = smooth(
            [
                (x + side * 0.05, top + 0.04),
                (x + side * 0.13, top + 0.04),
                (x + side * 0.15, 1.08),
                (x + side * 0.05, 1.08),
            ]
        )
        sheet.fill([end], scene.lit(tone.shade(0.25), light))
        sheet.fill([roll], scene.lit(tone, light))
        for drop in (-0.01, 0.028):
            fold = smooth(
                [
                    (x - neck - 0.05, top - 0.03 + drop),
                    (x - 0.02, top + 0.02 + drop),
                    (x + neck + 0.04, top - 0.025 + drop),
                ],
                closed=False,
            )
            sheet.fill([ribbon(fold, 0.009 * taper(len(fold)))], tone.shade(1.2).rgb(), 0.7)
    else:
        for side in (-1, 1):
            hood = smooth(
                [
                    (x + side * (neck + 0.005), top - 0.06),
                    (x + side * (neck + 0.10), top - 0.025),
                    (x + side * (neck + 0.09), top + 0.045),
                    (x + side * 0.02, top + 0.10),
                    (x + side * (neck - 0.02), top + 0.02),
                ]
            )
            tone = cloth if side * scene.side > 0 else cloth.shade(0.5)
            sheet.fill([moved(hood, 0, 0.012)], cloth.shade(1.5).rgb(), 0.5, soft=0.008)
            sheet.fill([hood], tone.glow(0.4).rgb())
            string = np.array([(x + side * 0.035, top + 0.07), (x + side * 0.040, top + 0.14)])
            sheet.fill([ribbon(string, 0.011)], second.rgb())
