"""The film of a training shows every step in its order, the pictures one asked for, and rests on the last."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from runway_lab.errors import BadValue, RunwayLabError
from runway_lab.training.experiments import timelapse
from runway_lab.training.experiments.timelapse import film_of_steps
from runway_lab.training.experiments.video import VideoCancelled
from runway_lab.training.sheets import Layout, lay_out, save_sheet

SIDE = 32
COUNT = 6
STEPS = (0, 1, 3, 10, 30, 100, 300, 1000)
LAYOUT = Layout(COUNT, 3, SIDE, SIDE, gap=0)


def colour(step_number: int, index: int) -> tuple[int, int, int]:
    """Red grows with the steps, blue tells the picture."""
    return 30 * step_number, 60, 40 * index


def sheet(step_number: int, channels: int = 3) -> Image.Image:
    pictures = np.empty((COUNT, SIDE, SIDE, channels), np.uint8)
    for index in range(COUNT):
        pictures[index] = (*colour(step_number, index), 255)[:channels]
    return lay_out(pictures, 3, gap=0)


def steps() -> list[tuple[int, Image.Image]]:
    return [(step, sheet(number)) for number, step in enumerate(STEPS)]


def read(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [
            frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray().astype(int)
            for frame in film.decode(video=0)
        ]


def film(path: Path, given: Any = None, **changes: Any) -> list[np.ndarray]:
    wanted = {"seconds": 2, "fps": 12, "hold": 1, "numbers": False, "side": 192, **changes}
    written = film_of_steps(given or steps(), path, **wanted)
    found = read(path)
    assert len(found) == written.frames
    return found


@pytest.mark.parametrize("name", ["film.mp4", "film.webm"])
def test_it_goes_from_the_first_step_to_the_last_and_rests_there(tmp_path: Path, name: str) -> None:
    found = film(tmp_path / name)
    assert len(found) == 24 + 12
    assert found[0].shape == (128, 192, 3)
    red = [frame[32, 32, 0] for frame in found]
    assert all(after >= before - 4 for before, after in pairwise(red))
    assert red[0] == pytest.approx(0, abs=6)
    assert red[23] == pytest.approx(210, abs=6)
    assert max(red[23:]) - min(red[23:]) < 4
    # All six are there, in their places.
    blue = [found[0][64 * row + 32, 64 * column + 32, 2] for row in range(2) for column in range(3)]
    assert blue == pytest.approx([0, 40, 80, 120, 160, 200], abs=8)


def test_it_slows_down_at_the_end(tmp_path: Path) -> None:
    red = [frame[32, 32, 0] for frame in film(tmp_path / "film.mp4", fade=1, hold=0, seconds=4)]
    speed = np.diff(red)
    assert speed[-6:].mean() < 0.5 * speed[:20].mean()
    assert max(timelapse._eased(at / 50) - timelapse._eased(at / 50 - 0.02) for at in range(1, 51)) < 0.024


def test_without_fading_only_sampled_steps_are_seen(tmp_path: Path) -> None:
    sampled = {colour(number, 0)[0] for number in range(len(STEPS))}
    for fade, others in ((0, False), (1, True)):
        red = {int(frame[32, 32, 0]) for frame in film(tmp_path / "film.mp4", fade=fade)}
        assert any(min(abs(each - one) for one in sampled) > 8 for each in red) == others


def test_chosen_pictures_alone_are_seen(tmp_path: Path) -> None:
    found = film(tmp_path / "film.mp4", layout=LAYOUT, indices=[4])
    assert found[0].shape == (192, 192, 3)
    assert found[0][96, 96, 2] == pytest.approx(160, abs=6)
    two = film(tmp_path / "film.mp4", layout=LAYOUT, indices=[5, 1])
    assert two[0].shape[0] < two[0].shape[1]
    assert two[0][48, 20, 2] == pytest.approx(200, abs=6)
    assert two[0][48, -20, 2] == pytest.approx(40, abs=6)


def test_wandering_goes_from_latent_to_latent_while_it_learns(tmp_path: Path) -> None:
    found = film(tmp_path / "film.mp4", layout=LAYOUT, wander=True, hold=0, seconds=4)
    assert found[0].shape == (192, 192, 3)
    blue = [frame[96, 96, 2] for frame in found]
    red = [frame[96, 96, 0] for frame in found]
    assert (blue[0], blue[-1]) == (pytest.approx(0, abs=6), pytest.approx(200, abs=6))
    assert (red[0], red[-1]) == (pytest.approx(0, abs=6), pytest.approx(210, abs=6))
    assert all(after >= before - 4 for before, after in pairwise(blue))


def test_the_step_is_written_in_a_corner_and_nowhere_else(tmp_path: Path) -> None:
    plain = film(tmp_path / "plain.mp4", side=384)
    numbered = film(tmp_path / "numbered.mp4", side=384, numbers=True)
    for frame in (0, 35):
        changed = np.abs(plain[frame] - numbered[frame]).max(axis=2) > 40
        rows, columns = np.nonzero(changed)
        assert changed.any()
        assert rows.min() > 256 * 0.7
        assert columns.max() < 384 * 0.5
    # Another number at another step: some pixels of the letters differ.
    last = np.abs(plain[35] - numbered[35]).max(axis=2) > 60
    first = np.abs(plain[0] - numbered[0]).max(axis=2) > 60
    assert (last != first).sum() > 50


def test_steps_come_in_their_order_and_from_files(tmp_path: Path) -> None:
    paths = [(step, save_sheet(picture, tmp_path / f"step-{step:06}.webp", quality=None)) for step, picture in steps()]
    from_files = film(tmp_path / "film.mp4", paths[::-1])
    assert np.array_equal(from_files, film(tmp_path / "other.mp4"))


def test_damaged_sheets_cost_nothing_but_themselves(tmp_path: Path) -> None:
    paths: list[Any] = [(step, save_sheet(picture, tmp_path / f"step-{step:06}.png")) for step, picture in steps()]
    paths[0][1].write_bytes(b"nothing")
    paths[3][1].write_bytes(paths[3][1].read_bytes()[:100])
    paths[5][1].unlink()
    paths[6] = (300, Image.new("RGB", (10, 10)))
    written = film_of_steps(paths, tmp_path / "film.mp4", seconds=2, fps=12, hold=1, numbers=False, side=192)
    assert written.note == "The samples of step 0, 10, 100, 300 could not be read and were left out."
    red = [frame[32, 32, 0] for frame in read(written.path)]
    assert (red[0], red[-1]) == (pytest.approx(30, abs=6), pytest.approx(210, abs=6))
    with pytest.raises(RunwayLabError, match="None of the samples can be read"):
        film_of_steps([(0, tmp_path / "nowhere.webp")], tmp_path / "none.mp4")
    assert not (tmp_path / "none.mp4").exists()


def test_transparent_and_gray_sheets_are_seen_on_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    gray = Image.new("L", (64, 64), 90)
    found = film(tmp_path / "film.mp4", [(0, clear), (1, gray)], side=64)
    assert found[0].min() > 245
    assert found[-1] == pytest.approx(90, abs=4)


@pytest.mark.parametrize(
    ("size", "side", "wanted"), [((64, 64), 300, (256, 256)), ((63, 33), 63, (64, 32)), ((800, 400), 200, (200, 100))]
)
def test_small_ones_grow_by_whole_numbers_and_large_ones_are_made_to_fit(
    tmp_path: Path, size: tuple[int, int], side: int, wanted: tuple[int, int]
) -> None:
    written = film_of_steps([(0, Image.new("RGB", size))], tmp_path / "film.mp4", side=side, seconds=0.2, hold=0)
    assert (written.width, written.height) == wanted


def test_a_gif_is_made_too_and_smaller(tmp_path: Path) -> None:
    written = film_of_steps(steps(), tmp_path / "film.gif", seconds=1, hold=0.5)
    assert (written.frames, written.fps) == (18, 12)
    assert written.width == 576
    with Image.open(written.path) as found:
        assert found.n_frames > 5


def test_the_time_follows_from_the_number_of_steps(tmp_path: Path) -> None:
    few = film_of_steps([(step, sheet(0)) for step in range(2)], tmp_path / "few.mp4", fps=2)
    many = film_of_steps([(step, sheet(0)) for step in range(120)], tmp_path / "many.mp4", fps=2)
    assert (few.seconds, many.seconds) == (5.0, 12.0)


def test_progress_is_told_and_a_cancelled_film_leaves_nothing(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    film(tmp_path / "film.mp4", progress=lambda *numbers: told.append(numbers))
    assert told == [(number, 36) for number in range(1, 37)]
    with pytest.raises(VideoCancelled):
        film(tmp_path / "other.mp4", cancelled=lambda: len(told) > 0)
    assert [each.name for each in tmp_path.iterdir()] == ["film.mp4"]


def test_what_makes_no_film_is_told_in_words(tmp_path: Path) -> None:
    for given, changes, why in (
        ([], {}, "no film of no steps"),
        (steps(), {"fade": 2}, "fade = 2"),
        (steps(), {"seconds": 0}, "seconds = 0"),
        (steps(), {"hold": -1}, "hold = -1"),
        (steps(), {"indices": [0]}, "need the layout"),
        (steps(), {"wander": True}, "need the layout"),
        (steps(), {"layout": LAYOUT, "indices": [6]}, "no picture 6 on this sheet"),
        (steps(), {"layout": LAYOUT, "indices": []}, "No picture of the sheets was chosen"),
    ):
        with pytest.raises(BadValue, match=why):
            film_of_steps(given, tmp_path / "film.mp4", **changes)
    assert not list(tmp_path.iterdir())
