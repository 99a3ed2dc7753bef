"""Thousands of pictures, on all cores.

Drawing is many small steps of Python, so threads would wait for each other: the work is shared among processes. They
are plain `python -m runway_lab.training.drawn.many KIND FIRST COUNT SIZE`, which write the bytes of one picture after
the other to their standard output and end. Nothing is pickled, nobody's main module is run twice (as `multiprocessing`
would, in a notebook and in a script without a guard), and torch is never imported. A process that fails is no
loss: what it did not bring is drawn here.

Few pictures are drawn on the spot, since a process needs a quarter of a second to start.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

import runway_lab
from runway_lab.errors import BadValue
from runway_lab.training.drawn.kinds import LARGEST, LAST_SEED, SMALLEST, draw, kind, whole

__all__ = ["draw_many"]

# Pictures at 64 x 64 worth starting a process for; larger ones take longer each.
WORTH_A_PROCESS = 300

Progress = Callable[[int, int], None]


def draw_many(
    name: str,
    count: int,
    size: int = 64,
    seed: int = 0,
    *,
    into: NDArray[np.uint8] | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
) -> NDArray[np.uint8]:
    """Pictures `seed`, `seed + 1`, ... of a kind, uint8 [count, size, size, 3].

    `into` is an array of that shape to draw into, such as a file mapped into memory; `processes` says how many work
    at once (all cores where there is enough to do); `progress(done, count)` is called now and then, from any thread.

    >>> cats = draw_many("cats", 3, size=16, seed=5)
    >>> bool((cats[2] == draw("cats", 7, size=16)).all())
    True
    """
    kind(name)
    count = whole(count, "count", 0, 10_000_000)
    size = whole(size, "size", SMALLEST, LARGEST)
    seed = whole(seed, "seed", 0, LAST_SEED - count)
    shape = (count, size, size, 3)
    if into is not None and (into.shape != shape or into.dtype != np.uint8):
        raise BadValue(
            f"The pictures do not fit into an array of shape {into.shape} and type {into.dtype}.",
            hint=f"Give one of shape {shape} and type uint8.",
        )
    pictures = np.empty(shape, np.uint8) if into is None else into
    told = _Told(count, size, progress)
    if processes is None:
        effort = count * max(size / 64, 1) ** 1.5
        processes = min(_cores(), int(effort / WORTH_A_PROCESS))
    if processes < 2:
        _draw_here(name, seed, size, pictures, told)
        return pictures
    edges = np.linspace(0, count, processes + 1).astype(int)
    shares = [(int(first), int(last)) for first, last in itertools.pairwise(edges) if last > first]
    workers = [_start(name, seed + first, last - first, size) for first, last in shares]
    try:
        with ThreadPoolExecutor(len(shares)) as readers:
            jobs = [
                readers.submit(_read, worker, name, seed + first, size, pictures[first:last], told)
                for worker, (first, last) in zip(workers, shares, strict=True)
            ]
            try:
                wait(jobs, return_when=FIRST_EXCEPTION)
                for job in jobs:
                    if job.done():
                        job.result()
            except BaseException:
                # An error or an interrupt: nobody finishes what nobody waits for.
                told.stopped = True
                for worker in workers:
                    if worker is not None:
                        worker.kill()
                raise
    finally:
        for worker in workers:
            if worker is not None:
                worker.kill()
                worker.wait()
                if worker.stdout is not None:
                    worker.stdout.close()
    return pictures


class _Told:
    """Counts what is done, for all threads together, and says when to stop."""

    def __init__(self, count: int, size: int, progress: Progress | None) -> None:
        self.count, self.progress, self.done, self.lock = count, progress, 0, Lock()
        # Large pictures take their time, and whoever is told may want to stop.
        self.every = max(1, min(64, 64**3 // size**2))
        self.stopped = False

    def one_more(self) -> None:
        with self.lock:
            self.done += 1
            if self.progress is not None and (self.done % self.every == 0 or self.done == self.count):
                self.progress(self.done, self.count)


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _draw_here(name: str, seed: int, size: int, pictures: NDArray[np.uint8], told: _Told) -> None:
    for index in range(len(pictures)):
        if told.stopped:
            return
        pictures[index] = draw(name, seed + index, size)
        told.one_more()


def _start(name: str, first: int, count: int, size: int) -> subprocess.Popen[bytes] | None:
    home = str(Path(runway_lab.__file__).parent.parent)
    around = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")])),
        "OMP_NUM_THREADS": "1",
    }
    order = [sys.executable, "-m", "runway_lab.training.drawn.many", name, str(first), str(count), str(size)]
    try:
        return subprocess.Popen(
            order, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=around
        )
    except OSError:
        return None


def _read(
    worker: subprocess.Popen[bytes] | None, name: str, seed: int, size: int, pictures: NDArray[np.uint8], told: _Told
) -> None:
    length = size * size * 3
    arrived = 0
    pipe: Any = worker.stdout if worker is not None else None
    while pipe is not None and arrived < len(pictures):
        one = pipe.read(length)
        if len(one) < length:
            break
        pictures[arrived] = np.frombuffer(one, np.uint8).reshape(size, size, 3)
        arrived += 1
        told.one_more()
    _draw_here(name, seed + arrived, size, pictures[arrived:], told)


def main(arguments: list[str]) -> None:
    name, (first, count, size) = arguments[0], map(int, arguments[1:])
    for seed in range(first, first + count):
        sys.stdout.buffer.write(draw(name, seed, size).tobytes())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
