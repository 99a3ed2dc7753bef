"""An experiment as a person holds it: what it says of its folder, and what may be wished for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from support.cells import wait_for, wait_until_gone
from support.experiments import (
    SMALL,
    at_rest,
    dots,
    numbers,
    sheets,
    small,
    supervisors,
    told,
    trainers,
    until,
    until_step,
)

from runway_lab.errors import BadValue, RunwayLabError, Unknown
from runway_lab.library.locks import FileLock
from runway_lab.training.experiments import experiment as module
from runway_lab.training.experiments import states
from runway_lab.training.experiments.beginning import begin
from runway_lab.training.experiments.experiment import Experiment
from runway_lab.training.experiments.folder import Folder


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step takes some time."""
    monkeypatch.setenv("PLAIN_STEP", "0.02")


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the next process on, a step takes next to none."""
    monkeypatch.setenv("PLAIN_STEP", "0.001")


def test_pausing_and_going_on_is_the_same_as_never_having_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    whole = small("Whole", steps=600)
    at_rest(whole)
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    run = small("Paused", steps=600)
    for step in (10, 60):
        until_step(run, step)
        assert run.pause().state == "paused"
        assert not wait_until_gone()
        assert run.progress.step >= step
        assert run.progress.step in run.checkpoints, "to explore meanwhile"
        if step == 60:
            hurry(monkeypatch)
        run.resume()
    until(run, "finished")
    assert sheets(run) == sheets(whole)
    assert numbers(run) == numbers(whole)


def test_a_pause_in_the_moment_its_turn_comes_is_heard(slow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small(steps=600)
    until(run, "training")
    real, looked = Experiment.status.fget, []  # type: ignore[attr-defined]

    def status(self: Experiment):
        """The first look comes a moment too early."""
        looked.append(1)
        found = real(self)
        return replace(found, name="queued") if len(looked) == 1 else found

    monkeypatch.setattr(Experiment, "status", property(status))
    assert run.pause().state == "paused"


def test_stopping_keeps_what_there_is_and_can_be_resumed(slow: None) -> None:
    run = small(steps=300)
    until_step(run, 20)
    run.stop()
    assert run.state == "stopped"
    assert run.why == "As asked for."
    at = run.progress.step
    assert run.samples[-1] == run.checkpoints[-1] == at < 300
    run.resume()
    assert wait_for(lambda: run.progress.step > at + 5)
    run.stop()
    assert run.checkpoints[-1] > at


def test_two_kernels_pause_at_once_and_nothing_is_lost(slow: None) -> None:
    run = small(steps=300)
    until_step(run, 20)
    others = [Experiment(run.folder) for _ in range(4)]
    threads = [Thread(target=each.pause) for each in others]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.state for each in others] == ["paused"] * 4
    assert sum(entry.what.startswith("Paused") for entry in run.diary) == 1
    run.resume()
    run.resume()
    until(run, "training")
    run.stop()


def test_two_kernels_resume_at_once_and_it_trains_once(slow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small(steps=300)
    until_step(run, 10)
    at_rest(run.pause(), "paused")
    states.change(Folder(run.folder), "training")
    others = [Experiment(run.folder) for _ in range(4)]
    assert all(each.status.interrupted for each in others)
    threads = [Thread(target=each.resume) for each in others]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    until(run, "training")
    assert wait_for(lambda: len(supervisors()) == len(trainers()) == 1)
    late = Experiment(run.folder)
    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "status", property(lambda self: states.State("paused", interrupted=True)))
        patch.setattr(late, "_advance", lambda: late)
        late.resume()
    assert run.state == "training", "a look that came too early changes nothing"
    run.stop()


def test_it_is_extended_while_it_trains_and_afterwards(slow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small(steps=40)
    until_step(run, 3)
    hurry(monkeypatch)
    run.extend(30)
    at_rest(run)
    assert run.progress.step == 70
    run.extend(20)
    until(run, "finished")
    assert run.progress.step == run.progress.of == 90
    assert [row["step"] for row in run.metrics] == list(range(1, 91))
    assert len(run.checkpoints) <= SMALL["kept"]
    assert run.checkpoints[-1] == 90


def test_more_steps_than_allowed_are_refused_in_words(done: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_MOST_STEPS", "100")
    with pytest.raises(BadValue, match="most_steps = 160"):
        done.extend(100)
    with pytest.raises(BadValue, match="most_steps = 101"):
        small(steps=101)
    for wrong in (0, -1, 2.5, True, "many"):
        with pytest.raises(BadValue, match="steps cannot be"):
            done.extend(wrong)  # type: ignore[arg-type]


def test_one_that_is_done_says_what_to_do_instead(done: Experiment) -> None:
    with pytest.raises(BadValue, match=r"all of its 60 steps.*extend\(1000\)"):
        done.resume()


def test_a_branch_begins_at_the_nearest_checkpoint_with_other_settings(done: Experiment) -> None:
    branch = done.branch(20, steps=20, seed=7)
    assert branch.title == "Petals, from step 15"
    assert branch.plan.start["name"] == "Petals, step 15"
    assert branch.settings["seed"] == 7
    assert branch.settings["batch"] == done.settings["batch"]
    until(branch, "finished")
    assert "Begins, starting from Petals, step 15." in [entry.what for entry in branch.diary]
    assert "All of start.safetensors was taken over." in [entry.what for entry in branch.diary]
    assert branch.plan.lineage[0] == {"title": "Petals, step 15", "experiment": "petals"}


def test_steps_that_it_has_not_are_told(done: Experiment) -> None:
    for wrong in (-5, 5000, "Other", True):
        for ask in (done.sample, done.pin, done.checkpoint):
            with pytest.raises(BadValue, match=r"no step .* It has steps 0 to 60"):
                ask(wrong)  # type: ignore[operator]
    with pytest.raises(BadValue, match="begins at a step, not at 'Other'"):
        done.branch("Other", steps=5)  # type: ignore[arg-type]


def test_a_sheet_says_of_which_step_it_is(done: Experiment) -> None:
    assert done.sample(1).info["step"] == min(done.samples, key=lambda step: abs(step - 1))
    assert done.sample(60, 0).info["step"] == 60


def test_a_branch_that_begins_elsewhere_than_asked_tells(done: Experiment) -> None:
    branch = done.branch(2, steps=5)
    words = "Of step 2 no checkpoint is kept: it starts from the nearest, that of step 15."
    assert words in [entry.what for entry in branch.diary]
    until(branch, "finished")


def test_a_branch_may_have_other_pictures_and_outlives_its_parent(done: Experiment) -> None:
    dots("other", seed=5)
    branch = done.branch(data="other", steps=20)
    done.delete()
    until(branch, "finished")
    assert branch.plan.dataset["name"] == "other"


def test_continuing_is_a_new_experiment_from_the_newest(done: Experiment) -> None:
    more = done.continue_training(30)
    assert (more.title, more.plan.steps, more.plan.start["step"]) == ("Petals, continued", 30, 60)
    until(more, "finished")
    assert done.progress.step == 60


def test_pinned_checkpoints_stay_and_one_to_come_is_kept_when_it_is_reached(
    slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small(steps=100, kept=2)
    assert run.pin(17) == 17
    until_step(run, 51)
    hurry(monkeypatch)
    assert run.pin(49) == 50
    at_rest(run)
    assert set(run.checkpoints) >= {17, 50, 100}
    run.extend(200)
    until(run, "finished", seconds=30)
    assert {17, 50, 300} <= set(run.checkpoints)
    run.unpin(17)
    assert run.pinned == (50,)
    run.extend(10)
    until(run, "finished")
    assert 17 not in run.checkpoints


def test_a_budget_ends_it_and_more_budget_goes_on(slow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from runway_lab.training.experiments.beginning import begin
    from runway_lab.training.experiments.plan import Budget

    dots()
    run = begin("Bounded", "dots", settings={**SMALL, "steps": 100}, budget=Budget(hours=0.7 / 3600))
    at_rest(run, "stopped")
    assert "budget" in run.why
    at = run.progress.step
    assert 0 < at < 100
    assert run.checkpoints[-1] == at
    with pytest.raises(BadValue, match=r"allow\(hours=2\)"):
        run.resume()
    hurry(monkeypatch)
    run.allow(hours=1)
    until(run, "finished")
    assert run.plan.budget.hours == pytest.approx(1 + 0.7 / 3600)
    with pytest.raises(BadValue, match="hours cannot be -1"):
        run.allow(hours=-1)


def test_a_new_title_leaves_the_id(done: Experiment) -> None:
    done.rename("  Flowers \n <b>")
    assert done.title == "Flowers <b>"
    assert done.id == "petals"
    for wrong in ("", "   ", "x" * 300, 5):
        with pytest.raises(BadValue, match="cannot be called"):
            done.rename(wrong)  # type: ignore[arg-type]


def test_deleting_takes_all_of_it_and_a_running_one_is_asked_for(slow: None) -> None:
    run = small(steps=300)
    until_step(run, 5)
    with pytest.raises(RunwayLabError, match=r"delete\(stop=True\)"):
        run.delete()
    run.delete(stop=True)
    assert not run.folder.exists()
    assert list(run.folder.parent.iterdir()) == []
    assert not wait_until_gone()
    with pytest.raises(Unknown, match="not there any more"):
        run.plan  # noqa: B018
    with pytest.raises(Unknown, match="not there any more"):
        run.delete()


def test_foreign_files_in_its_folder_are_left_alone(slow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small(steps=300)
    until_step(run, 3)
    foreign = [run.folder / "notes.txt", run.folder / "samples" / "mine.png", run.folder / "checkpoints" / "a.pkl"]
    for each in foreign:
        each.parent.mkdir(exist_ok=True)
        each.write_text("mine")
    at_rest(run.pause(), "paused")
    hurry(monkeypatch)
    run.resume()
    until(run, "finished")
    assert all(each.read_text() == "mine" for each in foreign)
    assert run.samples[-1] == 300


def test_its_film_has_every_sheet(done: Experiment, tmp_path: Path) -> None:
    film = done.video(tmp_path / "petals.gif", index=[0, 1], seconds=1, fps=10)
    assert film.path.is_file()
    assert film.frames >= 10


def test_waiting_ends_with_the_training_or_with_patience(slow: None) -> None:
    run = small(steps=40)
    run.wait(0.2)
    assert run.state in ("queued", "training")
    assert run.wait().state == "finished", told(run)


def test_a_delete_waits_for_a_trainer_that_still_saves(done: Experiment) -> None:
    import subprocess
    import sys

    code = (
        "import sys, time\nfrom runway_lab.library.locks import FileLock\n"
        "lock = FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True); time.sleep(0.5)\n"
        "print((lock.path.parent / 'state.json').exists(), flush=True)"
    )
    words = [sys.executable, "-c", code, str(Folder(done.folder).trainer_lock)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as orphan:
        assert orphan.stdout is not None
        assert orphan.stdout.readline() == "held\n"
        done.delete()
        assert orphan.stdout.readline() == "True\n"
    assert not done.folder.exists()


def test_a_trainer_that_saves_for_ever_is_said(done: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.05)
    with FileLock(Folder(done.folder).trainer_lock), pytest.raises(RunwayLabError, match="still being saved"):
        done.delete()
    assert done.folder.exists()


def test_a_draft_waits_until_somebody_starts_it() -> None:
    dots()
    run = begin("Later", "dots", settings={**SMALL, "steps": 5}, draft=True)
    assert run.state == "draft"
    assert not supervisors()
    run.adjust(steps=4)
    with pytest.raises(Unknown, match="no setting"):
        run.adjust(stepz=9)
    until(run.start(), "finished")
    assert run.progress.step == 4
    with pytest.raises(BadValue, match="settings are settled"):
        run.adjust(steps=9)
    assert run.start().state == "finished"
