"""An answer is a Future that can also be had in parts."""

from __future__ import annotations

import threading
from concurrent import futures
from concurrent.futures import CancelledError

import pytest

from runway_lab.engine.answer import Answer
from runway_lab.fields import Number
from runway_lab.outputs import Outputs
from runway_lab.signature import named

FIELDS = named({"n": Number()})


def part(n, progress=None):
    return Outputs(FIELDS, {"n": n}, progress=progress)


def test_the_last_part_is_the_answer():
    answer = Answer(lambda: None)
    assert answer.progress is None
    answer.add(part(1, 0.5))
    assert answer.progress == 0.5
    answer.add(part(2))
    answer.finish()
    assert answer.result(0).n == 2
    assert [each.n for each in answer.partials()] == [1, 2]


def test_parts_can_be_waited_for():
    answer = Answer(lambda: None)
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.extend(each.n for each in answer.partials()))
    reader.start()
    answer.finish(part(7))
    reader.join(5)
    assert seen == [7]


def test_an_error_comes_after_the_parts():
    answer = Answer(lambda: None)
    answer.add(part(1))
    answer.fail(ValueError("then it broke"))
    parts = answer.partials()
    assert next(parts).n == 1
    with pytest.raises(ValueError, match="then it broke"):
        next(parts)


def test_cancel_tells_the_model_once_and_late_words_are_harmless():
    told = []
    answer = Answer(lambda: told.append(True))
    assert answer.cancel()
    answer.cancel()
    answer.finish(part(1))
    answer.fail(ValueError())
    assert answer.cancelled()
    with pytest.raises(CancelledError):
        answer.result(0)
    assert told == [True]
    assert futures.wait([answer], timeout=5).done == {answer}
    assert [each.n for each in answer.partials()] == []


def test_an_answered_query_cannot_be_cancelled():
    told = []
    answer = Answer(lambda: told.append(True))
    answer.finish(part(1))
    assert not answer.cancel()
    assert not told


def test_it_keeps_the_model_only_until_it_is_done():
    kept = object()
    answer = Answer(lambda: None, keep=kept)
    assert answer._keep is kept
    answer.finish(part(1))
    assert answer._keep is None
