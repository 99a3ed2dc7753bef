"""Bytes of image files, hostile ones above all."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image as pillow

from runway_lab.errors import BadValue
from runway_lab.fields import Image
from runway_lab.fields.pixels import as_array, convert, open_picture, picture_from_array, upright

# Pillow warns of what it finds in damaged files, and of pictures that are large but allowed.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]

NOISE = pillow.fromarray(np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8))


def encoded(picture: pillow.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def opened(data: bytes) -> pillow.Image:
    picture = open_picture(data)
    assert isinstance(picture, pillow.Image), picture
    return picture


def png_of(width: int, height: int, depth: int = 8, color: int = 0) -> bytes:
    """A PNG whose header claims a size and whose body is nearly nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    start = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_the_usual_formats_are_read(kind: str) -> None:
    assert opened(encoded(NOISE, kind)).size == (64, 48)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_truncated_file_is_damaged_and_never_half_a_picture(kind: str) -> None:
    data = encoded(NOISE, kind)
    for length in (0, 1, 9, 30, len(data) // 2, len(data) - 40):
        said = open_picture(data[:length])
        assert isinstance(said, str)
        assert "damaged" in said


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_flipped_bits_give_a_picture_or_a_word_and_nothing_else(kind: str) -> None:
    rng = np.random.default_rng(17)
    data = encoded(NOISE, kind)
    for _ in range(150):
        broken = bytearray(data)
        for place in rng.integers(0, min(len(data), 400), rng.integers(1, 6)):
            broken[place] ^= 1 << int(rng.integers(8))
        assert isinstance(open_picture(bytes(broken)), (str, pillow.Image))


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'></svg>",
        b"<!doctype html><img src=x>",
        b"%PDF-1.4\n",
        b"P6 2 2 255 " + bytes(12),
        encoded(NOISE, "PCX"),
        encoded(NOISE, "TGA"),
        encoded(NOISE, "ICO"),
        encoded(NOISE, "PDF"),
        bytes(1000),
    ],
    ids=lambda data: repr(data[:16]),
)
def test_every_other_format_is_refused(data: bytes) -> None:
    said = open_picture(data)
    assert isinstance(said, str)
    assert "PNG, JPEG" in said


@pytest.mark.parametrize(
    ("width", "height"), [(10_001, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1), (100_000_001, 1)]
)
def test_a_bomb_is_refused_before_any_memory_is_taken(width: int, height: int) -> None:
    open_picture(png_of(8, 8))
    tracemalloc.start()
    try:
        said = open_picture(png_of(width, height))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(said, str)
    assert "at most 100 megapixels" in said
    assert peak < 1_000_000


def test_a_bomb_is_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(BadValue, match="this one has 20000x6000"):
        Image().check(png_of(20_000, 6_000))


