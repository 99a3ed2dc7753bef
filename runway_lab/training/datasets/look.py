"""One look at one picture: decoded once, examined on the small picture that falls out of it, cut and scaled.

A JPEG is decoded at half, a quarter or an eighth of its size where that is still twice of what is needed (`draft`); the
whole file is read all the same, so that what is cut short shows. Everything the doctor looks at (flatness, colours,
the hash by which look-alikes are found) comes from a copy of at most 64 pixels.

This runs on many threads at once: Pillow and hashlib let go of the interpreter while they work, and only arrays of
some thousand numbers are touched in between. Nothing that a file contains makes it raise; a file is never written to.
"""

from __future__ import annotations

import hashlib
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

LEAST_TEAR = 14.0
"""By how many levels colours jump, at least, where a picture is torn."""

MOST_STAIRS, SHARP = 40, 0.7
"""So many places are looked at closely, and so much of the jump must lie between two rows of pixels."""

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
    if picture.width * picture.height > LARGE_PIXELS:
        with _one_large_at_a_time:
            picture = _decoded(picture, plan, seen)
    else:
        picture = _decoded(picture, plan, seen)
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
    import io

    try:
        picture = pillow.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        if not data.startswith(STARTS):
            raise _Finding("unreadable", _what(data)) from None
        raise _Finding("unreadable", "damaged at its beginning") from None
    seen.width, seen.height = picture.size
    if picture.width * picture.height > most:
        raise _Finding("too_large", f"{picture.width}x{picture.height} pixels")
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


def _decoded(picture: Picture, plan: Plan, seen: Looked) -> Picture:
    """The whole picture, upright, in one of the modes L, RGB and RGBA, no larger than is of use."""
    width, height = picture.size
    turned = _orientation(picture) if picture.format else 1
    if turned != 1:
        seen.findings.append("rotated")
    upright = turned != 1 and plan.decisions["rotated"] != "keep"
    if upright and turned >= 5:
        width, height = height, width
    seen.width, seen.height = width, height
    if picture.format in ("JPEG", "MPO"):
        # Twice of what is needed; copies that show less of the picture need more of it.
        wanted = 2 * max(1.0, plan.zoom_in) / min(width / plan.width, height / plan.height)
        picture.draft(None, (round(picture.width * wanted), round(picture.height * wanted)))
    picture.load()
    if picture.format in ("JPEG", "MPO"):
        blocks = _blocks(picture, width if turned < 5 or not upright else height)
        if blocks is not None and _is_torn(picture, blocks):
            seen.findings.append("glitched")
        if blocks is not None and max(blocks.size) >= SMALL and not upright:
            # It is small already, and what was reduced once need not be again.
            seen.small = blocks
    if is_transparent(picture):
        picture = picture.convert("RGBA")
        if picture.getchannel("A").getextrema()[0] < 250:  # type: ignore[operator]
            seen.findings.append("transparent")
        elif plan.mode != "RGBA":
            picture = picture.convert("RGB")
    if upright:
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
    elif "glitched" not in seen.findings and _lost_rows(picture, values):
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
        seen.note = seen.note or f"{width}x{height} pixels"
    gray = small.convert("L")
    bits = np.asarray(gray.resize((9, 8), pillow.Resampling.BOX), np.int16)
    seen.hash = np.packbits(bits[:, 1:] > bits[:, :-1]).tobytes().hex()
    seen.tiny = small.convert("RGB").resize((4, 4), pillow.Resampling.BOX).tobytes().hex()


def _is_flat(picture: Picture) -> bool:
    """Whether a picture whose small copy is flat is so in all its pixels: a fine pattern is gray from afar too."""
    extremes = picture.getextrema()
    pairs = extremes if isinstance(extremes[0], tuple) else (extremes,)
    return all(most - least <= 24 for least, most in pairs[:3])


