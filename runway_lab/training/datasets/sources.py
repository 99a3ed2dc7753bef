"""Where pictures come from, as a row of items: a name to show, and a way to read it.

A folder is walked without following links to folders, so a loop of links ends nothing; what is no regular file (a pipe,
a device) is never opened. Items come in the order of their names, and with a stamp that changes when the file does.
Names are for people: nothing is ever written under one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runway_lab.errors import BadValue, shorten
from runway_lab.settings import settings

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["ENDINGS", "LARGEST_FILE", "MEDIA", "Item", "Source", "is_hidden", "open_source", "read_file", "shown"]

LARGEST_FILE = 512 << 20
"""No single picture may be larger than this."""

ENDINGS = {
    ".bmp": "BMP", ".dib": "BMP", ".gif": "GIF", ".jfif": "JPEG", ".jpe": "JPEG", ".jpeg": "JPEG", ".jpg": "JPEG",
    ".png": "PNG", ".apng": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP",
}  # fmt: skip
"""The endings of names that promise a picture, and which."""

FOREIGN = {
    **dict.fromkeys((".heic", ".heif"), "HEIC"), ".avif": "AVIF", ".jxl": "JPEG XL", ".jp2": "JPEG 2000",
    ".psd": "Photoshop", ".svg": "SVG", ".exr": "OpenEXR",
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"), "a camera's raw format"),
}  # fmt: skip
"""Pictures too, but of formats that are not opened here."""

MEDIA = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")

_RUBBISH = {"thumbs.db", "desktop.ini", "icon\r", "__macosx"}
_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True, eq=False)
class Item:
    """One file of a source, or one frame of a film.

    `read(most)` gives its first bytes, at most so many; a frame is there already, as `picture`. `finding` and `note`
    say what is known about it before it is opened.
    """

    name: str
    size: int = 0
    stamp: int = 0
    read: Callable[[int], bytes] = field(default=lambda most: b"", repr=False)
    picture: Picture | None = field(default=None, repr=False)
    finding: str = ""
    note: str = ""

    @property
    def ending(self) -> str:
        """The ending of its name, in small letters."""
        return os.path.splitext(self.name)[1].lower()

    @property
    def is_candidate(self) -> bool:
        """Whether its name promises a picture; a frame is one."""
        return self.picture is not None or (not self.finding and self.ending in ENDINGS)


class Source:
    """Items in their order, and what is known about all of them. It can be gone through more than once."""

    is_film = False

    def __init__(self, title: str, items: Callable[[], Iterator[Item]], total: int | None, identity: str) -> None:
        self.title, self.total, self.identity = title, total, identity
        self._items = items

    def __iter__(self) -> Iterator[Item]:
        return self._items()

    def few(self, count: int) -> list[Item]:
        """Some items that should be pictures, spread over all of them where that costs nothing."""
        found = []
        for item in self:
            if item.is_candidate:
                found.append(item)
                if len(found) == count:
                    break
        return found

    @property
    def mark(self) -> str:
        """What tells it from other sources, without saying where it lies."""
        return hashlib.sha256(self.identity.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def fingerprint(self) -> str:
        """What is the same as long as nothing in it has changed, as far as a look from outside can tell."""
        return self.identity

    def __repr__(self) -> str:
        return f"<{self.title}>"


class Listed(Source):
    """A source whose items are all known at once."""

    def __init__(self, title: str, items: Sequence[Item], identity: str) -> None:
        super().__init__(title, lambda: iter(items), len(items), identity)
        self.items = items
        _within_limits(title, items)

    def few(self, count: int) -> list[Item]:
        found = [item for item in self.items if item.is_candidate] or self.items
        step = max(1.0, len(found) / count)
        return [found[int(index * step)] for index in range(min(count, len(found)))]

    def fingerprint(self) -> str:
        every = hashlib.sha256(self.identity.encode())
        for item in self.items:
            every.update(f"{item.name} {item.size} {item.stamp}\n".encode())
        return every.hexdigest()


def open_source(source: Any, every: int | None = None, per_second: float | None = None) -> Source:
    """The items in a folder, a file, a list of files, an archive, a film, or the bytes of one of these.

    Of a film every `every`th frame is taken, or so many `per_second` (two, unless told otherwise).
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, Mapping):
        return _uploaded({shown(str(name)): data for name, data in source.items()}, every, per_second)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _uploaded({"upload": source}, every, per_second)
    if isinstance(source, (list, tuple)):
        if source and all(isinstance(each, (bytes, bytearray, memoryview)) for each in source):
            return _uploaded({f"upload {index + 1}": data for index, data in enumerate(source)}, every, per_second)
        if source and all(isinstance(each, Mapping) and {"name", "content"} <= each.keys() for each in source):
            # What an upload button of ipywidgets holds.
            return _uploaded({shown(str(each["name"])): each["content"] for each in source}, every, per_second)
        return _files([_path(each) for each in source])
    path = _path(source)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise _not_there(path, error) from error
    if stat.S_ISDIR(mode):
        items = sorted(_walk(path), key=lambda item: _natural(item.name))
        return Listed(f"{shown(path.resolve().name or str(path))}/", items, f"folder {path.resolve()}")
    if not stat.S_ISREG(mode):
        raise BadValue(f"{path} is neither a folder nor a file.", hint="Give a folder with pictures.")
    if path.suffix.lower() in ENDINGS and path.suffix.lower() != ".gif":
        return _files([path])
    with path.open("rb") as file:
        head = file.read(512)
    other = _archive_or_film(path, head, path.name, every, per_second)
    return other if other is not None else _files([path])


