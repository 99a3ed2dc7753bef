"""The state *preparing*: a dataset is made first, in the background too."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from support.cells import wait_for, wait_until_gone
from support.experiments import SMALL, dots, kill, supervisors, told, until

from runway_lab.training.datasets import Dataset
from runway_lab.training.experiments.beginning import begin
from runway_lab.training.experiments.experiment import Experiment


def photos(folder: Path, count: int = 6) -> Path:
    folder.mkdir()
    for number in range(count):
        Image.effect_noise((64, 64 + number), 80).convert("RGB").save(folder / f"{number}.png")
    return folder


def started(source: Path, **options: object) -> Experiment:
    return begin("Photos", source, settings={**SMALL, "steps": 5}, prepare={"size": 16, **options})


def test_a_folder_becomes_a_dataset_and_is_trained_on(tmp_path: Path) -> None:
    run = started(photos(tmp_path / "photos"), licence="CC0-1.0")
    assert run.state == "preparing"
    until(run, "finished", seconds=60)
    assert len(Dataset.open("photos")) == 6
    assert run.plan.dataset["licence"] == "CC0-1.0"
    told = [entry.what for entry in run.diary]
    assert [each.partition(":")[0] for each in (told[0], *told[2:4])] == ["Preparing", "Queued", "Training."]
    assert told[1].startswith("6 pictures are used. That is few")


def test_what_code_draws_is_drawn_and_trained_on() -> None:
    run = begin("Flowers", "flowers", settings={**SMALL, "steps": 5}, prepare={"size": 16, "count": 8})
    until(run, "finished", seconds=60)
    assert run.plan.dataset["licence"] == "CC0-1.0"
    assert (run.plan.dataset["count"], run.plan.dataset["width"]) == (8, 16)


def test_other_pictures_of_the_same_name_are_not_in_the_way(tmp_path: Path) -> None:
    dots("photos")
    run = started(photos(tmp_path / "photos"))
    until(run, "finished", seconds=60)
    assert run.plan.dataset["name"] == "photos-2"


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "empty" / name).write_bytes(b"no picture, whatever it is called")
    run = started(tmp_path / "empty")
    until(run, "failed", seconds=30)
    assert "picture" in run.why
    assert not wait_until_gone()


def test_an_interrupted_preparing_goes_on_when_it_is_resumed(tmp_path: Path) -> None:
    run = started(photos(tmp_path / "photos", 60))
    kill(supervisors()[0])
    wait_until_gone()
    assert run.state == "paused", told(run)
    assert run.status.interrupted
    run.resume()
    until(run, "finished", seconds=120)
    assert len(Dataset.open("photos")) == 60


def test_a_preparing_that_is_stopped_ends(tmp_path: Path) -> None:
    run = started(photos(tmp_path / "photos", 60))
    run.stop()
    assert run.state == "stopped", told(run)
    assert not wait_until_gone()


def test_drawing_says_how_far_it_is_and_hears_a_wish_to_pause() -> None:
    run = begin("Flowers", "flowers", settings={**SMALL, "steps": 5}, prepare={"size": 16, "count": 200_000})
    assert wait_for(lambda: "of 200,000 pictures are drawn" in run.why, 60), told(run)
    run.pause()
    assert run.state == "paused", told(run)
    assert not wait_until_gone()
    assert [each.name for each in Dataset.all()] == []
