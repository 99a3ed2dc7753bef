"""What a model says of itself, and how what it is given and what it returns is held to that."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from runway_lab.errors import BadValue, Unknown
from runway_lab.fields import Any as Anything
from runway_lab.fields import Array, Category, Image, Number, Point, Text, Vector
from runway_lab.signature import Command, Signature, named

DRAW = Command(
    "draw",
    named(
        {
            "z": Vector(2),
            "strength": Number(default=0.5, max=1),
            "where": Point(default=[0, 0]),
            "note": Text(optional=True),
        }
    ),
    named({"image": Image, "label": Text(optional=True)}),
    "Draws.",
)
TELL = Command("tell", named({}), named({"text": Text}))
SIGNATURE = Signature(named({"size": Category(["small", "large"])}), {"draw": DRAW, "tell": TELL})


def test_a_description_gives_the_same_signature() -> None:
    sent = json.loads(json.dumps(SIGNATURE.describe(), allow_nan=False))
    assert Signature.from_description(sent) == SIGNATURE
    assert Signature.from_description(sent).describe() == sent
    assert [each["name"] for each in sent["commands"]] == ["draw", "tell"]
    assert set(sent["commands"][0]) == {"name", "description", "inputs", "outputs"}


def test_the_first_command_is_what_a_model_is_for() -> None:
    assert SIGNATURE.command() is DRAW
    assert SIGNATURE.command("tell") is TELL
    for wrong in ("drwa", "", 5, ["draw"]):
        with pytest.raises(Unknown, match="This model has no command"):
            SIGNATURE.command(wrong)  # type: ignore[arg-type]
    with pytest.raises(Unknown, match="Did you mean 'draw'"):
        SIGNATURE.command("drwa")
    with pytest.raises(Unknown):
        Signature().command()


def test_inputs_are_checked_and_completed() -> None:
    inputs = DRAW.check_inputs({"z": [1, 2], "strength": np.float32(1)})
    assert list(inputs) == ["z", "strength", "where", "note"]
    assert inputs["z"].tolist() == [1, 2]
    assert (inputs["strength"], inputs["where"], inputs["note"]) == (1, [0, 0], "")
    with pytest.raises(BadValue, match="The input 'z' of the command 'draw' is missing. It is of type vector"):
        DRAW.check_inputs({})
    with pytest.raises(BadValue, match="The command 'draw' has no input 'strenght'. Did you mean 'strength'"):
        DRAW.check_inputs({"z": [1, 2], "strenght": 1})
    with pytest.raises(BadValue, match="'strength' cannot be 2"):
        DRAW.check_inputs({"z": [1, 2], "strength": 2})
    with pytest.raises(BadValue, match="This model has no option 'siez'. Did you mean 'size'"):
        SIGNATURE.check_options({"siez": "small"})
    assert SIGNATURE.check_options({}) == {"size": "small"}


def test_completing_does_not_look_at_what_was_checked() -> None:
    row = np.zeros(5)
    assert DRAW.complete({"z": row})["z"] is row
    with pytest.raises(BadValue, match="'z' of the command 'draw' is missing"):
        DRAW.complete({})


def test_a_model_that_writes_into_a_default_does_not_change_it() -> None:
    DRAW.check_inputs({"z": [1, 2]})["where"].append(5)
    assert DRAW.check_inputs({"z": [1, 2]})["where"] == [0, 0]
    fields = Command("c", named({"z": Vector(default=[1, 2]), "boxes": Array(Point(), default=[[0, 0]])}), {})
    inputs = fields.complete({})
    inputs["z"][:] = 9
    inputs["boxes"][0][0] = 9
    again = fields.complete({})
    assert (again["z"].tolist(), again["boxes"]) == ([1, 2], [[0, 0]])


def test_outputs_are_checked_by_name() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    assert DRAW.check_outputs({"image": pixels})["image"].size == (2, 2)
    for wrong, said in (
        ({"label": "x"}, "did not return 'image'. Return a dict with 'image', 'label'"),
        ({"image": pixels, "lable": "x"}, "returned 'lable', which is none of its outputs. Did you mean 'label'"),
        ({"image": pixels, 5: "x"}, "returned 5, which is none of its outputs"),
        (pixels, "returned ndarray. Return a dict with 'image', 'label'"),
        (None, "returned NoneType"),
        ({"image": "no such file.png"}, "'image' cannot be"),
    ):
        with pytest.raises(BadValue) as caught:
            DRAW.check_outputs(wrong)
        assert said in str(caught.value)


def test_a_single_output_needs_no_name() -> None:
    assert TELL.check_outputs("hi") == TELL.check_outputs({"text": "hi"}) == {"text": "hi"}
    any_one = Command("any", {}, named({"data": Anything()}))
    assert any_one.check_outputs({"cats": 2}) == {"data": {"cats": 2}}
    assert any_one.check_outputs({"data": {"cats": 2}}) == {"data": {"cats": 2}}
    assert any_one.check_outputs({}) == {"data": {}}


def test_fields_are_told_their_names_and_may_be_shared() -> None:
    shared = Number()
    fields = named({"a": shared, "b": shared, "c": Image})
    assert [each.name for each in fields.values()] == ["a", "b", "c"]
    assert shared.name == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"a": 5},
        {"a": "image"},
        {"a": None},
        {"a": dict},
        {"a": Vector, "b": Category},
        {"a": Category},
        {"a": lambda: 5},
        {"not a name": Number()},
        {"": Number()},
        {5: Number()},
        {"1a": Number()},
        [Number()],
        Number(),
        None,
    ],
    ids=repr,
)
def test_what_is_no_field_is_refused_at_once(fields: Any) -> None:
    with pytest.raises(BadValue):
        named(fields)


COMMAND = {"name": "a", "inputs": [], "outputs": []}


@pytest.mark.parametrize(
    "description",
    [
        None,
        [],
        "x",
        {},
        {"options": []},
        {"commands": None, "options": []},
        {"commands": {"a": COMMAND}, "options": []},
        {"commands": [5], "options": []},
        {"commands": [{"name": 5, "inputs": [], "outputs": []}], "options": []},
        {"commands": [{"name": "a", "inputs": 5, "outputs": []}], "options": []},
        {"commands": [{"name": "a", "inputs": [5], "outputs": []}], "options": []},
        {"commands": [{"name": "", "inputs": [], "outputs": []}], "options": []},
        {"commands": [COMMAND, COMMAND], "options": []},
        {"commands": [], "options": "abc"},
        {"commands": [], "options": [{"type": "number"}]},
        {"commands": [], "options": [{"name": "a", "type": "number"}, {"name": "a", "type": "text"}]},
        {"commands": [], "options": [{"name": "a", "type": "vector", "length": 10**400}]},
    ],
    ids=repr,
)
def test_what_is_no_description_is_a_bad_value(description: Any) -> None:
    with pytest.raises(BadValue):
        Signature.from_description(description)


def test_the_meta_of_a_runway_model_is_a_signature() -> None:
    meta = {
        "GPU": False,
        "modelSDKVersion": "0.6.1",
        "millisRunning": None,
        "options": [{"name": "checkpoint", "type": "file", "description": None, "extension": ".pkl"}],
        "commands": [
            {
                "name": "generate",
                "description": None,
                "inputs": [
                    {
                        "name": "z",
                        "type": "vector",
                        "length": 512,
                        "samplingMean": 0,
                        "samplingStd": 1,
                        "default": None,
                        "description": None,
                    },
                    {
                        "name": "truncation",
                        "type": "number",
                        "default": 0.8,
                        "min": 0.0,
                        "max": 1.0,
                        "step": 0.01,
                        "description": None,
                    },
                ],
                "outputs": [
                    {
                        "name": "image",
                        "type": "image",
                        "channels": 3,
                        "defaultOutputFormat": "JPEG",
                        "description": None,
                    }
                ],
            }
        ],
    }
    signature = Signature.from_description(meta)
    assert signature.command().check_inputs({"z": [0] * 512})["truncation"] == 0.8
    assert signature.options["checkpoint"].required
