"""A point in a model's latent space, or any other row of numbers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runway_lab.fields.field import NETWORK, Buffer, Field, Wire, common

__all__ = ["Vector", "array_from_npy"]


class Vector(Field):
    """A row of numbers of one length, drawn from a normal distribution where nobody chooses.

    Values are float32 arrays. Lists, arrays and the bytes of an `.npy` file are taken too.

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
        if length is None and default is not None:
            length = int(np.asarray(default).size)
        if length is None or int(length) < 1:
            raise self.__refuse_length(length)
        self.length = int(length)
        self.sampling_mean = float(sampling_mean)
        self.sampling_std = float(sampling_std)
        super().__init__(description, default=default, optional=optional)

    def __refuse_length(self, length: Any) -> Exception:
        self.name = "length"
        return self.refuse(length, "a whole number of 1 or more, or a default to take it from")

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        allowed = f"a row of {self.length} finite numbers"
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = array_from_npy(value)
            if value is None:
                raise self.refuse(b"", f"{allowed}; these bytes are no .npy file of numbers")
        if isinstance(value, (str, dict, set)):
            raise self.refuse(value, allowed)
        try:
            row = np.asarray(value, dtype=np.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise self.refuse(value, allowed) from error
        if row.shape == (1, self.length):
            row = row[0]
        if row.shape != (self.length,):
            raise self.refuse(row, allowed)
        if not np.isfinite(row).all():
            raise self.refuse("a row with numbers that are not finite", allowed)
        return row

    def sample(self, seed: int | None = None) -> np.ndarray:
        """A point chosen by chance, the same for the same seed as in the StyleGAN tools."""
        chance = np.random.RandomState(seed)
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
        buffer = buffers[data["buffer"]]
        if data.get("encoding") == "npy":
            return self.check(buffer)
        if data.get("dtype") != "<f4" or buffer.nbytes != 4 * self.length:
            raise self.refuse(buffer, f"a row of {self.length} numbers of type <f4")
        return self.check(np.frombuffer(buffer, dtype="<f4"))

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
    stream = io.BytesIO(bytes(data[:65536]))
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream, max_header_size=10_000)
        start, count = stream.tell(), int(np.prod(shape, dtype=object))
        if dtype.hasobject or dtype.kind not in "fiub" or count * dtype.itemsize != len(data) - start:
            return None
        return np.frombuffer(data, dtype=dtype, offset=start).reshape(shape, order="F" if fortran else "C")
    except (
        ValueError,
        EOFError,
        OSError,
        OverflowError,
        SyntaxError,
        TypeError,
        RecursionError,
        MemoryError,
    ):
        return None
