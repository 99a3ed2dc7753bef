"""What a step takes over a whole cycle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.experiments import SMALL, dots

from runway_lab.training.experiments import estimator
from runway_lab.training.experiments.beginning import find_data


@pytest.fixture(autouse=True)
def keeping(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often freed memory was asked to be kept; this very process does without."""
    asked: list[str] = []
    monkeypatch.setattr(estimator, "keep_freed_memory", lambda: asked.append("kept"))
    return asked


def test_dear_steps_count_as_often_as_they_come() -> None:
    assert estimator.a_step([9.0, *[1.0] * 15, 17.0], 16) == 2.0
    assert estimator.a_step([5.0, 1.0, 1.0, 1.0], 4) == 2.0
    assert estimator.a_step([3.0], 16) == 3.0


def test_it_prints_one_line_of_json(capsys: pytest.CaptureFixture[str], keeping: list[str]) -> None:
    dots()
    told = {"settings": {**SMALL, "r1_every": 4}, "dataset": find_data("dots", {}), "start": ""}
    assert estimator.main(json.dumps(told)) == 0
    said = json.loads(capsys.readouterr().out)
    assert keeping == ["kept"], "it measures what the trainer does"
    assert {"start", "step", "sample", "memory", "sheet", "checkpoint", "state"} <= said.keys()
    assert min(said[name] for name in ("step", "sheet", "checkpoint", "state")) > 0


def test_what_is_wrong_is_a_line_as_well(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    told = {"settings": SMALL, "dataset": {"folder": str(tmp_path), "name": "gone"}, "start": ""}
    assert estimator.main(json.dumps(told)) == 0
    assert "not there any more" in json.loads(capsys.readouterr().out)["error"]
