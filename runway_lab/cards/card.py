"""The card of a model: everything its overview page says, and where its code is.

A card is a TOML file, `card.toml` in a model's folder. It may come from a stranger, so it is data and nothing
else: every value is checked, text is plain text or Markdown and never HTML, a link is an http(s) address, and
no path leaves the card's folder. `entry` names where the code is: a Python file in the card's folder or a module of
this package (of `OPEN_MODULES`, for cards that don't ship with it). Nothing here imports or runs it.

A mistake in a card is answered with the file, the key, the value and what is allowed there.
"""

from __future__ import annotations

import contextlib
import os
import tomllib
import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from runway_lab.cards.rules import (
    CATEGORIES,
    MODULE,
    OPEN_MODULES,
    Check,
    are_options,
    are_type_names,
    is_address,
    is_category,
    is_file_name,
    is_id,
    is_inside,
    is_kind,
    is_not_negative,
    is_said,
    is_sha256,
    is_spdx,
)
from runway_lab.errors import BadValue, suggest
from runway_lab.toml import dumps

__all__ = [
    "Attribution",
    "CardFile",
    "Characteristics",
    "Licence",
    "Link",
    "ModelCard",
    "Picture",
    "Publisher",
    "Run",
    "Version",
]

CARD_FILE = "card.toml"
MAX_CARD_BYTES = 1 << 20

_PACKAGE = Path(__file__).resolve().parents[1]


def _checked(check: Check, **default: Any) -> Any:
    return field(metadata={"check": check}, **default)


@dataclass(frozen=True)
class Licence:
    """What the law of the model is: the SPDX id, the text, and in plain words what it forbids and allows."""

    id: str = _checked(is_spdx, default="")
    link: str = _checked(is_address, default="")
    note: str = ""


@dataclass(frozen=True)
class Publisher:
    """Who put the model here."""

    name: str = _checked(is_said)
    link: str = _checked(is_address, default="")


@dataclass(frozen=True)
class Attribution:
    """Whose work it is, and what their part was."""

    name: str = _checked(is_said)
    role: str = ""
    link: str = _checked(is_address, default="")


@dataclass(frozen=True)
class Picture:
    """A picture of the gallery, a file in the card's folder."""

    file: str = _checked(is_inside)
    caption: str = ""


@dataclass(frozen=True)
class Link:
    """Where to read on: the code, the paper, or more."""

    kind: str = _checked(is_kind)
    url: str = _checked(lambda value: is_address(value or "nothing"))
    title: str = ""


@dataclass(frozen=True)
class Version:
    """A state of the model that had a name."""

    name: str = _checked(is_said)
    date: date | None = None
    note: str = ""
    default: bool = False


@dataclass(frozen=True)
class CardFile:
    """A file the model needs: one in the card's folder or, with a `url`, one to download."""

    name: str = _checked(is_file_name)
    url: str = _checked(is_address, default="")
    size: int = _checked(is_not_negative, default=0)
    sha256: str = _checked(is_sha256, default="")
    note: str = ""


@dataclass(frozen=True)
class Characteristics:
    """The small print of the overview page. A `memory_mb` of zero means that nobody has measured it."""

    published: date | None = None
    updated: date | None = None
    inputs: tuple[str, ...] = _checked(are_type_names, default=())
    outputs: tuple[str, ...] = _checked(are_type_names, default=())
    download_mb: float = _checked(is_not_negative, default=0)
    memory_mb: int = _checked(is_not_negative, default=0)
    cpu: bool = True
    gpu: bool = True


@dataclass(frozen=True)
class Run:
    """Where the code is, and the options it starts with."""

    entry: str = _checked(is_said, default="model.py")
    options: dict[str, Any] = field(default_factory=dict, hash=False, metadata={"check": are_options})

    @property
    def is_module(self) -> bool:
        """Whether the code is a module of this package and not a file in the card's folder."""
        return not self.entry.endswith(".py")


