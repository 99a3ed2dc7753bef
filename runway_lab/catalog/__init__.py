"""The directory of models: those that ship with the package and those in your library, found by a few letters.

In flow cards (`catalog/cards/*.toml` and the library); out go lists of cards, the best first. The index is built
once and follows the library: a model that another kernel adds is found at the next search.

>>> import runway_lab.catalog as catalog
>>> catalog.search(category="trasnform")
Traceback (most recent call last):
runway_lab.errors.BadValue: There is no category 'trasnform'. Did you mean 'transform'?
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runway_lab.catalog.directory import all, card, choices, search

__all__ = ["all", "card", "choices", "search"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"{__name__}.directory"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
