"""Models as their authors write them: in a file, in a cell, in a few lines."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import linecache
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

from runway_lab.errors import BadValue, Unknown
from runway_lab.fields import Image, Number, Text
from runway_lab.sdk import Definition, command, definition_of, setup
from runway_lab.sdk.definition import forget

NUMBERS = {"inputs": {"a": Number()}, "outputs": {"n": Number()}}
TEXTS = {"inputs": {"text": Text()}, "outputs": {"text": Text()}}

_cells = itertools.count(1)
IMPORTS = "from runway_lab.fields import *\nfrom runway_lab.sdk import command, setup\n"


def cell(text: str, space: dict[str, Any] | None = None, name: str = "") -> dict[str, Any]:
    """Runs a cell as a notebook does: under a name of its own, one statement after another."""
    import ast

    name = name or f"<cell {next(_cells)}>"
    space = {"__name__": "__main__"} if space is None else space
    source = IMPORTS + textwrap.dedent(text)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    for statement in ast.parse(source).body:
        exec(compile(ast.Module([statement], []), name, "exec"), space)
    return space


DOUBLE = """
@setup(options={"by": Number(default=2)})
def prepare(by):
    return by

@command(inputs={"a": Number()}, outputs={"n": Number()})
def times(by, a):
    return by * a
"""


@pytest.fixture(autouse=True)
def _forget_this_file() -> Iterator[None]:
    """What a test declares in this file is no part of the next one's model."""
    yield
    forget(__file__)


def ask(definition: Definition, name: str = "", options: dict[str, Any] | None = None, /, **inputs: Any) -> Any:
    model = definition.prepare(definition.signature.check_options(options or {}), device="cpu", files={}, folder=None)
    return definition.call(name or definition.name, model, inputs)


def test_a_setup_and_a_command_are_a_model() -> None:
    definition = definition_of(cell(DOUBLE)["times"])
    assert definition.name == "times"
    assert list(definition.signature.options) == ["by"]
    assert ask(definition, a=4) == 8
    assert ask(definition, "times", {"by": 3}, a=4) == 12


def test_fields_may_depend_on_what_the_setup_returned() -> None:
    space = cell("""
        @setup(options={"words": Number(default=2, step=1)})
        def prepare(words):
            return ["w%d" % i for i in range(words)]

        @command(inputs=lambda known: {"word": Category(known)}, outputs=lambda known: {"at": Number(max=len(known))})
        def place(known, word):
            return known.index(word)

        @command(outputs={"words": Array(Text())})
        def everything(known):
            return known
    """)
    definition = definition_of(space["place"])
    assert list(definition.signature.commands) == ["place", "everything"]
    assert definition.signature.commands["place"].inputs == {}
    two, three = (definition.fitted(definition.prepare({"words": count})) for count in (2, 3))
    assert two.signature.commands["place"].inputs["word"].choices == ["w0", "w1"]
    assert three.signature.commands["place"].outputs["at"].max == 3
    assert definition.signature.commands["place"].inputs == {}
    assert three.call("place", ["w0", "w1"], {"word": "w1"}) == 1
    assert three.call("everything", ["w0"], {}) == ["w0"]


def test_fields_that_do_not_fit_the_function_are_refused_once_they_are_known() -> None:
    space = cell("""
        @command(inputs=lambda model: {"a": Number()}, outputs={"n": Number()})
        def wrong(model, b=1):
            return b
    """)
    with pytest.raises(BadValue, match="no parameter for the input 'a'"):
        definition_of(space["wrong"]).fitted(1)
    space = cell("""
        @command(outputs=lambda model: {})
        def nothing(model):
            return 1
    """)
    with pytest.raises(BadValue, match="'nothing' has no outputs"):
        definition_of(space["nothing"]).fitted(1)


def test_the_functions_stay_what_they_are() -> None:
    space = cell(DOUBLE)
    assert space["times"](5, 6) == 30
    assert space["prepare"](by=1) == 1


