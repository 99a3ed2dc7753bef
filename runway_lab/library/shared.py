"""Models that several people share: a folder they can all reach, such as a class's network drive.

The setting `shared` names it; there is none by default. In it lies each model in `models/<name>`, with a card that says
who put it there; here its id is `shared/<name>`. It is listed beside one's own and only read: what is damaged there is
told of and left where it is.

What others put there is data, never code: a model with a Python file of its own is not listed. Whoever trusts it copies
its folder into their own library.
"""

from __future__ import annotations

import getpass
import os
from contextlib import suppress
from dataclasses import replace as changed
from pathlib import Path

from runway_lab.cards import ModelCard, Publisher
from runway_lab.cards.card import CARD_FILE
from runway_lab.errors import BadValue
from runway_lab.library.atomic import new_folder
from runway_lab.library.entries import Entries
from runway_lab.library.places import place
from runway_lab.library.shelf import as_id, copy, must_be_whole
from runway_lab.settings import home, settings

__all__ = ["GROUP", "share_model", "shared_models", "snapshot"]

GROUP = "shared"


def _read(entry: Path) -> ModelCard:
    card = ModelCard.read(entry / CARD_FILE)
    if not card.run.is_module:
        raise BadValue(
            f"{card.title!r} has code of its own, {card.run.entry}, which is not run from a shared folder.",
            hint="Copy its folder into your library, if you trust it.",
        )
    return changed(card, id=f"{GROUP}/{as_id(entry.name)}")


_models = Entries(GROUP, CARD_FILE, _read, read_only=True)


def snapshot(now: bool = False) -> tuple[ModelCard, ...]:
    """The cards of the shared folder; the very same tuple until something changed. `now` looks in any case."""
    if not settings().shared:
        return ()
    if now:
        _models.look_again()
    return _models.all()


def shared_models() -> list[ModelCard]:
    """The cards of what is shared, by id."""
    return sorted(snapshot(), key=lambda card: card.id)


def share_model(folder: str | os.PathLike[str], *, by: str = "", replace: bool = False) -> ModelCard:
    """Copies a folder with a `card.toml` to where everybody finds it; `by` says who shares it, else your login does.

    `replace` takes the place of a model by the same name.
    """
    if not settings().shared:
        raise BadValue(
            "There is no shared folder on this machine.",
            hint=f'Name one that everybody can reach: shared = "/a/folder" in {home() / "settings.toml"}, '
            "or RUNWAY_LAB_SHARED.",
        )
    card = ModelCard.read(Path(folder) / CARD_FILE)
    must_be_whole(card)
    if not card.run.is_module:
        raise BadValue(f"{card.title!r} has code of its own.", hint="Share what needs none; hand this on as a folder.")
    name = as_id(card.id.split("/")[-1])
    target = place(GROUP) / name
    if not replace and target.exists():
        raise BadValue(
            f"There is a shared model {name!r} already{_whose(target)}.",
            hint="Give another name, or take its place with replace=True.",
        )
    said = changed(card, id=f"{GROUP}/{name}", publishers=(Publisher(by or _login()),), source=None)
    with new_folder(target, replace=replace) as draft:
        copy(card.folder, draft, card.folder.resolve())
        said.write(draft)
    _models.look_again()
    return _read(target)


def _whose(target: Path) -> str:
    with suppress(Exception):
        return f", by {', '.join(each.name for each in ModelCard.read(target / CARD_FILE).publishers)}"
    return ""


def _login() -> str:
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return "somebody"
