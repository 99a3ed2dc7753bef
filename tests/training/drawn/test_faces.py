"""A face is one: eyes that are dark in a lighter face, skin of its own tone, beards and hair where they are said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from runway_lab.training.drawn.people import hair
from runway_lab.training.drawn.people.clothes import Outfit
from runway_lab.training.drawn.people.faces import draw_face
from runway_lab.training.drawn.people.person import Mood, Person
from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import Sheet

SEEDS = range(90)
SIZE = 64


class Drawn:
    """A face and what was drawn of it, in the order in which `draw_face` draws from chance."""

    def __init__(self, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self.scene = Scene.chance(chance)
        self.person = Person.chance(chance)
        self.mood = Mood.chance(chance)
        self.outfit = Outfit.chance(chance, self.person.style, self.scene.wall, self.person.age)
        self.sheet: Sheet = draw_face(np.random.default_rng(seed), SIZE)

    def at(self, x: float, y: float, lift: float = 0.0, reach: int = 0) -> Any:
        """The colour at a place of the head."""
        a, b = self.scene.pose.spot(x, y, lift)
        column = int((a - self.sheet.left) * self.sheet.scale)
        row = int((b - self.sheet.top) * self.sheet.scale)
        box = self.sheet.planes[:, row - reach : row + reach + 1, column - reach : column + reach + 1]
        return box.mean(axis=(1, 2))


@pytest.fixture(scope="module")
def faces() -> list[Drawn]:
    return [Drawn(seed) for seed in SEEDS]


def test_pupils_are_darker_than_the_cheeks(faces: list[Drawn]) -> None:
    darker = []
    for each in faces:
        if each.person.skin.lightness < 0.55:
            continue
        for side in (-1, 1):
            pupil = each.at(side * 0.103 + 0.025 * each.mood.gaze[0], 0.009 * each.mood.gaze[1] + 0.004)
            darker.append(pupil.sum() < 0.6 * each.at(side * 0.11, 0.10).sum())
    assert len(darker) > 60
    assert np.mean(darker) > 0.9


def test_there_is_white_and_light_in_the_eyes_of_everybody(faces: list[Drawn]) -> None:
    bright = [
        max(
            each.at(side * 0.103 + a, b).min() for a in np.linspace(-0.05, 0.05, 9) for b in np.linspace(-0.03, 0.03, 7)
        )
        for each in faces
        for side in (-1, 1)
    ]
    assert np.quantile(bright, 0.05) > 0.65


def test_the_face_has_the_tone_of_the_skin(faces: list[Drawn]) -> None:
    asked = np.array([each.person.skin.lightness for each in faces])
    seen = np.array([each.at(0.0, 0.055, reach=1).mean() for each in faces])
    assert np.corrcoef(asked, seen)[0, 1] > 0.93
    assert np.ptp(asked) > 0.4


def test_hair_has_its_colour(faces: list[Drawn]) -> None:
    covered = [
        each for each in faces if each.person.style in ("part", "bob", "crop", "bun", "afro") and not each.outfit.hat
    ]
    asked = np.array([each.person.hair.lightness for each in covered])
    seen = np.array([each.at(0.0, -0.255, reach=1).mean() for each in covered])
    assert len(covered) > 15
    assert np.corrcoef(asked, seen)[0, 1] > 0.85


def test_a_full_beard_is_of_hair_and_a_shaved_chin_of_skin(faces: list[Drawn]) -> None:
    def nearer_to_hair(each: Drawn) -> bool:
        chin = each.at(0.0, 0.238, reach=1)
        hair_, skin = (tone.rgb().ravel() for tone in (each.person.hair, each.person.skin))
        return bool(np.abs(chin - hair_).sum() < np.abs(chin - skin).sum())

    apart = [each for each in faces if abs(each.person.hair.lightness - each.person.skin.lightness) > 0.25]
    bearded = [nearer_to_hair(each) for each in apart if each.person.beard == "full"]
    shaved = [nearer_to_hair(each) for each in apart if not each.person.beard and each.person.style != "veil"]
    assert min(len(bearded), len(shaved)) >= 4
    assert np.mean(bearded) > 0.9
    assert np.mean(shaved) < 0.1


def test_a_grin_shows_teeth(faces: list[Drawn]) -> None:
    def whitest(each: Drawn) -> float:
        return max(float(each.at(x, y).min()) for x in (-0.02, 0.0, 0.02) for y in np.linspace(0.15, 0.19, 6))

    grins = [whitest(each) for each in faces if each.mood.mouth in ("grin", "laugh")]
    closed = [whitest(each) for each in faces if each.mood.mouth == "closed" and each.person.skin.lightness < 0.7]
    assert np.median(grins) > 0.75
    assert np.median(closed) < 0.5


def test_people_are_of_all_kinds(faces: list[Drawn]) -> None:
    people = [each.person for each in faces]
    assert len({each.style for each in people}) >= 10
    assert {each.style for each in people} <= set(hair.STYLES)
    assert {"", "full", "moustache"} <= {each.beard for each in people}
    assert {True, False} == {each.manly for each in people}
    assert {"", "round", "square"} == {each.outfit.glasses for each in faces}
    assert len({each.outfit.collar for each in faces}) == 6
    assert sum(bool(each.outfit.hat) for each in faces) >= 10
    assert max(each.age for each in people) > 0.75
    assert min(each.age for each in people) < 0.15


def test_children_wear_no_beards_and_women_none_either() -> None:
    for seed in range(400):
        person = Person.chance(np.random.default_rng(seed))
        if person.beard:
            assert person.manly
            assert person.age > 0.3


@pytest.mark.parametrize("style", sorted(hair.STYLES))
def test_every_cut_can_be_drawn_and_is_seen(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(cut: str) -> Any:
        monkeypatch.setattr(hair, "chance_style", lambda *_: cut)
        return draw_face(np.random.default_rng(21), SIZE).picture().astype(float)

    assert np.abs(drawn(style) - drawn("crop" if style == "bald" else "bald")).mean() > 1.0
