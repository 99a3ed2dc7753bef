"""What is to be trained, said in one object."""

from __future__ import annotations

import json

import pytest

from runway_lab.errors import BadValue, Unknown
from runway_lab.training.loop.settings import TrainingSettings


def test_settings_survive_a_file() -> None:
    settings = TrainingSettings(steps=12, augment=("shift", "colour"), gamma=0.5, path_length=True)
    assert TrainingSettings.of(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": 2.5}, "whole number"),
        ({"steps": True}, "steps"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"batch": None}, "batch"),
        ({"batch": 16, "part": 5}, "parts of 5"),
        ({"precision": "double"}, "bfloat16"),
        ({"augment": "all"}, "auto"),
        ({"mirror": "yes"}, "True or False"),
        ({"path_length": 3}, "True or False"),
        ({"device": 0}, "a word"),
        ({"mixing": 1.5}, "from 0 to 1"),
    ],
)
def test_nonsense_is_told_in_words(given: dict[str, object], word: str) -> None:
    with pytest.raises(BadValue, match=word):
        TrainingSettings.of(given)


def test_a_misspelt_setting_is_met_with_the_right_one() -> None:
    with pytest.raises(Unknown, match="learning_rate"):
        TrainingSettings.of({"learning_rat": 1})
    with pytest.raises(Unknown, match="colour"):
        TrainingSettings(augment=("color",))


def test_few_pictures_are_augmented_and_many_are_not() -> None:
    few = TrainingSettings().for_pictures(300, 64, 64)
    assert few.augment
    assert "colour" in few.augment
    assert "colour" not in TrainingSettings().for_pictures(2000, 64, 64).augment
    assert TrainingSettings().for_pictures(20_000, 64, 64).augment == ()


def test_what_a_person_decided_is_not_decided_again() -> None:
    given = TrainingSettings(gamma=3, path_length=True, augment=("cutout",), ema_kimg=7, augment_kimg=9)
    assert given.for_pictures(300, 64, 64) == given


def test_gamma_grows_with_the_picture_and_path_length_is_for_large_ones() -> None:
    small = TrainingSettings().for_pictures(500, 64, 64)
    large = TrainingSettings().for_pictures(500, 256, 256)
    assert small.gamma is not None
    assert large.gamma == pytest.approx(16 * small.gamma)
    assert not small.path_length
    assert large.path_length


def test_augmentation_adapts_sooner_where_there_is_a_start() -> None:
    slow, quick = (TrainingSettings().for_pictures(500, 64, 64, transfer=each).augment_kimg for each in (False, True))
    assert (slow, quick) == (500, 100)
