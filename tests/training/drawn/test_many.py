"""Many pictures are the ones that one would have drawn one by one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runway_lab.errors import BadValue, Unknown
from runway_lab.training.drawn import draw, draw_many, many


def one_by_one(name: str, count: int, size: int, seed: int) -> Any:
    return np.stack([draw(name, seed + index, size) for index in range(count)])


def test_many_are_one_after_the_other() -> None:
    assert (draw_many("flowers", 5, 16, seed=40) == one_by_one("flowers", 5, 16, 40)).all()


def test_none_is_no_pictures() -> None:
    assert draw_many("cats", 0, 16).shape == (0, 16, 16, 3)


def test_processes_draw_the_same() -> None:
    assert (draw_many("cats", 7, 16, seed=3, processes=2) == one_by_one("cats", 7, 16, 3)).all()


def test_more_processes_than_pictures_do_no_harm() -> None:
    assert (draw_many("cats", 2, 16, processes=5) == one_by_one("cats", 2, 16, 0)).all()


def test_few_pictures_are_drawn_without_starting_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(many, "_start", never)
    assert len(draw_many("cats", 3, 16)) == 3


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "import sys; sys.stdout.buffer.write(bytes(1000))"])
def test_what_a_failing_process_leaves_is_drawn_here(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    def broken(*_: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)

    monkeypatch.setattr(many, "_start", broken)
    drawn = draw_many("cats", 4, 20, processes=2)
    # The second program writes most of a first picture before it ends: what is incomplete counts as nothing.
    assert (drawn == one_by_one("cats", 4, 20, 0)).all()


def test_pictures_go_into_a_file_mapped_into_memory(tmp_path: Path) -> None:
    mapped = np.lib.format.open_memmap(tmp_path / "pictures.npy", mode="w+", dtype=np.uint8, shape=(3, 16, 16, 3))
    assert draw_many("faces", 3, 16, into=mapped) is mapped
    mapped.flush()
    assert (np.load(tmp_path / "pictures.npy") == one_by_one("faces", 3, 16, 0)).all()


@pytest.mark.parametrize("into", [np.empty((3, 16, 16, 3), np.float32), np.empty((2, 16, 16, 3), np.uint8)])
def test_an_array_that_does_not_fit_is_said_so(into: Any) -> None:
    with pytest.raises(BadValue, match=r"do not fit.*\(3, 16, 16, 3\) and type uint8"):
        draw_many("faces", 3, 16, into=into)


@pytest.mark.parametrize("processes", [1, 2])
def test_progress_counts_up_to_the_last(processes: int) -> None:
    told: list[tuple[int, int]] = []
    draw_many("flowers", 70, 16, processes=processes, progress=lambda done, count: told.append((done, count)))
    assert told == [(64, 70), (70, 70)]


def test_who_stops_it_does_not_wait_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_here = []
    monkeypatch.setattr(many, "draw", lambda *what: drawn_here.append(what))

    def enough(done: int, count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_many("monsters", 100_000, 16, processes=2, progress=enough)
    assert len(drawn_here) < 10


def test_an_unknown_kind_and_numbers_out_of_bounds_are_said_before_anything_is_drawn() -> None:
    with pytest.raises(Unknown, match="faces"):
        draw_many("fcaes", 3)
    with pytest.raises(BadValue, match="count of a drawn picture"):
        draw_many("faces", -1)
    with pytest.raises(BadValue, match="seed of a drawn picture"):
        draw_many("faces", 3, seed=2**63 - 2)


def test_of_large_pictures_each_is_told() -> None:
    told: list[int] = []
    draw_many("flowers", 3, 512, processes=1, progress=lambda done, count: told.append(done))
    assert told == [1, 2, 3]
