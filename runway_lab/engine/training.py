"""`rl.train` and `rl.experiments`: the trainings of this machine, begun and found again from any kernel.

What an experiment is lives in `runway_lab.training.experiments`; here it meets the machine: how many cores may be
used, and the line that tells a person who waits how far it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runway_lab.engine.machine import cores
from runway_lab.engine.words import Line
from runway_lab.errors import BadValue
from runway_lab.training.experiments.beginning import begin
from runway_lab.training.experiments.experiment import Experiment
from runway_lab.training.experiments.plan import Budget
from runway_lab.training.experiments.shelf import Experiments

if TYPE_CHECKING:
    from runway_lab.training.datasets import Dataset

__all__ = ["experiments", "follow", "pictures", "train", "with_threads"]

PREPARING = ("size", "crop", "channels", "rotate", "zoom_in", "zoom_out", "licence", "consent", "origin", "decisions")
"""Keywords that are for making a dataset of a folder, besides those in `prepare`."""

LOOK_SECONDS = 0.25
LOOK_AROUND_SECONDS = 2.0
"""So often one that waits looks for what it waits for."""

experiments = Experiments()
"""Every experiment of the library, by its id."""


def train(
    title: str,
    data: Dataset | Experiment | str | Any,
    start: Any = "",
    steps: int = 3000,
    *,
    hours: float | None = None,
    cost: float | None = None,
    price_per_hour: float | None = None,
    prepare: Mapping[str, Any] | None = None,
    save: str = "",
    draft: bool = False,
    wait: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> Experiment:
    """Begins a training in processes of its own, which go on when this kernel ends.

    `data` is a dataset or its name, or a folder of pictures, of which a dataset is made first (`size`, `crop` and all
    else that `Dataset.create` takes, in `prepare`). `start` is the id of a model, a checkpoint, an experiment, or
    nothing to begin from scratch. `hours`, or `cost` with `price_per_hour`, bound how long it may train. `settings` are
    those of `TrainingSettings`. With `save="petals"` it is saved to your models when it ends. With `wait=True` it
    returns at the end. With `draft=True` all is checked and written down, and training waits for `start()`.

        data = rl.Dataset.create("petals", "photos/")
        run = rl.train("Petals", data, start="stylegan/faces", steps=3000)
    """
    making = {name: settings.pop(name) for name in PREPARING if name in settings}
    begun = begin(
        title,
        data,
        start,
        {**with_threads(settings), "steps": steps},
        budget(hours, cost, price_per_hour),
        prepare={**making, **(prepare or {})},
        save_as=save,
        draft=draft,
    )
    if draft:
        return begun
    line = Line(quiet)
    if not wait:
        known = " ".join(pictures(begun)[-1:])
        line.say(
            f"{begun.title} is {begun.state}. {known} It goes on without this page: rl.experiments[{begun.id!r}]",
            last=True,
        )
        return begun
    try:
        follow(begun, line.say)
    except KeyboardInterrupt:
        line.say(f"{begun.title} goes on without you: rl.experiments[{begun.id!r}]", last=True)
        raise
    line.say(summary(begun), last=True)
    return begun


def with_threads(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with as many threads as there are cores, and not more: more only get in each other's way."""
    most = cores()
    threads = settings.get("threads", most)
    if isinstance(threads, int) and threads > most:
        raise BadValue(
            f"{threads:,} threads are more than the {most} cores that may be used here.",
            hint=f"Take up to {most}, or leave threads out.",
        )
    return {"threads": most, **settings}


def follow(
    experiment: Experiment, say: Callable[[str], object], tell: Callable[[str], object] = lambda words: None
) -> None:
    """Says how far it is whenever that changes, until it trains no more; `tell` hears what is worth a line to stay."""
    said, told, looked = "", 0, 0.0

    def note() -> None:
        nonlocal told
        worth = pictures(experiment)
        for what in worth[told:]:
            tell(what)
        told = len(worth)

    while (status := experiment.status).name in ("preparing", "queued", "training"):
        note()
        words = status.why
        if status.name == "training":
            progress = experiment.progress
            begins = progress.step == 0 and not progress.images
            words = f"{experiment.title} begins." if begins else f"{experiment.title}: {progress}"
        elif status.name == "queued" and time.monotonic() - looked > LOOK_AROUND_SECONDS:
            looked, words = time.monotonic(), _waits(experiment)
        elif status.name == "queued":
            words = said
        if words and words != said:
            say(words)
            said = words
        time.sleep(LOOK_SECONDS)
    note()


def pictures(experiment: Experiment) -> list[str]:
    """What is said of the pictures it learns from, once they are prepared: how many, and the room it will take."""
    return [entry.what for entry in experiment.diary if entry.kind == "pictures"]


def _waits(experiment: Experiment) -> str:
    """What one in the queue waits for."""
    others = [each.title for each in experiments.running if each != experiment and each.state == "training"]
    return f"{experiment.title} waits for {', '.join(others) or 'its turn'}."


def summary(experiment: Experiment) -> str:
    """How it ended, in a line."""
    status = experiment.status
    return f"{experiment.title} is {status.name} at step {status.step}. {status.why}".strip()


def budget(hours: float | None, cost: float | None, price_per_hour: float | None) -> Budget:
    """A budget, checked."""
    for name, value in (("hours", hours), ("cost", cost), ("price_per_hour", price_per_hour)):
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9
        ):
            raise BadValue(f"{name} cannot be {value!r:.40}.", hint="It is a number above 0.")
    if cost is not None and price_per_hour is None:
        raise BadValue("A budget in money needs a price.", hint="Say what an hour costs: price_per_hour=1.20.")
    return Budget(hours, cost, price_per_hour)
