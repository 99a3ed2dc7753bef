"""Beards, moustaches and what is left of them by the evening."""

from __future__ import annotations

import numpy as np

from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import (
    Field,
    Points,
    Sheet,
    smooth,
)
from runway_lab.training.drawn.tones import Tone

__all__ = ["beard"]


def beard(
    sheet: Sheet,
    scene: Scene,
    kind: str,
    tone: Tone,
    edge: Points,
    face: Field,
    light: Field,
    u: Field,
    v: Field,
    mouth: str,
) -> None:
    """Hair around the mouth."""
    pose = scene.pose
    tone = tone.shifted(-0.02)
    whiskers = smooth(
        [
            (0.0, 0.128),
            (0.045, 0.132),
            (0.088, 0.158),
            (0.092, 0.178),
            (0.05, 0.158),
            (0.0, 0.152),
            (-0.05, 0.158),
            (-0.092, 0.178),
            (-0.088, 0.158),
            (-0.045, 0.132),
        ]
    )
    if kind == "moustache":
        outlines, thick = [whiskers], 0.95
    elif kind == "goatee":
        chin = smooth(
            [
                (0.0, 0.202),
                (0.045, 0.205),
                (0.062, 0.245),
                (0.035, 0.305),
                (0.0, 0.318),
                (-0.035, 0.305),
                (-0.062, 0.245),
                (-0.045, 0.205),
            ]
        )
        outlines, thick = [whiskers, chin], 0.92
    else:
        longer = 0.045 if kind == "full" else 0.0
        half = [(0.208, -0.01), (0.204, 0.10), (0.172, 0.19), (0.10, 0.262 + 0.6 * longer), (0.0, 0.282 + longer)]
        inner = [(0.0, 0.130), (0.062, 0.135), (0.108, 0.160), (0.150, 0.125), (0.186, 0.04)]
        outlines = [
            smooth(
                [*half, *[(-x, y) for x, y in reversed(half[:-1])], *[(-x, y) for x, y in reversed(inner)], *inner[1:]],
                pieces=5,
            )
        ]
        thick = 0.93 if kind == "full" else 0.24
    mask = sheet.shape([pose.place(each) for each in outlines], soft=0.008 if kind == "stubble" else 0.004)
    if kind == "stubble":
        mask = mask * face
    sheet.paint(mask * np.float32(thick), scene.lit(tone, light, 1.1))
    if kind != "stubble":
        chance = np.random.default_rng(3)
        roots = chance.uniform((-0.2, 0.12), (0.2, 0.30), (60, 2))
        tips = roots + np.stack([roots[:, 0] * 0.10, np.full(60, 0.034)], axis=1)
        paths = pose.place(np.stack([roots, (roots + tips) / 2 + (0.003, 0), tips], axis=1))
        sheet.paint(mask * sheet.lines(paths[::2], 0.008) * np.float32(0.4), tone.shade(1.1).rgb())
        sheet.paint(mask * sheet.lines(paths[1::2], 0.007) * np.float32(0.45), tone.shifted(0.08, 0.01).rgb())
