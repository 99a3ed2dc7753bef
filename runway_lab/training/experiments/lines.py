"""Files of JSON lines that one process writes and others read while it does.

A line is written with one call at the end of the file. A process that is killed may leave half a line: the next writer
begins on a fresh one, and a reader passes over what it cannot read. A line without its end is not there yet.

Lines are only ever added, but for `cut`, which takes those off that belong to steps which will be done again; it puts
a new file in place of the old one, so that a reader notices.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runway_lab.library.atomic import in_words, write_bytes

__all__ = ["Tail", "append", "cut", "parse"]

Line = dict[str, Any]


def append(path: Path, lines: Iterable[Line]) -> None:
    """Adds lines at the end."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    with in_words(path), path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                text = b"\n" + text
        file.write(text)


def parse(data: bytes) -> list[Line]:
    """The lines in some bytes; what cannot be read is passed over."""
    found = []
    for line in data.split(b"\n"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def cut(path: Path, step: int) -> None:
    """Takes off the lines that belong to later steps, and half a line at the end."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    lines = parse(data)
    kept = [line for line in lines if not (isinstance(line.get("step"), (int, float)) and line["step"] > step)]
    if len(kept) < len(lines) or not data.endswith(b"\n"):
        write_bytes(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept).encode())


class Tail:
    """All lines of a file; each look costs one `stat`, and only what is new is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[Line] = []
        self._seen: tuple[int, int, int] | None = None
        self._position = 0

    def read(self) -> list[Line]:
        """What is there by now; the list is not to be changed."""
        try:
            now = os.stat(self.path)
        except OSError:
            self._lines, self._seen, self._position = [], None, 0
            return self._lines
        stamp = (now.st_ino, now.st_size, now.st_mtime_ns)
        if stamp == self._seen:
            return self._lines
        if self._seen is None or self._seen[0] != now.st_ino or now.st_size < self._position:
            self._lines, self._position = [], 0
        with self.path.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        whole, _, _ = data.rpartition(b"\n")
        if whole:
            self._lines = self._lines + parse(whole)
            self._position += len(whole) + 1
        self._seen = stamp
        return self._lines
