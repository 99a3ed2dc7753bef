"""What else can be done with an experiment from the shell."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cells import wait_until_gone
from support.experiments import at_rest, end_all, environment_for_tests, small

import runway_lab as rl
from runway_lab.cli import main
from runway_lab.commands.branching import in_shell_words
from runway_lab.errors import BadValue
from runway_lab.training.experiments.devices import devices


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name, value in environment_for_tests().items():
        monkeypatch.setenv(name, value)
    devices.cache_clear()
    monkeypatch.chdir(tmp_path)
    yield
    wait_until_gone()
    assert not end_all()


def test_it_is_branched_continued_pinned_renamed_and_filmed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = small()
    at_rest(run)
    words = ["experiments", "branch", "petals", "--step", "2", "--steps", "5", "--title", "Other", "--set", "seed=7"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "it starts from the nearest, that of step 15" in said
    assert "runway-lab experiments follow other" in said
    at_rest(rl.experiments["other"])
    assert rl.experiments["other"].settings["seed"] == 7
    assert main(["experiments", "continue", "petals", "--steps", "5"]) == 0
    at_rest(rl.experiments["petals-continued"])
    assert main(["experiments", "pin", "petals", "--step", "15"]) == 0
    assert run.pinned == (15,)
    assert main(["experiments", "rename", "petals", "Blossoms"]) == 0
    assert run.title == "Blossoms"
    assert main(["experiments", "video", "petals", "film.gif", "--index", "0"]) == 0
    assert (tmp_path / "film.gif").is_file()
    assert main(["experiments", "allow", "petals", "--hours", "2"]) == 0
    assert run.plan.budget.hours > 2
    assert main(["experiments", "allow", "petals"]) != 0


def test_advice_is_that_of_a_shell() -> None:
    def run(chosen: argparse.Namespace) -> int:
        raise BadValue("No.", hint='experiment.allow(hours=2), experiment.resume(device="auto")')

    with pytest.raises(BadValue) as told:
        in_shell_words(run)(argparse.Namespace(id="petals"))
    assert told.value.hint == (
        "runway-lab experiments allow petals --hours 2, runway-lab experiments resume petals --device auto"
    )
