"""The measures that need no weights, together: what the training looks at from time to time.

>>> pictures = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
>>> gauges = Gauges(pictures)
>>> gauges.measure(pictures)
{'swd': 0.0, 'diversity': 1.0, 'copies': 1.0}

64 samples at 64x64 take some hundredths of a second of one core, 256 some tenths. The same number of samples is to be
measured each time, best of the same latents: both distance and variety change a little with the number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runway_lab.training.measures.copies import COPIES, Copies
from runway_lab.training.measures.diversity import DIVERSITY, Diversity
from runway_lab.training.measures.measure import Measure
from runway_lab.training.measures.sliced import SWD, SlicedDistance

__all__ = ["Gauges"]


class Gauges:
    """Distance, variety and copies, measured against real pictures that are looked at once.

    The pictures may be a mapped file of any length: about a thousand of them are looked at for distance and
    variety, four thousand for copies.
    """

    measures: tuple[Measure, ...] = (SWD, DIVERSITY, COPIES)

    def __init__(self, pictures: NDArray[np.uint8], *, seed: int = 0) -> None:
        self.distance = SlicedDistance(pictures, seed=seed)
        self.diversity = Diversity(pictures, seed=seed)
        self.copies = Copies(pictures, seed=seed)

    def measure(self, samples: NDArray[np.uint8]) -> dict[str, float]:
        """One number for each measure, by its name."""
        return {
            SWD.name: round(self.distance(samples), 4),
            DIVERSITY.name: round(self.diversity(samples), 4),
            COPIES.name: round(self.copies(samples), 4),
        }
