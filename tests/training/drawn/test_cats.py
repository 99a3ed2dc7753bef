"""A cat is one: ears where a person has none, a coat of its kind, eyes of its colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from runway_lab.training.drawn.cats import draw_cat
from runway_lab.training.drawn.coats import COATS, Cat
from runway_lab.training.drawn.portrait import CLOSER, Scene
from runway_lab.training.drawn.sheet import Sheet

SEEDS = range(90)
SIZE = 64


class Drawn:
    def __init__(self, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self.scene = Scene.chance(chance)
        self.cat = Cat.chance(chance, self.scene.wall)
        self.sheet = draw_cat(np.random.default_rng(seed), SIZE)

    def at(self, x: float, y: float, sheet: Sheet | None = None) -> Any:
        a, b = self.scene.pose.spot(x, y)
        drawn = sheet or self.sheet
        return drawn.planes[:, int((b - drawn.top) * drawn.scale), int((a - drawn.left) * drawn.scale)]


@pytest.fixture(scope="module")
def cats() -> list[Drawn]:
    return [Drawn(seed) for seed in SEEDS]


def test_cats_have_ears(cats: list[Drawn]) -> None:
    ears = []
    for each in cats:
        wall = Sheet(SIZE, closer=CLOSER, about=(0.5, 0.60))
        each.scene.backdrop(wall)
        each.scene.finish(wall)
        for side in (-1, 1):
            ears.append(np.abs(each.at(side * 0.25, -0.25) - each.at(side * 0.25, -0.25, wall)).max())
            # Between the ears there is nothing but wall.
            assert np.abs(each.at(0.0, -0.31) - each.at(0.0, -0.31, wall)).max() < 0.1
    assert np.mean(np.array(ears) > 0.1) > 0.9


def test_a_coat_has_its_colour(cats: list[Drawn]) -> None:
    plain = [each for each in cats if each.cat.pattern in ("plain", "bib")]
    asked = np.array([each.cat.ground.lightness for each in plain])
    seen = np.array([each.at(0.14, -0.12).mean() for each in plain])
    assert len(plain) > 20
    assert np.corrcoef(asked, seen)[0, 1] > 0.85


def test_a_bib_is_white_below_the_nose_of_a_dark_cat(cats: list[Drawn]) -> None:
    dark = [each for each in cats if each.cat.name == "tuxedo"]
    assert len(dark) > 4
    for each in dark:
        assert each.at(0.0, -0.02).mean() > each.at(0.17, -0.12).mean() + 0.15


def test_a_siamese_is_dark_around_the_nose_and_has_blue_eyes(cats: list[Drawn]) -> None:
    masked = [each for each in cats if each.cat.pattern == "mask"]
    assert len(masked) > 4
    for each in masked:
        assert each.at(0.0, 0.04).mean() < each.at(0.0, -0.18).mean() - 0.15
        red, _, blue = each.cat.iris.rgb().ravel()
        assert blue > red


def test_pupils_are_dark_in_a_bright_eye(cats: list[Drawn]) -> None:
    for each in cats:
        for side in (-1, 1):
            ring = max(each.at(side * 0.112 + x, 0.012).max() for x in (-0.045, 0.045))
            assert each.at(side * 0.112, 0.008).mean() < 0.6 * ring


def test_all_coats_and_collars_are_found(cats: list[Drawn]) -> None:
    chosen = [Cat.chance(np.random.default_rng(seed), each.scene.wall) for seed, each in enumerate(cats)]
    assert {each.name for each in chosen} == set(COATS)
    assert {each.collar for each in chosen} == {"none", "bell", "tie", "kerchief"}
    assert {each.mouth for each in chosen} == {"closed", "mew", "tongue"}
