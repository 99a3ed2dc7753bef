"""What all fields share: a name, a description, a default, and five things they can do with a value.

    check(value)            what a person or a model gave -> a value that is certainly right, or BadValue
    to_json / from_json     the form the Runway SDK speaks: pictures as data URIs, vectors as lists
    pack / unpack           the form our own frames carry: small JSON here, raw bytes in buffers beside it
    describe / from_description   the field itself as JSON, with the keys of the Runway SDK's `/meta`

A value from the network is data and nothing else: no field opens a path or an address that came over a wire,
unless the wire is the pipe of this very kernel (`Wire.local`). Elsewhere a file is the handle of an upload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from runway_lab.errors import BadValue, suggest

__all__ = ["LOCAL", "NETWORK", "Buffer", "Field", "Wire", "from_description", "json_number", "shorten"]

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
        self.description = description
        self.optional = optional
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

    def refuse(self, value: Any, allowed: str) -> BadValue:
        """The error that names the field, the value and what is allowed."""
        where = f"{self.name!r}" if self.name else f"a field of type {self.type}"
        return BadValue(f"{where} cannot be {shorten(value)}.", hint=f"Allowed: {allowed}.")

    def _name_of(self, index: int) -> str:
        return f"{self.name}[{index}]" if self.name else f"item {index}"


def common(description: Mapping[str, Any]) -> dict[str, Any]:
    """What every constructor takes, out of a description."""
    return {
        "description": description.get("description") or "",
        "optional": bool(description.get("optional", False)),
    }


def from_description(description: Mapping[str, Any]) -> Field:
    """The field that a description is of.

    >>> from runway_lab.fields import Number
    >>> from_description(Number(default=0.5, min=0, max=1).describe()) == Number(default=0.5, min=0, max=1)
    True
    """
    kind = str(description.get("type"))
    types = _by_type()
    if kind == "file" and description.get("isDirectory"):
        kind = "directory"
    if kind not in types:
        raise BadValue(f"There is no type of field called {kind!r}.", hint=suggest(kind, types))
    try:
        field = types[kind].from_properties(description)
    except (AttributeError, KeyError, TypeError) as error:
        raise BadValue(f"This is no description of a {kind} field: {shorten(dict(description))}.") from error
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


def shorten(value: Any, length: int = 80) -> str:
    """How a value is shown in an error: its type where that says more, never more than a line.

    >>> shorten("x" * 200, 20)
    "'xxxxxxxxxxxxxxxx..."
    """
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return f"an array of shape {tuple(shape)} and type {value.dtype}"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{len(value)} bytes"
    if isinstance(value, (str, list, tuple, dict, set)) and len(value) > length * 4:
        # Formatting a picture's worth of text only to cut it would take seconds.
        value = value[: length * 4] if isinstance(value, (str, list, tuple)) else type(value)
    text = repr(value)
    return text if len(text) <= length else text[: length - 3] + "..."


def json_number(value: Any) -> Any:
    """A NumPy number as Python's own; everything else as it is."""
    item = getattr(value, "item", None)
    return item() if item is not None and getattr(value, "shape", None) == () else value
