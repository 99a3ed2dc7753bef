"""The resume state: all of a trainer, so that going on is the same as never having stopped.

The trainer's state is copied in memory, which takes milliseconds, and written in the background: first the state
itself under a temporary name, flushed, renamed; then a small JSON with its size and SHA-256. A state without its JSON,
or that is not what its JSON says, does not count: then the one before it does, so two are kept.

It is written every `seconds`, but not before 20 times as long as the last write took has gone by, so that it costs less
than 5 % of the time on any disk. That much, at most, is lost when a trainer is killed.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runway_lab.library.atomic import flush, flush_folder, in_words, temporary, write_json, writer_of
from runway_lab.training.experiments.layout import Layout, steps_in
from runway_lab.training.experiments.states import read_json

__all__ = ["GENERATIONS", "SHARE", "Saver", "found", "newest", "sweep"]

GENERATIONS = 2
SHARE = 20.0
"""So many times the time of a write go by before the next."""

Write = Callable[[Any, Path], object]


class Saver:
    """Decides when to write a state, and writes it."""

    def __init__(self, layout: Layout, write: Write, seconds: float) -> None:
        self.layout, self.write, self.seconds = layout, write, seconds
        self._cost = 0.0
        self._ended = time.monotonic()
        self._writing = False

    def due(self) -> bool:
        """Whether it is time for the next."""
        waited = time.monotonic() - self._ended
        return not self._writing and waited >= max(self.seconds, SHARE * self._cost)

    def snapshot(self, step: int, state: Any) -> Callable[[], None]:
        """A copy of the state as it is now, and the job that writes it."""
        started = time.monotonic()
        state = copy.deepcopy(state)
        copying = time.monotonic() - started
        self._writing = True

        def job() -> None:
            began = time.monotonic()
            try:
                save(self.layout, step, state, self.write)
            finally:
                self._ended = time.monotonic()
                self._cost = copying + self._ended - began
                self._writing = False

        return job


def save(layout: Layout, step: int, state: Any, write: Write) -> Path:
    """Writes a state; those that are too old by then go."""
    target = _state(layout, step)
    with in_words(target):
        layout.resume.mkdir(parents=True, exist_ok=True)
        draft = temporary(target)
        try:
            write(state, draft)
            flush(draft)
            known = {"size": draft.stat().st_size, "sha256": _sha256(draft)}
            # What was said of an older file by this name is not true of the new one.
            _said(layout, step).unlink(missing_ok=True)
            draft.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        flush_folder(layout.resume)
    write_json(_said(layout, step), known)
    for old in steps_in(layout.resume, ".json")[:-GENERATIONS]:
        _discard(layout, old)
    return target


def found(layout: Layout) -> tuple[list[tuple[int, Path]], list[int]]:
    """The states that are whole, the newest first, and the steps of those that are not."""
    whole, damaged = [], []
    for step in reversed(steps_in(layout.resume, ".json")):
        path = _state(layout, step)
        try:
            said = read_json(_said(layout, step))
            if path.stat().st_size == said["size"] and _sha256(path) == said["sha256"]:
                whole.append((step, path))
                continue
        except (OSError, LookupError, TypeError, ValueError):
            pass
        damaged.append(step)
    return whole, damaged


def newest(layout: Layout) -> int | None:
    """The newest step that has a state; whether it is whole, nobody has looked."""
    steps = steps_in(layout.resume, ".json")
    return steps[-1] if steps else None


def sweep(layout: Layout, step: int | None) -> None:
    """Clears what an interrupted write left behind, and the states of steps after `step`, which will be done again."""
    for folder in (layout.resume, layout.checkpoints, layout.samples, layout.root):
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if writer_of(path.name) is not None or path.name.endswith(".part"):
                    path.unlink()
    for later in steps_in(layout.resume, ".json"):
        if step is None or later > step:
            _discard(layout, later)
    whole = set(steps_in(layout.resume, ".json"))
    with contextlib.suppress(OSError):
        for path in layout.resume.glob("state-*.pt"):
            if path not in {_state(layout, each) for each in whole}:
                path.unlink()


def _discard(layout: Layout, step: int) -> None:
    # The words first: a state without them does not count.
    for path in (_said(layout, step), _state(layout, step)):
        with contextlib.suppress(OSError):
            path.unlink()


def _state(layout: Layout, step: int) -> Path:
    return layout.resume / f"state-{step:06d}.pt"


def _said(layout: Layout, step: int) -> Path:
    return layout.resume / f"state-{step:06d}.json"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
