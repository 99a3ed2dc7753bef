"""What others share is listed, only read, and never code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runway_lab import catalog, library
from runway_lab.cards import ModelCard, Publisher, Run
from runway_lab.errors import BadValue
from runway_lab.library import entries, shared
from runway_lab.library.places import place


@pytest.fixture(autouse=True)
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "library"))
    monkeypatch.setenv("RUNWAY_LAB_SHARED", str(tmp_path / "drive"))
    return tmp_path / "drive"


def made(tmp_path: Path, id: str = "yours/petals", **given: Any) -> Path:
    folder = tmp_path / "made" / id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.bin").write_bytes(b"numbers")
    card = {"id": id, "title": "Petals", "category": "generate", "run": Run("runway_lab.models.stylegan"), **given}
    ModelCard(**card).write(folder)
    return folder


def test_what_is_shared_is_in_everybody_s_catalog(tmp_path: Path, drive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = library.share_model(made(tmp_path), by="Ada")
    assert card.id == "shared/petals"
    assert (drive / "models" / "petals" / "weights.bin").read_bytes() == b"numbers"
    # Somebody else, with a library of their own.
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "another"))
    assert [each.id for each in library.shared_models()] == ["shared/petals"]
    assert catalog.card("shared/petals").publishers == (Publisher("Ada"),)
    assert "shared/petals" in [each.id for each in catalog.search("petals")]
    assert "shared/petals" not in [each.id for each in library.models()]
    with pytest.raises(BadValue, match="already, by Ada"):
        library.share_model(made(tmp_path), by="Eve")
    assert library.share_model(made(tmp_path), by="Eve", replace=True).publishers == (Publisher("Eve"),)
    assert catalog.card("shared/petals").publishers == (Publisher("Eve"),)


def test_without_the_setting_nothing_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library.share_model(made(tmp_path))
    assert "shared/petals" in [each.id for each in catalog.all()]
    monkeypatch.delenv("RUNWAY_LAB_SHARED")
    assert shared.snapshot() == ()
    assert "shared/petals" not in [each.id for each in catalog.all()]
    with pytest.raises(BadValue, match="RUNWAY_LAB_SHARED"):
        library.share_model(made(tmp_path))


def test_code_is_neither_shared_nor_listed(tmp_path: Path, drive: Path) -> None:
    folder = made(tmp_path, "yours/trap", run=Run("model.py"))
    (folder / "model.py").write_text("")
    with pytest.raises(BadValue, match="code of its own"):
        library.share_model(folder)
    (drive / "models").mkdir(parents=True)
    folder.rename(drive / "models" / "trap")
    assert library.shared_models() == []
    assert any("code of its own" in problem.why for problem in library.problems())


def test_what_is_damaged_there_is_told_of_and_left_alone(
    tmp_path: Path, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "QUIET_SECONDS", -1.0)
    library.share_model(made(tmp_path))
    broken, half = drive / "models" / "broken", drive / "models" / ".petals.1.tmp"
    for each in (broken, half):
        each.mkdir()
    (broken / "card.toml").write_text("title =")
    assert [each.id for each in shared.snapshot(now=True)] == ["shared/petals"]
    assert [problem.what for problem in library.problems()] == ["shared/broken"]
    assert broken.is_dir()
    assert half.is_dir()


def test_a_shared_model_cannot_pass_itself_off_as_another(tmp_path: Path, drive: Path) -> None:
    library.share_model(made(tmp_path))
    card = drive / "models" / "petals" / "card.toml"
    card.write_text(card.read_text().replace("shared/petals", "upscale/x2"))
    assert [each.id for each in shared.snapshot(now=True)] == ["shared/petals"]
    assert place("shared") == drive / "models"
