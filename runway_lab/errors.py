"""What a person can meet, in words.

Every error says what happened and to what, and ends with what to do next. The traceback of a model's own
code travels beside the words (`details`), so that a page can show the words and keep the rest one click away.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

__all__ = [
    "BadFrame",
    "BadValue",
    "DamagedEntry",
    "DownloadFailed",
    "InferenceFailed",
    "LibraryFull",
    "ModelCrashed",
    "ModelFailed",
    "ModelStopped",
    "NotAgreed",
    "NotEnoughMemory",
    "Offline",
    "OutOfMemory",
    "RunwayLabError",
    "StartFailed",
    "TooManyModels",
    "Unknown",
    "shorten",
    "suggest",
]

BRACKETS: dict[Any, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    dict: ("{", "}"),
    set: ("{", "}"),
    frozenset: ("{", "}"),
}


class RunwayLabError(Exception):
    """Something went wrong that a person can understand and do something about.

    >>> print(RunwayLabError("The disk is full.", hint="Free some room and try again."))
    The disk is full. Free some room and try again.
    """

    def __init__(self, what: str, *, hint: str = "", details: str = "") -> None:
        self.what = what
        self.hint = hint
        self.details = details
        super().__init__(what)

    def __str__(self) -> str:
        return f"{self.what} {self.hint}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.__dict__.copy(), self.args)


def _rebuild(kind: type[RunwayLabError], state: dict[str, object], args: tuple[object, ...]) -> RunwayLabError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class BadValue(RunwayLabError, ValueError):
    """A value that a field cannot take: names the field, the value and what is allowed."""


class BadFrame(RunwayLabError, ValueError):
    """Bytes that are no message of ours: truncated, hostile or from another version."""


class Unknown(RunwayLabError, LookupError):
    """A model, command, field or setting by a name that nothing has."""


class ModelFailed(RunwayLabError):
    """The common ground of all that can go wrong with a running model.

    `log` holds the last lines the model wrote.
    """

    def __init__(self, what: str, *, hint: str = "", details: str = "", log: Sequence[str] = ()) -> None:
        super().__init__(what, hint=hint, details=details)
        self.log = list(log)

    def __str__(self) -> str:
        text = super().__str__()
        if self.log:
            text += "\nThe last lines of its log:\n" + "\n".join(f"  {line}" for line in self.log[-8:])
        return text


class StartFailed(ModelFailed):
    """The model's set-up raised, or its file could not be loaded."""


class InferenceFailed(ModelFailed):
    """The model raised while it worked; it is still running."""


class ModelCrashed(ModelFailed):
    """The model's process ended without being asked to."""


class OutOfMemory(ModelFailed):
    """The model needed more memory than there is."""


class ModelStopped(ModelFailed):
    """The model was stopped, so it cannot answer."""


class TooManyModels(RunwayLabError):
    """As many models run on this machine as are allowed at once."""


class NotEnoughMemory(RunwayLabError):
    """There is less free memory than the model says it needs."""


class DamagedEntry(RunwayLabError):
    """A file or folder of the library that cannot be read; it is set aside, never deleted."""


class LibraryFull(RunwayLabError):
    """The disk has no room for what was to be written; what was there is untouched."""


class DownloadFailed(RunwayLabError):
    """A download ended early or is not what it should be; what arrived is kept for the next try."""


class Offline(DownloadFailed):
    """The address could not be reached at all."""


class NotAgreed(DownloadFailed):
    """Nobody has agreed to the licence of what was to be downloaded, so nothing was asked for."""


def suggest(name: str, known: Iterable[str]) -> str:
    """A sentence that helps with a misspelt name.

    >>> suggest("imgae", ["image", "text"])
    "Did you mean 'image'?"
    >>> suggest("zzz", ["image", "text"])
    'There is: image, text.'
    """
    names = [str(each) for each in known]
    # What was given may come from anywhere, and comparing takes time with its length.
    wanted = name[:100] if isinstance(name, str) else shorten(name)
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if not names:
        return "There is nothing by any name yet."
    shown = ", ".join(names[:12])
    return f"There is: {shown}." if len(names) <= 12 else f"There is: {shown} and {len(names) - 12} more."


def shorten(value: Any, length: int = 80) -> str:
    """How a value is shown in an error: its type where that says more, never more than a line.

    Nothing that is large, deep or hostile is formatted whole only to be cut.

    >>> shorten("x" * 200, 20)
    "'xxxxxxxxxxxxxxxx..."
    >>> shorten([[1, 2], {"a": None}])
    "[[1, 2], {'a': None}]"
    """
    try:
        text = "".join(islice(_spelt(value, length + 1, 4), length + 1))
    except Exception:
        # An object that cannot even say what it is.
        text = f"a {type(value).__name__}"
    text = " ".join(text.split("\n"))
    return text if len(text) <= length else text[: length - 3] + "..."


def _spelt(value: Any, length: int, depth: int) -> Iterator[str]:
    """The text of a value, letter by letter, so that a reader can stop."""
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        yield from f"an array of shape {tuple(shape)} and type {value.dtype}" if tuple(shape) else str(value)[:length]
    elif isinstance(value, (bytes, bytearray, memoryview)):
        yield from f"{memoryview(value).nbytes} bytes"
    elif isinstance(value, str):
        yield from repr(value[:length])
    elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 4 * length:
        # Python refuses to write out what is longer than some thousand digits.
        yield from f"a whole number of about {int(value.bit_length() * 0.30103) + 1} digits"
    elif type(value) in BRACKETS and value:
        before, after = BRACKETS[type(value)]
        yield from before
        for index, each in enumerate(value):
            yield from ", " if index else ""
            if depth == 0:
                yield from "..."
                break
            yield from _spelt(each, length, depth - 1)
            if isinstance(value, dict):
                yield from ": "
                yield from _spelt(value[each], length, depth - 1)
        yield from ",)" if after == ")" and len(value) == 1 else after
    else:
        yield from repr(value)[:length]
