"""What the doctor can find: each kind has words, and a decision that makes no sense is told so."""

from __future__ import annotations

import pytest

from runway_lab.errors import BadValue, Unknown
from runway_lab.training.datasets.kinds import KINDS, decided, kind_of

PROMISED = [
    *("unreadable", "truncated", "one_colour", "glitched", "too_small", "gray", "transparent", "wrong_ratio"),
    *("duplicate", "near_duplicate", "hidden", "animated", "rotated", "wrong_extension", "cmyk", "deep"),
]


@pytest.mark.parametrize("name", PROMISED)
def test_what_was_promised_is_looked_for(name: str) -> None:
    kind = KINDS[name]
    assert kind.title
    assert kind.means.endswith(".")
    assert kind.default in kind.choices
    assert set(kind.choices) <= {"skip", "fix", "keep"}
    assert all(kind.choices.values())


def test_decisions_are_completed() -> None:
    made = decided({"gray": "skip"})
    assert made.keys() == KINDS.keys()
    assert made["gray"] == "skip"
    assert made["duplicate"] == "skip"
    assert made["near_duplicate"] == "keep"


def test_frames_that_look_alike_are_left_out() -> None:
    assert decided({}, film=True)["near_duplicate"] == "skip"
    assert decided({"near_duplicate": "keep"}, film=True)["near_duplicate"] == "keep"


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(BadValue, match="Allowed: 'skip'"):
        decided({"unreadable": "keep"})
    with pytest.raises(Unknown, match="'gray'"):
        decided({"grey": "skip"})


def test_choices_follow_what_is_made() -> None:
    assert kind_of("wrong_ratio").default == "keep"
    assert kind_of("wrong_ratio", crop="none").default == "fix"
    assert kind_of("transparent").default == "fix"
    assert kind_of("transparent", channels="rgba").default == "keep"
