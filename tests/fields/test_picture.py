"""Pictures: everything that is taken for one, what is refused, and how one travels."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as pillow

from runway_lab import frames
from runway_lab.errors import BadValue
from runway_lab.fields import NETWORK, Buffer, Image, from_description

RNG = np.random.default_rng(11)
PIXELS = RNG.integers(0, 256, (5, 7, 3), np.uint8)


def encoded(picture: pillow.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def address() -> Iterator[str]:
    """Where a picture lies on the web; other paths answer with other things."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "file:///etc/passwd")
                self.end_headers()
                return
            data = encoded(pillow.fromarray(PIXELS)) if self.path == "/picture.png" else b"<html>"
            self.send_response(404 if self.path == "/nothing" else 200)
            self.send_header("Content-Length", str(len(data) + (99 if self.path == "/short" else 0)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_person_may_give_it_in_many_ways(tmp_path: Path, address: str) -> None:
    picture = pillow.fromarray(PIXELS)
    path = tmp_path / "a picture.png"
    picture.save(path)
    data = path.read_bytes()
    uri = "data:image/png;base64," + base64.b64encode(data).decode()
    for given in (
        picture,
        PIXELS,
        path,
        str(path),
        data,
        bytearray(data),
        memoryview(data),
        uri,
        f"{address}/picture.png",
    ):
        for form in ("pillow", "array"):
            checked = Image(form=form).check(given)  # type: ignore[arg-type]
            assert np.array_equal(np.asarray(checked), PIXELS)
            assert isinstance(checked, pillow.Image if form == "pillow" else np.ndarray)


@pytest.mark.parametrize("path", ["/nothing", "/moved", "/page", "/short"])
def test_an_address_that_has_no_picture_is_refused(address: str, path: str) -> None:
    with pytest.raises(BadValue, match="Allowed"):
        Image().check(address + path)


@pytest.mark.parametrize("wrong", ["http://", "http://[::1", "https://exa mple/", "http://127.0.0.1:1/x", "HTTP://\n"])
def test_an_address_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(BadValue, match="Allowed: an address that answers"):
        Image().check(wrong)


def test_an_address_that_never_ends_is_cut_off(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runway_lab.fields.files.settings", lambda: type("Small", (), {"max_message_mb": 0})())
    with pytest.raises(BadValue, match="at most 0 MB"):
        Image().check(f"{address}/picture.png")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    for wrong in (tmp_path, tmp_path / "none.png", "", "/dev/zero", tmp_path / "page.svg"):
        with pytest.raises(BadValue, match="cannot be"):
            Image().check(wrong)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("form", ["pillow", "array"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F"])
def test_every_mode_becomes_what_the_field_wants(mode: str, form: str, channels: int) -> None:
    source = pillow.new("RGB", (6, 4), (255, 255, 255))
    if mode in ("I", "I;16"):
        source = pillow.fromarray(np.full((4, 6), 65535, np.uint16)).convert(mode)
    elif mode == "F":
        source = pillow.fromarray(np.ones((4, 6), np.float32))
    elif mode == "PA":
        source = source.convert("LA").convert("PA")
    else:
        source = source.convert(mode)
    checked = Image(channels=channels, form=form).check(source)  # type: ignore[arg-type]
    array = np.asarray(checked)
    assert array.shape == ((4, 6) if channels == 1 and form == "pillow" else (4, 6, channels))
    assert array.min() == 255
    if form == "array":
        assert checked.flags.writeable


def test_a_mode_that_cannot_be_converted_is_refused_in_words() -> None:
    with pytest.raises(BadValue, match="of mode La that cannot be read"):
        Image().check(pillow.new("LA", (2, 2)).convert("La"))


def test_a_pillow_image_is_taken_as_it_is() -> None:
    picture = pillow.fromarray(PIXELS)
    assert Image().check(picture) is picture


def test_a_damaged_file_that_was_opened_by_hand_is_refused() -> None:
    noise = pillow.fromarray(RNG.integers(0, 256, (64, 64, 3), np.uint8))
    opened = pillow.open(io.BytesIO(encoded(noise, "JPEG")[:-900]))
    with pytest.raises(BadValue, match="whole picture"):
        Image().check(opened)
    with pytest.raises(BadValue, match="whole picture"):
        Image(form="array").check(pillow.open(io.BytesIO(encoded(noise)[:-3000])))


def test_a_photo_stands_upright_however_it_comes(tmp_path: Path) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6
    path = tmp_path / "photo.jpg"
    pillow.new("RGB", (40, 20)).save(path, exif=exif)
    for given in (path, path.read_bytes(), pillow.open(path)):
        assert Image().check(given).size == (20, 40)
    # Whoever turned it himself does not want it turned again.
    assert Image().check(pillow.open(path).rotate(90, expand=True)).size == (20, 40)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((4, 6), (6, 4)),
        ((4, 6, 1), (6, 4)),
        ((4, 6, 3), (6, 4)),
        ((4, 6, 4), (6, 4)),
        ((3, 4, 6), (6, 4)),
        ((1, 4, 6), (6, 4)),
        ((1, 4, 6, 3), (6, 4)),
        ((1, 3, 4, 6), (6, 4)),
        ((3, 6, 4), (6, 3)),
        ((1, 1, 1), (1, 1)),
    ],
)
def test_the_shape_of_an_array_tells_where_its_channels_are(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    assert Image().check(np.zeros(shape, np.uint8)).size == size


def test_a_tensor_has_its_channels_first() -> None:
    import torch

    # (3, 6, 4) could be a picture of 4x6 in RGB or of 6x3 in RGBA: torch means the first.
    assert Image().check(torch.zeros(3, 6, 4)).size == (4, 6)
    assert Image().check(torch.zeros(1, 3, 6, 8, requires_grad=True)).size == (8, 6)
    assert Image(channels=1).check(torch.ones(6, 8, dtype=torch.bool)).getextrema() == (255, 255)
    assert Image(channels=1).check(torch.full((6, 8), 0.5, dtype=torch.bfloat16)).getextrema() == (128, 128)
    assert Image(channels=1).check(torch.full((1, 6, 8), 7, dtype=torch.int64)).getextrema() == (7, 7)
    for wrong in (torch.zeros(2, 3, 6, 8), torch.zeros(6, 8).to_sparse(), torch.full((3, 6, 8), 255.0)):
        with pytest.raises(BadValue, match="Allowed: an array of shape"):
            Image().check(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((5, 6, 2), np.uint8),
        np.zeros((5, 6, 5), np.uint8),
        np.zeros((2, 4, 6, 3), np.uint8),
        np.zeros(6, np.uint8),
        np.zeros((0, 6, 3), np.uint8),
        np.zeros((4, 0), np.uint8),
        np.zeros((1, 70000, 3), np.uint8),
        np.full((4, 6), 256),
        np.full((4, 6), -1),
        np.full((4, 6), 255.0),
        np.full((4, 6), -0.5),
        np.full((4, 6), np.nan),
        np.zeros((4, 6), complex),
        np.zeros((4, 6), object),
        np.zeros((4, 6), "U1"),
        pillow.new("RGB", (0, 4)),
        [[0, 1], [1, 0]],
    ],
    ids=lambda value: f"{getattr(value, 'shape', value)}",
)
@pytest.mark.parametrize("form", ["pillow", "array"])
def test_numbers_that_are_no_picture_are_refused(wrong: object, form: str) -> None:
    with pytest.raises(BadValue, match="Allowed"):
        Image(form=form).check(wrong)  # type: ignore[arg-type]


def test_floats_run_from_black_to_white() -> None:
    ramp = np.array([[-0.01, 0, 0.5, 1, 1.01]], np.float16)
    assert np.asarray(Image(channels=1).check(ramp)).tolist() == [[0, 0, 128, 255, 255]]


def test_an_array_that_fits_is_not_copied_and_its_memory_is_what_is_sent() -> None:
    field = Image(form="array")
    pixels = PIXELS.copy()
    assert field.check(pixels) is pixels
    buffers: list[Buffer] = []
    packed = field.pack(pixels, buffers)
    assert np.shares_memory(np.frombuffer(buffers[0], np.uint8), pixels)
    assert packed == {"buffer": 0, "encoding": "raw", "mode": "RGB", "size": [7, 5]}


@pytest.mark.parametrize("pixels", [PIXELS[::-1, ::2], PIXELS.transpose(1, 0, 2), np.asfortranarray(PIXELS)])
@pytest.mark.parametrize("form", ["pillow", "array"])
def test_an_array_in_pieces_is_sent_in_order(pixels: np.ndarray, form: str) -> None:
    field = Image(form=form)  # type: ignore[arg-type]
    buffers: list[Buffer] = []
    packed = field.pack(field.check(pixels), buffers)
    assert np.array_equal(np.asarray(field.unpack(packed, [memoryview(each) for each in buffers])), pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_unpacked_array_looks_into_what_was_received(channels: int) -> None:
    field = Image(channels=channels, form="array")
    field.name = "image"
    pixels = RNG.integers(0, 256, (9, 8, channels), np.uint8)
    buffers: list[Buffer] = []
    packed = frames.pack_values([field], {"image": field.check(pixels)}, buffers)
    data = bytearray(frames.join({"inputs": packed}, buffers))
    message = frames.unpack(data)
    again = frames.unpack_values([field], message.header["inputs"], message.buffers)["image"]
    assert np.array_equal(again, pixels)
    assert np.shares_memory(again, np.frombuffer(data, np.uint8))
    assert again.flags.writeable
    assert "base64" not in json.dumps(packed)


@pytest.mark.parametrize("encoding", ["raw", "png", "webp", "jpeg", "PNG"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_encoding_comes_back(encoding: str, channels: int) -> None:
    field = Image(channels=channels)
    picture = field.check(np.tile(np.uint8([200, 100, 50, 255]), (16, 16, 1)))
    buffers: list[Buffer] = []
    packed = field.pack(picture, buffers, encoding)
    assert packed["encoding"] == encoding.lower()
    again = field.unpack(packed, [memoryview(each) for each in buffers])
    assert again.mode == picture.mode
    difference = np.abs(np.asarray(again).astype(int) - np.asarray(picture)).max()
    assert difference <= (0 if encoding.lower() in ("raw", "png") else 8)


def test_a_raw_picture_of_another_mode_is_converted() -> None:
    buffers: list[Buffer] = []
    packed = Image(channels=4).pack(Image(channels=4).check(PIXELS), buffers)
    for form in ("pillow", "array"):
        field = Image(channels=3, form=form)  # type: ignore[arg-type]
        assert np.array_equal(np.asarray(field.unpack(packed, [memoryview(buffers[0])])), PIXELS)


def test_a_picture_that_webp_has_no_room_for_goes_as_png() -> None:
    buffers: list[Buffer] = []
    field = Image(channels=1)
    packed = field.pack(pillow.new("L", (16384, 1)), buffers, "webp")
    assert packed["encoding"] == "png"
    assert bytes(buffers[0][1:4]) == b"PNG"


@pytest.mark.parametrize("encoding", ["gif", "", "tiff", "../x"])
def test_another_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(BadValue, match="Allowed: jpeg, png, webp"):
        Image().pack(pillow.new("RGB", (2, 2)), [], encoding)


@pytest.mark.parametrize(
    ("limits", "size", "allowed"),
    [
        ({"min_width": 10}, (9, 50), "a width of 10 to 65535 pixels"),
        ({"max_height": 10}, (9, 50), "a height of 1 to 10 pixels"),
        ({"width": 8, "height": 8}, (8, 9), "a height of 8 pixels"),
    ],
)
def test_limits_to_the_size_are_named(limits: dict[str, int], size: tuple[int, int], allowed: str) -> None:
    field = Image(**limits)  # type: ignore[arg-type]
    field.name = "face"
    with pytest.raises(BadValue, match=f"'face' cannot be a picture of {size[0]}x{size[1]}. Allowed: {allowed}"):
        field.check(pillow.new("RGB", size))


def test_the_json_form_is_a_data_uri_jpeg_for_three_channels_and_png_else() -> None:
    for channels, kind in ((1, "png"), (3, "jpeg"), (4, "png")):
        field = Image(channels=channels)
        uri = field.to_json(field.check(PIXELS))
        assert uri.startswith(f"data:image/{kind};base64,")
        again = field.from_json(uri, NETWORK)
        assert again.mode == field.check(PIXELS).mode
        assert again.size == (7, 5)
    exact = Image(default_output_format="PNG")
    assert np.array_equal(np.asarray(exact.from_json(exact.to_json(exact.check(PIXELS)))), PIXELS)
    assert Image(default_output_format="EXR").to_json(PIXELS).startswith("data:image/png")
    bare = exact.to_json(PIXELS).partition(",")[2]
    assert np.array_equal(np.asarray(exact.from_json(bare)), PIXELS)
    assert np.array_equal(np.asarray(exact.from_json(bare[:40] + "\n" + bare[40:])), PIXELS)


@pytest.mark.parametrize("form", ["pillow", "array"])
def test_fewer_channels_may_stay_as_they_are(form: str) -> None:
    field = Image(channels=4, fewer=True, form=form)
    field.name = "image"
    assert from_description(field.describe()) == field
    clear = pillow.new("P", (4, 3))
    clear.info["transparency"] = 0
    for given, mode in [
        (pillow.new("L", (4, 3), 9), "L"),
        (pillow.new("RGB", (4, 3), "teal"), "RGB"),
        (pillow.new("CMYK", (4, 3)), "RGB"),
        (pillow.new("RGBA", (4, 3), (9, 8, 7, 6)), "RGBA"),
        (clear, "RGBA"),
        (np.zeros((3, 4, 3), np.uint8), "RGB"),
        (np.zeros((3, 4), np.uint8), "L"),
    ]:
        checked = field.check(given)
        buffers: list[bytes] = []
        packed = field.pack(checked, buffers)
        assert packed["mode"] == mode
        back = field.unpack(packed, [memoryview(each) for each in buffers])
        assert np.array_equal(np.asarray(back), np.asarray(checked))
        assert len(mode) == (back.shape[2] if form == "array" else len(back.getbands()))
    gray = Image(channels=1, fewer=True)
    assert gray.check(pillow.new("RGB", (4, 3))).mode == "L"
