"""What takes room in the library, and moving the downloads to where there is more of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runway_lab.errors import BadValue, RunwayLabError
from runway_lab.library.atomic import flush, flush_folder, in_words, temporary, write_json, write_text, writer_of
from runway_lab.library.locks import FileLock
from runway_lab.library.places import KINDS, SET_ASIDE, lock_path, place
from runway_lab.settings import home
from runway_lab.toml import dumps, quoted

__all__ = ["EntryRoom", "Usage", "move_downloads", "usage"]

WAIT_SECONDS = 10.0
"""How long a download that is under way is waited for."""

_GROUPED = ("models", "downloads")
_MARK = ".moving-here.json"
_LINE = re.compile(r"^downloads[ \t]*=.*$", re.MULTILINE)


@dataclass(frozen=True)
class EntryRoom:
    """How many bytes one entry of the library takes."""

    kind: str
    name: str
    bytes: int


@dataclass(frozen=True, repr=False)
class Usage:
    """What takes room in the library: the largest entry first."""

    folder: Path
    entries: tuple[EntryRoom, ...]
    free: int

    @property
    def total(self) -> int:
        """All bytes together."""
        return sum(each.bytes for each in self.entries)

    @property
    def by_kind(self) -> dict[str, int]:
        """The bytes of each kind, the largest first."""
        sums = {kind: sum(e.bytes for e in self.entries if e.kind == kind) for kind in (*KINDS, SET_ASIDE)}
        return dict(sorted(sums.items(), key=lambda item: -item[1]))

    def __repr__(self) -> str:
        lines = [f"{size(self.total)} in {self.folder}, {size(self.free)} free"]
        for kind, taken in self.by_kind.items():
            if not taken:
                continue
            lines.append(f"{size(taken):>10}  {kind}")
            entries = [each for each in self.entries if each.kind == kind]
            lines += [f"{size(each.bytes):>20}  {each.name}" for each in entries[:10]]
            if len(entries) > 10:
                rest = sum(each.bytes for each in entries[10:])
                lines.append(f"{size(rest):>20}  in {len(entries) - 10} more")
        return "\n".join(lines)


def size(count: float) -> str:
    """A number of bytes as a person reads it.

    >>> size(999), size(12_345_678)
    ('999 bytes', '12.3 MB')
    """
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.95:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} TB"


def usage() -> Usage:
    """What takes room, by kind and by entry."""
    found = []
    for kind in (*KINDS, SET_ASIDE):
        for entry in _entries(place(kind), 2 if kind in _GROUPED else 1):
            found.append(EntryRoom(kind, entry.relative_to(place(kind)).as_posix(), _bytes(entry)))
    folder = home()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return Usage(folder, tuple(sorted(found, key=lambda each: -each.bytes)), shutil.disk_usage(there).free)


def move_downloads(to: str | os.PathLike[str]) -> Path:
    """Moves the downloads to another folder, on another disk too, and remembers the new place.

    It can be stopped at any moment: until all is copied the old folder counts, from then on the new one. Calling
    it again goes on where it stopped.
    """
    target = Path(to).expanduser().absolute()
    if os.environ.get("RUNWAY_LAB_DOWNLOADS"):
        raise BadValue(
            "The variable RUNWAY_LAB_DOWNLOADS says where the downloads are, and it counts more than the settings.",
            hint="Take it away first, or change it and move the folder by hand.",
        )
    lock = FileLock(lock_path("downloads"), note="moving the downloads", timeout=WAIT_SECONDS)
    with lock:
        source = place("downloads")
        mark = target / _MARK
        if _same(source, target):
            # Perhaps the last move was stopped after the new place was remembered: its old files are still there.
            if mark.is_file():
                _clear(_marked(mark), target)
                mark.unlink(missing_ok=True)
            return target
        _must_be_free(source, target)
        with in_words(target):
            target.mkdir(parents=True, exist_ok=True)
            write_json(mark, {"from": str(source)})
            _drop_drafts(target)
            for file in _files(source):
                _bring(source / file, target / file)
            flush_folder(target)
        _remember(target)
        _clear(source, target)
        mark.unlink(missing_ok=True)
    return target


def _must_be_free(source: Path, target: Path) -> None:
    here, there = source.resolve(), target.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise BadValue(f"{target} and {source} lie in each other.", hint="Choose a folder outside.")
    if target.exists() and not target.is_dir():
        raise BadValue(f"{target} is a file.", hint="Choose a folder.")
    if target.is_dir() and any(target.iterdir()) and not _same(_marked(target / _MARK), source):
        raise BadValue(f"{target} is not empty.", hint="Choose an empty or a new folder.")


def _marked(mark: Path) -> Path:
    """Where the files of a move that was stopped came from."""
    try:
        return Path(json.loads(mark.read_text(encoding="utf-8"))["from"])
    except (OSError, ValueError, TypeError, KeyError):
        return mark / "nowhere"


def _drop_drafts(target: Path) -> None:
    """Takes away the half-copied files of a move that was stopped: large, and hidden from a person's eyes."""
    for file in list(_files(target)):
        if writer_of(file.name) is not None:
            (target / file).unlink(missing_ok=True)


