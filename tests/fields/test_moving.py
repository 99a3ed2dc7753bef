"""Sounds and films as inputs and outputs."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from runway_lab import frames
from runway_lab.errors import BadValue
from runway_lab.fields import Audio, Buffer, Video
from runway_lab.media import Film, Sound

TONE = Sound(np.sin(np.arange(800) / 9)[:, None] * [0.5, -0.25], 8000)
FILM = Film.from_frames([np.full((16, 24, 3), 40 * index, np.uint8) for index in range(4)], fps=8)


def test_a_sound_may_come_in_many_ways(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    path.write_bytes(TONE.wav())
    field = Audio()
    assert field.check(TONE) is TONE
    for given in (path, str(path), TONE.wav(), bytearray(TONE.wav()), memoryview(TONE.wav()), (TONE.samples, 8000)):
        heard = field.check(given)
        assert heard.rate == 8000
        assert np.abs(heard.samples - TONE.samples).max() < 1e-3


def test_a_tensor_of_samples_is_a_sound() -> None:
    import torch

    assert Audio().check((torch.zeros(100, requires_grad=True), 8000)).samples.shape == (100, 1)


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        b"",
        b"no sound",
        TONE.wav()[:20],
        "no such file.wav",
        "x" * 10_000,
        "~no-such-person/x.wav",
        (np.zeros(5), "fast"),
        (np.zeros(5), float("inf")),
        (np.zeros(5), float("nan")),
        (np.zeros(5), 0),
        (np.zeros(5), True),
        (np.zeros((2, 100)), 8000),
        (np.zeros(0), 8000),
        (["a"], 8000),
        (np.full(5, np.nan), 8000),
        (1, 2, 3),
        FILM.read(),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_sound_is_refused(value: object) -> None:
    with pytest.raises(BadValue, match="Allowed: a sound") as caught:
        Audio().check(value)
    assert len(str(caught.value)) < 500


def test_a_sound_travels_without_a_copy() -> None:
    field = Audio()
    field.name = "sound"
    buffers: list[Buffer] = []
    packed = frames.pack_values([field], {"sound": TONE}, buffers)
    assert np.shares_memory(np.frombuffer(buffers[0], "<f4"), TONE.samples)
    data = frames.join({"inputs": json.loads(json.dumps(packed))}, buffers)
    message = frames.unpack(data)
    again = frames.unpack_values([field], message.header["inputs"], message.buffers)["sound"]
    assert np.array_equal(again.samples, TONE.samples)
    assert np.shares_memory(again.samples, np.frombuffer(data, np.uint8))
    assert again.rate == 8000


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [-1, -6400]},
        {"shape": [800, 3]},
        {"shape": [800]},
        {"shape": [800.0, 2]},
        {"shape": None},
        {"dtype": "<f8"},
        {"rate": None},
        {"rate": "8000"},
        {"rate": 10**400},
    ],
)
def test_samples_that_are_not_as_announced_are_refused(change: dict[str, object]) -> None:
    buffers: list[Buffer] = []
    packed = Audio().pack(TONE, buffers)
    with pytest.raises(BadValue):
        Audio().unpack(packed | change, [memoryview(each) for each in buffers])


def test_a_sound_in_json_is_a_wav() -> None:
    uri = Audio().to_json(TONE)
    assert uri.startswith("data:audio/wav;base64,")
    assert np.abs(Audio().from_json(uri).samples - TONE.samples).max() < 1e-3
    with wave.open(io.BytesIO(TONE.wav())) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 800)


def test_a_film_may_come_in_many_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(FILM.read())
    monkeypatch.chdir(tmp_path)
    field = Video()
    for given in (FILM, path, "film.mp4", FILM.read(), bytearray(FILM.read())):
        seen = field.check(given)
        assert seen.size == (24, 16)
        assert len(list(seen.frames())) == 4
    assert field.check("film.mp4").source == path


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        b"",
        b"no film",
        TONE.wav(),
        b"#EXTM3U\n",
        "no such film.mp4",
        "\0",
        "~no-such-person/x",
        Film(b"no film"),
        Film(Path("no such film.mp4")),
        np.zeros((4, 16, 16, 3), np.uint8),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_film_is_refused(value: object) -> None:
    with pytest.raises(BadValue, match="Allowed: a film"):
        Video().check(value)


def test_a_film_travels_as_the_file_it_is() -> None:
    buffers: list[Buffer] = []
    packed = Video().pack(FILM, buffers)
    assert packed == {"buffer": 0, "encoding": "file"}
    assert buffers == [FILM.read()]
    assert Video().unpack(packed, [memoryview(buffers[0])]).read() == FILM.read()


def test_a_film_in_json_says_what_it_is() -> None:
    assert Video().to_json(FILM).startswith("data:video/mp4;base64,")
    assert Video().from_json(Video().to_json(FILM)).read() == FILM.read()
    for begin, kind in (
        (b"\x1aE\xdf\xa3", "video/webm"),
        (b"GIF89a", "image/gif"),
        (b"OggS", "video/ogg"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
    ):
        assert Video().to_json(Video().check(begin)).startswith(f"data:{kind};base64,")


def test_a_film_that_went_away_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(FILM.read())
    film = Video().check(path)
    path.unlink()
    with pytest.raises(BadValue, match="cannot be read"):
        Video().pack(film, [])
