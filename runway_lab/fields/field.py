"""What all fields share: a name, a description, a default, and five things they can do with a value.

    check(value)            what a person or a model gave -> a value that is certainly right, or BadValue
    to_json / from_json     the form the Runway SDK speaks: pictures as data URIs, vectors as lists
    pack / unpack           the form our own frames carry: small JSON here, raw bytes in buffers beside it
    describe / from_description   the field itself as JSON, with the keys of the Runway SDK's `/meta`

A value from the network is data and nothing else: no field opens a path or an address that came over a wire,
unless the wire is the pipe of this very kernel (`Wire.local`). Elsewhere a file is the handle of an upload.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from runway_lab.errors import BadValue, shorten, suggest

__all__ = [
    "LOCAL",
    "NETWORK",
    "Buffer",
    "Field",
    "Wire",
    "common",
    "detached",
    "from_description",
    "is_number",
    "json_number",
    "lengths",
    "limit",
    "shorten",
]

Buffer: TypeAlias = "bytes | bytearray | memoryview"


@dataclass(frozen=True)
class Wire:
    """Where a value comes from, and so what it may ask for."""

    local: bool = False
    """From this kernel's own pipe: a path may be opened."""

    upload: Callable[[str], Path] | None = None
    """Turns the handle of an upload into the file that was uploaded; raises LookupError for an unknown one."""


LOCAL = Wire(local=True)
NETWORK = Wire()


class Field:
    """A typed place for a value: one option, input or output of a model.

    `name` is given by the signature the field stands in. With `optional=True` the value may be None.
    """

    type: ClassVar[str]
    """The name of this type in the Runway SDK's descriptions."""

    binary: ClassVar[bool] = False
    """Whether values travel as bytes in a buffer rather than inside the JSON."""

    def __init__(self, description: str = "", *, default: Any = None, optional: bool = False) -> None:
        self.name = ""
        if not isinstance(description, str):
            raise self.refuse(
                description,
                "words as its description, which comes first; a default is given as default=...",
                f"described by {shorten(description)}",
            )
        self.description = description
        self.optional = bool(optional)
        self.default: Any = None
        if default is not None:
            self.default = self.check(default)

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        extras = {key: value for key, value in self.describe().items() if key not in ("name", "type")}
        return f"{type(self).__name__}({name}{', '.join(f'{k}={v!r}' for k, v in extras.items() if v)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash((self.type, self.name))

    # Values

    def check(self, value: Any) -> Any:
        """The value in its proper form; BadValue, in words, where it has none."""
        raise TypeError(f"{type(self).__name__} has no check of its own")  # pragma: no cover

    def to_json(self, value: Any) -> Any:
        """The value as the Runway SDK would send it."""
        return value

    def from_json(self, data: Any, wire: Wire = NETWORK) -> Any:
        """The value from the Runway SDK's form."""
        return self.check(data)

    def pack(self, value: Any, buffers: list[Buffer], encoding: str = "raw") -> Any:
        """The value as JSON, with its bytes appended to `buffers` as they are."""
        return self.to_json(value)

    def unpack(self, data: Any, buffers: list[memoryview], wire: Wire = NETWORK) -> Any:
        """The value from `pack`'s form; arrays look into the buffer rather than copy it."""
        return self.from_json(data, wire)

    @property
    def required(self) -> bool:
        """Whether a value must be given: there is no default and None will not do."""
        return self.default is None and not self.optional

    # The field itself

    def describe(self) -> dict[str, Any]:
        """The field as JSON, with the Runway SDK's keys."""
        description: dict[str, Any] = {"name": self.name, "type": self.type, "description": self.description or None}
        if self.optional:
            description["optional"] = True
        return description | self.properties()

    def properties(self) -> dict[str, Any]:
        """What is special to this type, under the Runway SDK's keys."""
        return {}

    @classmethod
    def from_properties(cls, description: Mapping[str, Any]) -> Field:
        """A field of this type from its description."""
        return cls(**common(description))

    def refuse(self, value: Any, allowed: str, shown: str = "") -> BadValue:
        """The error that names the field, the value (or, in `shown`, what is wrong with it) and what is allowed."""
        where = shorten(self.name) if self.name else f"a field of type {self.type}"
        return BadValue(f"{where} cannot be {shown or shorten(value)}.", hint=f"Allowed: {allowed}.")

    def buffer_of(self, data: Mapping[str, Any], buffers: list[memoryview]) -> memoryview:
        """The buffer that a packed value names."""
        index = data.get("buffer")
        if type(index) is not int or not 0 <= index < len(buffers):
            raise self.refuse(data, f"bytes in one of the {len(buffers)} buffers that came with it")
        return buffers[index]

    def _name_of(self, index: int) -> str:
        return f"{self.name}[{index}]" if self.name else f"item {index}"


