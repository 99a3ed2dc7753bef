"""Sets of pictures whose quality is known: small drawn planets, and what can be done to them."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageFilter

from runway_lab.models.recipes.worlds import worlds


@cache
def two_sets(count: int = 128, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Real pictures, and as many others of the same kind."""
    drawn = worlds(2 * count, seed=1, size=size)
    drawn.setflags(write=False)
    return drawn[:count], drawn[count:]


def blurred(pictures: np.ndarray, radius: float) -> np.ndarray:
    return np.stack([np.asarray(Image.fromarray(each).filter(ImageFilter.GaussianBlur(radius))) for each in pictures])


def noisy(pictures: np.ndarray, strength: float) -> np.ndarray:
    added = np.random.default_rng(0).normal(0, strength, pictures.shape)
    return np.clip(pictures + added, 0, 255).astype(np.uint8)


def tinted(pictures: np.ndarray, strength: int) -> np.ndarray:
    return np.clip(pictures + np.array([strength, 0, -strength]), 0, 255).astype(np.uint8)


def repeated(pictures: np.ndarray, distinct: int) -> np.ndarray:
    return pictures[np.arange(len(pictures)) % distinct]


def drifted(pictures: np.ndarray, share: float) -> np.ndarray:
    """All towards their mean: what a generator does that falls back on one picture."""
    return (pictures * (1 - share) + pictures.mean(axis=0) * share).astype(np.uint8)


def of_one_style(pictures: np.ndarray, share: float) -> np.ndarray:
    """As many pictures, but only from the reddest of them."""
    warm = (pictures[..., 0].astype(int) - pictures[..., 2]).mean(axis=(1, 2))
    kept = pictures[np.argsort(-warm)[: int(len(pictures) * share)]]
    return repeated(kept, len(kept)) if share == 1 else kept


def displaced(pictures: np.ndarray, pixels: int) -> np.ndarray:
    """The right things in the wrong place."""
    return np.roll(pictures, pixels, axis=2)
