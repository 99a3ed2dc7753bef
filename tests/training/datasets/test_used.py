"""A dataset is not taken away under an experiment that needs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.pictures import photos

from runway_lab.errors import RunwayLabError
from runway_lab.library.places import path
from runway_lab.training.datasets import Dataset
from runway_lab.training.datasets.used import needed_by
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.states import change


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    photos(tmp_path / "photos", 3)
    return Dataset.create("petals", tmp_path / "photos", size=16)


def experiment(name: str, dataset: Path, state: str) -> Folder:
    folder = Folder(path("experiments") / name)
    folder.root.mkdir(parents=True)
    Plan(name.title(), {"steps": 3}, {"name": dataset.name, "folder": str(dataset)}).write(folder)
    change(folder, state)
    return folder


def test_what_trains_waits_or_can_go_on_needs_it(data: Dataset) -> None:
    experiment("ended", data.folder, "finished")
    experiment("other", data.folder.with_name("tulips"), "queued")
    (path("experiments") / "broken").mkdir()
    (path("experiments") / "broken" / "experiment.json").write_text("{")
    assert needed_by(data.folder) == []
    for state in ("queued", "paused"):
        experiment(state, data.folder, state)
    assert needed_by(data.folder) == ["paused (paused)", "queued (queued)"]


def test_it_is_neither_deleted_nor_renamed_nor_replaced(data: Dataset, tmp_path: Path) -> None:
    bloom = experiment("bloom", data.folder, "queued")
    with pytest.raises(RunwayLabError, match=r"needed by bloom \(queued\)"):
        data.delete()
    with pytest.raises(RunwayLabError, match="cannot be renamed"):
        data.rename("blossoms")
    with pytest.raises(RunwayLabError, match="cannot be replaced.*choose another name"):
        Dataset.create("petals", tmp_path / "photos", size=32, replace=True)
    assert len(Dataset.open("petals").pictures) == 3
    change(bloom, "stopped")
    data.rename("blossoms")
    experiment("late", data.folder, "paused")
    data.delete(force=True)
    assert Dataset.all() == []
