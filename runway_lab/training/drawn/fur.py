"""Fur: an edge that breaks into tufts, and strokes of the brush on what it surrounds."""

from __future__ import annotations

import numpy as np

from runway_lab.training.drawn.sheet import Field, Points, Sheet

__all__ = ["brush", "furry"]


def furry(edge: Points, chance: np.random.Generator, long: float) -> Points:
    """The outline, broken into tufts that hang a little."""
    count = len(edge)
    middle = edge.mean(axis=0)
    out = edge - middle
    out /= np.sqrt((out * out).sum(axis=1, keepdims=True))
    tooth = np.tile([-0.2, 0.25, 1.0, 0.1], count // 4 + 1)[:count]
    reach = 0.012 * (0.25 + 0.8 * long) * tooth * chance.uniform(0.25, 1.2, count)
    result: Points = edge + out * reach[:, None] + np.stack([np.zeros(count), np.maximum(reach, 0) * 0.7], axis=1)
    return result


def brush(sheet: Sheet, where: Field, paths: Points, width: float) -> None:
    """Every other stroke darker and lighter than whatever coat it lies on."""
    sheet.planes *= 1 - where * sheet.lines(paths[::2], width) * np.float32(0.17)
    sheet.planes += (1.04 - sheet.planes) * (where * sheet.lines(paths[1::2], width) * np.float32(0.20))
