"""A flower has as many petals as it says, and a heart in their middle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from runway_lab.training.drawn import flowers
from runway_lab.training.drawn.flowers import SHAPES, Flower, draw_flower
from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import Sheet

SEEDS = range(50)


class Drawn:
    def __init__(self, seed: int, size: int = 64) -> None:
        chance = np.random.default_rng(seed)
        self.scene = Scene.chance(chance)
        self.flower = Flower.chance(chance)
        self.sheet = draw_flower(np.random.default_rng(seed), size)
        self.x = 0.5 + 0.02 * np.sin(self.scene.pose.yaw * 6)

    def around(self, radius: float) -> Any:
        """Colours on a circle around the heart, seen as tilted as the flower."""
        angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
        x = self.x + radius * np.cos(angle)
        y = 0.42 + radius * self.flower.tilt * np.sin(angle)
        columns, rows = (
            ((x - self.sheet.left) * self.sheet.scale).astype(int),
            ((y - self.sheet.top) * self.sheet.scale).astype(int),
        )
        return self.sheet.planes[:, rows, columns]


def test_petals_can_be_counted() -> None:
    counted = set()
    for seed in range(200):
        chance = np.random.default_rng(seed)
        Scene.chance(chance)
        flower = Flower.chance(chance)
        if flower.shape != "star" or flower.rows != 1:
            continue
        each = Drawn(seed, 128)
        wall = Sheet(128, closer=1.2, about=(0.5, 0.42))
        each.scene.backdrop(wall)
        each.scene.finish(wall)
        each.sheet.planes = np.abs(each.sheet.planes - wall.planes)
        ring = each.around(0.90 * SHAPES["star"][2] * flower.long).max(axis=0)
        waves = np.abs(np.fft.rfft(ring - ring.mean()))
        assert (waves[5] > waves[6]) == (flower.petals == 5), seed
        counted.add(flower.petals)
    assert counted == {5, 6}


def test_the_heart_is_in_the_middle_and_of_its_colour() -> None:
    near = []
    for seed in SEEDS:
        each = Drawn(seed)
        radius = SHAPES[each.flower.shape][6]
        if radius < 0.05:
            continue
        middle = each.around(0.5 * radius).mean(axis=1)
        petals = each.around(0.6 * SHAPES[each.flower.shape][2]).mean(axis=1)
        heart = each.flower.heart.rgb().ravel()
        near.append(np.abs(middle - heart).sum() < np.abs(petals - heart).sum())
    assert len(near) > 15
    assert np.mean(near) > 0.9


def test_petals_have_their_colour() -> None:
    drawn = [Drawn(seed, 48) for seed in SEEDS]
    asked = np.stack([each.flower.tone.rgb().ravel() for each in drawn])
    seen = np.stack([each.around(0.72 * SHAPES[each.flower.shape][2]).mean(axis=1) for each in drawn])
    for channel in range(3):
        assert np.corrcoef(asked[:, channel], seen[:, channel])[0, 1] > 0.75


def test_a_flower_stands_on_a_green_stem() -> None:
    green = []
    for seed in range(30):
        each = Drawn(seed, 64)
        wall = Sheet(64, closer=1.2, about=(0.5, 0.42))
        each.scene.backdrop(wall)
        changed = np.abs(each.sheet.planes - wall.planes).max(axis=0) > 0.2
        lower = changed & (each.sheet.y > 0.75)
        colour = each.sheet.planes[:, lower].mean(axis=1)
        green.append(colour[1] > colour[0] and colour[1] > colour[2])
    assert np.mean(green) > 0.75


def test_all_shapes_are_found() -> None:
    assert {Flower.chance(np.random.default_rng(seed)).shape for seed in SEEDS} == set(SHAPES)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_a_petal_points_where_it_should(shape: str) -> None:
    flower = next(
        each for each in (Flower.chance(np.random.default_rng(seed)) for seed in range(200)) if each.shape == shape
    )
    outline = flowers._petal(flower, 0.3, np.pi / 2, 1.0)
    assert outline[:, 1].max() == pytest.approx(0.3, abs=0.02)
    assert np.abs(outline[:, 0].mean()) < 0.01
