"""Preparing can be stopped, killed and starved of room at any moment: it goes on, and the end is the same."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.disk import small_disk
from support.pictures import encoded, photo, photos

import runway_lab
from runway_lab.errors import BadValue, LibraryFull
from runway_lab.library.places import place
from runway_lab.training.datasets import Dataset, Stopped, stored
from runway_lab.training.datasets import look as look_module
from runway_lab.training.datasets import prepare as module

ROOT = Path(runway_lab.__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty pictures, some of them again, some broken."""
    photos(tmp_path / "photos", 40)
    for number in (3, 14, 25):
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(b"broken")
        shutil.copy(tmp_path / "photos" / f"{number + 1}.jpg", tmp_path / "photos" / f"{number + 2}.jpg")
    return tmp_path / "photos"


def content(data: Dataset) -> dict[str, bytes]:
    return {name: (data.folder / name).read_bytes() for name in ("pictures.npy", "manifest.json", "report.json")}


def stop_after(count: int) -> object:
    counter = itertools.count(1)
    return lambda: next(counter) >= count


def half(name: str = "petals") -> Path:
    return place("datasets") / f".preparing-{name}"


def test_what_was_stopped_goes_on_and_ends_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = content(Dataset.create("whole", folder, size=32, mirror=True))
    looked: list[str] = []
    real = look_module.look
    monkeypatch.setattr(
        "runway_lab.training.datasets.survey.look", lambda item, *rest: (looked.append(item.name), real(item, *rest))[1]
    )
    for count in (10, 1, 15):
        with pytest.raises(Stopped, match="stopped after .* goes on from there"):
            Dataset.create("petals", folder, size=32, mirror=True, stop=stop_after(count))  # type: ignore[arg-type]
    assert Dataset.unfinished() == ["petals"]
    assert [each.name for each in Dataset.all()] == ["whole"]
    with pytest.raises(BadValue, match="half prepared.*goes on.*discard petals"):
        Dataset.open("petals")
    looked.clear()
    told = []
    data = Dataset.create("petals", folder, size=32, mirror=True, progress=told.append)
    assert "0.jpg" not in looked
    assert len(looked) == 40 - 26
    assert (told[-1].done, told[-1].total) == (40, 40)
    assert content(data) == {**whole, "manifest.json": (data.folder / "manifest.json").read_bytes()}
    assert data.manifest["pictures"] == Dataset.open("whole").manifest["pictures"]
    assert Dataset.unfinished() == []
    assert sorted(os.listdir(data.folder)) == ["card.toml", "manifest.json", "pictures.npy", "report.json"]