def test_the_limit_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_MAX_IMAGE_MEGAPIXELS", "0.01")
    assert isinstance(open_picture(encoded(pillow.new("L", (100, 100)), "PNG")), pillow.Image)
    said = open_picture(encoded(pillow.new("L", (101, 100)), "PNG"))
    assert said == "pictures of at most 0.01 megapixels (this one has 101x100)"
    monkeypatch.setenv("RUNWAY_LAB_MAX_IMAGE_MEGAPIXELS", "1000000")
    assert "at most 179 megapixels" in str(open_picture(png_of(60_000, 60_000)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_way_to_hold_a_camera(orientation: int) -> None:
    # Red is where the top left corner belongs.
    seen = pillow.new("RGB", (32, 16))
    seen.paste((255, 0, 0), (0, 0, 8, 8))
    back = {
        2: pillow.Transpose.FLIP_LEFT_RIGHT,
        3: pillow.Transpose.ROTATE_180,
        4: pillow.Transpose.FLIP_TOP_BOTTOM,
        5: pillow.Transpose.TRANSPOSE,
        6: pillow.Transpose.ROTATE_90,
        7: pillow.Transpose.TRANSVERSE,
        8: pillow.Transpose.ROTATE_270,
    }
    stored = seen.transpose(back[orientation]) if orientation in back else seen
    exif = pillow.Exif()
    exif[0x0112] = orientation
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        picture = opened(encoded(stored, kind, exif=exif)).convert("RGB")
        assert picture.size == (32, 16)
        red, green, blue = picture.getpixel((2, 2))  # type: ignore[misc]
        assert red > 200
        assert max(green, blue) < 60


def test_damaged_remarks_do_not_spoil_a_picture() -> None:
    data = encoded(NOISE, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)
    assert opened(data).size == (64, 48)
    picture = pillow.new("L", (3, 2))
    picture.info["exif"] = b"nonsense"
    assert upright(picture).size == (3, 2)


def test_sixteen_bits_become_eight_without_clipping() -> None:
    deep = np.array([[0, 128, 32768, 65535]], np.uint16)
    for kind in ("PNG", "TIFF"):
        picture = opened(encoded(pillow.fromarray(deep), kind))
        assert np.asarray(convert(picture, "L")).tolist() == [[0, 0, 128, 255]]
        assert convert(picture, "RGBA").getpixel((3, 0)) == (255, 255, 255, 255)


def test_floats_in_a_tiff_need_not_be_numbers() -> None:
    picture = pillow.fromarray(np.array([[0, 0.5, 2, np.nan]], np.float32))
    assert np.asarray(convert(opened(encoded(picture, "TIFF")), "L")).tolist() == [[0, 128, 255, 0]]


def test_what_is_transparent_is_laid_on_white() -> None:
    clear = pillow.new("RGBA", (2, 1), (255, 0, 0, 0))
    clear.putpixel((1, 0), (0, 0, 255, 255))
    palette = pillow.new("P", (2, 1), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((1, 0), 1)
    keyed = pillow.new("RGB", (2, 1), (255, 0, 0))
    keyed.putpixel((1, 0), (0, 0, 255))
    for data in (
        encoded(clear, "PNG"),
        encoded(palette, "PNG", transparency=0),
        encoded(palette, "GIF", transparency=0),
        encoded(keyed, "PNG", transparency=(255, 0, 0)),
    ):
        picture = opened(data)
        flat = convert(picture, "RGB")
        assert flat.getpixel((0, 0)) == (255, 255, 255)
        assert flat.getpixel((1, 0)) == (0, 0, 255)
        assert convert(picture, "L").getpixel((0, 0)) == 255
        assert convert(picture, "RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]
    gray = opened(encoded(pillow.new("LA", (1, 1), (0, 0)), "PNG"))
    assert convert(gray, "RGB").getpixel((0, 0)) == (255, 255, 255)


def test_an_animation_is_its_first_frame() -> None:
    frames = [pillow.new("RGB", (4, 4), (value, 0, 0)) for value in (250, 100, 50)]
    for kind in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
        assert convert(opened(data), "RGB").getpixel((0, 0))[0] > 240  # type: ignore[index]


def test_printers_colours_and_one_bit() -> None:
    ink = opened(encoded(pillow.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = convert(ink, "RGB").getpixel((0, 0))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 60
    bits = opened(encoded(pillow.new("1", (9, 3), 1), "PNG"))
    assert np.asarray(convert(bits, "L")).tolist() == [[255] * 9] * 3


def test_arrays_are_looked_at_before_they_are_copied() -> None:
    pixels = np.zeros((3, 5, 7), np.uint8)
    turned = picture_from_array(pixels)
    assert turned is not None
    assert np.shares_memory(turned, pixels)
    assert turned.shape == (5, 7, 3)
    bits = picture_from_array(np.array([[True, False]]))
    assert bits is not None
    assert bits[:, :, 0].tolist() == [[255, 0]]


def test_a_picture_as_an_array_may_be_written_to() -> None:
    array = as_array(pillow.new("RGB", (2, 2)))
    array[0, 0] = 9
    assert array[0, 0].tolist() == [9, 9, 9]
