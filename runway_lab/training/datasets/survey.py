"""Goes through a source on all cores, and hands out what was found in the order of the source.

Threads are enough: five sixths of the work are in Pillow and hashlib, which let go of the interpreter. Beyond some
six cores threads wait for each other, but then some hundred pictures a second are done, and nobody waits for those.
Only some pictures are on the way at a time, so memory stays small however long the source is.
"""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from runway_lab.errors import RunwayLabError
from runway_lab.training.datasets.look import Looked, look, most_pixels
from runway_lab.training.datasets.plan import Plan
from runway_lab.training.datasets.sources import Item

__all__ = ["Counter", "Progress", "Stopped", "cores", "survey", "without_warnings"]

REPORT_SECONDS = 0.1
"""How often progress is told, at most."""


class Stopped(RunwayLabError):
    """Somebody asked for the work to stop; what was done is kept, and the same call goes on from there."""


@dataclass(frozen=True)
class Progress:
    """How far it is. `total` is None where nobody knows, as in a film; then `eta` is None as well."""

    done: int
    total: int | None
    taken: int
    seconds: float
    speed: float
    """Files in a second."""

    @property
    def share(self) -> float | None:
        """From 0 to 1."""
        return self.done / self.total if self.total else None

    @property
    def eta(self) -> float | None:
        """How many seconds are left."""
        return (self.total - self.done) / self.speed if self.total is not None and self.speed else None

    def __str__(self) -> str:
        of = f" of {self.total:,}" if self.total is not None else ""
        left = "" if self.eta is None else f", {_time(self.eta)} left"
        return f"{self.done:,}{of} files, {self.taken:,} pictures, {self.speed:.0f} a second{left}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Counter:
    """Tells of progress as often as a person can read it, and hears whether to stop."""

    def __init__(
        self,
        total: int | None,
        progress: Callable[[Progress], object] | None,
        stop: Callable[[], bool] | None,
        before: int = 0,
    ) -> None:
        self.total, self.progress, self.stop = total, progress, stop
        self.done = self.before = before
        self.taken = 0
        self.start = time.monotonic()
        self._told = 0.0

    def count(self, taken: int) -> None:
        """One more file, and so many pictures taken over all."""
        self.done, self.taken = self.done + 1, taken
        now = time.monotonic()
        if now - self._told >= REPORT_SECONDS:
            self._told = now
            self.tell()

    def tell(self) -> None:
        """Says how far it is now."""
        if self.progress is not None:
            seconds = max(time.monotonic() - self.start, 1e-6)
            speed = (self.done - self.before) / seconds
            self.progress(Progress(self.done, self.total, self.taken, seconds, speed))

    @property
    def stopped(self) -> bool:
        """Whether somebody asked to stop."""
        return self.stop is not None and bool(self.stop())


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def survey(
    items: Iterable[Item],
    plan: Plan,
    *,
    prepare: bool,
    known: Callable[[Item], Looked | None] = lambda item: None,
    workers: int | None = None,
) -> Generator[Looked, None, None]:
    """What `look` says of every item, in their order.

    `known` may answer for an item that need not be opened again.
    """
    workers = workers or cores()
    most = most_pixels()
    pending: deque[Future[Looked] | Looked] = deque()
    pool = ThreadPoolExecutor(workers, "runway-lab-dataset")
    try:
        for item in items:
            pending.append(known(item) or pool.submit(look, item, plan, prepare, most))
            # The last reference to what an archive unpacked goes with the work on it.
            del item
            if len(pending) > 3 * workers:
                yield _result(pending.popleft())
        while pending:
            yield _result(pending.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Keeps Pillow's warnings of damaged remarks and of large pictures from the page: the report tells of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _result(one: Future[Looked] | Looked) -> Looked:
    return one if isinstance(one, Looked) else one.result()