def test_killed_again_and_again_it_ends_the_same(folder: Path) -> None:
    whole = Dataset.create("whole", folder, size=48, rotate=True)
    chance = random.Random(1)
    code = (
        "import os, signal, sys\n"
        "from runway_lab.training.datasets import Dataset, prepare\n"
        "left = int(sys.argv[2])\n"
        "real = prepare._write_all\n"
        "def write(file, data):\n"
        "    global left\n"
        "    left -= 1\n"
        "    if left < 0:\n"
        "        file.write(data[:len(data) // 2])\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(file, data)\n"
        "prepare._write_all = write\n"
        "Dataset.create('petals', sys.argv[1], size=48, rotate=True)\n"
    )
    kills = 0
    while True:
        left = chance.randrange(2, 40) if kills < 3 else 10_000
        ended = subprocess.run(
            [sys.executable, "-c", code, str(folder), str(left)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=60,
        )
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        kills += 1
    assert kills >= 3
    data = Dataset.open("petals")
    assert np.array_equal(data.pictures, whole.pictures)
    assert data.digest == whole.digest
    assert data.manifest["pictures"] == whole.manifest["pictures"]


def test_a_journal_and_pictures_that_the_disk_lost_are_made_again(folder: Path) -> None:
    whole = Dataset.create("whole", folder, size=32)

    def lose_half_a_line() -> None:
        journal = half() / "journal.jsonl"
        journal.write_bytes(journal.read_bytes()[:-30])

    def lose_pictures() -> None:
        with (half() / "pictures.npy").open("r+b") as file:
            file.truncate(stored.HEADER + 5 * 32 * 32 * 3 + 100)

    def zero_pictures() -> None:
        with (half() / "pictures.npy").open("r+b") as file:
            file.seek(stored.HEADER + 7 * 32 * 32 * 3)
            file.write(bytes(5000))

    def spoil_a_line() -> None:
        lines = (half() / "journal.jsonl").read_bytes().splitlines(keepends=True)
        lines[4] = b'{"name": 3}\n'
        (half() / "journal.jsonl").write_bytes(b"".join(lines))

    def lose_the_recipe() -> None:
        (half() / "recipe.json").write_text("{")

    for damage in (lose_half_a_line, lose_pictures, zero_pictures, spoil_a_line, lose_the_recipe):
        with pytest.raises(Stopped):
            Dataset.create("petals", folder, size=32, stop=stop_after(20))  # type: ignore[arg-type]
        damage()
        data = Dataset.create("petals", folder, size=32)
        assert np.array_equal(data.pictures, whole.pictures), damage.__name__
        assert data.manifest["pictures"] == whole.manifest["pictures"]
        data.delete()


def test_another_recipe_begins_anew(folder: Path) -> None:
    with pytest.raises(Stopped):
        Dataset.create("petals", folder, size=32, stop=stop_after(20))  # type: ignore[arg-type]
    assert Dataset.create("petals", folder, size=16).pictures.shape[1:] == (16, 16, 3)


def test_a_source_that_changed_meanwhile_counts_as_it_is_now(folder: Path) -> None:
    with pytest.raises(Stopped):
        Dataset.create("petals", folder, size=32, stop=stop_after(20))  # type: ignore[arg-type]
    (folder / "5.jpg").write_bytes(encoded(photo(99)))
    (folder / "30.jpg").unlink()
    data = Dataset.create("petals", folder, size=32)
    assert np.array_equal(data.pictures, Dataset.create("again", folder, size=32).pictures)


def test_what_was_begun_can_be_dropped(folder: Path) -> None:
    with pytest.raises(Stopped):
        Dataset.create("petals", folder, size=32, stop=stop_after(5))  # type: ignore[arg-type]
    Dataset.discard("petals")
    assert Dataset.unfinished() == []
    assert os.listdir(place("datasets")) == []


def test_a_full_disk_is_words_and_what_was_done_stays(folder: Path) -> None:
    with pytest.raises(LibraryFull, match="no room on the disk"), small_disk(64 * 64 * 3 * 10):
        Dataset.create("petals", folder, size=64, workers=1)
    assert Dataset.unfinished() == ["petals"]
    assert len((half() / "journal.jsonl").read_bytes().splitlines()) >= 9
    data = Dataset.create("petals", folder, size=64)
    assert np.array_equal(data.pictures, Dataset.create("whole", folder, size=64).pictures)


def test_what_cannot_fit_is_told_before_it_begins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=10_000_000))
    with pytest.raises(LibraryFull, match=r"takes about 1\d\d\.\d MB.*10\.0 MB left.*smaller size"):
        Dataset.create("petals", folder, size=1024)
    assert Dataset.unfinished() == []


def test_where_nothing_is_left_it_says_why(tmp_path: Path) -> None:
    photos(tmp_path, 3, 40, 40)
    with pytest.raises(BadValue, match=r"None of the 3 files.*too small: 3.*smaller size"):
        Dataset.create("petals", tmp_path, size=512)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadValue, match="nothing in it"):
        Dataset.create("petals", tmp_path / "empty")
    assert Dataset.unfinished() == [], "what had nothing in it is no beginning of anything"


def test_the_manifest_says_where_each_picture_comes_from(folder: Path) -> None:
    data = Dataset.create("petals", folder, size=32, crop="random", zoom_in=True)
    manifest = json.loads((data.folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["count"], len(data)) == (len(data), 2 * len(manifest["pictures"]))
    entry = manifest["pictures"][5]
    assert entry.keys() == {"row", "file", "sha256", "size", "box", "fixed", "copies", "pixels"}
    assert entry["sha256"] == hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()
    assert entry["pixels"][0] == hashlib.sha256(data[entry["row"]].tobytes()).hexdigest()[:16]
    assert (entry["size"], entry["copies"]) == ([96, 64], ["closer"])
    assert {each["file"]: each["why"] for each in manifest["left_out"]} == {
        "3.jpg": "unreadable", "14.jpg": "unreadable", "25.jpg": "unreadable",
        "5.jpg": "duplicate", "16.jpg": "duplicate", "27.jpg": "duplicate",
    }  # fmt: skip
    assert str(folder) not in json.dumps(manifest), "where a person keeps the originals is nobody's business"


def test_the_originals_are_not_touched(folder: Path) -> None:
    before = {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in folder.iterdir()}
    Dataset.create("petals", folder, size=32)
    assert {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in folder.iterdir()} == before
