"""What a pickle can hold here: numbers in the file, objects as data, and the constructors that make them.

`CONSTRUCTORS` is the whole list of names that a checkpoint may use, each with a function written here that
stands in for it. None of them calls anything a file brings along, and none makes room for more than the file
itself holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.stylegan.errors import BadCheckpoint

__all__ = [
    "BF16",
    "CONSTRUCTORS",
    "SCALARS",
    "STORAGES",
    "Name",
    "Record",
    "Storage",
    "TensorRef",
    "Truncated",
    "array_from_state",
    "copy_numbers",
    "dimensions",
    "floats",
    "megabytes",
    "storage_kind",
    "tensor_ref",
    "width_of",
]

_FLOATS = {"Float": "f4", "Double": "f8", "Half": "f2", "BFloat16": "bf16"}
_INTS = {"Int": "i4", "Long": "i8", "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "b1", "Untyped": "u1"}
STORAGES = {f"{name}Storage": kind for name, kind in (_FLOATS | _INTS).items()}
_WIDTHS = {"f4": 4, "f8": 8, "f2": 2, "bf16": 2, "i4": 4, "i8": 8, "i2": 2, "i1": 1, "u1": 1, "b1": 1}
SCALARS = (str, int, float, bool, type(None))
BF16 = np.dtype([("bfloat16", "<u2")])
"""NumPy has no bfloat16: its numbers stay as they are in the file until `copy_numbers` widens them."""


class Truncated(BadCheckpoint):
    """The file ends before what it announces; `needed` is the size it should have, at least."""

    def __init__(self, have: int, needed: int) -> None:
        self.have, self.needed = have, needed
        super().__init__(
            f"This file ends after {megabytes(have, needed)}.",
            hint="It was not copied or downloaded completely; get it again.",
        )


def megabytes(have: int, needed: int) -> str:
    """Two sizes as "1.2 of 4.0 MB", with as many digits as it takes to tell them apart."""
    for digits in (1, 3, 6):
        one, other = f"{have / 1e6:.{digits}f}", f"{needed / 1e6:.{digits}f}"
        if one != other:
            break
    return f"{one} of {other} MB"


@dataclass(eq=False, slots=True)
class Storage:
    """The numbers behind tensors: a type and a piece of the file (filled in later where it comes later)."""

    kind: str
    count: int
    data: memoryview | None = None


@dataclass(eq=False, slots=True)
class TensorRef:
    """A tensor that is still in the file: known to fit its storage, not yet read."""

    kind: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    storage: Storage

    def array(self) -> NDArray[Any]:
        """A read-only view of the file, never a copy."""
        storage, width = self.storage, _WIDTHS[self.kind]
        if storage.data is None or len(storage.data) < storage.count * width:
            raise BadCheckpoint("A tensor's numbers are missing from this file.", hint="Get the file again.")
        self._refuse_repeats()
        dtype = BF16 if self.kind == "bf16" else np.dtype(self.kind).newbyteorder("<")
        strides = [stride * width for stride in self.strides]
        array: NDArray[Any] = np.ndarray(self.shape, dtype, storage.data, self.offset * width, strides)
        array.flags.writeable = False
        return array

    def _refuse_repeats(self) -> None:
        """A few numbers seen over and over would be a large tensor in a small file."""
        if math.prod(self.shape) == 0:
            return
        reach = 0
        for stride, size in sorted(zip(self.strides, self.shape, strict=True)):
            if size > 1 and stride <= reach:
                raise BadCheckpoint(
                    f"A tensor of the shape {list(self.shape)} has the same numbers in several places.",
                    hint="No trained network looks like this; the file is damaged or hostile.",
                )
            reach += (size - 1) * stride


def copy_numbers(array: NDArray[Any], out: NDArray[np.float32]) -> None:
    """Writes the numbers of a view of the file into `out`, widening them there: no third copy is made on the way."""
    if array.dtype == BF16:
        bits = out.view(np.uint32)
        np.copyto(bits, array["bfloat16"])
        np.left_shift(bits, 16, out=bits)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            np.copyto(out, array, casting="same_kind")


def floats(array: NDArray[Any]) -> NDArray[np.float32]:
    """A copy of a small array in float32.

    >>> floats(np.array([(0x3FC0,)], dtype=BF16))
    array([1.5], dtype=float32)
    """
    out = np.empty(array.shape, np.float32)
    copy_numbers(array, out)
    return out


@dataclass(eq=False, slots=True)
class Record:
    """An object as data: what it is called, what it was made from, what its state is."""

    name: str
    args: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Name:
    """A name that a file uses and that is on the list."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def _tensor(args: tuple[Any, ...]) -> TensorRef:
    storage, offset, shape, strides = args[:4]
    if not isinstance(storage, Storage):
        raise BadCheckpoint("A tensor without a storage.", hint="This file is damaged.")
    return tensor_ref(storage, offset, shape, strides)


def tensor_ref(storage: Storage, offset: Any, shape: Any, strides: Any) -> TensorRef:
    """A tensor, once it is certain that it claims no more than its storage holds."""
    numbers = [offset, *shape, *strides]
    if len(shape) != len(strides) or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in numbers):
        raise BadCheckpoint("A tensor whose shape makes no sense.", hint="This file is damaged or hostile.")
    count = math.prod(shape)
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) if count else 0
    if count > storage.count or (count and last >= storage.count):
        raise BadCheckpoint(
            f"A tensor of the shape {list(shape)} claims more than the {storage.count} numbers its storage holds.",
            hint="This file is damaged or hostile; get it from its maker again.",
        )
    return TensorRef(storage.kind, tuple(shape), tuple(strides), offset, storage)


