"""People, from the front: the first page of a picture book.

A person is drawn from back to front: wall, hair behind the shoulders, clothes, neck, ears, face, what the hair
throws as a shadow, eyes, nose, mouth, beard, hair, glasses or hat. The other modules of this folder draw one of
these each. Eyes and mouth are at nearly the same place in every picture and large enough to be seen at 64 pixels.
"""

from __future__ import annotations

import numpy as np

from runway_lab.training.drawn.people import beards, behind, clothes, features, hair, hats
from runway_lab.training.drawn.people.person import Mood, Person
from runway_lab.training.drawn.portrait import CLOSER, Scene
from runway_lab.training.drawn.sheet import (
    Field,
    Points,
    Sheet,
    ellipse,
    ribbon,
    smooth,
    taper,
)
from runway_lab.training.drawn.tones import Tone

__all__ = ["draw_face"]


def draw_face(chance: np.random.Generator, size: int) -> Sheet:
    sheet = Sheet(size, closer=CLOSER, about=(0.5, 0.60))
    scene = Scene.chance(chance)
    person = Person.chance(chance)
    mood = Mood.chance(chance)
    outfit = clothes.Outfit.chance(chance, person.style, scene.wall, person.age)
    locks = hair.Locks.chance(chance, person.style, person.hair, outfit.hat)
    pose = scene.pose
    u, v = pose.unplace(sheet)
    light = scene.sphere(u, v, 0.235, 0.30)

    scene.backdrop(sheet)
    behind.behind(locks, sheet, scene, u, v)
    edge = pose.place(outline(person), edge=True)
    clothes.shoulders(sheet, scene, outfit, person.skin, broad=0.03 if person.manly else 0.0)
    _ears(sheet, scene, person, outfit)
    face = sheet.shape([edge])
    sheet.paint(face, scene.lit(person.skin, light))
    _flesh(sheet, scene, person, face, u, v)
    locks.shadow(sheet, scene, face)
    features.eyes(sheet, scene, person, mood)
    features.nose(sheet, scene, person)
    features.mouth(sheet, scene, person, mood)
    if person.beard:
        beards.beard(sheet, scene, person.beard, person.hair, edge, face, light, u, v, mouth=mood.mouth)
        if person.beard in ("full", "goatee"):
            features.mouth(sheet, scene, person, mood)
    features.brows(sheet, scene, person, mood)
    if person.style == "veil":
        hats.veil(locks, sheet, scene, u, v)
    else:
        locks.front(sheet, scene, u, v)
    hats.on_top(sheet, scene, outfit, u, v, chance)
    scene.finish(sheet)
    return sheet


def outline(person: Person) -> Points:
    """The edge of the face, without hair: from the top, clockwise."""
    w, j = person.width, person.jaw
    long = 0.012 if person.manly else 0.0
    right = [
        (0.11, -0.245),
        (0.185 + w, -0.14),
        (0.205 + w, 0.0),
        (0.192 + w + 0.3 * j, 0.09),
        (0.155 + w + j, 0.175),
        (0.085 + j, 0.245 + long),
    ]
    left = [(-x, y) for x, y in reversed(right)]
    return smooth([(0.0, -0.275), *right, (0.0, 0.272 + long), *left], pieces=5)


def _ears(sheet: Sheet, scene: Scene, person: Person, outfit: clothes.Outfit) -> None:
    shade = person.skin.shade(0.6)
    for side in (-1, 1):
        # The ear on the far side of a turned head hides behind the cheek.
        seen = 0.212 + person.width - 0.10 * max(0.0, scene.pose.yaw * side)
        x, y = scene.pose.spot(side * seen, 0.03)
        tone = person.skin.shifted(-0.01, 0.012) if side * scene.side > 0 else shade
        sheet.fill([ellipse(x, y, 0.034, 0.056, 0.15 * side)], tone.rgb())
        sheet.fill(
            [ellipse(x + 0.004 * side, y + 0.002, 0.018, 0.036, 0.15 * side)],
            shade.shifted(-0.05, 0.03).rgb(),
            0.6,
            soft=0.006,
        )
        if outfit.earrings is not None:
            sheet.fill([ellipse(x + 0.004 * side, y + 0.068, 0.015, 0.018)], outfit.earrings.rgb())
            sheet.dab(Tone(0.98, 0.02, 90).rgb(), 0.9, x, y + 0.063, 0.006)


def _flesh(sheet: Sheet, scene: Scene, person: Person, face: Field, u: Field, v: Field) -> None:
    """What makes a face of a lit egg: rosy cheeks, deep eyes, light on forehead and chin, freckles, years."""
    pose, skin = scene.pose, person.skin
    rose = Tone(max(skin.lightness - 0.08, 0.30), skin.chroma + 0.07, 24).rgb()
    blush = 0.22 + 0.32 * max(skin.lightness - 0.4, 0.0) / 0.5
    deep = skin.shade(1.0).shifted(-0.02, 0.015).rgb()
    glow = skin.glow(1.0).rgb()
    for side in (-1, 1):
        x, y = pose.spot(side * 0.125, 0.105)
        sheet.paint(face * sheet.spot(x, y, 0.050, 0.036) * np.float32(blush), rose)
        x, y = pose.spot(side * 0.10, -0.012)
        sheet.paint(face * sheet.spot(x, y, 0.062, 0.045) * np.float32(0.22), deep)
        if side * scene.side > 0:
            x, y = pose.spot(side * 0.115, 0.065)
            sheet.dab(glow, 0.35, x, y, 0.035, 0.020)
    x, y = pose.spot(0.07 * scene.side, -0.13)
    sheet.paint(face * sheet.spot(x, y, 0.075, 0.045) * np.float32(0.35), glow)
    x, y = pose.spot(0.0, 0.208)
    sheet.dab(deep, 0.30, x, y, 0.045, 0.012)
    x, y = pose.spot(0.01 * scene.side, 0.238)
    sheet.dab(glow, 0.30, x, y, 0.030, 0.016)
    if person.freckles:
        angle = np.random.default_rng(7).normal(0, 1, (26, 2)) * (0.085, 0.028) + (0, 0.085)
        spots = pose.place(angle)
        sheet.fill(
            [ellipse(x, y, 0.0055, 0.005, count=8) for x, y in spots],
            skin.shade(0.9).shifted(0, 0.03).rgb(),
            0.55 * person.freckles,
        )
    if person.age > 0.62:
        strength = (person.age - 0.5) * 0.9
        lines = [[(0.065 * side, 0.10), (0.098 * side, 0.145), (0.100 * side, 0.185)] for side in (-1, 1)] + [
            [(0.165 * side, 0.02 + rise), (0.19 * side, 0.02 + 1.6 * rise)]
            for side in (-1, 1)
            for rise in (-0.016, 0.014)
        ]
        lines += [
            [(-0.09, -0.15), (0.0, -0.158), (0.09, -0.15)],
            [(-0.075, 0.048), (-0.105, 0.056), (-0.14, 0.045)],
            [(0.075, 0.048), (0.105, 0.056), (0.14, 0.045)],
        ]
        for each in lines:
            path = pose.place(smooth(each, closed=False, pieces=4))
            sheet.fill([ribbon(path, 0.008 * taper(len(path)) + 0.001)], deep, strength)
