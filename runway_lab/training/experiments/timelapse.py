"""The film of a training: the same latents from the first step to the last, as they learn to be pictures.

In flows what an experiment has sampled, steps with a sheet each; out goes a film. Every sampled step has the same time,
although they lie closer together in the beginning: so the film slows down where most happens. Between two steps one
picture fades into the next. Towards the end it comes to rest on the last step, and stays there for a while.

With `wander` one picture is seen at a time, and while it learns it turns into the next latent, and the next.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from runway_lab.errors import BadValue, RunwayLabError, shorten
from runway_lab.training.experiments.video import Cancelled, Progress, Written, write_video
from runway_lab.training.sheets import Layout, cut, lay_out

__all__ = ["Sampled", "film_of_steps"]

Sampled = tuple[int, "Image.Image | str | os.PathLike[str]"]
"""A step, and its sheet."""

SIDE, SIDE_OF_A_GIF = 1280, 640
FPS, FPS_OF_A_GIF = 24.0, 12.0
GROUND = (255, 255, 255)
"""What lies behind pictures with transparency."""

BRAKES = 0.8
"""From this part of its time on the film slows down."""

STEPS_A_SECOND = 12
SHORTEST, LONGEST = 3.0, 20.0


def film_of_steps(
    steps: Sequence[Sampled],
    path: str | os.PathLike[str],
    *,
    layout: Layout | None = None,
    indices: Sequence[int] | None = None,
    wander: bool = False,
    seconds: float | None = None,
    fps: float | None = None,
    hold: float = 2.0,
    fade: float = 0.6,
    numbers: bool = True,
    side: int | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Written:
    """Writes the film of these steps to `path`: .mp4, .webm or .gif.

    - `indices` chooses pictures of the sheets, and `layout` says where they lie; without, the whole sheet is seen.
    - `wander` shows one of them at a time.
    - `seconds` is the time from the first step to the last, `hold` how long the last one stays.
    - `fps` is 24, and 12 for a GIF, which is large enough with that.
    - `fade` is the share of a step's time in which it turns into the next: 0 never, 1 always.
    - `numbers` writes the step in a corner.
    - `side` is about the longer side of the film; small pictures are enlarged by whole numbers.
    """
    if not steps:
        raise BadValue("There is no film of no steps.", hint="Wait for the first samples.")
    if not 0 <= fade <= 1 or hold < 0 or (seconds is not None and not 0 < seconds <= 3600):
        raise BadValue(
            f"A film cannot have fade = {shorten(fade)}, hold = {shorten(hold)} and seconds = {shorten(seconds)}.",
            hint="Allowed: fade from 0 to 1, hold from 0 on, seconds up to 3600.",
        )
    if (indices is not None or wander) and layout is None:
        raise BadValue("Single pictures of sheets need the layout of the sheets.", hint="Pass layout=.")
    if seconds is None:
        seconds = min(max(len(steps) / STEPS_A_SECOND, SHORTEST), LONGEST)
    gif = Path(path).suffix.lower() == ".gif"
    side = side or (SIDE_OF_A_GIF if gif else SIDE)
    fps = fps or (FPS_OF_A_GIF if gif else FPS)
    sheets = _Sheets(sorted(steps, key=lambda each: each[0]), layout, indices, wander)
    moving, resting = max(1, round(seconds * fps)), round(hold * fps)

    def frames() -> Iterator[Image.Image]:
        shown: tuple[object, Image.Image] | None = None
        for number in range(moving + resting):
            moment = min(number / max(moving - 1, 1), 1.0)
            at, towards = _between(_eased(moment) * (len(sheets) - 1), fade)
            key = (at, towards, moment if wander else 0)
            if shown is None or shown[0] != key:
                picture = _enlarged(sheets.seen(at, towards, moment), side)
                if numbers:
                    _write_number(picture, sheets.step(at if towards < 0.5 else at + 1))
                shown = key, picture
            yield shown[1]

    written = write_video(frames(), path, fps, total=moving + resting, progress=progress, cancelled=cancelled)
    return replace(written, note=" ".join(filter(None, [written.note, sheets.note()])))


class _Sheets:
    """The sheets in the order of their steps; at most two are kept decoded."""

    def __init__(
        self, steps: Sequence[Sampled], layout: Layout | None, indices: Sequence[int] | None, wander: bool
    ) -> None:
        self._steps, self._layout, self._wander = steps, layout, wander
        self._indices = list(range(layout.count)) if wander and indices is None and layout else indices
        if self._indices is not None and layout is not None:
            if not self._indices:
                raise BadValue("No picture of the sheets was chosen.", hint="Pass at least one index.")
            for index in self._indices:
                layout.box(index)
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._shape: tuple[int, ...] = ()
        self._unreadable: set[int] = set()

    def __len__(self) -> int:
        return len(self._steps)

    def step(self, at: int) -> int:
        return self._steps[min(at, len(self) - 1)][0]

    def note(self) -> str:
        if not self._unreadable:
            return ""
        steps = ", ".join(f"{step:,}" for step in sorted(self._unreadable)[:5])
        more = f" and {len(self._unreadable) - 5} more" if len(self._unreadable) > 5 else ""
        return f"The samples of step {steps}{more} could not be read and were left out."

    def seen(self, at: int, towards: float, moment: float) -> Image.Image:
        """What is to be seen: pictures of a step on their way to the next."""
        pictures = _mixed(self._pictures(at), self._pictures(at + 1), towards) if towards else self._pictures(at)
        if self._wander:
            index, share = _between(moment * (len(pictures) - 1), 0.7)
            pictures = _mixed(pictures[index], pictures[min(index + 1, len(pictures) - 1)], share)[None]
        return lay_out(pictures)

    def _pictures(self, at: int) -> NDArray[np.uint8]:
        """Those of a step, or of the nearest step before it (or after it) that can be read."""
        at = min(at, len(self) - 1)
        for near in [*range(at, -1, -1), *range(at + 1, len(self))]:
            if (found := self._read(near)) is not None:
                return found
        raise RunwayLabError(
            "None of the samples can be read, so there is no film of them.",
            hint="Look whether the folder of the experiment is complete.",
        )

    def _read(self, at: int) -> NDArray[np.uint8] | None:
        if at in self._kept:
            return self._kept[at]
        step, sheet = self._steps[at]
        if step in self._unreadable:
            return None
        try:
            pictures = self._opened(sheet)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            # A damaged sheet does not cost a person the film of all the others.
            self._unreadable.add(step)
            return None
        if self._shape and pictures.shape != self._shape:
            self._unreadable.add(step)
            return None
        self._shape = pictures.shape
        for old in [each for each in self._kept if each < at - 1]:
            del self._kept[old]
        self._kept[at] = pictures
        return pictures

    def _opened(self, sheet: Image.Image | str | os.PathLike[str]) -> NDArray[np.uint8]:
        if isinstance(sheet, Image.Image):
            return self._chosen(sheet)
        with Image.open(sheet) as opened:
            return self._chosen(opened)

    def _chosen(self, sheet: Image.Image) -> NDArray[np.uint8]:
        if self._indices is None or self._layout is None:
            return _flat(sheet)[None]
        return np.stack([_flat(cut(sheet, self._layout, index)) for index in self._indices])


def _flat(picture: Image.Image) -> NDArray[np.uint8]:
    if "A" in picture.getbands() or "transparency" in picture.info:
        ground = Image.new("RGBA", picture.size, (*GROUND, 255))
        picture = Image.alpha_composite(ground, picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB"))


def _mixed(one: NDArray[np.uint8], other: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    mixed: NDArray[np.uint8] = (one * np.float32(1 - share) + other * np.float32(share) + np.float32(0.5)).astype(
        np.uint8
    )
    return mixed


def _eased(moment: float) -> float:
    """Even speed, then slower and slower until it rests.

    >>> _eased(0), _eased(1), _eased(0.5) > 0.5
    (0.0, 1.0, True)
    """
    speed = 2 / (1 + BRAKES)
    if moment <= BRAKES:
        return speed * moment
    left = (1 - moment) / (1 - BRAKES)
    return 1 - speed * (1 - BRAKES) / 2 * left**2


def _between(position: float, fade: float) -> tuple[int, float]:
    """The step at a position, and how far it has turned into the next.

    >>> _between(3.25, 0.5), _between(3.75, 0.5), _between(3.75, 0)
    ((3, 0.0), (3, 0.5), (3, 0.0))
    """
    at = math.floor(position + 1e-9)
    part = max(0.0, position - at)
    if fade == 0:
        return at, 0.0
    share = max(0.0, (part - (1 - fade)) / fade)
    # Rounded, so that frames that look the same are made once.
    return at, round(share * share * (3 - 2 * share), 3)


def _enlarged(picture: Image.Image, side: int) -> Image.Image:
    """Enlarged by a whole number as far as it goes, or made to fit; sides even, as films want them."""
    factor = side / max(picture.size)
    factor = float(math.floor(factor)) if factor >= 1 else factor
    width, height = (max(2, round(each * factor / 2) * 2) for each in picture.size)
    return picture if (width, height) == picture.size else picture.resize((width, height), Image.Resampling.BICUBIC)


def _write_number(picture: Image.Image, step: int) -> None:
    """In the lower left corner, light on dark, so that it can be read on any picture."""
    high = max(10, min(picture.size) // 22)
    draw = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(high)
    text = f"Step {step:,}"
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    room = high // 2
    box = (room, picture.height - (bottom - top) - 3 * room, room + (right - left) + 2 * room, picture.height - room)
    draw.rounded_rectangle(box, radius=room, fill=(0, 0, 0, 150))
    draw.text((box[0] + room - left, box[1] + room - top), text, font=font, fill=(255, 255, 255, 255))
