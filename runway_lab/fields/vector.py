"""A point in a model's latent space, or any other row of numbers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runway_lab.errors import BadValue
from runway_lab.fields.field import (
    NETWORK,
    Buffer,
    Field,
    Wire,
    common,
    detached,
    is_number,
    json_number,
    limit,
    shorten,
)
from runway_lab.latents import Point

__all__ = ["Vector", "array_from_npy"]

MOST_NUMBERS = 1 << 24
"""No vector is longer: whoever draws one by chance takes the memory for it."""


class Vector(Field):
    """A row of numbers of one length, drawn from a normal distribution where nobody chooses.

    Values are float32 arrays. Lists, arrays and the bytes of an `.npy` file are taken too, and points of a latent
    space: one of W+ layer after layer, one of W also where a point of W+ is meant, the same for each layer.

    >>> Vector(3).check([1, 2, 3])
    array([1., 2., 3.], dtype=float32)
    >>> Vector(512).sample(7).shape
    (512,)
    """

    type = "vector"
    binary = True

    def __init__(
        self,
        length: int | None = None,
        description: str = "",
        *,
        default: Sequence[float] | np.ndarray | None = None,
        sampling_mean: float = 0.0,
        sampling_std: float = 1.0,
        optional: bool = False,
    ) -> None:
        super().__init__(description, optional=optional)
        size: Any = json_number(length)
        if size is None and default is not None:
            size = len(default[0]) if len(default) == 1 and hasattr(default[0], "__len__") else len(default)
        if not is_number(size) or not 1 <= size <= MOST_NUMBERS or size != int(size):
            allowed = f"a whole number from 1 to {MOST_NUMBERS} as length, or a default to take it from"
            raise self.refuse(size, allowed, f"of length {shorten(size)}")
        self.length = int(size)
        self.sampling_mean = float(limit(self, "sampling_mean", sampling_mean) or 0)
        self.sampling_std = float(limit(self, "sampling_std", 1 if sampling_std is None else sampling_std, least=0))
        if default is not None:
            self.default = self.check(default)

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        row = self._of_point(value) if isinstance(value, Point) else self._numbers(value)
        if row is not None and row.shape == (1, self.length):
            row = row[0]
        allowed = f"a row of {self.length} finite numbers"
        if row is None or row.shape != (self.length,):
            raise self.refuse(value, allowed)
        # What is too large for a float32 becomes infinite here, and is refused as such.
        with np.errstate(over="ignore"):
            row = row.astype(np.float32, copy=False)
        if not np.isfinite(row).all():
            raise self.refuse(value, allowed, "a row with numbers that are not finite")
        return row

    def _of_point(self, point: Point) -> np.ndarray:
        layers, rest = divmod(self.length, point.size)
        if point.space == "w" and layers > 1 and not rest:
            point = point.widened(layers)
        # A copy: the values of a point are never written to.
        return np.array(point.values).reshape(-1)

    def _numbers(self, value: Any) -> np.ndarray | None:
        """The numbers in whatever was given, or None where there are none."""
        if isinstance(value, (bytes, bytearray, memoryview)):
            return array_from_npy(value)
        if isinstance(value, Sequence) and not isinstance(value, str):
            if len(value) == 1 and isinstance(value[0], (list, tuple)):
                value = value[0]
            # NumPy would read numbers in words, and give every item the room of the longest.
            plain = [json_number(each) for each in value] if len(value) == self.length else []
            return np.array(plain, np.float64) if plain and all(map(is_number, plain)) else None
        if not hasattr(value, "__array__"):
            return None
        try:
            array = np.asarray(detached(value))
        except (TypeError, ValueError, RuntimeError):
            return None
        return array if array.dtype.kind in "fiu" else None

    def sample(self, seed: int | None = None) -> np.ndarray:
        """A point chosen by chance, the same for the same seed as in the StyleGAN tools."""
        try:
            chance = np.random.RandomState(seed)
        except (TypeError, ValueError) as error:
            raise BadValue(
                f"A seed cannot be {shorten(seed)}.", hint=f"Allowed: a whole number from 0 to {2**32 - 1}."
            ) from error
        return (chance.randn(self.length) * self.sampling_std + self.sampling_mean).astype(np.float32)

    def to_json(self, value: Any) -> Any:
        return None if value is None else np.asarray(value).tolist()

    def pack(self, value: Any, buffers: list[Buffer], encoding: str = "raw") -> Any:
        if value is None:
            return None
        row = np.ascontiguousarray(value, dtype="<f4")
        buffers.append(row.data.cast("B"))
        return {"buffer": len(buffers) - 1, "encoding": "raw", "dtype": "<f4"}

    def unpack(self, data: Any, buffers: list[memoryview], wire: Wire = NETWORK) -> Any:
        if not isinstance(data, Mapping):
            return self.check(data)
        buffer = self.buffer_of(data, buffers)
        if data.get("encoding") == "npy":
            return self.check(buffer)
        if data.get("dtype") != "<f4" or buffer.nbytes != 4 * self.length:
            raise self.refuse(buffer, f"a row of {self.length} numbers of type <f4")
        # Behind something of an odd length the numbers lie askew, and compiled code may rely on their place.
        return self.check(np.require(np.frombuffer(buffer, dtype="<f4"), requirements="A"))

    def properties(self) -> dict[str, Any]:
        return {
            "length": self.length,
            "samplingMean": self.sampling_mean,
            "samplingStd": self.sampling_std,
            "default": self.to_json(self.default),
        }

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Vector:
        return cls(
            description["length"],
            **common(description),
            default=description.get("default"),
            sampling_mean=description.get("samplingMean", 0.0),
            sampling_std=description.get("samplingStd", 1.0),
        )


def array_from_npy(data: Buffer) -> np.ndarray | None:
    """The numbers of an `.npy` file, looking into `data`; None where it holds anything else.

    The header is read first: an object array would be a pickle, and a shape may claim more than is there.
    """
    try:
        view = memoryview(data).cast("B")
        stream = io.BytesIO(bytes(view[:65536]))
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[np.lib.format.read_magic(stream)]
        shape, fortran, dtype = read(stream, max_header_size=10_000)
        start, count = stream.tell(), int(np.prod(shape, dtype=object))
        if dtype.kind not in "fiu" or min(shape, default=1) < 1 or count * dtype.itemsize != view.nbytes - start:
            return None
        return np.frombuffer(view, dtype=dtype, offset=start).reshape(shape, order="F" if fortran else "C")
    except Exception:
        # NumPy parses the header as Python, and raises nearly anything on one that is damaged.
        return None
