"""How good the samples are, found out beside the training and never in its way.

A thread of low priority looks at the pictures of the newest sheet, which are drawn anyway, and rests between looks for
so long that it takes less than three per cent of one core. What comes while it is at work is passed over. What it finds
is a line in `measures.jsonl`; where quality turns, the diary says so and names the best step.

Where the weights of the Inception network are at hand, it also looks for the FID, in the time that is left of its
share: so a short training has none, and a long one has it of a sheet every now and then.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.errors import RunwayLabError
from runway_lab.training.experiments import lines, states
from runway_lab.training.experiments.work import Work
from runway_lab.training.measures import DIVERSITY, SWD, Gauges, earliest_alarm, judge

if TYPE_CHECKING:
    from runway_lab.training.experiments.frechet import Frechet

__all__ = ["Measuring"]

SHARE = 40.0
"""It rests for so many times as long as it worked."""

MOST = 0.025
"""The FID waits as long as all measures together have taken more of the time."""

FIRST_COST = 4.0
"""Seconds for its first pictures, weights included; the next ones cost what those before them did."""

LARGEST = 256
MOST_REAL, MOST_BYTES = 1024, 64 << 20
PATIENCE = 60.0
MOST_FAILURES = 3

Pictures = NDArray[np.uint8]


class Measuring:
    """One thread that measures what `look_at` gives it."""

    def __init__(self, work: Work, pictures: Pictures) -> None:
        self.work = work
        self._pictures = pictures
        self._gauges: Gauges | None = None
        self._inbox: tuple[int, Pictures] | None = None
        self._newest: tuple[int, Pictures] | None = None
        self._something = threading.Condition()
        self._rest_until = 0.0
        self._busy = False
        self._closed = False
        self._forgotten = self._fid_since = 0
        self._told = {str(line.get("verdict", "")) for line in lines.Tail(work.folder.diary).read()}
        self._frechet: Frechet | None = None
        self._without_fid = False
        self._measured: tuple[int, Pictures] | None = None
        self._began, self._spent, self._cost = time.monotonic(), 0.0, FIRST_COST
        self._thread = threading.Thread(target=self._work, name="measures", daemon=True)
        self._thread.start()

    def look_at(self, step: int, pictures: Pictures) -> None:
        """Offers the samples of a step."""
        with self._something:
            self._newest = (step, pictures)
            if step and not self._busy and time.monotonic() >= self._rest_until:
                self._inbox = self._newest
                self._something.notify()

    def finish(self) -> None:
        """Measures the last samples, too, and waits for it."""
        end = time.monotonic() + PATIENCE
        with self._something:
            self._inbox = self._newest
            self._something.notify()
            while (self._inbox or self._busy) and self._thread.is_alive() and time.monotonic() < end:
                self._something.wait(0.2)

    def forget_after(self, step: int) -> None:
        """Training went back to a step: what is found by now of later ones is not written any more."""
        with self._something:
            self._forgotten += 1
            self._inbox = None
            if self._newest is not None and self._newest[0] > step:
                self._newest = None
            if self._measured is not None and self._measured[0] > step:
                self._measured = None

    def close(self) -> None:
        """Ends the thread; what it is at work on is not waited for."""
        with self._something:
            self._closed = True
            self._something.notify()
            frechet = self._frechet
        if frechet is not None:
            frechet.close()

    def _work(self) -> None:
        if sys.platform == "linux":
            # There, a thread has a priority of its own.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        failures = 0
        while (job := self._next()) is not None:
            began = self._seconds()
            try:
                job()
            except Exception:
                # A measure that fails is no reason to end a training, but there is no use in trying for ever.
                traceback.print_exc()
                failures += 1
                self._closed = self._closed or failures >= MOST_FAILURES
            took = self._seconds() - began
            with self._something:
                self._spent += took
                if self._busy:
                    self._busy = False
                    self._rest_until = time.monotonic() + SHARE * took
                else:
                    self._cost = took
                self._something.notify_all()

    def _seconds(self) -> float:
        """Of processor time, this thread's and that of the process it asks."""
        frechet = self._frechet
        return time.thread_time() + (frechet.seconds if frechet is not None else 0.0)

    def _next(self) -> Callable[[], None] | None:
        """Waits for something to do; None at the end."""
        with self._something:
            while not self._closed:
                if self._inbox is not None:
                    (step, pictures), self._inbox, self._busy = self._inbox, None, True
                    return lambda: self._measure(step, pictures)
                pause = None
                if self._frechet is not None and (self._frechet.step or self._measured):
                    pause = self._began + (self._spent + self._cost) / MOST - time.monotonic()
                    if pause <= 0:
                        return self._look_for_fid
                self._something.wait(pause)
        return None

    def _measure(self, step: int, pictures: Pictures) -> None:
        folder, forgotten = self.work.folder, self._forgotten
        if self._gauges is None:
            self._gauges = Gauges(self._some_real())
        found = {"step": step, **self._gauges.measure(_reduced(pictures))}
        rows = [row for row in lines.Tail(folder.measures).read() if row.get("step", step) < step]
        with self._something:
            if self._closed or forgotten != self._forgotten:
                return
            lines.append(folder.measures, [found])
        self._judge(step, [*rows, found])
        self._measured = (step, pictures)
        self._may_have_fid()

    def _may_have_fid(self) -> None:
        """Whether the weights are at hand by now; wrong ones are told of once."""
        if self._frechet is not None or self._without_fid:
            return
        from runway_lab.training.measures.fid import inception_at_hand

        with self._told_once():
            weights = inception_at_hand()
            if weights is not None:
                from runway_lab.training.experiments.frechet import REAL, Frechet

                self._frechet = Frechet(self._some_real(REAL), weights)

    def _look_for_fid(self) -> None:
        assert self._frechet is not None
        if self._frechet.step is None and self._measured is not None:
            (step, pictures), self._measured = self._measured, None
            self._fid_since = self._forgotten
            self._frechet.begin(step, _reduced(pictures))
        step = self._frechet.step or 0
        with self._told_once():
            found = self._frechet.go_on()
            with self._something:
                if found is not None and not self._closed and self._fid_since == self._forgotten:
                    lines.append(self.work.folder.measures, [{"step": step, "fid": round(found, 2)}])

    @contextlib.contextmanager
    def _told_once(self) -> Iterator[None]:
        """What goes wrong within ends the FID and nothing else."""
        try:
            yield
        except Exception as error:
            self._without_fid = True
            if self._frechet is not None:
                self._frechet.close()
                self._frechet = None
            if self._closed:
                return
            traceback.print_exc()
            words = str(error) if isinstance(error, RunwayLabError) else f"{type(error).__name__}: {error}"[:300]
            states.tell(self.work.folder, f"No FID is measured. {words}", kind="incident")

    def _judge(self, step: int, rows: list[dict[str, Any]]) -> None:
        """Says in the diary when quality turns, once for each way it can, however often it is taken up again."""
        known = [row for row in rows if SWD.name in row and DIVERSITY.name in row]
        asked = self.work.plan.settings
        earliest = earliest_alarm(int(asked["steps"]), int(asked["batch"]))
        verdict = judge(((row["step"], row[SWD.name], row[DIVERSITY.name]) for row in known), earliest)
        if verdict.alarm and verdict.kind not in self._told:
            self._told.add(verdict.kind)
            states.tell(self.work.folder, verdict.sentence, kind="verdict", step=step, verdict=verdict.kind)

    def _some_real(self, most: int = MOST_REAL) -> Pictures:
        """Some of the pictures it learns from, the same each time."""
        picture = _reduced(np.asarray(self._pictures[:1]))
        most = max(16, min(most, MOST_BYTES // picture.nbytes, len(self._pictures)))
        chosen = np.sort(np.random.default_rng(0).permutation(len(self._pictures))[:most])
        return np.concatenate([_reduced(np.asarray(self._pictures[[index]])) for index in chosen])


def _reduced(pictures: Pictures) -> Pictures:
    """Large pictures are measured smaller, by whole blocks."""
    _, height, width, _ = pictures.shape
    by = -(-max(height, width) // LARGEST)
    if by == 1:
        return pictures
    whole = pictures[:, : height // by * by, : width // by * by].astype(np.float32)
    blocks = whole.reshape(len(pictures), height // by, by, width // by, by, pictures.shape[3])
    reduced: Pictures = blocks.mean((2, 4)).round().astype(np.uint8)
    return reduced
