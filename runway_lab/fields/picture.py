"""Pictures.

Inside our own frames a picture is raw pixels (quickest between processes of one machine) or an encoded file
(JPEG, PNG or WebP, for a screen or a network).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from runway_lab.fields.field import NETWORK, Buffer, Field, Wire, common, detached, shorten
from runway_lab.fields.files import bytes_at
from runway_lab.fields.pixels import (
    MODES,
    as_array,
    channels_of,
    check_size,
    convert,
    decode_data_uri,
    encode_picture,
    opened,
    picture_from_array,
    picture_from_raw,
    raw_bytes,
    size_limits,
    size_of,
    squeezed,
    upright,
)

__all__ = ["Image"]

Form = Literal["pillow", "array"]


class Image(Field):
    """A picture: a Pillow image, or with `form="array"` a uint8 array of shape (height, width, channels).

    A person may give a path, an address, bytes, a Pillow image or an array; a model may return a Pillow image,
    a uint8 array, or a float array or tensor from 0 to 1. Files and Pillow images that come straight from a file
    are turned upright as their camera noted. With `fewer=True` a picture that needs fewer channels keeps its own: of
    `channels=4`, a photograph stays RGB and only what is transparent is RGBA.

    >>> import numpy as np
    >>> Image().check(np.zeros((4, 6, 3), np.uint8)).size
    (6, 4)
    """

    type = "image"
    binary = True

    def __init__(
        self,
        description: str = "",
        *,
        channels: int = 3,
        fewer: bool = False,
        form: Form = "pillow",
        min_width: int | None = None,
        min_height: int | None = None,
        max_width: int | None = None,
        max_height: int | None = None,
        width: int | None = None,
        height: int | None = None,
        default_output_format: str | None = None,
        optional: bool = False,
    ) -> None:
        super().__init__(description, optional=optional)
        if isinstance(channels, bool) or not isinstance(channels, int) or channels not in MODES:
            raise self.refuse(channels, "1 (gray), 3 (RGB) or 4 (RGBA) channels", f"of {shorten(channels)} channels")
        if form not in ("pillow", "array"):
            raise self.refuse(form, "'pillow' or 'array'", f"in the form {shorten(form)}")
        if not isinstance(default_output_format, (str, type(None))):
            raise self.refuse(default_output_format, "'JPEG' or 'PNG' as default_output_format")
        self.channels = channels
        self.fewer = bool(fewer)
        self.form: Form = form
        self.sizes = size_limits(
            self,
            minWidth=min_width,
            minHeight=min_height,
            maxWidth=max_width,
            maxHeight=max_height,
            width=width,
            height=height,
        )
        self.default_output_format = default_output_format

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        picture = self._recognise(value)
        check_size(self, self.sizes, picture)
        return picture

    def _recognise(self, value: Any) -> Any:
        from PIL import Image as pillow
        from PIL.ImageFile import ImageFile

        allowed = "a picture: a Pillow image, an array, a path, an address or the bytes of an image file"
        if isinstance(value, pillow.Image):
            try:
                # Only what comes straight from a file is turned: later on, its owner may have turned it himself.
                value.load()
                return self._in_channels(upright(value) if isinstance(value, ImageFile) else value)
            except Exception as error:
                shown = f"a Pillow image of mode {value.mode} that cannot be read"
                raise self.refuse(value, f"a whole picture ({shorten(str(error))[1:-1]})", shown) from error
        if isinstance(value, str) and value.startswith("data:"):
            value = decode_data_uri(self, value, "a picture as a data URI")
        if isinstance(value, (str, os.PathLike)):
            return self._in_channels(opened(self, bytes_at(self, value), shorten(os.fspath(value))))
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._in_channels(opened(self, value))
        if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
            array = self._pixels(value)
            if array is not None:
                if self._fits(array.shape[2]) and self.form == "array":
                    return array
                return self._in_channels(pillow.fromarray(squeezed(array)))
            allowed = "an array of shape (height, width) or (height, width, 1, 3 or 4), uint8, or floats from 0 to 1"
        raise self.refuse(value, allowed)

    def _pixels(self, value: Any) -> np.ndarray | None:
        try:
            array = np.asarray(detached(value))
        except (TypeError, ValueError, RuntimeError):
            return None
        return picture_from_array(array, channels_first=hasattr(value, "detach"))

    def _fits(self, channels: int) -> bool:
        return channels == self.channels or (self.fewer and channels < self.channels)

    def _in_channels(self, picture: Any) -> Any:
        channels = min(channels_of(picture), self.channels) if self.fewer else self.channels
        picture = convert(picture, MODES[channels])
        return as_array(picture) if self.form == "array" else picture

    def to_json(self, value: Any) -> Any:
        if value is None:
            return None
        named = (self.default_output_format or ("JPEG" if self.channels == 3 else "PNG")).lower()
        kind, data = encode_picture(value, named if named in ("jpeg", "png") else "png")
        return f"data:image/{kind};base64," + base64.b64encode(data).decode("ascii")

    def from_json(self, data: Any, wire: Wire = NETWORK) -> Any:
        if data is None and self.optional:
            return None
        return self.check(decode_data_uri(self, data, "a picture as a data URI"))

    def pack(self, value: Any, buffers: list[Buffer], encoding: str = "raw") -> Any:
        if value is None:
            return None
        if encoding == "raw":
            data = raw_bytes(value)
        else:
            encoding, data = encode_picture(value, encoding)
        buffers.append(data)
        mode = MODES[as_array(value).shape[2]] if isinstance(value, np.ndarray) else value.mode
        return {"buffer": len(buffers) - 1, "encoding": encoding, "mode": mode, "size": list(size_of(value))}

    def unpack(self, data: Any, buffers: list[memoryview], wire: Wire = NETWORK) -> Any:
        if not isinstance(data, Mapping):
            return self.from_json(data, wire)
        buffer = self.buffer_of(data, buffers)
        if data.get("encoding") != "raw":
            return self.check(buffer)
        fits = any(data.get("mode") == mode and self._fits(channels) for channels, mode in MODES.items())
        return self.check(picture_from_raw(self, data, buffer, self.form if fits else "pillow"))

    def properties(self) -> dict[str, Any]:
        more: dict[str, Any] = {key: value for key, value in self.sizes.items() if value}
        if self.default_output_format:
            more["defaultOutputFormat"] = self.default_output_format
        if self.form != "pillow":
            more["form"] = self.form
        if self.fewer:
            more["fewer"] = True
        return {"channels": self.channels} | more

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Image:
        return cls(
            **common(description),
            channels=description.get("channels") or 3,
            fewer=bool(description.get("fewer")),
            form=description.get("form") or "pillow",
            min_width=description.get("minWidth"),
            min_height=description.get("minHeight"),
            max_width=description.get("maxWidth"),
            max_height=description.get("maxHeight"),
            width=description.get("width"),
            height=description.get("height"),
            default_output_format=description.get("defaultOutputFormat"),
        )
