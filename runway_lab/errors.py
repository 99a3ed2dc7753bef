"""What a person can meet, in words.

Every error says what happened and to what, and ends with what to do next. The traceback of a model's own
code travels beside the words (`details`), so that a page can show the words and keep the rest one click away.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "BadFrame",
    "BadValue",
    "Cancelled",
    "DamagedEntry",
    "DownloadFailed",
    "InferenceFailed",
    "LibraryFull",
    "ModelCrashed",
    "ModelFailed",
    "ModelStopped",
    "NotEnoughMemory",
    "Offline",
    "OutOfMemory",
    "RunwayLabError",
    "StartFailed",
    "TooManyModels",
    "Unknown",
    "suggest",
]


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


def _rebuild(
    kind: type[RunwayLabError], state: dict[str, object], args: tuple[object, ...]
) -> RunwayLabError:
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


class OutOfMemory(ModelCrashed):
    """The model needed more memory than there is."""


class ModelStopped(ModelFailed):
    """The model was stopped, so it cannot answer."""


class Cancelled(ModelFailed):
    """The query was cancelled before it was answered."""


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


def suggest(name: str, known: Iterable[str]) -> str:
    """A sentence that helps with a misspelt name.

    >>> suggest("imgae", ["image", "text"])
    "Did you mean 'image'?"
    >>> suggest("zzz", ["image", "text"])
    'There is: image, text.'
    """
    names = [str(each) for each in known]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if not names:
        return "There is nothing by any name yet."
    shown = ", ".join(names[:12])
    return f"There is: {shown}." if len(names) <= 12 else f"There is: {shown} and {len(names) - 12} more."
