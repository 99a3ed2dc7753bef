"""What portraits of people, cats and monsters share: how a head is turned, where the light comes from, what is behind.

These are drawn from chance *first*, and in the same way for every kind of portrait: the same seed gives a face and
a cat that look the same way, in the same light, in front of the same wall. A network that moves from one to the
other then has only the animal to learn.

A head is an ellipsoid around (0, 0), in units of the sheet. What is drawn on it is placed by `Pose.place`, which
finds its depth on the ellipsoid and turns it in space: a nose moves far when a head turns, an ear hardly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from runway_lab.training.drawn.sheet import Field, Points, Sheet, ellipse, smooth, smoothstep
from runway_lab.training.drawn.tones import Colour, Tone, mix

__all__ = ["CLOSER", "MIDDLE", "Pose", "Scene"]

MIDDLE = (0.5, 0.53)
# How far below the middle of the head it tilts.
NECK = 0.2
# How close one looks: large features survive in small pictures.
CLOSER = 1.2
HEAD = (0.22, 0.275, 0.20)


@dataclass(frozen=True)
class Pose:
    """How a head is turned: sideways, up or down, and tilted; in radians."""

    yaw: float
    pitch: float
    roll: float

    @classmethod
    def chance(cls, chance: np.random.Generator) -> Pose:
        yaw, pitch, roll = chance.normal(0.0, 1.0, 3).clip(-2.0, 2.0)
        return cls(float(yaw) * 0.13, float(pitch) * 0.05, float(roll) * 0.045)

    def place(self, where: Any, lift: float = 0.0, *, edge: bool = False) -> Points:
        """Points of the head, as they lie on the sheet; `lift` raises them off the head's surface.

        `edge` says that they are the silhouette: what one sees of a head's edge hardly turns with it.
        """
        flat = np.asarray(where, np.float64)
        across, down, deep = HEAD
        if edge:
            depth: Any = lift - 0.15 * deep
        else:
            squared = flat * flat
            inside = 1.0 - squared[..., 0] / across**2 - squared[..., 1] / down**2
            # Half of what the turn moves the face is given back: eyes stay near their place, and the edge moves too.
            depth = deep * np.sqrt(np.maximum(inside, 0.0)) + (lift - 0.5 * deep)
        x = flat[..., 0] * math.cos(self.yaw) + depth * math.sin(self.yaw)
        # The head tilts around the neck, not around the nose.
        y = flat[..., 1] + depth * math.sin(self.pitch) - NECK
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        placed = np.empty_like(flat)
        placed[..., 0] = x * cos - y * sin + MIDDLE[0]
        placed[..., 1] = x * sin + y * cos + (NECK + MIDDLE[1])
        return placed

    def spot(self, x: float, y: float, lift: float = 0.0) -> tuple[float, float]:
        """One point, placed."""
        across, down, deep = HEAD
        depth = deep * math.sqrt(max(1.0 - (x / across) ** 2 - (y / down) ** 2, 0.0)) + lift - 0.5 * deep
        turned = x * math.cos(self.yaw) + depth * math.sin(self.yaw)
        below = y + depth * math.sin(self.pitch) - NECK
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        return turned * cos - below * sin + MIDDLE[0], turned * sin + below * cos + NECK + MIDDLE[1]

    def unplace(self, sheet: Sheet) -> tuple[Field, Field]:
        """For each pixel, where on the (unturned but tilted) head it lies."""
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        dx = sheet.x - np.float32(MIDDLE[0])
        dy = sheet.y - np.float32(MIDDLE[1] + NECK)
        shift = 0.5 * HEAD[2]
        u = dx * np.float32(cos) + dy * np.float32(sin) + np.float32(shift * math.sin(self.yaw))
        v = dy * np.float32(cos) - dx * np.float32(sin) + np.float32(NECK + shift * math.sin(self.pitch))
        return u, v


@dataclass(frozen=True)
class Scene:
    """A pose, a light and a wall, and what follows from them."""

    pose: Pose
    side: float
    wall: Tone
    second: Tone
    motif: float
    places: Points

    @classmethod
    def chance(cls, chance: np.random.Generator) -> Scene:
        pose = Pose.chance(chance)
        side = float(chance.uniform(0.45, 0.9) * (1 if chance.random() < 0.5 else -1))
        hue = float(chance.uniform(0, 360))
        dusk = chance.random() < 0.22
        light = float(chance.uniform(0.30, 0.45) if dusk else chance.uniform(0.66, 0.88))
        wall = Tone(light, float(chance.uniform(0.035, 0.10)), hue)
        second = wall.shifted(float(chance.uniform(-0.05, 0.10)), 0.0, float(chance.normal(0, 35)))
        return cls(pose, side, wall, second, float(chance.random()), chance.uniform(0, 1, (7, 3)))

    def backdrop(self, sheet: Sheet) -> None:
        """The wall: a wash from one colour to the other, light from the side, and in some pictures a motif."""
        share = smoothstep(0.05, 1.0, sheet.y + np.float32(0.18 * self.side) * (sheet.x - 0.5))
        sheet.planes[:] = mix(self.wall.rgb(), self.second.shade(0.45).rgb(), share)
        glow = self.wall.glow(1.4).rgb()
        if self.motif < 0.30:
            # A round window, a moon, a halo: whatever the reader sees in it.
            sheet.fill([ellipse(0.5 + 0.05 * self.side, 0.42, 0.40, 0.40, count=72)], glow, 0.5, soft=0.006)
        elif self.motif < 0.55:
            for x, y, radius in self.places:
                size = 0.05 + 0.09 * radius
                sheet.fill([ellipse(x, y * 0.75, size, size)], glow, 0.28, soft=0.008)
        elif self.motif < 0.72:
            heights = 0.50 + 0.16 * self.places[:6, 1]
            ridge = smooth(np.stack([np.linspace(-0.1, 1.1, 6), heights], axis=1), closed=False)
            floor = np.array([[1.1, 1.1], [-0.1, 1.1]])
            sheet.fill([np.concatenate([ridge, floor])], self.second.shade(0.5).rgb(), 0.55, soft=0.004)
        light_x = 0.5 + 0.45 * self.side
        sheet.paint(sheet.spot(light_x, 0.12, 0.42, 0.40) * np.float32(0.42), glow)

    def sphere(self, u: Field, v: Field, across: float, down: float) -> Field:
        """How much light falls on an ellipsoid with these half axes: about -0.3 in the shade to 1 in the light."""
        nx = np.clip(u * np.float32(1 / across), -1, 1)
        ny = np.clip(v * np.float32(1 / down), -1, 1)
        nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, np.float32(0.02)))
        lit: Field = nx * np.float32(0.62 * self.side) - ny * np.float32(0.42) + nz * np.float32(0.62)
        return lit

    def lit(self, tone: Tone, light: Field, depth: float = 1.0) -> Colour:
        """A tone under that light: its shade (with a little of the wall in it), itself, its glow."""
        shade = mix(tone.shade(depth).rgb(), self.wall.rgb(), 0.08)
        base = tone.rgb()
        colour = mix(base, shade, smoothstep(0.62, 0.05, light))
        # Where it is bright it is not dark at all: what is there to be lightened is the tone itself.
        colour += (tone.glow(0.8 * depth).rgb() - base) * np.float32(0.7) * smoothstep(0.62, 0.98, light)
        return colour

    def finish(self, sheet: Sheet) -> None:
        """The light of the room over everything, and a little dusk in the corners."""
        # Light lifts the middle tones most: what is black stays black.
        warm = np.array([0.42, 0.34, 0.20], np.float32).reshape(3, 1, 1)
        sheet.planes += sheet.planes * (1 - sheet.planes) * (sheet.spot(0.5 + 0.5 * self.side, 0.05, 0.38, 0.5) * warm)
        corner = (sheet.x - 0.5) ** 2 + (sheet.y - 0.48) ** 2
        sheet.planes *= 1 - smoothstep(0.22, 0.62, corner) * np.float32(0.28)
