"""One holder at a time, and no lock outlives its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import runway_lab
from runway_lab.errors import RunwayLabError
from runway_lab.library import locks
from runway_lab.library.locks import FileLock, Holder

ROOT = Path(runway_lab.__file__).parents[1]
HOLD = """
import sys, time
from runway_lab.library.locks import FileLock
lock = FileLock(sys.argv[1], note="training petals", shared=sys.argv[2:] == ["shared"])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""
COUNT = """
import os, sys
from runway_lab.library.locks import FileLock
for n in range(150):
    lock = FileLock(sys.argv[1])
    lock.acquire()
    number = int(open(sys.argv[2]).read())
    open(sys.argv[2], "w").write(str(number + 1))
    lock.release(remove=n % 2 == 0)
"""


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def holding(path: Path, *arguments: object) -> subprocess.Popen[str]:
    process = python(HOLD, path, *arguments)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_another_process_waits_and_gets_it_when_the_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "slot"
    process = holding(path)
    lock = FileLock(path)
    try:
        assert lock.acquire(timeout=0) is False
        start = time.monotonic()
        assert lock.acquire(timeout=0.2) is False
        assert time.monotonic() - start >= 0.2
        assert not lock.held
    finally:
        process.kill()
        process.wait()
    assert lock.acquire(timeout=5) is True
    lock.release()


def test_the_holder_says_who_it_is_and_since_when(tmp_path: Path) -> None:
    path = tmp_path / "slot"
    before = time.time()
    process = holding(path)
    try:
        holder = FileLock(path).holder()
        assert holder is not None
        assert (holder.pid, holder.note) == (process.pid, "training petals")
        assert before - 1 <= holder.since <= time.time() + 1
        with pytest.raises(RunwayLabError, match=f"process {process.pid}.*training petals"):
            FileLock(path, timeout=0).__enter__()
    finally:
        process.kill()
        process.wait()
    assert path.read_text() != ""
    assert FileLock(path).holder() is None, "a dead process holds nothing"


def test_nobody_is_named_when_nobody_holds_it(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "slot", note="x")
    assert lock.holder() is None
    with lock:
        assert lock.holder() == FileLock(lock.path).holder()
        assert str(lock.holder()).endswith(": x")
    assert lock.holder() is None
    for damage in ("{", "[]", '{"pid": "x"}', json.dumps({"pid": -1, "note": "", "since": 0}), "\x00" * 9):
        lock.path.write_text(damage)
        assert lock.holder() is None
    assert isinstance(Holder(1, "", 0.0).note, str)


def test_many_share_or_one_holds(tmp_path: Path) -> None:
    path = tmp_path / "slot"
    process = holding(path, "shared")
    try:
        with FileLock(path, shared=True, timeout=0), FileLock(path, shared=True, timeout=0):
            assert FileLock(path).acquire(timeout=0) is False
    finally:
        process.kill()
        process.wait()
    with FileLock(path, timeout=5):
        assert FileLock(path, shared=True).acquire(timeout=0) is False


def test_two_objects_of_one_process_exclude_each_other_and_one_cannot_be_taken_twice(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "slot")
    with lock:
        assert FileLock(lock.path).acquire(timeout=0) is False
        with pytest.raises(RuntimeError, match="twice"):
            lock.acquire()
        assert lock.held
    assert not lock.held
    lock.release()
    with lock:
        assert lock.held


def test_a_thread_that_waits_is_let_in(tmp_path: Path) -> None:
    lock, entered = FileLock(tmp_path / "slot"), threading.Event()

    def wait() -> None:
        with FileLock(lock.path):
            entered.set()

    thread = threading.Thread(target=wait)
    with lock:
        thread.start()
        assert not entered.wait(0.1)
    assert entered.wait(5)
    thread.join()


def test_locking_a_file_that_was_removed_meanwhile_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "slot"
    first = FileLock(path)
    first.acquire()
    path.unlink()
    second = FileLock(path)
    assert second.acquire(timeout=0) is True, "a new file is a new lock"
    first.release(remove=False)
    assert FileLock(path).acquire(timeout=0) is False
    second.release(remove=True)
    assert not path.exists()


def test_a_file_that_is_removed_between_opening_and_locking_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, real = FileLock(tmp_path / "slot"), locks._lock

    def late(file: int, shared: bool) -> bool:
        monkeypatch.setattr(locks, "_lock", real)
        lock.path.unlink()
        return real(file, shared)

    monkeypatch.setattr(locks, "_lock", late)
    with lock:
        assert FileLock(lock.path).acquire(timeout=0) is False


def test_no_two_processes_are_in_at_once_even_when_the_file_is_removed_every_time(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    processes = [python(COUNT, tmp_path / "slot", count) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert count.read_text() == "600"


def test_a_sharer_removes_nothing(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "a" / "slot", shared=True)
    lock.acquire()
    lock.release(remove=True)
    assert lock.path.exists()


def test_a_lock_file_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunwayLabError, match="cannot be opened"):
        FileLock(tmp_path / "file" / "slot").acquire()


def test_a_program_that_the_holder_started_does_not_keep_the_lock(tmp_path: Path) -> None:
    start = "import subprocess, sys\n"
    start += "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], close_fds=False)\n"
    process = python(HOLD.replace('print("held"', start + 'print(child.pid, "held"'), tmp_path / "slot")
    assert process.stdout is not None
    child = int(process.stdout.readline().split()[0])
    process.kill()
    process.wait()
    try:
        assert FileLock(tmp_path / "slot").acquire(timeout=1) is True
    finally:
        os.kill(child, signal.SIGKILL)


def test_it_needs_the_standard_library_alone() -> None:
    code = "import sys; before = set(sys.modules); import runway_lab.library.locks\n"
    code += "print(*sorted(name for name in sys.modules if name.startswith('runway_lab.')))"
    process = python(code)
    assert process.communicate()[0].split() == ["runway_lab.library", "runway_lab.library.locks"]
