"""What takes room is told; the downloads move whole, or stay."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from support.disk import small_disk

import runway_lab
from runway_lab.errors import BadValue, RunwayLabError
from runway_lab.library import room
from runway_lab.library.locks import FileLock
from runway_lab.library.places import lock_path, place
from runway_lab.library.room import EntryRoom, move_downloads, usage
from runway_lab.settings import settings

ROOT = Path(runway_lab.__file__).parents[1]
FILES = {"a/x/12/w.pt": b"1" * 1000, "a/y/12/w.pt": b"2" * 50, "b/z/12/deep/w.pt.part": b"3"}


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "library"))
    monkeypatch.delenv("RUNWAY_LAB_DOWNLOADS", raising=False)
    return tmp_path / "library"


@pytest.fixture
def downloads(library: Path) -> Path:
    for name, data in FILES.items():
        (library / "downloads" / name).parent.mkdir(parents=True, exist_ok=True)
        (library / "downloads" / name).write_bytes(data)
    return library / "downloads"


def content(folder: Path) -> dict[str, bytes]:
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_usage_tells_what_takes_room_by_kind_and_by_entry(library: Path, downloads: Path) -> None:
    (library / "models" / "me" / "petals").mkdir(parents=True)
    (library / "models" / "me" / "petals" / "card.toml").write_bytes(b"x" * 300)
    (library / "outputs").mkdir()
    (library / "outputs" / "one.png").write_bytes(b"x" * 20)
    (library / "set-aside" / "old").mkdir(parents=True)
    (library / "set-aside" / "old" / "x").write_bytes(b"x" * 5)
    found = usage()
    assert found.entries == (
        EntryRoom("downloads", "a/x", 1000),
        EntryRoom("models", "me/petals", 300),
        EntryRoom("downloads", "a/y", 50),
        EntryRoom("outputs", "one.png", 20),
        EntryRoom("set-aside", "old", 5),
        EntryRoom("downloads", "b/z", 1),
    )
    assert found.total == 1376
    assert list(found.by_kind.items())[:3] == [("downloads", 1051), ("models", 300), ("outputs", 20)]
    assert abs(found.free - shutil.disk_usage(library).free) < 1 << 30
    assert repr(found).splitlines()[1:3] == ["    1.1 kB  downloads", "              1.0 kB  a/x"]


def test_an_empty_library_takes_no_room() -> None:
    assert usage().total == 0
    assert "0 bytes" in repr(usage())


def test_a_link_is_not_counted_as_what_it_leads_to(library: Path, tmp_path: Path) -> None:
    (tmp_path / "huge").write_bytes(b"x" * 10_000)
    (library / "outputs").mkdir(parents=True)
    (library / "outputs" / "link").symlink_to(tmp_path / "huge")
    (library / "models").mkdir()
    (library / "models" / "loop").symlink_to(library)
    assert usage().total < 1000


def test_downloads_move_and_the_place_is_remembered(downloads: Path, tmp_path: Path) -> None:
    target = move_downloads(tmp_path / "new disk")
    assert content(target) == FILES
    assert not downloads.exists()
    assert place("downloads") == target
    assert settings().downloads == str(target)
    assert move_downloads(target) == target
    assert content(target) == FILES


def test_moving_back_takes_the_setting_away(downloads: Path, tmp_path: Path) -> None:
    move_downloads(tmp_path / "new")
    move_downloads(downloads)
    assert content(downloads) == FILES
    assert settings().downloads == ""
    assert not (tmp_path / "new").exists()


def test_the_rest_of_the_settings_stays_as_it_was_written(library: Path, downloads: Path, tmp_path: Path) -> None:
    text = '# mine\nmodels_at_once = 3 # few\ndownloads = ""  # old\n\n[other]\ndownloads = "stays"\n'
    (library / "settings.toml").write_text(text)
    target = move_downloads(tmp_path / 'a "strange" \\ place')
    lines = (library / "settings.toml").read_text().splitlines()
    assert lines[:2] == ["# mine", "models_at_once = 3 # few"]
    table = tomllib.loads("\n".join(lines))
    assert table == {"models_at_once": 3, "downloads": str(target), "other": {"downloads": "stays"}}
    assert place("downloads") == target


def test_a_setting_that_only_looks_like_ours_is_not_changed(library: Path, downloads: Path, tmp_path: Path) -> None:
    (library / "settings.toml").write_text('models_at_once = 3\n[other]\ndownloads = "stays"\n')
    target = move_downloads(tmp_path / "new")
    table = tomllib.loads((library / "settings.toml").read_text())
    assert table == {"models_at_once": 3, "downloads": str(target), "other": {"downloads": "stays"}}


def test_downloads_move_to_another_disk(downloads: Path, tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk here")
    with tempfile.TemporaryDirectory(dir=other) as name:
        target = move_downloads(Path(name) / "downloads")
        assert content(target) == FILES
        assert not downloads.exists()
        move_downloads(downloads)
    assert content(downloads) == FILES


@pytest.mark.parametrize(
    ("step", "call", "copies"),
    [
        *((step, call, copies) for copies in (False, True) for step, call in (("_bring", 0), ("_bring", 2))),
        *((step, 0, copies) for copies in (False, True) for step in ("_remember", "_clear")),
        ("flush", 0, True),
        ("flush", 2, True),
    ],
)
def test_killed_at_any_step_nothing_is_lost_and_the_next_call_finishes(
    step: str, call: int, copies: bool, downloads: Path, tmp_path: Path
) -> None:
    code = f"""
