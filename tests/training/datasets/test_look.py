"""One look finds everything that is wrong with a file, and survives every file."""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.pictures import encoded, photo

from runway_lab.training.datasets import look as module
from runway_lab.training.datasets.look import Looked, look
from runway_lab.training.datasets.plan import Plan
from runway_lab.training.datasets.sources import Item


def seen(data: bytes, name: str = "a.jpg", plan: Plan | None = None, **more: Any) -> Looked:
    return look(Item(name, len(data), 0, lambda most: data[:most], **more), plan or Plan(32, 32))


def pixels(one: Looked, plan: Plan | None = None) -> np.ndarray:
    plan = plan or Plan(32, 32)
    return np.frombuffer(one.rows[0], np.uint8).reshape(plan.height, plan.width, plan.depth)


def test_a_fine_picture_has_no_finding_and_becomes_one() -> None:
    data = encoded(photo(1, 300, 200))
    one = seen(data)
    assert one.findings == []
    assert (one.width, one.height, one.box) == (300, 200, (50, 0, 250, 200))
    wanted = Image.open(io.BytesIO(data)).resize((32, 32), Image.Resampling.LANCZOS, box=(50, 0, 250, 200))
    assert np.abs(pixels(one).astype(int) - np.asarray(wanted)).mean() < 2
    assert look(Item("a.jpg", 1, 0, lambda most: data), Plan(32, 32), prepare=False).rows == []


def test_a_jpeg_is_decoded_at_no_less_than_twice_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    real = module._measure
    monkeypatch.setattr(module, "_measure", lambda picture, *rest: (sizes.append(picture.size), real(picture, *rest)))
    data = encoded(photo(1, 512, 1024))
    for plan in (Plan(32, 32), Plan(64, 64), Plan(64, 64, zoom_in=2.0), Plan(300, 300)):
        seen(data, plan=plan)
    assert sizes == [(64, 128), (128, 256), (256, 512), (512, 1024)]


def one_colour() -> bytes:
    return encoded(Image.new("RGB", (64, 64), (9, 9, 9)))


def cut_jpeg() -> bytes:
    data = encoded(photo(1, 200, 200))
    return data[: len(data) * 2 // 3]


def cut_png() -> bytes:
    data = encoded(photo(1, 200, 200), "PNG")
    return data[: len(data) * 2 // 3]


def lost_tail() -> bytes:
    picture = photo(1, 100, 100)
    picture.paste((128, 128, 128), (0, 60, 100, 100))
    return encoded(picture)


def green_film() -> bytes:
    picture = photo(1, 100, 100)
    picture.paste((0, 135, 0), (0, 60, 100, 100))
    return encoded(picture, "PNG")


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(photo(1, 120, 80), exif=exif)


def deep_gray() -> bytes:
    return encoded(Image.fromarray(np.asarray(photo(1).convert("L"), np.uint16) * 257), "PNG")


def deep_colour() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = np.asarray(photo(1, 64, 64)).astype(">u2") * 257
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def clear() -> bytes:
    picture = photo(1, 64, 64).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((64, 64)))
    return encoded(picture, "PNG")


def animated(form: str = "GIF") -> bytes:
    return encoded(photo(1), form, save_all=True, append_images=[photo(2), photo(3)])


@pytest.mark.parametrize(
    ("data", "name", "finding"),
    [
        (b"", "a.jpg", "unreadable"),
        (b"\0" * 5000, "a.jpg", "unreadable"),
        (b"<html>404</html>", "a.jpg", "unreadable"),
        (b"\xff\xd8\xff\xe0 no", "a.jpg", "unreadable"),
        (b"hello", "a.txt", "other"),
        (b"\0\0\0\x18ftypheic", "a.heic", "unreadable"),
        (cut_jpeg(), "a.jpg", "truncated"),
        (cut_png(), "a.png", "truncated"),
        (one_colour(), "a.jpg", "one_colour"),
        (encoded(Image.new("L", (64, 64), 0), "PNG"), "a.png", "one_colour"),
        (lost_tail(), "a.jpg", "glitched"),
        (green_film(), "a.png", "glitched"),
        (encoded(photo(1, 20, 20)), "a.jpg", "too_small"),
        (encoded(photo(1, 300, 60)), "a.jpg", "wrong_ratio"),
        (encoded(photo(1).convert("L")), "a.jpg", "gray"),
        (encoded(photo(1).convert("L").convert("RGB")), "a.jpg", "gray"),
        (clear(), "a.png", "transparent"),
        (animated(), "a.gif", "animated"),
        (animated("WEBP"), "a.webp", "animated"),
        (animated("PNG"), "a.png", "animated"),
        (turned(), "a.jpg", "rotated"),
        (encoded(photo(1), "PNG"), "a.jpg", "wrong_extension"),
        (encoded(photo(1)), "a.dat", "wrong_extension"),
        (encoded(photo(1).convert("CMYK")), "a.jpg", "cmyk"),
        (deep_gray(), "a.png", "deep"),
        (deep_colour(), "a.png", "deep"),
    ],
)
def test_each_thing_is_found(data: bytes, name: str, finding: str) -> None:
    one = seen(data, name)
    assert finding in one.findings
    alone = {"deep": {"deep", "gray"}}.get(finding, {finding})
    assert set(one.findings) <= alone
    assert bool(one.rows) == (Plan(32, 32).decisions[finding] != "skip")


def test_decisions_are_followed() -> None:
    data = encoded(photo(1, 20, 20))
    assert len(seen(data, plan=Plan(32, 32).deciding({"too_small": "fix"})).rows) == 1
    assert seen(encoded(photo(1).convert("L")), plan=Plan(32, 32).deciding({"gray": "skip"})).rows == []
    data = turned()
    upright, stored = seen(data), seen(data, plan=Plan(32, 32).deciding({"rotated": "keep"}))
    assert (upright.width, upright.height, stored.width, stored.height) == (80, 120, 120, 80)
    assert np.abs(np.rot90(pixels(stored), -1).astype(int) - pixels(upright)).mean() < 3


def test_a_long_picture_is_kept_whole_where_that_is_wanted() -> None:
    data = encoded(photo(1, 300, 60))
    assert seen(data).box == (120, 0, 180, 60)
    assert seen(data, plan=Plan(32, 32).deciding({"wrong_ratio": "fix"})).box == (0, 0, 300, 60)
    none = Plan.of(32, crop="none")
    assert seen(data, plan=none).box == (0, 0, 300, 60)
    assert "wrong_ratio" in seen(encoded(photo(1, 100, 80)), plan=none).findings
    assert seen(encoded(photo(1, 100, 99)), plan=none).findings == []


def test_what_is_clear_lies_on_white_or_stays_clear() -> None:
    picture = Image.new("RGBA", (64, 64), (200, 0, 0, 0))
    picture.paste((10, 20, 250, 255), (0, 0, 64, 32))
    data = encoded(picture, "PNG")
    assert (pixels(seen(data, "a.png"))[20:] == 255).all()
    plan = Plan.of(32, "rgba")
    clear = pixels(seen(data, "a.png", plan), plan)
    assert (clear[20:, :, 3] == 0).all()
    assert (clear[:12, :, 3] == 255).all()


def test_gray_channels() -> None:
    plan = Plan.of(32, "gray")
    one = seen(encoded(photo(1, 64, 64)), plan=plan)
    wanted = photo(1, 64, 64).convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    assert np.abs(pixels(one, plan)[:, :, 0].astype(int) - np.asarray(wanted)).mean() < 2
    assert seen(encoded(photo(1).convert("L")), plan=plan).findings == [], "among gray ones it is nothing special"


def test_a_fine_pattern_is_not_of_one_colour() -> None:
    board = np.indices((128, 128)).sum(0) % 2 * 255
    assert seen(encoded(Image.fromarray(board.astype(np.uint8)), "PNG"), "a.png").findings == ["gray"]


@pytest.mark.filterwarnings("ignore")
def test_a_large_picture_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def png(width: int, height: int) -> bytes:
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n"
            + struct.pack(">I", 13)
            + b"IHDR"
            + head
            + struct.pack(">I", zlib.crc32(b"IHDR" + head))
            + struct.pack(">I", 100)
            + b"IDAT"
        )

    for size in ((60000, 60000), (2**31 - 1, 2**31 - 1), (12000, 9000)):
        assert seen(png(*size), "a.png").findings == ["too_large"]
    monkeypatch.setenv("RUNWAY_LAB_MAX_IMAGE_MEGAPIXELS", "0.01")
    assert seen(encoded(photo(1, 120, 100))).findings == ["too_large"]


