"""One look at one picture: decoded once, examined on the small picture that falls out of it, cut and scaled.

A JPEG is decoded at half, a quarter or an eighth of its size where that is still twice of what is needed (`draft`); the
whole file is read all the same, so that what is cut short shows. Everything the doctor looks at (flatness, colours,
the hash by which look-alikes are found) comes from a copy of at most 64 pixels.

This runs on many threads at once: Pillow and hashlib let go of the interpreter while they work, and only arrays of
some thousand numbers are touched in between. Nothing that a file contains makes it raise; a file is never written to.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as pillow
from PIL import ImageOps, UnidentifiedImageError

from runway_lab.errors import shorten
from runway_lab.fields.pixels import FORMATS, convert, is_transparent
from runway_lab.settings import settings
from runway_lab.training.datasets.crop import box_for, made, same_shape
from runway_lab.training.datasets.damage import blocks_of, is_torn, lost_rows
from runway_lab.training.datasets.plan import Plan
from runway_lab.training.datasets.sources import ENDINGS, LARGEST_FILE, Item, foreign

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["Looked", "look"]

SMALL = 64
"""The longest side of the copy that everything is measured on."""

FLAT, COLOURLESS = 2.5, 5
"""Up to which spread, in levels of 256, a picture is of one colour, and up to which difference of channels gray."""

ENLARGED = 1.25
"""From which enlargement on a picture is too small."""

CUT_AWAY = 0.5
"""A crop that keeps less than this much of a picture is told of."""

ORIENTATION = 0x0112
STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")

LARGE_PIXELS = 24_000_000
# Decoding a picture of a hundred megapixels takes half a gigabyte: such ones wait for each other.
_one_large_at_a_time = threading.Lock()


@dataclass
class Looked:
    """What was found about one item; `rows` and `small` are only there until it has been written and counted."""

    name: str
    size: int = 0
    stamp: int = 0
    sha256: str = ""
    width: int = 0
    height: int = 0
    findings: list[str] = field(default_factory=list)
    note: str = ""
    hash: str = ""
    """The perceptual hash, 64 bits in hexadecimal digits."""
    tiny: str = ""
    """The picture in 4x4 pixels, in hexadecimal digits: what a look-alike must share besides its hash."""
    thumbnail: str = ""
    """Base64 of a small JPEG, of the few that a report shows."""
    box: tuple[float, ...] = ()
    rows_sha256: list[str] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list, repr=False, compare=False)
    small: Picture | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """What is kept of it in the journal."""
        return {key: value for key, value in self.__dict__.items() if value and key not in ("rows", "small")}

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> Looked:
        """Back from the journal."""
        return cls(**{**table, "box": tuple(table.get("box", ()))})


def most_pixels() -> float:
    """The largest picture that is opened."""
    return min(settings().max_image_megapixels * 1e6, 2 * (pillow.MAX_IMAGE_PIXELS or 1e15))


def look(item: Item, plan: Plan, prepare: bool = True, most: float | None = None) -> Looked:
    """Everything about an item, and with `prepare` the pictures it becomes; whatever is wrong is a finding.

    `most` is the largest number of pixels that is opened, for who asks many times and need not look up the settings.
    """
    seen = Looked(item.name, item.size, item.stamp, note=item.note)
    if item.finding:
        seen.findings.append(item.finding)
        if plan.skips(item.finding):
            return seen
    try:
        _look(item, plan, prepare, seen, most_pixels() if most is None else most)
    except _Finding as found:
        seen.findings.append(found.kind)
        seen.note = found.note
    except (pillow.DecompressionBombError, MemoryError):
        seen.findings.append("too_large")
    except OSError as error:
        # Pillow has no error of its own for a file that ends early.
        cut = "truncated" in str(error) or "not enough image data" in str(error)
        seen.findings.append("truncated" if cut else "unreadable")
        seen.note = "" if cut else _plain(error)
    except Exception as error:
        # Pillow raises nearly anything on damaged files, struct.error, IndexError and SyntaxError included.
        seen.findings.append("unreadable")
        seen.note = _plain(error)
    if any(plan.skips(each) for each in seen.findings):
        seen.rows, seen.rows_sha256 = [], []
    return seen


class _Finding(Exception):
    def __init__(self, kind: str, note: str = "") -> None:
        self.kind, self.note = kind, note


def _plain(error: Exception) -> str:
    words = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    # Pillow shows the object it read from, which means nothing to anybody.
    return "" if "<_io." in words else shorten(words, 120)[1:-1]


def _look(item: Item, plan: Plan, prepare: bool, seen: Looked, most: float) -> None:
    picture = item.picture
    if picture is None:
        data = _data(item)
        seen.sha256 = hashlib.sha256(data).hexdigest()
        picture = _opened(data, item.ending, seen, most)
    else:
        seen.sha256 = hashlib.sha256(picture.tobytes()).hexdigest()
    turned = _reduced(picture, plan, seen)
    large = picture.width * picture.height > LARGE_PIXELS
    with _one_large_at_a_time if large else contextlib.nullcontext():
        picture = _decoded(picture, plan, seen, turned)
    _measure(picture, plan, seen)
    if prepare and not any(plan.skips(each) for each in seen.findings):
        _prepare(picture, plan, seen)


def _data(item: Item) -> bytes:
    if item.ending not in ENDINGS:
        head = item.read(64)
        if not head.startswith(STARTS):
            words = foreign(item.ending)
            raise _Finding("unreadable" if words else "other", words)
    if item.size > LARGEST_FILE:
        raise _Finding("too_large", f"{item.size:,} bytes")
    data = item.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise _Finding("too_large", f"more than {LARGEST_FILE:,} bytes")
    if not data:
        raise _Finding("unreadable", "the file is empty")
    return data


def _opened(data: bytes, ending: str, seen: Looked, most: float) -> Picture:
    try:
        picture = pillow.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        if not data.startswith(STARTS):
            raise _Finding("unreadable", _what(data)) from None
        raise _Finding("unreadable", "damaged at its beginning") from None
    seen.width, seen.height = picture.size
    if picture.width * picture.height > most:
        raise _Finding("too_large", _across(picture.width, picture.height))
    form = "JPEG" if picture.format == "MPO" else str(picture.format)
    if ENDINGS.get(ending, form if ending == "" else "") != form:
        seen.findings.append("wrong_extension")
        seen.note = f"it is a {form}"
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        seen.findings.append("animated")
    if picture.mode == "CMYK":
        seen.findings.append("cmyk")
    if picture.mode[0] in "IF" or (form == "PNG" and data[24:25] == b"\x10") or (form == "TIFF" and _bits(picture) > 8):
        seen.findings.append("deep")
    return picture


def _what(data: bytes) -> str:
    if not data.strip(b"\0"):
        return "nothing but zeros"
    if data.lstrip()[:1] == b"<":
        return "a page or text, not a picture"
    return "no picture, or of a format that is not opened here"


def _bits(picture: Picture) -> int:
    bits = getattr(picture, "tag_v2", {}).get(258, 8)
    return int(max(bits) if isinstance(bits, tuple) and bits else bits if isinstance(bits, int) else 8)


def _reduced(picture: Picture, plan: Plan, seen: Looked) -> int:
    """Has a JPEG decoded no larger than is of use; how the camera says that it must be turned, 1 for not at all."""
    width, height = picture.size
    turned = _orientation(picture) if picture.format else 1
    if turned != 1:
        seen.findings.append("rotated")
        if plan.decisions["rotated"] == "keep":
            turned = 1
    if turned >= 5:
        width, height = height, width
    seen.width, seen.height = width, height
    if picture.format in ("JPEG", "MPO"):
        # Twice of what is needed; copies that show less of the picture need more of it.
        wanted = 2 * max(1.0, plan.zoom_in) / min(width / plan.width, height / plan.height)
        picture.draft(None, (math.ceil(picture.width * wanted), math.ceil(picture.height * wanted)))
    return turned


def _decoded(picture: Picture, plan: Plan, seen: Looked, turned: int) -> Picture:
    """The whole picture, upright, in one of the modes L, RGB and RGBA."""
    picture.load()
    if picture.format in ("JPEG", "MPO"):
        blocks = blocks_of(picture, seen.width if turned < 5 else seen.height)
        if blocks is not None and is_torn(picture, blocks):
            seen.findings.append("glitched")
        if blocks is not None and max(blocks.size) >= SMALL and turned == 1:
            # It is small already, and what was reduced once need not be again.
            seen.small = blocks
    if is_transparent(picture):
        picture = picture.convert("RGBA")
        if picture.getchannel("A").getextrema()[0] < 250:  # type: ignore[operator]
            seen.findings.append("transparent")
        elif plan.mode != "RGBA":
            picture = picture.convert("RGB")
    if turned != 1:
        picture = ImageOps.exif_transpose(picture)
    # Gray stays gray for the measuring; an RGB picture becomes gray only at the end, when it is small.
    return convert(
        picture,
        "L" if picture.mode[0] in "1LIF" and picture.mode != "LAB" else "RGBA" if plan.mode == "RGBA" else "RGB",
    )


def _orientation(picture: Picture) -> int:
    try:
        turned = picture.getexif().get(ORIENTATION, 1)
        return turned if isinstance(turned, int) and 2 <= turned <= 8 else 1
    except (OSError, ValueError, TypeError, LookupError, SyntaxError, ArithmeticError, AttributeError, struct.error):
        # Damaged remarks beside a picture are no reason to refuse it.
        return 1


def _measure(picture: Picture, plan: Plan, seen: Looked) -> None:
    small = seen.small if seen.small is not None else picture
    scale = SMALL / max(small.size)
    if scale < 1:
        size = max(1, round(small.width * scale)), max(1, round(small.height * scale))
        small = small.resize(size, pillow.Resampling.BOX, reducing_gap=1.0)
    if small.mode == "RGBA":
        small = convert(small, "RGB")
    seen.small = small
    values = np.asarray(small)
    if values.ndim == 2:
        seen.findings.append("gray")
        spread = float(values.std())
    else:
        red, green, blue = (values[:, :, index].astype(np.int16) for index in range(3))
        if max(int(np.abs(red - green).max()), int(np.abs(green - blue).max())) <= COLOURLESS:
            seen.findings.append("gray")
        spread = float(values.reshape(-1, 3).std(axis=0).max())
    if plan.channels == "gray":
        seen.findings = [each for each in seen.findings if each != "gray"]
    if spread <= FLAT and _is_flat(picture):
        seen.findings = [each for each in seen.findings if each != "gray"]
        seen.findings.append("one_colour")
    elif "glitched" not in seen.findings and lost_rows(picture, values):
        seen.findings.append("glitched")
    width, height = seen.width, seen.height
    kept = min(width / plan.width, height / plan.height)
    whole = plan.crop == "none" or (plan.decisions["wrong_ratio"] == "fix")
    if plan.crop == "none":
        if not same_shape(width, height, plan):
            seen.findings.append("wrong_ratio")
    elif kept * kept * plan.width * plan.height / (width * height) < CUT_AWAY:
        seen.findings.append("wrong_ratio")
    else:
        whole = False
    used = max(width / plan.width, height / plan.height) if whole else kept
    if used * ENLARGED < 1:
        seen.findings.append("too_small")
        seen.note = seen.note or _across(width, height)
    gray = small.convert("L")
    bits = np.asarray(gray.resize((9, 8), pillow.Resampling.BOX), np.int16)
    seen.hash = np.packbits(bits[:, 1:] > bits[:, :-1]).tobytes().hex()
    seen.tiny = small.convert("RGB").resize((4, 4), pillow.Resampling.BOX).tobytes().hex()


def _across(width: int, height: int) -> str:
    """The size of a picture, so that nobody has to ask which side comes first."""
    return f"{width}x{height} pixels" if width == height else f"{width} pixels wide, {height} high"


def _is_flat(picture: Picture) -> bool:
    """Whether a picture whose small copy is flat is so in all its pixels: a fine pattern is gray from afar too."""
    extremes = picture.getextrema()
    pairs = extremes if isinstance(extremes[0], tuple) else (extremes,)
    return all(most - least <= 24 for least, most in pairs[:3])


def _prepare(picture: Picture, plan: Plan, seen: Looked) -> None:
    whole = plan.crop == "none" or ("wrong_ratio" in seen.findings and plan.decisions["wrong_ratio"] == "fix")
    box = box_for(seen.width, seen.height, plan, whole, seen.sha256)
    seen.box = tuple(round(each, 2) for each in box)
    across, down = picture.width / seen.width, picture.height / seen.height
    inside = (box[0] * across, box[1] * down, min(box[2] * across, picture.width), min(box[3] * down, picture.height))
    # Gray and transparent ones take their final form while they are still to be cut: there is no smaller moment.
    if picture.mode != plan.mode and plan.mode != "L":
        picture = convert(picture, plan.mode)
    for copy in plan.copies:
        done = made(picture, inside, plan, copy)
        pixels = convert(done, plan.mode).tobytes()
        seen.rows.append(pixels)
        seen.rows_sha256.append(hashlib.sha256(pixels).hexdigest()[:16])
