"""A model as its author writes it: `@setup` and `@command` on plain functions.

    from runway_lab.fields import Image, Number
    from runway_lab.sdk import command, setup

    @setup(options={"levels": Number(default=4, min=2, max=16, step=1)})
    def prepare(levels):
        return levels

    @command(inputs={"image": Image()}, outputs={"image": Image()})
    def posterize(levels, image):
        return image.quantize(levels).convert("RGB")

What one file, or one cell of a notebook, declares is one model; running an edited cell declares it anew. A setup
function gets the options by name and returns whatever the commands need; a command gets that first and its inputs
by name. Without a setup, a command gets its inputs alone. Three names have a meaning of their own: a setup may ask
for `device` (the torch device as text), `files` (the files of the model's card, by name, as paths) and `folder`
(where the card lies).

A command that yields instead of returning answers in parts; `yield outputs, 0.5` says how far it is.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from runway_lab.errors import BadValue, Unknown, suggest
from runway_lab.fields import Field
from runway_lab.signature import Command, Signature, named

__all__ = ["Definition", "command", "definition_of", "forget", "setup"]

F = TypeVar("F", bound=Callable[..., Any])
GIVEN = ("device", "files", "folder")
"""What a setup function may ask for beside its options."""


@dataclass
class Definition:
    """One model: its setup function, its commands, and what they take and give."""

    setup: Callable[..., Any] | None = None
    options: dict[str, Field] = field(default_factory=dict)
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)

    @property
    def signature(self) -> Signature:
        """The model's options and commands."""
        return Signature(self.options, self.commands)

    @property
    def name(self) -> str:
        """What to call the model where it has no card: its first command."""
        return next(iter(self.commands), "model")

    def prepare(self, options: Mapping[str, Any], **given: Any) -> Any:
        """What the setup function returns for these options."""
        if self.setup is None:
            return None
        wanted = inspect.signature(self.setup).parameters
        return self.setup(**options, **{name: given[name] for name in GIVEN if name in wanted and name not in options})

    def call(self, name: str, model: Any, inputs: Mapping[str, Any]) -> Any:
        """What a command returns, as it returns it."""
        function = self.functions[name]
        return function(model, **inputs) if _takes_model(function, inputs) else function(**inputs)


_lock = threading.Lock()
_declared: dict[str, Definition] = {}


def setup(
    function: Callable[..., Any] | None = None, *, options: Mapping[str, Field | Callable[[], Field]] | None = None
) -> Any:
    """Declares how a model is prepared, once, before its commands can be called.

    >>> @setup
    ... def prepare():
    ...     return 21
    >>> prepare()
    21
    """

    def declare(function: F) -> F:
        fields = named(options or {})
        _check_parameters(function, fields, GIVEN, "option")
        with _lock:
            definition = _definition_at(_place(function), again=lambda known: known.setup is not None)
            definition.setup, definition.options = function, fields
        return function

    return declare if function is None else declare(function)


def command(
    function: Callable[..., Any] | None = None,
    *,
    inputs: Mapping[str, Field | Callable[[], Field]] | None = None,
    outputs: Mapping[str, Field | Callable[[], Field]] | None = None,
    name: str | None = None,
    description: str = "",
) -> Any:
    """Declares something a model can do. Its name is the function's, unless another is given.

    >>> from runway_lab.fields import Text
    >>> @command(inputs={"text": Text()}, outputs={"text": Text()})
    ... def shout(text):
    ...     return text.upper() + "!"
    >>> shout("hello")
    'HELLO!'
    >>> definition_of(shout).signature.command().name
    'shout'
    """

    def declare(function: F) -> F:
        called = name or function.__name__
        taken, given = named(inputs or {}), named(outputs or {})
        if not given:
            raise BadValue(
                f"The command {called!r} has no outputs.", hint="Say outputs={'image': Image()}, for example."
            )
        _check_parameters(function, taken, (), "input", model=True)
        words = description or (inspect.getdoc(function) or "").partition("\n\n")[0]
        with _lock:
            definition = _definition_at(_place(function), again=lambda known: called in known.commands)
            definition.functions[called] = function
            definition.commands[called] = Command(called, taken, given, words)
        function.__runway_lab__ = definition  # type: ignore[attr-defined]
        return function

    return declare if function is None else declare(function)


def definition_of(thing: Any) -> Definition:
    """The model that a function, a module's name or a file's name declares."""
    if isinstance(thing, Definition):
        return thing
    if callable(thing):
        # The latest declaration of the place counts, so that a command finds a setup that came after it.
        found = getattr(thing, "__runway_lab__", None)
        if isinstance(found, Definition):
            return found
        raise BadValue(f"{thing!r} is no command of a model.", hint="Put @command(inputs=..., outputs=...) above it.")
    with _lock:
        if str(thing) in _declared:
            return _declared[str(thing)]
    raise Unknown(f"{thing} declares no model.", hint="Put @command(inputs=..., outputs=...) above a function in it.")


def forget(place: str) -> None:
    """Forgets what a file declared, before it is loaded again."""
    with _lock:
        _declared.pop(place, None)


def _place(function: Callable[..., Any]) -> str:
    return str(inspect.unwrap(function).__code__.co_filename)


def _definition_at(place: str, again: Callable[[Definition], bool]) -> Definition:
    """What a file or cell declares. The first thing it declares a second time means that it is run again."""
    if place not in _declared or again(_declared[place]):
        _declared[place] = Definition()
    return _declared[place]


def _takes_model(function: Callable[..., Any], inputs: Mapping[str, Any]) -> bool:
    names = [name for name, each in inspect.signature(function).parameters.items() if each.kind != each.VAR_KEYWORD]
    return bool(names) and names[0] not in inputs


def _check_parameters(
    function: Callable[..., Any], fields: Mapping[str, Field], given: tuple[str, ...], kind: str, model: bool = False
) -> None:
    """Refuses at once what would only fail when the model is called."""
    if not inspect.isroutine(function):
        raise BadValue(f"{function!r} is no function.", hint="@setup and @command stand above a function.")
    parameters = inspect.signature(function).parameters
    anything = any(each.kind == each.VAR_KEYWORD for each in parameters.values())
    missing = [name for name in fields if name not in parameters]
    if missing and not anything:
        raise BadValue(
            f"The function {function.__name__!r} has no parameter for the {kind} {missing[0]!r}.",
            hint=suggest(missing[0], parameters),
        )
    for index, (name, each) in enumerate(parameters.items()):
        free = each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL) or each.default is not each.empty
        if not (free or name in fields or name in given or (model and index == 0)):
            raise BadValue(
                f"The function {function.__name__!r} asks for {name!r}, which is no {kind} of it.",
                hint=suggest(name, [*fields, *given]),
            )
