"""What looks after a training: it starts the trainer again, tells a dead one from a slow one, and lets go."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from support.cells import processes, wait_for, wait_until_gone
from support.experiments import (
    at_rest,
    kill,
    numbers,
    sheets,
    small,
    state_file,
    supervisors,
    told,
    trainers,
    until,
    until_step,
)

from runway_lab.training.experiments import states
from runway_lab.training.experiments import supervisor as module
from runway_lab.training.experiments.folder import Folder


def test_a_training_runs_to_its_end_and_leaves_no_process() -> None:
    run = small()
    until(run, "finished")
    assert run.progress.step == 60
    assert run.samples[0] == 0
    assert run.samples[-1] == 60
    assert run.checkpoints == [15, 30, 45, 60]
    assert [row["step"] for row in run.metrics] == list(range(1, 61))
    assert [entry.what.split(":")[0].split(",")[0] for entry in run.diary if entry.kind != "pictures"] == [
        "Queued",
        "Training.",
        "Begins from nothing.",
        "Finished.",
    ], told(run)
    assert not wait_until_gone()


def test_a_killed_trainer_goes_on_and_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = small("Whole", steps=150)
    at_rest(whole)
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    run = small("Killed", steps=150)
    for _ in range(2):
        until_step(run, run.progress.step + 40)
        kill(trainers()[0])
        assert wait_for(lambda: trainers(), 10)
    until(run, "finished")
    assert sheets(run) == sheets(whole)
    assert numbers(run) == numbers(whole)
    assert run.checkpoint().path.name == "step-000150.safetensors"
    restarts = [entry for entry in run.diary if entry.kind == "restart"]
    assert len(restarts) == 2
    assert "SIGKILL" in restarts[0].what
    assert "(1 of 3)" in restarts[0].what
    assert "(1 of 3)" in restarts[1].what, "progress in between makes it count anew"


def test_a_trainer_that_breaks_at_once_every_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_FAULT", "raise@1")
    run = small()
    until(run, "failed", seconds=30)
    assert "4 times in a row" in run.why
    assert "ValueError: no such colour" in run.why
    assert sum(entry.kind == "restart" for entry in run.diary) == 3
    assert "no such colour" in run.log


def test_what_a_person_must_do_something_about_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_FAULT", "words@5")
    run = small()
    until(run, "failed")
    assert run.why == "The training has become unstable. Begin with a smaller learning rate."
    assert not [entry for entry in run.diary if entry.kind == "restart"]


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_FAULT", "memory@5")
    run = small()
    until(run, "failed")
    assert "not enough memory" in run.why
    assert "part=4" in run.why


def test_a_trainer_that_hangs_is_ended_and_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("RUNWAY_LAB_HUNG_SECONDS", "1")
    monkeypatch.setenv("PLAIN_FAULT", "hang@30")
    monkeypatch.setenv("PLAIN_ONCE", str(tmp_path / "once"))
    run = small()
    until(run, "finished", seconds=30)
    assert any("no sign of life" in entry.what for entry in run.diary), told(run)


def test_a_slow_step_is_not_taken_for_death(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("RUNWAY_LAB_HUNG_SECONDS", "1")
    monkeypatch.setenv("PLAIN_FAULT", "compute@30")
    monkeypatch.setenv("PLAIN_ONCE", str(tmp_path / "once"))
    run = small()
    until(run, "finished", seconds=30)
    assert not [entry for entry in run.diary if entry.kind == "restart"], told(run)


def test_a_trainer_whose_supervisor_is_killed_saves_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.01")
    run = small(steps=300)
    until_step(run, 30)
    monkeypatch.setenv("PLAIN_STEP", "0.001")
    kill(supervisors()[0])
    assert not wait_until_gone(10)
    assert state_file(run)["name"] == "training"
    assert run.state == "paused"
    assert run.status.interrupted
    saved = run.progress.step
    assert saved >= 30
    assert f"interrupted at step {saved}" in run.why
    assert any("Nobody looks after it" in entry.what for entry in run.diary)
    run.resume()
    until(run, "finished")
    assert any(entry.what == f"Goes on from step {saved}." for entry in run.diary)


def test_a_shutdown_saves_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.03")
    run, waiting = small(steps=300), small("Next")
    until_step(run, 20)
    supervisors()[0].send_signal(signal.SIGTERM)
    until(run, "paused")
    assert "shut down" in run.why
    assert not wait_until_gone()
    assert waiting.state == "queued", "nothing new is begun while the machine goes down"
    assert run.progress.step >= 20


def test_when_all_is_killed_at_once_nothing_but_the_last_moments_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = small("Whole", steps=200)
    at_rest(whole)
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    run = small("Rebooted", steps=200)
    until_step(run, 60)
    monkeypatch.setenv("PLAIN_STEP", "0.001")

    def nobody_is_left() -> bool:
        # As with the power: a supervisor that is still there for a moment would begin another trainer.
        for each in [*supervisors(), *processes()]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        return not processes() and run.status.interrupted

    assert wait_for(nobody_is_left, 20), told(run)
    assert run.progress.step > 0
    run.resume()
    until(run, "finished")
    assert sheets(run) == sheets(whole)
    assert numbers(run) == numbers(whole)


def test_the_supervisor_and_the_reader_need_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.01")
    run = small(steps=100)
    until_step(run, 5)
    looked = [each for each in supervisors()[0].memory_maps() if "torch" in each.path]
    assert not looked
    until(run, "finished")


def test_a_second_supervisor_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.01")
    run = small(steps=400)
    until_step(run, 5)
    from runway_lab.training.experiments.processes import detach

    detach("supervisor", Folder(run.folder))
    assert wait_for(lambda: len(supervisors()) == 1, 10)
    assert len(trainers()) == 1
    until(run, "finished")


def test_a_state_that_was_written_by_somebody_else_meanwhile_counts() -> None:
    run = small()
    until(run, "finished")
    assert states.change(Folder(run.folder), "paused", only_from=("training",)) is None
    assert run.state == "finished"


@pytest.mark.parametrize(("beats", "ended"), [(False, True), (True, False)])
def test_a_trainer_that_spins_without_a_sign_of_life_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beats: bool, ended: bool
) -> None:
    """One that waits for a graphics card computes."""
    monkeypatch.setattr(module, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(module, "settings", lambda: SimpleNamespace(hung_seconds=0.1))
    monkeypatch.setattr(module, "SPIN_FACTOR", 3)
    watcher = object.__new__(module.Supervisor)
    watcher.folder, watcher.ending = Folder(tmp_path), False
    beat = f"import pathlib; pathlib.Path({str(watcher.folder.heartbeat)!r}).write_text(str(time.monotonic()))"
    code = f"import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end:\n    {beat if beats else 'pass'}"
    trainer = subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE)
    try:
        assert (watcher._watch(trainer) == -9) is ended
    finally:
        trainer.kill()
        trainer.communicate()
    assert watcher.folder.diary.exists() is ended
