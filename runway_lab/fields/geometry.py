"""Points, boxes and landmarks on a picture, in fractions of its width and height."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from runway_lab.fields.field import Field, common

__all__ = ["BoundingBox", "Landmarks", "Point"]


def _fractions(value: Any, count: int) -> list[float] | None:
    """So many numbers from 0 to 1, or None; a hair outside is rounding and is brought back in."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or len(value) != count:
        return None
    numbers: list[float] = []
    for each in value:
        each = each.item() if hasattr(each, "item") else each
        if isinstance(each, bool) or not isinstance(each, (int, float)) or not math.isfinite(each):
            return None
        if not -1e-4 <= each <= 1 + 1e-4:
            return None
        numbers.append(min(max(float(each), 0.0), 1.0))
    return numbers


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

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Point:
        return cls(**common(description))


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

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> BoundingBox:
        return cls(**common(description))


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
        self.length = int(length)
        self.labels = [str(label) for label in labels] if labels else None
        self.connections = [list(pair) for pair in connections] if connections else None
        if self.labels is not None and len(self.labels) != self.length:
            raise self._refuse_labels()
        super().__init__(description, default=default, optional=optional)

    def _refuse_labels(self) -> Exception:
        self.name = "labels"
        return self.refuse(self.labels, f"{self.length} names, one for each landmark")

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        if hasattr(value, "tolist"):
            value = value.tolist()
        allowed = f"{self.length} places [x, y], each from 0 to 1"
        if not isinstance(value, (list, tuple)) or len(value) != self.length:
            raise self.refuse(value, allowed)
        points = [_fractions(each, 2) for each in value]
        for point, given in zip(points, value, strict=True):
            if point is None:
                raise self.refuse(given, allowed)
        return points

    def properties(self) -> dict[str, Any]:
        more = {"labels": self.labels, "connections": self.connections}
        return {"length": self.length} | {key: value for key, value in more.items() if value}

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Landmarks:
        return cls(
            description["length"],
            **common(description),
            labels=description.get("labels"),
            connections=description.get("connections"),
        )
