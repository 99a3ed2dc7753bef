"""Writes in the background, in the order in which it was asked: sheets, metrics, resume states.

Because the order is kept, all that belongs to a step is on the disk before the resume state of that step gets its
name: whoever goes on from there finds everything that came before.

At most a few jobs wait; where the disk is slower than training, training waits for it. What goes wrong is raised in the
trainer's own thread at its next look, and nothing more is written ever after: what came later would leave a gap.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

__all__ = ["Scribe"]

MOST_WAITING = 8


class Scribe:
    """One thread that writes."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Callable[[], object] | None] = queue.Queue(MOST_WAITING)
        self._error: BaseException | None = None
        self._failed = False
        self._thread = threading.Thread(target=self._work, name="scribe", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], object]) -> None:
        """Has something written, after all that was asked before; nothing where something could not be."""
        self.check()
        if not self._failed:
            self._jobs.put(job)

    def check(self) -> None:
        """Raises what went wrong since the last look."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def drain(self) -> None:
        """Waits until all is written."""
        self._jobs.join()
        self.check()

    def close(self) -> None:
        """Writes what waits, and ends."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                if not self._failed:
                    job()
            except BaseException as error:
                self._failed, self._error = True, error
            finally:
                self._jobs.task_done()
        self._jobs.task_done()
