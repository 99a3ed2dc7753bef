"""What the trainer's callbacks share: the folder, what is asked for just now, who writes, and how it will end."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from runway_lab.training.experiments import wishes
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.resume import Saver
from runway_lab.training.experiments.scribe import Scribe
from runway_lab.training.loop.callbacks import StopTraining

__all__ = ["LOOK_SECONDS", "Work"]

LOOK_SECONDS = 0.25


class Work:
    """One life of a trainer. `seconds` counts on from what earlier lives took."""

    def __init__(self, folder: Folder, saver: Saver, seconds: float = 0.0) -> None:
        self.folder, self.saver = folder, saver
        # Before what it stands for is read: a change in between is seen at the next look.
        self._stamp = wishes.stamp(folder)
        self.plan, self.wishes = Plan.read(folder), wishes.read(folder)
        self.scribe = Scribe()
        self.outcome = ("", "")
        """Into which state it goes at its end, and why; nothing while it goes on."""
        self._looked = time.monotonic()
        self._before, self._began = seconds, time.monotonic()

    @property
    def seconds(self) -> float:
        """How long this experiment has been training."""
        return self._before + time.monotonic() - self._began

    def look(self, trainer: Any) -> None:
        """Takes over what a person has changed, at most a few times a second."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        stamp = wishes.stamp(self.folder)
        if stamp != self._stamp:
            self._stamp = stamp
            self.take_over(trainer)

    def take_over(self, trainer: Any) -> None:
        """What is asked for now."""
        self.plan, self.wishes = Plan.read(self.folder), wishes.read(self.folder)
        if self.plan.steps != trainer.settings.steps:
            trainer.settings = replace(trainer.settings, steps=self.plan.steps)

    def end(self, state: str, why: str) -> None:
        """Ends the training in good order after this step."""
        self.outcome = (state, why)
        raise StopTraining(why)
