"""Sounds and films as values: what an Audio or Video field holds.

Both are light: a `Sound` is its samples, a `Film` is the bytes or the path of a file, decoded only when somebody
asks for frames. The codecs come from PyAV, imported when first needed.

A file may come from a stranger, so only formats that carry their own data are read. Others are lists of further
addresses to open (HLS, DASH, SDP, concat), and a decoder would follow them.
"""

from __future__ import annotations

import io
import os
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runway_lab.errors import BadValue, shorten
from runway_lab.settings import settings

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["Film", "Sound"]

FORMATS = "aac,aiff,asf,au,avi,caf,flac,flv,gif,matroska,mov,mp3,mp4,mpeg,mpegts,ogg,w64,wav,webm"
"""What is read, as FFmpeg calls it."""

WHOLE = {np.dtype(np.uint8): (128, 128), np.dtype(np.int16): (0, 1 << 15), np.dtype(np.int32): (0, 1 << 31)}
"""Where silence lies, and how far it is to the loudest, in samples that are whole numbers."""


def _open(source: Path | bytes) -> Any:
    """The container in a file, or in the bytes of one."""
    import av

    options = {"format_whitelist": FORMATS, "protocol_whitelist": "none" if isinstance(source, bytes) else "file"}
    return av.open(io.BytesIO(source) if isinstance(source, bytes) else str(source), options=options)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


@dataclass(frozen=True, eq=False)
class Sound:
    """Samples from -1 to 1, of shape (length, channels), and how many there are in a second.

    >>> Sound(np.zeros((8000, 1), np.float32), rate=8000).seconds
    1.0
    """

    samples: np.ndarray
    rate: int

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples)
        if samples.dtype in WHOLE:
            silence, loudest = WHOLE[samples.dtype]
            samples = (samples.astype(np.float32) - silence) / np.float32(loudest)
        if samples.dtype.kind != "f":
            raise BadValue(
                f"A sound cannot have samples of type {samples.dtype}.", hint="Allowed: floats from -1 to 1, or int16."
            )
        if samples.ndim == 1:
            samples = samples[:, None]
        if samples.ndim != 2 or not samples.size or samples.shape[1] > 64:
            raise BadValue(
                f"A sound cannot have samples of shape {np.shape(self.samples)}.",
                hint="Allowed: (length,) or (length, channels), up to 64 channels.",
            )
        with np.errstate(over="ignore"):
            samples = np.ascontiguousarray(samples, dtype=np.float32)
        if not np.isfinite(samples).all():
            raise BadValue("A sound cannot have samples that are not finite.", hint="Allowed: -1 to 1.")
        if not _is_number(self.rate) or not 1 <= self.rate <= 768_000:
            raise BadValue(f"A sound cannot have {shorten(self.rate)} samples a second.", hint="Allowed: 1 to 768000.")
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "rate", int(self.rate))

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @classmethod
    def open(cls, source: str | os.PathLike[str] | bytes) -> Sound:
        """The sound in a file that PyAV can read (WAV, MP3, FLAC, OGG, the track of a film, ...)."""
        import av

        most = settings().max_message_mb * 1_000_000 // 4
        parts: list[np.ndarray] = []
        try:
            with _open(source if isinstance(source, bytes) else Path(source)) as container:
                track = container.streams.audio[0]
                rate, channels = track.rate, track.channels
                resample = av.AudioResampler(format="flt", layout=track.layout.name, rate=rate)
                for frame in chain(container.decode(track), [None]):
                    for piece in resample.resample(frame):
                        parts.append(piece.to_ndarray().reshape(-1, channels))
                        most -= parts[-1].size
                    # Hours of silence are a small file.
                    if most < 0:
                        raise BadValue("This sound is too long.", hint="Cut it, or raise the setting max_message_mb.")
        except BadValue:
            raise
        except (av.FFmpegError, OSError, IndexError, ValueError) as error:
            raise BadValue(f"This file holds no sound that can be read ({error}).") from error
        if not parts:
            raise BadValue("This file holds no sound: its track is empty.")
        return cls(np.concatenate(parts), rate)

    def wav(self) -> bytes:
        """The sound as a WAV file of 16 bits."""
        stream = io.BytesIO()
        with wave.open(stream, "wb") as file:
            file.setnchannels(self.samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes((np.clip(self.samples, -1, 1) * 32767).round().astype("<i2").tobytes())
        return stream.getvalue()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), "audio/wav": self.wav()}

    def __repr__(self) -> str:
        return f"Sound({self.seconds:.2f} s, {self.rate} samples a second, {self.samples.shape[1]} channels)"


