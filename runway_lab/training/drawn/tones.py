"""Colours as a painter mixes them: a tone is a lightness, a strength and a hue, and its shadow is another tone.

Everything is chosen in Oklab (Ottosson 2020), where a step looks equally large in every direction. One tone is
mixed at a time, in plain floats: a picture needs some forty of them, and arrays of one number are slow.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Colour", "Tone", "between", "mix"]

# Three planes that broadcast over a picture: [3, 1, 1], or [3, height, width] where the colour changes.
Colour = NDArray[np.float32]


class Tone(NamedTuple):
    """Lightness 0..1, chroma (0 gray, 0.2 vivid), hue in degrees (30 red, 60 orange, 100 yellow, 150 green, 250 blue).

    >>> Tone(1.0, 0.0, 0.0).rgb().ravel().round(2).tolist()
    [1.0, 1.0, 1.0]
    """

    lightness: float
    chroma: float
    hue: float

    def rgb(self) -> Colour:
        """sRGB in 0..1, as planes."""
        a = self.chroma * math.cos(math.radians(self.hue))
        b = self.chroma * math.sin(math.radians(self.hue))
        light = min(max(self.lightness, 0.0), 1.0)
        long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
        medium = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
        short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
        linear = (
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        )
        return np.array([[[_curved(each)]] for each in linear], np.float32)

    def shifted(self, lightness: float = 0.0, chroma: float = 0.0, hue: float = 0.0) -> Tone:
        return Tone(self.lightness + lightness, max(self.chroma + chroma, 0.0), self.hue + hue)

    def shade(self, depth: float = 1.0) -> Tone:
        """What lies away from the light: darker, and towards violet, as in a lit room."""
        turn = ((290.0 - self.hue + 180.0) % 360.0) - 180.0
        return Tone(
            self.lightness * (1.0 - 0.30 * depth), self.chroma * (1.0 + 0.10 * depth), self.hue + 0.10 * depth * turn
        )

    def glow(self, strength: float = 1.0) -> Tone:
        """What lies in the light: lighter, and towards a warm yellow."""
        turn = ((85.0 - self.hue + 180.0) % 360.0) - 180.0
        light = self.lightness + 0.30 * strength * (1.0 - self.lightness) + 0.03 * strength
        return Tone(light, self.chroma, self.hue + 0.08 * strength * turn)


def _curved(linear: float) -> float:
    linear = min(max(linear, 0.0), 1.0)
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def between(first: Tone, second: Tone, share: float) -> Tone:
    """The tone `share` of the way from the first to the second, straight through gray where they are opposites."""
    a, b = (
        one + (other - one) * share
        for one, other in (
            (first.chroma * math.cos(math.radians(first.hue)), second.chroma * math.cos(math.radians(second.hue))),
            (first.chroma * math.sin(math.radians(first.hue)), second.chroma * math.sin(math.radians(second.hue))),
        )
    )
    lightness = first.lightness + (second.lightness - first.lightness) * share
    return Tone(lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)))


def mix(first: Any, second: Any, share: Any) -> Colour:
    """Two colours blended, pixel by pixel where `share` is a field."""
    result: Colour = first + (second - first) * share
    return result
