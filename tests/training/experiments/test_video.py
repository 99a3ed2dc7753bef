"""A film that was written plays: its frames, size, length and colours are right; what ends early leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence
from support.disk import small_disk

from runway_lab.errors import BadValue, LibraryFull, RunwayLabError
from runway_lab.training.experiments import video
from runway_lab.training.experiments.video import VideoCancelled, write_video

COLOURS = [(200, 40, 40), (40, 180, 60), (30, 60, 200), (240, 240, 240), (20, 20, 20), (128, 128, 128)]
FILMS = ("film.mp4", "film.webm")


def cards(width: int = 96, height: int = 64, repeat: int = 4) -> list[np.ndarray]:
    return [np.full((height, width, 3), colour, np.uint8) for colour in COLOURS for _ in range(repeat)]


def read(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray() for frame in film.decode(video=0)]


@pytest.mark.parametrize("name", FILMS)
def test_frames_size_length_and_colours_are_right(tmp_path: Path, name: str) -> None:
    given = cards()
    written = write_video(given, tmp_path / name, fps=12)
    assert written.note == ""
    assert (written.frames, written.seconds) == (24, 2.0)
    found = read(written.path)
    assert len(found) == 24
    assert {each.shape for each in found} == {(64, 96, 3)}
    for number in range(3, 24, 4):
        assert np.abs(found[number].astype(int) - given[number]).mean() < 4, COLOURS[number // 4]
    with av.open(str(written.path)) as film:
        track = film.streams.video[0]
        assert track.codec_context.name in ("h264", "vp9", "libdav1d")
        assert track.pix_fmt == "yuv420p"
        assert float(track.average_rate) == 12
        assert float(film.duration / av.time_base) == pytest.approx(2, abs=0.1)
        # What is not said is guessed by each player, by the size of the picture.
        assert track.codec_context.colorspace == 1
        assert track.codec_context.color_range == 1


def test_an_mp4_begins_with_its_table_of_contents(tmp_path: Path) -> None:
    data = write_video(cards(), tmp_path / "film.mp4").path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize(("width", "height"), [(63, 41), (64, 41), (1, 1)])
def test_odd_sides_are_continued_by_a_pixel(tmp_path: Path, name: str, width: int, height: int) -> None:
    given = cards(width, height, repeat=2)
    found = read(write_video(given, tmp_path / name).path)
    assert found[0].shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(found[-1][:height, :width].astype(int) - given[-1]).mean() < 6
    assert np.abs(found[-1][-1, -1].astype(int) - given[-1][-1, -1]).max() < 12


@pytest.mark.parametrize("fps", [24, 25, 29.97, 0.5, 60])
@pytest.mark.parametrize("name", FILMS)
def test_any_rate_is_kept(tmp_path: Path, name: str, fps: float) -> None:
    written = write_video(cards(32, 32, repeat=1), tmp_path / name, fps=fps)
    with av.open(str(written.path)) as film:
        assert float(film.streams.video[0].average_rate) == pytest.approx(fps, rel=0.01)
        times = [frame.time for frame in film.decode(video=0)]
    assert np.allclose(np.diff(times), 1 / fps, atol=0.002)


def test_a_gif_plays_as_long_as_it_should_and_for_ever(tmp_path: Path) -> None:
    given = cards(63, 41)
    written = write_video(given, tmp_path / "film.gif", fps=15)
    assert (written.codec, written.width, written.height, written.frames) == ("gif", 63, 41, 24)
    with Image.open(written.path) as film:
        assert film.info["loop"] == 0
        frames = [(each.convert("RGB"), each.info["duration"]) for each in ImageSequence.Iterator(film)]
    assert sum(duration for _, duration in frames) == 1600
    assert np.abs(np.asarray(frames[0][0]).astype(int) - given[0]).max() <= 4
    # Equal frames are kept as one that is shown longer.
    assert len(frames) == len(COLOURS)


def test_a_gif_that_would_be_too_fast_says_so(tmp_path: Path) -> None:
    written = write_video(cards(repeat=2), tmp_path / "film.gif", fps=100)
    assert written.fps == 50
    assert "at most 50 frames a second" in written.note


@pytest.mark.parametrize("name", [*FILMS, "film.gif"])
def test_pillow_images_gray_arrays_and_generators_are_taken(tmp_path: Path, name: str) -> None:
    def frames() -> Iterator[Any]:
        yield Image.new("RGB", (32, 32), (200, 40, 40))
        yield Image.new("RGBA", (32, 32), (200, 40, 40, 255))
        yield Image.new("L", (32, 32), 90)
        yield np.full((32, 32), 90, np.uint8)
        yield np.full((32, 32, 1), 90, np.uint8)

    told: list[tuple[int, int]] = []
    written = write_video(frames(), tmp_path / name, progress=lambda *numbers: told.append(numbers))
    assert written.frames == 5
    assert told == [(number, 0) for number in range(1, 6)]


@pytest.mark.parametrize("name", [*FILMS, "film.gif"])
def test_progress_is_told(tmp_path: Path, name: str) -> None:
    told: list[tuple[int, int]] = []
    write_video(cards(repeat=1), tmp_path / name, progress=lambda *numbers: told.append(numbers))
    assert told == [(number, 6) for number in range(1, 7)]


@pytest.mark.parametrize("name", [*FILMS, "film.gif"])
def test_one_that_is_cancelled_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"the film of yesterday")
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 10

    with pytest.raises(VideoCancelled, match="nothing of it was kept"):
        write_video(cards(), tmp_path / name, cancelled=cancelled)
    assert asked == 11
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"the film of yesterday"


@pytest.mark.parametrize("name", [*FILMS, "film.gif"])
def test_one_whose_frames_or_progress_fail_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield from cards()
        raise KeyError("no more")

    def progress(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyError):
        write_video(frames(), tmp_path / name)
    with pytest.raises(KeyboardInterrupt):
        write_video(cards(), tmp_path / name, progress=progress)
    with pytest.raises(BadValue, match=r"Frame 24 has 32x32 pixels, the film 96x64"):
        write_video([*cards(), np.zeros((32, 32, 3), np.uint8)], tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [*FILMS, "film.gif"])
def test_a_full_disk_is_told_in_words_and_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    random = np.random.default_rng(0)
    noise = [random.integers(0, 256, (128, 128, 3), dtype=np.uint8) for _ in range(24)]
    (tmp_path / name).write_bytes(b"the film of yesterday")
    with small_disk(30_000), pytest.raises(LibraryFull, match="no room on the disk"):
        write_video(noise, tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"the film of yesterday"


@pytest.mark.parametrize("name", [*FILMS, "film.gif"])
def test_a_disk_that_is_full_at_the_very_end_is_noticed(tmp_path: Path, name: str) -> None:
    """The last pieces are written when the film is closed; one that lacks them must not get its name."""
    given = cards(repeat=1)
    size = write_video(given, tmp_path / name).path.stat().st_size
    for most in (size - 1, size - 200, size // 2):
        with small_disk(most), pytest.raises(LibraryFull, match="no room on the disk"):
            write_video(given, tmp_path / f"other-{name}")
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_it_replaces_the_film_that_was_there_and_makes_folders(tmp_path: Path) -> None:
    path = tmp_path / "films" / "one.mp4"
    write_video(cards(repeat=1), path)
    before = path.read_bytes()
    write_video(cards(repeat=2), path)
    assert path.read_bytes() != before
    assert len(read(path)) == 12


def test_without_h264_the_next_best_is_taken_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_can_write", lambda codec: codec == "mpeg4")
    written = write_video(cards(), tmp_path / "film.mp4", fps=12)
    assert written.codec == "mpeg4"
    assert "cannot write H.264" in written.note
    found = read(written.path)
    assert len(found) == 24
    assert np.abs(found[3].astype(int) - cards()[3]).mean() < 8
    with pytest.raises(RunwayLabError, match=r"can write no film that ends in \.webm.*\.gif"):
        write_video(cards(), tmp_path / "film.webm")


@pytest.mark.parametrize("codec", ["libvpx", "libsvtav1"])
def test_without_vp9_the_next_best_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str) -> None:
    if not video._can_write(codec):
        pytest.skip(f"this PyAV has no {codec}")
    monkeypatch.setattr(video, "_can_write", lambda name: name == codec)
    written = write_video(cards(), tmp_path / "film.webm")
    assert written.codec == codec
    assert len(read(written.path)) == 24


def test_what_makes_no_film_is_told_in_words(tmp_path: Path) -> None:
    for frames, name, fps, why in (
        (cards(), "film.avi", 24, r"saved as 'film\.avi'.*\.mp4, \.webm, \.gif"),
        (cards(), "film.mp4", 0, "0 frames a second"),
        (cards(), "film.mp4", True, "True frames a second"),
        ([], "film.mp4", 24, "at least one frame"),
        (iter([]), "film.gif", 24, "at least one frame"),
        ([np.zeros((4, 4, 3))], "film.mp4", 24, "cannot be an array"),
        (["picture"], "film.mp4", 24, "cannot be 'picture'"),
    ):
        with pytest.raises(BadValue, match=why):
            write_video(frames, tmp_path / name, fps=fps)
    assert not list(tmp_path.iterdir())
