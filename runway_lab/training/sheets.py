"""Sheets: many pictures laid out on one, and a single one cut out of it again.

A sampled step is one sheet, `samples/step-000250.webp`: the same latents in the same places all the time. A `Layout`
says where each picture lies, so whoever reads a sheet needs four numbers beside it and no other file.

>>> import numpy as np
>>> pictures = np.zeros((32, 64, 64, 3), np.uint8)
>>> layout = Layout.of(pictures)
>>> layout.columns, layout.rows, layout.size
(8, 4, (526, 262))
>>> cut(lay_out(pictures), layout, 5).size
(64, 64)
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runway_lab.errors import BadValue, RunwayLabError, shorten
from runway_lab.library.atomic import write_bytes

__all__ = ["Layout", "cut", "lay_out", "save_sheet"]

RATIO = 16 / 9
"""How wide a sheet is for its height, as near as whole rows and columns come to it."""

GAP = 2
GAP_COLOUR = (28, 28, 32)

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_LARGEST_WEBP = 16383


@dataclass(frozen=True)
class Layout:
    """Where `count` pictures of one size lie on a sheet: row by row, `gap` pixels between them and none around.

    >>> Layout(count=5, columns=3, height=64, width=48).box(4)
    (50, 66, 98, 130)
    """

    count: int
    columns: int
    height: int
    width: int
    gap: int = GAP

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("columns", 1), ("height", 1), ("width", 1), ("gap", 0)):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
                raise BadValue(f"A sheet cannot have {name} = {shorten(value)}.", hint=f"Allowed: {least} and more.")

    @classmethod
    def of(cls, pictures: NDArray[np.uint8], columns: int | None = None, *, gap: int = GAP) -> Layout:
        """The layout that `lay_out` gives these pictures."""
        count, height, width, _ = _checked(pictures).shape
        return cls(count, columns or _columns(count, height, width), height, width, gap)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Layout:
        """What `to_json` gave; whatever else is beside it is left alone."""
        return cls(**{name: value[name] for name in cls.__dataclass_fields__ if name in value})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def rows(self) -> int:
        return -(-self.count // self.columns)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        across, down = min(self.columns, self.count), self.rows
        return across * (self.width + self.gap) - self.gap, down * (self.height + self.gap) - self.gap

    def box(self, index: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a picture, as Pillow takes them."""
        if not 0 <= index < self.count:
            raise BadValue(
                f"There is no picture {shorten(index)} on this sheet.", hint=f"There are 0 to {self.count - 1}."
            )
        row, column = divmod(index, self.columns)
        left, top = column * (self.width + self.gap), row * (self.height + self.gap)
        return left, top, left + self.width, top + self.height


def lay_out(
    pictures: NDArray[np.uint8],
    columns: int | None = None,
    *,
    gap: int = GAP,
    colour: tuple[int, int, int] = GAP_COLOUR,
) -> Image.Image:
    """Pictures of shape (number, height, width, channels) on one sheet; gray, RGB or RGBA as they are.

    Without `columns` the sheet comes near to 16:9 with few empty places. Between pictures with transparency the sheet
    is transparent.
    """
    pictures = _checked(pictures)
    layout = Layout.of(pictures, columns, gap=gap)
    channels = pictures.shape[3]
    between = Image.new("RGB", (1, 1), colour).convert(_MODES[channels])
    sheet = np.empty((layout.size[1], layout.size[0], channels), np.uint8)
    sheet[:] = 0 if channels == 4 else np.asarray(between).reshape(channels)
    for index, picture in enumerate(pictures):
        left, top, right, bottom = layout.box(index)
        sheet[top:bottom, left:right] = picture
    return Image.fromarray(sheet[..., 0] if channels == 1 else sheet)


def cut(image: Image.Image, layout: Layout, index: int) -> Image.Image:
    """One picture of a sheet."""
    box = layout.box(index)
    if image.size != layout.size:
        raise BadValue(
            f"This sheet has {image.width}x{image.height} pixels, and its layout {layout.size[0]}x{layout.size[1]}.",
            hint="It belongs to another layout: the sheet was changed, or it is from another experiment.",
        )
    return image.crop(box)


def save_sheet(image: Image.Image, path: str | os.PathLike[str], quality: int | None = 92) -> Path:
    """Writes a sheet whole or not at all, as WebP or PNG by its ending; `quality` None keeps every pixel of a WebP."""
    target = Path(path)
    kind = target.suffix.lower()
    if kind not in (".webp", ".png"):
        raise BadValue(f"A sheet cannot be saved as {shorten(target.name)}.", hint="Allowed: .webp and .png.")
    stream = io.BytesIO()
    if kind == ".png":
        image.save(stream, "PNG")
    elif max(image.size) > _LARGEST_WEBP:
        raise RunwayLabError(
            f"A WebP has at most {_LARGEST_WEBP} pixels a side, and this sheet is {image.width}x{image.height}.",
            hint="Lay out fewer pictures, or save it as .png.",
        )
    elif quality is None:
        # `exact` keeps the colours under full transparency as well.
        image.save(stream, "WEBP", lossless=True, quality=40, exact=True)
    else:
        image.save(stream, "WEBP", quality=quality, method=4)
    return write_bytes(target, stream.getvalue())


def _columns(count: int, height: int, width: int) -> int:
    """As many as make the sheet near to `RATIO`, an empty place counting against it."""

    def far(columns: int) -> float:
        rows = -(-count // columns)
        return abs(math.log(columns * width / (rows * height) / RATIO)) + (rows * columns - count) / count

    return min(range(1, count + 1), key=far)


def _checked(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or pictures.dtype != np.uint8 or pictures.shape[3] not in _MODES or not pictures.size:
        raise BadValue(
            f"A sheet cannot be made of {shorten(pictures)}.",
            hint="Allowed: uint8 of shape (number, height, width, 1, 3 or 4), at least one.",
        )
    return pictures
