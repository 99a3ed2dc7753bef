"""The process that trains: where it goes on, and what it says when it cannot."""

from __future__ import annotations

import shutil
import subprocess
from errno import ENOSPC
from pathlib import Path

import numpy as np
import pytest
from support.cells import wait_until_gone
from support.experiments import at_rest, dots, numbers, sheets, small, told, until, until_step

from runway_lab.errors import BadValue
from runway_lab.library.locks import FileLock
from runway_lab.library.places import path
from runway_lab.training.experiments import process, resume, states
from runway_lab.training.experiments.devices import devices
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.processes import command
from runway_lab.training.loop.settings import TrainingSettings


def test_a_cut_state_falls_back_on_the_one_before_and_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = small("Whole", steps=400)
    at_rest(whole)
    monkeypatch.setenv("PLAIN_STEP", "0.03")
    run = small("Cut", steps=400)
    until_step(run, 30)
    at_rest(run.pause(), "paused")
    folder = Folder(run.folder)
    step = resume.newest(folder)
    newest = folder.resume / f"state-{step:06d}.pt"
    newest.write_bytes(newest.read_bytes()[:100])
    monkeypatch.setenv("PLAIN_STEP", "0.001")
    run.resume()
    until(run, "finished")
    assert any(f"saved at step {step} is damaged" in entry.what for entry in run.diary), told(run)
    assert sheets(run).keys() - sheets(whole).keys() <= {f"step-{step:06d}.webp"}
    assert {name: sheets(run)[name] for name in sheets(whole)} == sheets(whole)
    assert numbers(run) == numbers(whole)


def test_a_state_that_cannot_be_read_falls_back_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.03")
    run = small(steps=300)
    until_step(run, 10)
    at_rest(run.pause(), "paused")
    folder = Folder(run.folder)
    resume.save(folder, 299, {"step": 299}, lambda state, file: file.write_text("[1, 2]"))
    monkeypatch.setenv("PLAIN_STEP", "0.001")
    run.resume()
    until(run, "finished")
    assert any("step 299 cannot be read" in entry.what for entry in run.diary), told(run)
    assert [row["step"] for row in run.metrics] == list(range(1, 301))


@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_without_any_state_left_it_does_not_begin_again_over_what_there_is(
    monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.03")
    run = small(steps=300)
    until_step(run, 10)
    at_rest(run.pause(), "paused")
    before, kept = sheets(run), run.checkpoints
    for each in (run.folder / "resume").glob("*.pt" if harm == "cut" else "*"):
        each.write_bytes(b"half") if harm == "cut" else each.unlink()
    run.resume()
    until(run, "failed")
    assert "damaged or gone" in run.why
    assert "branch" in run.why
    assert (sheets(run), run.checkpoints) == (before, kept)
    branch = run.branch(steps=5)
    until(branch, "finished")


def test_a_rollback_is_told_and_leaves_no_line_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLAIN_FAULT", "unstable@30")
    monkeypatch.setenv("PLAIN_ONCE", str(tmp_path / "once"))
    run = small()
    until(run, "finished")
    assert any("went back to step" in entry.what for entry in run.diary)
    assert [row["step"] for row in run.metrics] == list(range(1, 61))
    assert run.samples[-1] == 60


def test_a_full_disk_pauses_with_words_and_goes_on_when_there_is_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.01")
    monkeypatch.setenv("PLAIN_FAULT", "full@40")
    monkeypatch.setenv("PLAIN_ONCE", str(tmp_path / "once"))
    run = small()
    until(run, "paused")
    assert "no room on the disk" in run.why
    assert not [entry for entry in run.diary if entry.kind == "restart"]
    assert 0 < run.progress.step < 60
    assert not (run.folder / ".reserve").exists(), "given up for the last words"
    run.resume()
    until(run, "finished")
    assert [row["step"] for row in run.metrics] == list(range(1, 61))


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(ENOSPC, "No space left on device"), True),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), True),
        (OSError(2, "No such file"), False),
        (ValueError("no"), False),
    ],
)
def test_libraries_tell_of_a_full_disk_in_many_ways(error: Exception, full: bool) -> None:
    outer = RuntimeError("unexpected pos 64 vs 0")
    outer.__context__ = error
    assert process._disk_is_full(error) is full
    assert process._disk_is_full(outer) is full


def test_pictures_that_are_gone_are_told_and_can_be_put_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.05")
    run = small(steps=300)
    until_step(run, 3)
    at_rest(run.pause(), "paused")
    dataset = path("datasets") / "dots"
    shutil.move(dataset, tmp_path / "away")
    run.resume()
    at_rest(run, "failed")
    assert "not there any more: 'Dots'" in run.why
    shutil.move(tmp_path / "away", dataset)
    monkeypatch.setenv("PLAIN_STEP", "0.001")
    run.resume()
    until(run, "finished")


