"""Poses and scenes: a head turns in space, and faces and cats share what they should."""

from __future__ import annotations

import numpy as np
import pytest

from runway_lab.training.drawn import draw
from runway_lab.training.drawn.portrait import HEAD, MIDDLE, Pose, Scene
from runway_lab.training.drawn.sheet import Sheet
from runway_lab.training.drawn.tones import Tone

SEEDS = range(30)


def scene(seed: int) -> Scene:
    return Scene.chance(np.random.default_rng(seed))


def test_a_head_that_looks_straight_ahead_is_where_it_is_drawn() -> None:
    straight = Pose(0.0, 0.0, 0.0)
    points = np.array([(-0.1, 0.0), (0.1, 0.0), (0.0, 0.2)])
    assert np.allclose(straight.place(points), points + MIDDLE)


@pytest.mark.parametrize("pose", [Pose(0.2, 0.05, 0.08), Pose(-0.25, -0.1, -0.05)])
def test_one_point_is_placed_like_many(pose: Pose) -> None:
    for x, y, lift in ((0.0, 0.1, 0.03), (0.12, -0.05, 0.0), (0.3, 0.3, 0.0)):
        assert np.allclose(pose.spot(x, y, lift), pose.place(np.array([(x, y)]), lift)[0])


def test_a_nose_moves_further_than_an_ear_when_the_head_turns() -> None:
    turned, straight = Pose(0.25, 0.0, 0.0), Pose(0.0, 0.0, 0.0)

    def shift(x: float, y: float, lift: float = 0.0) -> float:
        return turned.spot(x, y, lift)[0] - straight.spot(x, y, lift)[0]

    assert shift(0.0, 0.1, 0.03) > 0.02
    assert shift(HEAD[0], 0.03) < 0


def test_where_a_pixel_lies_on_the_head_follows_the_tilt() -> None:
    sheet, pose = Sheet(64), Pose(0.0, 0.0, 0.15)
    u, v = pose.unplace(sheet)
    x, y = pose.spot(0.1, -0.1)
    row, column = int(y * 64), int(x * 64)
    assert u[row, column] == pytest.approx(0.1, abs=0.02)
    assert v[row, column] == pytest.approx(-0.1, abs=0.02)


def test_eyes_stay_near_their_place_in_all_poses() -> None:
    places = np.array([scene(seed).pose.spot(0.103, 0.0) for seed in range(200)])
    assert places.std(axis=0).max() < 0.02
    assert np.abs(places - places.mean(axis=0)).max() < 0.06


def test_poses_and_lights_differ() -> None:
    scenes = [scene(seed) for seed in SEEDS]
    assert np.std([each.pose.yaw for each in scenes]) > 0.05
    assert {np.sign(each.side) for each in scenes} == {-1.0, 1.0}
    assert np.ptp([each.wall.hue for each in scenes]) > 180


def test_what_faces_the_light_is_lighter() -> None:
    for seed in range(8):
        sheet, here = Sheet(32), scene(seed)
        light = here.sphere(sheet.x - np.float32(0.5), sheet.y - np.float32(0.5), 0.4, 0.4)
        lit = here.lit(Tone(0.6, 0.05, 50), light).sum(axis=0)
        left, right = lit[12:20, 6:10].mean(), lit[12:20, 22:26].mean()
        assert (right > left) == (here.side > 0)


def test_a_face_and_a_cat_of_one_seed_sit_in_front_of_the_same_wall() -> None:
    def corner(name: str, seed: int) -> np.ndarray:  # type: ignore[type-arg]
        return draw(name, seed, 64)[18:26, :5].astype(float)

    same = np.array([np.abs(corner("faces", seed) - corner("cats", seed)).mean() for seed in SEEDS])
    other = np.array([np.abs(corner("faces", seed) - corner("cats", seed + 1)).mean() for seed in SEEDS])
    # A brim or long hair may hide the corner of some.
    assert np.median(same) < 2.0
    assert np.median(other) > 15.0
