"""The floors of the house: an upper one may import a lower one, never the other way, not even inside a function.

The sources are parsed, not imported, so an import that hides in a function or under TYPE_CHECKING counts as well.
The package's own `__init__` is the public face and stands outside: it names everything, lazily.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import runway_lab

PACKAGE = Path(runway_lab.__file__).parent

FLOORS = {
    0: {
        "cards",
        "errors",
        "fields",
        "frames",
        "latents",
        "media",
        "outputs",
        "settings",
        "signature",
        "toml",
        "views",
    },
    1: {"catalog", "library", "sdk", "stylegan"},
    2: {"models", "training"},
    3: {"engine", "server"},
    4: {"widgets"},
    5: {"__main__", "cli", "commands", "publishing"},
}
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names}

# The registry of views is asked on a low floor and filled from a high one: it may load the high one by its name.
LOADS_BY_NAME = {"views"}


def rooms() -> dict[str, list[Path]]:
    """The modules and packages right under `runway_lab`, each with its files."""
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if name != "__init__":
            found.setdefault(name, []).append(path)
    return found


def imports(path: Path, package: Path = PACKAGE) -> Iterator[tuple[int, str]]:
    """Line and full name of all that a file imports from `runway_lab`."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    here = ["runway_lab", *path.relative_to(package).parts[:-1]]
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{source}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and _called(node.func) in ("import_module", "__import__"):
            given = node.args[0] if node.args else None
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                names = [given.value]
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "runway_lab")


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def room_of(name: str) -> str:
    """`runway_lab.engine.worker` is in `engine`; `runway_lab.__version__` is in none."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__version__" else ""


ROOMS = rooms()


@pytest.mark.parametrize("name", ROOMS)
def test_every_room_is_on_a_floor(name: str) -> None:
    assert name in FLOOR_OF, (
        f"runway_lab/{name} is new and on no floor. Decide what it may import and who may import it, and enter it in"
        " FLOORS in tests/test_floors.py and in docs/architecture.md."
    )


@pytest.mark.parametrize("name", ROOMS)
def test_nothing_reaches_up(name: str) -> None:
    floor = FLOOR_OF.get(name, max(FLOORS))
    wrong = []
    for path in ROOMS[name]:
        for line, target in imports(path):
            room = room_of(target)
            if room and name not in LOADS_BY_NAME and FLOOR_OF.get(room, max(FLOORS) + 1) > floor:
                wrong.append(f"{path.relative_to(PACKAGE.parent)}:{line} imports {target}")
    assert not wrong, f"{name} is on floor {floor}, and what it imports here lies above:\n" + "\n".join(wrong)


def test_the_rooms_of_a_floor_form_no_circle() -> None:
    edges = {
        name: {room_of(target) for path in paths for _, target in imports(path)} & set(ROOMS) - {name}
        for name, paths in ROOMS.items()
        if name not in LOADS_BY_NAME
    }
    circle = find_circle(edges)
    assert not circle, f"These import one another in a circle: {' -> '.join(circle)}"


def find_circle(edges: dict[str, set[str]]) -> list[str]:
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(edges.get(name, ())):
            found = walk(target, [*path, name])
            if found:
                return found
        done.add(name)
        return []

    return next((found for name in sorted(edges) if (found := walk(name, []))), [])


def test_a_circle_is_found() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_an_import_is_found_wherever_it_hides(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    source = tmp_path / "engine/place.py"
    source.write_text(
        "from __future__ import annotations\n"
        "import json, runway_lab.fields\n"
        "from runway_lab import __version__, catalog\n"
        "def later():\n"
        "    from ..widgets import app\n"
        "    from .worker import run\n"
        "    importlib.import_module('runway_lab.cli')\n"
    )
    assert [room_of(name) for _, name in sorted(imports(source, tmp_path))] == [
        "fields",
        "",
        "catalog",
        "widgets",
        "engine",
        "cli",
    ]
