"""What a checkpoint of this project says of itself, read from its table of contents without torch."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

__all__ = ["recipe_of", "size_of"]

LARGEST = 1 << 24


def recipe_of(path: Path) -> dict[str, Any]:
    """How it was made; nothing for a file that does not tell."""
    return _said(path, "recipe")


def size_of(path: Path) -> tuple[int, int] | None:
    """Height and width of what it draws; None for a file that does not tell."""
    config = _said(path, "config")
    try:
        resolution, (down, across) = int(config["resolution"]), config.get("start", (4, 4))
        return resolution * int(down) // 4, resolution * int(across) // 4
    except (LookupError, TypeError, ValueError):
        return None


def _said(path: Path, name: str) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            metadata = json.loads(file.read(min(length, LARGEST)))["__metadata__"]
        found = json.loads(metadata[name])
    except (OSError, ValueError, LookupError, TypeError, RecursionError, struct.error):
        return {}
    return found if isinstance(found, dict) else {}
