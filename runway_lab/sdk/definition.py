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

What a command takes may only be known once something is loaded: how long a z is, which labels there are. Then
`inputs` (or `outputs`) is a function instead of a dict: it gets what the setup returned and gives the fields.

    from runway_lab.fields import Category, Text
    from runway_lab.sdk import command, setup

    @setup
    def prepare():
        return {"night": "#123", "day": "#9cf"}

    @command(inputs=lambda colours: {"time": Category(colours)}, outputs={"colour": Text()})
    def colour_of(colours, time):
        return colours[time]
"""

from __future__ import annotations

import inspect
import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import CodeType, FrameType
from typing import Any, TypeVar, overload

from runway_lab.errors import BadValue, Unknown, shorten, suggest
from runway_lab.fields import Field
from runway_lab.signature import Command, Signature, named

__all__ = ["Definition", "command", "definition_of", "forget", "setup"]

F = TypeVar("F", bound=Callable[..., Any])
Fields = Mapping[str, Field | Callable[[], Field]]
FieldsOf = Callable[[Any], Fields]
"""Gives the fields of a command for what the setup returned."""

GIVEN = ("device", "files", "folder")
"""What a setup function may ask for beside its options."""

NAME = re.compile(r"\w[\w .-]{0,99}")
FIRST = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
"""The kinds of parameter that can be given by place, as what the setup returned is."""


@dataclass
class Definition:
    """One model: its setup function, its commands, and what they take and give."""

    setup: Callable[..., Any] | None = None
    options: dict[str, Field] = field(default_factory=dict)
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    fitting: dict[str, tuple[FieldsOf | None, FieldsOf | None]] = field(default_factory=dict)
    """The commands whose inputs or outputs depend on what the setup returns. Until then they have none."""

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
            for name, function in self.functions.items():
                self._refuse_model(name, function)
            return None
        wanted = inspect.signature(self.setup).parameters
        return self.setup(**options, **{name: given[name] for name in GIVEN if name in wanted and name not in options})

    def fitted(self, model: Any) -> Definition:
        """The same with commands as they are for what the setup returned."""
        commands = dict(self.commands)
        for name, (inputs, outputs) in self.fitting.items():
            known = commands[name]
            taken = known.inputs if inputs is None else named(inputs(model))
            given = known.outputs if outputs is None else named(outputs(model))
            _check_command(self.functions[name], name, taken, given)
            commands[name] = replace(known, inputs=taken, outputs=given)
        return replace(self, commands=commands)

    def call(self, name: str, model: Any, inputs: Mapping[str, Any]) -> Any:
        """What a command returns, as it returns it. Inputs that are not given are the defaults."""
        function, taken = self.functions[name], self.commands[name]
        complete = taken.complete(inputs)
        wants = self.setup is not None and _takes_model(function, taken.inputs)
        return function(model, **complete) if wants else function(**complete)

    def _refuse_model(self, name: str, function: Callable[..., Any]) -> None:
        """Says what is missing where a command asks for what only a setup could give."""
        first = next(iter(inspect.signature(function).parameters.values()), None)
        if first is not None and first.default is first.empty and _takes_model(function, self.commands[name].inputs):
            if first.kind == first.VAR_POSITIONAL:
                return
            raise BadValue(
                f"The command {name!r} asks for {first.name!r}, which is no input of it, and there is no setup.",
                hint="Put a function with @setup into the same file or cell: what it returns comes first.",
            )


_lock = threading.Lock()
_declared: dict[str, Definition] = {}
_runs: dict[str, CodeType] = {}
"""For each file, the run of it that declared its model last."""


@overload
def setup(function: F) -> F: ...
@overload
def setup(*, options: Fields | None = ...) -> Callable[[F], F]: ...
def setup(function: Callable[..., Any] | None = None, *, options: Fields | None = None) -> Any:
    """Declares how a model is prepared, once, before its commands can be called.

    >>> @setup
    ... def prepare():
    ...     return 21
    >>> prepare()
    21
    """

    def declare(function: F) -> F:
        _check_function(function)
        fields = named(options or {})
        _check_parameters(function, fields, GIVEN, "option")
        with _lock:
            definition = _definition_at(_place(function), again=lambda known: known.setup is not None)
            definition.setup, definition.options = function, fields
        return function

    return declare if function is None else declare(function)


@overload
def command(function: F) -> F: ...
@overload
def command(
    *,
    inputs: Fields | FieldsOf | None = ...,
    outputs: Fields | FieldsOf | None = ...,
    name: str | None = ...,
    description: str = ...,
) -> Callable[[F], F]: ...
def command(
    function: Callable[..., Any] | None = None,
    *,
    inputs: Fields | FieldsOf | None = None,
    outputs: Fields | FieldsOf | None = None,
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
        _check_function(function)
        called = function.__name__ if name is None else name
        if not isinstance(called, str) or not NAME.fullmatch(called):
            raise BadValue(
                f"A command cannot be called {shorten(called)}.",
                hint="Say name='...', a word of letters, digits and _ - . or spaces.",
            )
        fit_inputs = inputs if callable(inputs) else None
        fit_outputs = outputs if callable(outputs) else None
        taken = {} if callable(inputs) else named(inputs or {})
        given = {} if callable(outputs) else named(outputs or {})
        if fit_inputs is None and fit_outputs is None:
            _check_command(function, called, taken, given)
        words = description or " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
        with _lock:
            definition = _definition_at(_place(function), again=lambda known: called in known.commands)
            definition.functions[called] = function
            definition.commands[called] = Command(called, taken, given, words)
            if fit_inputs is not None or fit_outputs is not None:
                definition.fitting[called] = (fit_inputs, fit_outputs)
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
        raise BadValue(
            f"{shorten(thing)} is no command of a model.", hint="Put @command(inputs=..., outputs=...) above it."
        )
    with _lock:
        if str(thing) in _declared:
            return _declared[str(thing)]
    raise Unknown(f"{thing} declares no model.", hint="Put @command(inputs=..., outputs=...) above a function in it.")


def forget(place: str) -> None:
    """Forgets what a file declared, before it is loaded again."""
    with _lock:
        _declared.pop(place, None)
        _runs.pop(place, None)


def _place(function: Callable[..., Any]) -> str:
    return str(inspect.unwrap(function).__code__.co_filename)


def _definition_at(place: str, again: Callable[[Definition], bool]) -> Definition:
    """What a file or cell declares. It is run again when a file is loaded anew, or when something is declared twice."""
    run = _run_of(place)
    anew = run is not None and _runs.get(place, run) is not run
    if place not in _declared or anew or again(_declared[place]):
        _declared[place] = Definition()
    if run is not None:
        _runs[place] = run
    return _declared[place]


def _run_of(place: str) -> CodeType | None:
    """The code of a file that is being loaded just now: another object each time, also where the text is the same.

    A cell has none. It is compiled statement by statement, and its text is part of what its place is called.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "<module>" and code.co_filename == place and frame.f_globals.get("__file__") == place:
            return code
        frame = frame.f_back
    return None


