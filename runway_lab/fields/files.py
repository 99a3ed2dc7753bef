"""Files and folders.

In the kernel a person sits at, a file is a path. Over a network it is the handle of an upload, `{"upload": "..."}`,
which the receiving end turns into the file it keeps: no path or address that came over a network is ever opened.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runway_lab.fields.field import NETWORK, Buffer, Field, Wire, common

__all__ = ["Directory", "File"]


class File(Field):
    """A file on this machine, or one that was uploaded.

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
        self.extension = f".{extension.lstrip('.')}" if extension else None
        super().__init__(description, optional=optional)
        # A default may name a file that will be there later, on the machine that runs the model.
        self.default = None if default is None else Path(default)

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
            raise self.refuse(value, self._allowed())
        path = Path(value).expanduser()
        try:
            there = path.is_dir() if self.is_directory else path.is_file()
        except (OSError, ValueError):
            there = False
        if not there or (self.extension and path.suffix.lower() != self.extension.lower()):
            raise self.refuse(str(value), self._allowed())
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
        if isinstance(data, Mapping) and set(data) == {"upload"} and isinstance(data["upload"], str):
            if wire.upload is not None:
                try:
                    return self.check(wire.upload(data["upload"]))
                except LookupError:
                    pass
            raise self.refuse(data, "the handle of a file that was uploaded before")
        if wire.local:
            return self.check(data)
        raise self.refuse(data, 'an upload, {"upload": "..."}: paths and addresses are not opened for a caller')

    def pack(self, value: Any, buffers: list[Buffer], encoding: str = "raw") -> Any:
        return self.to_json(value)

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