def _blocks(picture: Picture, full_width: int) -> Picture | None:
    """A JPEG in pixels of one block each, as its stream has them; None where there are too few to say anything."""
    layers = getattr(picture, "layer", ()) or ((0, 1, 1),)
    scale = max(1, round(full_width / picture.width))
    across, down = (max(1, 8 * max(int(layer[side]) for layer in layers) // scale) for side in (1, 2))
    if picture.mode not in ("L", "RGB") or picture.width < 8 * across or picture.height < 3 * down:
        return None
    return picture.reduce((across, down))


def _is_torn(picture: Picture, blocks: Picture) -> bool:
    """Whether colours jump where the stream of a JPEG was damaged.

    From the damaged block on, all that follows is shifted by the same colour: the rest of its row of blocks, and all
    rows below. So the jump is a stair of exactly one block, on the grid of blocks. A horizon is no stair, and the edges
    of things in the world keep to no grid.
    """
    values = np.asarray(blocks, np.float32)
    steps = np.diff(values.reshape(*values.shape[:2], -1), axis=0)
    count = steps.shape[1]
    # A stair of some height lifts the two rows it lies in; most pictures have no such rows, and that is all.
    lift = np.abs(steps.mean(axis=1))
    least = np.maximum(LEAST_TEAR, 6 * np.sqrt((steps * steps).mean(axis=(0, 1)) / count))
    rows = np.flatnonzero((lift[:-1] + lift[1:] > 0.9 * least).any(axis=1))
    if not rows.size:
        return False
    above, below = steps[rows], steps[rows + 1]
    left = np.arange(1, count, dtype=np.float32)[None, :, None]
    right = count - left
    sums = [np.cumsum(each, axis=1) for each in (above, below, above * above, below * below)]
    above_sum, below_sum, above_squares, below_squares = sums
    first, last = below_sum[:, :-1], above_sum[:, -1:] - above_sum[:, :-1]
    mean = (first + last) / count
    squares = (below_squares[:, :-1] + above_squares[:, -1:] - above_squares[:, :-1]) / count
    size = np.abs(mean)
    torn = (size > least) & (squares - mean * mean < (0.6 * size) ** 2)
    torn &= (left >= 0.08 * count) & (right >= 0.08 * count)
    if not torn.any():
        return False
    # Both halves of the stair are there, and nothing beside it.
    sign = np.sign(mean)
    torn &= (sign * first / left > 0.5 * size) & (sign * last / right > 0.5 * size)
    spread = 1.5 * np.median(np.abs(steps), axis=(0, 1))
    torn &= np.abs(above_sum[:, :-1] / left) < 0.25 * size + spread / np.sqrt(left)
    torn &= np.abs((below_sum[:, -1:] - below_sum[:, :-1]) / right) < 0.25 * size + spread / np.sqrt(right)
    at = np.argwhere(torn)
    strongest = sorted(at, key=lambda place: -float(size[tuple(place)]))[:MOST_STAIRS]
    return any(
        _is_sharp(picture, blocks, int(rows[row]) + 1, int(column) + 1, int(channel), float(mean[row, column, channel]))
        for row, column, channel in strongest
    )


def _is_sharp(picture: Picture, blocks: Picture, row: int, column: int, channel: int, jump: float) -> bool:
    """Whether a stair of blocks is one from pixel to pixel, exactly between the blocks: a sloping ridge is not.

    The damage begins in this row of blocks, at this column.
    """
    across, down = round(picture.width / blocks.width), round(picture.height / blocks.height)
    halves = ((0, column * across, (row + 1) * down), (column * across, picture.width, row * down))
    for begin, end, edge in halves:
        if not 0 < edge < picture.height or end <= begin:
            return False
        strip = np.asarray(picture.crop((begin, edge - 1, end, edge + 1)), np.float32).reshape(2, end - begin, -1)
        if float((strip[1] - strip[0])[:, channel].mean()) * np.sign(jump) < SHARP * abs(jump):
            return False
    return True


def _lost_rows(picture: Picture, small: np.ndarray) -> bool:
    """Whether the bottom was never there: a decoder fills what is lost with one exact gray, or in a film with green."""
    last = small[-1].reshape(small.shape[1], -1)
    gray = bool((np.abs(last.astype(np.int16) - 128) <= 1).all())
    green = last.shape[1] == 3 and bool(
        (last[:, 0] <= 2).all() and (last[:, 2] <= 2).all() and (np.abs(last[:, 1].astype(np.int16) - 135) <= 3).all()
    )
    if not (gray or green):
        return False
    strip = picture.crop((0, picture.height - max(1, picture.height // 50), picture.width, picture.height))
    extremes = strip.getextrema()
    pairs = extremes if isinstance(extremes[0], tuple) else (extremes,)
    return all(most - least <= 2 for least, most in pairs[:3])


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
