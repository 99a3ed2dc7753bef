"""Places on a picture."""

from __future__ import annotations

import numpy as np
import pytest

from runway_lab.errors import BadValue
from runway_lab.fields import BoundingBox, Landmarks, Point


@pytest.mark.parametrize("value", [(0.5, 1), [0.5, 1.0], np.array([0.5, 1]), [np.float32(0.5), np.int8(1)]])
def test_a_point_is_two_fractions(value: object) -> None:
    checked = Point().check(value)
    assert checked == [0.5, 1.0]
    assert [type(each) for each in checked] == [float, float]
    assert Point().from_json(Point().to_json(checked)) == checked


def test_a_tensor_is_taken_too() -> None:
    import torch

    assert Point().check(torch.tensor([0.5, 1.0], requires_grad=True)) == [0.5, 1.0]
    assert Landmarks(2).check(torch.zeros(2, 2)) == [[0, 0], [0, 0]]
    assert BoundingBox().check([torch.tensor(0.0), torch.tensor(0), 1, 1]) == [0, 0, 1, 1]


def test_a_hair_outside_is_rounding() -> None:
    assert Point().check([-0.00005, 1.00005]) == [0.0, 1.0]
    for wrong in ([-0.001, 0], [0, 1.001]):
        with pytest.raises(BadValue, match=r"Allowed: \[x, y\], each from 0 to 1"):
            Point().check(wrong)


NO_FRACTIONS = [
    None,
    [],
    [0.5],
    [0.5] * 3,
    "ab",
    ["0", "1"],
    [True, False],
    [float("nan"), 0],
    [10**400, 0],
    {0: 0, 1: 1},
    5,
]
NO_FRACTIONS += [np.zeros((2, 1)), np.array(0.5), [[0], [1]], [np.zeros(1), np.zeros(1)], [np.zeros(2), 0], {0.1, 0.2}]


@pytest.mark.parametrize("value", NO_FRACTIONS, ids=repr)
def test_what_is_no_point_is_refused(value: object) -> None:
    with pytest.raises(BadValue):
        Point().check(value)
    with pytest.raises(BadValue):
        Landmarks(1).check([value])
    with pytest.raises(BadValue):
        BoundingBox().check(value)


def test_a_box_has_an_inside() -> None:
    assert BoundingBox().check(np.array([0, 0.25, 0.5, 1])) == [0, 0.25, 0.5, 1]
    for wrong in ([0.5, 0, 0.5, 1], [0.6, 0, 0.5, 1], [0, 0.5, 1, 0.5], [1.00002, 0, 1.00005, 1], [0, 0, 1]):
        with pytest.raises(BadValue, match="left < right and top < bottom"):
            BoundingBox().check(wrong)


def test_landmarks_are_so_many_places() -> None:
    field = Landmarks(2, labels=["nose", "chin"], connections=[("nose", "chin")])
    field.name = "face"
    assert field.check(((0, 0), np.array([1, 1]))) == [[0, 0], [1, 1]]
    with pytest.raises(BadValue, match=r"'face' cannot be a list whose place 1 is \[0, 2\]"):
        field.check([[0, 0], [0, 2]])
    for wrong in ([[0, 0]], [[0, 0]] * 3, None, "ab", {0: [0, 0], 1: [0, 0]}, np.zeros((3, 2))):
        with pytest.raises(BadValue, match=r"Allowed: 2 places \[x, y\]"):
            field.check(wrong)
    assert field.describe()["connections"] == [["nose", "chin"]]
    assert "labels" not in Landmarks(2).describe()


def test_landmarks_that_make_no_sense_are_refused_when_written() -> None:
    for options in (
        {"length": 0},
        {"length": -1},
        {"length": 2.5},
        {"length": None},
        {"length": 2, "labels": ["a"]},
        {"length": 2, "labels": "ab"},
        {"length": 2, "connections": [[0, 2]]},
        {"length": 2, "connections": [["a", "b"]]},
        {"length": 2, "connections": [[0]]},
        {"length": 2, "connections": [[[0], [1]]]},
        {"length": 2, "default": [[0, 0]]},
    ):
        with pytest.raises(BadValue):
            Landmarks(**options)  # type: ignore[arg-type]


def test_defaults_are_described() -> None:
    assert Point(default=(0, 1)).describe()["default"] == [0.0, 1.0]
    assert "default" not in Point().describe()
    assert Point().required
    assert not BoundingBox(default=[0, 0, 1, 1]).required
