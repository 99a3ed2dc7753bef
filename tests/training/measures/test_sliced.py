"""The distance is 0 for equal sets, small for others of the kind, and grows with everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from support.drawn_sets import blurred, displaced, drifted, noisy, of_one_style, repeated, tinted, two_sets

from runway_lab.errors import BadValue
from runway_lab.training.measures.sliced import SWD, SlicedDistance

REAL, OTHER = two_sets()


@pytest.fixture(scope="module")
def distance() -> SlicedDistance:
    return SlicedDistance(REAL)


def test_equal_sets_have_no_distance_and_others_of_the_kind_a_small_one(distance: SlicedDistance) -> None:
    assert distance(REAL) == 0
    assert 0 < distance(OTHER) < 15
    assert distance(OTHER) < 0.5 * distance(np.random.default_rng(0).integers(0, 256, OTHER.shape, dtype=np.uint8))
    assert distance(OTHER) < 0.1 * distance(np.full_like(OTHER, 128))


@pytest.mark.parametrize(
    ("harm", "amounts"),
    [
        (blurred, (0.5, 1, 2, 4)),
        (noisy, (5, 10, 20, 40, 80)),
        (tinted, (6, 12, 24, 48)),
        (drifted, (0.15, 0.3, 0.6, 0.9)),
        (of_one_style, (0.75, 0.5, 0.25)),
        (repeated, (32, 8, 4, 1)),
        (displaced, (3, 6, 12)),
    ],
)
def test_it_grows_with_everything_that_is_wrong(
    distance: SlicedDistance, harm: Callable[[np.ndarray, float], np.ndarray], amounts: tuple[float, ...]
) -> None:
    found = [distance(OTHER), *(distance(harm(OTHER, amount)) for amount in amounts)]
    assert found == sorted(found), found
    # Every step is told apart from chance, and the last one is plain to see.
    assert all(after > before * 1.03 for before, after in pairwise(found)), found
    assert found[-1] > 2 * found[0], found


def test_a_level_tells_what_is_wrong(distance: SlicedDistance) -> None:
    plain = distance.by_level(OTHER)
    for harmed, level in ((noisy(OTHER, 20), 0), (blurred(OTHER, 1), 0), (displaced(OTHER, 8), -1)):
        grown = np.subtract(distance.by_level(harmed), plain)
        assert np.argmax(grown) == level % len(plain)


def test_noise_is_no_worse_than_nothing_at_all(distance: SlicedDistance) -> None:
    """Detail can be too strong without end and too weak only down to nothing; both are to count alike."""
    noise = np.random.default_rng(0).integers(0, 256, OTHER.shape, dtype=np.uint8)
    fine_of_noise, fine_of_gray = (distance.by_level(each)[0] for each in (noise, np.full_like(OTHER, 128)))
    assert fine_of_noise == pytest.approx(fine_of_gray, rel=0.35)


def test_half_of_a_set_mixed_with_noise_lies_between(distance: SlicedDistance) -> None:
    mixed = np.concatenate([OTHER[::2], noisy(OTHER[1::2], 60)])
    assert distance(OTHER) < distance(mixed) < distance(noisy(OTHER, 60))


def test_it_is_the_same_each_time_and_another_seed_says_nearly_the_same(distance: SlicedDistance) -> None:
    assert SlicedDistance(REAL)(OTHER) == distance(OTHER)
    harmed = blurred(OTHER, 1)
    assert SlicedDistance(REAL, seed=7)(harmed) == pytest.approx(distance(harmed), rel=0.15)
    assert SlicedDistance(REAL, seed=7)(harmed) != distance(harmed)


def test_it_means_the_same_at_every_size() -> None:
    found = []
    for size in (32, 64):
        real, other = two_sets(96, size)
        found.append(SlicedDistance(real)(tinted(other, 24)))
    assert found[0] == pytest.approx(found[1], rel=0.35)


def test_the_floor_is_what_others_of_the_kind_have_and_falls_with_their_number() -> None:
    real, other = two_sets(256, 32)
    distance = SlicedDistance(real)
    assert distance(other[:128]) == pytest.approx(distance.floor(128), rel=0.5)
    assert distance.floor(16) > distance.floor(128)
    assert distance.floor(10_000) == distance.floor(128)


@pytest.mark.parametrize("shape", [(7, 5), (16, 16), (33, 50), (20, 97)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_size_and_any_channels_are_measured(shape: tuple[int, int], channels: int) -> None:
    random = np.random.default_rng(0)
    slope = np.linspace(0, 255, shape[0] * shape[1]).reshape(1, *shape, 1)
    real = np.clip(slope + random.normal(0, 20, (24, 1, 1, channels)), 0, 255).astype(np.uint8)
    real = np.broadcast_to(real, (24, *shape, channels))
    distance = SlicedDistance(real)
    assert distance(real) == 0
    assert distance(255 - real) > 10


def test_what_is_transparent_does_not_count() -> None:
    real = np.concatenate([REAL, np.full((*REAL.shape[:3], 1), 255, np.uint8)], axis=3)
    real[:, :16, :, 3] = 0
    hidden = real.copy()
    hidden[:, :16, :, :3] = 255 - hidden[:, :16, :, :3]
    shown = real.copy()
    shown[:, 16:, :, :3] = 255 - shown[:, 16:, :, :3]
    assert SlicedDistance(real)(hidden) == 0
    assert SlicedDistance(real)(shown) > 10


def test_pictures_that_are_all_the_same_are_measured() -> None:
    flat = np.full((8, 32, 32, 3), 100, np.uint8)
    distance = SlicedDistance(flat)
    assert distance(flat) == 0
    assert np.isfinite(distance(REAL))
    assert distance(REAL) > 50


def test_a_mapped_file_is_looked_at_in_part(tmp_path: object) -> None:
    real, other = two_sets(256, 32)
    assert SlicedDistance(real, most=64)(other) == pytest.approx(SlicedDistance(real)(other), abs=12)


def test_what_cannot_be_compared_is_told_in_words(distance: SlicedDistance) -> None:
    with pytest.raises(BadValue, match=r"64x64 \(RGB\) cannot be compared with pictures of 32x32 \(RGB\)"):
        distance(np.zeros((4, 64, 64, 3), np.uint8))
    with pytest.raises(BadValue, match="less than two"):
        distance(REAL[:1])
    with pytest.raises(BadValue, match="an array of shape"):
        SlicedDistance(np.zeros((4, 8, 8, 3), np.float32))


def test_it_says_which_way_is_better() -> None:
    assert SWD.better == "lower"
    assert "less is better" in SWD.about
