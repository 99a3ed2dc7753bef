"""Where the files of a card are: beside the card, or among the downloads.

A downloaded file lies in `downloads/<group>/<name>/`, in a folder named by the beginning of its SHA-256, so that new
weights of the same size are not taken for the old ones. What has its name there was complete and right when it got
it, so only its size is looked at from then on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from runway_lab.cards import CardFile, ModelCard
from runway_lab.library.places import place

__all__ = ["here", "missing", "target", "where"]

_DIGITS = 12


def missing(card: ModelCard) -> list[CardFile]:
    """The files of a card that are not on this machine yet."""
    return _missing(card, str(place("downloads"))) if card.files else []


def here(cards: Iterable[ModelCard]) -> set[str]:
    """The ids of those cards whose files are all on this machine."""
    downloads = str(place("downloads"))
    return {card.id for card in cards if not card.files or not _missing(card, downloads)}


def where(card: ModelCard) -> dict[str, Path]:
    """Where each file of a card is, or will be once it is downloaded."""
    found = {}
    for each in card.files:
        beside = card.path_of(each) if card.source is not None else None
        found[each.name] = beside if beside is not None and _there(beside, each) else target(card, each)
    return found


def target(card: ModelCard, file: CardFile) -> Path:
    """Where a download of a card's file belongs."""
    return place("downloads").joinpath(*card.id.split("/"), file.sha256[:_DIGITS], *file.name.split("/"))


def _missing(card: ModelCard, downloads: str) -> list[CardFile]:
    beside = str(card.source.parent) if card.source is not None else ""
    return [
        each
        for each in card.files
        if not (beside and _there(f"{beside}/{each.name}", each))
        and not (each.url and _there(f"{downloads}/{card.id}/{each.sha256[:_DIGITS]}/{each.name}", each))
    ]


def _there(path: str | Path, file: CardFile) -> bool:
    try:
        taken = os.stat(path).st_size
    except OSError:
        return False
    return taken == file.size if file.size else True
