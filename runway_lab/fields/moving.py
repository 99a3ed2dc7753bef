"""Sound and film."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runway_lab.errors import BadValue
from runway_lab.fields.field import NETWORK, Buffer, Field, Wire, common
from runway_lab.fields.pixels import decode_data_uri
from runway_lab.media import Film, Sound

__all__ = ["Audio", "Video"]


class Audio(Field):
    """A sound: a `Sound`, a path, the bytes of a sound file, or (samples, rate).

    >>> import numpy as np
    >>> Audio().check((np.zeros(4000), 8000)).seconds
    0.5
    """

    type = "audio"
    binary = True

    def __init__(self, description: str = "", *, optional: bool = False) -> None:
        super().__init__(description, optional=optional)

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        allowed = "a sound: a Sound, the path or bytes of a sound file, or (samples, rate)"
        try:
            if isinstance(value, Sound):
                return value
            if isinstance(value, (bytes, bytearray, memoryview)):
                return Sound.open(bytes(value))
            if isinstance(value, (str, os.PathLike)) and Path(value).expanduser().is_file():
                return Sound.open(Path(value).expanduser())
            if isinstance(value, tuple) and len(value) == 2:
                return Sound(np.asarray(value[0]), int(value[1]))
        except (BadValue, TypeError, ValueError, OSError) as error:
            raise self.refuse(value, f"{allowed}. {error}") from error
        raise self.refuse(value, allowed)

    def to_json(self, value: Any) -> Any:
        if value is None:
            return None
        return "data:audio/wav;base64," + base64.b64encode(value.wav()).decode("ascii")

    def from_json(self, data: Any, wire: Wire = NETWORK) -> Any:
        if data is None and self.optional:
            return None
        return self.check(decode_data_uri(self, data, "a sound as a data URI"))

    def pack(self, value: Any, buffers: list[Buffer], encoding: str = "raw") -> Any:
        if value is None:
            return None
        buffers.append(value.samples.astype("<f4", copy=False).data.cast("B"))
        shape = list(value.samples.shape)
        return {
            "buffer": len(buffers) - 1,
            "encoding": "raw",
            "dtype": "<f4",
            "shape": shape,
            "rate": value.rate,
        }

    def unpack(self, data: Any, buffers: list[memoryview], wire: Wire = NETWORK) -> Any:
        if not isinstance(data, Mapping):
            return self.from_json(data, wire)
        buffer = buffers[data["buffer"]]
        if data.get("encoding") != "raw":
            return self.check(buffer)
        length, channels = data["shape"]
        if data.get("dtype") != "<f4" or buffer.nbytes != 4 * length * channels:
            raise self.refuse(buffer, "the samples that were announced")
        return self.check((np.frombuffer(buffer, "<f4").reshape(length, channels), data["rate"]))

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Audio:
        return cls(**common(description))


class Video(Field):
    """A film: a `Film`, or the path or bytes of a film file.

    >>> Video().check(b"not a film").read()
    b'not a film'
    """

    type = "video"
    binary = True

    def __init__(self, description: str = "", *, optional: bool = False) -> None:
        super().__init__(description, optional=optional)

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        if isinstance(value, Film):
            return value
        if isinstance(value, (bytes, bytearray, memoryview)) and len(value):
            return Film(bytes(value))
        if isinstance(value, (str, os.PathLike)) and Path(value).expanduser().is_file():
            return Film(Path(value))
        raise self.refuse(value, "a film: a Film, or the path or bytes of a film file")

    def to_json(self, value: Any) -> Any:
        if value is None:
            return None
        return f"data:{_film_kind(value.read())};base64," + base64.b64encode(value.read()).decode("ascii")

    def from_json(self, data: Any, wire: Wire = NETWORK) -> Any:
        if data is None and self.optional:
            return None
        return self.check(decode_data_uri(self, data, "a film as a data URI"))

    def pack(self, value: Any, buffers: list[Buffer], encoding: str = "raw") -> Any:
        if value is None:
            return None
        buffers.append(value.read())
        return {"buffer": len(buffers) - 1, "encoding": "file"}

    def unpack(self, data: Any, buffers: list[memoryview], wire: Wire = NETWORK) -> Any:
        if not isinstance(data, Mapping):
            return self.from_json(data, wire)
        return self.check(buffers[data["buffer"]])

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Video:
        return cls(**common(description))


def _film_kind(data: bytes) -> str:
    if data[:4] == b"\x1aE\xdf\xa3":
        return "video/webm"
    return "image/gif" if data[:4] == b"GIF8" else "video/mp4"
