"""The kept checkpoints: spread over the run, however long it becomes.

They are written at even distances. When there are more than may be kept, because training was extended or paused, the
one goes whose neighbours are nearest to each other; the newest stays, and so do those a person pinned. So the kept ones
stay spread over the run, and the room they take stays bounded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from runway_lab.errors import BadValue
from runway_lab.training.experiments.folder import Folder, steps_in

__all__ = ["kept_steps", "nearest", "superfluous", "thin", "to_keep"]


def to_keep(steps: int, count: int) -> list[int]:
    """At which steps a checkpoint is written.

    >>> to_keep(3000, 4)
    [750, 1500, 2250, 3000]
    """
    count = max(1, min(count, steps))
    return sorted({round(steps * (i + 1) / count) for i in range(count)})


def kept_steps(folder: Folder) -> list[int]:
    """The steps whose checkpoints are there."""
    return steps_in(folder.checkpoints, ".safetensors")


def superfluous(steps: Collection[int], pinned: Collection[int], count: int) -> list[int]:
    """Which checkpoints go so that `count` stay, besides the pinned ones.

    >>> superfluous([100, 200, 250, 300, 400], [], 3)
    [250, 300]
    >>> superfluous([100, 200, 250, 300, 400], [250], 3)
    [300]
    """
    there, gone = sorted(steps), []
    while len(free := [step for step in there if step not in pinned]) > max(1, count):
        # The newest has no right neighbour and is not among those that may go.
        candidates = [step for step in free if step != there[-1]]
        if not candidates:
            break
        places = {step: there.index(step) for step in candidates}
        gap = {step: there[at + 1] - (there[at - 1] if at else 0) for step, at in places.items()}
        going = min(candidates, key=lambda step: (gap[step], -step))
        there.remove(going)
        gone.append(going)
    return sorted(gone)


def thin(folder: Folder, pinned: Collection[int], count: int) -> list[int]:
    """Deletes the checkpoints that are too many; which those were."""
    gone = superfluous(kept_steps(folder), pinned, count)
    for step in gone:
        with contextlib.suppress(OSError):
            folder.checkpoint(step).unlink()
    return gone


def nearest(steps: Collection[int], wanted: int | None) -> int:
    """The kept step that is nearest to the one asked for; the newest for None, the earlier of two alike."""
    if not steps:
        raise BadValue(
            "This experiment has no checkpoint yet.", hint="The first is kept after some steps, and when it is paused."
        )
    return max(steps) if wanted is None else min(steps, key=lambda step: (abs(step - wanted), step))
