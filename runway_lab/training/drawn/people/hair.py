"""Hair: its colours and its cuts.

A cut is a cap (from the silhouette of the head down to a hairline), perhaps locks at the sides, perhaps hair behind
the shoulders (`behind.py`). Strands run over it from the parting to the tips; a band of light lies across the
crown. Curls are many small crescents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import (
    Field,
    Points,
    Sheet,
    ellipse,
    moved,
    smooth,
    smoothstep,
)
from runway_lab.training.drawn.tones import Tone, between

__all__ = ["STYLES", "Locks", "chance_style", "chance_tone", "runs", "wavy"]


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
    """A cut; some are worn by everybody, some more often by one sex, pigtails mostly by the young."""
    if manly:
        shares = {"crop": 0.16, "part": 0.2, "tousled": 0.2, "quiff": 0.14, "bald": 0.05 + 0.12 * age}
        shares |= {"curls": 0.08, "afro": 0.07, "long": 0.03, "bun": 0.03}
    else:
        shares = {"bob": 0.17, "long": 0.17, "waves": 0.17, "bun": 0.12, "bunches": 0.12 * (1 - age), "curls": 0.11}
        shares |= {"afro": 0.07, "tousled": 0.05, "part": 0.04, "veil": 0.05}
    weights = np.array(list(shares.values()))
    return str(chance.choice(list(shares), p=weights / weights.sum()))


def wavy(path: Points, depth: float, count: float) -> Points:
    """The outline, rolling in waves of this depth."""
    step = np.arange(len(path)) / len(path) * 2 * np.pi * count
    middle = path.mean(axis=0)
    out = path - middle
    out = out / (np.sqrt((out * out).sum(axis=1, keepdims=True)) + 1e-9)
    result: Points = path + out * (np.sin(step) * depth)[:, None]
    return result


_THROUGH_THREE = np.stack(
    [
        (1 - s) * (1 - 2 * s) * np.array([1.0, 0, 0])
        + 4 * s * (1 - s) * np.array([0, 1.0, 0])
        + s * (2 * s - 1) * np.array([0, 0, 1.0])
        for s in np.linspace(0, 1, 8)
    ]
)


def runs(first: Any, second: Any, third: Any) -> Points:
    """Strands through three rows of points, [strand, point, 2]."""
    rows = np.stack([np.asarray(each, np.float64) for each in (first, second, third)])
    paths: Points = np.einsum("kp,pnc->nkc", _THROUGH_THREE, rows)
    return paths


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

    def curl_lines(self, sheet: Sheet, scene: Scene, cloud: Field, high: float, wide: float) -> None:
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
            outer, line = smooth(outer, closed=False, pieces=3), smooth(line, closed=False, pieces=3)
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
                edge = wavy(edge, 0.010, 7)
            found.append(edge * (side, 1))
        return found

    def shadow(self, sheet: Sheet, scene: Scene, face: Field) -> None:
        """What the hair throws on the forehead: the cap, moved away from the light and softened."""
        if not STYLES[self.style][0]:
            return
        away = (-0.010 * scene.side, 0.024)
        cast = sheet.shape([scene.pose.place(each) + away for each in [self._cap(), *self._side_locks()]], soft=0.010)
        sheet.planes *= 1 - face * cast * np.array([0.20, 0.30, 0.30], np.float32).reshape(3, 1, 1)

    def front(self, sheet: Sheet, scene: Scene, u: Field, v: Field) -> None:
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
            self.curl_lines(sheet, scene, mask, -0.16, 0.26)
            self._shine(sheet, scene, mask, u, v, 0.5)
            return
        self._comb(sheet, scene, mask)
        self._shine(sheet, scene, mask, u, v, 0.55 if self.style == "crop" else 1.0)

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
        paths = [scene.pose.place(runs(root, bow, tips))]
        if reach:
            rows = []
            for side in (-1, 1):
                a = np.linspace(0.190, 0.230 + k, 6)
                bend = 0.014 if self.style == "waves" else 0.004
                rows.append(
                    runs(
                        np.stack([a * side, np.full(6, -0.08)], 1),
                        np.stack([(a + 0.012 + bend) * side, np.full(6, 0.45 * reach)], 1),
                        np.stack([(a - bend) * side, np.full(6, reach)], 1),
                    )
                )
            paths.append(scene.pose.place(np.concatenate(rows)))
        every = np.concatenate(paths)
        self.strands(sheet, mask, every[::2], 0.008, 0.40, self.tone.shade(1.25))
        self.strands(sheet, mask, every[1::2], 0.007, 0.30, self.tone.shifted(0.09, 0.01))

    def strands(self, sheet: Sheet, mask: Field, paths: Points, width: float, strength: float, tone: Tone) -> None:
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
            tufts.append(scene.pose.place(wavy(tuft, 0.006, 5) * (side, 1)))
        mask = sheet.shape(tufts, soft=0.005)
        sheet.paint(mask, scene.lit(self.tone, scene.sphere(u, v, 0.28, 0.3)))
