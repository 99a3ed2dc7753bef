"""A pickle read as data: a small machine that has nothing to run.

Python's own unpickler calls what a file names. This one knows the instructions of the format, a list of
names that may occur, and for each a constructor written here; there is no way from a file to any other
function. Any other name is refused with its name (`UnsafeCheckpoint`). What comes out are numbers, strings,
lists, dicts, `memoryview`s of the file itself, `TensorRef` and `Record` (an object as its name, arguments
and state).

A file can also do harm by being large or slow. So every instruction and every character is paid from a
budget that follows from the size of the file; keys are plain values, as nested tuples take exponential time
to hash, and few of them are numbers, as a file could choose thousands that all hash to the same; big data is
never copied, only pointed at; and a tensor is checked against its storage before anybody makes room for it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from runway_lab.stylegan.errors import BadCheckpoint, UnsafeCheckpoint
from runway_lab.stylegan.records import (
    CONSTRUCTORS,
    SCALARS,
    STORAGES,
    Name,
    Record,
    TensorRef,
    Truncated,
    array_from_state,
)

__all__ = ["Unpickler"]

_BASE_BUDGET = 40 * 2**20
_LONGEST_TEXT = 32 * 2**20
_MOST_ODD_KEYS = 2000


class _Mark:
    pass


_MARK = _Mark()


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
        # By text, whose hash a file cannot foresee; that of a number it can choose.
        self._memo: dict[str, Any] = {}
        self._odd_keys = 0
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
        self._memo[str(key)] = self._stack[-1]

    def _recall(self, key: int) -> None:
        self._push(self._memo[str(key)])

    def _find(self, module: str, name: str) -> None:
        pair = (module, name)
        storage = module in ("torch", "torch.storage") and name in STORAGES
        nested = pair == ("torch.storage", "_load_from_bytes") and self._nested is not None
        if not storage and not nested and pair not in CONSTRUCTORS:
            shown = f"{module}.{name}"[:200]
            raise UnsafeCheckpoint(
                f"This file asks for {shown}, which no checkpoint needs.",
                refused=shown,
                hint="Nothing of it was run. Do not load it with other programs, and tell whoever gave it to you.",
            )
        self._push(Name(module, name))

    def _call(self, name: Any, args: Any) -> Any:
        if not isinstance(name, Name) or not isinstance(args, tuple):
            raise TypeError("not a known name")
        if name.name == "_load_from_bytes":
            assert self._nested is not None
            return self._nested(memoryview(args[0]), self)
        constructor = CONSTRUCTORS[(name.module, name.name)]
        made = constructor(args)
        if isinstance(made, bytes | list | dict | tuple):
            self._pay(len(made) * (1 if isinstance(made, bytes) else 100))
        if isinstance(made, dict):
            self._allow(made)
        return made

    def _allow(self, keys: Iterable[Any]) -> None:
        """Refuses more keys that are no words than a checkpoint has: finding one's place among them may take long."""
        self._odd_keys += sum(type(key) is not str for key in keys)
        if self._odd_keys > _MOST_ODD_KEYS:
            raise BadCheckpoint(
                "The dictionaries of this file have thousands of keys that are no words.",
                hint="No StyleGAN checkpoint looks like this.",
            )

    def _build(self) -> None:
        state, target = self._pop(), self._stack[-1]
        if isinstance(target, Record):
            if target.name == "numpy.ndarray" and isinstance(state, tuple):
                _, shape, dtype, fortran, data = state
                state = array_from_state(shape, dtype, data, bool(fortran))
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
        self._pay(60 * len(pairs))
        self._allow(pairs[::2])
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, SCALARS):
                key = self._plain_key(key)
            target[key] = value

    @staticmethod
    def _plain_key(key: Any) -> Any:
        # A long one would be hashed anew with every use, for nothing a checkpoint needs.
        if isinstance(key, tuple) and len(key) <= 8 and all(isinstance(each, SCALARS) for each in key):
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

    def _named_instance(self) -> None:
        self._find(self._line(), self._line())
        name = self._pop()
        self._push(self._call(name, tuple(self._to_mark())))

    def _marked_instance(self) -> None:
        name, *args = self._to_mark()
        self._push(self._call(name, tuple(args)))

    def _extension(self, number: int) -> None:
        raise UnsafeCheckpoint(
            f"This file asks for the registered function number {number}, which no checkpoint needs.",
            refused=f"extension {number}",
            hint="Nothing of it was run. Do not load it with other programs, and tell whoever gave it to you.",
        )

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
        b"g": lambda m: m._recall(int(m._line())),
        b"h": lambda m: m._recall(m._unpack("<B")),
        b"j": lambda m: m._recall(m._unpack("<I")),
        b"p": lambda m: m._remember(int(m._line())),
        b"q": lambda m: m._remember(m._unpack("<B")),
        b"r": lambda m: m._remember(m._unpack("<I")),
        b"\x94": lambda m: m._remember(len(m._memo)),
        b"c": lambda m: m._find(m._line(), m._line()),
        b"\x93": u._stack_global,
        b"i": u._named_instance,
        b"o": u._marked_instance,
        b"\x82": lambda m: m._extension(m._unpack("<B")),
        b"\x83": lambda m: m._extension(m._unpack("<H")),
        b"\x84": lambda m: m._extension(m._unpack("<i")),
        b"R": u._instance,
        b"\x81": u._instance,
        b"\x92": u._instance_ex,
        b"b": u._build,
        b"P": lambda m: m._id(m._line()),
        b"Q": lambda m: m._id(m._pop()),
    }
    return {letter[0]: step for letter, step in named.items()}


_STEPS = _steps()
