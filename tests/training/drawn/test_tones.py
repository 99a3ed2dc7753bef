"""Tones: what is mixed is what one would expect of paint."""

from __future__ import annotations

import numpy as np
import pytest

from runway_lab.models.recipes.drawing import from_oklab
from runway_lab.training.drawn.tones import Tone, between, mix


@pytest.mark.parametrize("hue", range(0, 360, 45))
def test_a_tone_is_its_colour_in_oklab(hue: int) -> None:
    turn = np.deg2rad(hue)
    expected = from_oklab(np.array(0.6), np.array(0.1 * np.cos(turn)), np.array(0.1 * np.sin(turn)))
    assert np.allclose(Tone(0.6, 0.1, hue).rgb().ravel(), expected, atol=1e-4)


def test_colours_beyond_the_screen_end_at_its_edge() -> None:
    for tone in (Tone(1.4, 0.0, 0), Tone(-0.2, 0.1, 90), Tone(0.7, 0.5, 140)):
        assert tone.rgb().min() >= 0
        assert tone.rgb().max() <= 1


@pytest.mark.parametrize("hue", range(0, 360, 60))
def test_shade_is_darker_and_glow_is_lighter(hue: int) -> None:
    tone = Tone(0.6, 0.1, hue)
    assert tone.shade().rgb().sum() < tone.rgb().sum() < tone.glow().rgb().sum()
    assert tone.shade(2.0).lightness < tone.shade(1.0).lightness


def test_between_two_tones_lie_the_two_and_gray_between_opposites() -> None:
    red, green = Tone(0.5, 0.1, 0.0), Tone(0.7, 0.1, 180.0)
    assert np.allclose(between(red, green, 0.0).rgb(), red.rgb(), atol=1e-6)
    assert np.allclose(between(red, green, 1.0).rgb(), green.rgb(), atol=1e-6)
    assert between(red, green, 0.5).chroma == pytest.approx(0.0, abs=1e-9)
    assert between(red, green, 0.5).lightness == pytest.approx(0.6)


def test_mixing_follows_the_field() -> None:
    share = np.array([[0.0, 0.5, 1.0]], np.float32)
    assert mix(np.zeros((3, 1, 1), np.float32), np.ones((3, 1, 1), np.float32), share)[1, 0].tolist() == [0.0, 0.5, 1.0]
