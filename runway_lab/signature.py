"""What a model says of itself: its options, and its commands with their inputs and outputs.

Controls, previews, validation, chaining, the network API and the documentation are derived from a signature. It
travels as the JSON of the Runway SDK's `/meta` (`describe`, `from_description`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runway_lab.errors import BadValue, Unknown, shorten, suggest
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

    def complete(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs that were checked, and defaults for those that were not given."""
        return _completed(self.inputs, inputs, f"the command {self.name!r}", "input")

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
        unknown = [name for name in result if name not in self.outputs]
        if unknown:
            raise BadValue(
                f"The command {self.name!r} returned {shorten(unknown[0])}, which is none of its outputs.",
                hint=suggest(unknown[0], self.outputs),
            )
        missing = [name for name, each in self.outputs.items() if name not in result and not each.optional]
        if missing:
            raise BadValue(
                f"The command {self.name!r} did not return {missing[0]!r}.",
                hint=f"Return a dict with {_listed(self.outputs)}.",
            )
        return {name: self._check_output(name, value) for name, value in result.items()}

    def _check_output(self, name: str, value: Any) -> Any:
        try:
            return self.outputs[name].check(value)
        except BadValue as error:
            error.what = f"The command {self.name!r} returned the wrong thing: {error.what}"
            raise

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
        """The command that a description is of."""
        if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
            raise BadValue(f"This is no description of a command: {shorten(data)}.")
        words = data.get("description") or ""
        return cls(
            data["name"],
            _fields_of(data.get("inputs")),
            _fields_of(data.get("outputs")),
            words if isinstance(words, str) else "",
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
        if not isinstance(name, str) or name not in self.commands:
            raise Unknown(f"This model has no command {shorten(name)}.", hint=suggest(name or "", self.commands))
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
        """The signature that a description is of; BadValue where it is none, whatever it may be."""
        commands = data.get("commands") if isinstance(data, Mapping) else None
        if not isinstance(commands, (list, tuple)):
            raise BadValue(f"This is no description of a model: {shorten(data)}.", hint="It lists no commands.")
        found = [Command.from_description(each) for each in commands]
        return cls(_fields_of(data.get("options")), _by_name(found, "commands"))


def named(fields: Mapping[str, Field | Callable[[], Field]]) -> dict[str, Field]:
    """The fields, each told its name; a bare class stands for a field of that type without further wishes.

    >>> from runway_lab.fields import Image
    >>> named({"picture": Image})["picture"].name
    'picture'
    """
    if not isinstance(fields, Mapping):
        raise BadValue(f"{shorten(fields)} gives no fields by name.", hint='Give a dict, such as {"image": Image()}.')
    found: dict[str, Field] = {}
    for name, each in fields.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise BadValue(f"A field cannot be called {shorten(name)}.", hint="Use letters, digits and _.")
        try:
            made = copy.copy(each) if isinstance(each, Field) else each()
        except TypeError as error:
            hint = "Write the field out, such as Vector(512), since its type needs more to be said."
            raise BadValue(f"{name!r} cannot be described by {shorten(each)}.", hint=hint) from error
        if not isinstance(made, Field):
            raise BadValue(f"{name!r} is described by {shorten(each)}, no field.", hint="Use runway_lab.fields.")
        made.name = name
        found[name] = made
    return found


def _fields_of(descriptions: Any) -> dict[str, Field]:
    if not isinstance(descriptions, (list, tuple, type(None))):
        raise BadValue(f"This is no list of fields: {shorten(descriptions)}.")
    return _by_name([from_description(each) for each in descriptions or ()], "fields")


def _by_name(things: list[Any], kind: str) -> dict[str, Any]:
    found = {each.name: each for each in things}
    if len(found) < len(things) or "" in found:
        raise BadValue(f"The {kind} of this model have no names, or the same: {shorten([e.name for e in things])}.")
    return found


def _checked(fields: Mapping[str, Field], values: Mapping[str, Any], whose: str, kind: str) -> dict[str, Any]:
    for name in values:
        if name not in fields:
            hint = suggest(name, fields) if fields else f"It has no {kind}s."
            raise BadValue(f"{whose[0].upper()}{whose[1:]} has no {kind} {shorten(name)}.", hint=hint)
    checked = {name: each.check(values[name]) for name, each in fields.items() if name in values}
    return _completed(fields, checked, whose, kind)


def _completed(fields: Mapping[str, Field], values: Mapping[str, Any], whose: str, kind: str) -> dict[str, Any]:
    complete: dict[str, Any] = {}
    for name, each in fields.items():
        if name in values:
            complete[name] = values[name]
        elif each.required:
            raise BadValue(f"The {kind} {name!r} of {whose} is missing.", hint=f"It is of type {each.type}.")
        else:
            # A copy, since a model may write into what it is given.
            complete[name] = copy.deepcopy(each.default)
    return complete


def _listed(fields: Mapping[str, Field]) -> str:
    return ", ".join(repr(name) for name in fields) or "nothing"
