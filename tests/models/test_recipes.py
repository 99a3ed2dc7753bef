"""The recipes: pictures and weights follow from the seed alone, and weights say how they came about."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open

from runway_lab.models import weights_path
from runway_lab.models.planets import Planets
from runway_lab.models.recipes import covers, training
from runway_lab.models.recipes.doodles import doodles
from runway_lab.models.recipes.leaves import leaves
from runway_lab.models.recipes.planets import PlanetLesson
from runway_lab.models.recipes.shapes import ShapeLesson, average_precision, target
from runway_lab.models.recipes.training import follow, steps_in, teach
from runway_lab.models.recipes.upscale import Upscaling
from runway_lab.models.recipes.worlds import worlds
from runway_lab.models.shapes import STRIDE, Detector, read
from runway_lab.models.upscale import Upscaler

LESSONS = [PlanetLesson, ShapeLesson, Upscaling]
DRAWERS = [
    lambda count, seed, **first: [page.picture for page in doodles(count, seed, **first)],
    lambda count, seed, **first: leaves(count, seed, 64, **first),
    lambda count, seed, **first: list(worlds(count, seed, 32, **first)),
]


@pytest.mark.parametrize("draw", DRAWERS, ids=["doodles", "leaves", "worlds"])
def test_a_picture_depends_on_its_seed_and_number_alone(draw):
    several = draw(3, 5)
    (third,) = draw(1, 5, first=2)
    (other,) = draw(1, 6, first=2)
    assert np.array_equal(several[2], third)
    assert not np.array_equal(several[2], other)
    assert not np.array_equal(several[0], several[1])


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_the_same_seed_and_steps_give_the_same_weights(lesson):
    first, second = (teach(lesson, seed=3, steps=2, pictures=32).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = teach(lesson, seed=4, steps=2, pictures=32).state_dict()
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.slow
def test_learning_makes_the_shapes_lesson_better():
    course = ShapeLesson(0, 64)
    lines = [course.step(i, 30) for i in range(30)]
    losses = [float(line.split()[1].rstrip(",")) for line in lines]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


@pytest.mark.slow
def test_a_recipe_writes_weights_that_say_how_they_came_about(tmp_path, monkeypatch):
    monkeypatch.setattr(Upscaling, "pictures", 8)
    monkeypatch.setattr(Upscaling, "measure", staticmethod(lambda network: {"gain": 1.23456}))
    out = tmp_path / "upscale.safetensors"
    follow(Upscaling, Upscaler, ["--out", str(out), "--steps", "2", "--seed", "7"])
    with safe_open(out, "pt") as file:
        about = file.metadata()
    assert about["recipe"] == "runway_lab.models.recipes.upscale"
    assert (about["seed"], about["steps"], about["licence"]) == ("7", "2", "CC0-1.0")
    assert json.loads(out.with_suffix(".json").read_text())["gain"] == 1.2346
    assert not list(tmp_path.glob("*.part"))


def test_minutes_become_steps(monkeypatch):
    monkeypatch.setattr(training, "REHEARSAL", 6)
    monkeypatch.setattr(ShapeLesson, "pictures", 96)
    assert steps_in(ShapeLesson, 5.0) > steps_in(ShapeLesson, 0.0) == 6


@pytest.mark.parametrize(("name", "network"), [("planets", Planets), ("shapes", Detector), ("upscale", Upscaler)])
def test_the_weights_that_ship_are_small_and_documented(name, network):
    path = weights_path(name)
    assert path.stat().st_size < 3_000_000
    with safe_open(path, "pt") as file:
        about = file.metadata()
        assert set(file.keys()) == set(network().state_dict())
    assert about["licence"] == "CC0-1.0"
    assert int(about["steps"]) > 500
    assert float(about["minutes"]) > 0


def test_what_a_page_asks_for_is_what_reading_it_gives():
    for page in doodles(20, seed=2):
        heat, sides, _ = target(page)
        logits = torch.logit(torch.from_numpy(heat).clamp(1e-4, 1 - 1e-4))
        found = read(logits, torch.from_numpy(sides), 0.9)
        # Two shapes whose middles share a cell cannot both be asked for.
        assert len(page.boxes) - 1 <= len(found.boxes) <= len(page.boxes)
        for box in found.boxes:
            assert np.abs(page.boxes - box).max(axis=1).min() < STRIDE


def test_average_precision_knows_the_corners():
    assert average_precision(np.array([0.9, 0.8]), np.array([True, True]), 2) == 1.0
    assert average_precision(np.array([0.9]), np.array([False]), 1) == 0.0
    assert average_precision(np.array([]), np.array([], bool), 3) == 0.0


def test_card_pictures_stay_small(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    covers.write(noise, tmp_path / "noise.webp")
    assert (tmp_path / "noise.webp").stat().st_size <= covers.LARGEST


def test_a_network_that_finds_nothing_is_measured_too():
    network = Detector().eval()
    for name, parameter in network.named_parameters():
        # Far from sure of anything, everywhere.
        parameter.data.fill_(-20.0 if name.endswith("bias") else 0.0)
    figures = ShapeLesson.measure(network, 2)
    assert figures["precision"] == figures["recall"] == 0
