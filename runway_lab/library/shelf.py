"""The person's own models: a folder each, `models/<group>/<name>`, with a card in it.

The folder's place gives the model its id, so that a folder which was copied or renamed in a file manager is a
model of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import replace as changed
from pathlib import Path

from runway_lab.cards import ModelCard
from runway_lab.cards.card import CARD_FILE
from runway_lab.errors import BadValue, DamagedEntry, Unknown, suggest
from runway_lab.library.atomic import discard, in_words, new_folder, temporary, writer_of
from runway_lab.library.entries import Entries, problems
from runway_lab.library.locks import FileLock
from runway_lab.library.places import lock_path, place

__all__ = [
    "add_model",
    "as_id",
    "copy",
    "delete_model",
    "model",
    "models",
    "must_be_whole",
    "problems",
    "rename_model",
    "snapshot",
]

_NOT_COPIED = {".git", "__pycache__", ".ipynb_checkpoints", ".DS_Store"}


def _read(entry: Path) -> ModelCard:
    card = ModelCard.read(entry / CARD_FILE)
    parts = entry.relative_to(place("models")).parts
    # A folder that was put beside the groups belongs to the group its card names.
    group = parts[0] if len(parts) == 2 else card.id.split("/")[0]
    there = f"{as_id(group)}/{as_id(parts[-1])}"
    return card if card.id == there else changed(card, id=there)


def as_id(name: str) -> str:
    """A folder's name as part of an id: "Cats copy (2)" becomes "cats-copy-2"."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower())[:60].strip("-._") or "model"


_models = Entries("models", CARD_FILE, _read, depth=2)


def snapshot(now: bool = False) -> tuple[ModelCard, ...]:
    """The cards of the library; the very same tuple until something changed. `now` looks in any case."""
    if now:
        _models.look_again()
    return _models.all()


def changed_here() -> bool:
    """Whether this kernel added or deleted a model since the last look at the library."""
    return _models.changed_here


def models() -> list[ModelCard]:
    """The cards of your own models, by id."""
    return sorted(snapshot(), key=lambda card: card.id)


def model(id: str) -> ModelCard:
    """The card of one of your own models."""
    for card in snapshot(now=True):
        if card.id == id:
            return card
    for problem in _models.problems():
        if problem.what == f"models/{id}":
            raise DamagedEntry(f"The model {id!r} cannot be read. {problem.why}", hint=f"Mend {problem.where}.")
    raise Unknown(f"The library has no model {id!r}.", hint=suggest(id, (card.id for card in models())))


def add_model(folder: str | os.PathLike[str], *, id: str | None = None, replace: bool = False) -> ModelCard:
    """Copies a folder with a `card.toml` into the library; it is there whole or not at all.

    `id` gives it another name than the card says; `replace` takes the place of a model by the same name.
    """
    card = ModelCard.read(Path(folder) / CARD_FILE)
    if id is not None:
        card = changed(card, id=id)
    must_be_whole(card)
    target = place("models").joinpath(*card.id.split("/"))
    if not replace and any(each.id == card.id for each in snapshot(now=True)):
        raise BadValue(
            f"The library has a model {card.id!r} already.",
            hint="Give another name with id=..., or take its place with replace=True.",
        )
    with new_folder(target, replace=replace) as draft:
        copy(card.folder, draft, card.folder.resolve())
        changed(card, source=None).write(draft)
    _models.look_again()
    return _read(target)


def rename_model(id: str, title: str) -> ModelCard:
    """Gives one of your models another title, and the id that goes with it in the same group."""
    card = model(id)
    name = f"{id.split('/')[0]}/{as_id(title)}"
    if name != id:
        if any(each.id == name for each in snapshot(now=True)):
            raise BadValue(f"The library has a model {name!r} already.", hint="Choose another title.")
        target = place("models").joinpath(*name.split("/"))
        with in_words(card.folder, "renamed"):
            card.folder.rename(target)
    else:
        target = card.folder
    changed(ModelCard.read(target / CARD_FILE), id=name, title=title, source=None).write(target)
    _models.look_again()
    return _read(target)


def delete_model(id: str) -> None:
    """Deletes one of your models, and the weights that were downloaded for it.

    For a model that ships with the package these are its downloads alone.
    """
    downloads = place("downloads").joinpath(*id.split("/")) if re.fullmatch(r"[^/.][^/]*/[^/.][^/]*", id) else None
    entries = [card.folder for card in snapshot(now=True) if card.id == id][:1]
    if downloads is not None and downloads.is_dir():
        lock = FileLock(lock_path(f"download-{id}"), note=f"deleting {id}", timeout=0)
        with lock:
            _remove(downloads)
            lock.release(remove=True)
    elif not entries:
        raise Unknown(f"The library has no model {id!r}.", hint=suggest(id, (card.id for card in models())))
    for entry in entries:
        _remove(entry)
    _models.look_again()


def _remove(entry: Path) -> None:
    """Takes it away in one step; clearing up may take a while or be interrupted, nobody sees that."""
    gone = temporary(entry, "gone")
    # Another kernel may have deleted it in this moment.
    with in_words(entry, "deleted"), contextlib.suppress(FileNotFoundError):
        entry.rename(gone)
    discard(gone)
    with contextlib.suppress(OSError):
        entry.parent.rmdir()


def must_be_whole(card: ModelCard) -> None:
    """All that the card names lies in its folder."""
    needed = [each.name for each in card.files if not each.url] + [each.file for each in card.gallery]
    if not card.run.is_module:
        needed.append(card.run.entry)
    for name in needed:
        if not card.path_of(name).is_file():
            raise BadValue(
                f"The card {card.source} names the file {name!r}, which is not in its folder.",
                hint="Put the file there, or take it out of the card.",
            )


def copy(source: Path, target: Path, root: Path) -> None:
    """Copies what lies in a folder; a link is followed only to where it stays inside."""
    for child in sorted(source.iterdir()):
        if child.name in _NOT_COPIED or writer_of(child.name) is not None:
            continue
        if not child.resolve().is_relative_to(root):
            raise BadValue(f"{child} is a link that leads out of the model's folder.", hint="Copy the file there.")
        if child.is_dir():
            if child.is_symlink():
                raise BadValue(f"{child} is a link to a folder.", hint="Put the folder itself there.")
            (target / child.name).mkdir()
            copy(child, target / child.name, root)
        elif child.is_file():
            shutil.copy2(child, target / child.name)
