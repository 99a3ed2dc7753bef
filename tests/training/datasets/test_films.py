"""Films: some of their frames, and not the same one over and over."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from support.pictures import photo

from runway_lab.errors import BadValue
from runway_lab.media import Film
from runway_lab.training.datasets import Dataset, examine
from runway_lab.training.datasets.sources import open_source


def film(scenes: int = 3, each: int = 8, fps: int = 8) -> bytes:
    """So many still scenes of a second each."""
    frames = []
    for number in range(scenes * each):
        frame = np.asarray(photo(number // each, 96, 64)).astype(int)
        frame[:, number % each * 4 : number % each * 4 + 4] += 12
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    return Film.from_frames(frames, fps).read()


@pytest.fixture(scope="module")
def three_scenes() -> bytes:
    return film()


def test_frames_are_taken_as_asked(three_scenes: bytes, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(three_scenes)
    for source in (three_scenes, tmp_path / "film.mp4"):
        assert len(list(open_source(source))) == 6, "two a second unless told otherwise"
        assert len(list(open_source(source, every=1))) == 24
        assert len(list(open_source(source, every=5))) == 5
        assert len(list(open_source(source, per_second=1))) == 3
        assert len(list(open_source(source, per_second=100))) == 24


def test_what_looks_alike_is_left_out(three_scenes: bytes) -> None:
    report = examine(three_scenes, size=32, every=1)
    assert (report.total, report.taken) == (24, 3)
    assert report["near_duplicate"].count > 10
    assert report["near_duplicate"].count + (report["duplicate"].count if "duplicate" in report else 0) == 21
    kept = examine(three_scenes, size=32, every=1, decisions={"near_duplicate": "keep", "duplicate": "keep"})
    assert kept.taken == 24


def test_a_film_becomes_a_dataset(three_scenes: bytes) -> None:
    data = Dataset.create("film", three_scenes, size=32)
    assert data.pictures.shape == (3, 32, 32, 3)
    assert [each["file"] for each in data.manifest["pictures"]][1].endswith("00:01.000 (frame 8)")
    assert Dataset.create("film", three_scenes, size=32) == data


def test_a_film_that_is_cut_gives_what_is_there(three_scenes: bytes) -> None:
    with pytest.raises(BadValue, match="film"):
        examine(three_scenes[:200], size=32)
    # This kind of file tells at its end where everything is; the others are read as far as they go.
    stream = io.BytesIO()
    with av.open(io.BytesIO(three_scenes)) as source, av.open(stream, "w", format="mpegts") as target:
        track = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                target.mux(packet)
    cut = stream.getvalue()[: len(stream.getvalue()) // 2]
    source = open_source({"film.mpg": cut}, every=1)
    assert 0 < len(list(source)) < 24


@pytest.mark.parametrize(
    "wrong", [{"every": 0}, {"every": 1.5}, {"per_second": 0}, {"per_second": "x"}, {"every": 1, "per_second": 1}]
)
def test_wrong_wishes_are_told(three_scenes: bytes, wrong: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        open_source(three_scenes, **wrong)  # type: ignore[arg-type]
