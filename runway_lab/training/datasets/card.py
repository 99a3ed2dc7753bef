"""The card of a dataset: what the pictures are, whose they are, and what they may be used for.

A TOML file, `card.toml`, that a person may edit. It goes into the card of every model that is trained on the
pictures, so that nobody has to ask afterwards.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from runway_lab.errors import BadValue, DamagedEntry, shorten
from runway_lab.library.atomic import write_text
from runway_lab.toml import dumps

__all__ = ["CARD_FILE", "DatasetCard"]

CARD_FILE = "card.toml"
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class DatasetCard:
    """What a dataset is, in a person's words.

    `source` says where the pictures come from, `licence` what may be done with them, `consent` whether those who are on
    them, or who made them, agreed.
    """

    title: str
    source: str = ""
    licence: str = ""
    consent: str = ""
    note: str = ""
    created: date | None = None

    def __post_init__(self) -> None:
        for name, value in self.words.items():
            if not isinstance(value, str) or len(value) > 20_000:
                raise BadValue(f"The card of a dataset has {name} = {shorten(value)}.", hint="Allowed: text.")
        if self.created is not None and type(self.created) is not date:
            raise BadValue(f"The card of a dataset has created = {shorten(self.created)}.", hint="Allowed: a date.")

    @property
    def words(self) -> dict[str, str]:
        """Everything but the date."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "created"}

    @property
    def summary(self) -> str:
        """One paragraph for the card of a model: what it learned from."""
        parts = [self.title, self.source and f"from {self.source}", self.licence and f"licence: {self.licence}"]
        parts.append(self.consent and f"consent: {self.consent}")
        return "; ".join(part for part in parts if part) + "."

    def saying(self, words: Mapping[str, str]) -> DatasetCard:
        """The same card with some other words."""
        return DatasetCard(**{**self.words, **words}, created=self.created)

    def write(self, folder: Path) -> None:
        """Writes `card.toml` into a folder."""
        write_text(folder / CARD_FILE, dumps({name: value for name, value in asdict(self).items() if value}))

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> DatasetCard:
        """The card in a folder."""
        path = Path(folder) / CARD_FILE
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise DamagedEntry(
                f"The card {path} cannot be read: {error.strerror}.", hint="Look whether it is there."
            ) from error
        try:
            if len(data) > MOST_BYTES:
                raise ValueError("it is larger than 1 MB")
            table: Mapping[str, Any] = tomllib.loads(data.decode("utf-8-sig"))
            known = {each.name for each in fields(cls)}
            return cls(
                **{"title": Path(folder).name, **{name: value for name, value in table.items() if name in known}}
            )
        except (ValueError, TypeError, RecursionError) as error:
            raise DamagedEntry(f"The card {path} is damaged: {error}.", hint="Mend it; it is plain text.") from error
