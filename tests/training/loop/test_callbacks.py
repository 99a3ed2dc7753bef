"""The loop, and who looks on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from runway_lab.training.loop.callbacks import Callback, StopTraining, run


class Counting:
    """As much of a trainer as the loop knows of."""

    def __init__(self, steps: int) -> None:
        self.settings = SimpleNamespace(steps=steps)
        self.step = 0

    def one_step(self) -> dict[str, float]:
        self.step += 1
        return {"generator": float(self.step)}


class Diary(Callback):
    def __init__(self, name: str, order: int, told: list[str], stop_at: int | None = None) -> None:
        self.name, self.told, self.stop_at = name, told, stop_at
        self.order = order  # type: ignore[misc]

    def before_training(self, trainer: Any) -> None:
        self.told.append(f"{self.name} before")

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        self.told.append(f"{self.name} {trainer.step} {losses['generator']:g}")
        if trainer.step == self.stop_at:
            raise StopTraining("enough")

    def after_training(self, trainer: Any, error: BaseException | None) -> None:
        self.told.append(f"{self.name} after {error!r}")


def start(steps: int, callbacks: list[Callback]) -> str:
    return run(Counting(steps), callbacks)  # type: ignore[arg-type]


def test_callbacks_are_asked_in_their_order() -> None:
    told: list[str] = []
    assert start(2, [Diary("late", 90, told), Diary("early", 10, told)]) == ""
    assert told == [
        *("early before", "late before", "early 1 1", "late 1 1", "early 2 2", "late 2 2"),
        *("early after None", "late after None"),
    ]


def test_one_that_stops_the_training_leaves_the_others_their_step() -> None:
    told: list[str] = []
    assert start(9, [Diary("early", 10, told, stop_at=2), Diary("late", 90, told)]) == "enough"
    assert told[-4:] == ["early 2 2", "late 2 2", "early after None", "late after None"]


def test_a_training_that_is_complete_does_nothing_more() -> None:
    trainer = Counting(3)
    trainer.step = 3
    assert run(trainer, []) == ""  # type: ignore[arg-type]
    assert trainer.step == 3


class Broken(Callback):
    order = 1

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        raise OSError("the disk is gone")


def test_whatever_happens_everybody_hears_the_end() -> None:
    told: list[str] = []
    with pytest.raises(OSError, match="the disk is gone"):
        start(5, [Broken(), Diary("late", 90, told)])
    assert told == ["late before", "late after OSError('the disk is gone')"]


class BrokenEnd(Callback):
    order = 1

    def after_training(self, trainer: Any, error: BaseException | None) -> None:
        raise OSError("no room")


def test_an_error_at_the_end_does_not_keep_the_others_from_theirs() -> None:
    told: list[str] = []
    with pytest.raises(OSError, match="no room"):
        start(1, [BrokenEnd(), Diary("late", 90, told)])
    assert told[-1] == "late after None"
