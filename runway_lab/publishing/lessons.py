"""The tour and the lessons, laid out in a folder that a person may write in.

The lessons travel inside the package (in a clone they lie beside it, in `notebooks/`). Nobody should work
in there, so before JupyterLab opens they are copied to a folder of the person's own, and kept up to date
by one rule: **what the person changed is never touched.**

A record in the folder, `.lessons.json`, remembers a fingerprint of each lesson as it was given. Then, for
each lesson:

- it is not there: it is copied. One that was given before has been deleted by hand and stays away, but
  the tour, which is the way in, comes back.
- it is there as it was given: a newer version takes its place.
- it is there and changed: the newer version comes beside it, `tour-0.2.0.ipynb`, once.

The fingerprint of a notebook is taken over what its cells say. Running the tour and saving it changes
outputs and counters, which is what a lesson is for, and not a reason for a second copy with every new
version.

An older version of the package in another environment leaves the lessons of a newer one alone.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from runway_lab import __version__
from runway_lab.errors import DamagedEntry, LibraryFull, RunwayLabError
from runway_lab.settings import home

__all__ = ["LaidOut", "lay_out", "lessons_folder"]

_TOUR = "tour.ipynb"
_RECORD = ".lessons.json"


@dataclass(frozen=True)
class LaidOut:
    """Where the lessons are, and what was done to bring them there."""

    folder: Path
    copied: list[str] = field(default_factory=list)
    """Lessons that were not there before."""
    refreshed: list[str] = field(default_factory=list)
    """Lessons that a newer version replaced; nobody had changed them."""
    beside: dict[str, str] = field(default_factory=dict)
    """Changed lessons, each with the name under which the newer version lies beside it."""

    @property
    def tour(self) -> Path:
        return self.folder / _TOUR

    def told(self) -> list[str]:
        """One sentence for each thing a person may want to know."""
        sentences = []
        if self.copied:
            sentences.append(f"The lessons are in {self.folder}.")
        if self.refreshed:
            sentences.append(f"Brought up to date: {', '.join(self.refreshed)}.")
        for name, newer in self.beside.items():
            sentences.append(f"You have changed {name}, so it stays as it is; the newer lesson is {newer}.")
        return sentences


def lessons_folder() -> Path:
    """The lessons as they came: inside the package, or beside it in a clone.

    >>> (lessons_folder() / "tour.ipynb").is_file()
    True
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / _TOUR).is_file():
            return folder
    raise DamagedEntry(
        f"The lessons are missing from {package}.",
        hint="Install again: pip install --force-reinstall runway-lab",
    )


def lay_out(folder: Path | None = None, *, source: Path | None = None, version: str = __version__) -> LaidOut:
    """Bring the lessons to `folder`, by default `notebooks` in the library folder, and leave changed ones alone.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as somewhere:
    ...     "tour.ipynb" in lay_out(Path(somewhere)).copied
    True
    """
    folder = (folder or home() / "notebooks").expanduser().absolute()
    source = source or lessons_folder()
    laid = LaidOut(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        record = _read_record(folder)
        before = json.dumps(record, sort_keys=True)
        for name in _lessons_in(source):
            _lay_one(name, source, laid, record, version)
        if json.dumps(record, sort_keys=True) != before:
            _write(folder / _RECORD, json.dumps(record, indent=1, sort_keys=True).encode())
    except OSError as error:
        raise _in_words(folder, error) from error
    return laid


def _lay_one(name: str, source: Path, laid: LaidOut, record: dict[str, Any], version: str) -> None:
    data = (source / name).read_bytes()
    new = _fingerprint(name, data)
    path = laid.folder / name
    known = record.get(name, {})
    if not path.exists():
        if known and name != _TOUR:
            return
        _write(path, data)
        laid.copied.append(name)
        record[name] = {"given": new, "version": version}
        return
    there = _fingerprint(name, path.read_bytes())
    if there == new:
        # A version that brings the same words again takes the lesson over, so that an older one leaves it alone.
        if not known or _newer_or_same(version, known["version"]):
            record[name] = {"given": new, "version": version}
        return
    if known and not _newer_or_same(version, known["version"]):
        return
    if known and there == known["given"]:
        _write(path, data)
        laid.refreshed.append(name)
        record[name] = {"given": new, "version": version}
        return
    if known.get("offered", known.get("given")) == new:
        return
    beside = _beside(name, version)
    if not (laid.folder / beside).exists() or record.get(beside, {}).get("given") == _fingerprint(
        beside, (laid.folder / beside).read_bytes()
    ):
        _write(laid.folder / beside, data)
        laid.beside[name] = beside
        record[beside] = {"given": new, "version": version}
    record[name] = {"given": known.get("given", ""), "offered": new, "version": version}


def _lessons_in(source: Path) -> list[str]:
    """Names relative to the folder, with forward slashes; what an editor left lying about is no lesson."""
    names = []
    for path in source.rglob("*"):
        parts = path.relative_to(source).parts
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in parts):
            names.append(PurePosixPath(*parts).as_posix())
    return sorted(names)


def _beside(name: str, version: str) -> str:
    """
    >>> _beside("more/latent.ipynb", "0.2.0")
    'more/latent-0.2.0.ipynb'
    """
    path = PurePosixPath(name)
    return path.with_name(f"{path.stem}-{version}{path.suffix}").as_posix()


def _fingerprint(name: str, data: bytes) -> str:
    if name.endswith(".ipynb"):
        try:
            cells = json.loads(data)["cells"]
            said = [(cell["cell_type"], "".join(cell["source"]), cell.get("attachments", {})) for cell in cells]
            data = json.dumps(said, sort_keys=True).encode()
        except (ValueError, KeyError, TypeError):
            pass  # No notebook that we can read: then every byte counts.
    return hashlib.sha256(data).hexdigest()


def _newer_or_same(version: str, other: str) -> bool:
    """
    >>> _newer_or_same("0.10.0", "0.9.1"), _newer_or_same("0.9.0", "0.9.1")
    (True, False)
    """
    mine, theirs = ([int(number) for number in re.findall(r"\d+", text)] for text in (version, other))
    return mine >= theirs


def _read_record(folder: Path) -> dict[str, Any]:
    """What was given before; a record that cannot be read counts as none, and then every lesson as changed."""
    try:
        lessons = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(lessons, dict):
        return {}
    return {
        name: entry
        for name, entry in lessons.items()
        if isinstance(entry, dict) and isinstance(entry.get("given"), str) and isinstance(entry.get("version"), str)
    }


def _write(path: Path, data: bytes) -> None:
    """All or nothing: a full disk or a pulled plug leaves the file as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".laying-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes files for their owner alone; a lesson is an ordinary file.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _in_words(folder: Path, error: OSError) -> RunwayLabError:
    elsewhere = "Choose another folder: runway-lab lab --folder my-lessons"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LibraryFull(f"There is no room left for the lessons in {folder}.", hint=f"Free some. {elsewhere}")
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return RunwayLabError(f"{error.filename or folder} is a file, not a folder.", hint=elsewhere)
    reason = error.strerror or str(error)
    return RunwayLabError(f"The lessons cannot be written to {folder}: {reason}.", hint=elsewhere)
