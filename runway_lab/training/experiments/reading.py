"""What an experiment's folder says: state, progress, diary, numbers, samples, checkpoints.

The reader keeps nothing that the folder does not say; any number of them may look at one experiment, in any number of
kernels, while it trains and after a restart. A look is cheap: one `stat` where nothing changed, and of the files that
only grow, what is new is read. Nothing here needs torch.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runway_lab.errors import BadValue, RunwayLabError, Unknown, shorten
from runway_lab.training.experiments import keeping, lines, resume, samples, states, wishes
from runway_lab.training.experiments.folder import Folder, steps_in
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.processes import log_end
from runway_lab.training.experiments.states import State
from runway_lab.training.experiments.words import duration

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Entry", "Kept", "Progress", "Reader"]

INTERRUPTED = "It was interrupted at step {}: the machine or what looked after it was ended. Resume goes on from there."


class Kept(NamedTuple):
    """A kept checkpoint: where it lies, and of which step it is."""

    path: Path
    step: int


@dataclass(frozen=True)
class Entry:
    """A line of the diary."""

    when: datetime
    what: str
    kind: str = "note"
    step: int | None = None

    def __str__(self) -> str:
        return f"{self.when:%Y-%m-%d %H:%M:%S}  {self.what}"


@dataclass(frozen=True)
class Progress:
    """How far training is: `left` seconds at the speed of the last minute; None where that is not known."""

    step: int
    of: int
    images: int
    seconds: float
    speed: float = 0.0
    """Steps a second."""
    left: float | None = None
    heard: float | None = None
    """Seconds since the trainer gave a sign of life."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return min(1.0, self.step / self.of)

    def __str__(self) -> str:
        words = f"step {self.step} of {self.of}, {self.images:,} pictures seen"
        return words if self.left is None else f"{words}, {duration(self.left)} left"


