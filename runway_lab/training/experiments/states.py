"""Where an experiment stands, kept in `state.json` and told in the diary.

    draft -> preparing -> queued -> training -> finished
                             ^          |
                             |          +-> paused, stopped (by a person, or for want of budget), failed
                             +------------------------+   resume leads back

Whoever changes a state does so under the lock `words.lock`, reading what it is just then: a kernel that pauses and a
trainer that finishes in the same moment do not write over each other. The supervisor writes that training begins and
that it failed; the trainer, how it ended.

*training* and *preparing* are true only while a supervisor holds its lock. When it does not, the machine or the
supervisor was ended, and a reader is told *paused*, with words and `interrupted`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from runway_lab.errors import DamagedEntry
from runway_lab.library.atomic import write_json
from runway_lab.library.locks import FileLock
from runway_lab.training.experiments import lines
from runway_lab.training.experiments.folder import Folder

__all__ = ["ACTIVE", "STATES", "State", "change", "held", "note", "read", "read_json", "tell", "words"]

STATES = ("draft", "preparing", "queued", "training", "paused", "stopped", "finished", "failed")
ACTIVE = ("preparing", "queued", "training")
"""The states in which something goes on, or will."""

WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class State:
    """A state, since when (seconds since 1970) and why; how far training is, how long it took so far, and where."""

    name: str = "paused"
    why: str = ""
    since: float = 0.0
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    device: str = ""
    queued: float = 0.0
    """When it was put into the queue: its place there."""
    error: str = ""
    """What its trainer said last before it failed."""
    interrupted: bool = False


_FIELDS = {each.name for each in fields(State)}


def read(folder: Folder) -> State:
    """As it is written; `current` in `Experiment` asks also whether it is still true."""
    said = read_json(folder.state)
    state = State(**{name: value for name, value in said.items() if name in _FIELDS})
    return state if state.name in STATES else replace(state, name="paused")


def read_json(path: Path) -> dict[str, Any]:
    """A file of ours; nothing where it is not there, words where it is damaged."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedEntry(f"{path} cannot be read: {error}.", hint="Mend it, or delete the experiment.") from error
    if not isinstance(value, dict):
        raise DamagedEntry(f"{path} is not what it should be.", hint="Mend it, or delete the experiment.")
    return value


@contextmanager
def words(folder: Folder) -> Iterator[None]:
    """Alone with the words of an experiment."""
    with FileLock(folder.words_lock, timeout=WAIT_SECONDS):
        yield


def change(
    folder: Folder,
    name: str,
    why: str = "",
    *,
    only_from: tuple[str, ...] = STATES,
    only_if: Callable[[], bool] = lambda: True,
    quiet: bool = False,
    **facts: Any,
) -> State | None:
    """Puts an experiment into another state; None where it is by now in one that this does not lead from.

    `only_if` is asked while nobody else can change anything.
    """
    with words(folder):
        before = read(folder)
        if before.name not in only_from or not only_if():
            return None
        facts.setdefault("error", "")
        state = replace(before, name=name, why=why, since=time.time(), **facts)
        # Whoever sees the state finds the line.
        if not quiet:
            tell(folder, f"{name.capitalize()}{f': {why}' if why else '.'}", kind="state", step=state.step)
        _write(folder, state)
    return state


def note(folder: Folder, **facts: Any) -> None:
    """Adds facts to the state as it is."""
    with words(folder):
        _write(folder, replace(read(folder), **facts))


def tell(folder: Folder, what: str, *, kind: str = "note", step: int | None = None, **facts: Any) -> None:
    """A line in the diary; `facts` are for programs that read it."""
    line: dict[str, Any] = {"when": round(time.time(), 3), "kind": kind, "what": what, **facts}
    lines.append(folder.diary, [line if step is None else {**line, "at": step}])


def held(lock: Path) -> bool:
    """Whether a process holds this lock now."""
    if not lock.exists():
        return False
    look = FileLock(lock, shared=True)
    if look.acquire(timeout=0):
        look.release()
        return False
    return True


def _write(folder: Folder, state: State) -> None:
    write_json(folder.state, asdict(state))
