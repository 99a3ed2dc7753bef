"""Where pictures are cut, and that nothing is ever squeezed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from support.pictures import photo

from runway_lab.training.datasets.crop import box_for, made
from runway_lab.training.datasets.plan import Copy, Plan


def test_center_takes_the_largest_piece_of_the_right_shape() -> None:
    assert box_for(300, 200, Plan(64, 64), False, "") == (50, 0, 250, 200)
    assert box_for(200, 300, Plan(64, 64), False, "") == (0, 50, 200, 250)
    assert box_for(300, 300, Plan(64, 128), False, "") == (0, 75, 300, 225)


def test_random_is_inside_differs_by_picture_and_is_the_same_again() -> None:
    plan = Plan(64, 64, crop="random")
    boxes = [box_for(300, 200, plan, False, f"picture {number}") for number in range(20)]
    assert len(set(boxes)) > 15
    assert boxes == [box_for(300, 200, plan, False, f"picture {number}") for number in range(20)]
    assert all(box[2] - box[0] == box[3] - box[1] == 200 and 0 <= box[0] <= 100 for box in boxes)
    other = Plan(64, 64, crop="random", seed=1)
    assert box_for(300, 200, other, False, "picture 0") != boxes[0]


def test_none_keeps_the_whole_picture_in_its_shape() -> None:
    plan = Plan(64, 64, crop="none")
    box = box_for(300, 150, plan, True, "")
    assert box == (0, 0, 300, 150)
    picture = Image.new("RGB", (300, 150), "white")
    picture.paste("black", (100, 25, 200, 125))
    pixels = np.asarray(made(picture, box, plan, Copy()).convert("L"))
    assert pixels.shape == (64, 64)
    rows, columns = np.nonzero(pixels[16:48] < 128)
    assert abs((np.ptp(rows) + 1) - (np.ptp(columns) + 1)) <= 1, "a square stays a square"


def test_borders_are_soft_and_of_the_picture() -> None:
    picture = photo(3, 300, 100)
    plan = Plan(96, 96, crop="none")
    pixels = np.asarray(made(picture, (0, 0, 300, 100), plan, Copy()), np.int16)
    assert np.abs(np.diff(pixels[:28], axis=1)).max() < 40
    assert np.abs(pixels[:28].mean((0, 1)) - np.asarray(picture).mean((0, 1))).max() < 60


def test_gray_and_transparent_pictures_are_cut_too() -> None:
    for mode in ("L", "RGBA"):
        picture = photo(1, 90, 60).convert(mode)
        for copy in (Copy(), Copy(mirror=True), Copy(turn=20), Copy(zoom=1.3), Copy(zoom=0.7)):
            for plan, box in (
                (Plan(32, 32), (15.0, 0.0, 75.0, 60.0)),
                (Plan(32, 32, crop="none"), (0.0, 0.0, 90.0, 60.0)),
            ):
                done = made(picture, box, plan, copy)
                assert (done.size, done.mode) == ((32, 32), mode)


def test_mirror_is_a_mirror() -> None:
    picture, plan, box = photo(1, 60, 60), Plan(32, 32), (0.0, 0.0, 60.0, 60.0)
    plain, mirrored = (np.asarray(made(picture, box, plan, Copy(mirror=each))) for each in (False, True))
    assert np.array_equal(plain[:, ::-1], mirrored)


@pytest.mark.parametrize(("zoom", "wanted"), [(1.5, 48), (1 / 1.5, 21)])
def test_closer_shows_less_and_farther_more(zoom: float, wanted: int) -> None:
    picture = Image.new("L", (120, 120))
    picture.paste(255, (30, 30, 90, 90))
    pixels = np.asarray(made(picture, (0, 0, 120, 120), Plan(64, 64, "gray"), Copy(zoom=zoom)))
    assert abs(int((pixels[32] > 128).sum()) - wanted) <= 2


def test_farther_takes_what_lies_around_before_it_mirrors() -> None:
    picture = Image.new("L", (200, 100), 0)
    picture.paste(255, (150, 0, 200, 100))
    box = (50.0, 0.0, 150.0, 100.0)
    near = np.asarray(made(picture, box, Plan(64, 64, "gray"), Copy()))
    far = np.asarray(made(picture, box, Plan(64, 64, "gray"), Copy(zoom=0.6)))
    assert near.max() < 20
    assert far[:, -3:].min() > 200


def test_a_turned_picture_has_no_empty_corners() -> None:
    picture = Image.new("L", (100, 100), 200)
    for turn in (7, -45, 90, 133):
        assert np.asarray(made(picture, (0, 0, 100, 100), Plan(48, 48, "gray"), Copy(turn=turn))).min() >= 190


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3)])
def test_the_smallest_and_the_narrowest_are_cut(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "teal")
    for crop in ("center", "none"):
        plan = Plan(16, 32, crop=crop)
        box = box_for(*size, plan, crop == "none", "x")
        for copy in (Copy(), Copy(turn=30), Copy(zoom=0.5)):
            assert made(picture, box, plan, copy).size == (32, 16)