def test_a_setup_may_be_bare_and_come_last() -> None:
    definition = definition_of(
        cell("""
        @command(outputs={"n": Number()})
        def show(model):
            return model

        @setup
        def prepare():
            return 21
        """)["show"]
    )
    assert ask(definition) == 21


def test_a_setup_may_be_called_without_options() -> None:
    @setup()
    def prepare() -> int:
        return 5

    @command(**NUMBERS)
    def add(five: int, a: int) -> int:
        return five + a

    assert ask(definition_of(add), a=1) == 6


def test_without_a_setup_a_command_gets_its_inputs_alone() -> None:
    definition = definition_of(
        cell("""
        @command(inputs={"size": Number(default=7)}, outputs={"n": Number()})
        def one(size=64):
            return size

        @command(outputs={"n": Number()})
        def two(size=64):
            return size

        @command(inputs={"b": Number(), "a": Number()}, outputs={"n": Number()})
        def three(a, b):
            return a - b

        @command(inputs={"a": Number(), "b": Number()}, outputs={"n": Number()})
        def four(*others, **named):
            return len(others) * 100 + sum(named.values())
        """)["one"]
    )
    assert ask(definition, "one", a=1) == 7
    assert ask(definition, "one", size=3) == 3
    assert ask(definition, "two") == 64
    assert ask(definition, "three", a=5, b=2) == 3
    assert ask(definition, "four", a=5, b=2) == 7


def test_with_a_setup_the_model_comes_first_where_it_is_asked_for() -> None:
    definition = definition_of(
        cell("""
        @setup
        def prepare():
            return 100

        @command(inputs={"a": Number(default=1)}, outputs={"n": Number()})
        def without(a):
            return a

        @command(inputs={"a": Number(default=1)}, outputs={"n": Number()})
        def first(base, /, a):
            return base + a

        @command(inputs={"a": Number(default=1)}, outputs={"n": Number()})
        def every(*models, **inputs):
            return models[0] + inputs["a"]
        """)["without"]
    )
    assert ask(definition, "without", a=5) == 5
    # An input that is not given is its default, and never mistaken for the model.
    assert ask(definition, "without") == 1
    assert ask(definition, "first", a=5) == 105
    assert ask(definition, "every", a=5) == 105


def test_a_command_that_needs_a_setup_says_so_at_the_start() -> None:
    definition = definition_of(
        cell("""
        @command(inputs={"a": Number()}, outputs={"n": Number()})
        def times(by, a):
            return by * a
        """)["times"]
    )
    with pytest.raises(BadValue, match="'times' asks for 'by', which is no input of it, and there is no setup"):
        ask(definition, a=1)


def test_a_missing_input_is_named() -> None:
    definition = definition_of(
        cell("""
        @command(inputs={"a": Image()}, outputs={"n": Number()})
        def times(a):
            return 1
        """)["times"]
    )
    with pytest.raises(BadValue, match="The input 'a' of the command 'times' is missing"):
        ask(definition)


def test_what_a_setup_asks_for_is_given() -> None:
    definition = definition_of(
        cell("""
        @setup(options={"size": Number(default=3)})
        def prepare(size, device, files, folder, extra=None):
            return [size, device, files, folder, extra]

        @command(outputs={"data": Any()})
        def show(model):
            return model
        """)["show"]
    )
    model = definition.prepare({"size": 3}, device="cuda", files={"w": Path("w.pt")}, folder=Path("x"))
    assert model == [3, "cuda", {"w": Path("w.pt")}, Path("x"), None]


def test_an_option_of_a_given_name_is_the_option() -> None:
    definition = definition_of(
        cell("""
        @setup(options={"device": Category(["screen", "paper"])})
        def prepare(device, **others):
            return device, others

        @command(outputs={"data": Any()})
        def show(model):
            return model
        """)["show"]
    )
    assert definition.prepare({"device": "paper"}, device="cuda", files={}, folder=None) == ("paper", {})


