"""The StyleGANs that ship: something to explore, and to begin a training from, before a person has a checkpoint.

Each is a card of the catalog whose code is `runway_lab.models.stylegan` and whose weights lie beside it. No torch here.
"""

from __future__ import annotations

from pathlib import Path

from runway_lab import catalog, library

__all__ = ["ENTRY", "starters"]

ENTRY = "runway_lab.models.stylegan"


def starters() -> dict[str, Path]:
    """The checkpoint of each, by the id of its card.

    >>> "stylegan/faces" in starters()
    True
    """
    found = {}
    for card in catalog.all():
        if card.run.entry == ENTRY and card.files:
            path = next(iter(library.where(card).values()))
            if path.is_file():
                found[card.id] = path
    return found
