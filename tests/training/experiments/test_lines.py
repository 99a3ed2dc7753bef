"""Files of JSON lines: written by one, read by others meanwhile, and cut off when steps are done again."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.disk import small_disk

from runway_lab.errors import LibraryFull
from runway_lab.training.experiments import lines


def test_a_reader_sees_what_was_added_and_reads_only_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.jsonl"
    tail = lines.Tail(path)
    assert tail.read() == []
    lines.append(path, [{"step": 1}, {"step": 2}])
    assert tail.read() == [{"step": 1}, {"step": 2}]
    first = tail.read()
    assert tail.read() is first, "nothing changed, so nothing was read"
    lines.append(path, [{"step": 3}])
    parsed: list[bytes] = []
    real = lines.parse
    monkeypatch.setattr(lines, "parse", lambda data: parsed.append(data) or real(data))
    assert [row["step"] for row in tail.read()] == [1, 2, 3]
    assert parsed == [b'{"step": 3}']


def test_half_a_line_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "los')
    tail = lines.Tail(path)
    assert tail.read() == [{"step": 1}]
    with path.open("ab") as file:
        file.write(b's": 3}\n')
    assert tail.read() == [{"step": 1}, {"step": 2, "loss": 3}]


def test_after_a_kill_the_next_line_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "diary.jsonl"
    path.write_bytes(b'{"what": "a"}\n{"what": "half')
    lines.append(path, [{"what": "b"}])
    assert lines.Tail(path).read() == [{"what": "a"}, {"what": "b"}]


def test_what_is_no_line_of_ours_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "diary.jsonl"
    path.write_bytes(b'{"a": 1}\nnonsense\n[1, 2]\n' + b"[" * 100_000 + b"\n\xff\xfe\n" + b'{"a": 2}\n')
    assert lines.Tail(path).read() == [{"a": 1}, {"a": 2}]


def test_a_cut_file_is_noticed_although_it_grew_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines.append(path, [{"step": step, "value": 1} for step in range(10)])
    tail = lines.Tail(path)
    assert len(tail.read()) == 10
    lines.cut(path, 4)
    lines.append(path, [{"step": step, "value": 2} for step in range(5, 20)])
    assert [row["value"] for row in tail.read()] == [1] * 5 + [2] * 15


def test_cutting_takes_later_steps_and_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"note": "kept"}\n{"step": 3}\n{"step": 2}\n{"st')
    lines.cut(path, 2)
    assert path.read_bytes() == b'{"step": 1}\n{"note": "kept"}\n{"step": 2}\n'
    before = path.stat().st_ino
    lines.cut(path, 2)
    assert path.stat().st_ino == before, "nothing to take, nothing written"
    lines.cut(tmp_path / "nothing.jsonl", 2)


def test_a_file_that_goes_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines.append(path, [{"step": 1}])
    tail = lines.Tail(path)
    assert tail.read()
    path.unlink()
    assert tail.read() == []


def test_a_full_disk_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with small_disk(100), pytest.raises(LibraryFull, match="no room"):
        lines.append(path, [{"step": step} for step in range(100)])
