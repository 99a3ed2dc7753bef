"""How far generated pictures are from real ones: the sliced Wasserstein distance, without any network.

Two sets of pictures are alike when whatever one measures on them is distributed alike. What is measured here are
random mixtures (slices) of the pixels of small patches, one set for each level of a Laplacian pyramid, as Karras et
al. proposed (Progressive Growing of GANs, 2018, section 5), and mixtures of the whole picture at 8x8 pixels, half of
them random and half the ways in which the real pictures vary most: these know what belongs where. The distance of two
distributions of one number is the mean difference of their quantiles.

Two things differ from the paper. Both sets are brought to the mean and spread of the real pictures, not each to its
own: otherwise a set in the wrong colours would be as good as one in the right ones. And the colours are opponent
colours (`levels.py`).

The number is in hundredths of the spread of both sets, the mean of all levels, so it means the same at every size.
Equal sets have 0; as many other pictures of the same kind have `floor(count)`, because chance alone makes them differ.
"""

from __future__ import annotations

import zlib
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runway_lab.training.measures.levels import Floats, bands, checked, chosen, opponent, pieces, shrunk
from runway_lab.training.measures.measure import Measure

__all__ = ["SWD", "SlicedDistance"]

SWD = Measure(
    name="swd",
    title="Distance",
    about="How far the samples are, in detail, colour and composition, from your pictures: 0 is alike, and less is "
    "better (sliced Wasserstein distance, in hundredths of the spread of your pictures).",
    better="lower",
)

PATCH = 7
PATCHES = 32
"""Places looked at in each picture and level."""

SLICES = 96
QUANTILES = 512
WHOLE = 8


@dataclass(frozen=True)
class _Level:
    """What the real pictures have on one level: their spread, and their quantiles along each slice."""

    mean: Floats
    spread: Floats
    slices: Floats
    unit: Floats
    quantiles: Floats


class SlicedDistance:
    """Measures sets of pictures against real ones, which are looked at once.

    >>> pictures = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
    >>> SlicedDistance(pictures)(pictures)
    0.0
    """

    def __init__(self, pictures: NDArray[np.uint8], *, seed: int = 0, most: int = 1024) -> None:
        self.seed = seed
        self.shape = checked(pictures).shape[1:]
        self._pictures, self._chosen = pictures, chosen(pictures, most, seed)
        self._floors: dict[int, float] = {}
        self._prepare(self._chosen)

    def __call__(self, samples: NDArray[np.uint8]) -> float:
        """The distance of these samples from the real pictures."""
        return float(np.mean(self.by_level(samples)))

    def by_level(self, samples: NDArray[np.uint8]) -> tuple[float, ...]:
        """The distance on each level: the finest detail first, then coarser ones, the composition last."""
        samples = checked(samples, self.shape)
        return tuple(
            float(100 * np.mean(_apart(_quantiles(self._sliced(values, level)), level.quantiles)))
            for values, level in zip(self._descriptors(samples), self._levels, strict=True)
        )

    def _prepare(self, numbers: NDArray[np.int64]) -> None:
        found = self._descriptors(self._pictures, numbers)
        self._levels = [self._level(number, values) for number, values in enumerate(found)]

    def floor(self, count: int) -> float:
        """What so many real pictures have that are not among those they are compared with: it gets no better.

        Estimated on one half against the other, so that small sets are told a little too much.
        """
        order = np.random.default_rng(self.seed + 1).permutation(self._chosen)
        count = max(2, min(count, len(order) // 2))
        if len(order) < 4:
            return 0.0
        if count not in self._floors:
            half = copy(self)
            half._prepare(np.sort(order[len(order) // 2 :]))
            self._floors[count] = half(np.asarray(self._pictures[np.sort(order[:count])]))
        return self._floors[count]

    def _descriptors(self, pictures: NDArray[np.uint8], numbers: NDArray[np.int64] | None = None) -> list[Floats]:
        """For each level and the whole: rows of (pixels, channels)."""
        parts: list[list[Floats]] = []
        done = 0
        for piece in pieces(pictures, numbers):
            planes = opponent(piece)
            whole = shrunk(planes, WHOLE, WHOLE).reshape(len(planes), WHOLE * WHOLE, -1)
            found = [self._patches(band, number, done) for number, band in enumerate(bands(planes))]
            parts.append([*found, whole])
            done += len(piece)
        return [np.concatenate(level) for level in zip(*parts, strict=True)]

    def _patches(self, band: Floats, number: int, start: int) -> Floats:
        count, height, width, channels = band.shape
        tall, wide = min(PATCH, height), min(PATCH, width)
        # The places depend on the number of a picture alone: the same picture is always looked at in the same ones.
        random = np.random.default_rng((self.seed, number, start))
        down = random.integers(0, height - tall + 1, (count, PATCHES))
        across = random.integers(0, width - wide + 1, (count, PATCHES))
        windows = np.lib.stride_tricks.sliding_window_view(band, (tall, wide), axis=(1, 2))
        cut = windows[np.arange(count)[:, None], down, across]
        return np.moveaxis(cut.reshape(count * PATCHES, channels, tall * wide), 1, 2)

    def _level(self, number: int, values: Floats) -> _Level:
        mean = values.mean(axis=(0, 1))
        # A channel that hardly varies, such as the colour of gray photographs, must not drown the others.
        spread: Floats = np.maximum(values.std(axis=(0, 1)), np.float32(1 / 255))
        random = np.random.default_rng((self.seed, zlib.crc32(b"slices"), number))
        slices = random.standard_normal((values.shape[1] * values.shape[2], SLICES)).astype(np.float32)
        if values.shape[1] == WHOLE * WHOLE:
            slices[:, ::2] = _ways(((values - mean) / spread).reshape(len(values), -1), slices[:, ::2])
        slices /= np.linalg.norm(slices, axis=0)
        rough = _Level(mean, spread, slices, np.ones(SLICES, np.float32), np.zeros((0,), np.float32))
        projected = self._sliced(values, rough)
        unit = projected.std(axis=1).astype(np.float32)
        unit = np.clip(unit, max(0.05 * float(unit.mean()), 1e-3), None)
        return _Level(mean, spread, slices, unit, _quantiles(projected / unit[:, None]))

    def _sliced(self, values: Floats, level: _Level) -> Floats:
        """One row for each slice."""
        flat = ((values - level.mean) / level.spread).reshape(len(values), -1)
        return np.divide(level.slices.T @ flat.T, level.unit[:, None], dtype=np.float32)


def _ways(rows: Floats, slices: Floats) -> Floats:
    """In place of random slices the ways in which real pictures vary most, as far as there are any.

    What holds a composition together, such as two eyes side by side, hardly shows along a random mixture of everything.
    """
    _, strength, ways = np.linalg.svd(rows, full_matrices=False)
    ways = ways[strength > 1e-3 * max(float(strength[0]), 1e-6)][: slices.shape[1]]
    return np.concatenate([ways.T, slices[:, len(ways) :]], axis=1)


def _apart(some: Floats, others: Floats) -> Floats:
    """For each slice how far its two distributions are apart, in the spread of both.

    In the spread of one alone, noise could be as bad as it likes and blur could not.
    """
    spread = np.sqrt((some.var(axis=1) + others.var(axis=1)) / 2)
    apart: Floats = np.abs(some - others).mean(axis=1) / np.maximum(spread, 1e-3)
    return apart


def _quantiles(rows: Floats) -> Floats:
    rows = np.sort(rows, axis=1)
    at = ((np.arange(QUANTILES) + 0.5) * (rows.shape[1] / QUANTILES)).astype(int)
    return rows[:, at]
