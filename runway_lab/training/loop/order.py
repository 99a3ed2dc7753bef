"""Which picture comes next: all of them in a shuffled order, then all again in another.

The order depends on the seed and the round alone, so where one stands is two numbers, and a training that is taken
up again sees the very pictures it would have seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Order"]


class Order:
    """Endless rounds over `count` pictures; every picture is mirrored in about half of them.

    >>> order = Order(3, seed=0)
    >>> sorted(int(i) for i in order.take(3)[0])
    [0, 1, 2]
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self.round, self.place = 0, 0
        self._known: tuple[int, NDArray[np.int64], NDArray[np.bool_]] | None = None

    def take(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The next pictures' numbers, and which of them are to be mirrored."""
        numbers, mirrored = [], []
        while count:
            order, mirror = self._shuffled()
            part = slice(self.place, min(self.place + count, self.count))
            numbers.append(order[part])
            mirrored.append(mirror[part])
            count -= part.stop - part.start
            self.place = part.stop
            if self.place == self.count:
                self.round, self.place = self.round + 1, 0
        return np.concatenate(numbers), np.concatenate(mirrored)

    def _shuffled(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        if self._known is None or self._known[0] != self.round:
            chance = np.random.default_rng([self.seed, self.round])
            self._known = self.round, chance.permutation(self.count), chance.random(self.count) < 0.5
        return self._known[1:]
