"""An experiment as a person holds it: a reader of its folder, and the words that change what goes on there.

The reader keeps nothing that the folder does not say; any number of them may look at one experiment, in any number of
kernels, while it trains and after a restart. A look is cheap: one `stat` where nothing changed, and of the files that
only grow, what is new is read. Nothing here needs torch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runway_lab.errors import BadValue, RunwayLabError, Unknown, suggest
from runway_lab.library.atomic import discard, in_words, temporary
from runway_lab.training.experiments import keeping, line, lines, resume, samples, states, wishes
from runway_lab.training.experiments.folder import Folder, steps_in
from runway_lab.training.experiments.plan import Budget, Plan
from runway_lab.training.experiments.processes import log_end
from runway_lab.training.experiments.states import ACTIVE, State
from runway_lab.training.experiments.words import check_title, duration

if TYPE_CHECKING:
    from PIL.Image import Image

    from runway_lab.cards import ModelCard
    from runway_lab.training.experiments.video import Written

__all__ = ["Entry", "Experiment", "Kept", "Progress"]

INTERRUPTED = "It was interrupted at step {}: the machine or what looked after it was ended. Resume goes on from there."
POLL_SECONDS = 0.1


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


class Experiment:
    """One training, by its folder."""

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
        return isinstance(other, Experiment) and other._folder == self._folder

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
        """draft, preparing, queued, training, paused, stopped, finished or failed."""
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
        return list(self._measures.read())

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

    def sample(self, step: int | None = None, index: int | None = None) -> Image:
        """The samples of a step (the nearest that has some; None: the newest) on one sheet, or one of them."""
        there = self.samples
        if not there:
            raise BadValue(f"{self.title!r} has no samples yet.", hint="The first come when training begins.")
        nearest = keeping.nearest(there, step)
        if index is None:
            return samples.read_sheet(self._folder, nearest)
        return samples.read_picture(self._folder, nearest, index)

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
        found = keeping.nearest(self.checkpoints, step)
        return Kept(self._folder.checkpoint(found), found)

    # What a person may do

    def pause(self, wait: float = 30.0) -> Experiment:
        """Saves where it is and ends its processes; `resume` goes on as if nothing had happened.

        A step is not broken off, so it takes a moment: `wait` says how long it is waited for.
        """
        return self._end("pause", "paused", "As asked for.", wait)

    def stop(self, wait: float = 30.0) -> Experiment:
        """Ends training before its time and keeps what there is; it can be resumed all the same."""
        return self._end("stop", "stopped", "As asked for.", wait)

    def resume(self) -> Experiment:
        """Goes on, at once or when it is its turn."""
        status, plan = self.status, self.plan
        if status.name in ("training", "preparing"):
            return self
        step = max(status.step, resume.newest(self._folder) or 0)
        if status.name == "finished" and step >= plan.steps:
            raise BadValue(
                f"{self.title!r} has done all of its {plan.steps} steps.",
                hint="extend(1000) adds some, continue_training(1000) begins a new experiment from here.",
            )
        if words := plan.budget.used_up(status.seconds):
            raise BadValue(words, hint="Give it more: experiment.allow(hours=2).")
        wishes.clear(self._folder)
        if plan.dataset.get("make_from"):
            return self._prepare()
        if status.name != "queued":
            states.change(
                self._folder, "queued", "It waits for its turn.", only_from=(states.read(self._folder).name,),
                queued=time.time(),
            )  # fmt: skip
        return self._advance()

    def extend(self, steps: int) -> Experiment:
        """So many more steps than were asked for; one that had ended goes on."""
        steps = _count(steps, "steps")
        check_steps(self.plan.steps + steps)
        plan = Plan.change(self._folder, settings=lambda was: {**was, "steps": was["steps"] + steps})
        states.tell(self._folder, f"{steps} more steps: {plan.steps} in all.")
        return self if self.state in ACTIVE else self.resume()

    def allow(self, hours: float | None = None, cost: float | None = None) -> Experiment:
        """More budget: so many hours more, or so much money; one that had run out goes on."""

        def more(budget: Budget) -> Budget:
            added = {}
            for name, value in (("hours", hours), ("cost", cost)):
                if value is not None:
                    _positive(value, name)
                    was = getattr(budget, name)
                    # Where there was no limit before, what it has used so far is not counted against it.
                    added[name] = value + (was if was is not None else self._used(name, budget))
            return replace(budget, **added)

        Plan.change(self._folder, budget=more)
        return self if self.state in ACTIVE or self.state == "finished" else self.resume()

    def pin(self, step: int | None = None) -> int:
        """Keeps the checkpoint nearest to a step for good; one that is still to come is kept when it is reached."""
        status = self.status
        wanted = step
        if step is None or not (status.name in (*ACTIVE, "paused") and step > self.progress.step):
            wanted = keeping.nearest(self.checkpoints, step)
        assert wanted is not None
        wishes.wish(self._folder, pinned=lambda was: tuple(sorted({*was, wanted})))
        return wanted

    def unpin(self, step: int) -> None:
        """A pinned checkpoint may be thinned out again."""
        wishes.wish(self._folder, pinned=lambda was: tuple(each for each in was if each != step))

    def rename(self, title: str) -> Experiment:
        """Another title; the folder, and so the id, stays."""
        title = check_title(title)
        Plan.change(self._folder, title=title)
        return self

    def delete(self, *, stop: bool = False) -> None:
        """Deletes all of it. One that trains is stopped first if `stop` says so, else it is an error."""
        if self.state in ACTIVE and states.held(self._folder.supervisor_lock):
            if not stop:
                raise RunwayLabError(f"{self.title!r} is {self.state}.", hint="Stop it first, or delete(stop=True).")
            self.stop(wait=120.0)
            if states.held(self._folder.supervisor_lock) and self.state in ACTIVE:
                raise RunwayLabError(f"{self.title!r} is still busy with its step.", hint="Try again in a while.")
        if not self.folder.exists():
            raise Unknown(f"The experiment {self.id!r} is not there any more.", hint="Somebody else deleted it.")
        gone = temporary(self.folder, "gone")
        with in_words(self.folder, "deleted"):
            self.folder.rename(gone)
        discard(gone)

    def branch(self, step: int | None = None, data: Any = None, title: str = "", **settings: Any) -> Experiment:
        """A new experiment from the kept checkpoint nearest to a step, with other pictures or settings as you say."""
        from runway_lab.training.experiments.beginning import begin

        plan, kept = self.plan, self.checkpoint(step)
        given = {**{name: value for name, value in plan.settings.items() if name not in ("start",)}, **settings}
        again = data if data is not None else plan.dataset.get("folder")
        return begin(title or f"{plan.title}, from step {kept.step}", again, (self, kept), given, plan.budget)

    def continue_training(self, steps: int | None = None, title: str = "") -> Experiment:
        """A new experiment that begins where this one has come to."""
        given = {} if steps is None else {"steps": steps}
        return self.branch(title=title or f"{self.title}, continued", **given)

    def save(self, name: str = "", *, step: int | None = None, replace: bool = False) -> ModelCard:
        """Save to My Models: the newest checkpoint, or that of a step, becomes a model of your library, with a card."""
        from runway_lab.training.experiments.saving import save

        return save(self, name or self.title, self.checkpoint(step), replace=replace)

    def export(self, path: str | os.PathLike[str], *, step: int | None = None) -> Path:
        """A bundle to hand on, as a zip: weights, card, gallery and licence."""
        from runway_lab.training.experiments.saving import export

        return export(self, Path(path), self.checkpoint(step))

    def video(self, path: str | os.PathLike[str], index: int | Sequence[int] | None = None, **options: Any) -> Written:
        """The film of its samples (.mp4, .webm or .gif): whole sheets, or the samples of these numbers.

        `options` are those of `film_of_steps`: `wander`, `seconds`, `fps`, `fade`, ...
        """
        from runway_lab.training.experiments.timelapse import film_of_steps

        chosen = None if index is None else [index] if isinstance(index, int) else list(index)
        sheets = [(step, self._folder.sheet(step)) for step in self.samples]
        return film_of_steps(sheets, path, layout=samples.layout_of(self._folder), indices=chosen, **options)

    def wait(self, timeout: float | None = None) -> Experiment:
        """Returns when it trains no more, or when `timeout` seconds are over."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.state in ACTIVE and (end is None or time.monotonic() < end):
            time.sleep(POLL_SECONDS)
        return self

    def _repr_html_(self) -> str:
        from runway_lab.training.experiments.shown import page

        return page(self)

    # How it is done

    def _end(self, wish: str, state: str, why: str, wait: float) -> Experiment:
        """Wishes for an end, or puts it there at once where nothing goes on."""
        status = self.status
        if status.name in ("training", "preparing"):
            wishes.wish(self._folder, **{wish: why})
            end = time.monotonic() + wait
            while time.monotonic() < end and self.state in ("training", "preparing"):
                time.sleep(0.02)
            if wait and self.state not in ACTIVE:
                self._until_free(end)
        elif status.interrupted:
            states.change(self._folder, state, why, only_from=("training", "preparing"), step=status.step)
        elif status.name == "queued" or (status.name == "paused" and state == "stopped"):
            states.change(self._folder, state, why, only_from=("queued", "paused"))
        return self

    def _until_free(self, end: float) -> None:
        """The supervisor has still to let go of its locks: whoever looks next may want to resume or delete."""
        while states.held(self._folder.supervisor_lock) and time.monotonic() < end:
            time.sleep(0.01)

    def _prepare(self) -> Experiment:
        states.change(self._folder, "preparing", "Its pictures are being prepared.")
        line.start(self._folder)
        return self

    def _advance(self) -> Experiment:
        line.advance()
        status = self.status
        if status.name == "failed":
            raise RunwayLabError(f"{self.title!r} could not be started. {status.why}", hint="", details=status.error)
        return self

    def _used(self, name: str, budget: Budget) -> float:
        hours = self.status.seconds / 3600
        return hours if name == "hours" else hours * (budget.price_per_hour or 0.0)


def check_steps(steps: int) -> None:
    """Not more steps than this machine's settings allow."""
    from runway_lab.settings import home, settings

    most = settings().most_steps
    if steps > most:
        raise BadValue(
            f"{steps:,} steps are more than the {most:,} that are allowed here.",
            hint=f"Take fewer, or allow more: most_steps = {steps} in {home() / 'settings.toml'}.",
        )


def _count(value: object, name: str) -> int:
    if type(value) is not int or value < 1:
        raise BadValue(f"{name} cannot be {value!r:.40}.", hint="It is a whole number of 1 or more.")
    return value


def _positive(value: object, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise BadValue(f"{name} cannot be {value!r:.40}.", hint="It is a number above 0.")


def known(name: str, names: Mapping[str, Any] | list[str]) -> Unknown:
    """The words for an experiment that is not there."""
    return Unknown(f"There is no experiment {name!r:.80}.", hint=suggest(name, list(names)))
