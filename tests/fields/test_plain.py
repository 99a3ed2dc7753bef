"""Words, numbers, choices and lists."""

from __future__ import annotations

import json

import numpy as np
import pytest

from runway_lab.errors import BadValue
from runway_lab.fields import Any, Array, BoundingBox, Buffer, Category, Image, Number, Text, Vector
from runway_lab.fields import Boolean as Switch


def test_text_counts_letters_and_not_bytes() -> None:
    field = Text(min_length=2, max_length=3)
    assert field.check("äöü") == "äöü"
    for wrong in ("ä", "äöüß", b"ab", 5):
        with pytest.raises(BadValue, match="Allowed: text of 2 to 3 characters"):
            field.check(wrong)
    with pytest.raises(BadValue, match="text of 2 or more characters"):
        Text(min_length=2).check("a")


def test_a_text_that_must_be_long_has_no_empty_default_to_fall_back_on() -> None:
    assert not Text().required
    assert Text(min_length=1).required
    assert Text(min_length=1).default == ""
    assert not Text(min_length=1, default="a").required
    assert not Text(min_length=1, optional=True).required
    with pytest.raises(BadValue):
        Text(default="abc", max_length=2)
    with pytest.raises(BadValue):
        Text(default=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "limits",
    [
        {"min_length": -1},
        {"min_length": 1.5},
        {"max_length": 0},
        {"min_length": 3, "max_length": 2},
        {"max_length": True},
    ],
)
@pytest.mark.parametrize("kind", [Text, lambda **limits: Array(Number(), **limits)])
def test_lengths_that_make_no_sense_are_refused_when_written(kind: object, limits: dict[str, object]) -> None:
    with pytest.raises(BadValue, match="length"):
        kind(**limits)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("limits", "default"),
    [
        ({}, 0),
        ({"min": 0, "max": 999}, 0),
        ({"min": 2, "max": 5}, 2),
        ({"min": -5, "max": 5}, 0),
        ({"min": -5, "max": -2}, -2),
        ({"max": -2}, -2),
        ({"min": 1}, 1),
        ({"default": 0, "min": -1, "max": 9}, 0),
        ({"default": 0.0, "max": 1}, 0.0),
        ({"optional": True, "min": 3}, None),
        ({"optional": True, "default": 0}, 0),
    ],
)
def test_a_number_starts_where_it_is_told_or_nearest_to_zero(limits: dict[str, float], default: object) -> None:
    field = Number(**limits)  # type: ignore[arg-type]
    assert field.default == default
    assert not field.required


@pytest.mark.parametrize(
    "limits",
    [
        {"min": float("nan")},
        {"max": float("inf")},
        {"min": 2, "max": 1},
        {"step": -1},
        {"default": 3, "max": 2},
        {"default": True},
        {"min": "0"},
        {"min": False},
    ],
)
def test_limits_that_make_no_sense_are_refused_when_written(limits: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        Number(**limits)  # type: ignore[arg-type]


def test_limits_out_of_numpy_can_still_be_sent() -> None:
    field = Number(min=np.float32(0.5), max=np.int64(3), default=np.float64(1))  # type: ignore[arg-type]
    assert json.loads(json.dumps(field.describe()))["min"] == 0.5
    assert field.default == 1


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int8(2), np.array(2)])
def test_a_number_in_any_clothes_becomes_pythons_own(value: object) -> None:
    checked = Number(min=0, max=2).check(value)
    assert checked == 2
    assert type(checked) in (int, float)


@pytest.mark.parametrize(
    "value", [True, False, "2", None, float("nan"), -float("inf"), 10**400, np.bool_(True), 1j, [2]]
)
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(BadValue, match="Allowed: a number"):
        Number().check(value)


def test_whole_steps_mean_whole_numbers() -> None:
    seed = Number(min=0, step=1)
    assert seed.whole
    assert type(seed.check(3.0)) is int
    assert seed.check(2**63 + 1) == 2**63 + 1
    for wrong in (0.5, -1):
        with pytest.raises(BadValue, match="Allowed: a whole number of 0 or more"):
            seed.check(wrong)
    assert not Number(step=0.5).whole
    assert not Number(min=0.5, step=1).whole
    with pytest.raises(BadValue, match="Allowed: a number of 3 or less"):
        Number(max=3).check(4)


def test_yes_and_no_are_nothing_else() -> None:
    assert Switch().default is False
    assert Switch().check(np.bool_(True)) is True
    for wrong in (0, 1, "true", None, [], np.array([True])):
        with pytest.raises(BadValue, match="Allowed: True or False"):
            Switch().check(wrong)
    assert Switch(default=None, optional=True).default is None
    with pytest.raises(BadValue):
        Switch(default=None)


def test_a_choice_starts_with_the_first() -> None:
    field = Category(["night", "day"])
    assert field.default == "night"
    assert Category(["night", "day"], default="day").default == "day"
    assert field.check(np.str_("day")) == "day"
    with pytest.raises(BadValue, match="Allowed: night, day. Did you mean 'night'"):
        field.check("nigth")
    with pytest.raises(BadValue, match=r"Allowed: night, day\.$"):
        field.check(None)


