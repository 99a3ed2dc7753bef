"""Files and folders, and what lies at an address.

In the kernel a person sits at, a file is a path, or an address that is fetched. Over a network it is the handle of an
upload, `{"upload": "..."}`, which the receiving end turns into the file it keeps: no path or address that came over a
network is ever opened.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from runway_lab.fields.field import NETWORK, Field, Wire, common, shorten
from runway_lab.settings import settings

__all__ = ["Directory", "File", "bytes_at", "path_of"]

HANDLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
"""The form of an upload's handle: a name, never a path."""

LONGEST_PATH = 4096


def path_of(value: Any) -> Path | None:
    """The path that a person wrote, a `~` in it opened out; None where it cannot be one."""
    try:
        text = os.fspath(value)
        if not isinstance(text, str) or not text or len(text) > LONGEST_PATH or "\0" in text:
            return None
        return Path(text).expanduser()
    except (TypeError, RuntimeError):
        # Somebody's home that is not known here.
        return None


def is_there(path: Path | None, folder: bool = False) -> bool:
    """Whether there is a file, or a folder, that can be looked at. A device or a pipe is neither."""
    try:
        return path is not None and (path.is_dir() if folder else path.is_file())
    except (OSError, ValueError):
        return False


def is_address(value: Any) -> bool:
    """Whether a person gave an address of the web."""
    return isinstance(value, str) and value[:8].lower().startswith(("http://", "https://"))


def bytes_at(field: Field, place: Any) -> bytes:
    """What lies at a path or an address that a person gave in his own kernel."""
    if is_address(place):
        return b"".join(_answered(field, place))
    path = path_of(place)
    if path is None or not is_there(path):
        raise field.refuse(place, "a file that is there")
    try:
        return path.read_bytes()
    except OSError as error:
        raise field.refuse(place, f"a file that can be read ({error.strerror or error})") from error


def _answered(field: Field, address: str) -> Iterator[bytes]:
    """What an address answers, piece by piece; BadValue where it does not, or does not stop."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    most, got = settings().max_message_mb * 1_000_000, 0
    try:
        with urlopen(Request(address, headers={"User-Agent": "runway-lab"}), timeout=30) as answer:
            while piece := answer.read(1 << 20):
                got += len(piece)
                if got > most:
                    break
                yield piece
    except (OSError, ValueError, HTTPException) as error:
        raise field.refuse(address, f"an address that answers ({shorten(str(error))[1:-1]})") from error
    if got > most:
        raise field.refuse(address, f"the address of a file of at most {most // 1_000_000} MB")


_fetching = threading.Lock()
_fetched: dict[str, Path] = {}
_folder = ""


def fetched(field: Field, address: str) -> Path:
    """The file at an address, fetched once and kept as long as this kernel lives."""
    global _folder
    with _fetching:
        if address not in _fetched or not _fetched[address].is_file():
            if not _folder:
                _folder = tempfile.mkdtemp(prefix="runway-lab-")
                atexit.register(shutil.rmtree, _folder, ignore_errors=True)
            name = PurePosixPath(unquote(urlsplit(address).path)).name
            own = Path(tempfile.mkdtemp(dir=_folder))
            path = own / (re.sub(r"[^\w.-]", "_", name)[-100:].lstrip(".") or "file")
            try:
                with open(path, "wb") as file:
                    for piece in _answered(field, address):
                        file.write(piece)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            _fetched[address] = path
        return _fetched[address]


class File(Field):
    """A file on this machine, at an address, or one that was uploaded.

    >>> File(extension=".txt").check("no such file.txt")
    Traceback (most recent call last):
    runway_lab.errors.BadValue: a field of type file cannot be 'no such file.txt'. Allowed: a .txt file that is there.
    """

    type = "file"
    is_directory = False

    def __init__(
        self,
        description: str = "",
        *,
        extension: str | None = None,
        default: str | os.PathLike[str] | None = None,
        optional: bool = False,
    ) -> None:
        super().__init__(description, optional=optional)
        self.extension = f".{extension.lstrip('.')}" if extension else None
        # A default may name a file that will be there later, on the machine that runs the model.
        self.default = None if default is None else path_of(default)
        if default is not None and self.default is None:
            raise self.refuse(default, "a path")

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        if is_address(value) and not self.is_directory:
            path = fetched(self, value)
        else:
            found = path_of(value)
            if found is None or not is_there(found, self.is_directory):
                raise self.refuse(value, self._allowed())
            path = found
        if self.extension and not path.name.lower().endswith(self.extension.lower()):
            raise self.refuse(value, self._allowed())
        return path.absolute()

    def _allowed(self) -> str:
        if self.is_directory:
            return "a folder that is there"
        return f"a {self.extension + ' ' if self.extension else ''}file that is there"

    def to_json(self, value: Any) -> Any:
        return None if value is None else str(value)

    def from_json(self, data: Any, wire: Wire = NETWORK) -> Any:
        if data is None and self.optional:
            return None
        if isinstance(data, Mapping) and set(data) == {"upload"}:
            return self._uploaded(data, wire)
        if wire.local or (self.default is not None and data == str(self.default)):
            # What the model itself names as its default is no caller's wish.
            return self.check(data)
        raise self.refuse(data, 'an upload, {"upload": "..."}: paths and addresses are not opened for a caller')

    def _uploaded(self, data: Mapping[str, Any], wire: Wire) -> Path:
        handle, path = data["upload"], None
        if wire.upload is not None and isinstance(handle, str) and HANDLE.fullmatch(handle):
            with contextlib.suppress(LookupError, OSError, ValueError):
                path = wire.upload(handle)
        if path is None:
            raise self.refuse(data, "the handle of a file that was uploaded before")
        checked: Path = self.check(path)
        return checked

    def properties(self) -> dict[str, Any]:
        more: dict[str, Any] = {}
        if self.is_directory:
            more["isDirectory"] = True
        if self.extension:
            more["extension"] = self.extension
        if self.default is not None:
            more["default"] = str(self.default)
        return more

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> File:
        return cls(
            **common(description),
            extension=description.get("extension"),
            default=description.get("default"),
        )


class Directory(File):
    """A folder on this machine, or one that was uploaded.

    >>> Directory().describe()["isDirectory"]
    True
    """

    type = "file"
    is_directory = True

    def __init__(
        self,
        description: str = "",
        *,
        default: str | os.PathLike[str] | None = None,
        optional: bool = False,
    ) -> None:
        super().__init__(description, default=default, optional=optional)

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Directory:
        return cls(**common(description), default=description.get("default"))
