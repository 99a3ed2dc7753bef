"""Sound and film."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from runway_lab.errors import BadValue
from runway_lab.fields.field import NETWORK, Buffer, Field, Wire, common, detached, shorten
from runway_lab.fields.files import is_there, path_of
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
            if isinstance(value, (str, os.PathLike)) and is_there(path := path_of(value)) and path is not None:
                return Sound.open(path)
            if isinstance(value, tuple) and len(value) == 2:
                return Sound(np.asarray(detached(value[0])), value[1])
        except BadValue as error:
            raise self.refuse(value, f"{allowed}. {error}") from error
        except (TypeError, ValueError, RuntimeError, OSError) as error:
            raise self.refuse(value, f"{allowed}. {shorten(str(error))[1:-1]}") from error
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
        buffer = self.buffer_of(data, buffers)
        if data.get("encoding") != "raw":
            return self.check(buffer)
        shape: Any = data.get("shape")
        told = isinstance(shape, (list, tuple)) and len(shape) == 2 and all(type(each) is int for each in shape)
        length, channels = shape if told else (0, 0)
        if min(length, channels) < 1 or data.get("dtype") != "<f4" or buffer.nbytes != 4 * length * channels:
            raise self.refuse(buffer, f"samples of type <f4 as announced, of shape {shorten(shape)}")
        # Behind something of an odd length the samples lie askew, and compiled code may rely on their place.
        samples = np.require(np.frombuffer(buffer, "<f4"), requirements="A")
        return self.check((samples.reshape(length, channels), data.get("rate")))

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Audio:
        return cls(**common(description))


class Video(Field):
    """A film: a `Film`, or the path or bytes of a film file. It is decoded only when somebody asks for its frames.

    >>> Video().check(b"not a film")
    Traceback (most recent call last):
    runway_lab.errors.BadValue: a field of type video cannot be 10 bytes. Allowed: a film: a Film, or the path or bytes
    of a film file (MP4, MOV, WebM, MKV, AVI, OGG or GIF).
    """

    type = "video"
    binary = True

    def __init__(self, description: str = "", *, optional: bool = False) -> None:
        super().__init__(description, optional=optional)

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        found: Film | None = None
        if isinstance(value, Film):
            found = value
        elif isinstance(value, (bytes, bytearray, memoryview)):
            found = Film(bytes(value))
        elif isinstance(value, (str, os.PathLike)) and is_there(path := path_of(value)) and path is not None:
            found = Film(path.absolute())
        if found is None or not _kind(_beginning(found)):
            kinds = "MP4, MOV, WebM, MKV, AVI, OGG or GIF"
            raise self.refuse(value, f"a film: a Film, or the path or bytes of a film file ({kinds})")
        return found

    def to_json(self, value: Any) -> Any:
        if value is None:
            return None
        data = value.read()
        return f"data:{_kind(data[:16]) or 'video/mp4'};base64," + base64.b64encode(data).decode("ascii")

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
        return self.check(self.buffer_of(data, buffers))

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Video:
        return cls(**common(description))


def _beginning(film: Film) -> bytes:
    """The bytes by which a film file is known."""
    if isinstance(film.source, bytes):
        return film.source[:16]
    try:
        with open(film.source, "rb") as file:
            return file.read(16)
    except OSError:
        return b""


def _kind(data: bytes) -> str:
    """What kind of film begins like this, as browsers call it; nothing where it is none."""
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "video/quicktime" if data[8:10] == b"qt" else "video/mp4"
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return "video/x-msvideo"
    known = {b"\x1aE\xdf\xa3": "video/webm", b"GIF8": "image/gif", b"OggS": "video/ogg"}
    return known.get(data[:4], "")
