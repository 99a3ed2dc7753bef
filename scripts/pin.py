"""Writes constraints.txt anew, from what is installed in the environment that runs this.

    make test UNPINNED=1 && .venv/bin/python scripts/pin.py

Only what runway-lab and its tests need is written, so tools that somebody put into the environment stay out. What
PyTorch brings for graphics cards stays out too: PyTorch pins it itself, and it exists on some systems only. A
version that asks for a later Python than we do is pinned only there, so that older ones still find an answer.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = "runway-lab"
OF_TORCH = re.compile(r"^(nvidia|cuda|triton)\b")
HEAD = """\
# What `make lab`, `make test` and CI install: the versions that have passed the whole suite. The package itself
# asks only for ranges (pyproject.toml). PyTorch pins its own CUDA packages, so they are not named here, and what
# only one system needs is left to the installer. Written by scripts/pin.py.
"""


def needed(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """The names of all that a package needs on this machine, itself included."""
    found: set[str] = set()
    waiting = [(canonicalize_name(name), extras)]
    asked: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        entry = waiting.pop()
        if entry in asked:
            continue
        asked.add(entry)
        try:
            requirements = metadata.requires(entry[0]) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(entry[0])
        for line in requirements:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in (entry[1] or {""})):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return found


def pin(name: str, floor: tuple[int, ...]) -> str:
    distribution = metadata.distribution(name)
    # What a build for one kind of machine appends to its version is no version of the registry's.
    line = f"{name}=={distribution.version.partition('+')[0]}"
    asks = re.search(r">=\s*(3(?:\.\d+)+)", str(distribution.metadata.json.get("requires_python", "")))
    if asks and tuple(map(int, asks.group(1).split("."))) > floor:
        line += f' ; python_full_version >= "{asks.group(1)}"'
    return line


def main() -> None:
    ours = metadata.metadata(PROJECT)["Requires-Python"]
    floor = tuple(map(int, re.findall(r"\d+", ours)))
    names = needed(PROJECT, frozenset({"dev"})) - {PROJECT, "pip", "setuptools"}
    lines = [pin(name, floor) for name in sorted(names) if not OF_TORCH.match(name)]
    (ROOT / "constraints.txt").write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"constraints.txt: {len(lines)} packages")


if __name__ == "__main__":
    main()
