"""Who is drawn, and in what mood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runway_lab.training.drawn.people import hair
from runway_lab.training.drawn.tones import Tone, between

__all__ = ["Mood", "Person"]


SKINS = (
    Tone(0.890, 0.052, 50),
    Tone(0.860, 0.064, 57),
    Tone(0.815, 0.070, 62),
    Tone(0.760, 0.080, 66),
    Tone(0.690, 0.088, 62),
    Tone(0.590, 0.088, 56),
    Tone(0.490, 0.078, 50),
    Tone(0.400, 0.062, 46),
)
# Brown, amber, hazel, green, gray, blue, and how often.
EYES = (
    Tone(0.40, 0.07, 55),
    Tone(0.56, 0.11, 70),
    Tone(0.55, 0.08, 100),
    Tone(0.60, 0.10, 145),
    Tone(0.60, 0.03, 240),
    Tone(0.62, 0.10, 245),
)
EYE_SHARES = (0.38, 0.12, 0.12, 0.14, 0.08, 0.16)


@dataclass(frozen=True)
class Person:
    """Who it is: what stays when the person turns or smiles."""

    skin: Tone
    hair: Tone
    style: str
    iris: Tone
    age: float  # 0 a child, 1 very old
    manly: bool  # a broader jaw, thicker brows, perhaps a beard; thinner lips
    beard: str
    width: float
    jaw: float
    big_eyes: float
    nose: float
    freckles: float

    @classmethod
    def chance(cls, chance: np.random.Generator) -> Person:
        place = float(chance.uniform(0, len(SKINS) - 1.001))
        dark = place / (len(SKINS) - 1)
        skin = between(SKINS[int(place)], SKINS[int(place) + 1], place % 1)
        manly = bool(chance.random() < 0.5)
        age = float(np.clip(chance.beta(1.6, 2.2), 0, 1))
        tone = hair.chance_tone(chance, dark, age)
        iris = EYES[int(chance.choice(6, p=EYE_SHARES))] if chance.random() > 0.75 * dark else EYES[0]
        beard = ""
        if manly and age > 0.3 and chance.random() < 0.55:
            beard = str(chance.choice(["full", "stubble", "moustache", "goatee"], p=[0.4, 0.2, 0.22, 0.18]))
        young = max(0.0, 0.4 - age)
        return cls(
            skin=skin,
            hair=tone,
            style=hair.chance_style(chance, manly, age),
            iris=iris.shifted(float(chance.uniform(-0.04, 0.04)), 0, float(chance.uniform(-8, 8))),
            age=age,
            manly=manly,
            beard=beard,
            width=float(chance.normal(0, 0.008)) + 0.02 * young,
            jaw=float(chance.normal(0.01 if manly else -0.008, 0.010)) + 0.01 * young,
            big_eyes=float(chance.normal(0.0 if manly else 0.07, 0.06)) + 0.35 * young,
            nose=float(chance.normal(0.0, 0.6)) - 2.0 * young,
            freckles=float(chance.random() < 0.16) * (1 - dark) * float(chance.uniform(0.4, 1)),
        )


@dataclass(frozen=True)
class Mood:
    """What the face does just now."""

    smile: float
    mouth: str
    open: float
    brow: float
    gaze: tuple[float, float]

    @classmethod
    def chance(cls, chance: np.random.Generator) -> Mood:
        mouth = str(chance.choice(["closed", "grin", "laugh", "oh"], p=[0.58, 0.24, 0.12, 0.06]))
        smile = (
            float(np.clip(chance.normal(0.45, 0.45), -0.6, 1.2)) if mouth == "closed" else float(chance.uniform(0.5, 1))
        )
        gaze = chance.normal(0, 0.25, 2).clip(-0.5, 0.5)
        return cls(
            smile,
            mouth,
            float(chance.normal(1.0, 0.10)),
            float(chance.normal(0.15, 0.5)),
            (float(gaze[0]), float(gaze[1])),
        )
