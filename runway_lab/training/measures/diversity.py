"""How different generated pictures are from one another, without any network.

The samples' *effective number*: as if there were so many pictures that have nothing in common. It is the
exponential of the entropy of the eigenvalues of their likeness to one another (the Vendi score, Friedman and Dieng
2022); n equal pictures have 1, n entirely different ones n. Likeness is that of what one sees with half-closed eyes
(`levels.impressions`), and how far pictures may lie apart to be alike is taken from the real ones.

Given as a share of what as many real pictures have: 1.0 is as varied as they are. Copies lower it as much as
pictures that all drift towards one, which the mean distance between pictures would hardly notice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runway_lab.training.measures.levels import Floats, checked, chosen, impressions
from runway_lab.training.measures.measure import Measure

__all__ = ["DIVERSITY", "Diversity"]

DIVERSITY = Measure(
    name="diversity",
    title="Variety",
    about="How many really different pictures there are among the samples, compared with as many of yours: 1.0 is as "
    "varied as your pictures, and when it falls, the samples begin to look the same.",
    better="higher",
)

CELLS = 8
NEAR = 0.5
"""How far apart alike pictures may be, for the median distance of real ones."""

TRIES = 4
MOST = 512
"""Samples beyond these do not change the number, and the time it takes grows with their third power."""


class Diversity:
    """Measures the variety of sets of pictures against that of real ones, which are looked at once.

    >>> pictures = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 3), dtype=np.uint8)
    >>> measure = Diversity(pictures)
    >>> round(measure(pictures), 2), measure(pictures[[3] * 32]) < 0.1
    (1.0, True)
    """

    def __init__(self, pictures: NDArray[np.uint8], *, seed: int = 0, most: int = 1024) -> None:
        self.seed = seed
        self.shape = checked(pictures).shape[1:]
        rows = impressions(pictures, CELLS, chosen(pictures, most, seed))
        self._scale = np.maximum(rows.std(axis=0).mean(), np.float32(1 / 255))
        self._rows = rows / self._scale
        apart = np.sqrt(_distances(self._rows[:MOST]))
        # Real pictures that are all the same have no distance to go by: then any difference counts.
        self._near = max(NEAR * float(np.median(apart[np.triu_indices(len(apart), 1)])), 1e-3)
        self._own: dict[int, float] = {}

    def __call__(self, samples: NDArray[np.uint8]) -> float:
        """The variety of these samples: 1.0 is that of the real pictures."""
        rows = impressions(checked(samples, self.shape), CELLS) / self._scale
        count = min(len(rows), len(self._rows), MOST)
        return self._effective(_even(rows, count)) / self.own(count)

    def effective(self, samples: NDArray[np.uint8]) -> float:
        """As if there were so many pictures that have nothing in common; at most 512 are looked at."""
        rows = impressions(checked(samples, self.shape), CELLS) / self._scale
        return self._effective(_even(rows, min(len(rows), MOST)))

    def own(self, count: int) -> float:
        """What so many real pictures have."""
        if count not in self._own:
            random = np.random.default_rng((self.seed, count))
            tries = 1 if count == len(self._rows) else TRIES
            chosen = [random.choice(len(self._rows), count, replace=False) for _ in range(tries)]
            self._own[count] = float(np.mean([self._effective(self._rows[each]) for each in chosen]))
        return self._own[count]

    def _effective(self, rows: Floats) -> float:
        likeness = np.exp(-_distances(rows) / (2 * self._near**2)) / len(rows)
        shares = np.clip(np.linalg.eigvalsh(likeness), 1e-12, None)
        return float(np.exp(-np.sum(shares * np.log(shares))))


def _even(rows: Floats, count: int) -> Floats:
    """So many of them, spread over all: what lies side by side may be related."""
    chosen: Floats = rows[(np.arange(count) * (len(rows) / count)).astype(int)]
    return chosen


def _distances(rows: Floats) -> NDArray[np.float64]:
    """The square of the distance of each from each."""
    wide = rows.astype(np.float64)
    squares = np.sum(wide**2, axis=1)
    found: NDArray[np.float64] = np.maximum(squares[:, None] + squares[None] - 2 * wide @ wide.T, 0)
    np.fill_diagonal(found, 0)
    return found
