"""Bytes, arrays and Pillow images: how one becomes the other, and what is refused on the way.

A path or an address is opened only when a person gives it to a field's `check`, in the kernel he sits at; what
comes over a wire is bytes.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runway_lab.fields.field import Buffer, Field
from runway_lab.settings import settings

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = [
    "FORMATS",
    "MODES",
    "as_array",
    "bytes_at",
    "convert",
    "decode_data_uri",
    "encode_picture",
    "open_picture",
    "opened",
    "picture_from_array",
    "raw_bytes",
    "size_of",
    "squeezed",
]

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""The modes of Pillow, by number of channels."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""The only file formats that are opened: others run interpreters (EPS) or have been holes in the past."""


def open_picture(data: Any) -> Picture | str:
    """The picture in the bytes of an image file, upright; or, where there is none, what would be allowed."""
    from PIL import Image as pillow
    from PIL import ImageOps

    most = settings().max_image_megapixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = pillow.open(io.BytesIO(data), formats=FORMATS)
            if picture.width * picture.height > most * 1e6:
                return f"pictures of at most {most:g} megapixels (this one has {picture.width}x{picture.height})"
            picture.load()
            return ImageOps.exif_transpose(picture)
    except (pillow.DecompressionBombError, MemoryError):
        return f"pictures of at most {most:g} megapixels"
    except Exception:
        # Pillow raises nearly anything on damaged files, struct.error and IndexError included.
        return f"a whole image file ({', '.join(FORMATS)}); this one is damaged or something else"


def convert(picture: Picture, mode: str) -> Picture:
    """The picture in L, RGB or RGBA: deep grays scaled, what is transparent laid on white."""
    from PIL import Image as pillow

    if picture.mode == mode:
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        deep = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if picture.mode.startswith("I") else 1.0
        picture = pillow.fromarray((np.clip(deep / top, 0, 1) * 255 + 0.5).astype(np.uint8))
    transparent = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    if transparent and mode != "RGBA":
        picture = picture.convert("RGBA")
        paper = pillow.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = pillow.alpha_composite(paper, picture)
    return picture.convert(mode)


def picture_from_array(array: np.ndarray) -> np.ndarray | None:
    """A uint8 array of shape (height, width, channels), or None where the numbers are no picture."""
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or 0 in array.shape:
        return None
    if array.shape[2] not in MODES and array.shape[0] in MODES:
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


def encode_picture(value: Any, encoding: str) -> bytes:
    """The picture as a JPEG, PNG or WebP file, quick rather than small."""
    from PIL import Image as pillow

    picture = pillow.fromarray(squeezed(value)) if isinstance(value, np.ndarray) else value
    kind = encoding.upper()
    if kind == "JPEG" and picture.mode not in ("L", "RGB"):
        picture = convert(picture, "RGB")
    choices: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 90},
        "PNG": {"compress_level": 1},
        "WEBP": {"quality": 85, "method": 0},
    }
    stream = io.BytesIO()
    picture.save(stream, kind, **choices[kind])
    return stream.getvalue()


def decode_data_uri(field: Field, data: Any, allowed: str) -> bytes:
    """The bytes after the comma of a data URI; bare base64 is taken as well."""
    if not isinstance(data, str):
        raise field.refuse(data, allowed)
    try:
        return base64.b64decode(data[data.find(",") + 1 :].encode("ascii"))
    except (binascii.Error, ValueError) as error:
        raise field.refuse(data, allowed) from error


def bytes_at(field: Field, place: Any) -> bytes:
    """What lies at a path or an address that a person gave in his own kernel."""
    text = os.fspath(place)
    if isinstance(text, str) and text.startswith("data:"):
        return decode_data_uri(field, text, "a picture as a data URI")
    if isinstance(text, str) and text.startswith(("http://", "https://")):
        from urllib.request import Request, urlopen

        most = settings().max_message_mb * 1_000_000
        try:
            with urlopen(Request(text, headers={"User-Agent": "runway-lab"}), timeout=30) as answer:
                data: bytes = answer.read(most + 1)
        except OSError as error:
            raise field.refuse(text, f"an address that answers ({error})") from error
        if len(data) > most:
            raise field.refuse(text, f"a file of at most {most // 1_000_000} MB")
        return data
    try:
        return Path(text).expanduser().read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise field.refuse(str(place), f"a file that can be read ({reason})") from error


def opened(field: Field, data: Any) -> Picture:
    """The picture in these bytes; BadValue where there is none."""
    picture = open_picture(data)
    if isinstance(picture, str):
        raise field.refuse(data, picture)
    return picture


def size_of(picture: Any) -> tuple[int, int]:
    """Width and height."""
    if isinstance(picture, np.ndarray):
        return picture.shape[1], picture.shape[0]
    width, height = picture.size
    return width, height


def as_array(picture: Any) -> np.ndarray:
    """The picture as an array of shape (height, width, channels)."""
    array = np.asarray(picture)
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
