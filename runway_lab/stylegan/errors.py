"""What can be wrong with a checkpoint, in words."""

from __future__ import annotations

from runway_lab.errors import RunwayLabError

__all__ = ["BadCheckpoint", "Incompatible", "UnsafeCheckpoint"]


class BadCheckpoint(RunwayLabError, ValueError):
    """A file that is no checkpoint this package can read: truncated, foreign or inconsistent."""


class UnsafeCheckpoint(BadCheckpoint):
    """A file that asks for code to be run while it is read; `refused` is what it asked for."""

    def __init__(self, what: str, *, refused: str, hint: str = "", details: str = "") -> None:
        super().__init__(what, hint=hint, details=details)
        self.refused = refused


class Incompatible(RunwayLabError, ValueError):
    """Two networks, or a network and a vector, that do not fit together."""
