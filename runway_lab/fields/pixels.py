"""Bytes, arrays and Pillow images: how one becomes the other, and what is refused on the way.

A path or an address is opened only when a person gives it to a field's `check`, in the kernel he sits at
(`runway_lab.fields.files`); what comes over a wire is bytes, and those of an image file are measured before they
are decoded.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from runway_lab.errors import BadValue
from runway_lab.fields.field import Buffer, Field, limit, shorten
from runway_lab.settings import settings

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = [
    "FORMATS",
    "MODES",
    "SIZES",
    "as_array",
    "check_size",
    "convert",
    "decode_data_uri",
    "encode_picture",
    "is_transparent",
    "open_picture",
    "opened",
    "picture_from_array",
    "picture_from_raw",
    "raw_bytes",
    "size_limits",
    "size_of",
    "squeezed",
    "upright",
]

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""The modes of Pillow, by number of channels."""

SIZES = ("minWidth", "minHeight", "maxWidth", "maxHeight", "width", "height")
"""The limits a field may set to the size of a picture, by the names of the Runway SDK."""

LARGEST = 65535
"""The longest side of any picture; few formats can say more."""

ENCODINGS: dict[str, tuple[int, dict[str, Any]]] = {
    "jpeg": (65500, {"quality": 90}),
    "png": (LARGEST, {"compress_level": 1}),
    "webp": (16383, {"quality": 85, "method": 0}),
}
"""What a picture may be encoded as: the longest side there, and the choices that are quick rather than small."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""The only file formats that are opened: others run interpreters (EPS) or have been holes in the past."""


def open_picture(data: Any) -> Picture | str:
    """The picture in the bytes of an image file, upright; or, where there is none, what would be allowed."""
    from PIL import Image as pillow

    # Pillow has a last limit of its own.
    most = min(settings().max_image_megapixels, 2 * (pillow.MAX_IMAGE_PIXELS or 1e12) / 1e6)
    try:
        picture = pillow.open(io.BytesIO(data), formats=FORMATS)
        if picture.width * picture.height > most * 1e6:
            return f"pictures of at most {most:.4g} megapixels (this one has {picture.width}x{picture.height})"
        picture.load()
    except (pillow.DecompressionBombError, MemoryError):
        return f"pictures of at most {most:.4g} megapixels"
    except Exception:
        # Pillow raises nearly anything on damaged files, struct.error and IndexError included.
        return f"a whole image file ({', '.join(FORMATS)}); this one is damaged or something else"
    return upright(picture)


def upright(picture: Picture) -> Picture:
    """The picture of a camera that was held sideways, as it was seen."""
    from PIL import ImageOps

    with contextlib.suppress(Exception):
        # Damaged remarks beside a picture are no reason to refuse it.
        if picture.getexif().get(0x0112, 1) != 1:
            return ImageOps.exif_transpose(picture)
    return picture


def channels_of(picture: Picture) -> int:
    """How many channels a picture needs: 1 where it is gray, 4 where it may be transparent, else 3."""
    if is_transparent(picture):
        return 4
    return 1 if picture.mode[0] in "1LIF" and picture.mode != "LAB" else 3


def is_transparent(picture: Picture) -> bool:
    """Whether some of the picture may be transparent."""
    return picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info


def convert(picture: Picture, mode: str) -> Picture:
    """The picture in L, RGB or RGBA: deep grays scaled, what is transparent laid on white."""
    from PIL import Image as pillow

    transparent = is_transparent(picture)
    if picture.mode == mode and (mode == "RGBA" or not transparent):
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        deep = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        top = 65535.0 if picture.mode.startswith("I") else 1.0
        picture = pillow.fromarray((np.clip(deep / top, 0, 1) * 255 + 0.5).astype(np.uint8))
        transparent = False
    if transparent and mode != "RGBA":
        picture = picture.convert("RGBA")
        paper = pillow.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = pillow.alpha_composite(paper, picture)
    return picture.convert(mode)


def picture_from_array(array: np.ndarray, channels_first: bool = False) -> np.ndarray | None:
    """A uint8 array of shape (height, width, channels), or None where the numbers are no picture.

    A batch of one is taken for its picture. Where the channels stand shows in the shape; where it could be both, they
    are last, or first as torch has them with `channels_first`.
    """
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or 0 in array.shape or max(array.shape) > LARGEST:
        return None
    if array.shape[0] in MODES and (channels_first or array.shape[2] not in MODES):
        array = array.transpose(1, 2, 0)
    if array.shape[2] not in MODES:
        return None
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "f":
        # A hair beyond 0 and 1 is rounding; further out, the numbers mean something else.
        if not np.isfinite(array).all() or array.min() < -0.05 or array.max() > 1.05:
            return None
        scaled: np.ndarray = (np.clip(array, 0, 1) * 255 + 0.5).astype(np.uint8)
        return scaled
    if array.dtype.kind in "iu" and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    return None


