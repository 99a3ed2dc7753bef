"""What an experiment's folder says, to anybody who looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.experiments import small, until_step
from support.kernel import Kernel

from runway_lab.errors import BadValue, DamagedEntry
from runway_lab.training.experiments.experiment import Experiment


def test_another_step_offers_the_nearest_checkpoint(done: Experiment) -> None:
    assert done.checkpoints == [15, 30, 45, 60]
    kept = done.checkpoint(40)
    assert kept.step == 45
    assert kept.path.is_file()
    assert done.checkpoint() == done.checkpoint(60)


def test_samples_are_there_by_step_and_one_by_one(done: Experiment) -> None:
    sheet = done.sample(0)
    assert isinstance(sheet, Image.Image)
    one = done.sample(step=done.samples[3], index=2)
    assert one.size == (16, 16)
    assert done.sample(done.samples[3] + 1, 2).tobytes() == one.tobytes(), "the nearest"
    assert np.asarray(done.sample(index=0)).any()
    with pytest.raises(BadValue, match="no picture 6"):
        done.sample(0, 6)


def test_progress_tells_how_long_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    run = small(steps=400)
    until_step(run, 60)
    progress = run.progress
    assert progress.of == 400
    assert progress.images == 16 * progress.step
    assert progress.left is not None
    assert 0 < progress.left < 100
    assert progress.heard is not None
    assert progress.heard < 10
    assert "left" in str(progress)
    assert "petals" in repr(run)
    run.stop()
    assert run.progress.left is None


def test_a_look_costs_a_stat_where_nothing_changed(done: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    done.metrics, done.samples, done.title, done.diary  # noqa: B018
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda *_, **__: pytest.fail("a file was opened"))
        patch.setattr("os.listdir", lambda *_: pytest.fail("a folder was listed"))
        assert len(done.metrics) == 60
        assert done.samples[-1] == 60
        assert done.title == "Petals"


def test_what_is_handed_out_can_be_changed_without_harm(done: Experiment) -> None:
    done.metrics.clear()
    done.samples.clear()
    assert len(done.metrics) == 60
    assert done.samples


def test_a_damaged_plan_is_told_and_its_repr_lives(done: Experiment) -> None:
    (done.folder / "experiment.json").write_text("{")
    fresh = Experiment(done.folder)
    with pytest.raises(DamagedEntry, match="experiment.json"):
        fresh.title  # noqa: B018
    assert "cannot be read" in repr(fresh)


def test_a_new_kernel_finds_it_and_needs_no_torch(done: Experiment) -> None:
    kernel = Kernel(
        """
        run = rl.experiments["petals"]
        print(run.state, run.samples[-1], len(run.metrics), run.sample(0, 1).size, run.progress)
        run._repr_html_(), rl.experiments._repr_html_(), run.diary, run.log
        assert "torch" not in sys.modules
        """
    )
    assert kernel.wait() == ["finished 60 60 (16, 16) step 60 of 60, 960 pictures seen"]
    kernel.finish()


def test_its_room_on_the_disk_is_that_of_its_files(done: Experiment) -> None:
    assert done.size_on_disk == sum(each.stat().st_size for each in done.folder.rglob("*") if each.is_file())
