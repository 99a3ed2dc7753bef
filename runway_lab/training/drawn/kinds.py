"""The kinds of pictures there are, and one picture of a kind."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.errors import BadValue, Unknown, shorten, suggest
from runway_lab.training.drawn.butterflies import draw_butterfly
from runway_lab.training.drawn.cats import draw_cat
from runway_lab.training.drawn.flowers import draw_flower
from runway_lab.training.drawn.landscapes import draw_landscape
from runway_lab.training.drawn.monsters import draw_monster
from runway_lab.training.drawn.people.faces import draw_face
from runway_lab.training.drawn.sheet import Sheet

__all__ = ["LARGEST", "SMALLEST", "Drawn", "draw", "kind", "kinds", "whole"]

SMALLEST, LARGEST = 16, 1024
LAST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Drawn:
    """One kind of drawn pictures, as a card would describe it."""

    name: str
    title: str
    tagline: str
    varies: tuple[str, ...]
    sheet: Callable[[np.random.Generator, int], Sheet] = field(repr=False)
    licence: str = "CC0-1.0"
    author: str = "runway-lab"

    @property
    def different(self) -> str:
        """How many there are, in words.

        >>> kind("cats").different
        'As many as there are seeds; 9 things vary.'
        """
        return f"As many as there are seeds; {len(self.varies)} things vary."


KINDS = (
    Drawn(
        "faces",
        "Faces",
        "People as in a picture book: young and old, from the front, in soft light.",
        (
            "skin",
            "hair and its cut",
            "age",
            "eyes",
            "smile",
            "beard",
            "glasses",
            "hat",
            "clothes",
            "pose",
            "light",
            "wall",
        ),
        draw_face,
    ),
    Drawn(
        "cats",
        "Cats",
        "Portraits of cats in a dozen coats, framed as the faces are: a face can become a cat.",
        ("coat", "bib", "eyes", "ears", "mouth", "collar", "pose", "light", "wall"),
        draw_cat,
    ),
    Drawn(
        "monsters",
        "Monsters",
        "Friendly ones, of any colour, with one to three eyes, horns or feelers; framed as the faces are.",
        (
            "colour",
            "number of eyes",
            "horns and ears",
            "fur",
            "pattern",
            "mouth",
            "teeth",
            "shape",
            "pose",
            "light",
            "wall",
        ),
        draw_monster,
    ),
    Drawn(
        "flowers",
        "Flowers",
        "One bloom on its stem, from daisy to dahlia, before a soft wall.",
        ("shape", "number of petals", "rows", "colour", "throat", "heart", "tilt", "leaves", "light", "wall"),
        draw_flower,
    ),
    Drawn(
        "butterflies",
        "Butterflies",
        "Wings open, seen from above: symmetry, veins, hems and eyes.",
        ("wings", "colours", "hem", "spots", "bands", "eyes", "tails", "turn", "light", "wall"),
        draw_butterfly,
    ),
    Drawn(
        "landscapes",
        "Landscapes",
        "Hills at an hour of the day and in a season, with mountains, a lake, a lit window.",
        ("hour", "season", "sun or moon", "clouds", "mountains", "hills", "lake", "house", "trees", "weather"),
        draw_landscape,
    ),
)


def kinds() -> tuple[Drawn, ...]:
    """All kinds of pictures that can be drawn.

    >>> [each.name for each in kinds()][:2]
    ['faces', 'cats']
    """
    return KINDS


def kind(name: str) -> Drawn:
    """The kind of this name."""
    for each in KINDS:
        if each.name == name:
            return each
    raise Unknown(f"Nothing here draws {shorten(name)}.", hint=suggest(name, [each.name for each in KINDS]))


def draw(name: str, seed: int, size: int = 64) -> NDArray[np.uint8]:
    """Picture `seed` of a kind, uint8 [size, size, 3]: always the same one, at every size the same picture."""
    chosen = kind(name)
    seed = whole(seed, "seed", 0, LAST_SEED)
    size = whole(size, "size", SMALLEST, LARGEST)
    return chosen.sheet(np.random.default_rng(seed), size).picture()


def whole(value: Any, what: str, low: int, high: int) -> int:
    """A whole number within bounds, or words."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise BadValue(
            f"The {what} of a drawn picture is a whole number, not {shorten(value)}.",
            hint=f"Take one from {low} to {high}.",
        )
    if not low <= number <= high:
        raise BadValue(
            f"The {what} of a drawn picture cannot be {shorten(number)}.", hint=f"Take one from {low} to {high}."
        )
    return number
