"""The FID of a sheet, beside the training: a few pictures at a time, so that there is a rest after every few.

A processor looks at some eight pictures a second through this network, so the real ones, always the same, are looked
at once, and there are few of them. The number is too large, as it always is with few; it tells whether a run gets
better, and is not to be compared with what papers report.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runway_lab.training.experiments.describing import Describer
from runway_lab.training.measures.fid import from_few, rgb

__all__ = ["PART", "REAL", "Frechet"]

PART = 4
REAL = 128
"""So many real pictures at most."""

Pictures = NDArray[np.uint8]
Rows = NDArray[np.float32]


class Frechet:
    """One sheet after the other: `begin` with one, then `go_on` until it gives a number."""

    def __init__(self, real: Pictures, weights: Path) -> None:
        self._weights = weights
        self._describer: Describer | None = None
        self._left = _parts(real[:REAL])
        self._real: list[Rows] = []
        self._samples: list[Rows] = []
        self._to_come: list[Pictures] = []
        self.step: int | None = None
        """Of the sheet it is at."""

    @property
    def seconds(self) -> float:
        """Of processor time in the process that looks."""
        return self._describer.seconds if self._describer else 0.0

    def begin(self, step: int, samples: Pictures) -> None:
        """The samples to look at next."""
        self.step, self._samples, self._to_come = step, [], _parts(samples)

    def go_on(self) -> float | None:
        """Looks at the next few; the distance, once all were looked at."""
        if self._describer is None:
            self._describer = Describer(self._weights)
        queue, seen = (self._left, self._real) if self._left else (self._to_come, self._samples)
        seen.append(self._describer(rgb(queue.pop(0))))
        if self._left or self._to_come:
            return None
        self.step = None
        return from_few(np.concatenate(self._real), np.concatenate(self._samples))

    def close(self) -> None:
        """Ends the process that looks."""
        if self._describer is not None:
            self._describer.close()


def _parts(pictures: Pictures) -> list[Pictures]:
    return [pictures[at : at + PART] for at in range(0, len(pictures), PART)]
