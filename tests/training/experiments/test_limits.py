"""What ends a training before its last step."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.plain_trainer import Plain

from runway_lab.training.experiments import resume, wishes, work
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.limits import Limits
from runway_lab.training.experiments.plan import Budget, Plan
from runway_lab.training.experiments.work import Work
from runway_lab.training.loop.callbacks import StopTraining
from runway_lab.training.loop.settings import TrainingSettings


class Opened:
    """A door that is shut when the test says so."""

    def __init__(self) -> None:
        self.closed = SimpleNamespace(is_set=lambda: self.shut)
        self.shut = False


@pytest.fixture
def working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    monkeypatch.setattr(work, "LOOK_SECONDS", 0)
    folder = Folder(tmp_path)
    Plan("Petals", TrainingSettings(steps=40).to_json()).write(folder)
    made = Work(folder, resume.Saver(folder, Plain.write, 60), seconds=0.0)
    yield made
    made.scribe.close()


@pytest.fixture
def trainer(working: Work) -> Any:
    return SimpleNamespace(step=5, settings=TrainingSettings.of(working.plan.settings))


def test_without_a_reason_it_goes_on(working: Work, trainer: Any) -> None:
    limits = Limits(working, Opened())
    limits.before_training(trainer)
    limits.after_step(trainer, {})
    assert working.outcome == ("", "")


@pytest.mark.parametrize("wish", ["pause", "stop"])
def test_a_wish_is_heard_after_the_step(working: Work, trainer: Any, wish: str) -> None:
    limits = Limits(working, Opened())
    wishes.wish(working.folder, **{wish: "As asked for."})
    with pytest.raises(StopTraining, match="As asked for"):
        limits.after_step(trainer, {})
    assert working.outcome == ("paused" if wish == "pause" else "stopped", "As asked for.")


def test_a_budget_is_kept_over_several_lives(working: Work, trainer: Any) -> None:
    Plan.change(working.folder, budget=Budget(hours=1))
    limits = Limits(working, Opened())
    limits.after_step(trainer, {})
    working._before = 3600.0
    with pytest.raises(StopTraining, match="More budget resumes it"):
        limits.after_step(trainer, {})
    assert working.outcome[0] == "stopped"


def test_the_last_step_is_an_end_of_its_own(working: Work, trainer: Any) -> None:
    trainer.step = 40
    wishes.wish(working.folder, pause="As asked for.")
    Limits(working, Opened()).after_step(trainer, {})
    assert working.outcome == ("", "")


def test_more_steps_count_from_the_next_look_on(working: Work, trainer: Any) -> None:
    Plan.change(working.folder, settings=lambda was: {**was, "steps": 90})
    Limits(working, Opened()).after_step(trainer, {})
    assert trainer.settings.steps == 90


def test_a_trainer_that_is_alone_ends(working: Work, trainer: Any) -> None:
    door = Opened()
    limits = Limits(working, door)
    door.shut = True
    with pytest.raises(StopTraining):
        limits.after_step(trainer, {})
    assert working.outcome[0] == "alone"


DOOR = """
import os, signal, sys, time
from runway_lab.training.experiments.limits import Door
door = Door()
print("ready", flush=True)
assert door.closed.wait(20)
print("closed", flush=True)
"""


@pytest.mark.parametrize("how", ["pipe", "signal"])
def test_the_door_closes_with_the_supervisor_or_a_signal_and_not_with_ctrl_c(how: str) -> None:
    import signal

    process = subprocess.Popen(
        [sys.executable, "-c", DOOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGHUP)
    if how == "pipe":
        process.stdin.close()
    else:
        process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "closed\n"
    assert process.wait(10) == 0
    process.stdout.close()
    if how == "signal":
        process.stdin.close()
