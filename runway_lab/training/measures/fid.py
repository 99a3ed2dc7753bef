"""The Frechet inception distance, the number that papers report (Heusel et al. 2017).

Both sets of pictures are described by 2048 numbers each, what a network that was trained on ImageNet makes of them
before it decides (`inception.py`). A normal distribution is fitted to each set, and the distance of the two is told.
It is the same network with the same weights as in the papers, so that numbers can be compared; the weights are
fetched once, when a person agrees, or a path to them is given.

A covariance of 2048 numbers from fewer pictures than that is a rough guess, and the distance comes out too large: to
compare with papers take 50,000 samples, to compare two models of one's own the same number for both.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.cards import CardFile, Licence, Link, ModelCard
from runway_lab.errors import BadValue, RunwayLabError
from runway_lab.library.atomic import write_bytes
from runway_lab.library.weights import missing, where
from runway_lab.settings import settings
from runway_lab.training.measures.levels import checked
from runway_lab.training.measures.measure import Measure

if TYPE_CHECKING:
    from runway_lab.library.download import Agree, Progress

__all__ = [
    "FID",
    "INCEPTION",
    "FrechetDistance",
    "Statistics",
    "fetch_inception",
    "find_inception",
    "from_few",
    "inception_at_hand",
    "rgb",
]

FID = Measure(
    name="fid",
    title="FID",
    about="How far the samples are from your pictures in the eyes of a network that knows a thousand kinds of things: "
    "less is better, and only numbers of equally many samples can be compared (Frechet inception distance).",
    better="lower",
)

FILE = "pt_inception-2015-12-05-6726825d.pth"

INCEPTION = ModelCard(
    id="measures/inception",
    title="Inception, as FID uses it",
    category="extract & identify",
    tagline="The network that the Frechet inception distance looks through",
    licence=Licence(
        "Apache-2.0",
        "https://www.apache.org/licenses/LICENSE-2.0",
        "Free to use. The network was trained on ImageNet, whose pictures are for research.",
    ),
    links=(Link("code", "https://github.com/mseitzer/pytorch-fid"),),
    files=(
        CardFile(
            FILE,
            f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}",
            95_628_359,
            "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        ),
    ),
)

BATCH = 32

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Statistics:
    """The normal distribution fitted to descriptions of pictures, and of how many."""

    mean: Floats
    covariance: Floats
    count: int

    @classmethod
    def of(cls, features: NDArray[Any]) -> Statistics:
        """Fitted to rows of numbers."""
        rows = np.asarray(features, dtype=np.float64)
        if rows.ndim != 2 or len(rows) < 2:
            raise BadValue("Statistics need at least two pictures.", hint="Take some hundreds.")
        mean = rows.mean(axis=0)
        away = rows - mean
        return cls(mean, away.T @ away / (len(rows) - 1), len(rows))

    def distance(self, other: Statistics) -> float:
        """The Frechet distance of two normal distributions, never less than 0.

        >>> square = np.array([[-1.0, 0], [1, 0], [0, -1], [0, 1]])
        >>> round(Statistics.of(square).distance(Statistics.of(square + 3)), 6)
        18.0
        """
        if self.mean.shape != other.mean.shape:
            raise BadValue("These statistics are of different networks.", hint="Make both with the same weights.")
        # The root of the product has the same trace as the root of a symmetric matrix, whose eigenvalues are real.
        values, vectors = np.linalg.eigh(self.covariance)
        root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
        common = np.linalg.eigvalsh(root @ other.covariance @ root)
        spread = np.trace(self.covariance) + np.trace(other.covariance) - 2 * np.sqrt(np.clip(common, 0, None)).sum()
        return max(0.0, float(np.sum((self.mean - other.mean) ** 2) + spread))

    def write(self, path: str | os.PathLike[str]) -> Path:
        """To an .npz file, for the next time."""
        stream = io.BytesIO()
        np.savez(stream, mean=self.mean, covariance=self.covariance, count=self.count)
        return write_bytes(path, stream.getvalue())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Statistics:
        """What `write` wrote."""
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(file["mean"], file["covariance"], int(file["count"]))
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise RunwayLabError(
                f"{path} holds no statistics that can be read ({error}).", hint="Delete it, they are made again."
            ) from error


class FrechetDistance:
    """Measures sets of pictures against real ones, which are looked at once.

    `real` is pictures or the `Statistics` of them. `weights` is a file of the network; without, it has to have been
    fetched (`fetch_inception`). `tell` hears after each part how many of how many pictures are done, and may raise.
    """

    def __init__(
        self,
        real: NDArray[np.uint8] | Statistics,
        *,
        weights: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        tell: Callable[[int, int], None] | None = None,
    ) -> None:
        self._weights = find_inception(weights)
        self._device = device
        self._describe: Any = None
        self.real = real if isinstance(real, Statistics) else self.statistics(real, tell)

    def __call__(self, samples: NDArray[np.uint8], tell: Callable[[int, int], None] | None = None) -> float:
        """The distance of these samples from the real pictures."""
        return self.real.distance(self.statistics(samples, tell))

    def statistics(self, pictures: NDArray[np.uint8], tell: Callable[[int, int], None] | None = None) -> Statistics:
        """The normal distribution of what the network makes of these pictures."""
        return Statistics.of(self.rows(pictures, tell))

    def rows(self, pictures: NDArray[np.uint8], tell: Callable[[int, int], None] | None = None) -> NDArray[np.float32]:
        """What the network makes of these pictures, a row for each."""
        from runway_lab.training.measures.inception import describer

        checked(pictures)
        if self._describe is None:
            self._describe = describer(self._weights, self._device)
        rows = []
        for start in range(0, len(pictures), BATCH):
            rows.append(self._describe(rgb(np.asarray(pictures[start : start + BATCH]))))
            if tell is not None:
                tell(min(start + BATCH, len(pictures)), len(pictures))
        found: NDArray[np.float32] = np.concatenate(rows)
        return found


def from_few(rows: NDArray[Any], others: NDArray[Any]) -> float:
    """The same distance as that of their `Statistics`, without a covariance: quick where there are few rows.

    The root of a product of covariances A'A and B'B has the singular values of AB' on its diagonal.

    >>> round(from_few(np.eye(4), np.eye(4) + 1), 6)
    4.0
    """
    both = (np.asarray(rows, np.float64), np.asarray(others, np.float64))
    away = [(each - each.mean(axis=0)) / np.sqrt(len(each) - 1) for each in both]
    common = np.linalg.svd(away[0] @ away[1].T, compute_uv=False).sum()
    spread = sum(np.square(each).sum() for each in away) - 2 * common
    return max(0.0, float(np.square(both[0].mean(axis=0) - both[1].mean(axis=0)).sum() + spread))


def inception_at_hand() -> Path | None:
    """The weights that the setting `inception` names, else those that were fetched, else none."""
    if chosen := settings().inception:
        return find_inception(chosen)
    return None if missing(INCEPTION) else where(INCEPTION)[FILE]


def find_inception(path: str | os.PathLike[str] | None = None) -> Path:
    """The file of the network: the one given or set, else the one that was fetched."""
    path = path or settings().inception or None
    if path is not None:
        given = Path(path).expanduser()
        if not given.is_file():
            raise RunwayLabError(
                f"There are no Inception weights at {given}.", hint=f"Give the path of the file {FILE}."
            )
        return given
    if missing(INCEPTION):
        raise RunwayLabError(
            "The FID needs the weights of the Inception network, and they are not here yet.",
            hint="Get them once (96 MB) with fetch_inception(agree=...) or `runway-lab experiments fid-weights`, or "
            f"give the path of a {FILE} as weights= or as the setting inception. The sliced Wasserstein distance needs "
            "none.",
        )
    return where(INCEPTION)[FILE]


def fetch_inception(agree: Agree | None = None, progress: Progress | None = None) -> Path:
    """Downloads the weights once, after `agree` has been shown their licence; later calls find them here."""
    from runway_lab.library.download import fetch

    return fetch(INCEPTION, agree, progress)[FILE]


def rgb(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gray as gray colours, what is transparent on black, as it is measured elsewhere."""
    channels = pictures.shape[3]
    if channels == 1:
        return np.repeat(pictures, 3, axis=3)
    if channels == 4:
        alpha = pictures[..., 3:].astype(np.float32) / 255
        return (pictures[..., :3] * alpha + 0.5).astype(np.uint8)
    return pictures
