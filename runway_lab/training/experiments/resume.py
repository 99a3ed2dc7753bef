"""The resume state: all of a trainer, so that going on is the same as never having stopped.

The trainer copies its state in memory, which takes milliseconds, and the copy is written in the background: first the
state itself under a temporary name, flushed, renamed; then a small JSON with its size and SHA-256. A state without its
JSON, or that is not what its JSON says, does not count: then the one before it does, so two are kept.

It is written every `seconds`, but not before 20 times as long as the last write took has gone by, so that it costs less
than 5 % of the time on any disk. That much, at most, is lost when a trainer is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runway_lab.errors import RunwayLabError
from runway_lab.library.atomic import flush, flush_folder, in_words, temporary, write_json, writer_of
from runway_lab.training.experiments import lines
from runway_lab.training.experiments.folder import Folder, steps_in
from runway_lab.training.experiments.states import read_json

__all__ = ["GENERATIONS", "SHARE", "Saver", "forget_after", "found", "newest", "path_of", "save", "sweep"]

GENERATIONS = 2
SHARE = 20.0
"""So many times the time of a write go by before the next."""

Write = Callable[[Any, Path], object]


class Saver:
    """Decides when to write a state, and writes it."""

    def __init__(self, folder: Folder, write: Write, seconds: float) -> None:
        self.folder, self.write, self.seconds = folder, write, seconds
        self._cost = 0.0
        self._ended = time.monotonic()
        self._writing = False

    def due(self) -> bool:
        """Whether it is time for the next."""
        waited = time.monotonic() - self._ended
        return not self._writing and waited >= max(self.seconds, SHARE * self._cost)

    def job(self, step: int, copy: Callable[[], Any]) -> Callable[[], None]:
        """Has the state copied as it is now; the job that writes the copy."""
        started = time.monotonic()
        state = copy()
        copying = time.monotonic() - started
        self._writing = True

        def job() -> None:
            began = time.monotonic()
            try:
                save(self.folder, step, state, self.write)
            finally:
                self._ended = time.monotonic()
                self._cost = copying + self._ended - began
                self._writing = False

        return job


def save(folder: Folder, step: int, state: Any, write: Write) -> Path:
    """Writes a state; those that are too old by then go."""
    target = path_of(folder, step)
    with in_words(target):
        folder.resume.mkdir(parents=True, exist_ok=True)
        draft = temporary(target)
        try:
            write(state, draft)
            flush(draft)
            known = {"size": draft.stat().st_size, "sha256": _sha256(draft)}
            # What was said of an older file by this name is not true of the new one.
            _said(folder, step).unlink(missing_ok=True)
            draft.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        flush_folder(folder.resume)
    write_json(_said(folder, step), known)
    for old in steps_in(folder.resume, ".json")[:-GENERATIONS]:
        _discard(folder, old)
    return target


def found(folder: Folder) -> tuple[list[tuple[int, Path]], list[int]]:
    """The states that are whole, the newest first, and the steps of those that are not."""
    whole, damaged = [], []
    for step in reversed(steps_in(folder.resume, ".json")):
        path = path_of(folder, step)
        try:
            said = read_json(_said(folder, step))
            if path.stat().st_size == said["size"] and _sha256(path) == said["sha256"]:
                whole.append((step, path))
                continue
        except (OSError, LookupError, TypeError, ValueError, RunwayLabError):
            pass
        damaged.append(step)
    return whole, damaged


def newest(folder: Folder) -> int | None:
    """The newest step that has a state; whether it is whole, nobody has looked."""
    steps = steps_in(folder.resume, ".json")
    return steps[-1] if steps else None


def forget_after(folder: Folder, step: int | None) -> None:
    """Takes away all that belongs to steps after this one, which will be done again; None for all of it.

    A training that is taken up again draws and notes the same once more, where the device is one that repeats itself.
    """
    last = -1 if step is None else step
    for path in (folder.metrics, folder.measures):
        lines.cut(path, last)
    for later in steps_in(folder.resume, ".json"):
        if later > last:
            _discard(folder, later)
    for place, ending, name in (
        (folder.samples, ".webp", folder.sheet),
        (folder.checkpoints, ".safetensors", folder.checkpoint),
    ):
        for later in steps_in(place, ending):
            if later > last:
                name(later).unlink(missing_ok=True)


def sweep(folder: Folder) -> None:
    """Clears what an interrupted write left behind."""
    for place in (folder.resume, folder.checkpoints, folder.samples):
        with contextlib.suppress(OSError):
            for path in place.iterdir():
                if writer_of(path.name) is not None or path.name.endswith(".part"):
                    path.unlink()
    known = {path_of(folder, each) for each in steps_in(folder.resume, ".json")}
    with contextlib.suppress(OSError):
        for path in folder.resume.glob("state-*.pt"):
            if path not in known:
                path.unlink()


def _discard(folder: Folder, step: int) -> None:
    # The words first: a state without them does not count.
    for path in (_said(folder, step), path_of(folder, step)):
        with contextlib.suppress(OSError):
            path.unlink()


def path_of(folder: Folder, step: int) -> Path:
    """The file of a step's state."""
    return folder.resume / f"state-{step:06d}.pt"


def _said(folder: Folder, step: int) -> Path:
    return folder.resume / f"state-{step:06d}.json"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
