"""What the measures of a run say, in a sentence: improving, settled, turned, or beginning to look the same.

Single measurements jump, so nothing is said of one: rows are smoothed by a running median, the size of their jumps
is taken from the rows themselves, and what counts must be beyond it and last for some rows.

Variety is compared with what it was when the samples were about as good as they ever got. A transfer from faces to
cats may well begin with more variety than it ends with, and that is no alarm as long as quality improves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Kind", "Row", "Verdict", "earliest_alarm", "judge"]

Kind = Literal["too early", "improving", "settled", "turned", "losing variety"]
Row = tuple[int, float, float]
"""Step, distance (`swd`, lower is better), variety (`diversity`, 1.0 is that of the data)."""

FEWEST = 6
"""Rows before anything is said."""

FEWEST_IMAGES, FEWEST_SHARE = 10_000, 0.2
"""Pictures and share of all steps that a training needs before it can be said to have gone wrong: a transfer gets worse
before it gets better, and what starts from nothing does not know where it goes."""

WINDOW = 5
PATIENCE = 3
"""So many smoothed rows in a row must say the same ..."""

LASTING_FALL, LASTING_TURN = 0.08, 0.2
"""... and for this share of all steps: a distance recovers more often than a variety does."""

FALL = 0.15
"""Variety has fallen when this share of it is gone ..."""

RISE = 0.12
"""... and quality has turned when the distance has grown by this share."""

NOISE = 4.5
"""Both also have to be so many times beyond the jumps of single rows, smoothed as they are."""

TURN_LATER = 4
"""So many times later than an alarm about variety: in the first tens of thousands of images the distance may grow for
long while pictures come out clearer (faces on their way to cats did so from 8,000 to 19,000)."""

ABOUT_AS_GOOD = 1.1
SETTLED = 0.03

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    """What is going on, the step with the best samples so far, and both in words."""

    kind: Kind
    best_step: int
    sentence: str

    @property
    def alarm(self) -> bool:
        """Whether more steps make it worse."""
        return self.kind in ("turned", "losing variety")


def earliest_alarm(steps: int, batch: int) -> int:
    """The step before which nothing is said of a training of so many steps.

    >>> earliest_alarm(3000, batch=16), earliest_alarm(20_000, batch=16), earliest_alarm(60, batch=16)
    (625, 4000, 625)
    """
    return max(math.ceil(FEWEST_IMAGES / batch), math.ceil(FEWEST_SHARE * steps))


def judge(rows: Iterable[Row], earliest: int = 0) -> Verdict:
    """The verdict on a history; rows with numbers that are not finite are left out. Before the step `earliest` it is
    too early to say anything.

    >>> judge((step, 60.0 - step / 100, 0.9) for step in range(0, 3000, 200)).sentence
    'Still improving; the best step so far is 2,800.'
    """
    history = sorted({int(step): (float(swd), float(variety)) for step, swd, variety in rows}.items())
    table = np.array([(step, *values) for step, values in history], np.float64).reshape(-1, 3)
    table = table[np.isfinite(table).all(axis=1)]
    steps = table[:, 0].astype(int)
    if not len(steps):
        return Verdict("too early", 0, "Nothing has been measured yet.")
    # More varied than the data is no better than as varied.
    table[:, 2] = np.minimum(table[:, 2], 1)
    distance, variety = _smooth(table[:, 1]), _smooth(table[:, 2])
    known = [_peak(distance, variety, at) for at in range(len(steps))]
    best = int(np.argmin(_penalised(distance, variety, known[-1][1])))
    if len(steps) < FEWEST or steps[-1] < earliest:
        return Verdict("too early", int(steps[best]), "It is too early to tell how it goes.")

    lost = (
        known[at][1] - variety[at] > max(FALL * known[at][1], NOISE * _jumps(table[: at + 1, 2]))
        for at in _lately(steps, LASTING_FALL)
    )
    if all(lost):
        peak = known[-1][1]
        return Verdict(
            "losing variety",
            int(steps[best]),
            f"Too many steps: the pictures begin to look the same (variety {_number(peak)} at its best, "
            f"{_number(variety[-1])} now). The best step was {steps[best]:,}.",
        )
    turned = (
        distance[at] - known[at][0] > max(RISE * known[at][0], NOISE * _jumps(table[: at + 1, 1]))
        for at in _lately(steps, LASTING_TURN)
    )
    if all(turned) and steps[-1] < TURN_LATER * earliest:
        return Verdict("too early", int(steps[best]), "It is too early to tell how it goes.")
    if all(turned):
        return Verdict(
            "turned",
            int(steps[best]),
            "Quality has turned: the pictures move away from yours again (distance "
            f"{known[-1][0]:.1f} at its best, {distance[-1]:.1f} now). The best step was {steps[best]:,}.",
        )
    if _still_falls(distance, table[:, 1]):
        return Verdict("improving", int(steps[best]), f"Still improving; the best step so far is {steps[best]:,}.")
    return Verdict(
        "settled",
        int(steps[best]),
        f"It hardly changes any more; the best step so far is {steps[best]:,}.",
    )


def _lately(steps: NDArray[np.int64], share: float) -> range:
    """The rows of the last share of the steps, `PATIENCE` at least."""
    since = int(np.searchsorted(steps, steps[-1] * (1 - share)))
    return range(min(since, len(steps) - PATIENCE), len(steps))


def _smooth(values: Numbers) -> Numbers:
    """The running median; at the ends of what there is, so that one odd row neither is nor hides an end."""
    reach = WINDOW // 2
    return np.array([np.median(values[max(0, at - reach) : at + reach + 1]) for at in range(len(values))])


def _jumps(values: Numbers) -> float:
    """How far single rows lie from a straight line through their neighbours, for the spread of a smoothed row."""
    if len(values) < 3:
        return float("inf")
    bends = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])[-30:]
    # 1.48 makes a median a standard deviation, the root of 6 undoes the combination of three rows.
    return float(1.48 * np.median(bends) / np.sqrt(6) / np.sqrt(WINDOW / 1.5))


def _peak(distance: Numbers, variety: Numbers, at: int) -> tuple[float, float]:
    """At a row: the least distance up to it, and the most variety among those about as good."""
    low = float(distance[: at + 1].min())
    good = distance[: at + 1] <= ABOUT_AS_GOOD * low
    return low, float(variety[: at + 1][good].max())


def _penalised(distance: Numbers, variety: Numbers, peak: float) -> Numbers:
    """The distance, made larger as variety is missing."""
    missing = np.clip(peak - variety, 0, None) / max(peak, 1e-6)
    found: Numbers = distance * (1 + missing)
    return found


def _still_falls(distance: Numbers, raw: Numbers) -> bool:
    """Whether the last third lies clearly under the third before it: by more than chance moves two such medians."""
    third = max(2, len(distance) // 3)
    before, now = float(np.median(distance[-2 * third : -third])), float(np.median(distance[-third:]))
    return before - now > max(SETTLED * before, 8 * _jumps(raw) / math.sqrt(third))


def _number(value: float) -> str:
    return f"{value:.2f}"
