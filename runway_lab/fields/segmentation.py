"""Pictures in which every pixel is a label."""

from __future__ import annotations

import base64
import colorsys
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from runway_lab.errors import BadValue
from runway_lab.fields.field import NETWORK, Buffer, Field, Wire, common, detached, is_number, shorten
from runway_lab.fields.files import bytes_at
from runway_lab.fields.picture import Image
from runway_lab.fields.pixels import (
    MODES,
    check_size,
    convert,
    decode_data_uri,
    encode_picture,
    opened,
    picture_from_array,
    picture_from_raw,
    size_limits,
    squeezed,
)

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["Segmentation"]


class Segmentation(Field):
    """A map in which every pixel is a label: a Pillow image of mode L whose values are label ids.

    Painted maps are taken too: every colour becomes the label whose colour is nearest. A gray picture, a palette
    picture and an array of shape (height, width) are maps of ids already.

    >>> field = Segmentation({"sky": 0, "sea": 1})
    >>> field.labels
    ['sky', 'sea']
    """

    type = "segmentation"
    binary = True

    def __init__(
        self,
        label_to_id: Mapping[str, int],
        description: str = "",
        *,
        label_to_color: Mapping[str, Any] | None = None,
        default_label: str | None = None,
        min_width: int | None = None,
        min_height: int | None = None,
        max_width: int | None = None,
        max_height: int | None = None,
        width: int | None = None,
        height: int | None = None,
        optional: bool = False,
    ) -> None:
        super().__init__(description, optional=optional)
        ids = dict(label_to_id) if isinstance(label_to_id, Mapping) else {}
        if not ids or not all(is_number(id) and id in range(256) for id in ids.values()):
            raise self.refuse(label_to_id, "at least one label, each with a whole number from 0 to 255 as its id")
        self.label_to_id = {str(label): int(id) for label, id in ids.items()}
        if not isinstance(label_to_color, (Mapping, type(None))):
            raise self.refuse(label_to_color, "a colour for each label, by the label's name")
        chosen = {str(label): self._color(color) for label, color in (label_to_color or {}).items()}
        self.label_to_color: dict[str, tuple[int, ...]] = {
            label: chosen.get(label) or _color(index) for index, label in enumerate(self.label_to_id)
        }
        self.default_label = default_label or self.labels[0]
        if self.default_label not in self.labels:
            raise self.refuse(
                default_label, ", ".join(self.labels[:12]), f"with default_label={shorten(default_label)}"
            )
        self.sizes = size_limits(
            self,
            minWidth=min_width,
            minHeight=min_height,
            maxWidth=max_width,
            maxHeight=max_height,
            width=width,
            height=height,
        )

    def _color(self, color: Any) -> tuple[int, ...]:
        parts = tuple(color) if isinstance(color, (list, tuple)) else ()
        if len(parts) not in (3, 4) or not all(is_number(each) and 0 <= each <= 255 for each in parts):
            raise self.refuse(color, "colours of red, green and blue, each from 0 to 255", f"painted {shorten(color)}")
        return tuple(int(each) for each in parts[:3])

    @property
    def labels(self) -> list[str]:
        return list(self.label_to_id)

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        picture = self._recognise(value)
        check_size(self, self.sizes, picture)
        known = set(self.label_to_id.values())
        for id, count in enumerate(picture.histogram()):
            if count and id not in known:
                shown = ", ".join(f"{id} ({label[:30]})" for label, id in list(self.label_to_id.items())[:12])
                raise self.refuse(
                    value, f"the ids {shown}{', ...' if len(known) > 12 else ''}", f"a map with the id {id}"
                )
        return picture

    def _recognise(self, value: Any) -> Picture:
        """The map of ids in whatever was given."""
        from PIL import Image as pillow

        if isinstance(value, str) and value.startswith("data:"):
            value = decode_data_uri(self, value, "a map as a data URI")
        if isinstance(value, (str, os.PathLike)):
            value = bytes_at(self, value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = opened(self, value)
        elif hasattr(value, "__array__") and not isinstance(value, pillow.Image):
            array = np.asarray(detached(value))
            value = self._ids(array, channels_first=hasattr(value, "detach"))
        if not isinstance(value, pillow.Image):
            raise self.refuse(value, "a map of label ids, or a picture painted in the colours of the labels")
        try:
            value.load()
            if value.mode in ("1", "P", "I") or value.mode.startswith("I;"):
                # The indices of a palette picture are the ids, its palette is only how it is shown.
                return self._ids(np.array(value))
            if value.mode in ("L", "LA"):
                return value if value.mode == "L" else value.getchannel("L")
            return self._nearest(value)
        except BadValue:
            raise
        except Exception as error:
            shown = f"a Pillow image of mode {value.mode} that cannot be read"
            raise self.refuse(value, "a whole picture", shown) from error

    def _ids(self, array: np.ndarray, channels_first: bool = False) -> Picture:
        """An array as a map: of ids where it is flat, painted where it has colours."""
        from PIL import Image as pillow

        if array.ndim == 4 and array.shape[0] == 1:
            array = array[0]
        flat = array
        if array.ndim == 3 and array.shape[2] == 1:
            flat = array[:, :, 0]
        elif array.ndim == 3 and array.shape[0] == 1 and (channels_first or array.shape[2] not in MODES):
            flat = array[0]
        if flat.ndim == 2 and flat.size and flat.dtype.kind in "buif":
            numbers = np.nan_to_num(flat.astype(np.float64), nan=-1.0)
            if numbers.min() < 0 or numbers.max() > 255 or (flat.dtype.kind == "f" and (numbers % 1).any()):
                raise self.refuse(array, "ids, whole numbers from 0 to 255", "a map with numbers that are no ids")
            return pillow.fromarray(flat.astype(np.uint8))
        picture = picture_from_array(array, channels_first)
        if picture is None:
            raise self.refuse(array, "a map of label ids, or a picture painted in the colours of the labels")
        return self._nearest(pillow.fromarray(squeezed(picture)))

    def _nearest(self, picture: Picture) -> Picture:
        from PIL import Image as pillow

        pixels = np.asarray(convert(picture, "RGB"))
        packed = pixels.reshape(-1, 3).astype(np.int32) @ np.array([65536, 256, 1], np.int32)
        # Painted maps have few colours, so each colour is looked up once and not each pixel.
        found, where = np.unique(packed, return_inverse=True)
        colors = np.stack([found >> 16, (found >> 8) & 255, found & 255], axis=1)
        palette = np.array(list(self.label_to_color.values()), np.int32)[:, :3]
        ids = np.array(list(self.label_to_id.values()), np.uint8)
        nearest = np.empty(len(colors), np.uint8)
        for start in range(0, len(colors), 4096):
            part = colors[start : start + 4096, None, :] - palette[None]
            nearest[start : start + 4096] = ids[(part * part).sum(axis=2).argmin(axis=1)]
        return pillow.fromarray(nearest[where].reshape(pixels.shape[:2]))

    def paint(self, value: Any) -> Picture:
        """The map in the colours of its labels."""
        from PIL import Image as pillow

        table = np.zeros((256, 3), np.uint8)
        for label, id in self.label_to_id.items():
            table[id] = self.label_to_color[label][:3]
        return pillow.fromarray(table[np.asarray(self.check(value))])

    def to_json(self, value: Any) -> Any:
        if value is None:
            return None
        _, data = encode_picture(self.paint(value), "png")
        return "data:image/png;base64," + base64.b64encode(data).decode("ascii")

    def from_json(self, data: Any, wire: Wire = NETWORK) -> Any:
        if data is None and self.optional:
            return None
        return self.check(decode_data_uri(self, data, "a map as a data URI"))

    def pack(self, value: Any, buffers: list[Buffer], encoding: str = "raw") -> Any:
        # Lossy encodings would invent labels, so a map for a screen is a PNG.
        lossless = "raw" if encoding == "raw" else "png"
        return Image(channels=1, optional=True).pack(value, buffers, lossless)

    def unpack(self, data: Any, buffers: list[memoryview], wire: Wire = NETWORK) -> Any:
        if not isinstance(data, Mapping):
            return self.from_json(data, wire)
        buffer = self.buffer_of(data, buffers)
        # Whatever it is, it keeps its colours until they are looked up here.
        return self.check(picture_from_raw(self, data, buffer) if data.get("encoding") == "raw" else buffer)

    def properties(self) -> dict[str, Any]:
        return {
            "labels": self.labels,
            "defaultLabel": self.default_label,
            "labelToId": self.label_to_id,
            "labelToColor": {label: list(color) for label, color in self.label_to_color.items()},
        } | {name: value for name, value in self.sizes.items() if value}

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Segmentation:
        return cls(
            description["labelToId"],
            **common(description),
            label_to_color=description.get("labelToColor"),
            default_label=description.get("defaultLabel"),
            min_width=description.get("minWidth"),
            min_height=description.get("minHeight"),
            max_width=description.get("maxWidth"),
            max_height=description.get("maxHeight"),
            width=description.get("width"),
            height=description.get("height"),
        )


def _color(index: int) -> tuple[int, int, int]:
    """A colour of its own for each label: hues a golden angle apart, three levels of lightness."""
    hue = (index * 0.6180339887498949) % 1.0
    lightness = (0.5, 0.68, 0.34)[index % 3]
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.72)
    return round(red * 255), round(green * 255), round(blue * 255)
