"""Points, boxes and landmarks on a picture, in fractions of its width and height."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runway_lab.fields.field import Field, common, is_number, json_number, limit, shorten

__all__ = ["BoundingBox", "Landmarks", "Point"]


def _fractions(value: Any, count: int) -> list[float] | None:
    """So many numbers from 0 to 1, or None; a hair outside is rounding and is brought back in."""
    value = _listed(value, count)
    if value is None:
        return None
    numbers: list[float] = []
    for each in map(json_number, value):
        if not is_number(each) or not -1e-4 <= each <= 1 + 1e-4:
            return None
        numbers.append(min(max(float(each), 0.0), 1.0))
    return numbers


def _listed(value: Any, count: int) -> Sequence[Any] | None:
    """So many things, out of a list, a tuple, an array or a tensor; None where it is something else."""
    if getattr(value, "shape", None) and hasattr(value, "tolist"):
        return value.tolist() if len(value) == count else None
    return value if isinstance(value, (list, tuple)) and len(value) == count else None


def _with_default(field: Field) -> dict[str, Any]:
    return {} if field.default is None else {"default": field.default}


class Point(Field):
    """A place on a picture: [x, y], each from 0 to 1.

    >>> Point().check((0.5, 1))
    [0.5, 1.0]
    """

    type = "image_point"

    def __init__(
        self, description: str = "", *, default: Sequence[float] | None = None, optional: bool = False
    ) -> None:
        super().__init__(description, default=default, optional=optional)

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        point = _fractions(value, 2)
        if point is None:
            raise self.refuse(value, "[x, y], each from 0 to 1")
        return point

    def properties(self) -> dict[str, Any]:
        return _with_default(self)

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Point:
        return cls(**common(description), default=description.get("default"))


class BoundingBox(Field):
    """A box on a picture: [left, top, right, bottom], each from 0 to 1.

    >>> BoundingBox().check([0.1, 0.2, 0.6, 0.9])
    [0.1, 0.2, 0.6, 0.9]
    """

    type = "image_bounding_box"

    def __init__(
        self, description: str = "", *, default: Sequence[float] | None = None, optional: bool = False
    ) -> None:
        super().__init__(description, default=default, optional=optional)

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        box = _fractions(value, 4)
        if box is None or not (box[0] < box[2] and box[1] < box[3]):
            raise self.refuse(value, "[left, top, right, bottom], each from 0 to 1, left < right and top < bottom")
        return box

    def properties(self) -> dict[str, Any]:
        return _with_default(self)

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> BoundingBox:
        return cls(**common(description), default=description.get("default"))


class Landmarks(Field):
    """So many places on a picture, with names and lines between them where the model has them.

    >>> Landmarks(2, labels=["nose", "chin"]).check([[0.5, 0.4], [0.5, 0.8]])
    [[0.5, 0.4], [0.5, 0.8]]
    """

    type = "image_landmarks"

    def __init__(
        self,
        length: int,
        description: str = "",
        *,
        labels: Sequence[str] | None = None,
        connections: Sequence[Sequence[Any]] | None = None,
        default: Sequence[Sequence[float]] | None = None,
        optional: bool = False,
    ) -> None:
        super().__init__(description, optional=optional)
        self.length = int(limit(self, "length", length, 1, whole=True) or 0)
        if not self.length:
            raise self.refuse(length, "a whole number of 1 or more as length")
        for given, what in ((labels, "labels"), (connections, "connections")):
            if not isinstance(given, (list, tuple, type(None))):
                raise self.refuse(given, f"a list as {what}")
        self.labels = [str(label) for label in labels] if labels else None
        if self.labels is not None and len(self.labels) != self.length:
            raise self.refuse(labels, f"{self.length} names as labels, one for each landmark")
        self.connections = [self._connection(pair) for pair in connections] if connections else None
        if default is not None:
            self.default = self.check(default)

    def _connection(self, pair: Any) -> list[Any]:
        """Two places that a line joins, each by its number or its label."""
        ends = [json_number(end) for end in pair] if isinstance(pair, (list, tuple)) else []
        known = [*range(self.length), *(self.labels or [])]
        if len(ends) != 2 or not all(isinstance(end, (int, str)) and end in known for end in ends):
            raise self.refuse(pair, "connections of two landmarks, by number or label", f"connected by {shorten(pair)}")
        return ends

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        allowed = f"{self.length} places [x, y], each from 0 to 1"
        places = _listed(value, self.length)
        if places is None:
            raise self.refuse(value, allowed)
        points: list[list[float]] = []
        for index, given in enumerate(places):
            point = _fractions(given, 2)
            if point is None:
                raise self.refuse(value, allowed, f"a list whose place {index} is {shorten(given)}")
            points.append(point)
        return points

    def properties(self) -> dict[str, Any]:
        more = {"labels": self.labels, "connections": self.connections}
        return {"length": self.length} | {key: value for key, value in more.items() if value} | _with_default(self)

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Landmarks:
        return cls(
            description["length"],
            **common(description),
            labels=description.get("labels"),
            connections=description.get("connections"),
            default=description.get("default"),
        )
