"""Hair: its colours, its cuts, and beards.

A cut is a cap (from the silhouette of the head down to a hairline), perhaps locks at the sides, perhaps hair behind
the shoulders. Strands run over it from the parting to the tips; a band of light lies across the crown. Curls are
made of many round ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import Field, Points, Sheet, ellipse, moved, ribbon, smooth, smoothstep, taper
from runway_lab.training.drawn.tones import Tone, between

__all__ = ["STYLES", "Locks", "beard", "chance_style", "chance_tone"]

COLOURS = (
    Tone(0.24, 0.018, 40),  # black
    Tone(0.31, 0.040, 50),  # dark brown
    Tone(0.41, 0.065, 55),  # brown
    Tone(0.43, 0.100, 40),  # auburn
    Tone(0.60, 0.135, 52),  # ginger
    Tone(0.74, 0.095, 80),  # blond
    Tone(0.86, 0.060, 88),  # fair
)
GRAY, WHITE = Tone(0.66, 0.012, 250), Tone(0.90, 0.012, 90)
DYED = (Tone(0.68, 0.14, 0), Tone(0.62, 0.10, 195), Tone(0.60, 0.13, 300), Tone(0.52, 0.12, 255))

# Hairlines, from the right ear over the forehead to the left; those of one side are mirrored.
LINES = {
    "high": [(0.207, 0.03), (0.192, -0.06), (0.165, -0.145), (0.08, -0.188), (0.0, -0.195)],
    "fringe": [(0.205, 0.08), (0.190, -0.02), (0.168, -0.088), (0.085, -0.100), (0.0, -0.104)],
    "curtain": [(0.207, 0.10), (0.198, 0.0), (0.170, -0.095), (0.090, -0.168), (0.0, -0.228)],
}
SWEEP = [
    (0.207, 0.03),
    (0.193, -0.045),
    (0.172, -0.098),
    (0.085, -0.128),
    (-0.01, -0.165),
    (-0.095, -0.212),
    (-0.150, -0.165),
    (-0.190, -0.075),
    (-0.207, 0.03),
]

# Name: hairline, how far it stands off the head, how far locks hang at the sides, width and end of what is behind.
STYLES: dict[str, tuple[str, float, float, tuple[float, float] | None]] = {
    "crop": ("high", 0.010, 0.0, None),
    "part": ("sweep", 0.032, 0.0, None),
    "tousled": ("sweep", 0.042, 0.0, None),
    "quiff": ("high", 0.040, 0.0, None),
    "bald": ("", 0.0, 0.0, None),
    "bob": ("fringe", 0.045, 0.21, (0.275, 0.24)),
    "long": ("curtain", 0.035, 0.46, (0.285, 0.55)),
    "waves": ("sweep", 0.045, 0.40, (0.310, 0.50)),
    "bun": ("high", 0.012, 0.0, None),
    "bunches": ("fringe", 0.025, 0.0, None),
    "curls": ("fringe", 0.060, 0.12, (0.310, 0.16)),
    "afro": ("high", 0.080, 0.0, (0.345, 0.06)),
    "veil": ("", 0.0, 0.0, None),
}


def chance_tone(chance: np.random.Generator, dark: float, age: float) -> Tone:
    """A colour of hair, as it goes with the skin (0 fair, 1 dark) and the years."""
    chosen = int(chance.choice(len(COLOURS), p=[0.16, 0.18, 0.20, 0.12, 0.12, 0.14, 0.08]))
    if chance.random() < dark * 1.3:
        chosen = min(chosen, int(chance.integers(0, 3)))
    tone = COLOURS[chosen].shifted(float(chance.uniform(-0.03, 0.03)), float(chance.uniform(-0.01, 0.01)))
    turning = float(np.clip((age - 0.52) / 0.25, 0, 1)) * float(chance.random() < 0.85)
    if turning:
        tone = between(tone, GRAY if age < 0.72 else WHITE, turning)
    elif age < 0.6 and chance.random() < 0.07:
        tone = DYED[int(chance.integers(len(DYED)))]
    return tone


def chance_style(chance: np.random.Generator, manly: bool, age: float) -> str:
    if manly:
        names, shares = (
            ("crop", "part", "tousled", "quiff", "bald", "curls", "afro", "long", "bun"),
            [0.16, 0.2, 0.2, 0.14, 0.05 + 0.12 * age, 0.08, 0.07, 0.03, 0.03],
        )
    else:
        names, shares = (
            ("bob", "long", "waves", "bun", "bunches", "curls", "afro", "tousled", "part", "veil"),
            [0.17, 0.17, 0.17, 0.12, 0.12 * (1 - age), 0.11, 0.07, 0.05, 0.04, 0.05],
        )
    return str(chance.choice(names, p=np.array(shares) / np.sum(shares)))


def _wavy(path: Points, depth: float, count: float) -> Points:
    """The outline, rolling in waves of this depth."""
    step = np.arange(len(path)) / len(path) * 2 * np.pi * count
    middle = path.mean(axis=0)
    out = path - middle
    out = out / (np.sqrt((out * out).sum(axis=1, keepdims=True)) + 1e-9)
    result: Points = path + out * (np.sin(step) * depth)[:, None]
    return result


@dataclass(frozen=True)
class Locks:
    """The hair of one person."""

    style: str
    tone: Tone
    hat: str
    side: int
    volume: float
    jitter: Points

    @classmethod
    def chance(cls, chance: np.random.Generator, style: str, tone: Tone, hat: str) -> Locks:
        side = 1 if chance.random() < 0.5 else -1
        volume = STYLES[style][1] * float(chance.uniform(0.75, 1.25))
        if hat in ("beanie", "straw", "beret"):
            volume = min(volume, 0.02)
        return cls(style, tone, hat, side, volume, chance.uniform(-1, 1, (64, 2)))

    # What is behind

    def behind(self, sheet: Sheet, scene: Scene, u: Field, v: Field) -> None:
        """Hair behind the shoulders, buns and bunches."""
        pose, tone = scene.pose, self.tone
        back = STYLES[self.style][3]
        if self.style == "bun":
            x, y = pose.spot(0.0, -0.335)
            self._ball(sheet, scene, x, y, 0.088)
        elif self.style == "bunches":
            for side in (-1, 1):
                x, y = pose.spot(0.285 * side, 0.03)
                drop = smooth(
                    [
                        (x - 0.075 * side, y - 0.12),
                        (x + 0.02 * side, y - 0.125),
                        (x + 0.085 * side, y + 0.01),
                        (x + 0.05 * side, y + 0.19),
                        (x + 0.005 * side, y + 0.235),
                        (x - 0.045 * side, y + 0.11),
                    ]
                )
                light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(y), 0.10, 0.20)
                sheet.fill([drop], scene.lit(tone, light))
                lines = [
                    smooth(
                        [
                            (x + (a - 0.06) * side, y - 0.11),
                            (x + (a * 1.4) * side, y),
                            (x + (a * 0.5 + 0.005) * side, y + 0.2),
                        ],
                        closed=False,
                    )
                    for a in (-0.02, 0.01, 0.04)
                ]
                sheet.fill([ribbon(each, 0.008 * taper(len(each))) for each in lines], tone.shade(1.2).rgb(), 0.6)
                sheet.fill(
                    [ellipse(x - 0.055 * side, y - 0.115, 0.030, 0.030)], Tone(0.60, 0.15, scene.wall.hue + 165).rgb()
                )
        if back is None:
            return
        wide, end = back
        if self.style in ("curls", "afro"):
            squeeze = 0.88 if self.hat in ("beanie", "straw", "beret") else 1.0
            high = -0.12 if self.style == "afro" else -0.05
            angle = np.linspace(0, 2 * np.pi, 27)[:-1]
            bumps = []
            for index, a in enumerate(angle):
                x, y = pose.spot(
                    float(np.cos(a)) * (wide - 0.05) * squeeze,
                    high + float(np.sin(a)) * (0.26 if self.style == "afro" else 0.27) * squeeze,
                )
                radius = 0.056 + 0.014 * float(self.jitter[index, 0])
                bumps.append(ellipse(x, y, radius, radius, count=16))
            x, y = pose.spot(0.0, high)
            bumps.append(ellipse(x, y, wide - 0.03, 0.26))
            cloud = sheet.shape(bumps)
            light = scene.sphere(u, v - np.float32(high), wide + 0.03, 0.33)
            sheet.paint(cloud, scene.lit(tone.shade(0.15), light, 1.1))
            self._curl_lines(sheet, scene, cloud, high, wide)
        else:
            shape = [
                (0.0, -0.31),
                (0.17, -0.26),
                (0.245, -0.10),
                (wide - 0.01, 0.10),
                (wide, 0.6 * end),
                (wide - 0.03, end),
                (0.10, end + 0.02),
            ]
            shape = shape + [(-x, y) for x, y in reversed(shape[1:])]
            edge = smooth(shape)
            if self.style == "waves":
                edge = _wavy(edge, 0.013, 9)
            placed = pose.place(edge)
            mass = sheet.shape([placed])
            light = scene.sphere(u, v - np.float32(0.10), wide + 0.06, 0.50)
            sheet.paint(mass, scene.lit(tone.shade(0.45), light))
            sheet.paint(mass * sheet.spot(*pose.spot(0.0, 0.22), 0.15, 0.20) * np.float32(0.55), tone.shade(1.6).rgb())
            start = np.stack([np.linspace(-0.2, 0.2, 14), np.full(14, -0.1)], axis=1)
            finish = np.stack([np.linspace(-wide, wide, 14) * 0.95, np.full(14, end)], axis=1)
            self._strands(
                sheet,
                mass,
                pose.place(self._runs(start, (start + finish) / 2 * (1.1, 1), finish)),
                0.010,
                0.35,
                tone.shade(1.3),
            )

    def _ball(self, sheet: Sheet, scene: Scene, x: float, y: float, radius: float) -> None:
        light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(y), radius * 1.1, radius * 1.1)
        sheet.fill([ellipse(x, y, radius, radius * 0.92)], scene.lit(self.tone, light))
        rings = [
            smooth(
                [
                    (x - radius * k, y + 0.2 * radius),
                    (x - 0.2 * radius, y - radius * k * 0.7),
                    (x + radius * k, y + 0.1 * radius),
                ],
                closed=False,
            )
            for k in (0.4, 0.65, 0.88)
        ]
        sheet.fill([ribbon(each, 0.009 * taper(len(each))) for each in rings], self.tone.shade(1.2).rgb(), 0.6)

    def _curl_lines(self, sheet: Sheet, scene: Scene, cloud: Field, high: float, wide: float) -> None:
        """Small crescents, dark below and light above: what makes a cloud of hair curly."""
        count = 40
        ring = np.sqrt(np.linspace(0.25, 1.0, count))
        angle = np.arange(count) * 2.39996 + 0.4 * self.jitter[:count, 0]
        x = np.cos(angle) * ring * (wide - 0.015)
        y = high + np.sin(angle) * ring * 0.29
        centres = scene.pose.place(np.stack([x, y], axis=1))
        bend = np.linspace(0.2, 2.9, 6)
        arc = np.stack([np.cos(bend), np.sin(bend)], axis=1) * 0.026
        dark = centres[:, None, :] + arc
        light = centres[:, None, :] - arc * (1, 1) + (0, 0.006)
        sheet.paint(cloud * sheet.lines(dark, 0.014, soft=0.004) * np.float32(0.50), self.tone.shade(1.4).rgb())
        sheet.paint(
            cloud * sheet.lines(light, 0.012, soft=0.004) * np.float32(0.45), self.tone.shifted(0.07, 0.01).rgb()
        )

    # What is in front

    def _line(self) -> list[tuple[float, float]]:
        name = STYLES[self.style][0]
        if name == "sweep":
            return SWEEP if self.side > 0 else [(-x, y) for x, y in reversed(SWEEP)]
        half = LINES[name]
        return half + [(-x, y) for x, y in reversed(half[:-1])]

    def _cap(self) -> Points:
        k = min(self.volume, 0.025) if self.style in ("curls", "afro") else self.volume
        dome = [
            (-0.200 - 0.3 * k, 0.045),
            (-0.214 - 0.8 * k, -0.02),
            (-0.224 - k, -0.12),
            (-0.165 - k, -0.243 - 0.5 * k),
            (-0.075, -0.292 - k),
        ]
        dome = [*dome, *[(-x, y) for x, y in reversed(dome)]]
        if self.style == "quiff" and not self.hat:
            dome = [
                (x + 0.02 * self.side * (y < -0.2), y - 0.030 * max(0.0, 1 - abs(x - 0.08 * self.side) / 0.2))
                for x, y in dome
            ]
        outer = smooth(dome, closed=False, pieces=8)
        line = smooth(self._line(), closed=False, pieces=8)
        if self.style == "tousled":
            # Tufts that all lean to one side: rising slowly, falling quickly.
            ramp = np.linspace(0, 1, len(outer)) if self.side > 0 else np.linspace(1, 0, len(outer))
            tuft = ((ramp * 8.0) % 1.0) ** 1.5 * (1 + 0.4 * self.jitter[(ramp * 7.99).astype(int), 0])
            out = outer - (0.0, -0.05)
            out /= np.sqrt((out * out).sum(axis=1, keepdims=True))
            outer = outer + out * (0.034 * tuft * np.sin(np.linspace(0, np.pi, len(outer))))[:, None]
            ramp = np.linspace(0, 1, len(line))
            comb = ((ramp * 7.0) % 1.0) - 0.3
            line = (
                line + np.stack([0.010 * comb * self.side, 0.040 * comb], axis=1) * np.sin(np.pi * ramp)[:, None] ** 0.5
            )
        elif STYLES[self.style][0] == "fringe":
            line = line + np.stack([np.zeros(len(line)), 0.010 * ((np.arange(len(line)) % 4) / 4.0 - 0.4)], axis=1)
        result: Points = np.concatenate([outer, line])
        return result

    def _side_locks(self) -> list[Points]:
        reach = STYLES[self.style][2]
        if not reach:
            return []
        k = self.volume
        found = []
        for side in (-1, 1):
            edge = smooth(
                [
                    (0.175, -0.10),
                    (0.212 + k, -0.12),
                    (0.235 + k, 0.06),
                    (0.240 + k, 0.6 * reach),
                    (0.222 + k, reach),
                    (0.185, reach + 0.015),
                    (0.183, 0.5 * reach),
                    (0.196, 0.02),
                ]
            )
            if self.style == "waves":
                edge = _wavy(edge, 0.010, 7)
            found.append(edge * (side, 1))
        return found

    def shadow(self, sheet: Sheet, scene: Scene, face: Field) -> None:
        """What the hair throws on the forehead: the cap, moved away from the light and softened."""
        if not STYLES[self.style][0]:
            return
        away = (-0.010 * scene.side, 0.024)
        cast = sheet.shape([scene.pose.place(each) + away for each in [self._cap(), *self._side_locks()]], soft=0.010)
        sheet.planes *= 1 - face * cast * np.array([0.20, 0.30, 0.30], np.float32).reshape(3, 1, 1)

    def front(self, sheet: Sheet, scene: Scene, u: Field, v: Field, chance: np.random.Generator) -> None:
        if self.style == "veil":
            self._veil(sheet, scene, u, v)
            return
        if self.style == "bald":
            self._fringe_of_the_bald(sheet, scene, u, v)
            return
        pose, tone = scene.pose, self.tone
        outlines = [pose.place(each) for each in [self._cap(), *self._side_locks()]]
        if self.style in ("curls", "afro"):
            line = np.array(self._line())
            ends = smooth(line[1:-1], closed=False, pieces=2)
            centres = pose.place(moved(ends, 0.0, -0.030 if self.style == "curls" else -0.022))
            outlines += [ellipse(x, y, 0.034, 0.032, count=14) for x, y in centres]
        mask = sheet.shape(outlines, soft=0.008 if self.style == "crop" else 0.0)
        light = scene.sphere(u, v + np.float32(0.03), 0.29 + self.volume, 0.345 + self.volume)
        back = STYLES[self.style][3]
        if self.style in ("curls", "afro") and back is not None:
            # The same light as on the cloud behind, so that one sees no seam.
            light = scene.sphere(u, v + np.float32(0.12 if self.style == "afro" else 0.05), back[0] + 0.03, 0.33)
            tone = tone.shade(0.15)
        sheet.paint(mask, scene.lit(tone, light, 1.1))
        if self.style in ("curls", "afro"):
            self._curl_lines(sheet, scene, mask, -0.16, 0.26)
            self._shine(sheet, scene, mask, u, v, 0.5)
            return
        self._comb(sheet, scene, mask)
        self._shine(sheet, scene, mask, u, v, 0.55 if self.style == "crop" else 1.0)

    def _runs(self, first: Any, second: Any, third: Any) -> Points:
        """Strands through three rows of points, [strand, point, 2]."""
        rows = np.stack([np.asarray(each, np.float64) for each in (first, second, third)])
        return np.einsum("kp,pnc->nkc", _THROUGH_THREE, rows)

    def _comb(self, sheet: Sheet, scene: Scene, mask: Field) -> None:
        """Strands from the parting over the crown to the tips."""
        name, k = STYLES[self.style][0], self.volume
        count = 34
        t = np.linspace(-1, 1, count)
        wobble = 0.012 * self.jitter[:count, 0]
        if name == "sweep":
            root = np.stack([-0.095 * self.side + 0.02 * t, np.full(count, -0.235 - k)], axis=1)
        elif name == "curtain":
            root = np.stack([0.012 * t, np.full(count, -0.270 - k)], axis=1)
        else:
            root = np.stack([0.10 * t, np.full(count, -0.300 - k)], axis=1)
        reach = STYLES[self.style][2]
        line = smooth(self._line(), closed=False, pieces=6)[::-1]
        tips = line[np.linspace(0, len(line) - 1, count).astype(int)] + (0.0, 0.012)
        # On the way from the root to the tip a strand bows away from the skull.
        halfway = (root + tips) / 2
        out = halfway - (0.0, -0.06)
        out /= np.sqrt((out * out).sum(axis=1, keepdims=True))
        far = np.sqrt(((root - tips) ** 2).sum(axis=1))
        bow = halfway + out * (0.22 * far + wobble * 0.5)[:, None]
        paths = [scene.pose.place(self._runs(root, bow, tips))]
        if reach:
            rows = []
            for side in (-1, 1):
                a = np.linspace(0.190, 0.230 + k, 6)
                bend = 0.014 if self.style == "waves" else 0.004
                rows.append(
                    self._runs(
                        np.stack([a * side, np.full(6, -0.08)], 1),
                        np.stack([(a + 0.012 + bend) * side, np.full(6, 0.45 * reach)], 1),
                        np.stack([(a - bend) * side, np.full(6, reach)], 1),
                    )
                )
            paths.append(scene.pose.place(np.concatenate(rows)))
        every = np.concatenate(paths)
        self._strands(sheet, mask, every[::2], 0.008, 0.40, self.tone.shade(1.25))
        self._strands(sheet, mask, every[1::2], 0.007, 0.30, self.tone.shifted(0.09, 0.01))

    def _strands(self, sheet: Sheet, mask: Field, paths: Points, width: float, strength: float, tone: Tone) -> None:
        sheet.paint(mask * sheet.lines(paths, width) * np.float32(strength), tone.rgb())

    def _shine(self, sheet: Sheet, scene: Scene, mask: Field, u: Field, v: Field, strength: float) -> None:
        """The band of light that lies across combed hair."""
        arc = v + np.float32(0.218 + 0.7 * self.volume) - np.float32(1.3) * u * u
        band = np.exp(-((arc / np.float32(0.026)) ** 2))
        ripple = np.float32(0.72) + np.float32(0.28) * np.sin(u * np.float32(140) + np.float32(3 * self.jitter[0, 1]))
        towards = smoothstep(-0.16, 0.20, u * np.float32(np.sign(scene.side)))
        sheet.paint(
            mask * band * ripple * towards * np.float32(0.60 * strength),
            self.tone.shifted(0.16 + 0.05 * self.tone.lightness, 0.0, 8).rgb(),
        )

    def _fringe_of_the_bald(self, sheet: Sheet, scene: Scene, u: Field, v: Field) -> None:
        x, y = scene.pose.spot(0.06 * scene.side, -0.21)
        sheet.dab(Tone(0.97, 0.02, 85).rgb(), 0.45, x, y, 0.045, 0.022, 0.3 * scene.side)
        tufts = []
        for side in (-1, 1):
            tuft = smooth(
                [(0.197, 0.03), (0.188, -0.05), (0.190, -0.13), (0.222, -0.135), (0.240, -0.04), (0.228, 0.03)]
            )
            tufts.append(scene.pose.place(_wavy(tuft, 0.006, 5) * (side, 1)))
        mask = sheet.shape(tufts, soft=0.005)
        sheet.paint(mask, scene.lit(self.tone, scene.sphere(u, v, 0.28, 0.3)))

    def _veil(self, sheet: Sheet, scene: Scene, u: Field, v: Field) -> None:
        """A headscarf, which leaves the face free."""
        pose = scene.pose
        tone = Tone(0.55 + 0.2 * float(self.jitter[0, 0]), 0.09, scene.wall.hue + 150 + 60 * float(self.jitter[1, 0]))
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
            [(-0.20 * self.side, 0.14), (0.0, 0.315), (0.17 * self.side, 0.33)],
            [(-0.225 * self.side, 0.20), (-0.05 * self.side, 0.38), (0.14 * self.side, 0.40)],
            [(0.05 * self.side, -0.30), (0.19 * self.side, -0.16), (0.225 * self.side, 0.05)],
            [(0.12 * self.side, -0.27), (0.24 * self.side, -0.05), (0.235 * self.side, 0.18)],
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


_THROUGH_THREE = np.stack(
    [
        (1 - s) * (1 - 2 * s) * np.array([1.0, 0, 0])
        + 4 * s * (1 - s) * np.array([0, 1.0, 0])
        + s * (2 * s - 1) * np.array([0, 0, 1.0])
        for s in np.linspace(0, 1, 8)
    ]
)


def beard(
    sheet: Sheet,
    scene: Scene,
    kind: str,
    tone: Tone,
    edge: Points,
    face: Field,
    light: Field,
    u: Field,
    v: Field,
    mouth: str,
) -> None:
    """Hair around the mouth."""
    pose = scene.pose
    tone = tone.shifted(-0.02)
    whiskers = smooth(
        [
            (0.0, 0.128),
            (0.045, 0.132),
            (0.088, 0.158),
            (0.092, 0.178),
            (0.05, 0.158),
            (0.0, 0.152),
            (-0.05, 0.158),
            (-0.092, 0.178),
            (-0.088, 0.158),
            (-0.045, 0.132),
        ]
    )
    if kind == "moustache":
        outlines, thick = [whiskers], 0.95
    elif kind == "goatee":
        chin = smooth(
            [
                (0.0, 0.202),
                (0.045, 0.205),
                (0.062, 0.245),
                (0.035, 0.305),
                (0.0, 0.318),
                (-0.035, 0.305),
                (-0.062, 0.245),
                (-0.045, 0.205),
            ]
        )
        outlines, thick = [whiskers, chin], 0.92
    else:
        longer = 0.045 if kind == "full" else 0.0
        half = [(0.208, -0.01), (0.204, 0.10), (0.172, 0.19), (0.10, 0.262 + 0.6 * longer), (0.0, 0.282 + longer)]
        inner = [(0.0, 0.130), (0.062, 0.135), (0.108, 0.160), (0.150, 0.125), (0.186, 0.04)]
        outlines = [
            smooth(
                [*half, *[(-x, y) for x, y in reversed(half[:-1])], *[(-x, y) for x, y in reversed(inner)], *inner[1:]],
                pieces=5,
            )
        ]
        thick = 0.93 if kind == "full" else 0.24
    mask = sheet.shape([pose.place(each) for each in outlines], soft=0.008 if kind == "stubble" else 0.004)
    if kind == "stubble":
        mask = mask * face
    sheet.paint(mask * np.float32(thick), scene.lit(tone, light, 1.1))
    if kind != "stubble":
        chance = np.random.default_rng(3)
        roots = chance.uniform((-0.2, 0.12), (0.2, 0.30), (60, 2))
        tips = roots + np.stack([roots[:, 0] * 0.10, np.full(60, 0.034)], axis=1)
        paths = pose.place(np.stack([roots, (roots + tips) / 2 + (0.003, 0), tips], axis=1))
        sheet.paint(mask * sheet.lines(paths[::2], 0.008) * np.float32(0.4), tone.shade(1.1).rgb())
        sheet.paint(mask * sheet.lines(paths[1::2], 0.007) * np.float32(0.45), tone.shifted(0.08, 0.01).rgb())
