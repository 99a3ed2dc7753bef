"""What leaves the workshop: lessons laid out in a person's folder, a workspace as a page for others.

In comes what lies in the library and in the package; out go files in a folder that the person chose.
Nothing here draws; the front doors (`runway_lab.cli`) call in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runway_lab.publishing.lessons import LaidOut, lay_out, lessons_folder

__all__ = ["LaidOut", "lay_out", "lessons_folder"]

_HOMES = {"LaidOut": "lessons", "lay_out": "lessons", "lessons_folder": "lessons"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
