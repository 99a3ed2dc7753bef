"""An experiment as a person holds it: a reader of its folder, and the words that change what goes on there.

What a person wishes is written into the folder, where the trainer and its supervisor find it; nothing here holds on to
a process, so any kernel can pause what another began.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runway_lab.errors import BadValue, RunwayLabError, Unknown, shorten, suggest
from runway_lab.library.atomic import discard, in_words, temporary
from runway_lab.training.experiments import keeping, line, resume, samples, states, wishes
from runway_lab.training.experiments.plan import Budget, Plan
from runway_lab.training.experiments.reading import Reader
from runway_lab.training.experiments.states import ACTIVE, State
from runway_lab.training.experiments.words import check_title

if TYPE_CHECKING:
    from runway_lab.cards import ModelCard
    from runway_lab.training.experiments.video import Written

__all__ = ["Experiment", "check_steps", "unknown"]

POLL_SECONDS = 0.1
DEVICES = re.compile(r"auto|(cpu|mps|cuda(:\d{1,3})?)(, ?cuda:\d{1,3})*")
SAVE_SECONDS = 120.0
"""So long a delete waits for a trainer that saves."""


class Experiment(Reader):
    """One training, by its folder."""

    def pause(self, wait: float = 30.0) -> Experiment:
        """Saves where it is and ends its processes; `resume` goes on as if nothing had happened.

        A step is not broken off, so it takes a moment: `wait` says how long it is waited for.
        """
        return self._end("pause", "paused", "As asked for.", wait)

    def stop(self, wait: float = 30.0) -> Experiment:
        """Ends training before its time and keeps what there is; it can be resumed all the same."""
        return self._end("stop", "stopped", "As asked for.", wait)

    def start(self) -> Experiment:
        """Starts a draft; one that has started already is left as it is."""
        return self.resume() if self.state == "draft" else self

    def adjust(self, **settings: Any) -> Experiment:
        """Other settings for a draft; one that has started keeps its own, `branch` makes another with other ones."""
        if self.state != "draft":
            raise BadValue(
                f"{self.title!r} is {self.state}: its settings are settled.",
                hint="branch(step, gamma=2) begins another one with other settings.",
            )
        from runway_lab.training.loop.settings import TrainingSettings

        chosen = TrainingSettings.of({**self.plan.settings, **settings, "start": ""})
        check_steps(chosen.steps)
        check_device(chosen.device)
        Plan.change(self._folder, settings=lambda was: chosen.to_json())
        return self

    def resume(self, device: str = "") -> Experiment:
        """Goes on, at once or when it is its turn, where it trained before.

        `device` ("auto", "cpu", "cuda:1") moves it, say where a graphics card is gone; from there on it is no longer
        bit for bit what it would have been.
        """
        status, plan = self.status, self.plan
        if device:
            check_device(device)
        if status.name in ("training", "preparing"):
            if device:
                raise BadValue(f"{self.title!r} is {status.name}.", hint="Pause it first, then resume it elsewhere.")
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
        if device and device != status.device:
            self._move(device, status)
        if plan.dataset.get("make_from"):
            return self._prepare()
        if status.name != "queued":
            states.change(self._folder, "queued", "It waits for its turn.", only_if=self._is_free, queued=time.time())
        return self._advance()

    def extend(self, steps: int) -> Experiment:
        """So many more steps than were asked for; one that was finished or stopped goes on."""
        steps = _count(steps, "steps")
        check_steps(self.plan.steps + steps)
        plan = Plan.change(self._folder, settings=lambda was: {**was, "steps": was["steps"] + steps})
        states.tell(self._folder, f"{steps} more steps: {plan.steps} in all.")
        return self.resume() if self.state in ("finished", "stopped") else self

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
        return self.resume() if self.state == "stopped" else self

    def pin(self, step: int | None = None) -> int:
        """Keeps the checkpoint nearest to a step for good; one that is still to come is kept when it is reached."""
        status = self.status
        wanted = self._within(step)
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
        if self.state == "queued":
            self.stop()
        if self.state in ACTIVE:
            if not stop:
                raise RunwayLabError(f"{self.title!r} is {self.state}.", hint="Stop it first, or delete(stop=True).")
            self.stop(wait=120.0)
            if self.state in ACTIVE:
                raise RunwayLabError(f"{self.title!r} is still busy with its step.", hint="Try again in a while.")
        if not self._until_let_go(SAVE_SECONDS):
            raise RunwayLabError(f"{self.title!r} is still being saved.", hint="Try again in a while.")
        if not self.folder.exists():
            raise Unknown(f"The experiment {self.id!r} is not there any more.", hint="Somebody else deleted it.")
        gone = temporary(self.folder, "gone")
        with in_words(self.folder, "deleted"):
            self.folder.rename(gone)
        discard(gone)

    def branch(self, step: int | None = None, data: Any = None, title: str = "", **settings: Any) -> Experiment:
        """A new experiment from the kept checkpoint nearest to a step, with other pictures or settings as you say.

        All else is as it was here: the other settings, and the budget, which counts anew.
        """
        from runway_lab.training.experiments.beginning import begin

        if isinstance(step, str):
            raise BadValue(f"A branch begins at a step, not at {shorten(step)}.", hint="branch(250, title='Other').")
        plan, kept = self.plan, self.checkpoint(step)
        given = {**{name: value for name, value in plan.settings.items() if name not in ("start",)}, **settings}
        again = data if data is not None else plan.dataset.get("folder")
        branch = begin(title or f"{plan.title}, from step {kept.step}", again, (self, kept), given, plan.budget)
        if step is not None and step != kept.step:
            words = f"Of step {step} no checkpoint is kept: it starts from the nearest, that of step {kept.step}."
            states.tell(branch._folder, words)
        return branch

    def continue_training(self, steps: int | None = None, title: str = "") -> Experiment:
        """A new experiment that begins where this one has come to."""
        given = {} if steps is None else {"steps": steps}
        return self.branch(title=title or f"{self.title}, continued", **given)

    def save(self, name: str = "", *, step: int | None = None, replace: bool = False) -> ModelCard:
        """Save to My Models: the newest checkpoint, or that of a step, becomes a model of your library, with a card."""
        from runway_lab.training.experiments.promised import check_name
        from runway_lab.training.experiments.saving import save

        # Whether it is taken is found out where it is put there.
        name = check_name(name, taken=True) if name else ""
        return save(self, name or self.title, self.checkpoint(step), replace=replace)

    def share(self, name: str = "", *, step: int | None = None, by: str = "", replace: bool = False) -> ModelCard:
        """Makes it public: a model in the shared folder that the settings name, for whoever shares it."""
        from runway_lab.training.experiments.saving import share

        return share(self, name or self.title, self.checkpoint(step), by=by, replace=replace)

    def export(self, path: str | os.PathLike[str], *, step: int | None = None, replace: bool = False) -> Path:
        """A bundle to hand on, as a zip: weights, card, gallery and licence."""
        from runway_lab.training.experiments.saving import export

        if not replace and Path(path).expanduser().exists():
            raise BadValue(f"There is a file {os.fspath(path)!r} already.", hint="Another name, or replace=True.")
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

    def settle(self, wait: float = 60.0) -> None:
        """Returns when what looked after it has ended too; a promised model that it no longer saved is saved here."""
        from runway_lab.training.experiments import promised

        self._until_free(time.monotonic() + wait)
        promised.keep(self._folder)

    # How it is done

    def _end(self, wish: str, state: str, why: str, wait: float) -> Experiment:
        """Wishes for an end, or puts it there at once where nothing goes on."""
        quiet = ("queued", "paused") if state == "stopped" else ("queued",)
        while True:
            status = self.status
            if status.name in ("training", "preparing"):
                wishes.wish(self._folder, **{wish: why})
                self._until_ended(time.monotonic() + wait)
                return self
            if status.interrupted:
                leads: tuple[str, ...] = ("training", "preparing")
            elif status.name in quiet:
                leads = quiet
            else:
                return self
            # Its turn may come, or its supervisor back, in this very moment.
            if states.change(self._folder, state, why, only_from=leads, step=status.step):
                return self

    def _until_ended(self, end: float) -> None:
        while time.monotonic() < end and self.state in ("training", "preparing"):
            time.sleep(0.02)
        if self.state not in ACTIVE:
            self._until_free(end)

    def _until_free(self, end: float) -> None:
        """The supervisor has still to let go of its locks: whoever looks next may want to resume or delete."""
        while states.held(self._folder.supervisor_lock) and time.monotonic() < end:
            time.sleep(0.01)

    def _until_let_go(self, seconds: float) -> bool:
        """Whether neither its supervisor nor a trainer that lost it, and still saves, is left after so long."""
        end = time.monotonic() + seconds
        while any(map(states.held, (self._folder.supervisor_lock, self._folder.trainer_lock))):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def _is_free(self) -> bool:
        """Whether nobody else has taken it up in this very moment."""
        return states.read(self._folder).name not in ACTIVE or not states.held(self._folder.supervisor_lock)

    def _move(self, device: str, status: State) -> None:
        Plan.change(self._folder, settings=lambda was: {**was, "device": device})
        states.note(self._folder, device="")
        if status.device:
            words = f"Moves from {status.device} to {device}: from here on it is no longer bit for bit the same."
            states.tell(self._folder, words, step=status.step)

    def _prepare(self) -> Experiment:
        if states.change(self._folder, "preparing", "Its pictures are being prepared.", only_if=self._is_free):
            line.start(self._folder)
        return self

    def _advance(self) -> Experiment:
        line.advance(self._folder)
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


def check_device(device: object) -> None:
    """A device by its name; whether it is there, its trainer finds out."""
    if not isinstance(device, str) or not re.fullmatch(DEVICES, device):
        raise BadValue(
            f"There is no device {shorten(device)}.", hint='Allowed: "auto", "cpu", "cuda", "cuda:1", "mps".'
        )


def _count(value: object, name: str) -> int:
    if type(value) is not int or value < 1:
        raise BadValue(f"{name} cannot be {shorten(value)}.", hint="It is a whole number of 1 or more.")
    return value


def _positive(value: object, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise BadValue(f"{name} cannot be {shorten(value)}.", hint="It is a number above 0.")


def unknown(name: str, names: Mapping[str, Any] | list[str]) -> Unknown:
    """The words for an experiment that is not there."""
    return Unknown(f"There is no experiment {name!r:.80}.", hint=suggest(name, list(names)))
