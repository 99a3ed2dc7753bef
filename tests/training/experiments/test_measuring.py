"""Measuring beside the training: little, in its own time, never a reason to end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.cells import wait_for
from support.inception_file import write

from runway_lab.training.experiments import lines, measuring
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.measuring import Measuring
from runway_lab.training.experiments.reading import Reader
from runway_lab.training.measures import FrechetDistance

REAL = np.random.default_rng(1).integers(0, 256, (40, 16, 16, 3), np.uint8)


@pytest.fixture
def work(tmp_path: Path) -> Any:
    return SimpleNamespace(folder=Folder(tmp_path), plan=SimpleNamespace(settings={"steps": 2000, "batch": 16}))


@pytest.fixture
def measures(work: Any) -> Iterator[Measuring]:
    made = Measuring(work, REAL)
    yield made
    made.close()


def rows(work: Any) -> list[dict[str, Any]]:
    return lines.Tail(work.folder.measures).read()


def test_the_last_samples_are_measured_in_any_case(work: Any, measures: Measuring) -> None:
    measures.look_at(10, REAL[:8])
    measures.look_at(20, REAL[8:16])
    measures.finish()
    found = rows(work)
    assert found[-1]["step"] == 20
    assert {"swd", "diversity", "copies"} <= found[-1].keys()


def test_it_rests_between_looks(work: Any, measures: Measuring, monkeypatch: pytest.MonkeyPatch) -> None:
    measures.look_at(10, REAL[:8])
    assert wait_for(lambda: rows(work), 20)
    assert wait_for(lambda: not measures._busy)
    measures._rest_until += 1000
    for step in range(20, 60, 10):
        measures.look_at(step, REAL[:8])
    assert [row["step"] for row in rows(work)] == [10]
    measures._rest_until = 0.0
    measures.look_at(60, REAL[:8])
    assert wait_for(lambda: len(rows(work)) == 2, 20)


def test_training_never_waits_for_it(work: Any, measures: Measuring, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    hold = threading.Event()
    monkeypatch.setattr(measures, "_measure", lambda step, pictures: hold.wait(20))
    for step in range(1, 200):
        measures.look_at(step, REAL[:8])
    hold.set()


def test_a_measure_that_fails_ends_nothing_and_is_not_tried_for_ever(
    work: Any, measures: Measuring, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[int] = []

    def fail(step: int, pictures: Any) -> None:
        tried.append(step)
        raise ValueError("nothing to measure")

    monkeypatch.setattr(measures, "_measure", fail)
    for step in range(1, 20):
        measures._rest_until = 0.0
        measures.look_at(step, REAL[:8])
        assert wait_for(lambda: (not measures._busy and measures._inbox is None) or measures._closed)
    measures.finish()
    assert len(tried) == measuring.MOST_FAILURES
    assert "nothing to measure" in capsys.readouterr().err


def test_the_diary_says_once_that_quality_turns(work: Any, measures: Measuring) -> None:
    rising = [60, 50, 40, 30, 20, 12, 11, 10, 10, 10, 20, 30, 40, 50, 60, 70, 80]
    history = [{"step": 100 * at, "swd": float(value), "diversity": 0.9} for at, value in enumerate(rising, 1)]
    for count in range(1, len(history) + 1):
        measures._judge(100 * count, history[:count])
    told = [line for line in lines.Tail(work.folder.diary).read() if line["kind"] == "verdict"]
    assert len(told) == 1
    assert "best step was" in told[0]["what"]
    again = Measuring(work, REAL)
    again._judge(1700, history)
    again.close()
    assert len([line for line in lines.Tail(work.folder.diary).read() if line["kind"] == "verdict"]) == 1


def test_a_short_transfer_that_gets_worse_at_first_is_not_warned_of(work: Any, measures: Measuring) -> None:
    history = [{"step": step, "swd": 20.0 + 3 * step, "diversity": 0.9} for step in range(1, 61)]
    work.plan.settings = {"steps": 60, "batch": 16}
    measures._judge(60, history)
    work.plan.settings = {"steps": 60, "batch": 2000}
    measures._judge(11, history[:11])
    assert not work.folder.diary.exists()
    measures._judge(60, history)
    assert work.folder.diary.exists()


def test_what_was_measured_of_steps_that_are_no_more_is_not_written(work: Any, measures: Measuring) -> None:
    measures.look_at(10, REAL[:8])
    measures.finish()
    gauges = measures._gauges
    assert gauges is not None

    def measure(pictures: Any) -> dict[str, float]:
        measures.forget_after(10)
        return {"swd": 1.0, "diversity": 1.0}

    measures._gauges = SimpleNamespace(measure=measure)  # type: ignore[assignment]
    measures._measure(20, REAL[:8])
    assert [row["step"] for row in rows(work)] == [10]
    measures._gauges = gauges
    measures._measure(12, REAL[:8])
    assert [row["step"] for row in rows(work)] == [10, 12]


def test_large_pictures_are_measured_smaller(work: Any) -> None:
    large = np.random.default_rng(1).integers(0, 256, (3, 700, 512, 3), np.uint8)
    small = measuring._reduced(large)
    assert small.shape == (3, 233, 170, 3)
    assert np.abs(small.astype(float).mean() - large.astype(float).mean()) < 1
    assert measuring._reduced(REAL) is REAL


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("inception") / "narrow.pth")


def test_with_weights_at_hand_there_is_the_fid_of_a_sheet_too(
    work: Any, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNWAY_LAB_INCEPTION", str(weights))
    monkeypatch.setattr(measuring, "MOST", 100.0)
    measures = Measuring(work, REAL)
    try:
        measures.look_at(10, REAL[:8])
        assert wait_for(lambda: any("fid" in row for row in rows(work)), 60)
        process = measures._frechet._describer._process  # type: ignore[union-attr]
        assert measures._spent > measures._frechet.seconds > 0  # type: ignore[union-attr]
    finally:
        measures.close()
    assert process.poll() is not None
    assert [sorted(row) for row in rows(work)] == [["copies", "diversity", "step", "swd"], ["fid", "step"]]
    distance = FrechetDistance(REAL, weights=weights)
    assert rows(work)[1]["fid"] == pytest.approx(distance(REAL[:8]), rel=1e-3)
    work.folder.plan.write_text("{}")
    (row,) = Reader(work.folder.root).measures
    assert {"swd", "fid"} <= row.keys()


def test_the_fid_waits_for_its_share_of_the_time(work: Any, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_INCEPTION", str(weights))
    measures = Measuring(work, REAL)
    asked: list[int] = []
    monkeypatch.setattr(measures, "_look_for_fid", lambda: asked.append(1) or setattr(measures, "_measured", None))
    try:
        measures.look_at(10, REAL[:8])
        assert wait_for(lambda: measures._measured is not None, 20)
        measures.finish()
        assert measures._frechet is not None
        assert not asked
        with measures._something:
            # As if it had been training for an hour.
            measures._began -= 3600
            measures._something.notify_all()
        assert wait_for(lambda: bool(asked), 20)
    finally:
        measures.close()


@pytest.mark.parametrize("harm", ["none", "wrong", "missing"])
def test_without_weights_that_are_any_there_is_no_fid_and_all_else(
    work: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if harm != "none":
        monkeypatch.setenv("RUNWAY_LAB_INCEPTION", str(tmp_path / "weights.pth"))
    if harm == "wrong":
        (tmp_path / "weights.pth").write_bytes(b"nothing of the kind")
    monkeypatch.setattr(measuring, "MOST", 100.0)
    measures = Measuring(work, REAL)
    try:
        measures.look_at(10, REAL[:8])
        assert wait_for(lambda: measures._without_fid if harm != "none" else bool(rows(work)), 60)
        assert wait_for(lambda: not measures._busy)
        measures._rest_until = 0.0
        measures.look_at(20, REAL[:8])
        assert wait_for(lambda: [row["step"] for row in rows(work)] == [10, 20], 20)
    finally:
        measures.close()
    told = [line["what"] for line in lines.Tail(work.folder.diary).read()]
    assert len(told) == (harm != "none")
    if told:
        assert "No FID is measured" in told[0]
        assert "weights.pth" in told[0]


def test_the_fid_of_steps_that_are_no_more_is_not_written(work: Any, measures: Measuring) -> None:
    def found() -> float:
        measures.forget_after(5)
        return 1.0

    measures._frechet = SimpleNamespace(  # type: ignore[assignment]
        step=None, begin=lambda *_: None, go_on=found, seconds=0.0, close=lambda: None
    )
    measures._look_for_fid()
    assert rows(work) == []
    measures._frechet.go_on = lambda: 2.0  # type: ignore[union-attr, method-assign]
    measures._measured = (6, REAL[:8])
    measures._look_for_fid()
    assert [row["fid"] for row in rows(work)] == [2.0]
