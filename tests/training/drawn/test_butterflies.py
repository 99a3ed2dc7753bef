"""A butterfly is the same left and right, and wears the colours it was given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from runway_lab.training.drawn.butterflies import Butterfly, draw_butterfly
from runway_lab.training.drawn.portrait import Scene


def chances(seed: int) -> tuple[Scene, Butterfly]:
    chance = np.random.default_rng(seed)
    return Scene.chance(chance), Butterfly.chance(chance)


@pytest.fixture
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Butterflies that are neither turned nor folded."""
    original = Butterfly.chance.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        Butterfly, "chance", classmethod(lambda cls, chance: replace(original(cls, chance), turn=0.0, fold=0.0))
    )


def edges(seed: int) -> Any:
    """Where the picture changes from pixel to pixel: shapes without the light."""
    gray = draw_butterfly(np.random.default_rng(seed), 64).planes.mean(axis=0)
    return np.abs(np.gradient(gray, axis=1)) + np.abs(np.gradient(gray, axis=0))


@pytest.mark.usefixtures("straight")
def test_the_left_wing_is_the_right_one_in_a_mirror() -> None:
    for seed in range(12):
        here = edges(seed)
        alike = np.corrcoef(here.ravel(), here[:, ::-1].ravel())[0, 1]
        strange = np.corrcoef(here.ravel(), edges(seed + 50)[:, ::-1].ravel())[0, 1]
        assert alike > 0.75
        assert alike > strange + 0.2


@pytest.mark.usefixtures("straight")
def test_wings_have_their_colours() -> None:
    asked, seen = [], []
    for seed in range(40):
        fly = chances(seed)[1]
        sheet = draw_butterfly(np.random.default_rng(seed), 64)
        asked.append((fly.inner.rgb() + fly.outer.rgb()).ravel() / 2)
        seen.append(sheet.planes[:, 22:30, [*range(14, 22), *range(42, 50)]].mean(axis=(1, 2)))
    for channel in range(3):
        assert np.corrcoef(np.array(asked)[:, channel], np.array(seen)[:, channel])[0, 1] > 0.7


def test_the_body_is_dark_and_in_the_middle() -> None:
    darker = []
    for seed in range(30):
        planes = draw_butterfly(np.random.default_rng(seed), 64).planes.mean(axis=0)
        darker.append(planes[30:34, 31:33].mean() < planes[26:36, 10:54].mean() - 0.03)
    assert np.mean(darker) > 0.8


def test_butterflies_differ_in_tails_hems_eyes_and_turn() -> None:
    flies = [chances(seed)[1] for seed in range(80)]
    assert {each.tail > 0 for each in flies} == {True, False}
    assert {each.eyes > 0 for each in flies} == {True, False}
    assert {each.bands for each in flies} == {0, 1, 2}
    assert np.std([each.turn for each in flies]) > 0.08
    assert np.ptp([each.hem_width for each in flies]) > 0.5
