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

from runway_lab.fields.field import NETWORK, Buffer, Field, Wire, common
from runway_lab.fields.pixels import (
    MODES,
    as_array,
    bytes_at,
    convert,
    decode_data_uri,
    encode_picture,
    opened,
    picture_from_array,
    raw_bytes,
    size_of,
    squeezed,
)

__all__ = ["Image"]

Form = Literal["pillow", "array"]


class Image(Field):
    """A picture: a Pillow image, or with `form="array"` a uint8 array of shape (height, width, channels).

    A person may give a path, an address, bytes, a Pillow image or an array; a model may return a Pillow image,
    a uint8 array, or a float array or tensor from 0 to 1.

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
        if channels not in MODES:
            raise self.refuse(f"an image of {channels!r} channels", "1 (gray), 3 (RGB) or 4 (RGBA) channels")
        if form not in ("pillow", "array"):
            raise self.refuse(f"an image in the form {form!r}", "'pillow' or 'array'")
        self.channels = channels
        self.form: Form = form
        self.sizes = {
            "minWidth": min_width,
            "minHeight": min_height,
            "maxWidth": max_width,
            "maxHeight": max_height,
            "width": width,
            "height": height,
        }
        self.default_output_format = default_output_format

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        picture = self._recognise(value)
        width, height = size_of(picture)
        least = (self.sizes["minWidth"] or 1, self.sizes["minHeight"] or 1)
        most = (self.sizes["maxWidth"] or 65535, self.sizes["maxHeight"] or 65535)
        exact = (self.sizes["width"] or width, self.sizes["height"] or height)
        if not (least[0] <= width <= most[0] and least[1] <= height <= most[1]):
            raise self.refuse(
                f"a picture of {width}x{height}", f"from {least[0]}x{least[1]} to {most[0]}x{most[1]} pixels"
            )
        if (width, height) != exact:
            raise self.refuse(f"a picture of {width}x{height}", f"{exact[0]}x{exact[1]} pixels")
        return picture

    def _recognise(self, value: Any) -> Any:
        from PIL import Image as pillow

        allowed = "a picture: a Pillow image, an array, a path, an address or the bytes of an image file"
        if isinstance(value, pillow.Image):
            return self._in_channels(value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._in_channels(opened(self, value))
        if isinstance(value, (str, os.PathLike)):
            return self._in_channels(opened(self, bytes_at(self, value)))
        if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
            if hasattr(value, "detach"):
                value = value.detach().cpu()
                value = value.float().numpy() if value.is_floating_point() else value.numpy()
            array = picture_from_array(np.asarray(value))
            if array is not None:
                if array.shape[2] == self.channels:
                    return array if self.form == "array" else pillow.fromarray(squeezed(array))
                return self._in_channels(pillow.fromarray(squeezed(array)))
            allowed = "an array of shape (height, width) or (height, width, 1, 3 or 4), uint8, or floats from 0 to 1"
        raise self.refuse(value, allowed)

    def _in_channels(self, picture: Any) -> Any:
        picture = convert(picture, MODES[self.channels])
        if self.form == "array":
            return as_array(picture)
        return picture

    def to_json(self, value: Any) -> Any:
        if value is None:
            return None
        named = (self.default_output_format or ("JPEG" if self.channels == 3 else "PNG")).upper()
        kind = named if named in ("JPEG", "PNG") else "PNG"
        return f"data:image/{kind.lower()};base64," + base64.b64encode(encode_picture(value, kind)).decode("ascii")

    def from_json(self, data: Any, wire: Wire = NETWORK) -> Any:
        if data is None and self.optional:
            return None
        return self.check(decode_data_uri(self, data, "a picture as a data URI"))

    def pack(self, value: Any, buffers: list[Buffer], encoding: str = "raw") -> Any:
        if value is None:
            return None
        width, height = size_of(value)
        if encoding == "raw":
            buffers.append(raw_bytes(value))
        else:
            buffers.append(encode_picture(value, encoding))
        mode = MODES[as_array(value).shape[2]] if isinstance(value, np.ndarray) else value.mode
        return {"buffer": len(buffers) - 1, "encoding": encoding, "mode": mode, "size": [width, height]}

    def unpack(self, data: Any, buffers: list[memoryview], wire: Wire = NETWORK) -> Any:
        if data is None and self.optional:
            return None
        if not isinstance(data, Mapping):
            return self.from_json(data, wire)
        buffer = buffers[data["buffer"]]
        if data.get("encoding") != "raw":
            return self.check(buffer)
        return self.check(self._from_raw(data, buffer))

    def _from_raw(self, data: Mapping[str, Any], buffer: memoryview) -> Any:
        from PIL import Image as pillow

        depths = {mode: depth for depth, mode in MODES.items()}
        width, height = data["size"]
        depth = depths.get(str(data.get("mode")), 0)
        if not (0 < width <= 65535 and 0 < height <= 65535) or buffer.nbytes != width * height * depth:
            raise self.refuse(buffer, f"the {width}x{height} pixels that were announced")
        if self.form == "array" and depth == self.channels:
            return np.frombuffer(buffer, np.uint8).reshape(height, width, depth)
        return pillow.frombuffer(
            str(data["mode"]), (width, height), np.frombuffer(buffer, np.uint8), "raw", str(data["mode"]), 0, 1
        )

    def properties(self) -> dict[str, Any]:
        more: dict[str, Any] = {key: value for key, value in self.sizes.items() if value}
        if self.default_output_format:
            more["defaultOutputFormat"] = self.default_output_format
        if self.form != "pillow":
            more["form"] = self.form
        return {"channels": self.channels} | more

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Image:
        return cls(
            **common(description),
            channels=int(description.get("channels") or 3),
            form=description.get("form", "pillow"),
            min_width=description.get("minWidth"),
            min_height=description.get("minHeight"),
            max_width=description.get("maxWidth"),
            max_height=description.get("maxHeight"),
            width=description.get("width"),
            height=description.get("height"),
            default_output_format=description.get("defaultOutputFormat"),
        )
