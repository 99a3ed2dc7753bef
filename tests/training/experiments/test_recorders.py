"""What is written down while it trains, step by step, without a process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.plain_trainer import Plain, PlainTrainer

from runway_lab.training.experiments import lines, recorders, resume, wishes
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.recorders import Checkpoints, Heartbeat, Metrics, Resume, Rollbacks, Samples
from runway_lab.training.experiments.work import Work
from runway_lab.training.loop.callbacks import run
from runway_lab.training.loop.settings import TrainingSettings


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0")


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    folder = Folder(tmp_path)
    settings = TrainingSettings(steps=40, sampled=5, kept=3, samples=4).to_json()
    Plan("Petals", settings, created=1.0).write(folder)
    made = Work(folder, resume.Saver(folder, Plain.write, 0.0), seconds=100.0)
    yield made
    made.scribe.close()


@pytest.fixture
def trainer(work: Work) -> PlainTrainer:
    return PlainTrainer(TrainingSettings.of(work.plan.settings), np.zeros((9, 16, 16, 3), np.uint8), None)


def test_each_step_has_its_numbers_and_what_is_no_number_is_left_out(work: Work, trainer: Any) -> None:
    metrics = Metrics(work)
    for step, value in enumerate((0.1234567891, float("nan"), float("inf"), 2.0), 1):
        trainer.step, trainer.images = step, 16 * step
        metrics.after_step(trainer, {"generator": value})
    metrics.after_training(trainer, None)
    work.scribe.drain()
    found = lines.Tail(work.folder.metrics).read()
    assert [(row["step"], row["images"], row["generator"]) for row in found] == [(1, 16, 0.123457), (4, 64, 2.0)]
    assert found[0]["seconds"] >= 100, "it counts on from earlier lives"


def test_they_are_not_written_one_by_one(work: Work, trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "FLUSH_SECONDS", 1000)
    metrics = Metrics(work)
    metrics.after_step(trainer, {"generator": 1.0})
    work.scribe.drain()
    assert not work.folder.metrics.exists()
    monkeypatch.setattr(recorders, "FLUSH_SECONDS", 0)
    metrics.after_step(trainer, {"generator": 1.0})
    work.scribe.drain()
    assert len(lines.Tail(work.folder.metrics).read()) == 2


def test_samples_are_drawn_at_the_sampled_steps_and_handed_on(work: Work, trainer: Any) -> None:
    seen: list[int] = []
    run(trainer, [Samples(work, lambda step, pictures: seen.append(step))])
    work.scribe.drain()
    there = sorted(each.name for each in work.folder.samples.glob("*.webp"))
    assert seen == [0, 6, 17, 29, 40]
    assert there == [f"step-{step:06d}.webp" for step in seen]


def test_step_0_is_not_drawn_again_when_it_is_there(work: Work, trainer: Any) -> None:
    seen: list[int] = []
    sheets = Samples(work, lambda step, pictures: seen.append(step))
    work.folder.samples.mkdir()
    work.folder.sheet(0).touch()
    sheets.before_training(trainer)
    assert seen == []


def test_every_step_is_sampled_if_wanted(work: Work, trainer: Any) -> None:
    trainer.settings = TrainingSettings(steps=5, samples=4, every_step=True)
    run(trainer, [Samples(work)])
    work.scribe.drain()
    assert len(list(work.folder.samples.glob("*.webp"))) == 6


def test_checkpoints_are_spread_and_bounded_and_say_how_they_were_made(work: Work, trainer: Any) -> None:
    work.wishes = wishes.Wishes(pinned=(7,))
    run(trainer, [Checkpoints(work, {"title": "Petals", "licence": "CC0-1.0"})])
    there = sorted(int(each.stem[-6:]) for each in work.folder.checkpoints.iterdir())
    assert there == [7, 13, 27, 40]


def test_before_a_state_counts_all_that_belongs_to_earlier_steps_is_written(work: Work, trainer: Any) -> None:
    metrics = Metrics(work)
    saving = Resume(work, metrics)
    seen: list[tuple[int, int]] = []
    real = work.saver.write

    def write(state: Any, path: Path) -> None:
        seen.append((state["step"], len(lines.Tail(work.folder.metrics).read())))
        real(state, path)

    work.saver.write = write
    run(trainer, [metrics, saving])
    work.scribe.drain()
    assert seen
    assert all(step == written for step, written in seen)


def test_what_the_scribe_could_not_write_ends_the_training(work: Work, trainer: Any) -> None:
    def fail() -> None:
        raise OSError("no room")

    work.scribe.submit(fail)
    with pytest.raises(OSError, match="no room"):
        run(trainer, [Resume(work, Metrics(work))])
    assert trainer.step < 40


def test_a_heartbeat_says_how_far_and_how_fast(work: Work, trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 50.0
    monkeypatch.setattr(recorders, "time", SimpleNamespace(monotonic=lambda: now, time=lambda: 1000.0 + now))
    heart = Heartbeat(work)
    heart.before_training(trainer)
    assert json.loads(work.folder.heartbeat.read_text())["step"] == 0
    for _ in range(20):
        now += 0.2
        trainer.one_step()
        heart.after_step(trainer, {})
    said = json.loads(work.folder.heartbeat.read_text())
    assert said["of"] == 40
    assert said["speed"] == pytest.approx(5.0)
    assert 17 <= said["step"] <= 20, "it limits itself by the clock"
    heart.after_training(trainer, None)
    assert json.loads(work.folder.heartbeat.read_text())["step"] == 20


def test_a_heartbeat_that_cannot_be_written_is_no_reason_to_end(work: Work, trainer: Any) -> None:
    work.folder.heartbeat.mkdir()
    Heartbeat(work).before_training(trainer)


def test_after_a_rollback_what_was_written_since_is_forgotten(work: Work, trainer: Any) -> None:
    metrics = Metrics(work)
    callbacks = [Rollbacks(work), metrics, Samples(work)]
    trainer.settings = TrainingSettings(steps=20, samples=4, every_step=True)
    run(trainer, callbacks)
    trainer.step, trainer.images = 12, 12 * 16
    trainer.incidents.append("Step 21 went wrong; went back to step 12.")
    for each in callbacks:
        each.after_step(trainer, {"generator": 1.0})
    metrics.flush()
    work.scribe.drain()
    assert [row["step"] for row in lines.Tail(work.folder.metrics).read()] == list(range(1, 13))
    assert max(int(each.stem[-6:]) for each in work.folder.samples.glob("*.webp")) == 12
    assert resume.newest(work.folder) == 12
    assert "went back" in lines.Tail(work.folder.diary).read()[-1]["what"]


def test_a_checkpoint_kept_right_after_a_rollback_stays(work: Work, trainer: Any) -> None:
    rollbacks, checkpoints = Rollbacks(work), Checkpoints(work, {})
    trainer.settings = TrainingSettings(steps=20, kept=4, samples=4)
    run(trainer, [rollbacks, checkpoints])
    hold = threading.Event()
    work.scribe.submit(lambda: hold.wait(5))
    trainer.step, trainer.images = 14, 14 * 16
    trainer.incidents.append("Step 20 went wrong; went back to step 14.")
    threading.Timer(0.2, hold.set).start()
    rollbacks.after_step(trainer, {})
    trainer.step = 15
    checkpoints.after_step(trainer, {})
    work.scribe.drain()
    assert work.folder.checkpoint(15).exists()
    assert not work.folder.checkpoint(20).exists()
