"""Hair that lies behind the head and the shoulders: manes, clouds, buns and bunches."""

from __future__ import annotations

import numpy as np

from runway_lab.training.drawn.people.hair import STYLES, Locks, runs, wavy
from runway_lab.training.drawn.portrait import Scene
from runway_lab.training.drawn.sheet import (
    Field,
    Sheet,
    ellipse,
    ribbon,
    smooth,
    taper,
)
from runway_lab.training.drawn.tones import Tone

__all__ = ["behind"]


def behind(locks: Locks, sheet: Sheet, scene: Scene, u: Field, v: Field) -> None:
    """Hair behind the shoulders, buns and bunches."""
    pose, tone = scene.pose, locks.tone
    back = STYLES[locks.style][3]
    if locks.style == "bun":
        x, y = pose.spot(0.0, -0.335)
        _ball(locks, sheet, scene, x, y, 0.088)
    elif locks.style == "bunches":
        for side in (-1, 1):
            x, y = pose.spot(0.285 * side, 0.03)
            drop = smooth(
                [
                    (x - 0.075 * side, y - 0.12),
                    (x + 0.02 * side, y - 0.125),
                    (x + 0.085 * side, y + 0.01),
                    (x + 0.05 * side, y + 0.19),
                    (x + 0.005 * side, y + 0.235),
                    (x - 0.045 * side, y + 0.11),
                ]
            )
            light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(y), 0.10, 0.20)
            sheet.fill([drop], scene.lit(tone, light))
            lines = [
                smooth(
                    [
                        (x + (a - 0.06) * side, y - 0.11),
                        (x + (a * 1.4) * side, y),
                        (x + (a * 0.5 + 0.005) * side, y + 0.2),
                    ],
                    closed=False,
                )
                for a in (-0.02, 0.01, 0.04)
            ]
            sheet.fill([ribbon(each, 0.008 * taper(len(each))) for each in lines], tone.shade(1.2).rgb(), 0.6)
            sheet.fill(
                [ellipse(x - 0.055 * side, y - 0.115, 0.030, 0.030)], Tone(0.60, 0.15, scene.wall.hue + 165).rgb()
            )
    if back is None:
        return
    wide, end = back
    if locks.style in ("curls", "afro"):
        squeeze = 0.88 if locks.hat in ("beanie", "straw", "beret") else 1.0
        high = -0.12 if locks.style == "afro" else -0.05
        angle = np.linspace(0, 2 * np.pi, 27)[:-1]
        bumps = []
        for index, a in enumerate(angle):
            x, y = pose.spot(
                float(np.cos(a)) * (wide - 0.05) * squeeze,
                high + float(np.sin(a)) * (0.26 if locks.style == "afro" else 0.27) * squeeze,
            )
            radius = 0.056 + 0.014 * float(locks.jitter[index, 0])
            bumps.append(ellipse(x, y, radius, radius, count=16))
        x, y = pose.spot(0.0, high)
        bumps.append(ellipse(x, y, wide - 0.03, 0.26))
        cloud = sheet.shape(bumps)
        light = scene.sphere(u, v - np.float32(high), wide + 0.03, 0.33)
        sheet.paint(cloud, scene.lit(tone.shade(0.15), light, 1.1))
        locks.curl_lines(sheet, scene, cloud, high, wide)
    else:
        shape = [
            (0.0, -0.31),
            (0.17, -0.26),
            (0.245, -0.10),
            (wide - 0.01, 0.10),
            (wide, 0.6 * end),
            (wide - 0.03, end),
            (0.10, end + 0.02),
        ]
        shape = shape + [(-x, y) for x, y in reversed(shape[1:])]
        edge = smooth(shape)
        if locks.style == "waves":
            edge = wavy(edge, 0.013, 9)
        placed = pose.place(edge)
        mass = sheet.shape([placed])
        light = scene.sphere(u, v - np.float32(0.10), wide + 0.06, 0.50)
        sheet.paint(mass, scene.lit(tone.shade(0.45), light))
        sheet.paint(mass * sheet.spot(*pose.spot(0.0, 0.22), 0.15, 0.20) * np.float32(0.55), tone.shade(1.6).rgb())
        start = np.stack([np.linspace(-0.2, 0.2, 14), np.full(14, -0.1)], axis=1)
        finish = np.stack([np.linspace(-wide, wide, 14) * 0.95, np.full(14, end)], axis=1)
        locks.strands(
            sheet,
            mass,
            pose.place(runs(start, (start + finish) / 2 * (1.1, 1), finish)),
            0.010,
            0.35,
            tone.shade(1.3),
        )


def _ball(locks: Locks, sheet: Sheet, scene: Scene, x: float, y: float, radius: float) -> None:
    light = scene.sphere(sheet.x - np.float32(x), sheet.y - np.float32(y), radius * 1.1, radius * 1.1)
    sheet.fill([ellipse(x, y, radius, radius * 0.92)], scene.lit(locks.tone, light))
    rings = [
        smooth(
            [
                (x - radius * k, y + 0.2 * radius),
                (x - 0.2 * radius, y - radius * k * 0.7),
                (x + radius * k, y + 0.1 * radius),
            ],
            closed=False,
        )
        for k in (0.4, 0.65, 0.88)
    ]
    sheet.fill([ribbon(each, 0.009 * taper(len(each))) for each in rings], locks.tone.shade(1.2).rgb(), 0.6)