def test_choices_may_be_numbers() -> None:
    sizes = Category([256, 512], default=512)  # type: ignore[list-item, arg-type]
    assert sizes.default == "512"
    assert sizes.check(256) == sizes.check(np.int64(256)) == "256"
    with pytest.raises(BadValue):
        sizes.check(128)
    with pytest.raises(BadValue):
        sizes.check(True)


@pytest.mark.parametrize("choices", ["abc", [], None, 5, b"ab"])
def test_a_choice_needs_a_list_of_words(choices: object) -> None:
    with pytest.raises(BadValue, match="a list of at least one word"):
        Category(choices)  # type: ignore[arg-type]


def test_an_error_shows_a_dozen_choices_at_most() -> None:
    with pytest.raises(BadValue) as caught:
        Category([f"choice-{number}" * 30 for number in range(1000)]).check("x")
    assert len(str(caught.value)) < 1200
    assert ", ..." in str(caught.value)


def test_a_list_checks_each_of_its_items() -> None:
    field = Array(Number(min=0), min_length=1, max_length=3)
    field.name = "sizes"
    assert field.check((1, 2.5)) == [1, 2.5]
    assert field.check(np.array([1, 2])) == [1, 2]
    with pytest.raises(BadValue, match=r"'sizes\[1\]' cannot be -2"):
        field.check([1, -2])
    for wrong in ([], [1] * 4, "12", {1: 2}, None, 5, np.array(5), (n for n in [1])):
        with pytest.raises(BadValue, match="'sizes' cannot be .* Allowed: a list of 1 to 3 values of type number"):
            field.check(wrong)


def test_an_error_in_a_list_of_lists_names_the_place() -> None:
    field = Array(Array(Array(Number(max=1))))
    field.name = "grid"
    for take in (field.check, field.from_json, lambda value: field.unpack(value, [])):
        with pytest.raises(BadValue, match=r"^'grid\[1\]\[0\]\[2\]' cannot be 5\."):
            take([[], [[0, 0, 5]]])
    with pytest.raises(BadValue, match=r"^'item 1\[0\]\[2\]' cannot be 5\."):
        Array(Array(Array(Number(max=1)))).check([[], [[0, 0, 5]]])


def test_the_item_of_a_list_is_a_field_of_its_own() -> None:
    number = Number(max=1)
    number.name = "mine"
    field = Array(number)
    assert number.name == "mine"
    assert field.describe()["itemType"]["name"] == "number_array_item"
    assert Array(Image).item.type == "image"
    for wrong in (5, None, "number", dict, Category):
        with pytest.raises(BadValue, match="a list of fields"):
            Array(wrong)  # type: ignore[arg-type]


def test_a_list_of_pictures_travels_as_buffers_and_as_data_uris() -> None:
    field = Array(Array(Image(channels=3, form="array", default_output_format="PNG")))
    field.name = "tiles"
    rng = np.random.default_rng(5)
    tiles = [[rng.integers(0, 256, (3, 4, 3), np.uint8) for _ in range(2)], [rng.integers(0, 256, (5, 2, 3), np.uint8)]]
    buffers: list[Buffer] = []
    packed = json.loads(json.dumps(field.pack(field.check(tiles), buffers)))
    assert len(buffers) == 3
    assert "base64" not in json.dumps(packed)
    for again in (field.unpack(packed, [memoryview(each) for each in buffers]), field.from_json(field.to_json(tiles))):
        assert [len(row) for row in again] == [2, 1]
        assert all(
            np.array_equal(a, b) for one, two in zip(again, tiles, strict=True) for a, b in zip(one, two, strict=True)
        )
    assert field.binary
    assert not Array(Array(Number())).binary


def test_a_list_of_vectors_may_be_one_array() -> None:
    field = Array(Vector(3))
    rows = field.check(np.eye(3, dtype=np.float32)[:2])
    assert [row.tolist() for row in rows] == [[1, 0, 0], [0, 1, 0]]
    assert field.to_json(rows) == [[1, 0, 0], [0, 1, 0]]


def test_a_default_list_is_data() -> None:
    field = Array(BoundingBox(), default=[[0, 0, 1, 1]])
    assert field.default == [[0.0, 0.0, 1.0, 1.0]]
    assert field.describe()["default"] == [[0.0, 0.0, 1.0, 1.0]]
    with pytest.raises(BadValue):
        Array(Number(max=1), default=[2])


def test_lists_in_lists_end_somewhere() -> None:
    field: Number | Array = Number()
    for _ in range(16):
        field = Array(field)
    with pytest.raises(BadValue, match="nested any deeper"):
        Array(field)


def test_any_takes_what_json_can_say() -> None:
    value = {"a": (1, 2.5, None, True), "b": np.arange(3), "c": np.float32(0.5)}
    assert Any().check(value) == {"a": [1, 2.5, None, True], "b": [0, 1, 2], "c": 0.5}
    mine = {"a": [1]}
    Any().check(mine)["a"].append(2)
    assert mine == {"a": [1]}
    round_about: list[object] = []
    round_about.append(round_about)
    for wrong in (float("nan"), {"a": [float("inf")]}, {1, 2}, b"x", round_about, object()):
        with pytest.raises(BadValue, match="Allowed: what JSON can say"):
            Any().check(wrong)
