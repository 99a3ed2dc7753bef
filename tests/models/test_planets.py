"""Planets: the same z gives the same picture, near z's near pictures, and the walk between two has no cliff."""

from __future__ import annotations

import numpy as np
import pytest

from runway_lab.models import planets
from runway_lab.models.recipes.planets import PlanetLesson
from runway_lab.sdk import definition_of


@pytest.fixture(scope="module")
def model() -> planets.Planets:
    return planets.load("cpu")


def some(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, planets.LATENT)).astype(np.float32)


def test_the_signature_says_what_a_z_is():
    generate = definition_of(planets.generate).signature.commands["generate"]
    assert list(generate.inputs) == ["z", "truncation"]
    assert generate.inputs["z"].length == planets.LATENT
    assert list(generate.outputs) == ["image"]


def test_a_z_is_always_the_same_planet(model):
    z = some(1)[0]
    first, second = (planets.generate(model, z, 0.8) for _ in range(2))
    assert first.shape == (planets.SIDE, planets.SIDE, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)


def test_a_batch_shows_the_same_planets_as_one_at_a_time(model):
    z = some(3)
    together = planets.render(model, z).astype(int)
    alone = np.concatenate([planets.render(model, each[None]) for each in z]).astype(int)
    assert np.abs(together - alone).max() <= 1


@pytest.mark.slow
def test_truncation_leads_to_the_average_planet(model):
    a, b = some(2)
    assert np.array_equal(planets.generate(model, a, 0.0), planets.generate(model, b, 0.0))
    wild = planets.render(model, some(12)).astype(float).std(axis=0).mean()
    tame = planets.render(model, 0.4 * some(12)).astype(float).std(axis=0).mean()
    assert tame < 0.8 * wild


@pytest.mark.slow
def test_planets_differ_as_much_as_the_drawn_ones_and_are_crisp(model):
    figures = PlanetLesson.measure(model, 40)
    assert 0.85 < figures["variety"] < 1.15
    assert figures["crispness"] > 0.7


@pytest.mark.slow
def test_a_walk_has_no_cliff(model):
    for a, b in zip(some(2, 1), some(2, 2), strict=True):
        walk = planets.render(model, np.linspace(a, b, 21)).astype(float)
        steps = np.abs(np.diff(walk, axis=0)).mean(axis=(1, 2, 3))
        assert steps.max() < 3 * steps.mean()


def test_the_first_numbers_change_the_picture_most(model):
    base = 0.5 * some(3, 3)
    middle = planets.render(model, base).astype(float)

    def change(axis: int) -> float:
        moved = base.copy()
        moved[:, axis] += 1
        return float(np.abs(planets.render(model, moved) - middle).mean())

    assert np.mean([change(axis) for axis in range(4)]) > 2 * np.mean([change(axis) for axis in range(60, 64)])


def test_rims_are_as_sharp_as_a_pixel(model):
    planet = planets.generate(model, np.zeros(planets.LATENT, np.float32), 1.0).astype(float).mean(axis=-1)
    middle = planets.SIDE // 2
    # Up and to the left is where the light comes from: there the rim is bright and the sky is not.
    line = np.array([planet[middle - k, middle - k] for k in range(middle)])
    assert np.abs(np.diff(line)).max() > 0.15 * np.ptp(line)


def test_nothing_flickers_between_neighbouring_pixels(model):
    pictures = planets.render(model, some(12)).astype(float).mean(axis=-1)
    spectrum = np.abs(np.fft.fft2(pictures)).mean(axis=0)
    middle = planets.SIDE // 2
    # A chequerboard would be a peak at the highest frequency, far above what lies beside it.
    assert spectrum[middle, middle] < 4 * np.median(spectrum[middle - 9 : middle + 9, middle - 9 : middle + 9])


def test_a_grid_is_as_large_as_asked_for(model):
    sheet = planets.grid(model, seed=3, columns=3, rows=2, truncation=0.8)
    assert sheet.shape == (2 * planets.SIDE, 3 * planets.SIDE, 3)
    assert np.array_equal(sheet, planets.grid(model, seed=3, columns=3, rows=2, truncation=0.8))
    assert not np.array_equal(sheet, planets.grid(model, seed=4, columns=3, rows=2, truncation=0.8))
