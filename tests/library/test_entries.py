"""Damaged entries are set aside with a report, never lost, never in the way; two kernels at once are normal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

import runway_lab
from runway_lab.library import entries as module
from runway_lab.library.atomic import new_folder, temporary
from runway_lab.library.entries import Entries, folders, problems, sweep
from runway_lab.library.places import place

ROOT = Path(runway_lab.__file__).parents[1]


def read_note(entry: Path) -> str:
    return str(json.loads((entry / "note.json").read_text())["text"])


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "library"))
    monkeypatch.setattr(Entries, "_kinds", [])
    return tmp_path / "library"


def make(name: str, text: str = '{"text": "fine"}', old: bool = True) -> Path:
    entry = place("datasets") / name
    entry.mkdir(parents=True)
    (entry / "note.json").write_text(text)
    (entry / "precious.txt").write_text("a day's work")
    return grow_old(entry) if old else entry


def grow_old(entry: Path, seconds: float = 100_000) -> Path:
    then = time.time() - seconds
    for each in [entry, *entry.rglob("*")]:
        os.utime(each, (then, then), follow_symlinks=False)
    return entry


def test_an_empty_library_has_no_entries(library: Path) -> None:
    assert Entries("datasets", "note.json", read_note).all() == ()
    assert problems() == []
    assert not library.exists(), "looking makes nothing"


def test_entries_come_and_go_and_change(library: Path) -> None:
    shelf = Entries("datasets", "note.json", read_note)
    make("b", '{"text": "2"}')
    make("a", '{"text": "1"}')
    assert shelf.all() == ("1", "2")
    assert shelf.all() is shelf.all()
    (place("datasets") / "a" / "note.json").write_text('{"text": "changed"}')
    assert shelf.all() == ("changed", "2")
    shutil.rmtree(place("datasets") / "b")
    assert shelf.all() == ("changed",)


def test_what_did_not_change_is_not_read_again(library: Path) -> None:
    looked: list[str] = []
    shelf = Entries("datasets", "note.json", lambda entry: looked.append(entry.name) or entry.name)
    make("a")
    make("b")
    shelf.all()
    make("c")
    shelf.all()
    assert sorted(looked) == ["a", "b", "c"]


def test_many_entries_are_not_looked_at_all_the_time_but_own_changes_are_seen(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MANY_ENTRIES", 1)
    looks: list[str] = []
    real = folders

    def slow(*given: object) -> dict[str, object]:
        looks.append("look")
        time.sleep(0.02)
        return real(*given)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(module, "folders", slow)
    shelf = Entries("datasets", "note.json", read_note)
    make("a")
    make("b")
    assert len(shelf.all()) == 2
    make("c")
    assert len(shelf.all()) == 2
    assert len(looks) == 1
    shelf.look_again()
    assert len(shelf.all()) == 3
    make("d")
    end = time.monotonic() + 10
    while len(shelf.all()) != 4:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("damage", ["{", "", "[]", "{}", "\x00\xff"], ids=["cut", "empty", "list", "keyless", "bytes"])
def test_a_damaged_entry_is_set_aside_with_a_report(library: Path, damage: str) -> None:
    make("fine")
    entry = make("broken", damage)
    shelf = Entries("datasets", "note.json", read_note)
    assert shelf.all() == ("fine",)
    assert shelf.all() == ("fine",)
    assert not entry.exists()
    (problem,) = problems()
    assert problem.what == "datasets/broken"
    assert problem.why
    assert problem.origin == entry
    assert abs((datetime.now().astimezone() - problem.when).total_seconds()) < 60
    assert (problem.where / "precious.txt").read_text() == "a day's work"
    assert (problem.where / "note.json").read_text() == damage
    assert problem.where.parent == library / "set-aside"
    report = json.loads(problem.where.with_name(f"{problem.where.name}.json").read_text())
    assert (report["what"], report["from"]) == ("datasets/broken", str(entry))
    assert str(problem.where) in str(problem)
    assert str(entry) in str(problem)


def test_what_was_mended_and_moved_back_is_there_again(library: Path) -> None:
    make("broken", "{")
    shelf = Entries("datasets", "note.json", read_note)
    shelf.all()
    (problem,) = problems()
    (problem.where / "note.json").write_text('{"text": "mended"}')
    problem.where.rename(problem.origin)
    assert shelf.all() == ("mended",)


def test_an_entry_somebody_is_at_work_on_stays_and_is_told_of(library: Path) -> None:
    entry = make("broken", "{", old=False)
    half = place("datasets") / "half"
    half.mkdir()
    shelf = Entries("datasets", "note.json", read_note)
    assert shelf.all() == ()
    assert {problem.what for problem in problems()} == {"datasets/broken", "datasets/half"}
    assert all(problem.where == problem.origin for problem in problems())
    assert "has no note.json" in " ".join(map(str, problems()))
    grow_old(entry)
    grow_old(half)
    assert shelf.all() == ()
    assert sorted(os.listdir(place("datasets"))) == []
    assert len(problems()) == 2


def test_a_large_file_still_being_copied_counts_as_work(library: Path) -> None:
    entry = place("datasets") / "half"
    (entry / "deep").mkdir(parents=True)
    (entry / "deep" / "large").write_text("x")
    grow_old(entry)
    os.utime(entry / "deep" / "large")
    Entries("datasets", "note.json", read_note).all()
    assert entry.exists()


def test_an_entry_that_may_not_be_read_is_no_damage(library: Path) -> None:
    def refuse(entry: Path) -> str:
        raise PermissionError(13, "Permission denied")

    entry = make("secret")
    assert Entries("datasets", "note.json", refuse).all() == ()
    assert entry.exists()
    assert [problem.where for problem in problems()] == [entry]


def test_groups_hidden_and_foreign_things_are_left_alone(library: Path) -> None:
    folder = place("datasets")
    make("group/one")
    make("lonely")
    (folder / "lonely" / "pictures").mkdir()
    (folder / "empty group").mkdir()
    (folder / ".hidden").mkdir()
    (folder / "__pycache__").mkdir()
    (folder / "README.txt").write_text("mine")
    (folder / "group" / "notes.txt").write_text("mine")
    grow_old(folder)
    found = folders(folder, "note.json", 2)
    assert {Path(entry).relative_to(folder).as_posix() for entry in found} == {"group/one", "lonely"}
    assert len(Entries("datasets", "note.json", read_note, depth=2).all()) == 2
    assert problems() == []


def test_interrupted_writes_are_set_aside_once_old_and_dead(library: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder = place("datasets")
    folder.mkdir(parents=True)
    names = {}
    for kind, pid in (("old", dead.pid), ("young", dead.pid), ("alive", os.getpid()), ("reused", os.getpid())):
        draft = folder / f".tmp-{pid}-0123abcd-{kind}"
        draft.mkdir()
        (draft / "half").write_text("x")
        names[kind] = draft
    deleted = folder / f".gone-{dead.pid}-0123abcd-deleted"
    deleted.mkdir()
    lone = folder / f".tmp-{dead.pid}-0123abce-file"
    lone.write_text("x")
    for each in (names["old"], deleted, lone):
        grow_old(each)
    import psutil

    before = time.time() - psutil.Process().create_time()
    grow_old(names["reused"], before + 5000)
    sweep(folder, "datasets")
    assert sorted(os.listdir(folder)) == sorted([names["young"].name, names["alive"].name])
    assert sorted(problem.what for problem in problems()) == sorted(
        f"datasets/{each.name}" for each in (names["old"], names["reused"], lone)
    )
    assert all("interrupted" in problem.why for problem in problems())


def test_what_a_living_process_writes_is_left_alone(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALE_SECONDS", -1)
    draft = temporary(make("petals"))
    draft.mkdir()
    sweep(place("datasets"), "datasets")
    assert draft.exists()
    assert problems() == []


def test_a_killed_writer_leaves_nothing_that_shows(library: Path) -> None:
    code = "import sys, time; from runway_lab.library.atomic import new_folder\n"
    code += "with new_folder(sys.argv[1]) as draft:\n"
    code += "    (draft / 'note.json').write_text('{\"text\": \"half\"}'); print('there', flush=True); time.sleep(60)\n"
    entry = place("datasets") / "petals"
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(entry)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "there\n"
    writer.kill()
    writer.wait()
    shelf = Entries("datasets", "note.json", read_note)
    assert shelf.all() == ()
    with new_folder(entry) as draft:
        (draft / "note.json").write_text('{"text": "whole"}')
    assert shelf.all() == ("whole",)
    (left,) = [each for each in place("datasets").iterdir() if each.name.startswith(".tmp-")]
    grow_old(left)
    sweep(place("datasets"), "datasets")
    assert [problem.where.name.startswith("datasets-.tmp-") for problem in problems()] == [True]


def test_a_report_that_is_gone_or_damaged_does_not_hide_what_it_was_for(library: Path) -> None:
    for name, report in (("a", None), ("b", "{"), ("c", '{"what": 1}')):
        (library / "set-aside" / name).mkdir(parents=True)
        if report:
            (library / "set-aside" / f"{name}.json").write_text(report)
    (library / "set-aside" / "d.json").write_text("{}")
    assert sorted(problem.what for problem in problems()) == ["a", "b", "c"]
    assert all("report" in problem.why for problem in problems())


@pytest.fixture
def closed_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A library with a damaged entry that this process may only read, even where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        monkeypatch.setenv("RUNWAY_LAB_HOME", name)
        make("fine")
        make("broken", "{")
        sweep(place("datasets"), "datasets")
        everything = [Path(name), *Path(name).rglob("*")]
        for each in everything:
            each.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)
            for each in everything:
                each.chmod(0o755)


def test_a_library_that_may_only_be_read_is_read(closed_library: Path) -> None:
    shelf = Entries("datasets", "note.json", read_note)
    assert shelf.all() == ("fine",)
    (problem,) = problems()
    assert problem.where == problem.origin == closed_library / "datasets" / "broken"
    assert "still at its place" in str(problem)


def test_two_kernels_set_the_same_entry_aside_once(library: Path) -> None:
    for number in range(20):
        make(f"broken{number}", "{")
    code = "import json; from runway_lab.library.entries import Entries\n"
    code += "def read(entry): return json.loads((entry / 'note.json').read_text())\n"
    code += "shelf = Entries('datasets', 'note.json', read)\nassert shelf.all() == (), shelf.all()\n"
    kernels = [
        subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}) for _ in range(3)
    ]
    assert [kernel.wait() for kernel in kernels] == [0, 0, 0]
    assert os.listdir(place("datasets")) == []
    assert len(problems()) == 20
    assert len(os.listdir(library / "set-aside")) == 40


def test_one_that_was_mended_in_the_last_moment_stays(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = make("broken", "{")
    shelf = Entries("datasets", "note.json", read_note)

    class Late(module.FileLock):
        def acquire(self, timeout: float | None = None) -> bool:
            (entry / "note.json").write_text('{"text": "mended"}')
            return super().acquire(timeout)

    monkeypatch.setattr(module, "FileLock", Late)
    shelf.all()
    assert shelf.all() == ("mended",)
    assert problems() == []


def test_names_of_temporary_things_are_never_entries(library: Path) -> None:
    entry = make("a")
    shutil.copytree(entry, temporary(entry))
    shutil.copytree(entry, temporary(entry, "gone"))
    assert len(Entries("datasets", "note.json", read_note).all()) == 1
