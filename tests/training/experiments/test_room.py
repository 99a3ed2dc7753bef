"""What is said of the pictures, and how much room a run takes."""

from __future__ import annotations

import pytest
from support.experiments import small, until

from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.room import room_of


def plan(side: int, steps: int = 30, **settings: object) -> Plan:
    return Plan("Petals", {"steps": steps, "kept": 12, **settings}, {"height": side, "width": side, "count": 4})


def test_the_room_is_about_what_was_measured() -> None:
    assert room_of(plan(128)) == pytest.approx(12 * 47e6 + 2 * 164e6, rel=0.2)
    assert room_of(plan(128, steps=1)) < room_of(plan(128)) / 2, "one step has one checkpoint"
    assert room_of(plan(128, channel_max=64)) < room_of(plan(128)) / 4
    assert room_of(plan(50)) == 0


def test_few_pictures_are_told_at_once() -> None:
    run = small(steps=3)
    (told,) = (entry.what for entry in run.diary if entry.kind == "pictures")
    assert told.startswith("40 pictures are used. That is few: from 300")
    until(run, "finished")
