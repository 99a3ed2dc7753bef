"""Reads folders of entries that people and programs change at any moment.

An entry is a folder with a marker file in it, `models/<group>/<name>/card.toml`. The folder is read afresh at
each look, and what has not changed since the last one is not read again. Where there are very many entries, at
most a tenth of the time goes into looking; what this process itself changed is always seen. Another kernel may add,
change and delete entries meanwhile: what vanishes while it is looked at was deleted.

An entry that cannot be read is not shown, never deleted and never in the way: once nobody has touched it for a
while (a person may be editing or copying it), it is moved to the folder `set-aside` with a report beside it: what,
when, why, from where. So is what an interrupted write has left behind. `problems()` tells of all of these, also of
those that are still at their place, and of those that cannot be moved because the library may only be read.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar, Generic, TypeVar

from runway_lab.errors import RunwayLabError
from runway_lab.library.atomic import discard, in_words, write_json, writer_of
from runway_lab.library.locks import FileLock
from runway_lab.library.places import SET_ASIDE, lock_path, path, place
from runway_lab.settings import home

__all__ = ["Entries", "Problem", "folders", "problems", "set_aside", "sweep"]

QUIET_SECONDS = 30.0
"""A damaged entry is left alone for so long after its last change: somebody may be at work on it."""

STALE_SECONDS = 3600.0
"""What an interrupted write left behind is left alone for so long, besides its writer being dead."""

SWEEP_SECONDS = 600.0

MANY_ENTRIES, LONGEST_REST_SECONDS = 200, 2.0
"""After a look at more entries than this the next one waits for ten times as long as it took, or two seconds."""

Stamp = tuple[int, int, int]
T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """Something of the library that cannot be used: what, why, since when, and where it lies now."""

    what: str
    why: str
    when: datetime
    where: Path
    origin: Path

    def __str__(self) -> str:
        if self.where == self.origin:
            return f"{self.what}: {self.why} It is still at its place: mend it there ({self.where})."
        return f"{self.what}: {self.why} It was set aside: mend it ({self.where}) and move it to {self.origin}."


@dataclass
class _Known(Generic[T]):
    stamp: Stamp | None
    value: T | None
    why: str = ""
    movable: bool = True


class Entries(Generic[T]):
    """The entries of one kind, read by `read`, which gets an entry's folder and raises when it is damaged.

    `depth` is 2 where entries lie in groups. `all()` answers with the very same tuple until something changed. What is
    `read_only` belongs to somebody else and may lie on a slow disk: nothing is cleared or moved there, and it is
    looked at every two seconds at most.
    """

    _kinds: ClassVar[list[Entries[Any]]] = []

    def __init__(
        self, kind: str, marker: str, read: Callable[[Path], T], *, depth: int = 1, read_only: bool = False
    ) -> None:
        self.kind, self.marker, self.read, self.depth, self.read_only = kind, marker, read, depth, read_only
        self._folder: Path | None = None
        self._known: dict[str, _Known[T]] = {}
        self._all: tuple[T, ...] = ()
        self._swept = 0.0
        self._rest_until = 0.0
        self._one_at_a_time = RLock()
        Entries._kinds.append(self)

    def all(self) -> tuple[T, ...]:
        """Every entry that can be read, by the name of its folder."""
        with self._one_at_a_time:
            folder = place(self.kind)
            if folder != self._folder:
                self._folder, self._known, self._all, self._swept, self._rest_until = folder, {}, (), 0.0, 0.0
            start = time.monotonic()
            if start < self._rest_until:
                return self._all
            if not self.read_only and (start - self._swept > SWEEP_SECONDS or not self._swept):
                sweep(folder, self.kind, self.depth)
                self._swept = start = time.monotonic()
            found = folders(folder, self.marker, self.depth)
            if self.read_only:
                self._rest_until = time.monotonic() + LONGEST_REST_SECONDS
            elif len(found) > MANY_ENTRIES:
                self._rest_until = start + min(10 * (time.monotonic() - start), LONGEST_REST_SECONDS)
            changed = found.keys() != self._known.keys()
            self._known = {entry: known for entry, known in self._known.items() if entry in found}
            for entry, stamp in found.items():
                known = self._known.get(entry)
                if known is None or known.stamp != stamp:
                    self._known[entry] = known = self._look(Path(entry), stamp)
                    changed = True
                if known.why and known.movable and not self.read_only and _quiet_for(Path(entry)) > QUIET_SECONDS:
                    self._put_aside(Path(entry), known)
            if changed:
                self._all = tuple(known.value for _, known in sorted(self._known.items()) if known.value is not None)
            return self._all

    def look_again(self) -> None:
        """Makes the next `all()` look at the folder: called by whoever changed something there."""
        self._rest_until = 0.0

    @property
    def changed_here(self) -> bool:
        """Whether this kernel changed something there since the last look."""
        return self._rest_until == 0.0

    def problems(self) -> Iterator[Problem]:
        """The entries that are at their place and cannot be read."""
        with self._one_at_a_time:
            self.look_again()
            self.all()
            damaged = {Path(entry): known.why for entry, known in self._known.items() if known.why}
        for entry, why in damaged.items():
            with contextlib.suppress(FileNotFoundError):
                when = datetime.fromtimestamp(entry.stat().st_mtime).astimezone()
                yield Problem(_name(entry, place(self.kind), self.kind), why, when, entry, entry)

    def _look(self, entry: Path, stamp: Stamp | None) -> _Known[T]:
        if stamp is None:
            return _Known(None, None, f"It has no {self.marker}: it was written or copied half-way.")
        try:
            return _Known(stamp, self.read(entry))
        except (RunwayLabError, OSError, ValueError, TypeError, LookupError) as error:
            # A disk or a permission that is in the way is no damage of the entry.
            blocked = isinstance(error, OSError) or isinstance(error.__cause__, OSError)
            return _Known(stamp, None, str(error), movable=not blocked)

    def _put_aside(self, entry: Path, known: _Known[T]) -> None:
        """Under a lock and after another look: another kernel may have done it, or a person may have mended it."""
        try:
            with FileLock(lock_path(SET_ASIDE), timeout=2):
                stamp = _stamp(entry / self.marker)
                if entry.is_dir() and self._look(entry, stamp).why:
                    set_aside(entry, known.why, what=_name(entry, place(self.kind), self.kind))
        except RunwayLabError:
            # The library may only be read: the entry stays where it is, and `problems` tells of it.
            known.movable = False


def problems() -> list[Problem]:
    """What of the library cannot be used, and why; the newest first."""
    found = [problem for entries in Entries._kinds for problem in entries.problems()]
    return sorted([*found, *_reports()], key=lambda each: each.when, reverse=True)


def folders(folder: Path, marker: str, depth: int) -> dict[str, Stamp | None]:
    """Every entry's folder with the stamp of its marker file, None where that is missing.

    A folder with a marker is an entry, however deep it lies; without one it is a group, or half an entry.
    """
    found: dict[str, Stamp | None] = {}
    try:
        with os.scandir(folder) as children:
            names = [child.path for child in children if child.name[0] not in "._" and child.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError:
        with in_words(folder, "read"):
            raise
    for name in names:
        stamp = _stamp(f"{name}/{marker}")
        if stamp is None and depth > 1:
            found.update(folders(Path(name), marker, depth - 1))
        else:
            found[name] = stamp
    return found


def set_aside(entry: Path, why: str, *, what: str) -> Problem:
    """Moves a folder or file to `set-aside` and writes beside it what it was, when, why and where from."""
    when = datetime.now().astimezone()
    name = f"{what.replace('/', '-')[:100]}-{when:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
    target = path(SET_ASIDE) / name
    report = {"what": what, "why": why, "when": when.isoformat(), "from": str(entry), "to": name}
    # The report goes first: a stop in between leaves a word too many, not a folder nobody can explain.
    written = write_json(target.with_name(f"{name}.json"), report)
    try:
        with in_words(entry, "moved to set-aside"):
            shutil.move(entry, target)
    except RunwayLabError:
        written.unlink(missing_ok=True)
        raise
    return Problem(what, why, when, target, entry)


def sweep(folder: Path, kind: str, depth: int = 1) -> None:
    """Clears what interrupted writes left behind: half-written things are set aside, half-deleted ones deleted."""
    try:
        children = list(os.scandir(folder))
    except OSError:
        return
    for child in children:
        writer = writer_of(child.name)
        if writer is None:
            if depth > 1 and child.name[0] not in "._" and child.is_dir():
                sweep(Path(child.path), kind, depth - 1)
        elif _quiet_for(Path(child.path)) > STALE_SECONDS and not _still_writing(writer, Path(child.path)):
            if child.name.startswith(".gone-"):
                discard(Path(child.path))
            else:
                # Another kernel may do it in this moment, or the library may only be read.
                with contextlib.suppress(RunwayLabError, OSError):
                    why = "Writing it was interrupted before it was complete."
                    set_aside(Path(child.path), why, what=_name(Path(child.path), place(kind), kind))


def _reports() -> Iterator[Problem]:
    folder = home() / SET_ASIDE
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.startswith(".") or (name.endswith(".json") and name[:-5] in names):
            continue
        where = folder / name
        try:
            said = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            when = datetime.fromisoformat(said["when"]).astimezone()
            yield Problem(str(said["what"]), str(said["why"]), when, where, Path(said["from"]))
        except (OSError, ValueError, TypeError, KeyError):
            if not name.endswith(".json"):
                with contextlib.suppress(OSError):
                    when = datetime.fromtimestamp(where.stat().st_mtime).astimezone()
                    yield Problem(name, "Its report is missing or cannot be read.", when, where, home())


def _name(entry: Path, folder: Path, kind: str) -> str:
    return f"{kind}/{entry.relative_to(folder).as_posix()}"


def _stamp(marker: str | Path) -> Stamp | None:
    try:
        seen = os.stat(marker)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return (0, 0, 0)
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


def _newest(entry: Path) -> float:
    """When something in it was last changed."""
    newest = entry.lstat().st_mtime
    if entry.is_dir() and not entry.is_symlink():
        for top, _, files in os.walk(entry):
            for name in (".", *files):
                with contextlib.suppress(FileNotFoundError):
                    newest = max(newest, os.lstat(os.path.join(top, name)).st_mtime)
    return newest


def _quiet_for(entry: Path) -> float:
    """For how many seconds nobody has changed it; a clock that is wrong counts in both directions."""
    try:
        return abs(time.time() - _newest(entry))
    except OSError:
        return 0.0


def _still_writing(pid: int, entry: Path) -> bool:
    """Whether the writer lives; a process that began after the last write only has the same number."""
    import psutil

    try:
        return bool(psutil.Process(pid).create_time() <= _newest(entry) + 2)
    except (psutil.NoSuchProcess, OSError):
        return False
    except psutil.Error:
        return True
