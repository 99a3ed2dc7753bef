"""A model that was promised is there when the training has ended."""

from __future__ import annotations

import pytest
from support.experiments import SMALL, at_rest, dots

from runway_lab import catalog
from runway_lab.errors import BadValue
from runway_lab.training.experiments import promised
from runway_lab.training.experiments.beginning import begin
from runway_lab.training.experiments.experiment import Experiment
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan


def test_its_supervisor_saves_it() -> None:
    dots()
    run = begin("Petals", "dots", settings=SMALL, save_as="Flowers")
    at_rest(run)
    assert catalog.card("yours/flowers").title == "Flowers"
    assert run.diary[-1].what == "Saved to your models as yours/flowers."
    assert run.plan.save_as == ""


def test_one_that_nobody_saved_is_saved_by_whoever_looks_and_once(done: Experiment) -> None:
    Plan.change(Folder(done.folder), save_as="Late")
    done.settle()
    done.settle()
    assert catalog.card("yours/late")
    assert [entry.kind for entry in done.diary].count("saved") == 1


def test_a_name_that_was_taken_meanwhile_is_told(done: Experiment) -> None:
    done.save("Late")
    Plan.change(Folder(done.folder), save_as="Late")
    done.settle()
    assert "could not be saved to your models as 'Late'" in done.diary[-1].what
    with pytest.raises(BadValue, match="'yours/late' already"):
        begin("Petals", "dots", save_as="late")


@pytest.mark.parametrize("name", ["../x", "a\\b", "  ", 5])
def test_names_that_are_none(name: object) -> None:
    with pytest.raises(BadValue, match="cannot be called"):
        promised.check_name(name)