def picture_from_raw(field: Field, data: Mapping[str, Any], buffer: memoryview, form: str = "pillow") -> Any:
    """The picture whose pixels lie in a buffer one after another, looking into it where Pillow can."""
    from PIL import Image as pillow

    mode, size = data.get("mode"), data.get("size")
    depth = next((depth for depth, name in MODES.items() if name == mode), 0)
    told = isinstance(size, (list, tuple)) and len(size) == 2 and all(type(each) is int for each in size)
    width, height = size if told and size is not None else (0, 0)
    if not (0 < width <= LARGEST and 0 < height <= LARGEST) or buffer.nbytes != width * height * depth:
        announced = shorten({"mode": mode, "size": size})
        raise field.refuse(buffer, f"pixels as announced, {announced}; {', '.join(MODES.values())} are known")
    pixels = np.frombuffer(buffer, np.uint8)
    if form == "array":
        return pixels.reshape(height, width, depth)
    return pillow.frombuffer(str(mode), (width, height), pixels, "raw", str(mode), 0, 1)


def encode_picture(value: Any, encoding: str) -> tuple[str, bytes]:
    """The picture as a file, and what it is: the encoding that was asked for, or PNG where that has no room for it."""
    from PIL import Image as pillow

    kind = encoding.lower()
    if kind not in ENCODINGS:
        raise BadValue(f"A picture cannot be encoded as {shorten(encoding)}.", hint=f"Allowed: {', '.join(ENCODINGS)}.")
    picture = pillow.fromarray(squeezed(value)) if isinstance(value, np.ndarray) else value
    if max(picture.size) > ENCODINGS[kind][0]:
        kind = "png"
    if kind == "jpeg" and picture.mode not in ("L", "RGB"):
        picture = convert(picture, "RGB")
    stream = io.BytesIO()
    picture.save(stream, kind.upper(), **ENCODINGS[kind][1])
    return kind, stream.getvalue()


def decode_data_uri(field: Field, data: Any, allowed: str) -> bytes:
    """The bytes after the comma of a data URI; bare base64 is taken as well."""
    if not isinstance(data, str):
        raise field.refuse(data, allowed)
    try:
        return base64.b64decode(data[data.find(",") + 1 :].encode("ascii"))
    except (binascii.Error, ValueError) as error:
        raise field.refuse(data, allowed) from error


def opened(field: Field, data: Any, named: str = "") -> Picture:
    """The picture in these bytes; BadValue, with the name they go by, where there is none."""
    picture = open_picture(data)
    if isinstance(picture, str):
        raise field.refuse(data, picture, named)
    return picture


def size_limits(field: Field, **given: Any) -> dict[str, int | None]:
    """The limits of `SIZES`, each a whole number or None."""
    return {name: limit(field, name, given.get(name) or None, 1, whole=True) for name in SIZES}


def check_size(field: Field, limits: Mapping[str, int | None], picture: Any) -> None:
    """Raises BadValue where the picture is smaller or larger than its field allows."""
    size = size_of(picture)
    for index, side in enumerate(("Width", "Height")):
        exact = limits[side.lower()]
        least = exact or limits[f"min{side}"] or 1
        most = exact or limits[f"max{side}"] or LARGEST
        if not least <= size[index] <= most:
            allowed = f"{least}" if least == most else f"{least} to {most}"
            shown = f"a picture of {size[0]}x{size[1]}"
            raise field.refuse(picture, f"a {side.lower()} of {allowed} pixels", shown)


def size_of(picture: Any) -> tuple[int, int]:
    """Width and height."""
    if isinstance(picture, np.ndarray):
        return picture.shape[1], picture.shape[0]
    width, height = picture.size
    return width, height


def as_array(picture: Any) -> np.ndarray:
    """The picture as an array of shape (height, width, channels) that may be written to."""
    array = picture if isinstance(picture, np.ndarray) else np.array(picture)
    return array[:, :, None] if array.ndim == 2 else array


def squeezed(array: np.ndarray) -> np.ndarray:
    """The array as Pillow wants it: contiguous, and flat where it is gray."""
    array = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return np.ascontiguousarray(array)


def raw_bytes(picture: Any) -> Buffer:
    """The pixels, one after another; an array's own memory where it is contiguous."""
    if isinstance(picture, np.ndarray):
        return np.ascontiguousarray(picture).data.cast("B")
    data: bytes = picture.tobytes()
    return data
