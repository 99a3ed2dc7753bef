"""One experiment on several devices: two processes that compute, one that writes."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest
from support.cells import wait_for, wait_until_gone
from support.experiments import at_rest, kill, numbers, sheets, small, told, trainers, until, until_step

from runway_lab.training.experiments import line, together
from runway_lab.training.experiments.experiment import Experiment
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.limits import Limits
from runway_lab.training.experiments.recorders import Resume, Rollbacks
from runway_lab.training.loop.settings import TrainingSettings

TINY = {"channel_base": 64, "channel_max": 8, "batch": 4, "sampled": 6, "kept": 2, "precision": "float32"}


def two(title: str, steps: int) -> Experiment:
    return small(title, steps=steps, device="cpu,cpu", **TINY)


def learned(run: Experiment) -> bytes:
    """What it has learned; the header tells of times."""
    from safetensors.numpy import load_file, save

    return save(load_file(run.checkpoint().path))


def test_two_processes_train_one_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNWAY_LAB_TRAINER")
    run = two("Two", 400)
    until_step(run, 3, seconds=60)
    assert len(trainers()) == 2
    at_rest(run.pause(), "paused")
    assert not trainers()
    assert run.status.device == "cpu,cpu"
    assert not [entry for entry in run.diary if entry.kind == "restart"], told(run)
    last = run.status.step
    assert [row["step"] for row in run.metrics] == list(range(1, last + 1))
    assert run.checkpoints[-1] == last


@pytest.mark.slow
def test_one_that_dies_ends_all_and_nobody_can_tell_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNWAY_LAB_TRAINER")
    whole, cut = two("Whole", 100), two("Cut", 100)
    until(whole, "finished", seconds=120)
    for killed in ("0", "1"):
        until_step(cut, cut.progress.step + 10, seconds=120)
        before = trainers()
        kill(next(each for each in before if each.environ().get("RANK") == killed))
        assert not psutil.wait_procs(before, 20)[1]
        assert wait_for(lambda: len(trainers()) == 2, 20), told(cut)
    at_rest(cut.pause(), "paused")
    until(cut.resume(), "finished", seconds=120)
    assert len([entry for entry in cut.diary if entry.kind == "restart"]) == 2, told(cut)
    assert sheets(cut) == sheets(whole)
    assert numbers(cut) == numbers(whole)
    assert learned(cut) == learned(whole)
    assert not wait_until_gone(10)


def test_both_devices_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runway_lab.training.experiments.checking.devices", lambda: ("cuda:0", "cuda:1", "cpu"))
    run = small(device="cuda:0, cuda:1", steps=2)
    at_rest(run, "finished", "failed")
    place = line.take(Folder(run.folder))
    assert place is not None
    try:
        assert place.device == "cuda:0,cuda:1"
        single = small("Single", device="cuda:1", steps=2)
        assert single.state == "queued"
    finally:
        place.release()
    line.advance()
    at_rest(single)


class World:
    """Two processes in one: what the first says, the second hears later."""

    def __init__(self) -> None:
        self.said: list[int] = []

    def agree(self, number: int, device: object) -> int:
        self.said.append(number)
        return number


def test_the_first_says_after_each_step_whether_they_go_on() -> None:
    trainer = SimpleNamespace(world=World(), device="cpu", step=0, settings=SimpleNamespace(steps=9))
    work = SimpleNamespace(outcome=("", ""))
    leads = together.Leads(work)  # type: ignore[arg-type]
    leads.before_training(trainer)
    trainer.settings.steps = 12
    leads.after_step(trainer, {})
    work.outcome = ("paused", "As asked for.")
    leads.after_step(trainer, {})
    leads.farewell(trainer)
    assert trainer.world.said == [9, 12, together.END]
    work.outcome = ("", "")
    leads.farewell(trainer)
    assert trainer.world.said[3:] == [together.END]
    assert leads.order > max(each.order for each in (Limits, Resume, Rollbacks))


def test_the_others_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two steps, then it is asked for one more, then it is over.
    heard = iter([2, 2, 2, 3, 3, together.END])
    trainer = SimpleNamespace(settings=TrainingSettings(steps=100), step=0)

    def one_step() -> dict[str, float]:
        trainer.step += 1
        return {}

    trainer.one_step = one_step
    monkeypatch.setattr(together, "say", lambda trainer, number: next(heard))
    together.follow(trainer)  # type: ignore[arg-type]
    assert trainer.step == 3


def test_alone_nothing_is_added_to_the_environment() -> None:
    assert together.environments(["cpu"]) == [{}]
    first, second = together.environments(["cuda:0", "cuda:1"])
    assert (first["RANK"], second["RANK"], second["LOCAL_RANK"], second["WORLD_SIZE"]) == ("0", "1", "1", "2")
    assert first["MASTER_PORT"] == second["MASTER_PORT"]
