"""Every example in a docstring runs: those with prompts, and the whole models that are shown indented."""

from __future__ import annotations

import ast
import doctest
import importlib
import linecache
import pkgutil
import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runway_lab
from runway_lab.fields import Field, Image
from runway_lab.sdk import definition_of

MODULES = [
    "runway_lab",
    *(found.name for found in pkgutil.walk_packages(runway_lab.__path__, "runway_lab.", onerror=lambda name: None)),
]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_the_examples_run(name: str) -> None:
    failed, _ = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert failed == 0, f"{failed} examples in {name} do not give what they say; the output above shows which"


def models_in(text: str) -> list[str]:
    """The indented blocks of a text that are models, as their author would write them."""
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", text + "\n", re.MULTILINE)
    return [textwrap.dedent(block).strip() for block in blocks if re.search(r"^ {4}@command", block, re.MULTILINE)]


def docstring_of(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


SHOWN = [
    (f"{path.relative_to(Path(runway_lab.__file__).parent)}", text)
    for path in sorted(Path(runway_lab.__file__).parent.rglob("*.py"))
    for text in models_in(docstring_of(path))
]


def something_for(field: Field) -> Any:
    """A value that a person might give."""
    if isinstance(field, Image):
        return field.check(np.random.default_rng(1).integers(0, 256, (16, 24, field.channels), np.uint8))
    return field.check({"vector": [0.5] * getattr(field, "length", 1), "text": "a word"}.get(field.type, field.default))


@pytest.mark.parametrize(("where", "text"), SHOWN, ids=[where for where, _ in SHOWN])
def test_a_model_that_is_shown_runs(where: str, text: str) -> None:
    name = f"<the model in {where}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), {"__name__": "__main__"})
    definition = definition_of(name)
    signature = definition.signature
    model = definition.prepare(signature.check_options({}), device="cpu", files={}, folder=None)
    definition = definition.fitted(model)
    for command in definition.commands.values():
        result = definition.call(
            command.name, model, {each.name: something_for(each) for each in command.inputs.values()}
        )
        for part in result if hasattr(result, "__next__") else [result]:
            assert command.check_outputs(part)


def test_the_sdk_shows_a_model() -> None:
    assert "sdk/definition.py" in dict(SHOWN)
    assert models_in("Text.\n\n    no model\n\nMore\n\n    a = 1\n\n    @command\n    def f(): pass\n\nEnd.") == [
        "a = 1\n\n@command\ndef f(): pass"
    ]