import os, sys
from runway_lab.library import room
step, calls = room.{step}, []
def stop(*arguments):
    if len(calls) == {call}:
        os.kill(os.getpid(), 9)
    calls.append(1)
    step(*arguments)
room.{step} = stop
def no_link(*_, **__): raise OSError(18, "another disk")
if {copies}: os.link = no_link
room.move_downloads(sys.argv[1])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    target = tmp_path / "new"
    process = subprocess.run([sys.executable, "-c", code, str(target)], env=environment, check=False)
    assert process.returncode == -9
    assert FILES.items() <= content(place("downloads")).items(), "whichever folder counts is whole"
    assert move_downloads(target) == target
    assert content(target) == FILES
    assert not downloads.exists()
    assert place("downloads") == target


def test_what_was_not_brought_along_stays(downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = room._remember

    def late(target: Path) -> None:
        (downloads / "late.pt").write_text("somebody put it here by hand in this moment")
        real(target)

    monkeypatch.setattr(room, "_remember", late)
    assert content(move_downloads(tmp_path / "new")) == FILES
    assert list(content(downloads)) == ["late.pt"]


def test_a_full_disk_leaves_everything_at_its_place(
    downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another_disk(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", another_disk)
    with small_disk(500), pytest.raises(RunwayLabError, match="no room"):
        move_downloads(tmp_path / "new")
    assert content(downloads) == FILES
    assert place("downloads") == downloads
    assert content(move_downloads(tmp_path / "new")) == FILES


def test_a_place_that_will_not_do_is_refused(downloads: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    (tmp_path / "file").write_text("x")
    for target, words in (
        (tmp_path / "full", "not empty"),
        (tmp_path / "file", "is a file"),
        (downloads / "inside", "in each other"),
        (downloads.parent, "in each other"),
        (tmp_path / "file" / "below", "could not be written"),
    ):
        with pytest.raises(RunwayLabError, match=words):
            move_downloads(target)
    assert content(downloads) == FILES
    assert place("downloads") == downloads


def test_the_variable_that_counts_more_is_named(
    downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNWAY_LAB_DOWNLOADS", str(downloads))
    with pytest.raises(BadValue, match="RUNWAY_LAB_DOWNLOADS"):
        move_downloads(tmp_path / "new")
    assert content(downloads) == FILES


def test_nothing_is_moved_under_a_download(downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WAIT_SECONDS", 0.05)
    with FileLock(lock_path("downloads"), shared=True), pytest.raises(RunwayLabError, match="in use"):
        move_downloads(tmp_path / "new")
    assert content(downloads) == FILES


def test_there_need_not_be_any_downloads_yet(tmp_path: Path) -> None:
    assert move_downloads(tmp_path / "new") == tmp_path / "new"
    assert place("downloads") == tmp_path / "new"