def common(description: Mapping[str, Any]) -> dict[str, Any]:
    """What every constructor takes, out of a description."""
    return {
        "description": str(description.get("description") or ""),
        "optional": bool(description.get("optional", False)),
    }


def from_description(description: Mapping[str, Any]) -> Field:
    """The field that a description is of.

    >>> from runway_lab.fields import Number
    >>> from_description(Number(default=0.5, min=0, max=1).describe()) == Number(default=0.5, min=0, max=1)
    True
    """
    kind = description.get("type") if isinstance(description, Mapping) else None
    if not isinstance(kind, str):
        raise BadValue(f"This is no description of a field: {shorten(description)}.", hint='It has no "type" in words.')
    types = _by_type()
    if kind == "file" and description.get("isDirectory"):
        kind = "directory"
    if kind not in types:
        raise BadValue(f"There is no type of field called {shorten(kind)}.", hint=suggest(kind, types))
    try:
        field = types[kind].from_properties(description)
    except BadValue:
        raise
    except (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise BadValue(f"This is no description of a {kind} field: {shorten(description)}.") from error
    field.name = str(description.get("name") or "")
    return field


def _by_type() -> dict[str, type[Field]]:
    found: dict[str, type[Field]] = {}
    waiting = list(Field.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "type" in vars(kind):
            found["directory" if kind.__name__ == "Directory" else kind.type] = kind
    return found


def json_number(value: Any) -> Any:
    """A NumPy number, or a tensor of one, as Python's own; everything else as it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "shape", None) == () else value


def is_number(value: Any) -> bool:
    """Whether this is a finite number of Python's own; True and False are none.

    >>> is_number(3), is_number(True), is_number(float("nan"))
    (True, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        # A whole number beyond all floats: JavaScript, and a model, would see infinity.
        return False


def limit(field: Field, name: str, value: Any, least: float | None = None, whole: bool = False) -> Any:
    """A limit that an author sets for a field: a finite number, or None for none."""
    value = json_number(value)
    fine = value is None or (is_number(value) and (least is None or value >= least))
    if fine and whole and value is not None:
        fine = float(value).is_integer()
        value = int(value) if fine else value
    if not fine:
        kind = "a whole number" if whole else "a number"
        more = "" if least is None else f" of {least} or more"
        raise field.refuse(value, f"{kind}{more} as {name}, or None", f"limited by {name}={shorten(value)}")
    return value


def lengths(field: Field, least: Any, most: Any) -> tuple[int, int | None]:
    """How short and how long a text or a list may be."""
    least = limit(field, "min_length", least, 0, whole=True) or 0
    return least, limit(field, "max_length", most, max(1, least), whole=True)


def detached(value: Any) -> Any:
    """A torch tensor, wherever it lies and whatever it remembers, as a NumPy array; everything else as it is.

    Found out by what it can do: only whoever gave us a tensor has imported torch.
    """
    if not (hasattr(value, "detach") and hasattr(value, "numpy")):
        return value
    value = value.detach().cpu()
    # NumPy has no bfloat16, and a float64 keeps what it has.
    small = value.is_floating_point() and value.element_size() < 4
    return (value.float() if small else value).numpy()