def _takes_model(function: Callable[..., Any], inputs: Mapping[str, Any]) -> bool:
    """Whether the first parameter is none of the inputs, and so stands for what the setup returned."""
    first = next(iter(inspect.signature(function).parameters.values()), None)
    return first is not None and first.kind in FIRST and first.name not in inputs


def _check_function(function: Any) -> None:
    """Refuses what is no function that can be called for one answer after another."""
    if not inspect.isfunction(function):
        raise BadValue(
            f"{shorten(function)} is no function of yours.",
            hint="@setup and @command(inputs=..., outputs=...) stand above a function; it may call anything.",
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise BadValue(
            f"The function {function.__name__!r} is asynchronous, and nobody would wait for it.",
            hint="Write it with def; a command that answers in parts yields them.",
        )


def _check_command(
    function: Callable[..., Any], name: str, inputs: Mapping[str, Field], outputs: Mapping[str, Field]
) -> None:
    if not outputs:
        raise BadValue(f"The command {name!r} has no outputs.", hint="Say outputs={'image': Image()}, for example.")
    _check_parameters(function, inputs, (), "input", model=True)


def _check_parameters(
    function: Callable[..., Any], fields: Mapping[str, Field], given: tuple[str, ...], kind: str, model: bool = False
) -> None:
    """Refuses at once what would only fail when the model is called."""
    parameters = inspect.signature(function).parameters
    anything = any(each.kind == each.VAR_KEYWORD for each in parameters.values())
    missing = [name for name in fields if name not in parameters]
    if missing and not anything:
        raise BadValue(
            f"The function {function.__name__!r} has no parameter for the {kind} {missing[0]!r}.",
            hint=suggest(missing[0], parameters),
        )
    for index, (name, each) in enumerate(parameters.items()):
        if each.kind == each.POSITIONAL_ONLY and (name in fields or not model or index):
            raise BadValue(
                f"The function {function.__name__!r} takes {name!r} by its place alone, but gets it by name.",
                hint="Leave out the / in its parameters.",
            )
        free = each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL) or each.default is not each.empty
        if not (free or name in fields or name in given or (model and index == 0 and each.kind in FIRST)):
            raise BadValue(
                f"The function {function.__name__!r} asks for {name!r}, which is no {kind} of it.",
                hint=suggest(name, [*fields, *given]),
            )
