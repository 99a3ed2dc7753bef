"""All experiments of the library."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.experiments import small, until, until_step

from runway_lab.errors import Unknown
from runway_lab.library.places import path
from runway_lab.training.experiments import states
from runway_lab.training.experiments.experiment import Experiment
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.shelf import Experiments


def test_they_are_found_by_id_and_by_title(done: Experiment) -> None:
    shelf = Experiments()
    assert list(shelf) == ["petals"]
    assert shelf["petals"] == shelf["Petals"] == done
    assert "petals" in shelf
    assert "tulips" not in shelf
    assert len(shelf) == 1
    assert dict(shelf.items()) == {"petals": done}
    with pytest.raises(Unknown, match="Did you mean 'petals'"):
        shelf["petal"]
    assert shelf.get("petal") is None


def test_an_empty_library_is_no_error() -> None:
    assert list(Experiments()) == []
    assert "No experiment yet" in repr(Experiments())
    assert "No experiment yet" in Experiments()._repr_html_()


def test_what_runs_waits_and_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.05")
    first, second = small("First"), small("Second")
    until_step(first, 1)
    shelf = Experiments()
    assert shelf.running == [first]
    assert shelf.queued == [second]
    assert shelf.interrupted == []
    second.stop()
    first.stop()
    state = states.read(Folder(first.folder))
    states.change(Folder(first.folder), "training")
    assert shelf.interrupted == [first]
    assert shelf.running == []
    assert replace(first.status, since=state.since).name == "paused"
    assert "interrupted at step" in repr(shelf)


def test_one_that_is_damaged_is_shown_as_such(done: Experiment) -> None:
    broken = path("experiments") / "broken"
    broken.mkdir()
    (broken / "experiment.json").write_text("{")
    (broken / "state.json").write_text("[]")
    (path("experiments") / "no experiment").mkdir()
    shelf = Experiments()
    assert list(shelf) == ["broken", "petals"]
    assert "damaged" in repr(shelf)
    assert "broken" in shelf._repr_html_()
    assert shelf["Petals"] == done
    until(done, "finished")
