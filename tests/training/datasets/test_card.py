"""The card of a dataset: words of people, kept as they are."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from runway_lab.errors import BadValue, DamagedEntry
from runway_lab.training.datasets import DatasetCard


def test_what_is_written_is_read(tmp_path: Path) -> None:
    card = DatasetCard('Petals "red"', "my\ngarden", "CC-BY-4.0", "only flowers", "ünïcode", date(2024, 5, 1))
    card.write(tmp_path)
    assert DatasetCard.read(tmp_path) == card


def test_a_person_may_write_one(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text('\ufefflicence = "CC0-1.0"\nmood = "blue"\n', encoding="utf-8")
    assert DatasetCard.read(tmp_path) == DatasetCard(tmp_path.name, licence="CC0-1.0")


@pytest.mark.parametrize(
    "text", ["title = ", "title = 3", "created = 'now'", "\x00", "title = '" + "x" * 30_000 + "'", "x" * 2_000_000]
)
def test_a_damaged_one_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "card.toml").write_text(text)
    with pytest.raises(DamagedEntry, match="damaged"):
        DatasetCard.read(tmp_path)


def test_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DamagedEntry, match="cannot be read"):
        DatasetCard.read(tmp_path)


def test_words_are_words() -> None:
    with pytest.raises(BadValue, match="licence"):
        DatasetCard("a", licence=3)  # type: ignore[arg-type]


def test_the_summary_carries_what_matters_to_a_model() -> None:
    assert DatasetCard("Petals", "my garden", "CC0-1.0", "none needed").summary == (
        "Petals; from my garden; licence: CC0-1.0; consent: none needed."
    )
    assert DatasetCard("Petals").summary == "Petals."
