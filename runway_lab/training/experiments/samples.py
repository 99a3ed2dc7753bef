"""The sampled steps: which steps they are, and where their pictures are kept.

At a sampled step the same latents are drawn as at every other, all on one sheet (`runway_lab.training.sheets`). A sheet
is one WebP: without any loss up to 128 x 128, where people zoom in and files are small, and at quality 92 above. A
single picture is cut from its sheet, which takes milliseconds; `index.json` says where they lie.

The steps are dense at first, when the pictures change most, and then evenly spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runway_lab.errors import DamagedEntry
from runway_lab.library.atomic import write_json
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.states import read_json
from runway_lab.training.sheets import Layout, cut, lay_out, save_sheet

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["fitting", "layout_of", "read_picture", "read_sheet", "sampled_steps", "write_sheet"]

LOSSLESS_UP_TO = 128
QUALITY = 92
LARGEST_WEBP = 16383


def sampled_steps(steps: int, count: int, every: bool = False) -> list[int]:
    """At which steps samples are drawn: the first and the last, dense at first, about `count` in all.

    >>> sampled_steps(3000, 10)
    [0, 176, 529, 882, 1235, 1588, 1941, 2294, 2647, 3000]
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


def fitting(count: int, height: int, width: int) -> int:
    """How many of so many pictures one sheet has room for."""
    while count > 1:
        columns, rows = Layout.of(np.empty((count, height, width, 1), np.uint8)).size
        if max(columns, rows) <= LARGEST_WEBP:
            break
        count -= max(1, count // 8)
    return count


def write_sheet(folder: Folder, step: int, pictures: NDArray[np.uint8]) -> None:
    """A sheet in its place, whole or not at all; the first says how all of them are laid out."""
    index = folder.samples / "index.json"
    layout = Layout.of(pictures)
    if read_json(index) != layout.to_json():
        write_json(index, layout.to_json())
    lossless = max(layout.height, layout.width) <= LOSSLESS_UP_TO
    save_sheet(lay_out(pictures), folder.sheet(step), None if lossless else QUALITY)


def read_sheet(folder: Folder, step: int) -> Image:
    """A whole sheet."""
    from PIL import Image

    path = folder.sheet(step)
    try:
        with Image.open(path) as sheet:
            sheet.load()
            return sheet.copy()
    except (OSError, SyntaxError) as error:
        raise DamagedEntry(f"The samples of step {step} cannot be read: {error}.", hint=f"Delete {path}.") from error


def layout_of(folder: Folder) -> Layout | None:
    """How the sheets are laid out; None before the first."""
    said = read_json(folder.samples / "index.json")
    try:
        return Layout.from_json(said) if said else None
    except (TypeError, LookupError) as error:
        raise DamagedEntry(
            f"{folder.samples / 'index.json'} is damaged.", hint="The sheets themselves can still be looked at."
        ) from error


def read_picture(folder: Folder, step: int, index: int) -> Image:
    """One picture of a sheet."""
    layout, sheet = layout_of(folder), read_sheet(folder, step)
    if layout is None:
        raise DamagedEntry(f"{folder.samples / 'index.json'} is missing.", hint="Look at the whole sheet instead.")
    return cut(sheet, layout, index)
