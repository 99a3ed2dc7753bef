"""One thing that `runway-lab doctor` found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "State"]

State = Literal["works", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """A topic, how it stands with it, and what to do about it if anything."""

    topic: str
    state: State
    words: str
    advice: str = ""
