"""Sounds and films: what is read, how much of it, and what is never followed."""

from __future__ import annotations

import io
import socket
import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from runway_lab.errors import BadValue
from runway_lab.media import Film, Sound

RAMP = [np.full((16, 24, 3), 60 * index, np.uint8) for index in range(4)]


def test_samples_of_every_depth_run_from_minus_one_to_one() -> None:
    for samples in (
        np.array([-1, 0, 0.5]),
        np.array([-32768, 0, 16384], np.int16),
        np.array([-(2**31), 0, 2**30], np.int32),
        np.array([0, 128, 192], np.uint8),
        np.array([[-1], [0], [0.5]], np.float16),
    ):
        sound = Sound(samples, 8000)
        assert sound.samples.dtype == np.float32
        assert sound.samples.tolist() == [[-1], [0], [0.5]]


def test_float32_samples_are_not_copied() -> None:
    samples = np.zeros((10, 2), np.float32)
    assert Sound(samples, 8000).samples is samples


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (np.zeros(0), 8000),
        (np.zeros((5, 0)), 8000),
        (np.zeros((5, 65)), 8000),
        (np.zeros((5, 1, 1)), 8000),
        (np.array(5.0), 8000),
        (np.array(["a"]), 8000),
        (np.array([1j]), 8000),
        (np.zeros(5, np.int64), 8000),
        (np.array([np.inf]), 8000),
        (np.array([1e300]), 8000),
        (np.zeros(5), 0),
        (np.zeros(5), 10**400),
        (np.zeros(5), float("nan")),
        (np.zeros(5), "8000"),
        (np.zeros(5), True),
        (np.zeros(5), 1j),
    ],
    ids=repr,
)
def test_what_is_no_sound_is_refused(samples: np.ndarray, rate: int) -> None:
    with pytest.raises(BadValue, match="A sound cannot have"):
        Sound(samples, rate)


def test_a_wav_is_clipped_and_not_wrapped() -> None:
    with wave.open(io.BytesIO(Sound(np.array([2.0, -2.0]), 8000).wav())) as file:
        assert struct.unpack("<2h", file.readframes(2)) == (32767, -32767)


def test_a_compressed_sound_is_read_to_its_end(tmp_path: Path) -> None:
    tone = (np.sin(np.arange(16_000) / 10) * 20_000).astype(np.int16)
    path = tmp_path / "tone.flac"
    with av.open(str(path), "w") as container:
        track = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.rate = 16_000
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    for source in (path, str(path), path.read_bytes()):
        sound = Sound.open(source)  # type: ignore[arg-type]
        assert sound.seconds == 1
        assert np.abs(sound.samples[:, 0] - tone / 32768).max() < 1e-4


def test_hours_of_silence_are_refused_while_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_MAX_MESSAGE_MB", "1")
    assert Sound.open(Sound(np.zeros(200_000), 8000).wav()).seconds == 25
    with pytest.raises(BadValue, match="too long"):
        Sound.open(Sound(np.zeros(300_000), 8000).wav())


def test_no_list_of_further_addresses_is_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(Sound(np.zeros(100), 8000).wav())
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        lists = {
            "hls.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
            "concat.txt": "ffconcat version 1.0\nfile 'secret.wav'\n",
            "call.sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
            "dash.mpd": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>',
        }
        for name, text in lists.items():
            path = tmp_path / name
            path.write_text(text)
            for source in (path, path.read_bytes()):
                with pytest.raises(BadValue, match="holds no sound"):
                    Sound.open(source)  # type: ignore[arg-type]
                with pytest.raises(BadValue, match="holds no film"):
                    list(Film(source).frames())
        with pytest.raises(BlockingIOError):
            server.accept()
    assert Sound.open(secret).rate == 8000


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/x.wav", "concat:/etc/passwd", "subfile,,start,0,end,9,,:/etc/passwd"]
)
def test_a_path_is_never_an_address(address: str) -> None:
    with pytest.raises(BadValue, match="holds no sound"):
        Sound.open(address)
    with pytest.raises(BadValue, match="holds no film"):
        _ = Film(Path(address)).size


def test_a_film_of_pictures_has_their_size_and_number(tmp_path: Path) -> None:
    film = Film.from_frames(RAMP, fps=12.5)
    assert film.size == (24, 16)
    assert film.fps == 12.5
    seen = [np.asarray(frame).mean() for frame in film.frames()]
    assert len(seen) == 4
    assert np.abs(np.array(seen) - [0, 60, 120, 180]).max() < 8
    path = tmp_path / "film.mp4"
    path.write_bytes(film.read())
    assert Film(path).size == (24, 16)
    assert Film(path).read() == film.read()
    assert len(repr(film)) < 40


def test_a_film_that_was_held_upright_is_seen_upright() -> None:
    wide = [np.concatenate([np.full((16, 8, 3), 255, np.uint8), np.zeros((16, 24, 3), np.uint8)], axis=1)] * 2
    data = bytearray(Film.from_frames(wide).read())
    track = data.index(b"tkhd")
    identity = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    place = data.index(identity, track)
    # A quarter turn clockwise, as a telephone notes it.
    data[place : place + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 16 << 16, 0, 0x40000000)
    film = Film(bytes(data))
    assert film.size == (16, 32)
    first = np.asarray(next(film.frames()).convert("L"))
    # What was on the left is on top.
    assert first[:6].mean() > 200
    assert first[12:].mean() < 50


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [RAMP[0], RAMP[0][:8]],
        [np.zeros((16, 24), np.uint8)],
        [np.zeros((16, 24, 4), np.uint8)],
        [np.zeros((16, 24, 3))],
        [np.zeros((1, 24, 3), np.uint8)],
        [np.zeros((0, 24, 3), np.uint8)],
    ],
)
def test_frames_that_make_no_film_are_refused(frames: list[np.ndarray]) -> None:
    with pytest.raises(BadValue, match="film"):
        Film.from_frames(frames)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 10**400, "24", None, True])
def test_a_speed_that_makes_no_film_is_refused(fps: float) -> None:
    with pytest.raises(BadValue, match="frames a second"):
        Film.from_frames(RAMP, fps=fps)


def test_odd_sides_lose_a_line() -> None:
    assert Film.from_frames([np.zeros((17, 25, 3), np.uint8)]).size == (24, 16)


def test_a_damaged_film_is_said_so() -> None:
    data = Film.from_frames(RAMP).read()
    for broken in (b"", b"no film", data[: len(data) // 2], Sound(np.zeros(9), 8000).wav()):
        with pytest.raises(BadValue, match="film"):
            list(Film(broken).frames())
    with pytest.raises(BadValue, match="cannot be read"):
        Film(Path("no such film.mp4")).read()


def test_a_film_with_frames_too_large_is_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    film = Film.from_frames([np.zeros((128, 128, 3), np.uint8)])
    monkeypatch.setenv("RUNWAY_LAB_MAX_IMAGE_MEGAPIXELS", "0.01")
    with pytest.raises(BadValue, match="frames of 128x128. Allowed: 0.01 megapixels"):
        next(film.frames())


def test_a_sound_plays_in_a_notebook() -> None:
    bundle = Sound(np.zeros(8000), 8000)._repr_mimebundle_()
    assert bundle["audio/wav"][:4] == b"RIFF"
    assert bundle["text/plain"] == "Sound(1.00 s, 8000 samples a second, 1 channels)"
