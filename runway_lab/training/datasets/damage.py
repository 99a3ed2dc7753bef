"""Signs that part of a picture was lost on its way, although the file can be read to its end.

A decoder fills what is missing with one exact gray (a JPEG) or green (a film), and goes on behind a damaged place with
colours that are shifted from there on. Both are looked for where they must be, so that gray floors, green fields and
horizons are left alone; what was damaged in another way is not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["blocks_of", "is_torn", "lost_rows"]

MOST_STAIRS, SHARP = 40, 0.7
"""So many places are looked at closely, and so much of the jump must lie between two rows of pixels."""

LEAST_TEAR = 14.0
"""By how many levels colours jump, at least, where a picture is torn."""


def blocks_of(picture: Picture, full_width: int) -> Picture | None:
    """A JPEG in pixels of one block each, as its stream has them; None where there are too few to say anything."""
    layers = getattr(picture, "layer", ()) or ((0, 1, 1),)
    scale = max(1, round(full_width / picture.width))
    across, down = (max(1, 8 * max(int(layer[side]) for layer in layers) // scale) for side in (1, 2))
    if picture.mode not in ("L", "RGB") or picture.width < 8 * across or picture.height < 3 * down:
        return None
    return picture.reduce((across, down))


def is_torn(picture: Picture, blocks: Picture) -> bool:
    """Whether colours jump where the stream of a JPEG was damaged.

    From the damaged block on, all that follows is shifted by the same colour: the rest of its row of blocks, and all
    rows below. So the jump is a stair of exactly one block, on the grid of blocks. A horizon is no stair, and the edges
    of things in the world keep to no grid.
    """
    values = np.asarray(blocks, np.float32)
    steps = np.diff(values.reshape(*values.shape[:2], -1), axis=0)
    count = steps.shape[1]
    # A stair of some height lifts the two rows it lies in; most pictures have no such rows, and that is all.
    lift = np.abs(steps.mean(axis=1))
    least = np.maximum(LEAST_TEAR, 6 * np.sqrt((steps * steps).mean(axis=(0, 1)) / count))
    rows = np.flatnonzero((lift[:-1] + lift[1:] > 0.9 * least).any(axis=1))
    if not rows.size:
        return False
    above, below = steps[rows], steps[rows + 1]
    left = np.arange(1, count, dtype=np.float32)[None, :, None]
    right = count - left
    sums = [np.cumsum(each, axis=1) for each in (above, below, above * above, below * below)]
    above_sum, below_sum, above_squares, below_squares = sums
    first, last = below_sum[:, :-1], above_sum[:, -1:] - above_sum[:, :-1]
    mean = (first + last) / count
    squares = (below_squares[:, :-1] + above_squares[:, -1:] - above_squares[:, :-1]) / count
    size = np.abs(mean)
    torn = (size > least) & (squares - mean * mean < (0.6 * size) ** 2)
    torn &= (left >= 0.08 * count) & (right >= 0.08 * count)
    if not torn.any():
        return False
    # Both halves of the stair are there, and nothing beside it.
    sign = np.sign(mean)
    torn &= (sign * first / left > 0.5 * size) & (sign * last / right > 0.5 * size)
    spread = 1.5 * np.median(np.abs(steps), axis=(0, 1))
    torn &= np.abs(above_sum[:, :-1] / left) < 0.25 * size + spread / np.sqrt(left)
    torn &= np.abs((below_sum[:, -1:] - below_sum[:, :-1]) / right) < 0.25 * size + spread / np.sqrt(right)
    at = np.argwhere(torn)
    strongest = sorted(at, key=lambda place: -float(size[tuple(place)]))[:MOST_STAIRS]
    return any(
        _is_sharp(picture, blocks, int(rows[row]) + 1, int(column) + 1, int(channel), float(mean[row, column, channel]))
        for row, column, channel in strongest
    )


def _is_sharp(picture: Picture, blocks: Picture, row: int, column: int, channel: int, jump: float) -> bool:
    """Whether a stair of blocks is one from pixel to pixel, exactly between the blocks: a sloping ridge is not.

    The damage begins in this row of blocks, at this column.
    """
    across, down = round(picture.width / blocks.width), round(picture.height / blocks.height)
    halves = ((0, column * across, (row + 1) * down), (column * across, picture.width, row * down))
    for begin, end, edge in halves:
        if not 0 < edge < picture.height or end <= begin:
            return False
        strip = np.asarray(picture.crop((begin, edge - 1, end, edge + 1)), np.float32).reshape(2, end - begin, -1)
        if float((strip[1] - strip[0])[:, channel].mean()) * np.sign(jump) < SHARP * abs(jump):
            return False
    return True


def lost_rows(picture: Picture, small: np.ndarray) -> bool:
    """Whether the bottom was never there: a decoder fills what is lost with one exact gray, or in a film with green."""
    last = small[-1].reshape(small.shape[1], -1)
    gray = bool((np.abs(last.astype(np.int16) - 128) <= 1).all())
    green = last.shape[1] == 3 and bool(
        (last[:, 0] <= 2).all() and (last[:, 2] <= 2).all() and (np.abs(last[:, 1].astype(np.int16) - 135) <= 3).all()
    )
    if not (gray or green):
        return False
    strip = picture.crop((0, picture.height - max(1, picture.height // 50), picture.width, picture.height))
    extremes = strip.getextrema()
    pairs = extremes if isinstance(extremes[0], tuple) else (extremes,)
    return all(most - least <= 2 for least, most in pairs[:3])
