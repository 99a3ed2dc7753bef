"""A monster has as many eyes as it says, where it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from runway_lab.training.drawn.monsters import EYES, Monster, draw_monster
from runway_lab.training.drawn.portrait import Scene


class Drawn:
    def __init__(self, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self.scene = Scene.chance(chance)
        self.monster = Monster.chance(chance, self.scene.wall)
        self.sheet = draw_monster(np.random.default_rng(seed), 64)

    def at(self, x: float, y: float) -> Any:
        a, b = self.scene.pose.spot(x, y)
        return self.sheet.planes[
            :, int((b - self.sheet.top) * self.sheet.scale), int((a - self.sheet.left) * self.sheet.scale)
        ]


@pytest.fixture(scope="module")
def monsters() -> list[Drawn]:
    return [Drawn(seed) for seed in range(60)]


def test_each_eye_is_white_below_and_looks(monsters: list[Drawn]) -> None:
    white, dark = [], []
    for each in monsters:
        gaze = each.monster.gaze
        for x, y, radius in EYES[each.monster.eyes]:
            white.append(max(each.at(x + side * 0.70 * radius, y + 0.40 * radius).min() for side in (-1, 1)))
            look = (0.35 * gaze[0] + 0.25 * each.scene.pose.yaw, 0.30 * gaze[1])
            dark.append(each.at(x + look[0] * radius, y + look[1] * radius).mean())
    assert np.mean(np.array(white) > 0.6) > 0.9
    assert np.mean(np.array(dark) < 0.35) > 0.85


def test_where_another_number_of_eyes_would_look_there_is_skin(monsters: list[Drawn]) -> None:
    def white(each: Drawn) -> float:
        return float(max(each.at(x, 0.055).min() for x in (-0.145, -0.06, 0.06, 0.145)))

    for each in monsters:
        if each.monster.eyes == 1:
            assert each.at(0.0, 0.055).min() > 0.5 or each.monster.gaze[1] > 0.1
        elif each.monster.eyes == 2:
            assert each.at(0.0, -0.06).min() < 0.75
    two = [white(each) for each in monsters if each.monster.eyes == 2]
    assert np.median(two) > 0.5


def test_the_skin_has_its_colour(monsters: list[Drawn]) -> None:
    asked = np.stack([each.monster.body.rgb().ravel() for each in monsters])
    seen = np.stack([each.at(0.0, 0.125) for each in monsters])
    for channel in range(3):
        assert np.corrcoef(asked[:, channel], seen[:, channel])[0, 1] > 0.85


def test_a_monster_never_has_the_colour_of_its_wall(monsters: list[Drawn]) -> None:
    for each in monsters:
        apart = (each.monster.body.hue - each.scene.wall.hue) % 360
        assert 49 < apart < 311


def test_monsters_are_of_all_kinds(monsters: list[Drawn]) -> None:
    seen = [each.monster for each in monsters]
    assert {each.eyes for each in seen} == {1, 2, 3}
    assert {each.head for each in seen} == {"horns", "feelers", "ears", "tuft", "spikes"}
    assert {each.mouth for each in seen} == {"open", "closed", "fangs"}
    assert {each.pattern for each in seen} == {"plain", "spots", "stripes"}
