"""What ends a training before its last step: a person, a budget, the loss of its supervisor."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from runway_lab.training.experiments.work import Work
from runway_lab.training.loop.callbacks import Callback

__all__ = ["Door", "Limits"]


class Door:
    """Hears, in a thread of its own, when the supervisor is gone: its end of our standard input closes.

    The supervisor closes it on purpose, too, when the machine is being shut down. Either way the trainer is to save
    and to end. A SIGTERM to the trainer itself means the same.
    """

    def __init__(self) -> None:
        self.closed = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: self.closed.set())
        if sys.platform != "win32":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=self._listen, name="door", daemon=True).start()

    def _listen(self) -> None:
        try:
            # Nothing is ever sent; `sys.stdin` would be locked when the interpreter ends.
            while os.read(0, 1024):
                pass
        except OSError:
            pass
        self.closed.set()


class Limits(Callback):
    """Looks after each step whether it may go on."""

    order = 90

    def __init__(self, work: Work, door: Door) -> None:
        self.work, self.door = work, door

    def before_training(self, trainer: Any) -> None:
        self._may_go_on()

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        self.work.look(trainer)
        if trainer.step < trainer.settings.steps:
            self._may_go_on()

    def _may_go_on(self) -> None:
        work = self.work
        if work.wishes.stop:
            work.end("stopped", work.wishes.stop)
        if work.wishes.pause:
            work.end("paused", work.wishes.pause)
        if words := work.plan.budget.used_up(work.seconds):
            work.end("stopped", f"{words} More budget resumes it.")
        if self.door.closed.is_set():
            work.end("alone", "Nobody looks after it any more.")