def _path(value: Any) -> Path:
    if isinstance(value, str) and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", value):
        raise BadValue(f"{shorten(value)} is an address.", hint="Download the pictures first; nothing is fetched here.")
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise BadValue(
            f"Pictures cannot come from {shorten(value)}.",
            hint="Give a folder, a list of files, a zip or tar archive, a film, or the bytes of one of these.",
        )
    try:
        return Path(value).expanduser()
    except (RuntimeError, ValueError, TypeError):
        return Path(os.fsdecode(os.fspath(value)))


def _not_there(path: Path, error: OSError | ValueError) -> BadValue:
    why = (
        "is not there"
        if isinstance(error, FileNotFoundError)
        else f"cannot be opened ({getattr(error, 'strerror', '') or error})"
    )
    return BadValue(
        f"{shown(str(path))} {why}.",
        hint="Look at the name." if path.is_absolute() else f"Look at the name; it is looked for in {Path.cwd()}.",
    )


def _archive_or_film(data: Any, head: bytes, title: str, every: int | None, per_second: float | None) -> Source | None:
    from runway_lab.training.datasets import archives, films

    return archives.open_archive(data, head, title) or films.open_film(data, head, title, every, per_second)


def _uploaded(files: Mapping[str, Any], every: int | None, per_second: float | None) -> Source:
    """Bytes that somebody sent: one archive or film, or pictures."""
    held = {name: bytes(data) for name, data in files.items()}
    if len(held) == 1:
        ((name, data),) = held.items()
        other = _archive_or_film(data, data[:512], name, every, per_second)
        if other is not None:
            return other

    def reader(data: bytes) -> Callable[[int], bytes]:
        return lambda most: data[:most]

    items = [
        Item(name if os.path.splitext(name)[1] else f"{name}{_ending_of(data)}", len(data), 0, reader(data))
        for name, data in held.items()
    ]
    every_byte = hashlib.sha256()
    for data in held.values():
        every_byte.update(hashlib.sha256(data).digest())
    return Listed("the upload", items, f"upload {every_byte.hexdigest()}")


def _ending_of(data: bytes) -> str:
    """What the name of bytes without one should end with; what begins like no picture stays without."""
    starts = {
        b"\xff\xd8\xff": ".jpg",
        b"\x89PNG": ".png",
        b"GIF8": ".gif",
        b"BM": ".bmp",
        b"II*\0": ".tif",
        b"MM\0*": ".tif",
    }
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    return next((ending for start, ending in starts.items() if data.startswith(start)), "")


def _files(paths: Sequence[Path]) -> Listed:
    if not paths:
        raise BadValue("The list of files is empty.", hint="Give at least one picture.")
    items: list[Item] = []
    for path in paths:
        try:
            if path.is_dir():
                items += sorted(_walk(path, f"{path.name}/"), key=lambda item: _natural(item.name))
            else:
                items.append(_item(path, path.name, path.stat()))
        except (OSError, ValueError) as error:
            raise _not_there(path, error) from error
    title = items[0].name if len(items) == 1 else f"{len(items)} files"
    return Listed(title, _told_apart(items), f"files {len(items)} {paths[0].absolute()}")


def _told_apart(items: Sequence[Item]) -> list[Item]:
    """The same items, each under a name of its own."""
    from dataclasses import replace

    seen: dict[str, int] = {}
    made = []
    for item in items:
        count = seen[item.name] = seen.get(item.name, 0) + 1
        if count > 1:
            stem, ending = os.path.splitext(item.name)
            item = replace(item, name=f"{stem} ({count}){ending}")
        made.append(item)
    return made