def test_a_command_may_answer_in_parts() -> None:
    definition = definition_of(
        cell("""
        @command(inputs={"count": Number(default=3)}, outputs={"n": Number()})
        def walk(count):
            for index in range(count):
                yield index, index / count
        """)["walk"]
    )
    assert list(ask(definition)) == [(0, 0), (1, 1 / 3), (2, 2 / 3)]


def test_a_name_and_a_description_are_the_functions_own_unless_given() -> None:
    @command(**TEXTS)
    def shout(text: str) -> str:
        """Says it
        louder.

        And more.
        """
        return text

    definition = definition_of(shout)
    assert definition.signature.command().describe()["description"] == "Says it louder."

    @command(**TEXTS, name="whisper it", description="Quietly.")
    def other(text: str) -> str:
        """Not this."""
        return text

    assert definition.signature.command("whisper it").description == "Quietly."
    command(**TEXTS, name="echo")(lambda text: text)
    assert ask(definition, "echo", text="hi") == "hi"


def test_a_cell_that_is_run_again_declares_its_model_anew() -> None:
    first = definition_of(cell(DOUBLE, name="<a cell>")["times"])
    again = definition_of(cell(DOUBLE.replace("by * a", "by + a"), name="<a cell>")["times"])
    assert first is not again
    assert definition_of("<a cell>") is again
    assert (ask(first, a=5), ask(again, a=5)) == (10, 7)
    # Without its setup, the old one is not left over.
    alone = cell(
        '@command(inputs={"a": Number()}, outputs={"n": Number()})\ndef times(a):\n    return a', name="<a cell>"
    )
    assert definition_of(alone["times"]).setup is None
    assert ask(definition_of(alone["times"]), a=5) == 5


