"""What a person should know when a training begins: how many pictures are used, and about how much room it will take.

The room is reckoned from the number of weights the networks will have, without making them: right to about a fifth.
(`estimate` measures.)
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from runway_lab.training.experiments import states
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.loop.shapes import shape_of

__all__ = ["room_of", "tell_pictures"]

RESUMES = 2
"""So many generations of what is needed to go on are kept."""


def tell_pictures(folder: Folder, plan: Plan, report: Any = None, source: str = "") -> None:
    """A line in the diary: used and left out, advice where they are few, and the room the run will take."""
    from runway_lab.training.datasets.report import FEWEST, advice

    count = int(plan.dataset["count"])
    used = f"{count:,} pictures"
    if report is not None and report.taken < report.total:
        used = f"{report.taken:,} of {report.total:,} pictures"
    words = [f"{used} {'are' if count != 1 else 'is'} used."]
    if report is not None and report.taken < report.total:
        left = report.total - report.taken
        words[0] = f"{words[0][:-1]}, {left:,} left out (`runway-lab datasets check {source}` says why)."
    if count < FEWEST:
        words.append(advice(count))
    room = room_of(plan, folder)
    words.append(f"The run will take about {_bytes(room)} of the disk." if room else "")
    states.tell(folder, " ".join(filter(None, words)), kind="pictures")


def room_of(plan: Plan, folder: Folder | None = None) -> int:
    """The bytes that its checkpoints and what it needs to go on will take; 0 where nobody knows."""
    data, chosen = plan.dataset, plan.settings
    try:
        drawing, judging = _weights(
            int(data["height"]), int(data["width"]), chosen.get("channel_base"), chosen.get("channel_max")
        )
    except (LookupError, TypeError, ValueError):
        return 0
    if folder is not None and (name := plan.start.get("file")):
        # What it starts from decides how wide it is. A foreign file holds about the same: average, and often more.
        held = (folder.root / name).stat().st_size / 4
        if held > drawing + judging:
            drawing, judging = held * drawing / (drawing + judging), held * judging / (drawing + judging)
    checkpoint = 4 * (drawing + judging)
    # To go on, the generator that learns and what the optimisers remember are needed as well.
    resume = 4 * (4 * drawing + 3 * judging)
    count = min(int(chosen.get("kept", 12)), plan.steps)
    return round(count * checkpoint + RESUMES * resume)


def _weights(height: int, width: int, base: int | None, widest: int | None) -> tuple[float, float]:
    """How many weights a generator and a discriminator have."""
    resolution, start = shape_of(height, width)
    base = base or {64: 2048, 128: 8192}.get(max(resolution, 64), 16384)
    widest = widest or {64: 128, 128: 256}.get(max(resolution, 64), 512)
    at = [min(widest, base // 2**level) for level in range(2, int(math.log2(resolution)) + 1)]
    blocks = sum(9 * (before * after + after * after) for before, after in pairwise(at))
    last = at[0]
    return blocks + 9.0 * last * last, blocks + 9.0 * last * (last + 1) + float(last * last * start[0] * start[1])


def _bytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
