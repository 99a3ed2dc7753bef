"""The loop around the trainer, and those who look on.

    run(trainer, [Samples(...), Progress(...)])

A callback sees the trainer before the first step, after each and after the last, in the order of `order`. It may stop
the training by raising `StopTraining`, which is no error: the others still hear the step's end and the training's end,
and the reason is what `run` returns. Any other exception ends the training as well, but not before each callback
had its `after_training`, so that what must be saved is saved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from runway_lab.training.loop.trainer import Trainer

__all__ = ["Callback", "StopTraining", "run"]


class StopTraining(Exception):
    """Ends a training in good order; `reason` is told to whoever started it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Callback:
    """Looks on; override what is of interest."""

    order: ClassVar[int] = 50

    def before_training(self, trainer: Trainer) -> None:
        """Before the first step, also of a training that is taken up again."""

    def after_step(self, trainer: Trainer, losses: dict[str, float]) -> None:
        """After `trainer.step` has grown by one."""

    def after_training(self, trainer: Trainer, error: BaseException | None) -> None:
        """At the end, whatever it was that ended it; `error` is what went wrong."""


def run(trainer: Trainer, callbacks: Iterable[Callback] = ()) -> str:
    """Train until all steps are done or somebody stops it; the reason why it was stopped, else ""."""
    present = sorted(callbacks, key=lambda each: each.order)
    reason, error = "", None
    try:
        reason = _each(present, "before_training", trainer)
        while not reason and trainer.step < trainer.settings.steps:
            losses = trainer.one_step()
            reason = _each(present, "after_step", trainer, losses)
    except BaseException as caught:
        error = caught
        raise
    finally:
        _end(present, trainer, error)
    return reason


def _each(callbacks: list[Callback], name: str, *given: object) -> str:
    """All of them, also when one wants to stop."""
    reason = ""
    for each in callbacks:
        try:
            getattr(each, name)(*given)
        except StopTraining as stop:
            reason = reason or stop.reason or "stopped"
    return reason


def _end(callbacks: list[Callback], trainer: Trainer, error: BaseException | None) -> None:
    first: BaseException | None = None
    for each in callbacks:
        try:
            each.after_training(trainer, error)
        except StopTraining:
            pass
        except Exception as caught:
            first = first or caught
    if first is not None and error is None:
        raise first
