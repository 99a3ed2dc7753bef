"""A pickle read as data: a small machine that has nothing to run.

Python's own unpickler calls what a file names. This one knows the instructions of the format, a list of
names that may occur, and for each a constructor written here; there is no way from a file to any other
function. Any other name is refused with its name (`UnsafeCheckpoint`). What comes out are numbers, strings,
lists, dicts, `memoryview`s of the file itself, `TensorRef` and `Record` (an object as its name, arguments
and state).

A file can also do harm by being large or slow. So every instruction and every character is paid from a
budget that follows from the size of the file; keys are plain values, as nested tuples take exponential time
to hash; big data is never copied, only pointed at; and a tensor is checked against its storage before
anybody makes room for it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.stylegan.errors import BadCheckpoint, UnsafeCheckpoint

__all__ = ["Record", "Storage", "TensorRef", "Truncated", "Unpickler"]

_BASE_BUDGET = 40 * 2**20
_LONGEST_TEXT = 32 * 2**20
_FLOATS = {"Float": "f4", "Double": "f8", "Half": "f2", "BFloat16": "bf16"}
_INTS = {"Int": "i4", "Long": "i8", "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "b1", "Untyped": "u1"}
_STORAGES = {f"{name}Storage": kind for name, kind in (_FLOATS | _INTS).items()}
_WIDTHS = {"f4": 4, "f8": 8, "f2": 2, "bf16": 2, "i4": 4, "i8": 8, "i2": 2, "i1": 1, "u1": 1, "b1": 1}
_SCALARS = (str, int, float, bool, type(None))


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


@dataclass(eq=False)
class Storage:
    """The numbers behind tensors: a type and a piece of the file (filled in later where it comes later)."""

    kind: str
    count: int
    data: memoryview | None = None


@dataclass(eq=False)
class TensorRef:
    """A tensor that is still in the file: known to fit its storage, not yet read."""

    kind: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    storage: Storage

    def array(self) -> NDArray[Any]:
        """A read-only view; bfloat16 comes as float32."""
        storage, width = self.storage, _WIDTHS[self.kind]
        if storage.data is None or len(storage.data) < storage.count * width:
            raise BadCheckpoint("A tensor's numbers are missing from this file.", hint="Get the file again.")
        flat: NDArray[Any]
        if self.kind == "bf16":
            raw = np.frombuffer(storage.data, dtype="<u2", count=storage.count)
            flat = (raw.astype("<u4") << 16).view("<f4")
        else:
            flat = np.frombuffer(storage.data, dtype=np.dtype(self.kind).newbyteorder("<"), count=storage.count)
        size = flat.itemsize
        return np.lib.stride_tricks.as_strided(
            flat[self.offset :], self.shape, [s * size for s in self.strides], writeable=False
        )


@dataclass(eq=False)
class Record:
    """An object as data: what it is called, what it was made from, what its state is."""

    name: str
    args: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Name:
    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class _Mark:
    pass


_MARK = _Mark()


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


def _array_kind(dtype: Any) -> str:
    if not isinstance(dtype, Record) or dtype.name != "numpy.dtype" or not dtype.args:
        raise BadCheckpoint("An array of an unknown type.", hint="Only arrays of plain numbers can be read.")
    kind = str(dtype.args[0]).lstrip("<=|")
    state = dtype.state
    big = isinstance(state, tuple) and len(state) > 1 and state[1] == ">"
    if kind not in _WIDTHS or big:
        raise BadCheckpoint(
            f"An array of the type {str(dtype.args[0])[:20]!r}.",
            hint="Only little-endian numbers can be read.",
        )
    return kind


def _array(shape: Any, dtype: Any, data: Any, fortran: bool) -> TensorRef:
    kind, view = _array_kind(dtype), memoryview(data)
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
    return Record("numpy.ndarray", state=_array(shape, dtype, data, order == "F"))


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
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], _SCALARS):
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
    return Record(str(meta.get("class_name"))[:100], state=meta.get("state"))


_Constructor = Callable[[tuple[Any, ...]], Any]
_CONSTRUCTORS: dict[tuple[str, str], _Constructor] = {
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _persistent,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): lambda args: args[0],
    ("torch._utils", "_rebuild_parameter_with_state"): lambda args: args[0],
    ("torch", "Size"): lambda args: tuple(args[0]) if args and isinstance(args[0], list | tuple) else (),
    ("torch", "device"): lambda args: str(args[0])[:40] if args else "cpu",
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


class Unpickler:
    """Reads one pickle after another from `data`.

    >>> import pickle
    >>> Unpickler(memoryview(pickle.dumps({"a": [1, 2.5, "three"]}))).load()
    {'a': [1, 2.5, 'three']}
    >>> from posixpath import join
    >>> try:
    ...     Unpickler(memoryview(pickle.dumps(join))).load()
    ... except UnsafeCheckpoint as error:
    ...     print(error.what)
    This file asks for posixpath.join, which no checkpoint needs.
    """

    def __init__(
        self,
        data: memoryview,
        *,
        persistent: Callable[[Any], Any] | None = None,
        nested: Callable[[memoryview, Unpickler], Any] | None = None,
        budget: list[int] | None = None,
    ) -> None:
        self.data, self.at = data, 0
        self.budget = [_BASE_BUDGET + len(data)] if budget is None else budget
        self._persistent, self._nested = persistent, nested

    def load(self) -> Any:
        """The next pickle in `data`; afterwards `at` is behind it."""
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        while True:
            code = self._take(1)[0]
            self._pay(150)
            if code == 0x2E:  # STOP
                if len(self._stack) != 1 or self._stack[0] is _MARK:
                    raise BadCheckpoint(f"This file is damaged at byte {self.at}.", hint="Get it again.")
                return self._pop()
            step = _STEPS.get(code)
            if step is None:
                raise BadCheckpoint(
                    f"This file has the unknown instruction {code:#04x} at byte {self.at - 1}.",
                    hint="It is no checkpoint, or it is damaged.",
                )
            try:
                step(self)
            except (
                IndexError,
                KeyError,
                TypeError,
                ValueError,
                AttributeError,
                OverflowError,
                struct.error,
            ) as e:
                if isinstance(e, BadCheckpoint):
                    raise
                raise BadCheckpoint(
                    f"This file is damaged at byte {self.at}.", hint="Get it again.", details=repr(e)[:200]
                ) from None

    def _pay(self, cost: int) -> None:
        self.budget[0] -= cost
        if self.budget[0] < 0:
            raise BadCheckpoint(
                "This file unfolds into far more than a network of its size has.",
                hint="It is damaged or hostile; no trained network looks like this.",
            )

    def _take(self, count: int) -> memoryview:
        end = self.at + count
        if end > len(self.data):
            raise Truncated(len(self.data), end)
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def _unpack(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self, encoding: str = "utf-8") -> str:
        end = self.at
        while end < len(self.data) and self.data[end] != 0x0A:
            end += 1
            if end - self.at > 10_000:
                raise BadCheckpoint("This file has an endless line.", hint="It is no checkpoint.")
        self._pay(20 * (end - self.at))
        piece = bytes(self._take(end - self.at))
        self._take(1)
        return piece.decode(encoding, "replace")

    def _text(self, count: int) -> str:
        if count > _LONGEST_TEXT:
            raise BadCheckpoint("This file has a text of more than 32 MB.", hint="It is no checkpoint.")
        self._pay(count)
        return str(self._take(count), "utf-8", "surrogatepass")

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        return self._stack.pop()

    def _to_mark(self) -> list[Any]:
        at = len(self._stack) - 1
        while self._stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise ValueError("no mark")
        items = self._stack[at + 1 :]
        del self._stack[at:]
        self._pay(8 * len(items))
        return items

    def _remember(self, key: int) -> None:
        self._memo[key] = self._stack[-1]

    def _find(self, module: str, name: str) -> None:
        pair = (module, name)
        storage = module in ("torch", "torch.storage") and name in _STORAGES
        nested = pair == ("torch.storage", "_load_from_bytes") and self._nested is not None
        if not storage and not nested and pair not in _CONSTRUCTORS:
            shown = f"{module}.{name}"[:200]
            raise UnsafeCheckpoint(
                f"This file asks for {shown}, which no checkpoint needs.",
                refused=shown,
                hint="Nothing of it was run. Do not load it with other programs, and tell whoever gave it to you.",
            )
        self._push(_Name(module, name))

    def _call(self, name: Any, args: Any) -> Any:
        if not isinstance(name, _Name) or not isinstance(args, tuple):
            raise TypeError("not a known name")
        if name.name == "_load_from_bytes":
            assert self._nested is not None
            return self._nested(memoryview(args[0]), self)
        constructor = _CONSTRUCTORS[(name.module, name.name)]
        made = constructor(args)
        if isinstance(made, bytes | list | dict | tuple):
            self._pay(len(made) * (1 if isinstance(made, bytes) else 100))
        return made

    def _build(self) -> None:
        state, target = self._pop(), self._stack[-1]
        if isinstance(target, Record):
            if target.name == "numpy.ndarray" and isinstance(state, tuple):
                _, shape, dtype, fortran, data = state
                state = _array(shape, dtype, data, bool(fortran))
            target.state = state
        elif isinstance(target, dict) and isinstance(state, dict):
            self._pay(100 * len(state))
            target.update(state)
        elif not isinstance(target, TensorRef):
            raise TypeError("no object to give a state to")

    def _set_items(self, pairs: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Record):
            target = target.items
        if not isinstance(target, dict):
            raise TypeError("not a dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, _SCALARS):
                key = self._plain_key(key)
            target[key] = value
        self._pay(60 * len(pairs))

    @staticmethod
    def _plain_key(key: Any) -> Any:
        if isinstance(key, tuple) and all(isinstance(each, _SCALARS) for each in key):
            return key
        raise BadCheckpoint("A dictionary with keys that are no plain values.", hint="This file is hostile.")

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise TypeError("not a list")
        target.extend(items)

    def _number(self) -> None:
        text = self._line()
        if text in ("00", "01"):
            self._push(text == "01")
        else:
            self._push(int(text.rstrip("L")[:400]))

    def _quoted(self) -> None:
        text = self._line()
        if "\\" in text or len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"":
            raise ValueError("an escaped text")
        self._push(text[1:-1])

    def _long(self, count: int) -> None:
        if count > 64:
            raise BadCheckpoint("This file has a number with more than 150 digits.", hint="It is no checkpoint.")
        self._push(int.from_bytes(self._take(count), "little", signed=True))

    def _id(self, value: Any) -> None:
        if self._persistent is None:
            raise BadCheckpoint("This file refers to objects outside of it.", hint="It is no checkpoint.")
        self._push(self._persistent(value))

    def _instance(self) -> None:
        args, name = self._pop(), self._pop()
        self._push(self._call(name, args))

    def _instance_ex(self) -> None:
        kwargs = self._pop()
        if kwargs:
            raise ValueError("keyword arguments")
        self._instance()

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError("a name that is no text")
        self._find(module, name)

    def _tuple(self, count: int) -> None:
        items = tuple(self._stack[len(self._stack) - count :])
        if len(items) != count or _MARK in items:
            raise ValueError("too few items")
        del self._stack[len(self._stack) - count :]
        self._push(items)

    def _duplicate(self) -> None:
        self._push(self._stack[-1])

    def _pairs_to_dict(self) -> None:
        pairs = self._to_mark()
        self._push({})
        self._set_items(pairs)

    def _set_pair(self) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def _append_one(self) -> None:
        item = self._pop()
        self._append([item])


def _steps() -> dict[int, Callable[[Unpickler], Any]]:
    """What each instruction does. The letters are those of the pickle format."""
    u = Unpickler
    named: dict[bytes, Callable[[Unpickler], Any]] = {
        b"\x80": lambda m: m._take(1),  # PROTO
        b"\x95": lambda m: m._take(8),  # FRAME
        b"(": lambda m: m._push(_MARK),
        b"0": u._pop,
        b"1": u._to_mark,
        b"2": u._duplicate,
        b"N": lambda m: m._push(None),
        b"\x88": lambda m: m._push(True),
        b"\x89": lambda m: m._push(False),
        b"I": u._number,
        b"L": u._number,
        b"F": lambda m: m._push(float(m._line())),
        b"J": lambda m: m._push(m._unpack("<i")),
        b"K": lambda m: m._push(m._unpack("<B")),
        b"M": lambda m: m._push(m._unpack("<H")),
        b"G": lambda m: m._push(m._unpack(">d")),
        b"\x8a": lambda m: m._long(m._unpack("<B")),
        b"\x8b": lambda m: m._long(m._unpack("<I")),
        b"S": u._quoted,
        b"V": lambda m: m._push(m._line("raw-unicode-escape")),
        b"T": lambda m: m._push(m._take(m._unpack("<I"))),
        b"U": lambda m: m._push(m._text(m._unpack("<B"))),
        b"X": lambda m: m._push(m._text(m._unpack("<I"))),
        b"\x8c": lambda m: m._push(m._text(m._unpack("<B"))),
        b"\x8d": lambda m: m._push(m._text(m._unpack("<Q"))),
        b"B": lambda m: m._push(m._take(m._unpack("<I"))),
        b"C": lambda m: m._push(m._take(m._unpack("<B"))),
        b"\x8e": lambda m: m._push(m._take(m._unpack("<Q"))),
        b"\x96": lambda m: m._push(m._take(m._unpack("<Q"))),
        b"]": lambda m: m._push([]),
        b"a": u._append_one,
        b"e": lambda m: m._append(m._to_mark()),
        b"l": lambda m: m._push(m._to_mark()),
        b")": lambda m: m._push(()),
        b"t": lambda m: m._push(tuple(m._to_mark())),
        b"\x85": lambda m: m._tuple(1),
        b"\x86": lambda m: m._tuple(2),
        b"\x87": lambda m: m._tuple(3),
        b"}": lambda m: m._push({}),
        b"d": u._pairs_to_dict,
        b"s": u._set_pair,
        b"u": lambda m: m._set_items(m._to_mark()),
        b"\x8f": lambda m: m._push([]),  # EMPTY_SET: nobody here needs more than a list
        b"\x90": lambda m: m._append(m._to_mark()),
        b"\x91": lambda m: m._push(m._to_mark()),
        b"g": lambda m: m._push(m._memo[int(m._line())]),
        b"h": lambda m: m._push(m._memo[m._unpack("<B")]),
        b"j": lambda m: m._push(m._memo[m._unpack("<I")]),
        b"p": lambda m: m._remember(int(m._line())),
        b"q": lambda m: m._remember(m._unpack("<B")),
        b"r": lambda m: m._remember(m._unpack("<I")),
        b"\x94": lambda m: m._remember(len(m._memo)),
        b"c": lambda m: m._find(m._line(), m._line()),
        b"\x93": u._stack_global,
        b"R": u._instance,
        b"\x81": u._instance,
        b"\x92": u._instance_ex,
        b"b": u._build,
        b"P": lambda m: m._id(m._line()),
        b"Q": lambda m: m._id(m._pop()),
    }
    return {letter[0]: step for letter, step in named.items()}


_STEPS = _steps()


def storage_kind(name: Any) -> str:
    """The kind of numbers a storage class holds."""
    if not isinstance(name, _Name) or name.name not in _STORAGES:
        raise BadCheckpoint("A storage of an unknown type.", hint="This file is damaged.")
    return _STORAGES[name.name]


def width_of(kind: str) -> int:
    """Bytes that one number takes."""
    return _WIDTHS[kind]
