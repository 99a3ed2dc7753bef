"""What a person asks for becomes a plan, or words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runway_lab.errors import BadValue
from runway_lab.training.datasets.plan import Plan, size_of


@pytest.mark.parametrize("size", [0, -1, 5000, True, "64", 64.0, (64,), (1, 2, 3), None, [64, 4]])
def test_a_size_that_cannot_be_is_refused(size: Any) -> None:
    with pytest.raises(BadValue, match="such as 256"):
        size_of(size)


def test_one_number_is_a_square() -> None:
    assert size_of(64) == (64, 64)
    assert size_of([64, 32]) == (64, 32)


@pytest.mark.parametrize(
    "wrong",
    [
        {"crop": "middle"},
        {"channels": "cmyk"},
        {"seed": -1},
        {"mirror": 1},
        {"rotate": 500},
        {"zoom_in": "much"},
        {"zoom_out": float("nan")},
    ],
)
def test_words_about_each_mistake(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match="Allowed"):
        Plan.of(64, **wrong)


def test_copies_are_made_as_asked() -> None:
    assert [each.name for each in Plan.of(64).copies] == [""]
    plan = Plan.of(64, mirror=True, rotate=5, zoom_in=True, zoom_out=1.5)
    assert [each.name for each in plan.copies] == ["", "mirrored", "turned left", "turned right", "closer", "farther"]
    assert [each.turn for each in plan.copies] == [0, 0, 5, -5, 0, 0]
    assert plan.copies[4].zoom > 1 > plan.copies[5].zoom


def test_a_plan_survives_a_record() -> None:
    plan = Plan.of((32, 64), "gray", "random", rotate=True, seed=7, decisions={"gray": "skip"})
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    with pytest.raises(BadValue):
        Plan.from_json({**plan.to_json(), "width": "<b>"})
    assert plan.depth == 1
    assert plan.bytes_each == 32 * 64
