"""Colours, grain and canvases: what all the drawn pictures have in common.

Every picture the shipped models learn from is drawn by code, so that nothing in them belongs to anybody. A
picture is a function of a `numpy.random.Generator`, never of a global seed: picture 17 of a seed is the same
picture whatever was drawn before it.

Colours are chosen in Oklab, where a step looks equally large in every direction, so that a palette made of
normally distributed numbers is neither muddy nor garish. Edges are antialiased by drawing larger and shrinking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

__all__ = ["Canvas", "Floats", "Picture", "cloud", "colour", "each_with_its_own_chance", "from_oklab", "grain"]

Floats = NDArray[np.floating[Any]]
Picture = NDArray[np.uint8]


def each_with_its_own_chance(count: int, seed: int, *, first: int = 0) -> Iterator[np.random.Generator]:
    """A generator of chance for each picture, independent of all the others.

    >>> a, b = each_with_its_own_chance(2, seed=5)
    >>> (again,) = each_with_its_own_chance(1, seed=5, first=1)
    >>> bool(b.random() == again.random()), bool(a.random() == again.random())
    (True, False)
    """
    for index in range(first, first + count):
        yield np.random.default_rng([seed, index])


def from_oklab(lightness: Floats, a: Floats, b: Floats) -> Floats:
    """sRGB in 0..1 of colours in Oklab (Ottosson 2020); the last axis of the result is the channel.

    >>> from_oklab(np.array([0.0, 1.0]), np.zeros(2), np.zeros(2)).round(2).tolist()
    [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    linear = np.clip(np.stack([red, green, blue], axis=-1), 0.0, 1.0)
    curved = 1.055 * np.power(linear, 1 / 2.4, where=linear > 0, out=np.zeros_like(linear)) - 0.055
    result: Floats = np.clip(np.where(linear <= 0.0031308, 12.92 * linear, curved), 0.0, 1.0)
    return result


def colour(chance: np.random.Generator, lightness: tuple[float, float] = (0.1, 0.98)) -> tuple[int, int, int]:
    """A colour as people choose them: any hue, often vivid, sometimes gray."""
    light = chance.uniform(*lightness)
    hue = chance.uniform(0, 2 * np.pi)
    chroma = chance.choice([0.0, 0.06, 0.12, 0.22], p=[0.15, 0.25, 0.3, 0.3]) * chance.uniform(0.6, 1.1)
    red, green, blue = from_oklab(np.array(light), np.array(chroma * np.cos(hue)), np.array(chroma * np.sin(hue)))
    return int(red * 255 + 0.5), int(green * 255 + 0.5), int(blue * 255 + 0.5)


def cloud(
    chance: np.random.Generator, size: tuple[int, int], slope: float, stretch: float = 1.0
) -> NDArray[np.float32]:
    """Noise in 0..1 whose spectrum falls with the frequency to the power of `slope` (1: foliage, 2: clouds)."""
    width, height = size
    across = np.fft.rfftfreq(width)[None, :] * stretch
    down = np.fft.fftfreq(height)[:, None]
    frequency = np.maximum(np.hypot(across, down), 1.0 / max(width, height))
    phase = chance.uniform(0, 2 * np.pi, frequency.shape)
    field = np.fft.irfft2(np.exp(1j * phase) * frequency**-slope, s=(height, width))
    low, high = np.quantile(field, [0.02, 0.98])
    stretched: NDArray[np.float32] = np.clip((field - low) / max(high - low, 1e-9), 0.0, 1.0).astype(np.float32)
    return stretched


def grain(chance: np.random.Generator, picture: Picture, strength: float) -> Picture:
    """The picture under film grain of `strength` (0..1)."""
    noise = chance.normal(0.0, 255.0 * strength, picture.shape[:2])[..., None]
    return np.clip(picture + noise + 0.5, 0, 255).astype(np.uint8)


class Canvas:
    """A picture drawn `zoom` times larger than asked for, in the coordinates of the picture asked for.

    >>> canvas = Canvas((8, 8), (255, 255, 255))
    >>> canvas.polygon([(0, 0), (4, 0), (4, 8), (0, 8)], (0, 0, 0))
    >>> canvas.picture()[0, :, 0].tolist()
    [0, 0, 0, 0, 255, 255, 255, 255]
    """

    def __init__(self, size: tuple[int, int], background: tuple[int, int, int], zoom: int = 3) -> None:
        self.size = size
        self.zoom = zoom
        self.image = Image.new("RGB", (size[0] * zoom, size[1] * zoom), background)
        self.pen = ImageDraw.Draw(self.image)

    def _enlarged(self, points: Any) -> list[tuple[float, float]]:
        # Pillow fills up to and including the pixel a corner lies in: half a pixel off each side undoes that.
        return [(float(x) * self.zoom - 0.5, float(y) * self.zoom - 0.5) for x, y in points]

    def polygon(self, points: Any, fill: tuple[int, int, int]) -> None:
        self.pen.polygon(self._enlarged(points), fill=fill)

    def line(self, points: Any, fill: tuple[int, int, int], width: float, *, closed: bool = False) -> None:
        """A line with round joints and ends."""
        path = self._enlarged(points)
        if closed:
            path.append(path[0])
        thick = max(1, round(width * self.zoom))
        self.pen.line(path, fill=fill, width=thick, joint="curve")
        if thick > 2:
            for x, y in (path[0], path[-1]):
                half = thick / 2
                self.pen.ellipse([x - half, y - half, x + half, y + half], fill=fill)

    def paste(self, points: Any, texture: Callable[[int, int], Picture]) -> None:
        """Fill a polygon with a picture, made by `texture(width, height)` as large as the polygon is."""
        corners = np.asarray(self._enlarged(points))
        room = np.array(self.image.size)
        first = np.clip(np.floor(corners.min(0)), 0, room).astype(int)
        last = np.clip(np.ceil(corners.max(0)) + 1, 0, room).astype(int)
        width, height = (int(side) for side in last - first)
        if width < 1 or height < 1:
            return
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).polygon([tuple(corner) for corner in corners - first], fill=255)
        small = texture(-(-width // self.zoom), -(-height // self.zoom))
        filling = Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR)
        self.image.paste(filling, (int(first[0]), int(first[1])), mask)

    def backdrop(self, texture: Picture) -> None:
        self.image.paste(Image.fromarray(texture).resize(self.image.size, Image.Resampling.BICUBIC))

    def picture(self) -> Picture:
        return np.asarray(self.image.reduce(self.zoom))