@dataclass(frozen=True)
class ModelCard:
    """A model, as the directory shows it.

    >>> card = ModelCard(id="studies/red", title="Red", category="transform", keywords=("colour",))
    >>> card.characteristics.cpu
    True
    >>> ModelCard(id="Red", title="Red", category="transform")
    Traceback (most recent call last):
    runway_lab.errors.BadValue: The card 'Red' has id = 'Red'. Allowed is group/name in small letters, ...
    """

    id: str = _checked(is_id)
    title: str = _checked(is_said)
    category: str = _checked(is_category)
    tagline: str = ""
    keywords: tuple[str, ...] = ()
    overview: str = ""
    learned_from: str = ""
    limits: str = ""
    performance: str = ""
    licence: Licence = Licence()
    characteristics: Characteristics = Characteristics()
    run: Run = field(default_factory=Run)
    publishers: tuple[Publisher, ...] = ()
    attributions: tuple[Attribution, ...] = ()
    links: tuple[Link, ...] = ()
    gallery: tuple[Picture, ...] = ()
    versions: tuple[Version, ...] = ()
    files: tuple[CardFile, ...] = ()
    source: Path | None = field(default=None, repr=False, compare=False)
    """The file it was read from."""

    _not_written: ClassVar[tuple[str, ...]] = ("source",)

    def __post_init__(self) -> None:
        where = f"The card {self.source}" if self.source else f"The card {self.id!r}"
        for key, value, allowed in _mistakes(self, ""):
            hint = f"Allowed is {allowed}."
            if key == "category" and isinstance(value, str):
                hint = f"{suggest(value, CATEGORIES)} {hint}"
            raise BadValue(f"{where} has {key} = {_short(value)}.", hint=hint)
        for key, value, allowed in self._contradictions():
            raise BadValue(f"{where} has {key} = {_short(value)}.", hint=f"Allowed is {allowed}.")

    @property
    def folder(self) -> Path:
        """The folder the card lies in."""
        if self.source is None:
            raise BadValue(f"The card {self.id!r} lies in no folder yet.", hint="Write it with card.write(path) first.")
        return self.source.parent

    def _repr_html_(self) -> str:
        from runway_lab.cards.shown import page

        return page(self)

    @property
    def version(self) -> Version | None:
        """The version that runs: the one marked as the default, else the last."""
        marked = [each for each in self.versions if each.default] or self.versions[-1:]
        return marked[0] if marked else None

    def path_of(self, file: str | CardFile | Picture) -> Path:
        """Where a file of the card's folder lies; a name or a link that leads out of the folder is refused."""
        name = file if isinstance(file, str) else file.name if isinstance(file, CardFile) else file.file
        folder = self.folder
        path = folder.joinpath(*PurePosixPath(name).parts)
        if is_inside(name) or not path.resolve().is_relative_to(folder.resolve()):
            raise BadValue(
                f"The card {self.source} names the file {name!r}, which is not inside the card's folder.",
                hint="Put the file there and name it from there, like pictures/one.jpg.",
            )
        return path

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ModelCard:
        """The card in a file, or in the file `card.toml` of a folder."""
        source = Path(path)
        if source.is_dir():
            source = source / CARD_FILE
        source = source.absolute()
        try:
            with source.open("rb") as file:
                data = file.read(MAX_CARD_BYTES + 1)
        except OSError as error:
            raise BadValue(
                f"The card {source} cannot be read: {error.strerror or error}.", hint="Look whether it is there."
            ) from error
        if len(data) > MAX_CARD_BYTES:
            raise BadValue(
                f"The card {source} is larger than {MAX_CARD_BYTES >> 20} MB.",
                hint="A card holds text only; put pictures and weights beside it.",
            )
        try:
            table = tomllib.loads(data.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise BadValue(f"The card {source} is not valid TOML: {error}.", hint="Mend that place.") from error
        return typing.cast(ModelCard, _build(cls, table, f"The card {source}", "", source=source))

    def write(self, path: str | os.PathLike[str]) -> ModelCard:
        """Writes the card to a file, or as `card.toml` into a folder; returns it as it lies there."""
        target = Path(path)
        if target.is_dir():
            target = target / CARD_FILE
        target = target.absolute()
        written = ModelCard(**{**{each.name: getattr(self, each.name) for each in fields(self)}, "source": target})
        draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with draft.open("w", encoding="utf-8", newline="\n") as file:
                file.write(written.toml())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except OSError as error:
            raise BadValue(
                f"The card {target} cannot be written: {error.strerror or error}.",
                hint="Look whether its folder exists, may be written to and has room.",
            ) from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()
        return written

    def toml(self) -> str:
        """The card as the text of its file; what is at its default is left out."""
        return dumps(_table(self))

    def _contradictions(self) -> Iterator[tuple[str, object, str]]:
        """What is fine on its own but not together."""
        shipped = self.source is None or self.source.resolve().is_relative_to(_PACKAGE)
        if self.run.is_module and not (MODULE.fullmatch(self.run.entry) if shipped else self.run.entry in OPEN_MODULES):
            modules = "a module of runway_lab.models" if shipped else " or ".join(OPEN_MODULES)
            yield "run.entry", self.run.entry, f"a Python file in the card's folder, like model.py, or {modules}"
        if self.run.is_module and not shipped and "file" in self.run.options:  # any path or address would be opened
            yield "run.options.file", self.run.options["file"], "a file of the card, named under [[files]]"
        if not self.run.is_module and (allowed := is_inside(self.run.entry)):
            yield "run.entry", self.run.entry, allowed
        names = [each.name.casefold() for each in self.files]
        for position, each in enumerate(self.files):
            if each.name.casefold() in names[:position]:
                yield f"files[{position}].name", each.name, "each name once"
            if each.url and not (each.sha256 and each.size):
                missing = "sha256" if each.size else "size"
                yield f"files[{position}].{missing}", getattr(each, missing), "what the download is checked by"
        if sum(each.default for each in self.versions) > 1:
            yield "versions", "several defaults", "one default at most"


_NO_DATE = "a date without quotation marks, like 2021-05-01"
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "a table"}


