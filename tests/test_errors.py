"""Errors in words: they say what to do, travel between processes, and never grow."""

from __future__ import annotations

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

from runway_lab import errors
from runway_lab.errors import BadValue, ModelFailed, RunwayLabError, shorten, suggest

KINDS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, RunwayLabError)]


def test_every_error_is_public() -> None:
    assert {kind.__name__ for kind in KINDS} <= set(errors.__all__)
    assert sorted(errors.__all__) == errors.__all__


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_what_happened_and_then_what_to_do(kind: type[RunwayLabError]) -> None:
    error = kind("It broke.", hint="Mend it.", details="Traceback ...")
    assert str(error) == "It broke. Mend it."
    assert str(kind("It broke.")) == "It broke."
    assert (error.what, error.hint, error.details) == ("It broke.", "Mend it.", "Traceback ...")


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_travels_between_processes_whole(kind: type[RunwayLabError]) -> None:
    error = kind("It broke.", hint="Mend it.", details="where")
    error.add_note("noted")
    if isinstance(error, ModelFailed):
        error.log = ["one", "two"]
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert vars(again) == vars(error)
        assert str(again) == str(error)
        assert again.args == error.args


def test_errors_are_also_what_python_would_raise() -> None:
    assert issubclass(errors.BadValue, ValueError)
    assert issubclass(errors.BadFrame, ValueError)
    assert issubclass(errors.Unknown, LookupError)
    assert issubclass(errors.OutOfMemory, ModelFailed)


def test_a_failure_shows_the_end_of_the_log() -> None:
    said = str(ModelFailed("It broke.", log=[f"line {number}" for number in range(20)]))
    assert said.splitlines()[-8:] == [f"  line {number}" for number in range(12, 20)]
    assert "line 11" not in said


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    assert suggest("imgae", ["text", "image"]) == "Did you mean 'image'?"
    assert suggest("zzz", ["b", "a"]) == "There is: b, a."
    assert suggest("zzz", (str(number) for number in range(20))).endswith(", 11 and 8 more.")
    assert suggest("a", []) == "There is nothing by any name yet."
    assert suggest(5, ["5"]) == "Did you mean '5'?"  # type: ignore[arg-type]


class Hostile:
    """Says nothing of itself, and not by accident."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __str__(self) -> str:
        raise RuntimeError


class Shapeless:
    dtype = "x"

    @property
    def shape(self) -> object:
        raise RuntimeError


def nested(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (0.5, "0.5"),
        (True, "True"),
        ("it's", '"it\'s"'),
        ("a\nb", r"'a\nb'"),
        ([1, "a", None], "[1, 'a', None]"),
        ((1,), "(1,)"),
        ((), "()"),
        ({}, "{}"),
        (set(), "set()"),
        ({"a": {"b": (1, 2)}}, "{'a': {'b': (1, 2)}}"),
        (b"abc", "3 bytes"),
        (memoryview(np.zeros(3)), "24 bytes"),
        (np.zeros((2, 3), np.uint8), "an array of shape (2, 3) and type uint8"),
        (np.float32(0.5), "0.5"),
        ([np.zeros(2)], "[an array of shape (2,) and type float64]"),
        (nested(6), "[[[[[...]]]]]"),
        (Hostile(), "a Hostile"),
        (Shapeless(), "a Shapeless"),
        (-(10**6000), "a whole number of about 6001 digits"),
        (10**40, "1" + "0" * 40),
    ],
    ids=lambda value: type(value).__name__,
)
def test_how_a_value_is_shown(value: object, shown: str) -> None:
    assert shorten(value) == shown


class Wordy:
    def __repr__(self) -> str:
        return "first line\nsecond line" + "x" * 1000


@pytest.mark.parametrize(
    "value",
    [
        "x" * 50_000_000,
        ["x" * 50_000_000] * 3,
        {"x" * 50_000_000: "y"},
        [0] * 5_000_000,
        dict.fromkeys(range(1_000_000)),
        nested(50_000),
        Wordy(),
        [Wordy()] * 9,
        set(range(1_000_000)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_large_is_never_written_out_whole(value: object) -> None:
    tracemalloc.start()
    try:
        shown = shorten(value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(shown) <= 80
    assert "\n" not in shown
    assert peak < 200_000


def test_a_long_name_is_compared_only_at_its_beginning() -> None:
    name = "x" * 20_000_000
    tracemalloc.start()
    try:
        suggest(name, ["image"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_the_words_of_an_error_can_be_made_better_on_the_way() -> None:
    error = BadValue("'item' cannot be 5.", hint="Allowed: less.")
    error.what = error.what.replace("item", "sizes[0]")
    assert str(error) == "'sizes[0]' cannot be 5. Allowed: less."