def test_pictures_that_have_changed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.05")
    run = small(steps=300)
    until_step(run, 3)
    at_rest(run.pause(), "paused")
    dots(seed=9)
    run.resume()
    until(run, "failed")
    assert "not the same as when this experiment began" in run.why
    assert "branch" in run.why
    assert run.checkpoints, "what it had learned is there"


def test_what_it_writes_says_where_it_comes_from(done) -> None:
    from runway_lab.training.experiments.headers import recipe_of

    recipe = recipe_of(done.checkpoint(15).path)
    assert recipe["title"] == "Petals"
    assert (recipe["step"], recipe["images"]) == (15, 240)
    assert recipe["dataset"]["title"] == "Dots"
    assert recipe["settings"]["seed"] == 0
    assert recipe["hardware"].endswith(", 1 thread")
    assert recipe["licence"] == "CC0-1.0"


def test_two_trainers_never_work_on_one_experiment(done, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = FileLock(Folder(done.folder).trainer_lock)
    lock.acquire()
    line = command("process", str(done.folder))
    line[3] = line[3].replace("import main;", "import main; import runway_lab.training.experiments.process as p; "
                              "p.WAIT_SECONDS = 0.1;")  # fmt: skip
    ended = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    lock.release()
    assert ended.returncode == 1
    assert "Another process" in ended.stderr


def test_samples_of_gray_pictures_and_many_of_them() -> None:
    folder = dots("gray")
    np.save(folder / "pictures.npy", np.zeros((10, 16, 16, 1), np.uint8))
    from runway_lab.training.experiments.beginning import begin

    run = begin("Gray", "gray", settings={"steps": 5, "samples": 3, "threads": 1})
    until(run, "finished")
    assert run.sample(0, 2).size == (16, 16)
    assert not wait_until_gone()


def test_freed_memory_is_kept_from_the_beginning(done, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(process, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(process, "keep_freed_memory", lambda: asked.append("kept"))
    with FileLock(Folder(done.folder).trainer_lock):
        assert process.main(str(done.folder)) == 1
    assert asked == ["kept"]


@pytest.mark.parametrize("before", [True, False])
def test_a_device_that_was_there_before_is_tried_again(done, monkeypatch: pytest.MonkeyPatch, before: bool) -> None:
    def lose(folder: Folder, door: object) -> None:
        raise process.DeviceMissing("There is no device 'cuda:0' here.", hint="Take another.")

    monkeypatch.setattr(process, "_train", lose)
    monkeypatch.setattr(process, "Door", lambda: None)
    folder = Folder(done.folder)
    states.change(folder, "training")
    if not before:
        shutil.rmtree(folder.resume)
    assert process.main(str(folder.root)) == (1 if before else 0)
    state = states.read(folder)
    assert state.name == ("training" if before else "failed")
    assert "no device 'cuda:0'" in (state.error if before else state.why)


@pytest.mark.slow
def test_a_lost_device_is_tried_again_and_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    monkeypatch.setenv("RUNWAY_LAB_DEVICES", "cuda:0,cpu")
    devices.cache_clear()
    run = small(steps=60)
    until_step(run, 10)
    at_rest(run.pause(), "paused")
    assert run.status.device == "cuda:0"
    monkeypatch.setenv("PLAIN_FAULT", f"device@{run.progress.step + 1}")
    run.resume()
    at_rest(run, "failed")
    assert sum(entry.kind == "restart" for entry in run.diary) == 3, told(run)
    assert "There is no device 'cuda:0' here." in run.why
    monkeypatch.delenv("PLAIN_FAULT")
    run.resume("cpu")
    until(run, "finished")
    assert run.status.device == run.settings["device"] == "cpu"
    assert any("no longer bit for bit" in entry.what for entry in run.diary)
    with pytest.raises(BadValue, match="There is no device 'gpu'"):
        run.resume("gpu")


def test_a_device_that_was_never_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_FAULT", "device@1")
    run = small()
    until(run, "failed")
    assert not [entry for entry in run.diary if entry.kind == "restart"]


def test_the_real_trainer_tells_a_missing_device_from_other_mistakes() -> None:
    pictures = np.zeros((4, 16, 16, 3), np.uint8)
    with pytest.raises(process.DeviceMissing, match=r"no device 'cuda:99'.*resume\(device="):
        process._Loop.trainer(TrainingSettings(device="cuda:99"), pictures, None)
    with pytest.raises(BadValue) as caught:
        process._Loop.trainer(TrainingSettings(device="cpu"), pictures[:1], None)
    assert not isinstance(caught.value, process.DeviceMissing)
    assert process._is_there("cpu, cpu"), "several at once"
