"""Makes the dataset an experiment is to learn from, before it is queued: the state *preparing*.

The supervisor does this, so that it goes on when the page is closed. What was prepared before an interruption is used
again where datasets can do that; a wish to pause or to stop is heard between pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runway_lab.errors import BadValue, RunwayLabError
from runway_lab.library.places import place
from runway_lab.training.experiments import states, wishes
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.room import tell_pictures

if TYPE_CHECKING:
    from runway_lab.training.datasets import Dataset

__all__ = ["DRAWN", "lineage_of", "prepare"]

DRAWN = "drawn:"
"""What begins the place of pictures that are drawn by code."""

BEAT_SECONDS = 0.5
MOST_NAMES = 50
DRAWN_COUNT = 1000


def prepare(folder: Folder, ending: Callable[[], bool]) -> None:
    """Makes the dataset and puts the experiment into the queue; or says why not."""
    from runway_lab.training.datasets import Progress, Stopped
    from runway_lab.training.experiments.beginning import described

    said = Plan.read(folder).dataset
    beat = 0.0

    def heard(progress: Progress | str) -> None:
        nonlocal beat
        if time.monotonic() - beat > BEAT_SECONDS:
            beat = time.monotonic()
            states.note(folder, why=f"Its pictures are being prepared: {progress}.")

    def stop() -> bool:
        wish = wishes.read(folder)
        return bool(wish.pause or wish.stop or ending())

    try:
        dataset = _made(said, heard, stop)
    except Stopped:
        wish = wishes.read(folder)
        name, why = ("stopped", wish.stop) if wish.stop else ("paused", wish.pause or "The machine was shut down.")
        states.change(folder, name, why, only_from=("preparing",))
        return
    except RunwayLabError as error:
        states.change(folder, "failed", str(error), only_from=("preparing",))
        return
    plan = Plan.change(
        folder, dataset=described(dataset), lineage=lambda was: [*was[:-1], lineage_of(described(dataset))]
    )
    report = None if str(said["make_from"]).startswith(DRAWN) else dataset.report
    tell_pictures(folder, plan, report, str(said["make_from"]))
    states.change(folder, "queued", "It waits for its turn.", only_from=("preparing",), queued=time.time())


def _made(said: dict[str, Any], heard: Callable[[Any], None], stop: Callable[[], bool]) -> Dataset:
    """The dataset by its name, or by the next one that is free where other pictures have it."""
    from runway_lab.training.datasets import Dataset, Stopped

    def drawn(done: int, count: int) -> None:
        # Drawing has no other ear: it ends where this raises.
        if stop():
            raise Stopped(f"Drawing was stopped after {done:,} pictures.", hint="")
        heard(f"{done:,} of {count:,} pictures are drawn")

    if str(said["make_from"]).startswith(DRAWN):
        kind = said["make_from"].removeprefix(DRAWN)
        return Dataset.drawn(kind, **{"count": DRAWN_COUNT, **said.get("options", {})}, progress=drawn)
    number, name = 1, said["name"]
    while True:
        there = (place("datasets") / name).exists()
        try:
            return Dataset.create(name, said["make_from"], **said.get("options", {}), progress=heard, stop=stop)
        except BadValue:
            if not there or number > MOST_NAMES:
                raise
            number += 1
            name = f"{said['name']}-{number}"


def lineage_of(dataset: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of the pictures it was made from."""
    return {name: dataset[name] for name in ("title", "licence", "digest") if dataset.get(name)}
