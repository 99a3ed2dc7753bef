"""Writing so that what is there is always whole: the old content or the new, never half of one.

Everything is written under a temporary name in the same folder, flushed to the disk, then renamed. A temporary
name begins with `.tmp-` and the number of the writing process, so that what an interrupted write leaves behind
is recognised (`entries.sweep`).

A full disk, a folder that may not be written to and the like are told in words; the old content is untouched.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runway_lab.errors import LibraryFull, RunwayLabError

__all__ = [
    "discard",
    "flush",
    "flush_folder",
    "in_words",
    "new_folder",
    "temporary",
    "write_bytes",
    "write_json",
    "write_text",
    "writer_of",
]

# A quota and a limit on the size of a file are met with the same words as a full disk.
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_TEMPORARY = re.compile(r"\.(?:tmp|gone)-(\d+)-[0-9a-f]{8}-.*", re.DOTALL)
_LONGEST_NAME = 150


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Writes a file; the folders above it are made. A link is followed, so that it stays one."""
    target = Path(os.path.realpath(path))
    with in_words(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = temporary(target)
        try:
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(target, draft)
            draft.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        flush_folder(target.parent)
    return target


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Writes text as UTF-8, with the line ends it has."""
    return write_bytes(path, text.encode())


def write_json(path: str | os.PathLike[str], value: Any) -> Path:
    """Writes a value as JSON that a person can read; numbers that JSON does not have are refused."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)
    return write_text(path, text + "\n")


@contextlib.contextmanager
def new_folder(path: str | os.PathLike[str], *, replace: bool = False) -> Iterator[Path]:
    """A folder that appears whole or not at all: fill the one given, it gets its name at the end.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as shelf:
    ...     with new_folder(Path(shelf) / "petals") as draft:
    ...         _ = write_text(draft / "note.txt", "red")
    ...         before = (Path(shelf) / "petals").exists()
    ...     before, (Path(shelf) / "petals" / "note.txt").read_text()
    (False, 'red')

    If the body raises, nothing is left. A folder that is there already is an error, or makes room with `replace`.
    """
    target = Path(path).absolute()
    with in_words(target):
        if not replace:
            _must_not_exist(target)
        draft = _make_beside(target)
    try:
        yield draft
        with in_words(target):
            flush(draft)
            if replace and (target.exists() or target.is_symlink()):
                gone = temporary(target, "gone")
                target.rename(gone)
                try:
                    draft.rename(target)
                except BaseException:
                    gone.rename(target)
                    raise
                discard(gone)
            else:
                _must_not_exist(target)
                try:
                    draft.rename(target)
                except OSError as error:
                    # Another process was quicker between the look and the rename.
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                        raise
                    _must_not_exist(target)
                    raise
            flush_folder(target.parent)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        # The body writes with calls of its own; when the disk is full there, that is told in the same words.
        if error.errno in _FULL:
            raise _full(target) from error
        raise
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def temporary(path: Path, kind: str = "tmp") -> Path:
    """A name beside `path` that says which process writes there; kind "gone" is for what is being deleted."""
    return path.with_name(f".{kind}-{os.getpid()}-{uuid.uuid4().hex[:8]}-{path.name[:_LONGEST_NAME]}")


def writer_of(name: str) -> int | None:
    """The process that a temporary name belongs to; None for any other name."""
    found = _TEMPORARY.fullmatch(name)
    return int(found.group(1)) if found else None


def discard(path: Path) -> None:
    """Deletes a folder, file or link that already has a "gone" name; what resists is taken by a later sweep."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def flush(path: Path) -> None:
    """Makes sure that a file, or all of a folder, is on the disk and not only in memory."""
    if path.is_symlink():
        return
    if path.is_dir():
        for each in sorted(path.iterdir()):
            flush(each)
        flush_folder(path)
        return
    file = os.open(path, os.O_RDONLY if sys.platform != "win32" else os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def flush_folder(path: Path) -> None:
    """Makes the names in a folder last. Not every system and file system can; then there is nothing to do."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            file = os.open(path, os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)


@contextlib.contextmanager
def in_words(path: Path, doing: str = "written") -> Iterator[None]:
    """Turns what the system says about a path into what a person can do something about."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(path) from error
        if error.errno in _CLOSED:
            raise RunwayLabError(
                f"{path} could not be {doing}: that folder may only be read.",
                hint="Change its permissions, or choose another library folder with RUNWAY_LAB_HOME.",
            ) from error
        raise RunwayLabError(
            f"{path} could not be {doing}: {error.strerror or error}.", hint="Look at that place and try again."
        ) from error


def _full(path: Path) -> LibraryFull:
    return LibraryFull(
        f"There is no room on the disk for {path}. What was there is untouched.",
        hint="Free some room (runway_lab.library.usage() shows what takes it) and try again.",
    )


def _make_beside(target: Path) -> Path:
    for _ in range(100):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = temporary(target)
        # Another process may remove the empty folder above in this very moment.
        with contextlib.suppress(FileNotFoundError):
            draft.mkdir()
            return draft
    raise FileNotFoundError(errno.ENOENT, "The folder above keeps disappearing", str(target.parent))


def _must_not_exist(target: Path) -> None:
    if target.is_symlink() or target.exists():
        raise RunwayLabError(
            f"{target.parent.name}/{target.name} is there already.", hint="Choose another name, or replace it."
        )
