"""Many pictures go on one sheet, and each comes out of it again as it went in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runway_lab.errors import BadValue, RunwayLabError
from runway_lab.training.sheets import GAP_COLOUR, Layout, cut, lay_out, save_sheet


def pictures(count: int, height: int = 12, width: int = 10, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 7, 32])
@pytest.mark.parametrize("columns", [None, 1, 3, 40])
def test_each_picture_comes_out_as_it_went_in(channels: int, count: int, columns: int | None) -> None:
    given = pictures(count, channels=channels)
    sheet, layout = lay_out(given, columns), Layout.of(given, columns)
    assert sheet.size == layout.size
    for index in range(count):
        found = np.asarray(cut(sheet, layout, index))
        assert np.array_equal(found.reshape(given[index].shape), given[index])


def test_boxes_do_not_touch_and_stay_on_the_sheet() -> None:
    layout = Layout(count=11, columns=4, height=8, width=6, gap=3)
    seen = np.zeros(layout.size[::-1], int)
    for index in range(layout.count):
        left, top, right, bottom = layout.box(index)
        assert (right - left, bottom - top) == (6, 8)
        seen[top:bottom, left:right] += 1
    assert seen.max() == 1
    assert seen.sum() == 11 * 6 * 8


@pytest.mark.parametrize("count", [8, 16, 32, 64, 100])
def test_a_sheet_of_squares_is_about_as_wide_as_a_screen(count: int) -> None:
    width, height = Layout.of(pictures(count, 16, 16)).size
    assert 1.0 <= width / height <= 2.5


def test_the_gap_has_its_colour_and_is_transparent_where_pictures_are() -> None:
    assert lay_out(pictures(2), 2).getpixel((10, 0)) == GAP_COLOUR
    assert lay_out(pictures(2), 2, colour=(255, 0, 0)).getpixel((11, 5)) == (255, 0, 0)
    assert lay_out(pictures(2, channels=4), 2).getpixel((10, 0)) == (0, 0, 0, 0)
    assert lay_out(pictures(2), 2, gap=0).size == (20, 12)


def test_a_layout_survives_json() -> None:
    layout = Layout(count=5, columns=3, height=64, width=48, gap=0)
    assert Layout.from_json({**layout.to_json(), "step": 250}) == layout


@pytest.mark.parametrize("name", ["step-000250.webp", "step-000250.png"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_is_saved_without_loss_is_the_same(tmp_path: Path, name: str, channels: int) -> None:
    given = pictures(6, channels=channels)
    path = save_sheet(lay_out(given), tmp_path / "samples" / name, quality=None)
    found = Image.open(path)
    assert np.array_equal(np.asarray(found.convert("RGBA")), np.asarray(lay_out(given).convert("RGBA")))
    assert [each.name for each in path.parent.iterdir()] == [name]


def test_what_is_saved_as_usual_is_smaller_and_looks_the_same(tmp_path: Path) -> None:
    slope = np.linspace(0, 255, 64).astype(np.uint8)
    given = np.stack([np.stack([np.roll(slope[None] * np.ones((64, 1), np.uint8), k, 1)] * 3, -1) for k in range(8)])
    path = save_sheet(lay_out(given), tmp_path / "sheet.webp")
    assert path.stat().st_size < given.size / 10
    found = np.asarray(cut(Image.open(path), Layout.of(given), 3).convert("RGB")).astype(int)
    assert np.abs(found - given[3]).mean() < 3


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((0, 4, 4, 3), np.uint8),
        np.zeros((2, 4, 4, 2), np.uint8),
        np.zeros((2, 4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.uint8),
    ],
)
def test_what_is_no_set_of_pictures_is_told_in_words(wrong: np.ndarray) -> None:
    with pytest.raises(BadValue, match="A sheet cannot be made of"):
        lay_out(wrong)


def test_other_mistakes_are_told_in_words(tmp_path: Path) -> None:
    layout = Layout.of(pictures(3))
    with pytest.raises(BadValue, match="no picture 3"):
        layout.box(3)
    with pytest.raises(BadValue, match="no picture -1"):
        layout.box(-1)
    with pytest.raises(BadValue, match="another layout"):
        cut(lay_out(pictures(4)), layout, 0)
    with pytest.raises(BadValue, match=r"\.webp and \.png"):
        save_sheet(lay_out(pictures(1)), tmp_path / "sheet.jpg")
    with pytest.raises(RunwayLabError, match="at most 16383 pixels"):
        save_sheet(Image.new("RGB", (16384, 1)), tmp_path / "sheet.webp")
    with pytest.raises(BadValue, match="columns = 0"):
        Layout(count=3, columns=0, height=4, width=4)
    assert not list(tmp_path.iterdir())
