"""What a measure of quality is called, says and wants, for people and for charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Measure"]


@dataclass(frozen=True)
class Measure:
    """A number about samples: its name in rows of metrics, its title, one sentence, and which way is better."""

    name: str
    title: str
    about: str
    better: Literal["lower", "higher"]
