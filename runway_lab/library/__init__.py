"""What is yours: models, datasets, experiments, workspaces and outputs, as plain folders.

In flows what a person makes, imports and downloads; out go cards and paths. A person may look at, copy and delete
the folders by hand, and several kernels may use them at once: everything is written whole or not at all, and what
is damaged is set aside with a report, never deleted.

>>> import runway_lab.library as library
>>> library.path("ouptuts")
Traceback (most recent call last):
runway_lab.errors.Unknown: The library has no folder for 'ouptuts'. Did you mean 'outputs'?
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runway_lab.library.download import fetch
    from runway_lab.library.entries import Problem, problems
    from runway_lab.library.places import path
    from runway_lab.library.room import EntryRoom, Usage, move_downloads, usage
    from runway_lab.library.shared import share_model, shared_models
    from runway_lab.library.shelf import add_model, delete_model, model, models, rename_model
    from runway_lab.library.stylegans import checkpoints
    from runway_lab.library.weights import missing, where

__all__ = [
    "EntryRoom",
    "Problem",
    "Usage",
    "add_model",
    "checkpoints",
    "delete_model",
    "fetch",
    "missing",
    "model",
    "models",
    "move_downloads",
    "path",
    "problems",
    "rename_model",
    "share_model",
    "shared_models",
    "usage",
    "where",
]

_ROOMS = {
    "download": ("fetch",),
    "entries": ("Problem",),
    "places": ("path",),
    "room": ("EntryRoom", "Usage", "move_downloads", "usage"),
    "shared": ("share_model", "shared_models"),
    "shelf": ("add_model", "delete_model", "model", "models", "problems", "rename_model"),
    "stylegans": ("checkpoints",),
    "weights": ("missing", "where"),
}


def __getattr__(name: str) -> Any:
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{room}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
