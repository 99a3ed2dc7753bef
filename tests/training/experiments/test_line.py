"""The queue: one a device, so many at once, in their order, and no kernel needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cells import wait_for, wait_until_gone
from support.experiments import kill, small, supervisors, told, until, until_step
from support.kernel import Kernel

from runway_lab.errors import RunwayLabError
from runway_lab.training.experiments import line, states
from runway_lab.training.experiments.devices import devices
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.shelf import Experiments


def test_on_one_device_they_train_one_after_the_other_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.01")
    first, second, third = (small(name, steps=steps) for name, steps in (("First", 180), ("Second", 10), ("Third", 10)))
    assert second.state == third.state == "queued"
    assert [folder.id for folder in line.waiting()] == ["second", "third"]
    until(third, "finished", seconds=30)
    ends = [run.status.since for run in (first, second, third)]
    assert ends == sorted(ends)
    begins = [next(each.when for each in run.diary if each.what == "Training.") for run in (first, second, third)]
    assert begins[1].timestamp() >= ends[0]
    assert begins[2].timestamp() >= ends[1]
    assert not wait_until_gone()


def test_several_devices_train_at_once_but_no_more_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.05")
    monkeypatch.setenv("RUNWAY_LAB_DEVICES", "cuda:0,cuda:1,cuda:2,cpu")
    monkeypatch.setenv("RUNWAY_LAB_EXPERIMENTS_AT_ONCE", "2")
    devices.cache_clear()
    runs = [small(f"Run {number}") for number in range(3)]
    assert wait_for(lambda: [run.state for run in runs] == ["training", "training", "queued"], 10)
    assert {run.status.device for run in runs[:2]} == {"cuda:0", "cuda:1"}
    runs[0].stop()
    until(runs[2], "training")
    for run in runs[1:]:
        run.stop()
    assert not wait_until_gone()


def test_the_next_begins_when_the_kernel_that_asked_for_it_is_long_gone() -> None:
    kernel = Kernel("from support.experiments import small\nsmall('First', steps=100)\nsmall('Second')")
    kernel.wait()
    kernel.kill()
    runs = Experiments()
    until(runs["second"], "finished", seconds=30)
    assert runs["first"].state == "finished"


def test_one_that_was_paused_in_the_queue_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.01")
    first, second, third = (small(name, steps=steps) for name, steps in (("First", 180), ("Second", 10), ("Third", 10)))
    assert second.pause().state == "paused"
    until(third, "finished", seconds=30)
    assert second.state == "paused"
    assert second.progress.step == 0
    second.resume()
    until(second, "finished")
    assert first.state == "finished"


def test_a_queue_whose_supervisor_was_killed_is_moved_by_the_next_who_resumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.05")
    first, second = small("First"), small("Second", steps=10)
    until_step(first, 3)
    kill(supervisors()[0])
    assert not wait_until_gone(10)
    assert second.state == "queued"
    second.resume()
    until(second, "finished")
    assert first.status.interrupted


def test_one_that_cannot_be_started_is_told_and_does_not_block_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    from runway_lab.training.experiments import processes

    whole = processes.command
    with monkeypatch.context() as patch:
        patch.setattr(processes, "command", lambda module, told: whole("nothing_like_it", told))
        with pytest.raises(RunwayLabError, match="could not be started") as caught:
            small("Broken")
    assert "nothing_like_it" in caught.value.details
    assert Experiments()["broken"].state == "failed"
    until(small("Fine", steps=5), "finished")


def test_a_place_is_free_again_when_it_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    run = small()
    until(run, "finished")
    wait_until_gone()
    folder = Folder(run.folder)
    place = line.take(folder)
    assert place is not None
    monkeypatch.setattr(line, "TOUCH_SECONDS", 0)
    assert line.take(folder) is None
    place.release()
    again = line.take(folder)
    assert again is not None
    again.release()


def test_a_damaged_experiment_is_in_nobodys_way() -> None:
    broken = small("Broken")
    until(broken, "finished")
    (broken.folder / "state.json").write_text("{")
    run = small("Fine")
    until(run, "finished")
    assert [folder.id for folder in line.folders()] == ["broken", "fine"]


def test_what_waits_has_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    runs = [small(f"Run {number}") for number in range(4)]
    until_step(runs[0], 3)
    assert len(supervisors()) == 1, told(runs[0])
    for run in runs[1:]:
        run.stop()
        assert states.read(Folder(run.folder)).name == "stopped"
    runs[0].stop()


def test_a_damaged_plan_in_the_queue_blocks_nobody_and_its_own_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.03")
    first, broken = small("First"), small("Broken", steps=5)
    (broken.folder / "experiment.json").write_text("{")
    last = small("Last", steps=5)
    until(last, "finished", seconds=30)
    assert first.state == "finished"
    with pytest.raises(RunwayLabError, match="cannot be read"):
        line.advance(Folder(broken.folder))


def test_a_start_that_fails_does_not_keep_the_next_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def start(folder: Folder) -> None:
        begun.append(folder.id)
        if folder.id == "one":
            raise RunwayLabError("It could not be started.", hint="")

    monkeypatch.setattr(line, "waiting", lambda: [Folder(Path(name)) for name in ("one", "two")])
    monkeypatch.setattr(line, "_has_room", lambda folder: True)
    monkeypatch.setattr(line, "start", start)
    line.advance(Folder(Path("two")))
    assert begun == ["one", "two"]
    with pytest.raises(RunwayLabError, match="could not be started"):
        line.advance(Folder(Path("one")))
    assert begun == ["one", "two"] * 2
