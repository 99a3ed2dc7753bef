"""Datasets from the shell: looked through, made, listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.pictures import photos

from runway_lab.cli import main
from runway_lab.library.places import path
from runway_lab.training.datasets import Dataset, Stopped
from runway_lab.training.datasets.judge import Judge
from runway_lab.training.datasets.look import Looked
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.states import change


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos(tmp_path / "photos", 6)
    (tmp_path / "photos" / "bad.jpg").write_bytes(b"x")
    return tmp_path / "photos"


def test_the_group_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets"]) == 0
    assert "runway-lab datasets create petals photos/" in capsys.readouterr().out


def test_check_tells_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "check", str(folder), "--size", "32"]) == 0
    said = capsys.readouterr().out
    assert "photos/: 7 files, 6 pictures for a dataset of 32x32." in said
    assert "Unreadable: 1 file, left out." in said
    assert Dataset.all() == []


def test_create_and_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["datasets", "create", "petals", str(folder), "--size", "32x64", "--mirror", "--crop", "none"]
    arguments += ["--title", "My petals", "--licence", "CC0-1.0", "--channels", "gray", "--decide", "wrong_ratio=fix"]
    assert main(arguments) == 0
    assert "petals: 12 pictures of 32x64 (height x width), in " in capsys.readouterr().out
    assert Dataset.open("petals").card.licence == "CC0-1.0"
    assert main(["datasets", "list"]) == 0
    assert capsys.readouterr().out.split()[:4] == ["petals", "12", "of", "32x64"]
    assert main(["datasets", "list", "--json"]) == 0
    (about,) = json.loads(capsys.readouterr().out)
    assert (about["name"], about["pictures"], about["channels"]) == ("petals", 12, 1)


def test_an_empty_library_and_half_a_dataset_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "list"]) == 0
    assert "There is no dataset yet" in capsys.readouterr().out
    with pytest.raises(Stopped):
        Dataset.create("petals", folder, size=32, stop=lambda: True)
    assert main(["datasets", "list"]) == 0
    assert "petals  half prepared: the command that began it goes on with it" in capsys.readouterr().out


def test_what_is_half_prepared_can_be_dropped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Stopped):
        Dataset.create("petals", folder, size=32, stop=lambda: True)
    assert main(["datasets", "discard", "petal"]) == 2
    assert "Did you mean 'petals'" in capsys.readouterr().err
    assert main(["datasets", "discard", "petals"]) == 0
    assert Dataset.unfinished() == []


def test_nothing_to_use_is_told_and_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["datasets", "check", str(tmp_path / "empty")]) == 1
    said = capsys.readouterr().out
    assert "There is no picture in it." in said
    assert "Nothing to complain" not in said
    (tmp_path / "notes.txt").write_text("Water the petals.")
    assert main(["datasets", "check", str(tmp_path / "notes.txt")]) == 1
    assert "There is no picture in it." in capsys.readouterr().out


def test_check_counts_copies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "check", str(folder), "--size", "32x64", "--mirror"]) == 0
    assert "6 pictures (12 with their copies) for a dataset of 32x64 (height x width)." in capsys.readouterr().out


def test_the_same_again_says_that_it_is_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["datasets", "create", "petals", str(folder), "--size", "32"]
    assert main(arguments) == 0
    assert "Unreadable" in capsys.readouterr().out
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("petals is there already, made of these pictures in this way: 6 pictures")
    assert main([*arguments[:-1], "64"]) == 2
    assert "in a shell --replace" in capsys.readouterr().err


def test_show(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Dataset.create("petals", folder, size=(32, 64), licence="CC0-1.0")
    assert main(["datasets", "show", "petals"]) == 0
    said = capsys.readouterr().out
    for words in ("6 pictures of 32x64 (height x width)", "photos/", "CC0-1.0", "Unreadable: 1 file, left out."):
        assert words in said
    assert main(["datasets", "show", "petals", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["name"], about["licence"], about["made_of"], about["needed_by"]) == (
        "petals", "CC0-1.0", "photos/", [],
    )  # fmt: skip


def test_delete_asks_and_is_refused_while_something_trains(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = Dataset.create("petals", folder, size=32)
    assert main(["datasets", "delete", "petals"]) == 1
    assert "Nothing was deleted" in capsys.readouterr().out
    experiment = Folder(path("experiments") / "bloom")
    experiment.root.mkdir(parents=True)
    Plan("Bloom", {"steps": 3}, {"name": "petals", "folder": str(data.folder)}).write(experiment)
    change(experiment, "paused")
    assert main(["datasets", "delete", "petals", "--yes"]) == 2
    said = capsys.readouterr().err
    assert "bloom (paused)" in said
    assert "--force" in said
    assert main(["datasets", "delete", "petals", "--yes", "--force"]) == 0
    assert Dataset.all() == []
    assert len(list(folder.iterdir())) == 7


def test_ctrl_c_says_that_nothing_is_lost(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = []
    real = Judge.hear

    def interrupt(judge: Judge, seen: Looked) -> bool:
        heard.append(seen.name)
        if len(heard) == 4:
            raise KeyboardInterrupt
        return real(judge, seen)

    monkeypatch.setattr(Judge, "hear", interrupt)
    assert main(["datasets", "create", "petals", str(folder), "--size", "32"]) == 130
    assert "The same command goes on" in capsys.readouterr().err
    assert main(["datasets", "create", "petals", str(folder), "--size", "32"]) == 0
    assert len(Dataset.open("petals")) == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "big"], "--size 256"),
        (["--decide", "gray"], "--decide gray=skip"),
        (["--decide", "grey=skip"], "Did you mean 'gray'"),
        (["--crop", "left"], "Allowed: 'center'"),
    ],
)
def test_mistakes_are_told(folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "check", str(folder), *arguments]) == 2
    assert words in capsys.readouterr().err