def test_two_cells_are_two_models() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    cell(DOUBLE, space)
    one = definition_of(space["times"])
    cell(DOUBLE.replace("default=2", "default=9").replace("times", "many"), space)
    two = definition_of(space["many"])
    assert one is not two
    assert (list(one.commands), list(two.commands)) == (["times"], ["many"])
    assert (ask(one, a=1), ask(two, a=1)) == (2, 9)


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("a_model_of_the_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_file_that_is_loaded_again_declares_its_model_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "model.py"
    path.write_text(IMPORTS + DOUBLE)
    module = load(path)
    first = definition_of(str(path))
    assert first is definition_of(path) is definition_of(module.times)
    # A command that is new stands above all that is known.
    more = '@command(outputs={"n": Number()})\ndef seven(by):\n    return 7 * by\n'
    path.write_text(IMPORTS + more + DOUBLE.replace("default=2", "default=3"))
    again = definition_of(load(path).seven)
    assert again is definition_of(path)
    assert list(again.commands) == ["seven", "times"]
    assert ask(again, "seven") == 21
    assert ask(first, a=2) == 4
    # And one that is gone is gone, the setup as well.
    path.write_text(IMPORTS + more.replace("by):\n    return 7 * by", "):\n    return 7"))
    last = definition_of(load(path).seven)
    assert (list(last.commands), last.setup) == (["seven"], None)
    forget(str(path))
    with pytest.raises(Unknown, match="declares no model"):
        definition_of(path)


def test_a_factory_makes_a_model_each_time() -> None:
    def make(by: float) -> Callable[..., float]:
        @command(**NUMBERS)
        def times(a: float) -> float:
            return by * a

        return times

    one, two = make(2), make(3)
    assert definition_of(one) is not definition_of(two)
    assert (ask(definition_of(one), a=1), ask(definition_of(two), a=1)) == (2, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '@command(inputs={"image": Image()}, outputs={"n": Number()})\ndef f(model, imgae): pass',
            "'f' has no parameter for the input 'image'. Did you mean 'imgae'?",
        ),
        (
            '@command(inputs={"image": Image()}, outputs={"n": Number()})\ndef f(model, image, strength): pass',
            "'f' asks for 'strength', which is no input of it",
        ),
        (
            '@command(inputs={"image": Image()}, outputs={"n": Number()})\ndef f(*, model, image): pass',
            "'f' asks for 'model', which is no input of it",
        ),
        (
            '@command(inputs={"image": Image()}, outputs={"n": Number()})\ndef f(model, image, /): pass',
            "'f' takes 'image' by its place alone",
        ),
        (
            '@command(inputs={"image": Image()}, outputs={"n": Number()})\ndef f(image, /): pass',
            "'f' takes 'image' by its place alone",
        ),
        (
            '@setup(options={"size": Number()})\ndef f(siez): pass',
            "no parameter for the option 'size'. Did you mean 'siez'?",
        ),
        ("@setup\ndef f(devise): pass", "'f' asks for 'devise', which is no option of it. Did you mean 'device'?"),
        ("@setup\ndef f(device, /): pass", "'f' takes 'device' by its place alone"),
        ('@command(inputs={"a": Number()})\ndef f(a): pass', "The command 'f' has no outputs"),
        ("@command\ndef f(a): pass", "The command 'f' has no outputs"),
        ('@command(outputs={"n": 5})\ndef f(): pass', "'n' cannot be described by 5"),
        ("@command(outputs=[Number()])\ndef f(): pass", "gives no fields by name"),
        ('@command(outputs={"n": Category})\ndef f(): pass', "'n' cannot be described by"),
        ('@command(outputs={"n": Number()}, name="a/b")\ndef f(): pass', "A command cannot be called 'a/b'"),
        ('@command(outputs={"n": Number()}, name="")\ndef f(): pass', "A command cannot be called ''"),
        ('@command(outputs={"n": Number()})\nasync def f(): pass', "'f' is asynchronous"),
        ('@command(outputs={"n": Number()})\nasync def f(): yield 1', "'f' is asynchronous"),
        ("@setup\nasync def f(): pass", "'f' is asynchronous"),
        ('@command(outputs={"n": Number()})\nclass F: pass', "is no function of yours"),
        ("@setup\nclass F: pass", "is no function of yours"),
        ('command({"a": Number()})', "is no function of yours"),
        ('command(outputs={"n": Number()})(print)', "is no function of yours"),
        ('command(outputs={"n": Number()})([].append)', "is no function of yours"),
        ('command(outputs={"n": Number()})(lambda: 5)', "A command cannot be called '<lambda>'"),
    ],
)
def test_what_could_only_fail_later_is_refused_at_once(text: str, said: str) -> None:
    with pytest.raises(BadValue) as caught:
        cell(text)
    assert said in str(caught.value)


def test_what_was_refused_declares_nothing() -> None:
    with pytest.raises(BadValue):
        cell('@command(inputs={"a": Number()}, outputs={"n": Number()})\ndef f(x, b): pass', name="<refused>")
    with pytest.raises(Unknown):
        definition_of("<refused>")


class Machine:
    factor = 3

    def times(self, a: float) -> float:
        return self.factor * a


def test_a_method_is_refused_and_a_function_that_calls_it_will_do() -> None:
    machine = Machine()
    with pytest.raises(BadValue, match="is no function of yours"):
        command(**NUMBERS)(machine.times)
    with pytest.raises(BadValue, match="is no function of yours"):
        command(**NUMBERS, name="part")(functools.partial(machine.times))

    @command(**NUMBERS)
    def times(a: float) -> float:
        return machine.times(a)

    assert ask(definition_of(times), a=2) == 6


