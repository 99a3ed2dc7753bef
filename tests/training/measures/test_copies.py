"""Samples that repeat a real picture are found, and new ones are not taken for repetitions."""

from __future__ import annotations

import numpy as np
import pytest
from support.drawn_sets import blurred, noisy, tinted, two_sets

from runway_lab.training.measures import copies
from runway_lab.training.measures.copies import Copies

REAL, OTHER = two_sets()


@pytest.fixture(scope="module")
def measure() -> Copies:
    return Copies(REAL)


def test_new_pictures_of_the_kind_are_no_copies(measure: Copies) -> None:
    assert measure(OTHER) == 0
    assert np.median(measure.nearest(OTHER)[1]) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("name", ["exact", "noise", "blur", "tint", "mirror", "a pixel aside"])
def test_copies_are_found_also_with_small_changes(measure: Copies, name: str) -> None:
    changed = {
        "exact": REAL,
        "noise": noisy(REAL, 6),
        "blur": blurred(REAL, 0.5),
        "tint": tinted(REAL, 4),
        "mirror": REAL[:, :, ::-1],
        "a pixel aside": np.roll(REAL, 1, axis=2),
    }[name]
    assert measure(changed) > 0.9


def test_the_share_is_told_and_which_picture_it_is(measure: Copies) -> None:
    samples = OTHER[:20].copy()
    samples[3], samples[7] = REAL[11], REAL[50, :, ::-1]
    assert measure(samples) == pytest.approx(0.1)
    which, near = measure.nearest(samples)
    assert (which[3], which[7]) == (11, 50)
    assert set(np.flatnonzero(near < copies.NEAR)) == {3, 7}


def test_of_many_real_pictures_a_part_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "MOST_REAL", 40)
    part = Copies(REAL)
    which, near = part.nearest(REAL)
    found = np.flatnonzero(near < 0.01)
    assert len(found) == 40
    assert np.array_equal(which[found], found)


def test_real_pictures_that_are_all_the_same_are_no_obstacle() -> None:
    flat = np.full((8, 32, 32, 3), 100, np.uint8)
    assert Copies(flat)(flat) == 1
    assert Copies(flat)(REAL) == 0