class Reader:
    """One experiment, by its folder, for looking at."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Folder(Path(folder))
        self._metrics, self._measures = lines.Tail(self._folder.metrics), lines.Tail(self._folder.measures)
        self._diary = lines.Tail(self._folder.diary)
        self._plan: tuple[object, Plan] | None = None
        self._samples: tuple[object, list[int]] | None = None

    def __repr__(self) -> str:
        try:
            return f"<Experiment {self.id!r}: {self.state}, {self.progress}>"
        except RunwayLabError as error:
            return f"<Experiment {self.id!r}: {error}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reader) and other._folder == self._folder

    def __hash__(self) -> int:
        return hash(self._folder)

    # What it is

    @property
    def id(self) -> str:
        """The name of its folder, which stays the same."""
        return self._folder.id

    @property
    def folder(self) -> Path:
        """Where all of it lies."""
        return self._folder.root

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.plan.title

    @property
    def plan(self) -> Plan:
        """What was asked for: settings, pictures, start, budget."""
        stamp = wishes.stamp(self._folder)[:2]
        if self._plan is None or self._plan[0] != stamp:
            if not self._folder.plan.exists():
                raise Unknown(
                    f"The experiment {self.id!r} is not there any more.", hint="Somebody deleted or moved it."
                )
            self._plan = (stamp, Plan.read(self._folder))
        return self._plan[1]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of its training."""
        return dict(self.plan.settings)

    # Where it stands

    @property
    def status(self) -> State:
        """State, since when and why, as it is in truth: *training* only while somebody looks after it."""
        state = states.read(self._folder)
        if state.name in ("training", "preparing") and not states.held(self._folder.supervisor_lock):
            # Between the look at the state and the look at the lock it may have ended.
            state = states.read(self._folder)
            if state.name in ("training", "preparing"):
                step = resume.newest(self._folder) or 0
                words = INTERRUPTED.format(step) if state.name == "training" else "Preparing was interrupted."
                state = replace(state, name="paused", why=words, step=step, interrupted=True)
        return state

    @property
    def state(self) -> str:
        """preparing, queued, training, paused, stopped, finished or failed."""
        return self.status.name

    @property
    def why(self) -> str:
        """Why it is in this state."""
        return self.status.why

    @property
    def since(self) -> datetime:
        """Since when it is in this state."""
        return datetime.fromtimestamp(self.status.since).astimezone()

    @property
    def progress(self) -> Progress:
        """How far it is, and how long it will take."""
        state, steps = self.status, self.plan.steps
        if state.name != "training":
            return Progress(state.step, steps, state.images, state.seconds)
        try:
            beat = states.read_json(self._folder.heartbeat)
            step, speed = int(beat.get("step", state.step)), float(beat.get("speed", 0.0))
            left = (steps - step) / speed if speed > 0 else None
            heard = max(0.0, time.time() - beat["when"]) if "when" in beat else None
            return Progress(
                step, steps, int(beat.get("images", 0)), float(beat.get("seconds", 0.0)), speed, left, heard
            )
        except (RunwayLabError, TypeError, ValueError):
            return Progress(state.step, steps, state.images, state.seconds)

    @property
    def diary(self) -> list[Entry]:
        """What happened, in words."""
        found = []
        for each in self._diary.read():
            when = each.get("when", 0.0)
            moment = datetime.fromtimestamp(when if isinstance(when, (int, float)) else 0.0).astimezone()
            step = each.get("at")
            found.append(Entry(moment, str(each.get("what", "")), str(each.get("kind", "note")), step))
        return found

    @property
    def log(self) -> str:
        """The last lines its processes printed."""
        return log_end(self._folder, 200)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The numbers of each step."""
        return list(self._metrics.read())

    @property
    def measures(self) -> list[dict[str, Any]]:
        """How good the samples were, at some of the sampled steps."""
        found: dict[Any, dict[str, Any]] = {}
        for row in self._measures.read():
            # The FID of a step comes later than the rest.
            found[row.get("step")] = found.get(row.get("step"), {}) | row
        return list(found.values())

    @property
    def size_on_disk(self) -> int:
        """The bytes all of it takes."""
        total = 0
        for top, _, files in os.walk(self.folder):
            for name in files:
                try:
                    total += os.lstat(os.path.join(top, name)).st_size
                except OSError:
                    continue
        return total

    # What it made

    @property
    def samples(self) -> list[int]:
        """The steps that have samples."""
        try:
            stamp: object = os.stat(self._folder.samples).st_mtime_ns
        except OSError:
            return []
        if self._samples is None or self._samples[0] != stamp:
            self._samples = (stamp, steps_in(self._folder.samples, ".webp"))
        return list(self._samples[1])

    @property
    def sheet(self) -> Path:
        """The file of the newest samples."""
        return self._folder.sheet(max(self.samples, default=0))

    def sample(self, step: int | None = None, index: int | None = None) -> Image:
        """The samples of a step (the nearest that has some; None: the newest) on one sheet, or one of them.

        Of which step they are is in the picture's `info["step"]`.
        """
        self._within(step)
        there = self.samples
        if not there:
            raise BadValue(f"{self.title!r} has no samples yet.", hint="The first come when training begins.")
        nearest = keeping.nearest(there, step)
        if index is None:
            picture = samples.read_sheet(self._folder, nearest)
        else:
            picture = samples.read_picture(self._folder, nearest, index)
        picture.info["step"] = nearest
        return picture

    @property
    def checkpoints(self) -> list[int]:
        """The steps whose checkpoints are kept."""
        return keeping.kept_steps(self._folder)

    @property
    def pinned(self) -> tuple[int, ...]:
        """The steps whose checkpoints are never thinned out."""
        return wishes.read(self._folder).pinned

    def checkpoint(self, step: int | None = None) -> Kept:
        """The kept checkpoint that is nearest to a step; the newest without one."""
        found = keeping.nearest(self.checkpoints, self._within(step))
        return Kept(self._folder.checkpoint(found), found)

    def _within(self, step: int | None) -> int | None:
        """A step that this experiment has, or will have."""
        if step is None:
            return None
        most = max(self.plan.steps, self.status.step)
        if isinstance(step, bool) or not hasattr(step, "__index__") or not 0 <= step <= most:
            raise BadValue(f"{self.title!r} has no step {shorten(step)}.", hint=f"It has steps 0 to {most:,}.")
        return int(step)

    def _repr_html_(self) -> str:
        from runway_lab.training.experiments.shown import page

        return page(self)
