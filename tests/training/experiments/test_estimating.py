"""How long it will take, before it begins: measured once, remembered, scaled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.experiments import SMALL, dots

from runway_lab.errors import RunwayLabError
from runway_lab.training.experiments import estimating
from runway_lab.training.experiments.estimating import Estimate, estimate


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often a process was asked."""
    asked: list[int] = []
    real = estimating._measure
    monkeypatch.setattr(estimating, "_measure", lambda *given: asked.append(1) or real(*given))
    dots()
    return asked


def test_it_is_measured_with_real_steps(measured: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.02")
    found = estimate({**SMALL, "steps": 1000}, "dots")
    assert found.seconds_per_step > 0.02
    assert found.seconds > 1000 * 0.02
    assert found.device == "cpu"
    assert found.memory_mb > 5
    assert found.disk_mb > 0
    assert "on cpu" in str(found)


def test_another_number_of_steps_is_answered_at_once_and_another_size_is_not(measured: list[int]) -> None:
    first = estimate({**SMALL, "steps": 1000}, "dots")
    second = estimate({**SMALL, "steps": 2000, "seed": 5}, "dots")
    assert len(measured) == 1
    assert second.seconds == pytest.approx(first.seconds + 1000 * first.seconds_per_step, rel=0.01)
    estimate({**SMALL, "batch": 8}, "dots")
    assert len(measured) == 2


def test_what_the_steps_say_is_told(measured: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_FAULT", "words@2")
    with pytest.raises(RunwayLabError, match="unstable"):
        estimate(SMALL, "dots")
    monkeypatch.setenv("PLAIN_FAULT", "raise@2")
    with pytest.raises(RunwayLabError, match="no such colour") as caught:
        estimate(SMALL, "dots")
    assert "Traceback" in caught.value.details
    monkeypatch.setenv("PLAIN_FAULT", "exit@2")
    with pytest.raises(RunwayLabError, match="ended unexpectedly"):
        estimate(SMALL, "dots")


def test_a_damaged_memory_is_measured_anew(measured: list[int]) -> None:
    estimate(SMALL, "dots")
    estimating._file().write_text("{")
    estimate(SMALL, "dots")
    estimate(SMALL, "dots")
    assert len(measured) == 2


def test_pictures_need_not_be_prepared_for_it(measured: list[int], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    folder = estimate(SMALL, tmp_path / "photos", prepare={"size": 8})
    drawn = estimate(SMALL, "cats", prepare={"size": 16, "count": 20})
    assert folder.seconds > 0
    assert drawn.disk_mb > folder.disk_mb
    assert len(measured) == 2


def test_it_is_said_as_a_person_would() -> None:
    assert str(Estimate(600, 812.4, 65.2, 0.2, "cpu")) == "about 10 min on cpu, 812 MB of memory, 65 MB on the disk"


def test_of_several_devices_each_does_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    found = {"start": 1.0, "step": 2.0, "sample": 0.0, "sheet": 1, "checkpoint": 1, "state": 1, "memory": 1e6}
    monkeypatch.setattr(estimating, "_measure", lambda settings, *_: asked.append(settings) or found)
    dots()
    told = estimate({"device": "cuda:0,cuda:1", "batch": 16, "threads": 4, "steps": 10}, "dots")
    assert [(each["device"], each["batch"], each["threads"]) for each in asked] == [("cuda:0", 8, 2)]
    assert (told.device, told.memory_mb) == ("cuda:0,cuda:1", 2.0)
