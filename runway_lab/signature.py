"""What a model says of itself: its options, and its commands with their inputs and outputs.

Controls, previews, validation, chaining, the network API and the documentation are derived from a signature. It
travels as the JSON of the Runway SDK's `/meta` (`describe`, `from_description`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runway_lab.errors import BadValue, Unknown, suggest
from runway_lab.fields import Field, from_description

__all__ = ["Command", "Signature", "named"]


@dataclass(frozen=True)
class Command:
    """Something a model can be asked to do."""

    name: str
    inputs: dict[str, Field]
    outputs: dict[str, Field]
    description: str = ""

    def check_inputs(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All inputs, each checked; what was not given by its default."""
        return _checked(self.inputs, values, f"the command {self.name!r}", "input")

    def check_outputs(self, result: Any) -> dict[str, Any]:
        """What a model returned as outputs by name, each checked. One output needs no name."""
        only = next(iter(self.outputs.values())) if len(self.outputs) == 1 else None
        # A dict can itself be the value, where a value may be anything.
        bare = (
            only is not None
            and only.type == "any"
            and set(result if isinstance(result, Mapping) else ()) != {only.name}
        )
        if not isinstance(result, Mapping) or bare:
            if len(self.outputs) != 1:
                raise BadValue(
                    f"The command {self.name!r} returned {type(result).__name__}.",
                    hint=f"Return a dict with {_listed(self.outputs)}.",
                )
            result = {next(iter(self.outputs)): result}
        unknown = [str(name) for name in result if name not in self.outputs]
        if unknown:
            raise BadValue(
                f"The command {self.name!r} returned {unknown[0]!r}, which is none of its outputs.",
                hint=suggest(unknown[0], self.outputs),
            )
        missing = [name for name, each in self.outputs.items() if name not in result and not each.optional]
        if missing:
            raise BadValue(f"The command {self.name!r} did not return {missing[0]!r}.")
        return {name: self.outputs[name].check(value) for name, value in result.items()}

    def describe(self) -> dict[str, Any]:
        """The command as JSON, with the keys of the Runway SDK."""
        return {
            "name": self.name,
            "description": self.description or None,
            "inputs": [each.describe() for each in self.inputs.values()],
            "outputs": [each.describe() for each in self.outputs.values()],
        }

    @classmethod
    def from_description(cls, data: Mapping[str, Any]) -> Command:
        return cls(
            str(data["name"]),
            _fields_of(data["inputs"]),
            _fields_of(data["outputs"]),
            str(data.get("description") or ""),
        )


@dataclass(frozen=True)
class Signature:
    """The options of a model and its commands, the first of which is what it is for.

    >>> from runway_lab.fields import Number, Text
    >>> shout = Command("shout", named({"text": Text()}), named({"text": Text()}))
    >>> signature = Signature({}, {"shout": shout})
    >>> Signature.from_description(signature.describe()) == signature
    True
    """

    options: dict[str, Field] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)

    def command(self, name: str | None = None) -> Command:
        """The command of this name; without one, the first."""
        if name is None and self.commands:
            return next(iter(self.commands.values()))
        if name not in self.commands:
            raise Unknown(f"This model has no command {name!r}.", hint=suggest(str(name), self.commands))
        return self.commands[name]

    def check_options(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All options, each checked; what was not given by its default."""
        return _checked(self.options, values, "this model", "option")

    def describe(self) -> dict[str, Any]:
        """The signature as JSON, with the keys of the Runway SDK."""
        return {
            "options": [each.describe() for each in self.options.values()],
            "commands": [each.describe() for each in self.commands.values()],
        }

    @classmethod
    def from_description(cls, data: Mapping[str, Any]) -> Signature:
        try:
            commands = [Command.from_description(each) for each in data["commands"]]
            return cls(_fields_of(data["options"]), {each.name: each for each in commands})
        except (AttributeError, KeyError, TypeError) as error:
            raise BadValue(f"This is no description of a model: {error!r}.") from error


def named(fields: Mapping[str, Field | Callable[[], Field]]) -> dict[str, Field]:
    """The fields, each told its name; a bare class stands for a field of that type without further wishes.

    >>> from runway_lab.fields import Image
    >>> named({"picture": Image})["picture"].name
    'picture'
    """
    import copy

    found: dict[str, Field] = {}
    for name, each in fields.items():
        made = copy.copy(each) if isinstance(each, Field) else each()
        if not isinstance(made, Field):
            raise BadValue(f"{name!r} is described by {each!r}, which is no field.", hint="Use runway_lab.fields.")
        if not str(name).isidentifier():
            raise BadValue(f"A field cannot be called {name!r}.", hint="Use letters, digits and _.")
        made.name = str(name)
        found[made.name] = made
    return found


def _fields_of(descriptions: Iterable[Mapping[str, Any]]) -> dict[str, Field]:
    fields = [from_description(each) for each in descriptions]
    return {each.name: each for each in fields}


def _checked(fields: Mapping[str, Field], values: Mapping[str, Any], whose: str, kind: str) -> dict[str, Any]:
    for name in values:
        if name not in fields:
            raise BadValue(f"{whose[0].upper()}{whose[1:]} has no {kind} {name!r}.", hint=suggest(name, fields))
    checked: dict[str, Any] = {}
    for name, each in fields.items():
        if name in values:
            checked[name] = each.check(values[name])
        elif each.required:
            raise BadValue(f"The {kind} {name!r} of {whose} is missing.", hint=f"It is of type {each.type}.")
        else:
            checked[name] = each.default
    return checked


def _listed(fields: Mapping[str, Field]) -> str:
    return ", ".join(repr(name) for name in fields) or "nothing"
