"""A sheet of paper in unit coordinates: the same picture at every size.

(0, 0) is the upper left corner and (1, 1) the lower right one, whatever the size. Two kinds of marks are made:

- *shapes* have edges: polygons that Pillow fills on a grid several times finer, reduced to the share of each
  pixel that is covered. The finer grid has 256 cells or more across, so that a whisker narrower than a pixel
  becomes a faint whisker and no broken one.
- *fields* have none: a formula over the coordinates of the pixels (shading, blush, glow).

Colours are planes of floats until the end. Only the box around a shape is touched, which is what makes a picture
of a hundred marks a matter of milliseconds.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from runway_lab.training.drawn.tones import Colour

__all__ = [
    "Field",
    "Points",
    "Sheet",
    "blob",
    "ellipse",
    "mirrored",
    "moved",
    "ribbon",
    "smooth",
    "smoothstep",
    "taper",
]

# From how many cells of the finer grid on a line is drawn as a stroke.
BRUSH = 4.5

Field = NDArray[np.float32]
Points = NDArray[np.float64]


@lru_cache(maxsize=256)
def _spline(count: int, closed: bool, pieces: int) -> Points:
    """The matrix that turns `count` points into a Catmull-Rom curve through them."""
    share = np.arange(pieces) / pieces
    weights = (
        np.stack(
            [
                -share + 2 * share**2 - share**3,
                2 - 5 * share**2 + 3 * share**3,
                share + 4 * share**2 - 3 * share**3,
                share**3 - share**2,
            ]
        )
        / 2
    )
    spans = count if closed else count - 1
    matrix = np.zeros((spans * pieces + (not closed), count))
    for span in range(spans):
        for offset in range(4):
            index = span + offset - 1
            index = index % count if closed else min(max(index, 0), count - 1)
            matrix[span * pieces : (span + 1) * pieces, index] += weights[offset]
    if not closed:
        matrix[-1, -1] = 1.0
    return matrix


def smooth(through: Any, *, closed: bool = True, pieces: int = 6) -> Points:
    """A smooth curve through the points given, or many, [..., points, 2]."""
    corners = np.asarray(through, np.float64)
    curve: Points = _spline(corners.shape[-2], closed, pieces) @ corners
    return curve


@lru_cache(maxsize=16)
def _circle(count: int) -> Points:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ellipse(x: float, y: float, across: float, down: float, turn: float = 0.0, count: int = 28) -> Points:
    """The outline of an ellipse with these half axes, turned by `turn` radians."""
    circle = _circle(count) * (across, down)
    if turn:
        cos, sin = math.cos(turn), math.sin(turn)
        circle = circle @ np.array([[cos, sin], [-sin, cos]])
    return moved(circle, x, y)


def moved(outline: Any, right: float, down: float) -> Points:
    """The same outline, elsewhere."""
    result: Points = outline + np.array((right, down))
    return result


def ribbon(path: Any, width: Any) -> Points:
    """The outline of a stroke along `path`, as wide as `width` says at each point (or everywhere).

    Many paths of as many points each, [..., points, 2], give as many outlines.
    """
    line = np.asarray(path, np.float64)
    along = np.empty_like(line)
    along[..., 1:-1, :] = line[..., 2:, :] - line[..., :-2, :]
    along[..., 0, :] = line[..., 1, :] - line[..., 0, :]
    along[..., -1, :] = line[..., -1, :] - line[..., -2, :]
    half = np.asarray(width, np.float64) / (2.0 * np.sqrt((along * along).sum(axis=-1)) + 1e-9)
    side = np.empty_like(line)
    side[..., 0] = -along[..., 1] * half
    side[..., 1] = along[..., 0] * half
    return np.concatenate([line + side, (line - side)[..., ::-1, :]], axis=-2)


def mirrored(curve: Any) -> Points:
    """A curve on the left and the same on the right of x = 0: [2, points, 2]."""
    both: Points = np.asarray(curve, np.float64) * _SIDES
    return both


_SIDES = np.array([[[-1.0, 1.0]], [[1.0, 1.0]]])


@lru_cache(maxsize=32)
def taper(count: int, sharp: float = 1.0) -> Points:
    """Widths 0..1..0 of a stroke made with a brush that comes down and leaves."""
    width: Points = np.sin(np.linspace(0.0, np.pi, count)) ** sharp
    return width


def smoothstep(low: float, high: float, field: Any) -> Field:
    share: Field = (field - low) * (1.0 / (high - low))
    np.maximum(share, 0.0, out=share)
    np.minimum(share, 1.0, out=share)
    result: Field = share * share * (3.0 - 2.0 * share)
    return result


@lru_cache(maxsize=8)
def _grid(size: int, closer: float, left: float, top: float) -> tuple[Field, Field]:
    middle = ((np.arange(size) + 0.5) / (size * closer)).astype(np.float32)
    across = np.ascontiguousarray(np.broadcast_to(middle[None, :] + np.float32(left), (size, size)))
    down = np.ascontiguousarray(np.broadcast_to(middle[:, None] + np.float32(top), (size, size)))
    across.flags.writeable = down.flags.writeable = False
    return across, down


@lru_cache(maxsize=8)
def _tooth(size: int) -> Field:
    """The tooth of the paper, -1..1: the same paper at every size, so that it averages out in small pictures."""
    chance = np.random.default_rng(1920)
    total = np.zeros((size, size), np.float32)
    for cells, strength in ((48, 0.35), (150, 0.65)):
        noise = chance.normal(0.0, strength, (cells, cells)).astype(np.float32)
        total += np.asarray(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC))
    total.flags.writeable = False
    return total


class Sheet:
    """A picture in the making.

    >>> sheet = Sheet(8)
    >>> sheet.fill([ellipse(0.5, 0.5, 0.3, 0.3)], np.ones((3, 1, 1)))
    >>> sheet.picture(tooth=0)[4, 4].tolist(), sheet.picture(tooth=0)[0, 0].tolist()
    ([255, 255, 255], [0, 0, 0])
    """

    def __init__(self, size: int, *, closer: float = 1.0, about: tuple[float, float] = (0.5, 0.5)) -> None:
        self.size = size
        self.zoom = max(2, -(-256 // size))
        # Pixels to one unit, and where the picture begins: a sheet can be looked at from closer by.
        self.scale = size * closer
        self.left, self.top = (middle - middle / closer for middle in about)
        self.x, self.y = _grid(size, closer, self.left, self.top)
        self.planes: Colour = np.zeros((3, size, size), np.float32)

    # Shapes

    def shape(self, outlines: Any, soft: float = 0.0) -> Field:
        """How much of each pixel the outlines (closed) cover; `soft` blurs the edge, in units."""
        mask = Image.new("L", (self.size * self.zoom,) * 2)
        self._trace(mask, outlines, 0, 0)
        return self._reduced(mask, soft)

    def lines(self, paths: Any, width: float, soft: float = 0.0) -> Field:
        """How much of each pixel is covered by these open paths, all equally wide and of as many points.

        Where they are large enough for one to see their ends, they are strokes of a brush that comes down and leaves.
        """
        mask = Image.new("L", (self.size * self.zoom,) * 2)
        scale = self.scale * self.zoom
        thick = width * scale
        if thick >= BRUSH:
            curves = smooth(paths, closed=False, pieces=4)
            self._trace(mask, ribbon(curves, 1.25 * width * taper(curves.shape[-2], 0.5)), 0, 0)
            return self._reduced(mask, soft)
        pen = ImageDraw.Draw(mask)
        cells = (np.asarray(paths) - (self.left, self.top)) * scale - 0.5
        for path in cells.reshape(len(cells), -1).tolist():
            pen.line(path, fill=255, width=max(1, round(thick)))
        # A line is a whole number of cells wide; what is missing to the width asked for is made up in strength.
        return self._reduced(mask, soft, min(thick / max(1, round(thick)), 1.0))

    def fill(
        self, outlines: Any, colour: Any, strength: float = 1.0, *, within: Field | None = None, soft: float = 0.0
    ) -> None:
        """Paint closed outlines, only touching the pixels around them."""
        every = np.concatenate(outlines) if len(outlines) > 1 else np.asarray(outlines[0])
        low, high = np.minimum.reduce(every), np.maximum.reduce(every)
        room = 3.0 * soft
        left, top, right, bottom = self._box(low[0] - room, low[1] - room, high[0] + room, high[1] + room)
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", ((right - left) * self.zoom, (bottom - top) * self.zoom))
        self._trace(mask, outlines, left * self.zoom, top * self.zoom)
        cover = self._reduced(mask, soft, strength)
        if within is not None:
            cover *= within[top:bottom, left:right]
        area = self.planes[:, top:bottom, left:right]
        ink = colour[:, top:bottom, left:right] if colour.shape[-1] > 1 else colour
        area += (ink - area) * cover

    def _reduced(self, mask: Image.Image, soft: float, strength: float = 1.0) -> Field:
        """The share of each pixel that is covered, from the finer grid."""
        small = mask.reduce(self.zoom)
        if soft:
            small = small.filter(ImageFilter.GaussianBlur(soft * self.scale))
        cover = np.frombuffer(small.tobytes(), np.uint8).reshape(small.height, small.width)
        return cover * np.float32(strength / 255)

    def _box(self, left: float, top: float, right: float, bottom: float) -> tuple[int, int, int, int]:
        """The pixels that a rectangle touches: left, top, right, bottom."""
        across = (int((side - self.left) * self.scale) for side in (left, right + 1 / self.scale))
        down = (int((side - self.top) * self.scale) for side in (top, bottom + 1 / self.scale))
        first, last = (min(max(each, 0), self.size) for each in across)
        upper, lower = (min(max(each, 0), self.size) for each in down)
        return first, upper, last, lower

    def _trace(self, mask: Image.Image, outlines: Any, left: int, top: int) -> None:
        pen = ImageDraw.Draw(mask)
        scale = self.scale * self.zoom
        # Pillow fills up to and including the cell a corner lies in: half a cell off each side undoes that.
        away = np.array([left + 0.5 + self.left * scale, top + 0.5 + self.top * scale])
        for outline in outlines:
            pen.polygon((np.asarray(outline) * scale - away).ravel().tolist(), fill=255)

    # Fields

    def paint(self, cover: Any, colour: Any) -> None:
        """Lay a colour over the sheet as thickly as the field `cover` says."""
        self.planes += (colour - self.planes) * cover

    def spot(self, x: float, y: float, across: float, down: float | None = None, turn: float = 0.0) -> Field:
        """A soft round spot, 1 in the middle."""
        dx, dy = self.x - np.float32(x), self.y - np.float32(y)
        if turn:
            cos, sin = np.float32(math.cos(turn)), np.float32(math.sin(turn))
            dx, dy = dx * cos + dy * sin, dy * cos - dx * sin
        dx *= np.float32(1 / across)
        dy *= np.float32(1 / (down or across))
        dx *= dx
        dy *= dy
        dx += dy
        dx *= np.float32(-0.5)
        result: Field = np.exp(dx, out=dx)
        return result

    def dab(
        self,
        colour: Any,
        strength: float,
        x: float,
        y: float,
        across: float,
        down: float | None = None,
        turn: float = 0.0,
    ) -> None:
        """A soft round spot of colour, touching only the pixels around it."""
        reach = 2.6 * max(across, down or across)
        left, top, right, bottom = self._box(x - reach, y - reach, x + reach, y + reach)
        if right <= left or bottom <= top:
            return
        dx = self.x[top:bottom, left:right] - np.float32(x)
        dy = self.y[top:bottom, left:right] - np.float32(y)
        if turn:
            cos, sin = np.float32(math.cos(turn)), np.float32(math.sin(turn))
            dx, dy = dx * cos + dy * sin, dy * cos - dx * sin
        cover = np.exp(np.float32(-0.5) * ((dx / np.float32(across)) ** 2 + (dy / np.float32(down or across)) ** 2))
        # The spot ends at 2.6 deviations: what is left there (3 %) is taken off so that the box leaves no edge.
        cover = np.maximum(cover - np.float32(0.034), 0) * np.float32(strength / 0.966)
        area = self.planes[:, top:bottom, left:right]
        area += (colour - area) * cover

    def picture(self, tooth: float = 0.012) -> NDArray[np.uint8]:
        """The finished picture, [size, size, 3]."""
        planes = self.planes + _tooth(self.size) * np.float32(tooth) if tooth else self.planes
        bytes_ = np.clip(planes * 255 + 0.5, 0, 255).astype(np.uint8)
        return np.ascontiguousarray(bytes_.transpose(1, 2, 0))


def blob(
    chance: np.random.Generator, x: float, y: float, across: float, down: float, rough: float = 0.15, corners: int = 9
) -> Points:
    """A round thing as a hand draws it."""
    return smooth((_circle(corners) * (1 + rough * chance.uniform(-1, 1, (corners, 1)))) * (across, down) + (x, y))
