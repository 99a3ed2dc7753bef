"""Titles, names and times."""

from __future__ import annotations

import pytest

from runway_lab.errors import BadValue
from runway_lab.training.experiments.words import check_title, duration, slug


@pytest.mark.parametrize(
    ("title", "name"),
    [("Petals", "petals"), ("Petals, in spring!", "petals-in-spring"), ("../../etc", "etc"), ("花", "experiment"),
     ("x" * 100, "x" * 60), ("  a  ", "a"), ("CON", "con-1"), (".hidden", "hidden")],
)  # fmt: skip
def test_a_title_becomes_a_name_every_system_can_have(title: str, name: str) -> None:
    assert slug(title) == name


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (89, "89 s"), (91, "2 min"), (3600, "60 min"), (5400, "1 h 30 min"), (90_000, "25 h 0 min")],
)
def test_a_time_is_said_as_a_person_would(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_title_is_one_line() -> None:
    assert check_title(" a\n b\t c ") == "a b c"
    with pytest.raises(BadValue):
        check_title("\n")
