"""Variety is 1.0 for other pictures of the kind, and falls with copies and with pictures that become alike."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from support.drawn_sets import blurred, displaced, drifted, noisy, of_one_style, repeated, tinted, two_sets

from runway_lab.errors import BadValue
from runway_lab.training.measures.diversity import DIVERSITY, Diversity

REAL, OTHER = two_sets()


@pytest.fixture(scope="module")
def diversity() -> Diversity:
    return Diversity(REAL)


def test_others_of_the_kind_are_as_varied(diversity: Diversity) -> None:
    assert diversity(REAL) == pytest.approx(1)
    assert diversity(OTHER) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("harm", "amounts"),
    [
        (repeated, (64, 32, 16, 8, 1)),
        (drifted, (0.1, 0.25, 0.5, 0.75, 1)),
        (lambda pictures, distinct: noisy(repeated(pictures, distinct), 8), (64, 32, 16, 8, 1)),
        (lambda pictures, share: pictures * (1 - share) + pictures[::-1] * share, (0.25, 0.5)),
    ],
)
def test_it_falls_as_pictures_become_alike(
    diversity: Diversity, harm: Callable[[np.ndarray, float], np.ndarray], amounts: tuple[float, ...]
) -> None:
    found = [diversity(OTHER), *(diversity(harm(OTHER, amount).astype(np.uint8)) for amount in amounts)]
    assert all(after < 0.9 * before for before, after in pairwise(found)), found
    assert found[-1] < 0.4, found


def test_half_of_the_styles_are_less_varied(diversity: Diversity) -> None:
    assert diversity(of_one_style(OTHER, 0.5)) < 0.95 * diversity(OTHER)


@pytest.mark.parametrize("unharmed", [lambda x: tinted(x, 20), lambda x: displaced(x, 8), lambda x: noisy(x, 10)])
def test_it_does_not_mind_what_leaves_pictures_different(
    diversity: Diversity, unharmed: Callable[[np.ndarray], np.ndarray]
) -> None:
    assert diversity(unharmed(OTHER)) == pytest.approx(diversity(OTHER), abs=0.1)


def test_blur_costs_little_where_copies_cost_much(diversity: Diversity) -> None:
    assert diversity(blurred(OTHER, 1)) > diversity(repeated(OTHER, 64))


def test_few_samples_say_about_the_same_as_many(diversity: Diversity) -> None:
    for count in (16, 32, 64):
        assert diversity(OTHER[:count]) == pytest.approx(diversity(OTHER), abs=0.15)


def test_more_samples_than_real_pictures_are_compared_with_what_there_is() -> None:
    few = Diversity(REAL[:20])
    assert few(OTHER) == pytest.approx(1, abs=0.25)
    assert few(repeated(OTHER, 4)) < 0.4


def test_the_effective_number_counts_what_is_different(diversity: Diversity) -> None:
    black_and_white = np.zeros((30, 32, 32, 3), np.uint8)
    black_and_white[::2] = 255
    assert diversity.effective(black_and_white) == pytest.approx(2, abs=0.05)
    assert diversity.effective(black_and_white[::2]) == pytest.approx(1, abs=0.01)


def test_real_pictures_that_are_all_the_same_have_the_variety_of_one() -> None:
    flat = np.full((8, 32, 32, 3), 100, np.uint8)
    diversity = Diversity(flat)
    assert diversity(flat) == pytest.approx(1)
    assert diversity(REAL[:8]) > 4


def test_it_is_the_same_each_time(diversity: Diversity) -> None:
    assert Diversity(REAL)(OTHER[:48]) == diversity(OTHER[:48])


def test_what_cannot_be_compared_is_told_in_words(diversity: Diversity) -> None:
    with pytest.raises(BadValue, match=r"32x32 \(gray\) cannot be compared with pictures of 32x32 \(RGB\)"):
        diversity(REAL[..., :1])


def test_it_says_which_way_is_better() -> None:
    assert DIVERSITY.better == "higher"
    assert "1.0" in DIVERSITY.about
