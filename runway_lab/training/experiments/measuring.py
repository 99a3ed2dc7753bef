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

__all__ = ["Measuring"]

SHARE = 40.0
"""It rests for so many times as long as it worked."""

MOST_REAL, MOST_BYTES = 256, 64 << 20
PATIENCE = 60.0
MOST_FAILURES = 3

Pictures = NDArray[np.uint8]


class Measuring:
    """One thread that measures what `look_at` gives it."""

    def __init__(self, work: Work, pictures: Pictures) -> None:
        self.work = work
        self._pictures = pictures
        self._real: Pictures | None = None
        self._inbox: tuple[int, Pictures] | None = None
        self._newest: tuple[int, Pictures] | None = None
        self._something = threading.Condition()
        self._rest_until = 0.0
        self._busy = False
        self._closed = False
        self._told: set[str] = set()
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
        from runway_lab.training.measures import diversity, sliced_wasserstein, verdict

        folder = self.work.folder
        real = self._some_real()
        found: dict[str, Any] = {
            "step": step,
            "sliced_wasserstein": float(f"{sliced_wasserstein(real, pictures):.6g}"),
            "diversity": float(f"{diversity(pictures):.6g}"),
        }
        if self._closed:
            return
        before = [line for line in lines.Tail(folder.measures).read() if line.get("step") != step]
        if not any(line.get("step", 0) >= step for line in before):
            lines.append(folder.measures, [found])
        judged = verdict([*before, found])
        if judged is not None and (said := str(judged)) not in self._told:
            self._told.add(said)
            states.tell(folder, said, kind="verdict", step=step)

    def _some_real(self) -> Pictures:
        """Some of the pictures it learns from, the same each time."""
        if self._real is None:
            count = len(self._pictures)
            most = max(16, min(MOST_REAL, MOST_BYTES // max(1, self._pictures[0].nbytes)))
            chosen = np.sort(np.random.default_rng(0).permutation(count)[:most])
            self._real = np.asarray(self._pictures[chosen])
        return self._real
