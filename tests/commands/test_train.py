"""`runway-lab train` and `runway-lab experiments`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from support.cells import wait_until_gone
from support.experiments import at_rest, dots, end_all, environment_for_tests, until, until_step

import runway_lab as rl
from runway_lab import catalog
from runway_lab.cli import main
from runway_lab.commands import train
from runway_lab.training.experiments.devices import devices

FEW = ["--set", "sampled=5", "--set", "samples=4", "--set", "kept=2", "--threads", "1"]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name, value in environment_for_tests().items():
        monkeypatch.setenv(name, value)
    devices.cache_clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "LINE_SECONDS", 0)
    yield
    wait_until_gone()
    left = end_all()
    assert not left, f"left behind: {left}"


def photos(folder: Path) -> Path:
    folder.mkdir()
    for number in range(6):
        Image.effect_noise((40, 40 + number), 80).convert("RGB").save(folder / f"{number}.png")
    return folder


def test_a_folder_is_trained_on_with_lines_that_say_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    photos(tmp_path / "spring_photos")
    assert main(["train", "spring_photos/", "--steps", "60", "--size", "16", *FEW]) == 0
    said = capsys.readouterr().out
    assert "Spring photos: step" in said
    assert "left" in said
    assert "Spring photos is finished at step 60." in said
    run = rl.experiments["spring-photos"]
    assert run.plan.dataset["height"] == 16
    assert len(run.checkpoints) == 2


def test_in_the_background_it_returns_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    dots()
    assert main(["train", "dots", "--title", "Petals", "--steps", "30", "--background", *FEW]) == 0
    assert "runway-lab experiments follow petals" in capsys.readouterr().out
    assert main(["experiments", "follow", "petals"]) == 0
    assert rl.experiments["petals"].state == "finished"


def test_a_failed_training_is_an_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    dots()
    monkeypatch.setenv("PLAIN_FAULT", "words@3")
    assert main(["train", "dots", "--steps", "30", *FEW]) == 1
    assert "Dots is failed" in capsys.readouterr().out


def test_ctrl_c_leaves_it_in_the_background_where_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    dots()
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    process = subprocess.Popen(
        [sys.executable, "-m", "runway_lab", "train", "dots", "--title", "Petals", "--steps", "300", *FEW],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
        start_new_session=True,
        # A shell that runs the tests in the background has it ignored, and children take that over.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    while "step 1" not in process.stdout.readline():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    said = process.stdout.read()
    process.stdout.close()
    assert process.wait(10) == 0
    assert "It goes on in the background" in said
    run = rl.experiments["petals"]
    assert run.state == "training"
    run.stop()


@pytest.mark.parametrize(("answer", "state"), [("s", "stopped"), ("b", "training"), ("w", "finished")])
def test_ctrl_c_asks(answer: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from runway_lab.engine import training

    dots()
    monkeypatch.setenv("PLAIN_STEP", "0.02" if answer != "w" else "0.001")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    real, pressed = training.follow, []

    def follow(experiment, *says):
        if not pressed:
            until_step(experiment, 1)
            pressed.append(1)
            raise KeyboardInterrupt
        real(experiment, *says)

    monkeypatch.setattr(training, "follow", follow)
    assert main(["train", "dots", "--steps", "200", *FEW]) == 0
    run = rl.experiments["dots"]
    assert run.state == state
    run.stop()


def test_another_answer_than_those_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Run:
        id = "petals"

    answers = ["x", "", "w"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: answers.pop(0))
    assert train._asked(Run()) is False  # type: ignore[arg-type]
    assert answers == []


def test_what_was_to_be_saved_is_saved_though_nobody_waits(capsys: pytest.CaptureFixture[str]) -> None:
    dots()
    words = ["train", "dots", "--title", "Petals", "--steps", "30", *FEW]
    assert main([*words, "--save", "Of mine", "--background"]) == 0
    assert "When it ends it is saved to your models, as 'Of mine'" in capsys.readouterr().out
    at_rest(rl.experiments["petals"])
    assert catalog.card("yours/of-mine").title == "Of mine"
    assert main([*words, "--save", "of mine"]) == 2
    assert "has a model 'yours/of-mine' already" in capsys.readouterr().err
    assert main([*words, "--save", "other"]) == 0
    assert "Saved to your models as yours/other." in capsys.readouterr().out
    assert len(rl.experiments) == 2


def test_news_is_not_held_back_where_lines_are_not_replaced(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "LINE_SECONDS", 1000)
    with train._Words() as words:
        for each in ("A: step 0 of 10", "A: step 1 of 10", "A waits for B.", "A: step 2 of 10"):
            words.say(each)
    assert capsys.readouterr().out.splitlines() == ["A: step 0 of 10", "A waits for B.", "A: step 2 of 10"]


def test_it_says_how_long_it_would_take(capsys: pytest.CaptureFixture[str]) -> None:
    dots()
    assert main(["train", "dots", "--steps", "1000", "--estimate", *FEW]) == 0
    assert "on cpu" in capsys.readouterr().out
    assert len(rl.experiments) == 0


def test_the_experiments_are_listed_shown_ended_and_deleted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert main(["experiments"]) == 0
    assert "No experiment yet" in capsys.readouterr().out
    dots()
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    main(["train", "dots", "--title", "Petals \x1b[31m", "--steps", "300", "--background", *FEW])
    run = rl.experiments["petals-31m"]
    until_step(run, 5)
    assert main(["experiments", "pause", run.id]) == 0
    monkeypatch.setenv("PLAIN_STEP", "0.001")
    capsys.readouterr()
    assert main(["experiments", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["id"], listed["state"], listed["steps"]) == ("petals-31m", "paused", 300)
    assert main(["experiments", "show", run.id]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "Paused: As asked for." in said
    assert str(run.sheet) in said
    assert run.sheet.is_file()
    assert main(["experiments", "resume", run.id, "--device", "cpu"]) == 0
    until(run, "finished")
    assert main(["experiments", "extend", run.id, "10"]) == 0
    until(run, "finished")
    assert main(["experiments", "save", run.id, "--name", "Flowers"]) == 0
    capsys.readouterr()
    assert main(["experiments", "save", run.id, "--name", "Flowers"]) == 2
    assert "Another --name, or --replace" in capsys.readouterr().err
    assert main(["experiments", "save", run.id, "--name", "Flowers", "--replace"]) == 0
    assert main(["experiments", "resume", run.id]) == 2
    assert f"`runway-lab experiments extend {run.id} 1000` adds some" in capsys.readouterr().err
    assert main(["experiments", "export", run.id, "flowers.zip"]) == 0
    assert main(["experiments", "export", run.id, "flowers.zip"]) == 2
    assert "--replace" in capsys.readouterr().err
    assert (tmp_path / "flowers.zip").is_file()
    monkeypatch.setenv("RUNWAY_LAB_SHARED", str(tmp_path / "drive"))
    capsys.readouterr()
    assert main(["experiments", "share", run.id, "--name", "Flowers", "--by", "Ada"]) == 0
    assert "Shared as shared/flowers, by Ada" in capsys.readouterr().out
    assert main(["experiments", "delete", run.id]) == 1
    assert "--yes" in capsys.readouterr().out
    assert run.folder.exists()
    assert main(["experiments", "delete", run.id, "--yes"]) == 0
    assert not run.folder.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "nowhere"], "no pictures called 'nowhere'"),
        (["train", "dots", "--set", "bach=5"], "Did you mean 'batch'"),
        (["train", "dots", "--set", "five"], "--set batch=8"),
        (["train", "dots", "--start", "stylegan/facez"], "nothing called 'stylegan/facez'"),
        (["train", "dots", "--threads", "900"], "900 threads are more than"),
        (["train", "dots", "--cost", "3"], "--price 1.20"),
        (["train", "dots", "--device", "tpu"], "no device 'tpu'"),
        (["train", "dots", "--save", "../x"], "cannot be called '../x'"),
        (["experiments", "show", "petals"], "no experiment 'petals'"),
    ],
)
def test_mistakes_are_words(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    dots()
    assert main(words) == 2
    assert said in capsys.readouterr().err
    assert len(rl.experiments) == 0


def test_the_fid_s_weights_are_fetched_once_one_agrees(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("runway_lab.library.download.fetch", lambda card, agree, told: asked.append(agree(card)))
    assert main(["experiments", "fid-weights", "--agree"]) == 0
    assert asked == [True]
    assert "Apache-2.0" in capsys.readouterr().out
