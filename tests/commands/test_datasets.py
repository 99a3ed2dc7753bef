"""Datasets from the shell: looked through, made, listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.pictures import photos

from runway_lab.cli import main
from runway_lab.training.datasets import Dataset, Stopped
from runway_lab.training.datasets.judge import Judge
from runway_lab.training.datasets.look import Looked


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
    assert "petals: 12 pictures of 64x32, in " in capsys.readouterr().out
    assert Dataset.open("petals").card.licence == "CC0-1.0"
    assert main(["datasets", "list"]) == 0
    assert capsys.readouterr().out.split()[:4] == ["petals", "12", "of", "64x32"]
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
