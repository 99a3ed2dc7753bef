"""What all fields share: names in errors, descriptions there and back, and values of every hostile kind."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runway_lab import fields
from runway_lab.errors import BadFrame, BadValue
from runway_lab.fields import (
    LOCAL,
    NETWORK,
    Any,
    Array,
    Audio,
    Boolean,
    BoundingBox,
    Category,
    Directory,
    Field,
    File,
    Image,
    Landmarks,
    Number,
    Point,
    Segmentation,
    Text,
    Vector,
    Video,
    from_description,
)
from runway_lab.fields.field import is_number, json_number
from runway_lab.frames import unpack_value

PLAIN: list[Callable[[], Field]] = [
    Any,
    Audio,
    Boolean,
    BoundingBox,
    Directory,
    File,
    Image,
    Number,
    Point,
    Text,
    Video,
    lambda: Array(Number()),
    lambda: Category(["a", "b"]),
    lambda: Landmarks(2),
    lambda: Segmentation({"sky": 0, "sea": 1}),
    lambda: Vector(3),
]

FULL: list[Field] = [
    Any("Whatever", default={"a": [1, None]}),
    Any(optional=True),
    Array(Number(min=0), "Some", min_length=1, max_length=4, default=[1, 2]),
    Array(Array(Image("Tile", channels=4, width=8), max_length=2), optional=True),
    Array(Array(Array(Segmentation({"a": 3, "b": 7})))),
    Audio("Heard", optional=True),
    Boolean("On", default=True),
    Boolean(default=None, optional=True),
    BoundingBox("Where", default=[0, 0, 0.5, 1]),
    Category(["x", "y"], "Which", default="y"),
    Directory("Where", default="there"),
    File("Which", extension="tar.gz", default="a.tar.gz"),
    Image("Seen", channels=1, form="array", min_width=2, min_height=3, max_width=9, max_height=8),
    Image(width=4, height=5, default_output_format="PNG"),
    Landmarks(2, labels=["l", "r"], connections=[["l", "r"], [0, 1]], default=[[0, 0], [1, 1]]),
    Number("How much", default=0, min=-1, max=1, step=0.25),
    Number(default=0, min=0, max=999, step=1),
    Number(optional=True),
    Point(default=[0.25, 0.75]),
    Segmentation({"a": 1, "b": 255}, label_to_color={"a": (1, 2, 3)}, default_label="b", width=7, max_height=9),
    Text("Said", default="hi", min_length=1, max_length=5),
    Text(optional=True),
    Vector(2, default=[0.5, -1], sampling_mean=1, sampling_std=0),
    Video(optional=True),
]


@pytest.mark.parametrize("field", FULL, ids=repr)
def test_a_description_gives_the_same_field(field: Field) -> None:
    field.name = "it"
    sent = json.loads(json.dumps(field.describe(), allow_nan=False))
    again = from_description(sent)
    assert type(again) is type(field)
    assert again == field
    assert again.describe() == field.describe()
    assert again.required == field.required
    if field.default is not None:
        assert np.array_equal(again.default, field.default)


def test_every_type_is_tried_above() -> None:
    public = {getattr(fields, name) for name in fields.__all__}
    types = {each for each in public if isinstance(each, type) and issubclass(each, Field)} - {Field}
    assert {type(field) for field in FULL} == types
    assert {type(make()) for make in PLAIN} == types


@pytest.mark.parametrize("make", PLAIN, ids=lambda make: type(make()).__name__)
def test_the_keys_are_those_of_the_runway_sdk(make: Callable[[], Field]) -> None:
    field = make()
    field.name = "it"
    description = field.describe()
    assert list(description)[:3] == ["name", "type", "description"]
    assert description["name"] == "it"
    assert description["description"] is None
    assert "optional" not in description
    # Clients written in typed languages ask these for their default without looking.
    if field.type in ("text", "number", "category"):
        assert description["default"] is not None


def test_an_error_names_field_value_and_what_is_allowed() -> None:
    field = Number(min=0, max=1)
    field.name = "strength"
    with pytest.raises(BadValue) as caught:
        field.check(7)
    assert str(caught.value) == "'strength' cannot be 7. Allowed: a number from 0 to 1."


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("says nothing")


class Loud:
    def __repr__(self) -> str:
        return "line\n" * 1000


def deep(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


HOSTILE = {
    "nothing": None,
    "nan": float("nan"),
    "infinity": float("inf"),
    "huge": 10**400,
    "too long to write": 10**6000,
    "text": "x" * 1_000_000,
    "list of text": ["x" * 1_000_000] * 3,
    "mixed list": [None, "1", True],
    "deep": deep(10_000),
    "deep JSON": json.loads("[" * 400 + "]" * 400),
    "keys": {("a", "b"): 1},
    "mute": Mute(),
    "loud": Loud(),
    "mute list": [Mute()],
    "complex": 1j,
    "number as array": np.array("x"),
    "nan array": np.full((2, 2, 3), np.nan),
    "objects": np.array([None, {}], dtype=object),
    "empty array": np.zeros((0, 4, 3), np.uint8),
    "complex array": np.ones(3, np.complex64),
    "words": np.array(["1", "2", "3"]),
    "dates": np.array(["2020-01-01"], "datetime64[D]"),
    "bytes": b"\x00" * 64,
    "no bytes": b"",
    "function": print,
    "class": Mute,
    "set": {1, 2},
    "path": "/etc/passwd\0",
    "home": "~nobody-of-this-name/x",
    "long path": "a/" * 20_000,
}
TAKES = {
    ("array", "empty array"),
    ("any", "nothing"),
    ("any", "text"),
    ("any", "list of text"),
    ("any", "mixed list"),
    ("any", "deep JSON"),
    ("any", "path"),
    ("any", "home"),
    ("any", "long path"),
    ("any", "huge"),
    ("any", "words"),
    ("any", "number as array"),
    ("any", "empty array"),
    ("any", "objects"),
    ("text", "text"),
    ("text", "path"),
    ("text", "home"),
    ("text", "long path"),
}


@pytest.mark.parametrize("make", PLAIN, ids=lambda make: type(make()).__name__)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_is_refused_in_a_short_sentence(make: Callable[[], Field], name: str) -> None:
    field = make()
    field.name = "it"
    if (field.type, name) in TAKES:
        field.check(HOSTILE[name])
        return
    with pytest.raises(BadValue) as caught:
        field.check(HOSTILE[name])
    said = str(caught.value)
    assert said.startswith(("'it' cannot be ", "'it[0]' cannot be "))
    assert "Allowed: " in said
    assert len(said) < 500
    assert "\n" not in said


JSON = [
    None,
    True,
    -1,
    1e300,
    "",
    "x",
    "/etc/passwd",
    "file:///etc/passwd",
    "http://127.0.0.1:9/x.png",
    "data:image/png;base64,AAAA",
    "data:;base64,%%%",
    "é,é",
    [],
    [[]],
    [None],
    ["/etc/passwd"],
    [0.5, 0.5],
    {},
    {"upload": "../../etc/passwd"},
    {"buffer": 0},
    {"buffer": -1},
    {"buffer": True},
    {"buffer": "0"},
    {"buffer": 10**30},
    {"buffer": None, "encoding": "raw"},
    {"buffer": 0, "encoding": "raw"},
    {"buffer": 0, "encoding": "raw", "mode": "RGB", "size": [10**9, 10**9]},
    {"buffer": 0, "encoding": "raw", "mode": "RGB", "size": [-1, -1]},
    {"buffer": 0, "encoding": "raw", "mode": "CMYK", "size": [1, 1]},
    {"buffer": 0, "encoding": "raw", "mode": ["L"], "size": "ab"},
    {"buffer": 0, "encoding": "raw", "mode": "L", "size": [2.0, 2.0]},
    {"buffer": 0, "encoding": "raw", "dtype": "<f4", "shape": [-1, -1], "rate": 8000},
    {"buffer": 0, "encoding": "raw", "dtype": "<f4", "shape": [1, 1], "rate": "many"},
    {"buffer": 0, "encoding": "raw", "dtype": "O", "shape": [1, 1], "rate": 1},
    {"buffer": 0, "encoding": {"a": []}, "dtype": []},
    {"buffer": 0, "encoding": "npy"},
    {"buffer": 0, "encoding": "file"},
    deep(300),
]


@pytest.mark.parametrize("make", PLAIN, ids=lambda make: type(make()).__name__)
@pytest.mark.parametrize("optional", [False, True])
def test_nothing_from_the_network_opens_anything_or_raises_anything_else(
    make: Callable[[], Field], optional: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = make()
    field.optional = optional
    buffers = [memoryview(b"\x00\x00\x80\x3f"), memoryview(b"#EXTM3U\nfile:///etc/passwd\n")]

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError(f"{args[0]!r} was opened")

    from_description(field.describe())
    for target in ("builtins.open", "io.open", "os.open", "urllib.request.urlopen"):
        monkeypatch.setattr(target, refuse)
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setattr(Path, "is_dir", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    monkeypatch.setattr("runway_lab.fields.pixels.settings", fields_settings)
    monkeypatch.setattr("runway_lab.media.settings", fields_settings)
    for data in JSON:
        for take in (
            lambda data=data: field.from_json(data, NETWORK),
            lambda data=data: unpack_value(field, data, buffers, NETWORK),
        ):
            with contextlib.suppress(BadValue, BadFrame):
                take()


def fields_settings() -> object:
    from runway_lab.settings import Settings

    return Settings()


@pytest.mark.parametrize("make", PLAIN, ids=lambda make: type(make()).__name__)
def test_an_optional_value_may_be_none_on_every_way(make: Callable[[], Field]) -> None:
    field = make()
    field.optional = True
    if not isinstance(field, Any):
        assert field.check(None) is None
    assert field.to_json(None) is None
    assert field.from_json(None, LOCAL) is None
    packed: list[fields.Buffer] = []
    assert field.pack(None, packed) is None
    assert packed == []
    assert field.unpack(None, [], NETWORK) is None


@pytest.mark.parametrize(
    "description",
    [
        None,
        [],
        "text",
        {},
        {"type": 5},
        {"type": "imgae"},
        {"type": ["text"]},
        {"type": "text", "maxLength": "many"},
        {"type": "text", "minLength": 5, "maxLength": 2},
        {"type": "text", "default": 5},
        {"type": "number", "min": "0"},
        {"type": "number", "min": float("nan")},
        {"type": "number", "max": float("inf")},
        {"type": "number", "min": 2, "max": 1},
        {"type": "category"},
        {"type": "category", "oneOf": []},
        {"type": "category", "oneOf": "abc"},
        {"type": "category", "oneOf": ["a"], "default": "b"},
        {"type": "array"},
        {"type": "array", "itemType": {"type": "array"}},
        {"type": "image", "channels": 2},
        {"type": "image", "channels": "3"},
        {"type": "image", "channels": [3]},
        {"type": "image", "minWidth": "a"},
        {"type": "image", "width": -4},
        {"type": "image", "form": "tensor"},
        {"type": "image", "defaultOutputFormat": 5},
        {"type": "vector"},
        {"type": "vector", "length": "long"},
        {"type": "vector", "length": 2.5},
        {"type": "vector", "length": 10**15},
        {"type": "vector", "length": 2, "default": [1]},
        {"type": "vector", "length": 2, "samplingStd": -1},
        {"type": "vector", "length": 2, "samplingMean": float("nan")},
        {"type": "segmentation"},
        {"type": "segmentation", "labelToId": {}},
        {"type": "segmentation", "labelToId": {"a": 256}},
        {"type": "segmentation", "labelToId": {"a": 0.5}},
        {"type": "segmentation", "labelToId": {"a": 0}, "labelToColor": {"a": [1, 2]}},
        {"type": "segmentation", "labelToId": {"a": 0}, "labelToColor": {"a": [0, 0, 256]}},
        {"type": "segmentation", "labelToId": {"a": 0}, "labelToColor": "red"},
        {"type": "segmentation", "labelToId": {"a": 0}, "defaultLabel": "b"},
        {"type": "image_landmarks"},
        {"type": "image_landmarks", "length": 10**400},
        {"type": "image_landmarks", "length": 0},
        {"type": "image_landmarks", "length": 2, "labels": "lr"},
        {"type": "image_landmarks", "length": 2, "labels": ["l"]},
        {"type": "image_landmarks", "length": 2, "connections": [[0, 9]]},
        {"type": "image_landmarks", "length": 2, "connections": [5]},
        {"type": "image_point", "default": [2, 2]},
        {"type": "file", "extension": 5},
        {"type": "file", "default": "\0"},
    ],
    ids=repr,
)
def test_a_wrong_description_is_a_bad_value(description: object) -> None:
    with pytest.raises(BadValue):
        from_description(description)  # type: ignore[arg-type]


def test_a_description_nested_without_end_is_a_bad_value() -> None:
    description: dict[str, object] = {"type": "number"}
    for _ in range(600):
        description = {"type": "array", "itemType": description}
    with pytest.raises(BadValue):
        from_description(description)


def test_a_misspelt_type_is_suggested() -> None:
    with pytest.raises(BadValue, match="Did you mean 'image'"):
        from_description({"type": "imgae"})


def test_a_description_of_the_runway_sdk_is_understood() -> None:
    number = from_description({"name": "seed", "type": "number", "description": None, "default": 1000, "max": 1000})
    assert (number.name, number.default, number.check(3)) == ("seed", 1000, 3)
    folder = from_description({"name": "data", "type": "file", "isDirectory": True, "description": None})
    assert isinstance(folder, Directory)
    vector = from_description(
        {"name": "z", "type": "vector", "length": 4, "samplingMean": 0, "samplingStd": 1, "default": None}
    )
    assert vector.required


def test_a_default_given_first_is_no_description() -> None:
    with pytest.raises(BadValue, match="described by 0.5"):
        Number(0.5)  # type: ignore[arg-type]


def test_fields_are_equal_when_they_say_the_same() -> None:
    assert Number(min=0) == Number(min=0)
    assert Number(min=0) != Number(min=1)
    assert File() != Directory()
    assert hash(Number(min=0)) == hash(Number(min=0))
    assert "min=1" in repr(Number(min=1))


def test_numbers_are_told_from_what_looks_like_them() -> None:
    assert [json_number(each) for each in (np.float32(0.5), np.int64(3), np.bool_(True), np.array(4))] == [
        0.5,
        3,
        True,
        4,
    ]
    assert type(json_number(np.float32(0.5))) is float
    assert json_number(np.array([1])).shape == (1,)
    assert not any(map(is_number, (True, "1", None, 1j, float("inf"), 10**400, np.float32(1))))
    assert is_number(10**300)
