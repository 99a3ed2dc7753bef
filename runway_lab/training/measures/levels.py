"""Pictures as numbers to compare: opponent colours, levels of detail, and what one sees with half-closed eyes.

Brightness and two colour axes instead of red, green and blue, because those three say nearly the same and a change of
hue would hardly count. What is transparent counts as far as it is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.errors import BadValue, shorten

__all__ = ["Floats", "bands", "checked", "chosen", "impressions", "opponent", "pieces", "shrunk"]

Floats = NDArray[np.float32]

SMALLEST_LEVEL = 16
"""Pixels on the shorter side below which pictures are not halved further."""

FEWEST = 128
"""So many pictures are looked at however large they are."""

ENOUGH = 128
"""Pixels on the shorter side that are enough for an impression."""

_EDGES_AT = 32
_PIECE = 1 << 24


def checked(pictures: Any, like: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    """Pictures of shape (number, height, width, channels), of the given height, width and channels if any."""
    if getattr(pictures, "dtype", None) != np.uint8 or pictures.ndim != 4 or pictures.shape[3] not in (1, 3, 4):
        raise BadValue(
            f"Quality cannot be measured on {shorten(pictures)}.",
            hint="Allowed: uint8 of shape (number, height, width, 1, 3 or 4).",
        )
    if len(pictures) < 2:
        raise BadValue("Quality cannot be measured on less than two pictures.", hint="Take some dozens at least.")
    if like is not None and pictures.shape[1:] != like:
        raise BadValue(
            f"Pictures of {_size(pictures.shape[1:])} cannot be compared with pictures of {_size(like)}.",
            hint="Bring both to one size and one kind of colour first.",
        )
    found: NDArray[np.uint8] = pictures
    return found


def chosen(pictures: NDArray[np.uint8], most: int, seed: int, megabytes: int = 400) -> NDArray[np.int64]:
    """The numbers of at most so many pictures, together of at most so much: by chance, the same for each seed.

    They are in their order, so that a mapped file is read forwards. Large pictures are fewer: they say more each.
    """
    each = int(np.prod(pictures.shape[1:]))
    most = min(most, max(FEWEST, megabytes * 1_000_000 // each))
    if len(pictures) <= most:
        return np.arange(len(pictures))
    return np.sort(np.random.default_rng(seed).choice(len(pictures), most, replace=False))


def pieces(pictures: NDArray[np.uint8], numbers: NDArray[np.int64] | None = None) -> Iterator[NDArray[np.uint8]]:
    """All of them, or those with these numbers, some at a time: a thousand large ones as floats would not fit."""
    numbers = np.arange(len(pictures)) if numbers is None else numbers
    size = max(1, _PIECE // int(np.prod(pictures.shape[1:])))
    for start in range(0, len(numbers), size):
        yield np.asarray(pictures[numbers[start : start + size]])


def opponent(pictures: NDArray[np.uint8]) -> Floats:
    """Brightness, red against green, yellow against blue, each about -1 to 1; and alpha where there is one."""
    values = np.asarray(pictures).astype(np.float32) / np.float32(255)
    if values.shape[3] == 1:
        return values
    alpha = values[..., 3:]
    if alpha.shape[3]:
        values = values[..., :3] * alpha
    red, green, blue = values[..., 0], values[..., 1], values[..., 2]
    planes = np.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue], axis=-1)
    return np.concatenate([planes, alpha], axis=3) if alpha.shape[3] else planes


def bands(planes: Floats) -> list[Floats]:
    """A Laplacian pyramid: the finest detail first, what is left at the end."""
    found = []
    while min(planes.shape[1:3]) >= 2 * SMALLEST_LEVEL:
        # An odd side is continued by a pixel, so that halves double to what they were.
        odd = [(0, side % 2) for side in planes.shape[1:3]]
        if any(more for _, more in odd):
            planes = np.pad(planes, [(0, 0), *odd, (0, 0)], mode="edge")
        half = _halved(_halved(planes, 1), 2)
        found.append(planes - _doubled(_doubled(half, 1), 2))
        planes = half
    return [*found, planes]


def shrunk(planes: Floats, height: int, width: int) -> Floats:
    """Every new pixel is the mean of the area it covers."""
    down, across = _areas(planes.shape[1], height), _areas(planes.shape[2], width)
    rows = np.tensordot(planes, across, axes=(2, 1))
    found: Floats = np.ascontiguousarray(np.moveaxis(np.tensordot(rows, down, axes=(1, 1)), (3, 2, 1), (1, 2, 3)))
    return found


def impressions(pictures: NDArray[np.uint8], cells: int, numbers: NDArray[np.int64] | None = None) -> Floats:
    """A row of numbers for each picture: colours and strength of edges in `cells` x `cells` places.

    Small shifts and fine texture hardly move a row; what is where, in which colour, does.
    """
    rows = []
    # Of a large picture every second pixel says the same, or every fourth.
    stride = max(1, min(pictures.shape[1:3]) // ENOUGH)
    for piece in pieces(pictures, numbers):
        planes = opponent(piece[:, ::stride, ::stride])
        colours = shrunk(planes, cells, cells)
        light = shrunk(planes[..., :1], max(_EDGES_AT, 2 * cells), max(_EDGES_AT, 2 * cells))
        steps = (np.diff(light, axis=1, append=light[:, -1:]), np.diff(light, axis=2, append=light[:, :, -1:]))
        edges = shrunk(np.abs(np.concatenate(steps, axis=3)), cells, cells)
        rows.append(np.concatenate([colours.reshape(len(planes), -1), edges.reshape(len(planes), -1)], axis=1))
    return np.concatenate(rows)


def _halved(planes: Floats, axis: int) -> Floats:
    """Half as long, smoothed with (1, 3, 3, 1) / 8."""
    planes = np.moveaxis(planes, axis, 0)
    even, odd = planes[0::2], planes[1::2]
    before = np.concatenate([odd[:1], odd[:-1]])
    after = np.concatenate([even[1:], even[-1:]])
    return np.moveaxis((before + 3 * even + 3 * odd + after) * np.float32(1 / 8), 0, axis)


def _doubled(planes: Floats, axis: int) -> Floats:
    """Twice as long, straight lines between."""
    planes = np.moveaxis(planes, axis, 0)
    before = np.concatenate([planes[:1], planes[:-1]])
    after = np.concatenate([planes[1:], planes[-1:]])
    doubled = np.empty((2 * len(planes), *planes.shape[1:]), np.float32)
    doubled[0::2] = 0.75 * planes + 0.25 * before
    doubled[1::2] = 0.75 * planes + 0.25 * after
    return np.moveaxis(doubled, 0, axis)


def _areas(old: int, new: int) -> Floats:
    """How much each of `old` pixels counts for each of `new`; rows add up to 1."""
    edges = np.arange(new + 1) * (old / new)
    starts = np.arange(old)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    areas: Floats = (np.clip(overlap, 0, None) * (new / old)).astype(np.float32)
    return areas


def _size(shape: tuple[int, ...]) -> str:
    kind = {1: "gray", 3: "RGB", 4: "RGB with transparency"}.get(shape[2], f"{shape[2]} channels")
    return f"{shape[1]}x{shape[0]} ({kind})"