def dimensions(shape: Any) -> tuple[int, ...]:
    """A shape, once it is certain that it is one: anything could stand there, and be multiplied."""
    if not isinstance(shape, list | tuple) or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in shape):
        raise BadCheckpoint("A tensor whose shape makes no sense.", hint="This file is damaged or hostile.")
    return tuple(shape)


def _array_kind(dtype: Any) -> str:
    if not isinstance(dtype, Record) or dtype.name != "numpy.dtype" or not dtype.args:
        raise BadCheckpoint("An array of an unknown type.", hint="Only arrays of plain numbers can be read.")
    told = dtype.args[0]
    # Never str() of what a file holds: a nested tuple of some bytes becomes gigabytes of text.
    kind = told.lstrip("<=|") if isinstance(told, str) else ""
    state = dtype.state
    big = isinstance(state, tuple) and len(state) > 1 and state[1] == ">"
    if kind not in _WIDTHS or kind == "bf16" or big:
        raise BadCheckpoint(
            f"An array of the type {kind[:20]!r}.",
            hint="Only little-endian numbers can be read.",
        )
    return kind


def array_from_state(shape: Any, dtype: Any, data: Any, fortran: bool) -> TensorRef:
    """A NumPy array from what its pickle says about it."""
    kind, view = _array_kind(dtype), memoryview(data)
    shape = dimensions(shape)
    if len(view) != math.prod(shape) * _WIDTHS[kind]:
        raise BadCheckpoint(
            f"An array of the shape {list(shape)} claims more than it holds.",
            hint="This file is damaged or hostile.",
        )
    strides, step = [0] * len(shape), 1
    for i in range(len(shape)) if fortran else reversed(range(len(shape))):
        strides[i], step = step, step * shape[i]
    return tensor_ref(Storage(kind, math.prod(shape), view), 0, shape, strides)


def _array_from_buffer(args: tuple[Any, ...]) -> Record:
    data, dtype, shape, order = args
    return Record("numpy.ndarray", state=array_from_state(shape, dtype, data, order == "F"))


def _scalar(args: tuple[Any, ...]) -> Any:
    kind, data = _array_kind(args[0]), args[1]
    data = data if isinstance(data, bytes | memoryview) else b""
    if len(data) != _WIDTHS[kind]:
        raise BadCheckpoint("A number of the wrong length.", hint="This file is damaged.")
    return np.frombuffer(data, dtype=np.dtype(kind)).item()


def _encoded(args: tuple[Any, ...]) -> bytes:
    # How protocol 2 writes bytes. Only this encoding of a text: any other may run code of its own.
    if len(args) != 2 or args[1] not in ("latin1", "latin-1") or not isinstance(args[0], str):
        raise BadCheckpoint("Bytes in an unknown encoding.", hint="This file is damaged or hostile.")
    return args[0].encode("latin1")


def _dict(args: tuple[Any, ...]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for pair in args[0] if args and isinstance(args[0], list | tuple) else ():
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], SCALARS):
            raise BadCheckpoint("A dictionary that is none.", hint="This file is damaged.")
        made[pair[0]] = pair[1]
    return made


def _persistent(args: tuple[Any, ...]) -> Record:
    meta = args[0] if args else None
    if not isinstance(meta, dict) or meta.get("type") != "class" or meta.get("version") != 6:
        raise BadCheckpoint(
            "A network written by a version of the NVIDIA code that is not known here.",
            hint="Version 6, which StyleGAN2-ADA and StyleGAN3 write, can be read.",
        )
    name = meta.get("class_name")
    return Record(name[:100] if isinstance(name, str) else "", state=meta.get("state"))


_Constructor = Callable[[tuple[Any, ...]], Any]
CONSTRUCTORS: dict[tuple[str, str], _Constructor] = {
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _persistent,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): lambda args: args[0],
    ("torch._utils", "_rebuild_parameter_with_state"): lambda args: args[0],
    ("torch", "Size"): lambda args: tuple(args[0]) if args and isinstance(args[0], list | tuple) else (),
    ("torch", "device"): lambda args: args[0][:40] if args and isinstance(args[0], str) else "cpu",
    ("collections", "OrderedDict"): _dict,
    ("dnnlib.util", "EasyDict"): _dict,
    ("dnnlib.tflib.network", "Network"): lambda args: Record("Network", args),
    ("argparse", "Namespace"): lambda args: Record("Namespace", args),
    ("builtins", "set"): lambda args: list(args[0]) if args and isinstance(args[0], list) else [],
    ("__builtin__", "set"): lambda args: list(args[0]) if args and isinstance(args[0], list) else [],
    ("numpy", "dtype"): lambda args: Record("numpy.dtype", args),
    ("numpy", "ndarray"): lambda args: Record("numpy.ndarray", args),
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy.core.multiarray", "_reconstruct"): lambda args: Record("numpy.ndarray"),
    ("numpy._core.multiarray", "_reconstruct"): lambda args: Record("numpy.ndarray"),
    ("numpy.core.numeric", "_frombuffer"): _array_from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _array_from_buffer,
    ("_codecs", "encode"): _encoded,
}


def storage_kind(name: Any) -> str:
    """The kind of numbers a storage class holds."""
    if not isinstance(name, Name) or name.name not in STORAGES:
        raise BadCheckpoint("A storage of an unknown type.", hint="This file is damaged.")
    return STORAGES[name.name]


def width_of(kind: str) -> int:
    """Bytes that one number takes."""
    return _WIDTHS[kind]
