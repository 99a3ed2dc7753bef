"""Pictures become numbers that can be compared, and nothing of them is lost on the way."""

from __future__ import annotations

import numpy as np
import pytest

from runway_lab.training.measures import levels
from runway_lab.training.measures.levels import bands, chosen, impressions, opponent, pieces, shrunk


def pictures(height: int = 40, width: int = 56, channels: int = 3, count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def test_gray_has_no_colour_and_a_hue_has() -> None:
    gray = np.full((1, 2, 2, 3), 128, np.uint8)
    assert np.allclose(opponent(gray)[..., 1:], 0)
    assert np.allclose(opponent(gray)[..., 0], 128 / 255)
    red = np.zeros((1, 1, 1, 3), np.uint8)
    red[..., 0] = 255
    assert np.allclose(opponent(red), [[1 / 3, 1, 0.5]])


def test_what_is_transparent_counts_as_far_as_it_is_seen() -> None:
    given = pictures(channels=4)
    given[..., 3] = 0
    assert np.allclose(opponent(given), 0)
    given[..., 3] = 255
    assert np.allclose(opponent(given)[..., :3], opponent(given[..., :3]))
    assert np.allclose(opponent(given)[..., 3], 1)


@pytest.mark.parametrize(
    ("shape", "levels"), [((64, 64), 3), ((31, 64), 1), ((33, 47), 2), ((256, 128), 4), ((5, 9), 1)]
)
def test_levels_end_where_pictures_get_small(shape: tuple[int, int], levels: int) -> None:
    assert len(bands(opponent(pictures(*shape)))) == levels


def test_a_flat_picture_has_no_detail_and_a_fine_pattern_only_fine_detail() -> None:
    flat = bands(np.full((2, 64, 64, 3), 0.3, np.float32))
    assert [float(np.abs(each).max()) for each in flat[:-1]] == pytest.approx([0, 0], abs=1e-6)
    assert np.allclose(flat[-1], 0.3)
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    fine, middle, coarse = bands(board[None, :, :, None])
    assert np.abs(fine).mean() == pytest.approx(0.5, abs=0.01)
    assert np.abs(middle[:, 4:-4, 4:-4]).max() < 0.01
    assert np.abs(coarse[:, 2:-2, 2:-2] - 0.5).max() < 0.01


@pytest.mark.parametrize("shape", [(64, 64), (40, 56), (33, 50), (7, 5)])
def test_a_smaller_picture_has_the_same_mean(shape: tuple[int, int]) -> None:
    planes = opponent(pictures(*shape))
    small = shrunk(planes, 8, 4)
    assert small.shape == (5, 8, 4, 3)
    assert np.allclose(small.mean(axis=(1, 2)), planes.mean(axis=(1, 2)), atol=1e-5)


def test_each_new_pixel_is_the_mean_of_its_area() -> None:
    planes = opponent(pictures(16, 24))
    wanted = planes.reshape(5, 8, 2, 8, 3, 3).mean(axis=(2, 4))
    assert np.allclose(shrunk(planes, 8, 8), wanted, atol=1e-6)
    assert np.allclose(shrunk(planes, 16, 24), planes, atol=1e-6)


def test_an_impression_hardly_minds_texture_and_minds_what_is_where() -> None:
    random = np.random.default_rng(0)
    scene = np.zeros((1, 64, 64, 3), np.uint8)
    scene[:, 8:28, 8:28] = (200, 80, 40)
    textured = np.clip(scene.astype(int) + random.integers(-12, 13, scene.shape), 0, 255).astype(np.uint8)
    moved = np.roll(scene, 28, axis=2)
    plain = impressions(scene, 8)
    assert np.linalg.norm(impressions(textured, 8) - plain) < 0.3 * np.linalg.norm(impressions(moved, 8) - plain)


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    given = pictures(64, 64, count=7)
    monkeypatch.setattr(levels, "_PIECE", 3 * given[0].size)
    one_by_one = np.concatenate([impressions(given[at : at + 1], 8) for at in range(7)])
    assert np.allclose(impressions(given, 8), one_by_one, atol=1e-6)


def test_a_part_is_chosen_by_the_seed_and_in_its_order() -> None:
    pictures = np.zeros((1000, 1, 1, 1), np.uint8)
    part = chosen(pictures, 200, 3)
    assert np.array_equal(part, chosen(pictures, 200, 3))
    assert not np.array_equal(part, chosen(pictures, 200, 4))
    assert len(set(part.tolist())) == 200
    assert np.array_equal(part, np.sort(part))
    assert np.array_equal(chosen(pictures, 1000, 3), np.arange(1000))


def test_of_large_pictures_fewer_are_chosen_but_not_too_few() -> None:
    large = np.broadcast_to(np.uint8(0), (1000, 1000, 1000, 3))
    assert len(chosen(large, 1000, 0, megabytes=1200)) == 400
    assert len(chosen(large, 1000, 0, megabytes=3)) == 128
    assert len(chosen(large, 50, 0, megabytes=3)) == 50


def test_pieces_together_are_all_of_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    given = pictures(count=9)
    monkeypatch.setattr(levels, "_PIECE", 2 * given[0].size)
    numbers = np.array([0, 3, 4, 5, 8])
    assert [len(each) for each in pieces(given, numbers)] == [2, 2, 1]
    assert np.array_equal(np.concatenate(list(pieces(given, numbers))), given[numbers])
    assert np.array_equal(np.concatenate(list(pieces(given))), given)


def test_of_a_large_picture_a_part_of_the_pixels_is_enough() -> None:
    small = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    large = small.repeat(32, axis=1).repeat(32, axis=2)
    middle = small.repeat(8, axis=1).repeat(8, axis=2)
    assert np.allclose(impressions(large, 8), impressions(middle, 8), atol=1e-5)
