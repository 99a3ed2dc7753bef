"""Maps of labels: of ids, or painted."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as pillow

from runway_lab.errors import BadValue
from runway_lab.fields import Buffer, Segmentation

LABELS = {"sky": 0, "sea": 1, "sand": 7}
COLORS = {"sky": [0, 0, 255], "sea": [0, 255, 0], "sand": [255, 255, 0]}
IDS = np.array([[0, 1, 7], [7, 7, 0]], np.uint8)
FIELD = Segmentation(LABELS, label_to_color=COLORS)


def ids_of(value: object) -> list[list[int]]:
    assert isinstance(value, pillow.Image)
    assert value.mode == "L"
    return np.asarray(value).tolist()  # type: ignore[no-any-return]


def encoded(picture: pillow.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        IDS,
        IDS.astype(np.int64),
        IDS.astype(np.float32),
        IDS[:, :, None],
        IDS[None, :, :, None],
        np.asfortranarray(IDS),
        pillow.fromarray(IDS),
        pillow.fromarray(IDS).convert("P"),
        pillow.fromarray(IDS.astype(np.uint16)),
        pillow.fromarray(IDS.astype(np.int32)),
        pillow.merge("LA", [pillow.fromarray(IDS)] * 2),
        encoded(pillow.fromarray(IDS)),
        FIELD.paint(IDS),
        np.asarray(FIELD.paint(IDS)),
        np.asarray(FIELD.paint(IDS)) / 255,
        FIELD.paint(IDS).convert("RGBA"),
        encoded(FIELD.paint(IDS), "WEBP", lossless=True),
        encoded(FIELD.paint(IDS), "BMP"),
        memoryview(encoded(FIELD.paint(IDS))),
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'mode', getattr(value, 'shape', ''))}",
)
def test_a_map_in_any_clothes(value: object) -> None:
    assert ids_of(FIELD.check(value)) == IDS.tolist()


def test_a_map_from_a_file_an_address_and_a_tensor(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "map.png"
    FIELD.paint(IDS).save(path)
    assert ids_of(FIELD.check(path)) == ids_of(FIELD.check(str(path))) == IDS.tolist()
    assert ids_of(FIELD.check(FIELD.to_json(IDS))) == IDS.tolist()
    assert ids_of(FIELD.check(torch.from_numpy(IDS.astype(np.int64)))) == IDS.tolist()
    assert ids_of(FIELD.check(torch.from_numpy(IDS.astype(np.float32))[None])) == IDS.tolist()
    assert FIELD.check(np.zeros((1, 4, 6), np.uint8)).size == (6, 4)


def test_one_bit_is_the_labels_zero_and_one() -> None:
    mask = np.array([[True, False]])
    assert ids_of(FIELD.check(mask)) == ids_of(FIELD.check(pillow.fromarray(mask))) == [[1, 0]]


def test_a_colour_becomes_the_label_that_is_nearest() -> None:
    smeared = FIELD.paint(np.repeat(np.repeat(IDS, 16, 0), 16, 1))
    again = FIELD.check(encoded(smeared, "JPEG", quality=95, subsampling=0))
    assert np.array_equal(np.asarray(again)[8::16, 8::16], IDS)
    many = pillow.fromarray(np.random.default_rng(2).integers(0, 256, (80, 80, 3), np.uint8))
    pixels = np.asarray(many).reshape(-1, 1, 3).astype(int)
    distance = ((pixels - np.array(list(COLORS.values()))[None]) ** 2).sum(2)
    best = np.array(list(LABELS.values()))[distance.argmin(1)].reshape(80, 80)
    assert np.array_equal(np.asarray(FIELD.check(many)), best)


@pytest.mark.parametrize(
    "value",
    [
        np.array([[0, 2]]),
        np.array([[0, 256]]),
        np.array([[0, -1]]),
        np.array([[0, 2**60]]),
        np.array([[0, 0.5]]),
        np.array([[0, np.nan]]),
        np.zeros((0, 3), np.uint8),
        np.zeros((2, 3, 5), np.uint8),
        np.zeros(4, np.uint8),
        np.array([["sky"]]),
        pillow.new("L", (2, 2), 255),
        pillow.new("L", (0, 2)),
        b"no picture",
        "no such file.png",
        [[0, 1]],
        None,
    ],
    ids=repr,
)
def test_what_is_no_map_is_refused(value: object) -> None:
    with pytest.raises(BadValue, match="Allowed: "):
        FIELD.check(value)


def test_an_unknown_id_is_named_with_those_that_are_known() -> None:
    field = Segmentation(LABELS)
    field.name = "ground"
    with pytest.raises(
        BadValue, match=r"'ground' cannot be a map with the id 2. Allowed: the ids 0 \(sky\), 1 \(sea\)"
    ):
        field.check(np.array([[0, 2]]))


def test_a_damaged_map_that_was_opened_by_hand_is_refused() -> None:
    noise = pillow.fromarray(np.random.default_rng(2).integers(0, 2, (64, 64), np.uint8))
    with pytest.raises(BadValue, match="whole picture"):
        FIELD.check(pillow.open(io.BytesIO(encoded(noise)[:-60])))


def test_limits_to_the_size() -> None:
    field = Segmentation(LABELS, width=3, max_height=1)
    with pytest.raises(BadValue, match="a picture of 3x2. Allowed: a height of 1 pixels"):
        field.check(IDS)


def test_every_label_has_a_colour_of_its_own() -> None:
    field = Segmentation({f"label {id}": id for id in range(256)})
    assert len(set(field.label_to_color.values())) == 256
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(np.asarray(field.from_json(field.to_json(every))), every)


def test_labels_and_colours_that_make_no_sense_are_refused() -> None:
    for labels in ({}, {"a": -1}, {"a": 256}, {"a": "0"}, {"a": True}, {"a": 10**400}, ["a"], None):
        with pytest.raises(BadValue):
            Segmentation(labels)  # type: ignore[arg-type]
    for colors in ({"a": (0, 0)}, {"a": (0, 0, 300)}, {"a": "red"}, {"a": 5}, ["red"]):
        with pytest.raises(BadValue):
            Segmentation({"a": 0}, label_to_color=colors)  # type: ignore[arg-type]
    with pytest.raises(BadValue, match="default_label='b'"):
        Segmentation({"a": 0}, default_label="b")


def test_the_description_has_the_keys_of_the_runway_sdk() -> None:
    assert FIELD.describe() == {
        "name": "",
        "type": "segmentation",
        "description": None,
        "labels": ["sky", "sea", "sand"],
        "defaultLabel": "sky",
        "labelToId": LABELS,
        "labelToColor": COLORS,
    }


@pytest.mark.parametrize("encoding", ["raw", "jpeg", "webp", "png"])
def test_a_map_for_a_screen_never_loses_a_label(encoding: str) -> None:
    buffers: list[Buffer] = []
    packed = json.loads(json.dumps(FIELD.pack(FIELD.check(IDS), buffers, encoding)))
    assert packed["encoding"] == ("raw" if encoding == "raw" else "png")
    assert ids_of(FIELD.unpack(packed, [memoryview(each) for each in buffers])) == IDS.tolist()


def test_a_painted_map_in_a_frame_keeps_its_colours_until_they_are_looked_up() -> None:
    painted = FIELD.paint(IDS)
    for data, description in (
        (encoded(painted), {"buffer": 0, "encoding": "png"}),
        (painted.tobytes(), {"buffer": 0, "encoding": "raw", "mode": "RGB", "size": [3, 2]}),
        (painted.convert("RGBA").tobytes(), {"buffer": 0, "encoding": "raw", "mode": "RGBA", "size": [3, 2]}),
    ):
        assert ids_of(FIELD.unpack(description, [memoryview(data)])) == IDS.tolist()


def test_json_is_a_painted_png() -> None:
    uri = FIELD.to_json(FIELD.check(IDS))
    assert uri.startswith("data:image/png;base64,")
    assert ids_of(FIELD.from_json(uri)) == IDS.tolist()
    assert FIELD.paint(IDS).getpixel((2, 0)) == (255, 255, 0)
