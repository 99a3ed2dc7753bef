"""A view over hills: an hour of the day, a season, mountains, perhaps a lake, a house, some trees.

The horizon is always at the same height. What is further away takes more of the colour of the sky; the sun (or the
moon) says from where everything is lit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runway_lab.training.drawn.sheet import Points, Sheet, blob, ellipse, moved, ribbon, smooth, smoothstep
from runway_lab.training.drawn.tones import Tone, between, mix

__all__ = ["View", "draw_landscape"]

HORIZON = 0.56
# Hour: zenith, horizon, sun, light on the land (1 noon), how often.
HOURS: dict[str, tuple[Tone, Tone, Tone, float, float]] = {
    "dawn": (Tone(0.70, 0.075, 265), Tone(0.89, 0.070, 50), Tone(0.97, 0.050, 85), 0.88, 0.22),
    "day": (Tone(0.66, 0.105, 245), Tone(0.91, 0.040, 220), Tone(0.99, 0.035, 100), 1.0, 0.33),
    "dusk": (Tone(0.48, 0.095, 300), Tone(0.77, 0.140, 48), Tone(0.92, 0.120, 70), 0.74, 0.25),
    "night": (Tone(0.24, 0.060, 275), Tone(0.45, 0.070, 262), Tone(0.96, 0.025, 100), 0.46, 0.20),
}
SEASONS: dict[str, tuple[Tone, Tone, float]] = {
    "spring": (Tone(0.74, 0.120, 128), Tone(0.70, 0.110, 135), 0.25),
    "summer": (Tone(0.64, 0.110, 125), Tone(0.48, 0.090, 140), 0.30),
    "autumn": (Tone(0.68, 0.105, 88), Tone(0.62, 0.140, 52), 0.25),
    "winter": (Tone(0.93, 0.015, 240), Tone(0.45, 0.050, 165), 0.20),
}


@dataclass(frozen=True)
class View:
    hour: str
    season: str
    zenith: Tone
    low: Tone
    sun: Tone
    day: float
    sun_x: float
    sun_y: float
    sun_size: float
    grass: Tone
    leaves: Tone
    rock: Tone
    peaks: int
    lake: bool
    house: float
    conifers: bool
    trees: int
    clouds: int

    @classmethod
    def chance(cls, chance: np.random.Generator) -> View:
        hour = str(chance.choice(list(HOURS), p=[each[-1] for each in HOURS.values()]))
        season = str(chance.choice(list(SEASONS), p=[each[-1] for each in SEASONS.values()]))
        zenith, low, sun, day, _ = HOURS[hour]
        grass, leaves, _ = SEASONS[season]
        turn = float(chance.normal(0, 14))
        night = hour == "night"
        return cls(
            hour=hour,
            season=season,
            zenith=zenith.shifted(float(chance.uniform(-0.04, 0.04)), 0, turn),
            low=low.shifted(float(chance.uniform(-0.03, 0.03)), 0, turn * 0.8),
            sun=sun,
            day=day,
            sun_x=float(0.5 + chance.choice([-1, 1]) * chance.uniform(0.08, 0.34)),
            sun_y=float(chance.uniform(0.12, 0.26) if hour in ("day", "night") else chance.uniform(0.30, 0.48)),
            sun_size=float(chance.uniform(0.045, 0.075)),
            grass=grass.shifted(float(chance.uniform(-0.04, 0.03)), 0, float(chance.uniform(-10, 10))),
            leaves=leaves.shifted(float(chance.uniform(-0.04, 0.04)), 0, float(chance.uniform(-12, 12))),
            rock=Tone(float(chance.uniform(0.48, 0.60)), 0.035, float(chance.choice([265, 300, 40, 230]))),
            peaks=int(chance.choice([0, 2, 3, 4], p=[0.2, 0.25, 0.3, 0.25])),
            lake=bool(chance.random() < 0.42),
            house=float(chance.uniform(0.22, 0.78)) if chance.random() < 0.42 else 0.0,
            conifers=season == "winter" or bool(chance.random() < 0.4),
            trees=int(chance.integers(3, 9)),
            clouds=0 if night and chance.random() < 0.5 else int(chance.integers(0, 5)),
        )

    def lit(self, tone: Tone, far: float) -> Tone:
        """A tone of the land at this hour, `far` (0..1) away: into the shade of the night, into the haze."""
        dark = tone.shade(2.2 * (1 - self.day))._replace(chroma=tone.chroma * (0.35 + 0.65 * self.day))
        tinted = between(dark, Tone(dark.lightness, self.low.chroma, self.low.hue), 0.35 * (1 - self.day) + 0.04)
        return between(tinted, self.low, far)


def draw_landscape(chance: np.random.Generator, size: int) -> Sheet:
    sheet = Sheet(size)
    view = View.chance(chance)
    _sky(sheet, view, chance)
    side = 1.0 if view.sun_x > 0.5 else -1.0
    _mountains(sheet, view, chance, side)
    _mist(sheet, view, 0.55)
    _hill(sheet, view, chance, 0.55, 0.030, 0.42, 0.018, side)
    if view.lake:
        _lake(sheet, view, chance)
    _hill(sheet, view, chance, 0.70 if view.lake else 0.64, 0.040, 0.20, 0.034, side, bank=view.lake)
    if view.house:
        _house(sheet, view, side)
    _hill(sheet, view, chance, 0.83, 0.045, 0.0, 0.075, side)
    _meadow(sheet, view, chance)
    warm = view.sun.rgb()
    sheet.paint(
        sheet.spot(view.sun_x, view.sun_y, 0.30, 0.26) * np.float32(0.16 + 0.10 * (view.hour in ("dawn", "dusk"))), warm
    )
    corner = (sheet.x - 0.5) ** 2 + (sheet.y - 0.48) ** 2
    sheet.planes *= 1 - smoothstep(0.24, 0.62, corner) * np.float32(0.24)
    return sheet


def _sky(sheet: Sheet, view: View, chance: np.random.Generator) -> None:
    share = smoothstep(-0.05, HORIZON + 0.02, sheet.y)
    sheet.planes[:] = mix(view.zenith.rgb(), view.low.rgb(), share)
    if view.hour == "night":
        stars = chance.uniform((0, 0), (1, 0.48), (46, 2))
        bright = chance.uniform(0.0022, 0.0052, 46)
        sheet.fill(
            [ellipse(x, y, r, r, count=8) for (x, y), r in zip(stars, bright, strict=True)],
            np.ones((3, 1, 1), np.float32),
            0.9,
        )
    glow = view.sun.rgb()
    x, y, r = view.sun_x, view.sun_y, view.sun_size
    sheet.paint(sheet.spot(x, y, 4.2 * r, 3.6 * r) * np.float32(0.42), mix(glow, view.low.rgb(), 0.35))
    sheet.paint(sheet.spot(x, y, 1.7 * r) * np.float32(0.55), glow)
    sheet.fill([ellipse(x, y, r, r, count=48)], glow)
    if view.hour == "night":
        sheet.fill(
            [ellipse(x + 0.42 * r, y - 0.12 * r, 0.86 * r, 0.86 * r, count=40)],
            view.zenith.glow(0.8).rgb(),
            0.88,
            within=sheet.shape([ellipse(x, y, r, r, count=48)]),
            soft=0.004,
        )
    body = between(Tone(0.97, 0.015, 80), view.low, 0.25 if view.day > 0.8 else 0.62)
    for _ in range(view.clouds):
        a, b = chance.uniform((0.0, 0.07), (1.0, 0.38))
        wide = chance.uniform(0.07, 0.14)
        puffs = []
        for k in range(6):
            t = (k - 2.5) / 2.5
            high = wide * (0.42 - 0.22 * t * t) * chance.uniform(0.75, 1.2)
            puffs.append(ellipse(a + t * wide * 1.15, b - 0.45 * high, wide * 0.40, high, count=18))
        puffs.append(ellipse(a, b, wide * 1.5, wide * 0.16))
        sheet.fill([moved(each, 0, 0.012) for each in puffs], body.shade(0.55).rgb(), 0.55, soft=0.010)
        sheet.fill(puffs, body.rgb(), 0.85, soft=0.006)
        sheet.fill([moved(each, 0, -0.014) for each in puffs[1:5]], body.glow(1.6).rgb(), 0.55, soft=0.009)


def _mountains(sheet: Sheet, view: View, chance: np.random.Generator, side: float) -> None:
    for far, scale in ((0.66, 0.75), (0.42, 1.0)):
        tone = view.lit(view.rock, far)
        snow = view.lit(Tone(0.96, 0.012, 240), far * 0.6)
        places = (np.arange(view.peaks) + chance.uniform(0.1, 0.9, view.peaks)) / max(view.peaks, 1)
        for x in places.tolist():
            high = scale * float(chance.uniform(0.16, 0.36))
            wide = high * float(chance.uniform(0.85, 1.25))
            top = HORIZON + 0.03 - high
            drop = np.array([0.0, 0.22, 0.42, 0.66, 1.0])
            middle = np.stack(
                [x + wide * 0.10 * np.array([0.0, 1.0, -0.4, 1.2, 0.3]) * side, top + high * drop], axis=1
            )
            left = np.stack(
                [x - wide * (drop**1.05) * (1 + 0.10 * chance.uniform(-1, 1, 5)), top + high * drop], axis=1
            )
            right = np.stack(
                [x + wide * (drop**1.05) * (1 + 0.10 * chance.uniform(-1, 1, 5)), top + high * drop], axis=1
            )
            foot = HORIZON + 0.1
            light = right if side > 0 else left
            sheet.fill([np.concatenate([left, [(x, foot)], right[::-1]])], tone.shade(0.55).rgb())
            sheet.fill([np.concatenate([middle, [(x, foot)], light[::-1]])], tone.glow(0.9).rgb())
            if high > 0.19 or view.season == "winter":
                cap = 0.40 if view.season == "winter" else 0.28
                zig = np.array([1.0, 0.72, 1.12, 0.70, 1.0])
                share = np.linspace(-1, 1, 5)
                edge = np.stack([x + share * wide * cap**1.05, top + high * cap * zig], axis=1)
                white = np.concatenate([[(x, top)], edge[::-1]])
                sheet.fill([white], snow.shade(0.35).rgb())
                bright = np.concatenate([middle[:2], edge[[2, 3, 4]] if side > 0 else edge[[2, 1, 0]]])
                sheet.fill([bright], snow.rgb())


def _mist(sheet: Sheet, view: View, y: float) -> None:
    band = np.exp(-(((sheet.y - np.float32(y)) / np.float32(0.055)) ** 2))
    sheet.paint(band * np.float32(0.55), view.low.glow(0.5).rgb())


def _ridge(chance: np.random.Generator, y: float, swing: float) -> Points:
    heights = y + swing * chance.uniform(-1, 1, 6)
    return smooth(np.stack([np.linspace(-0.1, 1.1, 6), heights], axis=1), closed=False, pieces=10)


def _hill(
    sheet: Sheet,
    view: View,
    chance: np.random.Generator,
    y: float,
    swing: float,
    far: float,
    tall: float,
    side: float,
    *,
    bank: bool = False,
) -> None:
    ridge = _ridge(chance, y, swing * (0.4 if bank else 1.0))
    tone = view.lit(view.grass, far)
    hill = np.concatenate([ridge, [(1.1, 1.1), (-0.1, 1.1)]])
    mask = sheet.shape([hill])
    height = np.interp(sheet.x[0], ridge[:, 0], ridge[:, 1]).astype(np.float32)
    slope = np.gradient(ridge[:, 1], ridge[:, 0])
    facing = np.interp(sheet.x[0], ridge[:, 0], slope).astype(np.float32) * np.float32(side)
    depth = smoothstep(0.0, 0.16, sheet.y - height[None, :])
    colour = mix(tone.glow(0.7).rgb(), tone.shade(0.85).rgb(), depth)
    colour = mix(colour, tone.shade(1.0).rgb(), np.clip(-facing * np.float32(1.4), 0, 0.5)[None, None, :])
    sheet.paint(mask, colour)
    sheet.fill([ribbon(moved(ridge, 0, 0.006), 0.010)], tone.glow(1.6).rgb(), 0.45, soft=0.003)
    if view.trees:
        _trees(sheet, view, chance, ridge, far, tall, side)


def _trees(
    sheet: Sheet, view: View, chance: np.random.Generator, ridge: Points, far: float, tall: float, side: float
) -> None:
    count = view.trees if tall < 0.07 else max(1, view.trees // 3)
    tone = view.lit(view.leaves, far)
    trunk = view.lit(Tone(0.36, 0.045, 55), far)
    places = np.sort(chance.uniform(0.02, 0.98, count))
    if tall > 0.07:
        # Near trees stand at the sides, where they hide nothing.
        places = np.where(places < 0.5, places * 0.45, 1 - (1 - places) * 0.45)
    heights = tall * chance.uniform(1.5, 2.5, count)
    feet = np.interp(places, ridge[:, 0], ridge[:, 1]) + 0.01
    trees = list(zip(places.tolist(), feet.tolist(), heights.tolist(), strict=True))
    shadows = [ellipse(x - 0.25 * high * side, y + 0.004, 0.42 * high, 0.09 * high) for x, y, high in trees]
    sheet.fill(shadows, view.lit(view.grass, far).shade(1.6).rgb(), 0.5, soft=0.006)
    sheet.fill([ribbon([(x, y + 0.004), (x, y - 0.5 * high)], 0.10 * high) for x, y, high in trees], trunk.rgb())
    dark, bright = [], []
    for x, y, high in trees:
        if view.conifers:
            for k in range(3):
                top, low, wide = y - high * (1.25 - 0.30 * k), y - high * (0.72 - 0.28 * k), high * (0.24 + 0.10 * k)
                dark.append(np.array([(x, top), (x + wide, low), (x, low + 0.05 * high), (x - wide, low)]))
                bright.append(np.array([(x, top), (x + side * wide, low), (x + side * 0.25 * wide, low + 0.03 * high)]))
        else:
            for a, b, r in ((0.0, 0.86, 0.40), (-0.24, 0.66, 0.30), (0.25, 0.66, 0.30)):
                crown = blob(chance, x + a * high, y - b * high, r * high, r * high * 0.95, 0.12)
                dark.append(crown)
                middle = np.array((x + a * high + 0.06 * high * side, y - b * high - 0.06 * high))
                bright.append(middle + (crown - (x + a * high, y - b * high)) * 0.82)
    sheet.fill(dark, tone.shade(0.75).rgb())
    if view.conifers:
        snowy = view.season == "winter"
        sheet.fill(bright, (view.lit(Tone(0.95, 0.012, 240), far) if snowy else tone.glow(0.8)).rgb(), 0.85)
    else:
        sheet.fill(bright, tone.rgb(), soft=0.12 * tall)
        tops = [ellipse(x + 0.14 * high * side, y - 0.98 * high, 0.19 * high, 0.12 * high) for x, y, high in trees]
        sheet.fill(tops, tone.glow(1.6).rgb(), 0.65, soft=0.12 * tall)


def _lake(sheet: Sheet, view: View, chance: np.random.Generator) -> None:
    shore = smooth([(-0.1, 0.615), (0.2, 0.606), (0.5, 0.602), (0.8, 0.606), (1.1, 0.612)], closed=False)
    water = sheet.shape([np.concatenate([shore, [(1.1, 0.9), (-0.1, 0.9)]])])
    share = smoothstep(0.60, 0.76, sheet.y)
    sheet.paint(water, mix(view.low.shade(0.12).rgb(), view.zenith.shade(0.25).rgb(), share))
    # The hills stand on their heads in it, and the sun lies on it in pieces.
    mirrored = np.exp(-(((sheet.y - np.float32(0.605)) / np.float32(0.030)) ** 2))
    sheet.paint(water * mirrored * np.float32(0.60), view.lit(view.grass, 0.42).shade(0.7).rgb())
    rows = np.linspace(0.625, 0.72, 9)
    wide = 0.020 + 0.10 * (rows - 0.6) / 0.12 * chance.uniform(0.6, 1.0, 9)
    middle = view.sun_x + chance.normal(0, 0.012, 9)
    sheet.fill(
        [ellipse(x, y, w, 0.0042, count=14) for x, y, w in zip(middle, rows, wide, strict=True)],
        view.sun.rgb(),
        0.72,
        within=water,
    )
    x, y = chance.uniform((0, 0.625), (1, 0.72), (14, 2)).T
    sheet.fill(
        [ellipse(a, b, 0.035, 0.0026, count=10) for a, b in zip(x, y, strict=True)],
        view.low.glow(1.0).rgb(),
        0.40,
        within=water,
    )


def _house(sheet: Sheet, view: View, side: float) -> None:
    x, y = view.house, 0.735 if view.lake else 0.70
    wide, high = 0.062, 0.070
    wall = view.lit(Tone(0.93, 0.025, 80), 0.05)
    roof = view.lit(Tone(0.56, 0.13, 35) if view.season != "winter" else Tone(0.95, 0.012, 240), 0.05)
    sheet.fill(
        [ellipse(x - 0.03 * side, y + 0.004, 0.10, 0.016)],
        view.lit(view.grass, 0.15).shade(1.6).rgb(),
        0.55,
        soft=0.008,
    )
    sheet.fill(
        [
            np.array(
                [
                    (x + 0.026, y - 1.75 * high),
                    (x + 0.046, y - 1.75 * high),
                    (x + 0.046, y - high),
                    (x + 0.026, y - high),
                ]
            )
        ],
        wall.shade(0.9).rgb(),
    )
    sheet.fill([np.array([(x - wide, y - high), (x + wide, y - high), (x + wide, y), (x - wide, y)])], wall.rgb())
    dark = np.array(
        [
            (x - side * wide, y - high),
            (x - side * 0.25 * wide, y - high),
            (x - side * 0.25 * wide, y),
            (x - side * wide, y),
        ]
    )
    sheet.fill([dark], wall.shade(0.7).rgb(), 0.8)
    sheet.fill(
        [np.array([(x - wide - 0.018, y - high + 0.006), (x, y - 1.95 * high), (x + wide + 0.018, y - high + 0.006)])],
        roof.rgb(),
    )
    sheet.fill(
        [
            np.array(
                [
                    (x, y - 1.95 * high),
                    (x - side * (wide + 0.018), y - high + 0.006),
                    (x - side * 0.2 * wide, y - high + 0.006),
                ]
            )
        ],
        roof.shade(0.8).rgb(),
    )
    evening = view.hour in ("dusk", "night")
    pane = Tone(0.90, 0.13, 88) if evening else view.lit(Tone(0.50, 0.05, 240), 0)
    for place in (-0.5, 0.45):
        a = x + place * wide
        sheet.fill(
            [
                np.array(
                    [
                        (a - 0.014, y - 0.78 * high),
                        (a + 0.014, y - 0.78 * high),
                        (a + 0.014, y - 0.36 * high),
                        (a - 0.014, y - 0.36 * high),
                    ]
                )
            ],
            pane.rgb(),
        )
        if evening:
            sheet.dab(pane.rgb(), 0.45, a, y - 0.55 * high, 0.030)
    sheet.fill(
        [np.array([(x - 0.012, y - 0.5 * high), (x + 0.012, y - 0.5 * high), (x + 0.012, y), (x - 0.012, y)])],
        view.lit(Tone(0.40, 0.07, 45), 0).rgb(),
    )


def _meadow(sheet: Sheet, view: View, chance: np.random.Generator) -> None:
    """What is at one's feet: blades of grass, flowers, fallen leaves, or falling snow."""
    if view.season == "winter":
        x, y = chance.uniform((0, 0), (1, 1), (46, 2)).T
        sheet.fill(
            [ellipse(a, b, r, r, count=8) for a, b, r in zip(x, y, chance.uniform(0.003, 0.008, 46), strict=True)],
            view.lit(Tone(1.0, 0.0, 0), 0).glow(1.0).rgb(),
            0.75,
            soft=0.002,
        )
        return
    roots = chance.uniform((0, 0.86), (1, 1.02), (70, 2))
    tips = roots + np.stack([chance.normal(0, 0.012, 70), -chance.uniform(0.025, 0.05, 70)], axis=1)
    blades = np.stack([roots, tips], axis=1)
    grass = view.lit(view.grass, 0)
    sheet.paint(sheet.lines(blades[::2], 0.006) * np.float32(0.6), grass.shade(1.3).rgb())
    sheet.paint(sheet.lines(blades[1::2], 0.006) * np.float32(0.5), grass.glow(1.0).rgb())
    hues = {"spring": (350, 95, 300), "summer": (25, 90, 255), "autumn": (45, 60, 30)}[view.season]
    for hue in hues:
        x, y = chance.uniform((0, 0.86), (1, 0.99), (7, 2)).T
        sheet.fill(
            [ellipse(a, b, 0.0105, 0.0095, count=10) for a, b in zip(x, y, strict=True)],
            view.lit(Tone(0.80, 0.14, hue), 0).rgb(),
            0.95,
        )
