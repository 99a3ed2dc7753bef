"""Runs models: each in a process of its own, started, guarded, asked and stopped from here.

A `Place` starts a `Session`; a person holds a `RunningModel`, which asks the session and gets an `Answer`. Below it,
`protocol` says what is spoken with the worker, `process` and `launcher` own the process, `spare` keeps one warm,
`slots` counts them. Nothing here needs Jupyter or torch: the worker loads torch, in a
process of its own, and `words` shows its line under a cell where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runway_lab.engine.answer import Answer
    from runway_lab.engine.place import Here, Place
    from runway_lab.engine.running import RunningModel, stop_all
    from runway_lab.engine.starting import run
    from runway_lab.engine.stream import Stats, Stream

__all__ = ["Answer", "Here", "Place", "RunningModel", "Stats", "Stream", "run", "stop_all"]

_WHERE = {
    "Answer": "answer",
    "Here": "place",
    "Place": "place",
    "RunningModel": "running",
    "Stats": "stream",
    "Stream": "stream",
    "run": "starting",
    "stop_all": "running",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