def _walk(top: Path, before: str = "") -> Iterator[Item]:
    """Everything below a folder. A folder that may not be entered is told of, a link to a folder is not followed."""
    waiting = [(os.fspath(top), before)]
    count = 0
    most = 20 * settings().dataset_images + 100_000
    while waiting:
        folder, name_before = waiting.pop()
        try:
            with os.scandir(folder) as children:
                entries = list(children)
        except OSError as error:
            if folder == os.fspath(top):
                raise _not_there(top, error) from error
            yield Item(name_before, finding="unreadable", note="this folder may not be opened")
            continue
        count += len(entries)
        if count > most:
            raise BadValue(
                f"{top} holds more than {most:,} files.",
                hint="Give the folder with the pictures, not one far above it.",
            )
        for entry in entries:
            name = name_before + shown(entry.name)
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, f"{name}/"))
                elif entry.is_symlink() and entry.is_dir():
                    yield Item(name, finding="other", note="a link to a folder, which is not followed")
                else:
                    yield _item(entry.path, name, entry.stat())
            except OSError as error:
                why = "a link that leads nowhere" if entry.is_symlink() else error.strerror or str(error)
                yield Item(name, finding="unreadable", note=why)


def _item(path: str | Path, name: str, seen: os.stat_result) -> Item:
    if not stat.S_ISREG(seen.st_mode):
        return Item(name, finding="other", note="no file")
    finding, note = ("hidden", "") if is_hidden(name) else ("", "")
    return Item(name, seen.st_size, seen.st_mtime_ns, lambda most: read_file(path, most), None, finding, note)


def is_hidden(name: str) -> bool:
    """Whether a system keeps a file of this name, or a folder on the way to it, out of sight.

    >>> is_hidden("holiday/._beach.jpg"), is_hidden("__MACOSX/beach.jpg"), is_hidden("holiday/beach.jpg")
    (True, True, False)
    """
    return any(part.startswith(".") or part.lower() in _RUBBISH for part in name.split("/") if part not in (".", ".."))


def read_file(path: str | os.PathLike[str], most: int) -> bytes:
    """The first bytes of a regular file; never waits, as a pipe in its place would make it."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    file = os.open(path, flags)
    with open(file, "rb", buffering=0) as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "no regular file")
        size = os.fstat(file).st_size
        parts, left = [], most
        # One read is enough but where the file grows meanwhile, or the system hands out less.
        while left > 0:
            part = opened.read(min(left, max(size, 1 << 16)))
            if not part:
                break
            parts.append(part)
            left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def shown(name: str) -> str:
    """A name as it can be shown and stored: no control characters, no half characters, no backslashes.

    >>> shown("a" + chr(10) + "b" + chr(0xdcff) + ".jpg")
    'a?b?.jpg'
    """
    return "".join(each if each.isprintable() and not 0xD800 <= ord(each) <= 0xDFFF else "?" for each in name)


def _natural(name: str) -> tuple[Any, ...]:
    """An order in which 2 comes before 10."""
    parts = _NUMBERS.split(name.lower())
    return tuple((int(part[:18]), "") if index % 2 else (0, part) for index, part in enumerate(parts)), name


def _within_limits(title: str, items: Sequence[Item]) -> None:
    candidates = [item for item in items if item.is_candidate]
    check_count(title, len(candidates))
    check_bytes(title, sum(item.size for item in candidates))


def check_count(title: str, count: int, most: int | None = None) -> None:
    """Words where there are more pictures than a dataset may have."""
    most = settings().dataset_images if most is None else most
    if count > most:
        more = "more pictures than" if count == most + 1 else f"{count:,} pictures, more than"
        raise BadValue(
            f"{title} has {more} the {most:,} that a dataset may have.",
            hint="Fewer pictures, well chosen, often train better (500 to 5,000 are good). "
            "Or raise the setting dataset_images.",
        )


def check_bytes(title: str, count: int, most: float | None = None) -> None:
    """Words where pictures are larger than those of a dataset may be, all together."""
    most = settings().dataset_gb if most is None else most
    if count > most * 1e9:
        raise BadValue(
            f"The pictures of {title} are larger than {most:g} GB, all together.",
            hint="Take fewer, or raise the setting dataset_gb.",
        )


def foreign(ending: str) -> str:
    """What to say about a format that is not opened here; nothing where there is nothing to say."""
    name = FOREIGN.get(ending)
    return f"{name} is not opened here: save it as JPEG or PNG" if name else ""
