"""All cores at work, and the results in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from runway_lab.training.datasets import survey as module
from runway_lab.training.datasets.look import Looked
from runway_lab.training.datasets.plan import Plan
from runway_lab.training.datasets.sources import Item
from runway_lab.training.datasets.survey import Counter, Progress, cores, survey

PLAN = Plan(32, 32)


def items(count: int) -> Iterator[Item]:
    return (Item(f"{number}.jpg", number) for number in range(count))


def test_results_come_in_order_however_long_each_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(item: Item, *_: object) -> Looked:
        time.sleep(0.01 if item.size % 4 == 0 else 0)
        return Looked(item.name)

    monkeypatch.setattr(module, "look", slow)
    told = [seen.name for seen in survey(items(40), PLAN, prepare=True, workers=4)]
    assert told == [f"{number}.jpg" for number in range(40)]


def test_only_some_are_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(module, "look", lambda item, *_: begun.append(item.name) or Looked(item.name))
    going = survey(items(1000), PLAN, prepare=True, workers=2)
    next(going)
    assert len(begun) < 20
    going.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("runway-lab-dataset")]


def test_several_work_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(3, timeout=20)

    def together(item: Item, *_: object) -> Looked:
        meeting.wait()
        return Looked(item.name)

    monkeypatch.setattr(module, "look", together)
    assert len(list(survey(items(6), PLAN, prepare=True, workers=3))) == 6


def test_what_is_known_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "look", lambda item, *_: Looked("looked"))
    known = {"1.jpg": Looked("known")}
    told = [seen.name for seen in survey(items(3), PLAN, prepare=True, known=lambda item: known.get(item.name))]
    assert told == ["looked", "known", "looked"]


def test_progress_is_told_now_and_then_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    told: list[Progress] = []
    counter = Counter(20, told.append, None, before=10)
    for number in range(10):
        clock[0] += 0.05
        counter.count(number)
    counter.tell()
    assert 4 <= len(told) <= 7
    last = told[-1]
    assert (last.done, last.total, last.taken, last.share) == (20, 20, 9, 1.0)
    assert last.speed == pytest.approx(20)
    assert told[0].eta == pytest.approx((20 - told[0].done) / told[0].speed)
    assert "20 of 20 files, 9 pictures" in str(last)


def test_nobody_knows_how_long_a_film_is() -> None:
    progress = Progress(10, None, 5, 1.0, 10.0)
    assert (progress.eta, progress.share) == (None, None)
    assert str(progress) == "10 files, 5 pictures, 10 a second"


def test_there_is_a_core() -> None:
    assert cores() >= 1
