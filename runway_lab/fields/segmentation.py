"""Pictures in which every pixel is a label."""

from __future__ import annotations

import base64
import colorsys
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from runway_lab.fields.field import NETWORK, Buffer, Field, Wire, common
from runway_lab.fields.picture import Image
from runway_lab.fields.pixels import (
    bytes_at,
    convert,
    decode_data_uri,
    encode_picture,
    opened,
    picture_from_array,
    squeezed,
)

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["Segmentation"]


class Segmentation(Field):
    """A map in which every pixel is a label: a Pillow image of mode L whose values are label ids.

    Painted maps are taken too: every colour becomes the label whose colour is nearest.

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
        optional: bool = False,
    ) -> None:
        super().__init__(description, optional=optional)
        self.label_to_id = {str(label): int(id) for label, id in label_to_id.items()}
        if not self.label_to_id or not all(0 <= id <= 255 for id in self.label_to_id.values()):
            raise self.refuse(dict(label_to_id), "at least one label, each with an id from 0 to 255")
        chosen = {label: tuple(int(c) for c in color) for label, color in (label_to_color or {}).items()}
        self.label_to_color: dict[str, tuple[int, ...]] = {
            label: chosen.get(label) or _color(index) for index, label in enumerate(self.label_to_id)
        }
        self.default_label = default_label or self.labels[0]
        if self.default_label not in self.label_to_id:
            raise self.refuse(self.default_label, ", ".join(self.labels))

    @property
    def labels(self) -> list[str]:
        return list(self.label_to_id)

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        from PIL import Image as pillow

        if isinstance(value, np.ndarray) or (hasattr(value, "__array__") and not isinstance(value, pillow.Image)):
            if hasattr(value, "detach"):
                value = value.detach().cpu().numpy()
            value = np.asarray(value)
            if value.ndim == 2 and value.dtype.kind in "uib" and (value.size == 0 or value.min() >= 0):
                if value.size and value.max() > 255:
                    raise self.refuse(f"a map with the id {value.max()}", "ids from 0 to 255")
                value = pillow.fromarray(value.astype(np.uint8))
            else:
                picture = picture_from_array(value)
                value = None if picture is None else pillow.fromarray(squeezed(picture))
        elif isinstance(value, (str, os.PathLike)):
            value = opened(self, bytes_at(self, value))
        elif isinstance(value, (bytes, bytearray, memoryview)):
            value = opened(self, value)
        if not isinstance(value, pillow.Image):
            raise self.refuse(value, "a map of label ids, or a picture painted in the colours of the labels")
        if value.mode == "P":
            # The indices of a palette picture are the ids, its palette is only how it is shown.
            return pillow.fromarray(np.array(value))
        return value if value.mode == "L" else self._nearest(value)

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
        data = encode_picture(self.paint(value), "PNG")
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
        return self.check(Image(channels=1, optional=True).unpack(data, buffers, wire))

    def properties(self) -> dict[str, Any]:
        return {
            "labels": self.labels,
            "defaultLabel": self.default_label,
            "labelToId": self.label_to_id,
            "labelToColor": {label: list(color) for label, color in self.label_to_color.items()},
        }

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Segmentation:
        return cls(
            description["labelToId"],
            **common(description),
            label_to_color=description.get("labelToColor"),
            default_label=description.get("defaultLabel"),
        )


def _color(index: int) -> tuple[int, int, int]:
    """A colour of its own for each label: hues a golden angle apart, three levels of lightness."""
    hue = (index * 0.6180339887498949) % 1.0
    lightness = (0.5, 0.68, 0.34)[index % 3]
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.72)
    return round(red * 255), round(green * 255), round(blue * 255)
