"""A film as a source of pictures: some of its frames, one after another.

Frames that follow each other look alike, so every Nth is taken, or a few a second, and what still looks like a frame
that is there already is left out (`near_duplicate` is skipped for films, unless somebody decides otherwise).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runway_lab.errors import BadValue, shorten
from runway_lab.training.datasets.sources import MEDIA, Item, Source

__all__ = ["open_film"]

PER_SECOND = 2.0


class FilmSource(Source):
    """Frames of a film."""

    is_film = True


def open_film(
    data: Path | bytes, head: bytes, title: str, every: int | None, per_second: float | None
) -> Source | None:
    """The frames of a film; None where this is none."""
    if not _looks_like_one(head, title):
        return None
    from runway_lab.media import Film

    film = Film(data)
    rate = film.fps
    step = _step(every, per_second, rate)
    identity = (
        hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else f"{data.resolve()} {data.stat().st_mtime_ns}"
    )

    def items() -> Iterator[Item]:
        due, taken = 0.0, 0
        try:
            for number, frame in enumerate(film.frames()):
                if number >= due - 1e-9:
                    due += step
                    taken += 1
                    moment = number / rate if rate else 0.0
                    yield Item(f"{title} {_clock(moment)} (frame {number})", picture=frame)
        except BadValue as error:
            yield Item(f"{title}: the rest", finding="truncated", note=error.what)

    return FilmSource(title, items, None, f"film {identity} {step}")


def _step(every: Any, per_second: Any, rate: float) -> float:
    if every is not None and per_second is not None:
        raise BadValue("A film is taken apart by every or by per_second, not by both.", hint="Give one of them.")
    if every is not None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise BadValue(
                f"every cannot be {shorten(every)}.", hint="Allowed: 1 for each frame, 2 for every other, and so on."
            )
        return float(every)
    wanted = PER_SECOND if per_second is None else per_second
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)) or not 0 < wanted < math.inf:
        raise BadValue(f"per_second cannot be {shorten(per_second)}.", hint="Allowed: a number above 0.")
    return max(1.0, rate / wanted) if rate else 1.0


def _looks_like_one(head: bytes, title: str) -> bool:
    """By its first bytes: MP4 and MOV, Matroska and WebM, AVI, MPEG, ASF, GIF; or by its name."""
    return (
        (head[4:8] == b"ftyp" and head[8:12] not in (b"heic", b"heix", b"mif1", b"msf1", b"avif"))
        or head.startswith((b"\x1aE\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3", b"0&\xb2u", b"GIF8"))
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        or title.lower().endswith(MEDIA)
    )


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60):02d}:{seconds % 60:06.3f}"
