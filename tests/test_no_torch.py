"""The kernel that draws the page never imports torch: start-up stays quick and thirty visitors stay light.

Two promises. No module outside the lists below imports torch when it is loaded. And whoever uses everything else,
every module and every public name, finds at the end that torch was never imported.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import runway_lab

PACKAGE = Path(runway_lab.__file__).parent

# Modules that compute. Package `__init__`s are never among them: they load their modules only when asked for a name.
AT_THE_TOP = (
    "stylegan/*.py",
    "models/*.py",
    "models/recipes/*.py",
    "training/loop/*.py",
    "training/measures/inception.py",
)
# Modules that look at torch inside a function, in a process that computes or when one is asked for.
INSIDE_A_FUNCTION = (*AT_THE_TOP, "engine/worker.py")

TORCH = {"torch", "torchvision"}


def allowed(path: Path, patterns: tuple[str, ...]) -> bool:
    inside = path.relative_to(PACKAGE)
    return path.name != "__init__.py" and any(inside.match(pattern) for pattern in patterns)


def torch_imports(node: ast.AST, inside: bool = False) -> Iterator[tuple[int, bool]]:
    """Line of each import of torch, and whether it is inside a function; those under TYPE_CHECKING do not run."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        names = [alias.name for alias in child.names] if isinstance(child, ast.Import) else []
        if isinstance(child, ast.ImportFrom) and not child.level:
            names = [child.module or ""]
        if TORCH & {name.split(".")[0] for name in names}:
            yield child.lineno, inside  # type: ignore[attr-defined]
        yield from torch_imports(child, inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)))


def test_torch_is_imported_only_where_it_is_allowed() -> None:
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for line, inside in torch_imports(ast.parse(path.read_text(encoding="utf-8"))):
            if not allowed(path, INSIDE_A_FUNCTION if inside else AT_THE_TOP):
                where = "inside a function" if inside else "at the top"
                wrong.append(f"{path.relative_to(PACKAGE.parent)}:{line} imports torch {where}")
    assert not wrong, "\n".join([*wrong, "If a module may, enter it in the lists of tests/test_no_torch.py."])


def test_using_everything_else_never_imports_torch() -> None:
    modules, packages = [], []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["runway_lab", *path.relative_to(PACKAGE).with_suffix("").parts]
        if path.name == "__main__.py" or allowed(path, AT_THE_TOP):
            continue
        if path.name == "__init__.py":
            parts.pop()
            packages.append(".".join(parts))
        modules.append(".".join(parts))
    code = """
import importlib, sys
modules, packages, computing = eval(sys.argv[1])
for name in modules:
    importlib.import_module(name)
    assert "torch" not in sys.modules, f"importing {name} imports torch"
for package in packages:
    if package in computing:
        continue
    for name in getattr(sys.modules[package], "__all__", []):
        getattr(sys.modules[package], name)
        assert "torch" not in sys.modules, f"{package}.{name} imports torch"
print("never", len(modules))
"""
    # What these packages give out by name may well be a network.
    computing = {".".join(["runway_lab", *Path(pattern).parts[:-1]]) for pattern in AT_THE_TOP if "*" in pattern}
    told = subprocess.run(
        [sys.executable, "-c", code, repr((modules, packages, computing))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == ["never", str(len(modules))]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import torch", [False]),
        ("import numpy, torch.nn as nn", [False]),
        ("from torchvision.ops import nms", [False]),
        ("class A:\n    def f(self):\n        import torch", [True]),
        ("if TYPE_CHECKING:\n    import torch", []),
        ("from . import torch\nimport torches", []),
    ],
)
def test_an_import_of_torch_is_found(source: str, found: list[bool]) -> None:
    assert [inside for _, inside in torch_imports(ast.parse(source))] == found
