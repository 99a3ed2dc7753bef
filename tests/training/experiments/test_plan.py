"""What was asked for: kept, changed, checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runway_lab.errors import DamagedEntry
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Budget, Plan


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    plan = Plan("Petals <b>", {"steps": 10}, {"name": "dots"}, {"name": "x"}, 1.5, [{"title": "a"}], Budget(2, None))
    plan.write(folder)
    assert Plan.read(folder) == plan


def test_a_change_keeps_the_rest_and_may_build_on_what_was_there(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    Plan("Petals", {"steps": 10, "seed": 3}).write(folder)
    changed = Plan.change(folder, title="Flowers", settings=lambda was: {**was, "steps": was["steps"] + 5})
    assert changed == Plan.read(folder)
    assert (changed.title, changed.settings) == ("Flowers", {"steps": 15, "seed": 3})


@pytest.mark.parametrize(
    "said", [{}, {"title": "a"}, {"title": "a", "settings": []}, {"title": "a", "settings": {"steps": 0}},
             {"title": "a", "settings": {"steps": "many"}}, {"title": "a", "settings": {"steps": 1}, "budget": 3}]
)  # fmt: skip
def test_a_damaged_plan_is_told(tmp_path: Path, said: object) -> None:
    folder = Folder(tmp_path)
    folder.plan.write_text(json.dumps(said))
    with pytest.raises(DamagedEntry, match="cannot be read"):
        Plan.read(folder)


def test_a_budget_is_used_up_in_words() -> None:
    assert Budget().used_up(1e9) == ""
    assert Budget(hours=1).used_up(3599) == ""
    assert Budget(hours=1).used_up(3600) == "The budget of 1 hour is used up."
    money = Budget(hours=10, cost=3, price_per_hour=1.5)
    assert money.used_up(7199) == ""
    assert money.used_up(7200) == "The budget of 3 (at 1.5 an hour) is used up."
    assert money.seconds == 7200
