"""Fields whose values are words, numbers and lists: small enough to live inside the JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any as Anything

from runway_lab.errors import BadValue, suggest
from runway_lab.fields.field import (
    NETWORK,
    Buffer,
    Field,
    Wire,
    common,
    from_description,
    json_number,
    shorten,
)

__all__ = ["Any", "Array", "Boolean", "Category", "Number", "Text"]


class Text(Field):
    """Words.

    >>> Text(max_length=5).check("hello")
    'hello'
    """

    type = "text"

    def __init__(
        self,
        description: str = "",
        *,
        default: str = "",
        min_length: int = 0,
        max_length: int | None = None,
        optional: bool = False,
    ) -> None:
        self.min_length = min_length
        self.max_length = max_length
        super().__init__(description, optional=optional)
        # An empty default stands for "nothing written yet", however long the text must become.
        self.default = self.check(default) if default else ""

    @property
    def required(self) -> bool:
        return self.min_length > 0 and not self.default and not self.optional

    def check(self, value: Anything) -> Anything:
        if value is None and self.optional:
            return None
        most = math.inf if self.max_length is None else self.max_length
        if not isinstance(value, str) or not self.min_length <= len(value) <= most:
            longest = "" if self.max_length is None else f" to {self.max_length}"
            raise self.refuse(value, f"text of {self.min_length}{longest or ' or more'} characters")
        return value

    def properties(self) -> dict[str, Anything]:
        longest = {"maxLength": self.max_length} if self.max_length else {}
        return {"default": self.default, "minLength": self.min_length} | longest

    @classmethod
    def from_properties(cls, description: Mapping[str, Anything]) -> Text:
        return cls(
            **common(description),
            default=description.get("default") or "",
            min_length=int(description.get("minLength") or 0),
            max_length=description.get("maxLength"),
        )


class Number(Field):
    """A number, whole or not, within limits.

    >>> Number(default=0.5, min=0, max=1).check(2)
    Traceback (most recent call last):
    runway_lab.errors.BadValue: a field of type number cannot be 2. Allowed: a number from 0 to 1.
    """

    type = "number"

    def __init__(
        self,
        description: str = "",
        *,
        default: float | None = None,
        min: float | None = None,
        max: float | None = None,
        step: float | None = None,
        optional: bool = False,
    ) -> None:
        self.min = min
        self.max = max
        self.step = step
        super().__init__(description, optional=optional)
        if default is not None:
            self.default = self.check(default)
        elif not optional:
            self.default = min if min is not None else max if max is not None and max < 0 else 0

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant: the steps are whole, and so is where they begin."""
        return self.step is not None and float(self.step).is_integer() and float(self.min or 0).is_integer()

    def check(self, value: Anything) -> Anything:
        if value is None and self.optional:
            return None
        value = json_number(value)
        fine = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if fine and self.min is not None:
            fine = value >= self.min
        if fine and self.max is not None:
            fine = value <= self.max
        if not fine:
            raise self.refuse(value, self._allowed())
        if self.whole:
            if not float(value).is_integer():
                raise self.refuse(value, self._allowed())
            return int(value)
        return value

    def _allowed(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.min is not None and self.max is not None:
            return f"{kind} from {self.min} to {self.max}"
        if self.min is not None:
            return f"{kind} of {self.min} or more"
        if self.max is not None:
            return f"{kind} of {self.max} or less"
        return kind

    def properties(self) -> dict[str, Anything]:
        limits = {"min": self.min, "max": self.max, "step": self.step}
        return {"default": self.default} | {key: value for key, value in limits.items() if value is not None}

    @classmethod
    def from_properties(cls, description: Mapping[str, Anything]) -> Number:
        limits: dict[str, Anything] = {key: description.get(key) for key in ("default", "min", "max", "step")}
        return cls(**common(description), **limits)


class Boolean(Field):
    """Yes or no.

    >>> Boolean(default=True).default
    True
    """

    type = "boolean"

    def __init__(self, description: str = "", *, default: bool = False, optional: bool = False) -> None:
        super().__init__(description, optional=optional)
        self.default = None if optional and default is None else self.check(default)

    def check(self, value: Anything) -> Anything:
        if value is None and self.optional:
            return None
        value = json_number(value)
        if not isinstance(value, bool):
            raise self.refuse(value, "True or False")
        return value

    def properties(self) -> dict[str, Anything]:
        return {"default": self.default}

    @classmethod
    def from_properties(cls, description: Mapping[str, Anything]) -> Boolean:
        return cls(**common(description), default=bool(description.get("default", False)))


class Category(Field):
    """One of a few words.

    >>> Category(["night", "day"]).check("dya")
    Traceback (most recent call last):
    runway_lab.errors.BadValue: a field of type category cannot be 'dya'. Allowed: night, day. Did you mean 'day'?
    """

    type = "category"

    def __init__(
        self,
        choices: Iterable[str],
        description: str = "",
        *,
        default: str | None = None,
        optional: bool = False,
    ) -> None:
        self.choices = [str(choice) for choice in choices]
        super().__init__(description, optional=optional)
        if not self.choices:
            raise self.refuse([], "at least one choice")
        self.default = self.check(self.choices[0] if default is None else default)

    def check(self, value: Anything) -> Anything:
        if value is None and self.optional:
            return None
        if not isinstance(value, str) or value not in self.choices:
            shown = ", ".join(self.choices[:12]) + (", ..." if len(self.choices) > 12 else "")
            error = self.refuse(value, shown)
            hint = suggest(str(value)[:100], self.choices)
            if hint.startswith("Did you mean"):
                error.hint += f" {hint}"
            raise error
        return value

    def properties(self) -> dict[str, Anything]:
        return {"oneOf": self.choices, "default": self.default}

    @classmethod
    def from_properties(cls, description: Mapping[str, Anything]) -> Category:
        return cls(description["oneOf"], **common(description), default=description.get("default"))


class Array(Field):
    """A list of values of one type.

    >>> Array(Number(min=0), max_length=3).check([1, 2])
    [1, 2]
    """

    type = "array"

    def __init__(
        self,
        item: Field,
        description: str = "",
        *,
        min_length: int = 0,
        max_length: int | None = None,
        default: Sequence[Anything] | None = None,
        optional: bool = False,
    ) -> None:
        self.item = item
        self.min_length = min_length
        self.max_length = max_length
        self.item.name = f"{item.type}_array_item"
        super().__init__(description, default=default, optional=optional)

    @property
    def binary(self) -> bool:  # type: ignore[override]  # depends on what the items are
        return self.item.binary

    def check(self, value: Anything) -> Anything:
        if value is None and self.optional:
            return None
        values = self._listed(value)
        return [self._each(self.item.check, each, index) for index, each in enumerate(values)]

    def _listed(self, value: Anything) -> list[Anything]:
        if hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0 and not self.item.binary:
            value = value.tolist()
        most = math.inf if self.max_length is None else self.max_length
        listed = isinstance(value, (list, tuple)) or (getattr(value, "ndim", 0) > 0)
        if not listed or not self.min_length <= len(value) <= most:
            longest = " or more" if self.max_length is None else f" to {self.max_length}"
            raise self.refuse(value, f"a list of {self.min_length}{longest} values of type {self.item.type}")
        return list(value)

    def _each(self, do: Anything, value: Anything, index: int, *more: Anything) -> Anything:
        try:
            return do(value, *more)
        except BadValue as error:
            error.what = error.what.replace(repr(self.item.name), repr(self._name_of(index)), 1)
            raise

    def to_json(self, value: Anything) -> Anything:
        return None if value is None else [self.item.to_json(each) for each in value]

    def from_json(self, data: Anything, wire: Wire = NETWORK) -> Anything:
        if data is None and self.optional:
            return None
        return [self._each(self.item.from_json, each, i, wire) for i, each in enumerate(self._listed(data))]

    def pack(self, value: Anything, buffers: list[Buffer], encoding: str = "raw") -> Anything:
        return None if value is None else [self.item.pack(each, buffers, encoding) for each in value]

    def unpack(self, data: Anything, buffers: list[memoryview], wire: Wire = NETWORK) -> Anything:
        if data is None and self.optional:
            return None
        listed = self._listed(data)
        return [self._each(self.item.unpack, each, i, buffers, wire) for i, each in enumerate(listed)]

    def properties(self) -> dict[str, Anything]:
        longest = {"maxLength": self.max_length} if self.max_length else {}
        return {"itemType": self.item.describe(), "minLength": self.min_length} | longest

    @classmethod
    def from_properties(cls, description: Mapping[str, Anything]) -> Array:
        return cls(
            from_description(description["itemType"]),
            **common(description),
            min_length=int(description.get("minLength") or 0),
            max_length=description.get("maxLength"),
        )


class Any(Field):
    """Whatever JSON can say.

    >>> Any().check({"cats": [1, 2]})
    {'cats': [1, 2]}
    """

    type = "any"

    def check(self, value: Anything) -> Anything:
        try:
            return json.loads(json.dumps(value, allow_nan=False, default=_plain))
        except (TypeError, ValueError, RecursionError) as error:
            raise self.refuse(value, f"what JSON can say ({shorten(str(error))})") from error


def _plain(value: Anything) -> Anything:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")
