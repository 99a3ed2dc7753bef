"""Fields whose values are words, numbers and lists: small enough to live inside the JSON."""

from __future__ import annotations

import contextlib
import copy
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any as Anything

from runway_lab.errors import BadValue, suggest
from runway_lab.fields.field import (
    NETWORK,
    Buffer,
    Field,
    Wire,
    common,
    detached,
    from_description,
    is_number,
    json_number,
    lengths,
    limit,
    shorten,
)

__all__ = ["Any", "Array", "Boolean", "Category", "Number", "Text"]

MOST_NESTED = 16
"""How deep lists may stand in lists."""


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
        super().__init__(description, optional=optional)
        self.min_length, self.max_length = lengths(self, min_length, max_length)
        # An empty default stands for "nothing written yet", however long the text must become.
        self.default = "" if default is None or default == "" else self.check(default)

    @property
    def required(self) -> bool:
        return self.min_length > 0 and not self.default and not self.optional

    def check(self, value: Anything) -> Anything:
        if value is None and self.optional:
            return None
        most = math.inf if self.max_length is None else self.max_length
        if not isinstance(value, str) or not self.min_length <= len(value) <= most:
            longest = " or more" if self.max_length is None else f" to {self.max_length}"
            raise self.refuse(value, f"text of {self.min_length}{longest} characters")
        return value

    def properties(self) -> dict[str, Anything]:
        longest = {"maxLength": self.max_length} if self.max_length else {}
        return {"default": self.default, "minLength": self.min_length} | longest

    @classmethod
    def from_properties(cls, description: Mapping[str, Anything]) -> Text:
        return cls(
            **common(description),
            default=description.get("default") or "",
            min_length=description.get("minLength") or 0,
            max_length=description.get("maxLength") or None,
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
        super().__init__(description, optional=optional)
        self.min: float | None = limit(self, "min", min)
        self.max: float | None = limit(self, "max", max, least=self.min)
        self.step: float | None = limit(self, "step", step, least=0) or None
        if default is not None:
            self.default = self.check(default)
        elif not optional:
            # The number nearest to zero that is allowed.
            at_least = 0 if self.min is None or self.min < 0 else self.min
            self.default = self.check(at_least if self.max is None or at_least <= self.max else self.max)

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant: the steps are whole, and so is where they begin."""
        return self.step is not None and float(self.step).is_integer() and float(self.min or 0).is_integer()

    def check(self, value: Anything) -> Anything:
        if value is None and self.optional:
            return None
        value = json_number(value)
        fine = is_number(value)
        if fine and self.min is not None:
            fine = value >= self.min
        if fine and self.max is not None:
            fine = value <= self.max
        if not fine or (self.whole and not float(value).is_integer()):
            raise self.refuse(value, self._allowed())
        return int(value) if self.whole else value

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

    def __init__(self, description: str = "", *, default: bool | None = False, optional: bool = False) -> None:
        super().__init__(description, optional=optional)
        self.default = self.check(default)

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
        default = description.get("default", False)
        return cls(
            **common(description), default=None if default is None and description.get("optional") else bool(default)
        )


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
        super().__init__(description, optional=optional)
        listed = isinstance(choices, Iterable) and not isinstance(choices, (str, bytes))
        self.choices = [str(choice) for choice in choices] if listed else []
        if not self.choices:
            raise self.refuse(choices, "a list of at least one word", f"one of {shorten(choices)}")
        self.default = self.check(self.choices[0] if default is None else default)

    def check(self, value: Anything) -> Anything:
        if value is None and self.optional:
            return None
        # Sizes are a popular choice, and then 256 is as good as "256".
        word = str(json_number(value)) if is_number(json_number(value)) else value
        if not isinstance(word, str) or word not in self.choices:
            shown = ", ".join(shorten(choice)[1:-1] for choice in self.choices[:12])
            error = self.refuse(value, shown + (", ..." if len(self.choices) > 12 else ""))
            hint = suggest(word, self.choices) if isinstance(word, str) else ""
            if hint.startswith("Did you mean"):
                error.hint += f" {hint}"
            raise error
        return word

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
        item: Field | Callable[[], Field],
        description: str = "",
        *,
        min_length: int = 0,
        max_length: int | None = None,
        default: Sequence[Anything] | None = None,
        optional: bool = False,
    ) -> None:
        super().__init__(description, optional=optional)
        # The item gets a name of its own, so it is a copy: the same field may stand elsewhere as well.
        made: Anything = copy.copy(item) if isinstance(item, Field) else None
        if isinstance(item, type):
            with contextlib.suppress(TypeError):
                made = item()
        if not isinstance(made, Field):
            raise self.refuse(item, "a list of fields, such as Array(Number())", f"a list of {shorten(item)}")
        if _depth(made) >= MOST_NESTED:
            raise self.refuse(item, f"lists in lists, {MOST_NESTED} deep", "nested any deeper")
        self.item = made
        self.item.name = f"{made.type}_array_item"
        self.min_length, self.max_length = lengths(self, min_length, max_length)
        if default is not None:
            self.default = self.check(default)

    @property
    def binary(self) -> bool:  # type: ignore[override]  # depends on what the items are
        return self.item.binary

    def check(self, value: Anything) -> Anything:
        if value is None and self.optional:
            return None
        values = self._listed(value)
        return [self._each(self.item.check, each, index) for index, each in enumerate(values)]

    def _listed(self, value: Anything) -> list[Anything]:
        most = math.inf if self.max_length is None else self.max_length
        listed = isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) > 0
        if not listed or not self.min_length <= len(value) <= most:
            longest = " or more" if self.max_length is None else f" to {self.max_length}"
            raise self.refuse(value, f"a list of {self.min_length}{longest} values of type {self.item.type}")
        if hasattr(value, "tolist") and not self.item.binary:
            return list(value.tolist())
        return list(detached(value))

    def _each(self, do: Anything, value: Anything, index: int, *more: Anything) -> Anything:
        try:
            return do(value, *more)
        except BadValue as error:
            # In a list of lists the inner one has already put its index behind this name.
            named = f"'{self.item.name}"
            if error.what.startswith(named):
                error.what = f"'{self._name_of(index)}{error.what[len(named) :]}"
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
        more = {"maxLength": self.max_length, "default": self.to_json(self.default)}
        shown = {key: value for key, value in more.items() if value is not None}
        return {"itemType": self.item.describe(), "minLength": self.min_length} | shown

    @classmethod
    def from_properties(cls, description: Mapping[str, Anything]) -> Array:
        field = cls(
            from_description(description["itemType"]),
            **common(description),
            min_length=description.get("minLength") or 0,
            max_length=description.get("maxLength") or None,
        )
        if description.get("default") is not None:
            # As data, never as what a person may give: a description may come from anywhere.
            field.default = field.from_json(description["default"])
        return field


def _depth(field: Field) -> int:
    return 1 + _depth(field.item) if isinstance(field, Array) else 0


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
            raise self.refuse(value, f"what JSON can say ({shorten(str(error))[1:-1]})") from error

    def properties(self) -> dict[str, Anything]:
        return {} if self.default is None else {"default": self.default}

    @classmethod
    def from_properties(cls, description: Mapping[str, Anything]) -> Any:
        return cls(**common(description), default=description.get("default"))


def _plain(value: Anything) -> Anything:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")
