"""What is written down while it trains: numbers, samples, checkpoints, the resume state, the heartbeat.

Each is a callback of the loop. All of them hand what takes time to the scribe, who keeps the order: what belongs to a
step is on the disk before the resume state of that step counts. Progress limits itself by the clock, not by steps.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.training.experiments import keeping, lines, resume, samples, states
from runway_lab.training.experiments.work import Work
from runway_lab.training.loop.callbacks import Callback

__all__ = ["Checkpoints", "Heartbeat", "Metrics", "Resume", "Rollbacks", "Samples"]

FLUSH_SECONDS = 2.0
BEAT_SECONDS = 0.5
SPEED_SECONDS = 60.0
"""The speed is that of so much time, so that the time left neither jumps nor lags."""

Pictures = NDArray[np.uint8]


class Rollbacks(Callback):
    """Tells when the trainer went back to a good state, and forgets what it had written since; `also` is told first."""

    order = 10

    def __init__(self, work: Work, also: Callable[[int], object] = lambda step: None) -> None:
        self.work, self.also = work, also
        self._told = 0

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        new, self._told = trainer.incidents[self._told :], len(trainer.incidents)
        if new:
            step, folder = trainer.step, self.work.folder
            self.also(step)
            # First a state to go on from, then the later ones go.
            self.work.scribe.submit(self.work.saver.job(step, trainer.state))
            self.work.scribe.submit(lambda: resume.forget_after(folder, step))
            # Before anybody writes of a later step by himself: a checkpoint kept now is a good one.
            self.work.scribe.drain()
            for incident in new:
                states.tell(folder, incident, kind="incident", step=step)


class Metrics(Callback):
    """The numbers of each step, a line each."""

    order = 20

    def __init__(self, work: Work) -> None:
        self.work = work
        self._lines: list[dict[str, Any]] = []
        self._flushed = time.monotonic()
        self._incidents = 0

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        if len(trainer.incidents) > self._incidents:
            # It went back: these are the numbers of a step that is no more.
            self._incidents = len(trainer.incidents)
            self._lines = [line for line in self._lines if line["step"] <= trainer.step]
            return
        if all(math.isfinite(value) for value in losses.values()):
            numbers = {name: float(f"{value:.6g}") for name, value in losses.items()}
            about = {"step": trainer.step, "images": trainer.images, "seconds": round(self.work.seconds, 2)}
            self._lines.append(about | numbers)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def after_training(self, trainer: Any, error: BaseException | None) -> None:
        self.flush()

    def flush(self) -> None:
        """Has written what was noted so far."""
        self._flushed = time.monotonic()
        if self._lines:
            ready, self._lines = self._lines, []
            self.work.scribe.submit(lambda: lines.append(self.work.folder.metrics, ready))


class Samples(Callback):
    """A sheet at each sampled step; `also` is given the pictures too."""

    order = 30

    def __init__(self, work: Work, also: Callable[[int, Pictures], object] = lambda step, pictures: None) -> None:
        self.work, self.also = work, also
        self._due: set[int] = set()
        self._due_for: tuple[object, ...] = ()

    def before_training(self, trainer: Any) -> None:
        if self._is_due(trainer) and not self.work.folder.sheet(trainer.step).exists():
            self.draw(trainer)

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        if self._is_due(trainer):
            self.draw(trainer)

    def draw(self, trainer: Any) -> None:
        """The samples of this step."""
        step, pictures = trainer.step, trainer.sample()
        pictures = pictures[: samples.fitting(len(pictures), *pictures.shape[1:3])]
        self.work.scribe.submit(lambda: samples.write_sheet(self.work.folder, step, pictures))
        self.also(step, pictures)

    def _is_due(self, trainer: Any) -> bool:
        settings = trainer.settings
        asked = (settings.steps, settings.sampled, settings.every_step)
        if asked != self._due_for:
            self._due_for, self._due = asked, set(samples.sampled_steps(*asked))
        return trainer.step in self._due


class Checkpoints(Callback):
    """The kept checkpoints: at even distances, and where somebody pinned a step that was still to come."""

    order = 40

    def __init__(self, work: Work, about: dict[str, Any]) -> None:
        self.work, self.about = work, about

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        settings, pinned = trainer.settings, self.work.wishes.pinned
        if trainer.step in pinned or trainer.step in keeping.to_keep(settings.steps, settings.kept):
            self.keep(trainer)

    def keep(self, trainer: Any) -> None:
        """The checkpoint of this step; those that are too many by then go."""
        folder = self.work.folder
        recipe = {
            **self.about,
            "step": trainer.step,
            "images": trainer.images,
            "seconds": round(self.work.seconds),
            "settings": self.work.plan.settings,
        }
        folder.checkpoints.mkdir(exist_ok=True)
        trainer.save(folder.checkpoint(trainer.step), licence=str(self.about.get("licence", "")), recipe=recipe)
        keeping.thin(folder, self.work.wishes.pinned, trainer.settings.kept)


class Resume(Callback):
    """All that is needed to go on, every now and then."""

    order = 60

    def __init__(self, work: Work, metrics: Metrics) -> None:
        self.work, self.metrics = work, metrics

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        self.work.scribe.check()
        if self.work.saver.due():
            self.save(trainer)

    def save(self, trainer: Any) -> None:
        """The state of this step, after all that belongs to earlier ones."""
        self.metrics.flush()
        self.work.scribe.submit(self.work.saver.job(trainer.step, trainer.state))


class Heartbeat(Callback):
    """A sign of life with step, speed and time left, for whoever looks at the folder."""

    order = 80

    def __init__(self, work: Work) -> None:
        self.work = work
        self._passed: deque[tuple[float, int]] = deque()
        self._beat = 0.0

    def before_training(self, trainer: Any) -> None:
        self._passed.append((time.monotonic(), trainer.step))
        self.beat(trainer)

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        now = time.monotonic()
        if now - self._beat >= BEAT_SECONDS:
            self._passed.append((now, trainer.step))
            while len(self._passed) > 2 and now - self._passed[0][0] > SPEED_SECONDS:
                self._passed.popleft()
            self.beat(trainer)

    def after_training(self, trainer: Any, error: BaseException | None) -> None:
        self.beat(trainer)

    def beat(self, trainer: Any) -> None:
        """Says that it lives."""
        self._beat = time.monotonic()
        (first, then), (last, now) = self._passed[0], self._passed[-1]
        speed = (now - then) / (last - first) if now > then else 0.0
        said = {
            "pid": os.getpid(),
            "when": round(time.time(), 2),
            "step": trainer.step,
            "of": trainer.settings.steps,
            "images": trainer.images,
            "seconds": round(self.work.seconds, 2),
            "speed": round(speed, 5),
        }
        write_lightly(self.work.folder.heartbeat, said)


def write_lightly(path: Any, said: dict[str, Any]) -> None:
    """Whole or not at all, but not worth waiting for the disk; a full one is told by what matters more."""
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(json.dumps(said), encoding="utf-8")
        os.replace(draft, path)
    except OSError:
        return
