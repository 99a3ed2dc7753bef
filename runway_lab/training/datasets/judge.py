"""Decides, file by file and in their order, what becomes of each: the only place that remembers what came before.

What a file is like alone, `look` has found. Whether it is there already, exactly or nearly, shows here. Given the same
files in the same order, a judge comes to the same end; so a preparing that was interrupted lets a new judge hear the
journal, and goes on.

Two pictures are near duplicates when their perceptual hashes differ in a few of 64 bits (a difference hash: whether
each of 8x8 places is brighter than its neighbour) and when 4x4 pixels of them have nearly the same colours: either
alone takes sunsets for each other.
"""

from __future__ import annotations

import base64
import io

import numpy as np

from runway_lab.settings import settings
from runway_lab.training.datasets.look import Looked
from runway_lab.training.datasets.plan import Plan
from runway_lab.training.datasets.sources import check_bytes, check_count

__all__ = ["Judge", "SimilarPictures"]

MOST_BITS, MOST_COLOUR, MOST_ANYWHERE = 10, 6.0, 18
"""How many bits of the hash may differ, and how many levels of colour on average and in any place."""

THUMBNAILS = 6
"""How many thumbnails there are of each kind of finding."""

TOLD = ("other", "hidden", "unreadable")


class SimilarPictures:
    """Finds the first picture that another one looks like, among some ten thousand, in the time of a blink."""

    def __init__(self) -> None:
        self._hashes = np.zeros(1024, np.uint64)
        self._tiny = np.zeros((1024, 48), np.uint8)
        self._count = 0

    def find(self, hash: str, tiny: str) -> int | None:
        """The number of the first picture that looks like this one."""
        bits = self._hashes[: self._count] ^ np.uint64(int(hash, 16))
        close = np.flatnonzero(_ones(bits) <= MOST_BITS)
        if not close.size:
            return None
        colours = np.frombuffer(bytes.fromhex(tiny), np.uint8).astype(np.int16)
        apart = np.abs(self._tiny[close] - colours)
        fine = close[(apart.mean(axis=1) <= MOST_COLOUR) & (apart.max(axis=1) <= MOST_ANYWHERE)]
        return int(fine[0]) if fine.size else None

    def add(self, hash: str, tiny: str) -> None:
        """Remembers a picture; they are numbered from 0 on."""
        if self._count == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)])
            self._tiny = np.concatenate([self._tiny, np.zeros_like(self._tiny)])
        self._hashes[self._count] = int(hash, 16)
        self._tiny[self._count] = np.frombuffer(bytes.fromhex(tiny), np.uint8)
        self._count += 1


def _ones(values: np.ndarray) -> np.ndarray:
    """How many bits are set in each."""
    if hasattr(np, "bitwise_count"):
        counted: np.ndarray = np.bitwise_count(values)
    else:
        counted = np.unpackbits(values.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1)
    return counted


class Judge:
    """Hears of every file and decides whether it is taken. `heard` has them all, with all of their findings."""

    def __init__(self, plan: Plan, title: str = "The source") -> None:
        self.plan, self.title = plan, title
        self.heard: list[Looked] = []
        self.taken: list[Looked] = []
        self.thumbnails: dict[str, list[tuple[str, bytes]]] = {}
        self._first: dict[str, str] = {}
        self._similar = SimilarPictures()
        self._similar_names: list[str] = []
        self._candidates = self._bytes = 0
        self._limits = settings()

    def hear(self, seen: Looked) -> bool:
        """Whether this file becomes a picture of the dataset."""
        if not any(each in TOLD for each in seen.findings):
            self._candidates += 1
            self._bytes += seen.size
            check_count(self.title, self._candidates, self._limits.dataset_images)
            check_bytes(self.title, self._bytes, self._limits.dataset_gb)
        self.heard.append(seen)
        taken = not self.leaves_out(seen)
        # What was heard from a journal has been compared already, and is heard the same way again.
        if seen.sha256 and seen.hash:
            self._compare(seen, taken)
            taken = taken and not self.leaves_out(seen)
        if taken and seen.hash:
            self.taken.append(seen)
            self._first.setdefault(seen.sha256, seen.name)
            if "one_colour" not in seen.findings:
                self._similar.add(seen.hash, seen.tiny)
                self._similar_names.append(seen.name)
        self._keep_thumbnails(seen)
        return taken and bool(seen.hash)

    def leaves_out(self, seen: Looked) -> bool:
        """Whether one of its findings keeps a file out."""
        return any(self.plan.skips(each) for each in seen.findings)

    def reason(self, seen: Looked) -> str:
        """Which finding keeps it out."""
        return next((each for each in seen.findings if self.plan.skips(each)), "")

    def _compare(self, seen: Looked, taken: bool) -> None:
        if "duplicate" in seen.findings or "near_duplicate" in seen.findings:
            return
        first = self._first.get(seen.sha256)
        if first is not None:
            seen.findings.append("duplicate")
            seen.note = f"the same as {first}"
        elif taken and "one_colour" not in seen.findings:
            like = self._similar.find(seen.hash, seen.tiny)
            if like is not None:
                seen.findings.append("near_duplicate")
                seen.note = f"like {self._similar_names[like]}"

    def _keep_thumbnails(self, seen: Looked) -> None:
        wanting = [each for each in seen.findings if len(self.thumbnails.get(each, ())) < THUMBNAILS]
        if wanting and seen.small is not None:
            seen.thumbnail = base64.b64encode(thumbnail(seen.small)).decode("ascii")
        if seen.thumbnail:
            data = base64.b64decode(seen.thumbnail)
            for each in wanting:
                self.thumbnails.setdefault(each, []).append((seen.name, data))
        seen.small = None


def thumbnail(picture: object) -> bytes:
    """A small picture as a JPEG of some kilobytes."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)  # type: ignore[attr-defined]
    return stream.getvalue()