def _bring(source: Path, target: Path) -> None:
    """One file to its new place: the same file under a second name if the disk is the same, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if _brought(source, target):
        return
    target.unlink(missing_ok=True)
    draft = temporary(target)
    try:
        try:
            os.link(source, draft, follow_symlinks=False)
        except (OSError, NotImplementedError):
            shutil.copy2(source, draft, follow_symlinks=False)
            flush(draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _brought(source: Path, target: Path) -> bool:
    try:
        here, there = source.lstat(), target.lstat()
    except FileNotFoundError:
        return False
    # Some disks keep times to two seconds only; a target is whole in any case, it got its name at the end.
    return here.st_size == there.st_size and abs(here.st_mtime - there.st_mtime) <= 2


def _clear(source: Path, target: Path) -> None:
    """Takes away the old files that are at the new place too, and the folders that are then empty."""
    if not source.is_dir():
        return
    with in_words(source, "cleared"):
        for file in _files(source):
            if _brought(source / file, target / file):
                (source / file).unlink(missing_ok=True)
        for top, _, _ in os.walk(source, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(top)


def _remember(target: Path) -> None:
    """Changes one line of settings.toml; the rest of what a person wrote there stays, comments too."""
    settings_file = home() / "settings.toml"
    chosen = "" if _same(target, home() / "downloads") else str(target)
    try:
        text = settings_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    try:
        wanted: dict[str, Any] = {**tomllib.loads(text), "downloads": chosen}
    except tomllib.TOMLDecodeError as error:
        raise BadValue(f"The settings file {settings_file} cannot be read: {error}.", hint="Mend it.") from error
    line = f"downloads = {quoted(chosen)}"
    # A replacement may hold backslashes, so it is given as a function.
    changed = _LINE.sub(lambda _: line, text, count=1) if _LINE.search(text) else f"{line}\n{text}"
    try:
        right = tomllib.loads(changed) == wanted
    except tomllib.TOMLDecodeError:
        right = False
    write_text(settings_file, changed if right else dumps(wanted))
    if not _same(place("downloads"), target):
        raise RunwayLabError(f"The settings do not take {target} as the place of the downloads.", hint="Look there.")


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _files(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(top, name))]
        for name in sorted([*names, *links]):
            if name != _MARK:
                yield Path(os.path.relpath(os.path.join(top, name), folder))


def _entries(folder: Path, depth: int) -> Iterator[Path]:
    try:
        children = sorted(folder.iterdir())
    except OSError:
        return
    for child in children:
        if depth > 1 and child.is_dir() and not child.is_symlink():
            yield from _entries(child, depth - 1)
        else:
            yield child


def _bytes(entry: Path) -> int:
    if entry.is_symlink() or not entry.is_dir():
        with contextlib.suppress(OSError):
            return entry.lstat().st_size
        return 0
    total = 0
    for top, _, files in os.walk(entry):
        for name in files:
            # Another kernel may delete it in this moment.
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(top, name)).st_size
    return total
