"""How good the samples are, found out beside the training and never in its way.

A thread of low priority looks at the pictures of the newest sheet, which are drawn anyway, and rests between looks for
so long that it takes less than three per cent of one core. What comes while it is at work is passed over. What it finds
is a line in `measures.jsonl`; where quality turns, the diary says so and names the best step.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.training.experiments import lines, states
from runway_lab.training.experiments.work import Work
from runway_lab.training.measures import DIVERSITY, SWD, Gauges, earliest_alarm, judge

__all__ = ["Measuring"]

SHARE = 40.0
"""It rests for so many times as long as it worked."""

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
        self._forgotten = 0
        self._told = {str(line.get("verdict", "")) for line in lines.Tail(work.folder.diary).read()}
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

    def close(self) -> None:
        """Ends the thread; what it is at work on is not waited for."""
        with self._something:
            self._closed = True
            self._something.notify()

    def _work(self) -> None:
        if sys.platform == "linux":
            # There, a thread has a priority of its own.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        failures = 0
        while True:
            with self._something:
                while self._inbox is None and not self._closed:
                    self._something.wait()
                if self._closed:
                    return
                taken, self._inbox, self._busy = self._inbox, None, True
            assert taken is not None
            began = time.thread_time()
            try:
                self._measure(*taken)
            except Exception:
                # A measure that fails is no reason to end a training, but there is no use in trying for ever.
                traceback.print_exc()
                failures += 1
                self._closed = self._closed or failures >= MOST_FAILURES
            with self._something:
                self._busy = False
                self._rest_until = time.monotonic() + SHARE * (time.thread_time() - began)
                self._something.notify_all()

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

    def _judge(self, step: int, rows: list[dict[str, Any]]) -> None:
        """Says in the diary when quality turns, once for each way it can, however often it is taken up again."""
        known = [row for row in rows if SWD.name in row and DIVERSITY.name in row]
        asked = self.work.plan.settings
        earliest = earliest_alarm(int(asked["steps"]), int(asked["batch"]))
        verdict = judge(((row["step"], row[SWD.name], row[DIVERSITY.name]) for row in known), earliest)
        if verdict.alarm and verdict.kind not in self._told:
            self._told.add(verdict.kind)
            states.tell(self.work.folder, verdict.sentence, kind="verdict", step=step, verdict=verdict.kind)

    def _some_real(self) -> Pictures:
        """Some of the pictures it learns from, the same each time."""
        picture = _reduced(np.asarray(self._pictures[:1]))
        most = max(16, min(MOST_REAL, MOST_BYTES // picture.nbytes, len(self._pictures)))
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
