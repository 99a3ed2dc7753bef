"""Pictures become a film: MP4 with H.264, WebM with VP9, or an animated GIF, by the ending of the name.

A film appears whole or not at all: it is written under a temporary name and renamed when it is complete, so one that
is cancelled, or for which the disk has no room, leaves nothing behind. MP4 and WebM halve the resolution of the
colours, as every player expects; so sides are even, an odd one is continued by a pixel. The colours are those of
high-definition television (BT.709) and say so in the file, or players guess by the size of the picture.

Which codecs there are depends on how PyAV was built: the wheels have all that is named first here. Where H.264 or VP9
is missing the next best is taken, and `Written.note` says what that means.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runway_lab.errors import BadValue, RunwayLabError, shorten
from runway_lab.library.atomic import flush, flush_folder, in_words, temporary

__all__ = ["Cancelled", "Progress", "VideoCancelled", "Written", "write_video"]

Progress = Callable[[int, int], None]
"""Hears how many frames are written, of how many (0: nobody knows). An exception out of it ends the film, too."""

Cancelled = Callable[[], bool]
"""Answers whether somebody wants it to end; asked before each frame."""

H264 = {"crf": "18", "preset": "veryfast"}
VP9 = {"crf": "30", "deadline": "good", "cpu-used": "5", "row-mt": "1"}

CODECS: dict[str, tuple[tuple[str, dict[str, str], str], ...]] = {
    ".mp4": (
        ("libx264", H264, ""),
        ("libopenh264", {}, ""),
        ("h264_videotoolbox", {}, ""),
        ("h264_mf", {}, ""),
        (
            "mpeg4",
            {},
            "This installation of PyAV cannot write H.264, so the film is in MPEG-4 Part 2, which browsers do not "
            "play. Save it as .webm, or install PyAV with: pip install --force-reinstall av",
        ),
    ),
    ".webm": (
        ("libvpx-vp9", VP9, ""),
        ("libvpx", {"crf": "10", "deadline": "good", "cpu-used": "5"}, ""),
        ("libsvtav1", {"crf": "30", "preset": "8"}, "The film is in AV1, which older players do not know."),
    ),
}

ENDINGS = (".mp4", ".webm", ".gif")
GIF_FPS = 50
"""A GIF counts in hundredths of a second, and browsers slow down what is faster than two of them."""

_BT709 = 1
_STUDIO_RANGE = 1


class VideoCancelled(RunwayLabError):
    """Somebody ended the making of a film; nothing of it is left."""


@dataclass(frozen=True)
class Written:
    """A film that lies there complete; `note` says what a person should know about it, mostly nothing."""

    path: Path
    codec: str
    width: int
    height: int
    frames: int
    fps: float
    note: str = ""

    @property
    def seconds(self) -> float:
        return self.frames / self.fps


def write_video(
    frames: Iterable[Image.Image | NDArray[np.uint8]],
    path: str | os.PathLike[str],
    fps: float = 24,
    *,
    total: int = 0,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Written:
    """Writes pictures of one size (Pillow images, or uint8 arrays) as a film of the kind that `path` ends in.

    Frames may come from a generator: one after another is asked for. A film that is there already is replaced when the
    new one is complete.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     film = write_video([np.zeros((32, 32, 3), np.uint8)] * 12, f"{folder}/black.mp4", fps=12)
    >>> film.codec, film.seconds
    ('libx264', 1.0)
    """
    target = Path(path).expanduser().absolute()
    kind = target.suffix.lower()
    if kind not in ENDINGS:
        raise BadValue(f"A film cannot be saved as {shorten(target.name)}.", hint=f"Allowed: {', '.join(ENDINGS)}.")
    if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not 0.1 <= fps <= 240:
        raise BadValue(f"A film cannot have {shorten(fps)} frames a second.", hint="Allowed: 0.1 to 240.")
    if isinstance(frames, (list, tuple)):
        total = len(frames)
    checked = _Checked(frames, total, progress, cancelled)
    with in_words(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    draft = temporary(target)
    try:
        write = _write_gif if kind == ".gif" else _write_film
        codec, rate, note = write(checked, draft, kind, float(fps))
        with in_words(target):
            flush(draft)
            draft.replace(target)
            flush_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return Written(target, codec, checked.width, checked.height, checked.count, rate, note)


class _Checked:
    """The frames as RGB arrays, all of one size; counts them, tells, and hears when to stop."""

    def __init__(
        self, frames: Iterable[Any], total: int, progress: Progress | None, cancelled: Cancelled | None
    ) -> None:
        self.frames, self.total, self.progress, self.cancelled = frames, total, progress, cancelled
        self.count = self.width = self.height = 0

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        for each in self.frames:
            if self.cancelled is not None and self.cancelled():
                raise VideoCancelled("The film was cancelled, nothing of it was kept.")
            pixels = _rgb(each)
            if not self.count:
                self.height, self.width = pixels.shape[:2]
            elif pixels.shape[:2] != (self.height, self.width):
                raise BadValue(
                    f"Frame {self.count} has {pixels.shape[1]}x{pixels.shape[0]} pixels, the film {self.width}x"
                    f"{self.height}.",
                    hint="Bring all frames to one size first.",
                )
            self.count += 1
            yield pixels
            if self.progress is not None:
                self.progress(self.count, self.total)
        if not self.count:
            raise BadValue("A film needs at least one frame.", hint="Pass pictures.")


def _rgb(frame: Any) -> NDArray[np.uint8]:
    if isinstance(frame, Image.Image):
        frame = np.asarray(frame.convert("RGB"))
    pixels = np.asarray(frame)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise BadValue(
            f"A frame of a film cannot be {shorten(frame)}.", hint="Allowed: Pillow images, or uint8 arrays of RGB."
        )
    return pixels


def _write_film(frames: _Checked, draft: Path, kind: str, fps: float) -> tuple[str, float, str]:
    import av

    codec, options, note = _codec(kind)
    container: Any = None
    track: Any = None
    rate = Fraction(fps).limit_denominator(1000)
    try:
        with in_words(draft):
            # The table of contents goes to the front, so that a browser can begin before all of it has come.
            moved = {"movflags": "+faststart"} if kind == ".mp4" else {}
            container = av.open(str(draft), "w", format=kind[1:], options=moved)
            for number, pixels in enumerate(frames):
                if track is None:
                    track = _track(container, codec, options, rate, pixels)
                container.mux(track.encode(_frame(pixels, number, rate)))
            container.mux(track.encode(None))
            container.close()
            container = None
    except av.FFmpegError as error:
        # Those that are the system's are in words already.
        raise RunwayLabError(
            f"The film could not be written: {codec} says {error.strerror or error}.",
            hint="Try another size, or another ending: .mp4, .webm or .gif.",
        ) from error
    finally:
        if container is not None:
            # The end of a film that is thrown away need not be right.
            with contextlib.suppress(Exception):
                container.close()
    return codec, float(rate), note


def _track(container: Any, codec: str, options: dict[str, str], rate: Fraction, pixels: NDArray[np.uint8]) -> Any:
    height, width = (side + side % 2 for side in pixels.shape[:2])
    track = container.add_stream(codec, rate=rate)
    track.height, track.width = height, width
    track.pix_fmt = "yuv420p"
    track.options = options
    # Where a quality is given the rate follows from it; the others have only a rate to go by.
    track.bit_rate = 0 if options else int(max(400_000, width * height * float(rate) * 0.2))
    context = track.codec_context
    context.color_range, context.colorspace = _STUDIO_RANGE, _BT709
    context.color_primaries = context.color_trc = _BT709
    return track


def _frame(pixels: NDArray[np.uint8], number: int, rate: Fraction) -> Any:
    import av

    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
    frame = picture.reformat(format="yuv420p", dst_colorspace="ITU709")
    frame.color_range, frame.colorspace = _STUDIO_RANGE, _BT709
    frame.pts, frame.time_base = number, 1 / rate
    return frame


def _codec(kind: str) -> tuple[str, dict[str, str], str]:
    """The first codec for this kind of film that this installation can write."""
    for name, options, note in CODECS[kind]:
        if _can_write(name):
            return name, options, note
    raise RunwayLabError(
        f"This installation of PyAV can write no film that ends in {kind}.",
        hint="Save it as .gif, or install PyAV with: pip install --force-reinstall av",
    )


def _can_write(codec: str) -> bool:
    import av

    try:
        av.Codec(codec, "w")
    except (av.FFmpegError, ValueError):
        return False
    return True


def _write_gif(frames: _Checked, draft: Path, kind: str, fps: float) -> tuple[str, float, str]:
    rate = min(fps, GIF_FPS)

    def painted() -> Iterator[Image.Image]:
        for number, pixels in enumerate(frames):
            # Its colours are nearly as well chosen as by the slow default, in a hundredth of the time.
            picture = Image.fromarray(pixels).quantize(256, Image.Quantize.FASTOCTREE)
            # Whole hundredths, rounded so that the film as a whole is as long as it should be.
            shown = round((number + 1) * 100 / rate) - round(number * 100 / rate)
            picture.info["duration"] = 10 * shown
            yield picture

    rest = painted()
    first = next(rest)
    with in_words(draft):
        first.save(draft, "GIF", save_all=True, append_images=rest, loop=0, disposal=1)
    note = f"A GIF has at most {GIF_FPS} frames a second, so it plays slower than asked." if rate < fps else ""
    return "gif", rate, note
