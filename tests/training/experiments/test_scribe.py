"""What is written in the background is written in its order, and a failure is heard."""

from __future__ import annotations

import threading

import pytest

from runway_lab.training.experiments.scribe import MOST_WAITING, Scribe


@pytest.fixture
def scribe():
    made = Scribe()
    yield made
    made.close()


def test_jobs_are_done_in_their_order(scribe: Scribe) -> None:
    done: list[int] = []
    for number in range(50):
        scribe.submit(lambda number=number: done.append(number))
    scribe.drain()
    assert done == list(range(50))


def test_a_failure_is_raised_where_training_looks_and_nothing_is_written_in_between(scribe: Scribe) -> None:
    done: list[str] = []
    hold = threading.Event()

    def fail() -> None:
        hold.wait(5)
        raise OSError("no room")

    scribe.submit(fail)
    scribe.submit(lambda: done.append("after"))
    hold.set()
    with pytest.raises(OSError, match="no room"):
        scribe.drain()
    assert done == []


def test_a_slow_disk_is_waited_for(scribe: Scribe) -> None:
    hold = threading.Event()
    scribe.submit(lambda: hold.wait(5))
    for _ in range(MOST_WAITING):
        scribe.submit(lambda: None)
    late = threading.Thread(target=scribe.submit, args=(lambda: None,))
    late.start()
    late.join(0.05)
    assert late.is_alive()
    hold.set()
    late.join(5)
    assert not late.is_alive()


def test_closing_writes_what_waits() -> None:
    made, done = Scribe(), []
    for number in range(5):
        made.submit(lambda number=number: done.append(number))
    made.close()
    assert done == [0, 1, 2, 3, 4]


def test_after_a_failure_nothing_is_written_any_more_even_when_it_was_heard(scribe: Scribe) -> None:
    done: list[str] = []

    def fail() -> None:
        raise OSError("no room")

    scribe.submit(fail)
    with pytest.raises(OSError, match="no room"):
        scribe.drain()
    scribe.submit(lambda: done.append("after"))
    scribe.drain()
    assert done == [], "it would leave a gap"
