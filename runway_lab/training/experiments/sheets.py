"""The sampled steps: which steps they are, and the sheets of pictures that are drawn at them.

At a sampled step the same latents are drawn as at every other, all on one sheet, row by row. A sheet is one WebP:
without any loss up to 128 x 128, where people zoom in and files are small, and at quality 92 above. A single picture
is cut from its sheet, which takes milliseconds; `index.json` tells how sheets are divided.

The steps are dense at first, when the pictures change most, and then evenly spread.
"""

from __future__ import annotations

import io
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.errors import BadValue, DamagedEntry
from runway_lab.library.atomic import write_bytes, write_json
from runway_lab.training.experiments.layout import Layout
from runway_lab.training.experiments.states import read_json

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Division", "cut_out", "encode", "read_sheet", "sampled_steps", "write_sheet"]

LOSSLESS_UP_TO = 128
QUALITY = 92
LARGEST_SHEET = 16383
"""What a WebP can be at most, in both directions."""

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Division:
    """How the sheets of an experiment are divided."""

    count: int
    columns: int
    width: int
    height: int
    channels: int

    @classmethod
    def of(cls, count: int, height: int, width: int, channels: int) -> Division:
        """Wide rather than tall, and no larger than a file can be."""
        columns = min(count, 8 if count > 16 else max(1, (count + 1) // 2), max(1, LARGEST_SHEET // width))
        rows = min(-(-count // columns), max(1, LARGEST_SHEET // height))
        return cls(min(count, columns * rows), columns, width, height, channels)

    @classmethod
    def read(cls, layout: Layout) -> Division | None:
        said = read_json(layout.samples / "index.json")
        try:
            return cls(**said) if said else None
        except TypeError as error:
            raise DamagedEntry(f"{layout.samples / 'index.json'} is damaged.", hint="Delete the experiment.") from error

    def write(self, layout: Layout) -> None:
        write_json(layout.samples / "index.json", asdict(self))

    def box(self, index: int) -> tuple[int, int, int, int]:
        """Where a picture is on its sheet."""
        if not 0 <= index < self.count:
            raise BadValue(
                f"There is no sample {index} on a sheet.", hint=f"There are {self.count}: 0 to {self.count - 1}."
            )
        left, top = index % self.columns * self.width, index // self.columns * self.height
        return left, top, left + self.width, top + self.height


def sampled_steps(steps: int, count: int, every: bool = False) -> list[int]:
    """At which steps samples are drawn: the first and the last, dense at first, about `count` in all.

    >>> sampled_steps(3000, 10)
    [0, 188, 562, 938, 1312, 1688, 2062, 2438, 2812, 3000]
    >>> sampled_steps(3, 100)
    [0, 1, 2, 3]
    """
    if every or count > steps:
        return list(range(steps + 1))
    if count <= 2:
        return [0, steps][-max(1, count) :]
    # The distance grows over the first fifth, then it stays.
    growing = max(1, (count - 1) // 5)
    even = steps / (count - 1 - growing / 2)
    found = [even * i * i / (2 * growing) if i < growing else even * (i - growing / 2) for i in range(count)]
    return sorted({*(round(each) for each in found if each < steps), steps})


def encode(pictures: NDArray[np.uint8], division: Division) -> bytes:
    """Pictures [n, height, width, channels] as one file."""
    from PIL import Image

    rows = -(-division.count // division.columns)
    ground = np.zeros((rows * division.height, division.columns * division.width, division.channels), np.uint8)
    for index in range(division.count):
        left, top, right, bottom = division.box(index)
        ground[top:bottom, left:right] = pictures[index]
    sheet = Image.fromarray(ground.squeeze(2) if division.channels == 1 else ground, MODES[division.channels])
    if division.channels == 1:
        sheet = sheet.convert("RGB")
    lossless = max(division.width, division.height) <= LOSSLESS_UP_TO
    file = io.BytesIO()
    sheet.save(file, "WEBP", lossless=lossless, quality=30 if lossless else QUALITY, method=0 if lossless else 2, exact=True)
    return file.getvalue()


def write_sheet(layout: Layout, step: int, pictures: NDArray[np.uint8], division: Division) -> Path:
    """A sheet in its place, whole or not at all."""
    return write_bytes(layout.sheet(step), encode(pictures, division))


def read_sheet(layout: Layout, step: int) -> Image:
    """A whole sheet."""
    from PIL import Image

    path = layout.sheet(step)
    try:
        with Image.open(path) as sheet:
            sheet.load()
            return sheet.copy()
    except (OSError, SyntaxError) as error:
        raise DamagedEntry(f"The samples of step {step} cannot be read: {error}.", hint=f"Delete {path}.") from error


def cut_out(sheet: Image, division: Division, index: int) -> Image:
    """One picture of a sheet."""
    picture = sheet.crop(division.box(index))
    mode = MODES[division.channels]
    return picture if picture.mode == mode else picture.convert(mode)


def newest(layout: Layout) -> Any:
    """When the folder of samples changed last: what a reader compares."""
    try:
        return os.stat(layout.samples).st_mtime_ns
    except OSError:
        return None