def test_a_decorated_function_is_known_by_what_is_inside() -> None:
    def loud(function: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(function)
        def wrapper(*args: Any, **options: Any) -> str:
            return function(*args, **options).upper()

        return wrapper

    space: dict[str, Any] = {"__name__": "__main__", "loud": loud}
    cell(
        """
        @setup
        def prepare():
            return "ah"

        @command(inputs={"text": Text()}, outputs={"text": Text()})
        @loud
        def shout(model, text):
            return model + text
        """,
        space,
        "<decorated>",
    )
    definition = definition_of("<decorated>")
    assert definition is definition_of(space["shout"])
    assert ask(definition, text="a") == "AHA"


def test_torchs_own_decorator_is_no_hindrance() -> None:
    import torch

    @command(inputs={"a": Number()}, outputs={"n": Number()})
    @torch.no_grad()
    def grows(a: float) -> float:
        return float(torch.is_grad_enabled()) + a

    assert ask(definition_of(grows), a=1) == 1


@pytest.mark.parametrize("thing", [print, Machine, len, lambda: 5], ids=repr)
def test_what_is_no_command_is_said_so(thing: object) -> None:
    with pytest.raises(BadValue, match="is no command of a model. Put @command"):
        definition_of(thing)
    assert definition_of(found := Definition()) is found


def in_a_fresh_process(definition: Definition, call: str, tmp_path: Path) -> str:
    """What a worker would answer that has only what is shipped to it."""
    data = cloudpickle.dumps((definition.setup, definition.options, definition.functions, definition.commands))
    (tmp_path / "model").write_bytes(data)
    code = f"""
import sys, cloudpickle
from runway_lab.sdk import Definition
definition = Definition(*cloudpickle.loads(open(sys.argv[1], "rb").read()))
model = definition.prepare(definition.signature.check_options({{}}), device="cpu", files={{}}, folder=None)
print({call})
print("torch" in sys.modules, file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.split() == ["False"]
    return done.stdout.strip()


def test_a_cell_is_shipped_by_value(tmp_path: Path) -> None:
    definition = definition_of(
        cell("""
        import numpy as np

        FACTOR = 6

        class Helper:
            def scale(self, pixels, by):
                return np.clip(pixels.astype(int) * by, 0, 255).astype(np.uint8)

        @setup(options={"by": Number(default=2)})
        def prepare(by):
            return Helper(), by * FACTOR

        @command(inputs={"image": Image(form="array")}, outputs={"image": Image()})
        def brighten(model, image):
            helper, by = model
            return helper.scale(image, by)

        @command(outputs={"n": Number()})
        def count(model):
            yield from range(3)
        """)["brighten"]
    )
    call = 'definition.call("brighten", model, {"image": __import__("numpy").ones((1, 2, 3), "uint8")}).tolist()'
    assert in_a_fresh_process(definition, call, tmp_path) == "[[[12, 12, 12], [12, 12, 12]]]"
    assert in_a_fresh_process(definition, 'list(definition.call("count", model, {}))', tmp_path) == "[0, 1, 2]"
    described = "definition.signature.describe()"
    assert in_a_fresh_process(definition, described, tmp_path) == str(definition.signature.describe())


def test_an_edited_cell_ships_the_new_code(tmp_path: Path) -> None:
    cell(DOUBLE, name="<edited>")
    definition = definition_of(cell(DOUBLE.replace("by * a", "by ** a"), name="<edited>")["times"])
    assert in_a_fresh_process(definition, 'definition.call("times", model, {"a": 5})', tmp_path) == "32"


def test_a_model_in_ten_lines_runs() -> None:
    text = """
    @setup(options={"levels": Number(default=4, min=2, max=16, step=1)})
    def prepare(levels):
        return levels

    @command(inputs={"image": Image()}, outputs={"image": Image()})
    def posterize(levels, image):
        return image.quantize(levels).convert("RGB")
    """
    assert len(textwrap.dedent(text).strip().splitlines()) <= 10
    definition = definition_of(cell(text)["posterize"])
    ramp = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 4, 3))
    called = definition.signature.command()
    picture = called.check_outputs(ask(definition, image=Image().check(ramp)))["image"]
    assert len(picture.getcolors()) == 4
