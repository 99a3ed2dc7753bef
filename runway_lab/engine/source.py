"""What `rl.run` was asked to run, and where its code is.

A model is one of four things: a command written in this kernel (shipped to its process by value), a Python file, a
folder with a `model.py` (and perhaps a `card.toml`), or the id of a card.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runway_lab.errors import StartFailed, Unknown, suggest
from runway_lab.fields import Buffer
from runway_lab.sdk import Definition, definition_of

if TYPE_CHECKING:
    from runway_lab.cards import ModelCard

__all__ = ["Source", "find"]


@dataclass(frozen=True)
class Source:
    """The code of one model, and what is known of it before it runs."""

    name: str
    code: dict[str, Any]
    """For the worker: {"module": ...}, {"file": ...} or {"value": ...}, and where the card's files are."""

    buffers: list[Buffer] = field(default_factory=list)
    definition: Definition | None = None
    card: ModelCard | None = None
    memory_mb: float = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options a card gives, for those a person does not choose."""


def find(model: Any) -> Source:
    """The source of a model, by whatever it was named."""
    if isinstance(model, Definition) or (callable(model) and not isinstance(model, (str, os.PathLike))):
        return _by_value(definition_of(model))
    if hasattr(model, "run") and hasattr(model, "id"):
        return _of_card(model)
    if isinstance(model, (str, os.PathLike)):
        path = Path(model).expanduser()
        if path.suffix == ".py" and path.is_file():
            return Source(path.stem, {"file": str(path.absolute()), "folder": str(path.absolute().parent)})
        if path.is_dir():
            return _in_folder(path.absolute())
        return _by_id(str(model))
    raise Unknown(
        f"{model!r} is no model.", hint="Give the id of a card, a folder, a .py file, or a function with @command."
    )


def _by_value(definition: Definition) -> Source:
    """A model that only this kernel knows, as bytes for a process on this machine."""
    import cloudpickle

    if not definition.commands:
        raise Unknown("This model has no command.", hint="Put @command(inputs=..., outputs=...) above a function.")
    try:
        # Its fields in their order: the object itself leads back to itself through its functions.
        data = cloudpickle.dumps(tuple(getattr(definition, each.name) for each in fields(definition)))
    except Exception as error:
        raise StartFailed(
            f"{definition.name} uses something that cannot be carried to its own process: {error}.",
            hint="Make it inside the @setup function instead of outside.",
        ) from error
    return Source(definition.name, {"value": 0, "source": _source_lines(definition)}, [data], definition)


def _source_lines(definition: Definition) -> dict[str, str]:
    """The text of the cells the model was written in, so that its tracebacks can show them."""
    import linecache

    functions = [*definition.functions.values(), *([definition.setup] if definition.setup else [])]
    names = {each.__code__.co_filename for each in functions if hasattr(each, "__code__")}
    return {name: "".join(linecache.getlines(name)) for name in names if not Path(name).exists()}


def _in_folder(folder: Path) -> Source:
    from runway_lab.cards import ModelCard

    if (folder / "card.toml").is_file():
        return _of_card(ModelCard.read(folder / "card.toml"))
    if (folder / "model.py").is_file():
        return Source(folder.name, {"file": str(folder / "model.py"), "folder": str(folder)})
    raise Unknown(f"The folder {folder} holds no model.", hint="A model is a model.py, with or without a card.toml.")


def _by_id(id: str) -> Source:
    from runway_lab import catalog

    try:
        return _of_card(catalog.card(id))
    except Unknown as error:
        if "/" not in id or "\\" in id or id.endswith(".py"):
            known = [each.id for each in catalog.all()]
            raise Unknown(f"There is no model {id!r}, and no such file or folder.", hint=suggest(id, known)) from error
        raise


def _of_card(card: ModelCard) -> Source:
    """The source that a card names; its files must be here."""
    from runway_lab import library

    if absent := library.missing(card):
        raise StartFailed(
            f"{card.id} needs {absent[0].name!r}, which is not on this machine yet.",
            hint=f"Get it with `runway-lab models get {card.id}` (its licence is shown first).",
        )
    code: dict[str, Any] = {
        "files": {name: str(path) for name, path in library.where(card).items()},
        "folder": str(card.folder),
    }
    if card.run.is_module:
        code["module"] = card.run.entry
    else:
        code["file"] = str(card.path_of(card.run.entry))
    return Source(card.id, code, card=card, memory_mb=card.characteristics.memory_mb, options=card.run.options)