_known_types: dict[Any, dict[str, Any]] = {}


def _types(kind: Any) -> dict[str, Any]:
    if kind not in _known_types:
        _known_types[kind] = typing.get_type_hints(kind)
    return _known_types[kind]


def _mistakes(part: Any, path: str) -> Iterator[tuple[str, object, str]]:
    """Every value of a card that is not what its field takes: its key, itself, what is allowed."""
    for each in fields(part):
        if each.name == "source":
            continue
        value, kind, key = getattr(part, each.name), _types(type(part))[each.name], path + each.name
        allowed = _fits(value, kind)
        if not allowed and "check" in each.metadata:
            allowed = each.metadata["check"](value)
        if allowed:
            yield key, value, allowed
        elif is_dataclass(kind):
            yield from _mistakes(value, f"{key}.")
        elif isinstance(value, tuple):
            for position, item in enumerate(value):
                if is_dataclass(item):
                    yield from _mistakes(item, f"{key}[{position}].")


def _fits(value: object, kind: Any) -> str:
    """What is allowed where a value is not of the kind its field has; an empty text where it is."""
    origin = typing.get_origin(kind)
    if origin is types.UnionType:
        return "" if value is None or type(value) is date else _NO_DATE
    if origin is tuple:
        item = typing.get_args(kind)[0]
        if isinstance(value, tuple) and all(type(each) is item for each in value):
            return ""
        return "a list of tables" if is_dataclass(item) else f"a list of {_WORDS[item]}"
    if origin is dict:
        return "" if type(value) is dict else "a table"
    if kind is float and type(value) is int:
        return ""
    return "" if type(value) is kind else _WORDS.get(kind, "a table")


def _build(kind: type[Any], table: Any, where: str, path: str, **more: Any) -> Any:
    """A dataclass from a table: the shape is looked at here, the values when the whole card is there."""
    if not isinstance(table, dict):
        raise BadValue(f"{where} has {path.rstrip('.')} = {_short(table)}.", hint="Allowed is a table.")
    known = {each.name: each for each in fields(kind) if each.name != "source"}
    values = {}
    for key, value in table.items():
        if key not in known:
            raise BadValue(f"{where} has the key {path + key!r}, which no card has.", hint=suggest(key, known))
        wanted = _types(kind)[key]
        item = (typing.get_args(wanted) or (None,))[0]
        if is_dataclass(wanted):
            value = _build(typing.cast(type, wanted), value, where, f"{path}{key}.")
        elif typing.get_origin(wanted) is tuple and isinstance(value, list):
            rows = value
            if is_dataclass(item):
                row = typing.cast(type, item)
                rows = [_build(row, each, where, f"{path}{key}[{at}].") for at, each in enumerate(value)]
            value = tuple(rows)
        values[key] = value
    for name, each in known.items():
        if name not in values and each.default is MISSING and each.default_factory is MISSING:
            raise BadValue(f"{where} lacks {path + name!r}.", hint=f'Add a line like: {name} = "..."')
    return kind(**values, **more)


def _table(part: Any) -> dict[str, Any]:
    table = {}
    for each in fields(part):
        value = getattr(part, each.name)
        default = each.default if each.default_factory is MISSING else each.default_factory()
        if each.name == "source" or (value == default and type(value) is type(default)):
            continue
        if is_dataclass(value):
            value = _table(value)
        elif isinstance(value, tuple):
            value = [_table(item) if is_dataclass(item) else item for item in value]
        table[each.name] = value
    return table


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
