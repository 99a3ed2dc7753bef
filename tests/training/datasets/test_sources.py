"""Folders, files and bytes as rows of items: in a sensible order, and whatever lies in them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from support.pictures import encoded, photo, photos

from runway_lab.errors import BadValue
from runway_lab.training.datasets.sources import Item, is_hidden, open_source, read_file, shown

posix = pytest.mark.skipif(sys.platform == "win32", reason="pipes and links of this kind are of POSIX")


def names(source: object) -> list[str]:
    return [item.name for item in open_source(source)]


def found(source: object, name: str) -> Item:
    return next(item for item in open_source(source) if item.name == name)


def test_a_folder_is_walked_and_2_comes_before_10(tmp_path: Path) -> None:
    photos(tmp_path, 11)
    photos(tmp_path / "deep" / "er", 1)
    assert names(tmp_path) == [*(f"{number}.jpg" for number in range(11)), "deep/er/0.jpg"]
    assert names(str(tmp_path)) == names(tmp_path)
    item = found(tmp_path, "3.jpg")
    assert item.read(10) == (tmp_path / "3.jpg").read_bytes()[:10]
    assert item.size == (tmp_path / "3.jpg").stat().st_size


def test_a_source_is_gone_through_again(tmp_path: Path) -> None:
    source = open_source(photos(tmp_path, 3))
    assert [item.name for item in source] == [item.name for item in source]
    assert source.total == 3


def test_hidden_things_are_known(tmp_path: Path) -> None:
    photos(tmp_path, 1)
    for name in (".secret.jpg", "._0.jpg", "Thumbs.db", "__MACOSX/a.jpg", ".cache/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert {item.name for item in open_source(tmp_path) if item.finding == "hidden"} == {
        ".secret.jpg", "._0.jpg", "Thumbs.db", "__MACOSX/a.jpg", ".cache/b.jpg"
    }  # fmt: skip
    assert not is_hidden("a.b/c.jpg")


@posix
def test_loops_pipes_and_links_are_no_trap(tmp_path: Path) -> None:
    photos(tmp_path, 1)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "nowhere.jpg").symlink_to("gone.jpg")
    (tmp_path / "linked.jpg").symlink_to("0.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    told = {item.name: item.finding for item in open_source(tmp_path)}
    assert told == {
        "0.jpg": "", "linked.jpg": "", "loop": "other", "self.jpg": "unreadable", "nowhere.jpg": "unreadable",
        "pipe.jpg": "other",
    }  # fmt: skip


@posix
def test_a_file_that_became_a_pipe_does_not_make_us_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(OSError, match="regular"):
        read_file(tmp_path / "pipe.jpg", 100)


@posix
def test_odd_names_are_shown_and_read(tmp_path: Path) -> None:
    data = encoded(photo())
    odd = [
        b"a\nb.jpg",
        b"\xff\xfe.jpg",
        "grüße 🌷.jpg".encode(),
        b"<b>x&y</b>.jpg"[:-5] + b".jpg",
        b"-rf.jpg",
        b"c\x1b[2J.jpg",
    ]
    for name in odd:
        with open(os.path.join(os.fsencode(tmp_path), name.replace(b"/", b"_")), "wb") as file:
            file.write(data)
    items = list(open_source(tmp_path))
    assert len(items) == len(odd)
    for item in items:
        assert item.name.isprintable()
        assert item.name.encode()
        assert item.read(1 << 20) == data
    assert shown("\x1b[2J") == "?[2J"


def test_files_lists_and_single_pictures(tmp_path: Path) -> None:
    photos(tmp_path / "a", 2)
    photos(tmp_path / "b", 2)
    assert names([tmp_path / "a" / "1.jpg", str(tmp_path / "b" / "1.jpg")]) == ["1.jpg", "1 (2).jpg"]
    assert names([tmp_path / "a", tmp_path / "b" / "0.jpg"]) == ["a/0.jpg", "a/1.jpg", "0.jpg"]
    assert names(tmp_path / "a" / "0.jpg") == ["0.jpg"]


def test_uploaded_bytes() -> None:
    data = encoded(photo())
    assert names(data) == ["upload.jpg"]
    assert names([data, encoded(photo(1), "PNG")]) == ["upload 1.jpg", "upload 2.png"]
    button = ({"name": "cat.jpg", "content": memoryview(data), "size": len(data)},)
    assert [(item.name, item.read(9)) for item in open_source(button)] == [("cat.jpg", data[:9])]
    source = open_source({"../my/cat.jpg": data, "b.png": memoryview(data)})
    assert [item.read(5) for item in source] == [data[:5], data[:5]]


@pytest.mark.parametrize("wrong", [None, 3, "", [], "https://example.org/a.zip", object(), [3]])
def test_what_is_no_source_is_told_in_words(wrong: object) -> None:
    with pytest.raises(BadValue):
        open_source(wrong)


def test_what_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="is not there"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(BadValue, match="is not there"):
        open_source([tmp_path / "nowhere.jpg"])
    with pytest.raises(BadValue):
        open_source("a\0b")


def test_limits_are_told_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path, 3)
    (tmp_path / "notes.txt").write_bytes(b"not a picture" * 100_000)
    monkeypatch.setenv("RUNWAY_LAB_DATASET_IMAGES", "3")
    assert len(names(tmp_path)) == 4
    monkeypatch.setenv("RUNWAY_LAB_DATASET_IMAGES", "2")
    with pytest.raises(BadValue, match="has 3 pictures.*dataset_images|more pictures"):
        open_source(tmp_path)
    monkeypatch.setenv("RUNWAY_LAB_DATASET_IMAGES", "100")
    monkeypatch.setenv("RUNWAY_LAB_DATASET_GB", "0.001")
    assert len(names(tmp_path)) == 4, "what is no picture does not count"
    with (tmp_path / "large.jpg").open("wb") as file:
        file.truncate(1_100_000)
    with pytest.raises(BadValue, match="dataset_gb"):
        open_source(tmp_path)


def test_a_change_shows_in_the_fingerprint(tmp_path: Path) -> None:
    photos(tmp_path, 2)
    before = open_source(tmp_path).fingerprint()
    assert open_source(tmp_path).fingerprint() == before
    os.utime(tmp_path / "1.jpg", (1, 1))
    assert open_source(tmp_path).fingerprint() != before


def test_a_few_are_spread_over_all(tmp_path: Path) -> None:
    photos(tmp_path, 10)
    assert [item.name for item in open_source(tmp_path).few(3)] == ["0.jpg", "3.jpg", "6.jpg"]


def test_a_missing_folder_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadValue) as caught:
        open_source("nowhere")
    assert str(caught.value) == f"nowhere is not there. Look at the name; it is looked for in {Path.cwd()}."
    with pytest.raises(BadValue, match=r"Look at the name\.$"):
        open_source(tmp_path / "nowhere")
