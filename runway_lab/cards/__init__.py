"""The card of a model: what its page says, checked as the data of a stranger, and how a notebook shows it.

In flows a TOML file, out go a `ModelCard` and its HTML. Nothing here runs a model or knows where the library is.
"""

from __future__ import annotations

from runway_lab.cards.card import (
    Attribution,
    CardFile,
    Characteristics,
    Licence,
    Link,
    ModelCard,
    Picture,
    Publisher,
    Run,
    Version,
)
from runway_lab.cards.rules import CATEGORIES
from runway_lab.cards.shown import Cards

__all__ = [
    "CATEGORIES",
    "Attribution",
    "CardFile",
    "Cards",
    "Characteristics",
    "Licence",
    "Link",
    "ModelCard",
    "Picture",
    "Publisher",
    "Run",
    "Version",
]
