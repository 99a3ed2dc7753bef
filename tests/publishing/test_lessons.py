"""Lessons are kept up to date, and nothing that a person changed is ever lost."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from runway_lab.errors import RunwayLabError
from runway_lab.publishing.lessons import lay_out, lessons_folder
from runway_lab.settings import home


def notebook(*sources: str, count: int | None = None) -> str:
    cells = [
        {"cell_type": "code", "execution_count": count, "metadata": {}, "outputs": [], "source": [source]}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "pictures").mkdir(parents=True)
    (folder / "tour.ipynb").write_text(notebook("first"))
    (folder / "latent.ipynb").write_text(notebook("walk"))
    (folder / "pictures/petal.png").write_bytes(b"petal")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints/tour-checkpoint.ipynb").write_text("left by an editor")
    return folder


def test_the_lessons_that_ship_come_to_the_library_folder() -> None:
    laid = lay_out()
    assert laid.folder == home() / "notebooks"
    assert laid.tour.read_bytes() == (lessons_folder() / "tour.ipynb").read_bytes()
    assert not lay_out().copied


def test_everything_is_copied_once_and_checkpoints_never(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    laid = lay_out(mine, source=source)
    assert laid.copied == ["latent.ipynb", "pictures/petal.png", "tour.ipynb"]
    assert (mine / "pictures/petal.png").read_bytes() == b"petal"
    assert not (mine / ".ipynb_checkpoints").exists()
    assert lay_out(mine, source=source).told() == []


def test_an_unchanged_lesson_is_refreshed(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    lay_out(mine, source=source, version="0.1.0")
    (source / "tour.ipynb").write_text(notebook("second"))
    laid = lay_out(mine, source=source, version="0.2.0")
    assert laid.refreshed == ["tour.ipynb"]
    assert "second" in laid.tour.read_text()


def test_a_lesson_that_was_only_run_counts_as_unchanged(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    lay_out(mine, source=source, version="0.1.0")
    (mine / "tour.ipynb").write_text(notebook("first", count=7))
    (source / "tour.ipynb").write_text(notebook("second"))
    assert lay_out(mine, source=source, version="0.2.0").refreshed == ["tour.ipynb"]


def test_a_changed_lesson_stays_and_the_newer_one_comes_beside_it_once(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    lay_out(mine, source=source, version="0.1.0")
    (mine / "tour.ipynb").write_text(notebook("first", "my own idea"))
    assert lay_out(mine, source=source, version="0.1.0").told() == []

    (source / "tour.ipynb").write_text(notebook("second"))
    laid = lay_out(mine, source=source, version="0.2.0")
    assert laid.beside == {"tour.ipynb": "tour-0.2.0.ipynb"}
    assert "tour-0.2.0.ipynb" in " ".join(laid.told())
    assert "my own idea" in (mine / "tour.ipynb").read_text()
    assert "second" in (mine / "tour-0.2.0.ipynb").read_text()

    (mine / "tour-0.2.0.ipynb").unlink()
    assert lay_out(mine, source=source, version="0.2.0").told() == []
    assert not (mine / "tour-0.2.0.ipynb").exists()


def test_the_copy_beside_is_the_persons_too(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    lay_out(mine, source=source, version="0.1.0")
    (mine / "tour.ipynb").write_text(notebook("mine"))
    (mine / "tour-0.2.0.ipynb").write_text(notebook("also mine"))
    (source / "tour.ipynb").write_text(notebook("second"))
    lay_out(mine, source=source, version="0.2.0")
    assert "also mine" in (mine / "tour-0.2.0.ipynb").read_text()


def test_a_file_of_the_same_name_that_we_never_gave_is_not_touched(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "tour.ipynb").write_text(notebook("my tour of Lisbon"))
    laid = lay_out(mine, source=source, version="0.1.0")
    assert "Lisbon" in laid.tour.read_text()
    assert laid.beside == {"tour.ipynb": "tour-0.1.0.ipynb"}


def test_a_lost_record_loses_no_work(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    lay_out(mine, source=source, version="0.1.0")
    (mine / "tour.ipynb").write_text(notebook("mine"))
    for damage in ("", "[]", '{"tour.ipynb": 3}', "\x00"):
        (mine / ".lessons.json").write_text(damage)
        lay_out(mine, source=source, version="0.1.0")
        assert "mine" in (mine / "tour.ipynb").read_text()


def test_a_deleted_lesson_stays_away_but_the_tour_comes_back(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    lay_out(mine, source=source)
    (mine / "latent.ipynb").unlink()
    (mine / "tour.ipynb").unlink()
    assert lay_out(mine, source=source).copied == ["tour.ipynb"]
    assert not (mine / "latent.ipynb").exists()


def test_an_older_version_leaves_newer_lessons_alone(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    lay_out(mine, source=source, version="0.10.0")
    (source / "tour.ipynb").write_text(notebook("old words"))
    laid = lay_out(mine, source=source, version="0.9.0")
    assert laid.told() == []
    assert "first" in laid.tour.read_text()


def test_a_folder_that_is_a_file_is_told_in_words(source: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(RunwayLabError, match=r"is a file, not a folder.*--folder"):
        lay_out(tmp_path / "taken", source=source)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of folders mean something else on Windows")
def test_a_folder_that_cannot_be_written_is_told_in_words(source: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    # The superuser may write everywhere, except where the system itself says no.
    target = locked / "lessons" if os.geteuid() else Path("/proc/lessons")
    with pytest.raises(RunwayLabError, match=r"cannot be written.*--folder"):
        lay_out(target, source=source)