def test_what_cannot_be_read_is_told() -> None:
    def refuse(most: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    one = look(Item("a.jpg", 1, 0, refuse), Plan(32, 32))
    assert (one.findings, one.note) == (["unreadable"], "Permission denied")


def test_hidden_files_are_opened_only_on_request() -> None:
    asked = []

    def read(most: int) -> bytes:
        asked.append(most)
        return encoded(photo(1))

    item = Item(".a.jpg", 1, 0, read, finding="hidden")
    assert look(item, Plan(32, 32)).rows == []
    assert asked == []
    assert len(look(item, Plan(32, 32).deciding({"hidden": "keep"})).rows) == 1


def test_a_record_of_a_look_comes_back() -> None:
    one = seen(encoded(photo(1)))
    again = Looked.from_json(one.to_json())
    assert again == one
    assert "rows" not in one.to_json()


SEEDS = {
    "jpg": encoded(photo(1)),
    "progressive": encoded(photo(1), progressive=True),
    "png": encoded(photo(1), "PNG"),
    "palette": encoded(photo(1).quantize(16), "PNG", transparency=3),
    "gif": animated(),
    "webp": encoded(photo(1), "WEBP"),
    "bmp": encoded(photo(1), "BMP"),
    "tif": encoded(photo(1), "TIFF", compression="tiff_lzw"),
    "exif": turned(),
    "apng": animated("PNG"),
}


@pytest.mark.parametrize("form", SEEDS)
@pytest.mark.parametrize(
    "plan", [Plan(16, 16), Plan.of((16, 24), "rgba", "none", rotate=True, zoom_out=True)], ids=["", "more"]
)
@pytest.mark.filterwarnings("ignore")
def test_no_file_is_too_broken(form: str, plan: Plan) -> None:
    whole = SEEDS[form]
    chance = random.Random(form)
    for turn in range(60):
        data = bytearray(whole)
        kind = turn % 4
        if kind == 0:
            data = data[: chance.randrange(len(data))]
        elif kind == 1:
            for _ in range(chance.randrange(1, 30)):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif kind == 2:
            # Near the beginning are the claims about sizes and offsets.
            data[chance.randrange(min(80, len(data)))] = chance.choice([0, 1, 127, 255])
        else:
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(200)] = chance.randbytes(chance.randrange(200))
        one = seen(bytes(data), f"a.{form}", plan)
        assert one.rows or one.findings
        assert all(len(row) == plan.bytes_each for row in one.rows)
        assert one.note.isprintable()