@dataclass(frozen=True, eq=False)
class Film:
    """A moving picture: the path or the bytes of a file (MP4, WebM, MOV, GIF, ...)."""

    source: Path | bytes

    def __post_init__(self) -> None:
        if not isinstance(self.source, bytes):
            object.__setattr__(self, "source", Path(self.source).expanduser())

    def read(self) -> bytes:
        """The file's bytes."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            return self.source.read_bytes()
        except OSError as error:
            raise BadValue(f"The film {self.source} cannot be read ({error.strerror or error}).") from error

    def _opened(self) -> Any:
        import av

        try:
            container = _open(self.source)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise BadValue(f"This file holds no film that can be read ({error}).") from error
        if not container.streams.video:
            container.close()
            raise BadValue("This file holds no film: it has no track of pictures.")
        track, most = container.streams.video[0], settings().max_image_megapixels
        if track.width * track.height > most * 1e6:
            container.close()
            raise BadValue(
                f"This film has frames of {track.width}x{track.height}.", hint=f"Allowed: {most:g} megapixels."
            )
        return container

    @property
    def fps(self) -> float:
        """Frames in a second."""
        with self._opened() as container:
            return float(container.streams.video[0].average_rate or 0)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as it is to be seen."""
        for frame in self.frames():
            return frame.size
        raise BadValue("This film has no frames.")

    def frames(self) -> Iterator[Picture]:
        """The frames, one after another, as upright Pillow images."""
        import av

        with self._opened() as container:
            try:
                for frame in container.decode(video=0):
                    # What a telephone filmed upright lies on its side in the file, with a note beside it.
                    turn = getattr(frame, "rotation", 0)
                    yield frame.to_image().rotate(turn, expand=True) if turn else frame.to_image()
            except (av.FFmpegError, ValueError) as error:
                raise BadValue(f"This film is damaged: it cannot be read to its end ({error}).") from error

    @classmethod
    def from_frames(cls, frames: Iterable[Any], fps: float = 24) -> Film:
        """An MP4 of these pictures (Pillow images or uint8 arrays of one size).

        >>> film = Film.from_frames([np.zeros((16, 16, 3), np.uint8)] * 3, fps=12)
        >>> film.size, len(list(film.frames()))
        ((16, 16), 3)
        """
        import av

        if not _is_number(fps) or not 0 < fps <= 1000:
            raise BadValue(f"A film cannot have {shorten(fps)} frames a second.", hint="Allowed: up to 1000.")
        stream = io.BytesIO()
        with av.open(stream, "w", format="mp4") as container:
            track: Any = None
            for each in frames:
                pixels = np.asarray(each)
                if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
                    raise BadValue("A frame of a film is an RGB picture.", hint="Convert it with .convert('RGB').")
                # H.264 halves the colours, so both sides are even.
                pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
                if not pixels.size:
                    raise BadValue("A frame of a film has at least 2x2 pixels.", hint="Make it larger.")
                if track is None:
                    track = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
                    track.height, track.width = pixels.shape[:2]
                    track.pix_fmt = "yuv420p"
                    track.options = {"crf": "18", "preset": "veryfast"}
                if pixels.shape[:2] != (track.height, track.width):
                    raise BadValue(
                        f"A frame of {pixels.shape[1]}x{pixels.shape[0]} is in a film of {track.width}x{track.height}.",
                        hint="Resize all frames to one size first.",
                    )
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                container.mux(track.encode(frame))
            if track is None:
                raise BadValue("A film needs at least one frame.")
            container.mux(track.encode(None))
        return cls(stream.getvalue())

    def __repr__(self) -> str:
        what = f"{len(self.source)} bytes" if isinstance(self.source, bytes) else str(self.source)
        return f"Film({what})"
