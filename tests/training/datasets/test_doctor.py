"""The doctor reads everything and writes nothing; previews show what cropping does."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.pictures import encoded, photo, photos

from runway_lab.errors import BadValue
from runway_lab.settings import home
from runway_lab.training.datasets import Stopped, examine, preview
from runway_lab.training.datasets.doctor import plan_for
from runway_lab.training.datasets.sources import open_source


def test_nothing_is_written(tmp_path: Path) -> None:
    photos(tmp_path, 3)
    examine(tmp_path, size=32)
    preview(tmp_path, size=32)
    assert not home().exists()
    assert len(os.listdir(tmp_path)) == 3


@pytest.fixture
def open_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that others may enter too."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        monkeypatch.setenv("RUNWAY_LAB_HOME", f"{name}/library")
        yield Path(name)


def test_everything_at_once_in_one_folder(open_folder: Path) -> None:
    tmp_path = photos(open_folder, 3)
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "cut.jpg").write_bytes(encoded(photo(7, 200, 200))[:4000])
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "raw.NEF").write_bytes(b"MM\0*" + bytes(100))
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (tmp_path / "locked.jpg").write_bytes(encoded(photo(8)))
    (tmp_path / "locked.jpg").chmod(0)
    if sys.platform != "win32":
        (tmp_path / "loop").symlink_to(tmp_path)
        os.mkfifo(tmp_path / "pipe.jpg")
        closed = tmp_path / "closed"
        photos(closed, 1)
        closed.chmod(0)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        report = examine(tmp_path, size=32)
    finally:
        if root:
            os.seteuid(0)
        (tmp_path / "locked.jpg").chmod(0o644)
        if sys.platform != "win32":
            closed.chmod(0o755)
    assert report.taken == (3 if sys.platform != "win32" else 4)
    assert report["truncated"].files == ("cut.jpg",)
    said = str(report)
    assert "HEIC is not opened here: save it as JPEG or PNG" in said
    assert "empty.jpg (the file is empty)" in said
    if sys.platform != "win32":
        assert "closed/ (this folder may not be opened)" in said
        assert "locked.jpg (Permission denied)" in said
        assert "loop (a link to a folder, which is not followed)" in said


def test_the_size_is_chosen_by_most_of_the_pictures(tmp_path: Path) -> None:
    photos(tmp_path / "a", 10, 400, 300)
    photos(tmp_path / "b", 10, 150, 130)
    photos(tmp_path / "c", 10, 20, 20)
    photos(tmp_path / "d", 1, 30, 30)

    def chosen(*folders: str) -> int:
        return plan_for(open_source([tmp_path / each for each in folders]), "center", None, "rgb").height

    assert [chosen("a"), chosen("b"), chosen("c")] == [256, 128, 32]
    assert chosen("a", "d") == 256, "one small one among many does not make all small"
    assert chosen("a", "b") == 128


def test_channels_are_chosen_on_request(tmp_path: Path) -> None:
    photos(tmp_path, 4)
    for number in range(4):
        (tmp_path / f"gray{number}.png").write_bytes(encoded(photo(number).convert("L"), "PNG"))
    assert plan_for(open_source(tmp_path), "center", 32, "auto").channels == "rgb"
    gray = [tmp_path / f"gray{number}.png" for number in range(4)]
    assert plan_for(open_source(gray), "center", 32, "auto").channels == "gray"
    assert examine(gray, size=32, channels="auto").plan.channels == "gray"


def test_wrong_wishes_are_told_before_anything_is_read(tmp_path: Path) -> None:
    photos(tmp_path, 1)
    for wrong in ({"crop": "left"}, {"size": 3}, {"channels": "hsv"}, {"decisions": {"gray": "fix"}}):
        with pytest.raises(BadValue):
            examine(tmp_path, **wrong)  # type: ignore[arg-type]


def test_it_can_be_stopped(tmp_path: Path) -> None:
    photos(tmp_path, 10)
    with pytest.raises(Stopped):
        examine(tmp_path, size=32, stop=lambda: True)


def test_previews_show_before_and_after(tmp_path: Path) -> None:
    photos(tmp_path, 12, 300, 150)
    (tmp_path / "0.jpg").write_bytes(b"x")
    shown = preview(tmp_path, size=64, count=4)
    assert len(shown) == 4
    for before, after in shown:
        assert (before.size, after.size) == ((300, 150), (64, 64))
        wanted = before.resize((64, 64), box=(75, 0, 225, 150))
        assert np.abs(np.asarray(after, int) - np.asarray(wanted)).mean() < 5
    page = shown._repr_html_()
    assert page.count("data:image/jpeg;base64,") == 8
    before, after = preview(tmp_path, size=64, crop="none", count=1)[0]
    assert np.abs(np.asarray(after)[16:48].mean((0, 1)) - np.asarray(before).mean((0, 1))).max() < 8


def test_previews_of_random_crops_are_those_that_will_be_made(tmp_path: Path) -> None:
    from runway_lab.training.datasets import Dataset

    photos(tmp_path, 3, 300, 150)
    shown = preview(tmp_path, size=64, crop="random", seed=5, count=1)
    data = Dataset.create("petals", tmp_path, size=64, crop="random", seed=5)
    assert np.array_equal(np.asarray(shown[0].after), data[0])
    assert not np.array_equal(np.asarray(preview(tmp_path, size=64, count=1)[0].after), data[0])


def test_without_pictures_there_is_nothing_to_preview(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    shown = preview(tmp_path)
    assert list(shown) == []
    assert "no picture" in shown._repr_html_()
    with pytest.raises(BadValue, match="1 to 100"):
        preview(tmp_path, count=0)


def test_transparent_and_large_pictures_are_previewed() -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (1000, 700), (255, 0, 0, 100)).save(stream, "PNG")
    noisy = photo(1, 1000, 700).convert("RGBA")
    noisy.putalpha(100)
    ((before, after),) = preview(encoded(noisy, "PNG"), size=64, channels="rgba")
    assert max(before.size) == 320
    assert (after.mode, after.size) == ("RGBA", (64, 64))
