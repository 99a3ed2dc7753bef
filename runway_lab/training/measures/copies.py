"""Whether a model repeats pictures it has seen: generated ones that are nearly a copy of a real one.

Each sample, and its mirror image, is held against every real picture at 8x8 pixels. What counts as near is taken from
the real pictures: much nearer than one of them usually is to the next. It is a hint and no proof; `nearest` names
the pictures so that a person can lay them side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runway_lab.training.measures.levels import Floats, checked, chosen, impressions
from runway_lab.training.measures.measure import Measure

__all__ = ["COPIES", "Copies"]

COPIES = Measure(
    name="copies",
    title="Copies",
    about="The share of samples that are nearly a copy of one of your pictures: much above 0, the model repeats what "
    "it has seen instead of inventing.",
    better="lower",
)

CELLS = 8
NEAR = 0.45
"""Nearer than so much of the usual distance from a real picture to the next one is a copy."""

MOST_REAL, MOST_MEGABYTES = 4096, 2000
"""Of more real pictures a part is looked at: models that have many to learn from seldom repeat one."""


class Copies:
    """Holds sets of pictures against real ones, which are looked at once.

    >>> pictures = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 3), dtype=np.uint8)
    >>> measure = Copies(pictures[:16])
    >>> measure(pictures[8:])
    0.3333333333333333
    """

    def __init__(self, pictures: NDArray[np.uint8], *, seed: int = 0) -> None:
        self.shape = checked(pictures).shape[1:]
        self._numbers = chosen(pictures, MOST_REAL, seed, MOST_MEGABYTES)
        self._rows = impressions(pictures, CELLS, self._numbers)
        some = np.arange(0, len(self._rows), max(1, len(self._rows) // 512))
        distances = _distances(self._rows[some], self._rows)
        distances[np.arange(len(some)), some] = np.inf
        self._usual = float(np.sqrt(np.median(distances.min(axis=1))))

    def __call__(self, samples: NDArray[np.uint8]) -> float:
        """The share of these samples that are nearly copies, from 0 to 1."""
        return float(np.mean(self.nearest(samples)[1] < NEAR))

    def nearest(self, samples: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each sample: which real picture is nearest, and how near, 1 being as near as real ones usually are."""
        samples = checked(samples, self.shape)
        rows, mirrored = impressions(samples, CELLS), impressions(samples[:, :, ::-1], CELLS)
        both = np.minimum(_distances(rows, self._rows), _distances(mirrored, self._rows))
        which = both.argmin(axis=1)
        near = np.sqrt(both[np.arange(len(rows)), which])
        return self._numbers[which], near / max(self._usual, 1e-6)


def _distances(some: Floats, others: Floats) -> NDArray[np.float64]:
    """The square of the distance of each from each."""
    one, two = some.astype(np.float64), others.astype(np.float64)
    squares = np.sum(one**2, axis=1)[:, None] + np.sum(two**2, axis=1)[None]
    found: NDArray[np.float64] = np.maximum(squares - 2 * one @ two.T, 0)
    return found
