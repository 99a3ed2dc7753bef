"""Sounds and films as values: what an Audio or Video field holds.

Both are light: a `Sound` is its samples, a `Film` is the bytes or the path of a file, decoded only when somebody
asks for frames. The codecs come from PyAV, imported when first needed.
"""

from __future__ import annotations

import io
import os
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runway_lab.errors import BadValue

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["Film", "Sound"]


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
        if samples.dtype == np.int16:
            samples = samples.astype(np.float32) / 32768
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        if samples.ndim == 1:
            samples = samples[:, None]
        if samples.ndim != 2 or not 1 <= samples.shape[1] <= 64:
            raise BadValue(
                f"A sound cannot have samples of shape {samples.shape}.",
                hint="Allowed: (length,) or (length, channels).",
            )
        if not 1 <= int(self.rate) <= 768_000:
            raise BadValue(f"A sound cannot have {self.rate} samples a second.", hint="Allowed: 1 to 768000.")
        if not np.isfinite(samples).all():
            raise BadValue("A sound cannot have samples that are not finite.", hint="Allowed: -1 to 1.")
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "rate", int(self.rate))

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @classmethod
    def open(cls, source: str | os.PathLike[str] | bytes) -> Sound:
        """The sound in a file that PyAV can read (WAV, MP3, FLAC, OGG, the track of a film, ...)."""
        import av

        stream: Any = io.BytesIO(source) if isinstance(source, bytes) else str(source)
        try:
            with av.open(stream) as container:
                track = container.streams.audio[0]
                rate, layout = track.rate, track.layout.name
                resample = av.AudioResampler(format="flt", layout=layout, rate=rate)
                channels = track.channels
                parts = [
                    piece.to_ndarray().reshape(-1, channels)
                    for frame in [*container.decode(track), None]
                    for piece in resample.resample(frame)
                ]
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
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    def _opened(self) -> Any:
        import av

        try:
            container = av.open(io.BytesIO(self.source) if isinstance(self.source, bytes) else str(self.source))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise BadValue(f"This file holds no film that can be read ({error}).") from error
        if not container.streams.video:
            container.close()
            raise BadValue("This file holds no film: it has no track of pictures.")
        return container

    @property
    def fps(self) -> float:
        """Frames in a second."""
        with self._opened() as container:
            return float(container.streams.video[0].average_rate or 0)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        with self._opened() as container:
            track = container.streams.video[0]
            return track.width, track.height

    def frames(self) -> Iterator[Picture]:
        """The frames, one after another, as Pillow images."""
        import av

        with self._opened() as container:
            try:
                for frame in container.decode(video=0):
                    yield frame.to_image()
            except av.FFmpegError as error:
                raise BadValue(f"This film is damaged: it cannot be read to its end ({error}).") from error

    @classmethod
    def from_frames(cls, frames: Iterable[Any], fps: float = 24) -> Film:
        """An MP4 of these pictures (Pillow images or uint8 arrays of one size).

        >>> film = Film.from_frames([np.zeros((16, 16, 3), np.uint8)] * 3, fps=12)
        >>> film.size, len(list(film.frames()))
        ((16, 16), 3)
        """
        import av

        stream = io.BytesIO()
        with av.open(stream, "w", format="mp4") as container:
            track: Any = None
            for each in frames:
                pixels = np.asarray(each)
                if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
                    raise BadValue("A frame of a film is an RGB picture.", hint="Convert it with .convert('RGB').")
                # H.264 halves the colours, so both sides are even.
                pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
                if track is None:
                    track = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
                    track.height, track.width = pixels.shape[:2]
                    track.pix_fmt = "yuv420p"
                    track.options = {"crf": "18", "preset": "veryfast"}
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                container.mux(track.encode(frame))
            if track is None:
                raise BadValue("A film needs at least one frame.")
            container.mux(track.encode(None))
        return cls(stream.getvalue())

    def __repr__(self) -> str:
        what = f"{len(self.source)} bytes" if isinstance(self.source, bytes) else str(self.source)
        return f"Film({what})"
