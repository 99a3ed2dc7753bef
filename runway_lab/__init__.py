"""Find, run and train image models in Jupyter, on your own machine.

    import runway_lab as rl

    rl.catalog.search("planets")
    model = rl.run("generate/planets")
    model(z=rl.seed(7, 64)).image
    model.stop()

Everything is imported when it is first used, and nothing here imports torch: models run in processes of their own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from runway_lab import catalog, fields, latents, library
    from runway_lab.engine.place import Here
    from runway_lab.engine.running import RunningModel, stop_all
    from runway_lab.engine.starting import run
    from runway_lab.engine.training import experiments, train
    from runway_lab.errors import RunwayLabError
    from runway_lab.latents import seed
    from runway_lab.sdk.definition import command, setup
    from runway_lab.training.datasets.dataset import Dataset

__all__ = [
    "Dataset",
    "Here",
    "RunningModel",
    "RunwayLabError",
    "__version__",
    "catalog",
    "command",
    "experiments",
    "fields",
    "latents",
    "library",
    "run",
    "seed",
    "setup",
    "stop_all",
    "train",
]

_WHERE = {
    "Dataset": "training.datasets.dataset",
    "Here": "engine.place",
    "RunningModel": "engine.running",
    "RunwayLabError": "errors",
    "command": "sdk.definition",
    "experiments": "engine.training",
    "run": "engine.starting",
    "seed": "latents",
    "setup": "sdk.definition",
    "stop_all": "engine.running",
    "train": "engine.training",
}
_ROOMS = ("catalog", "fields", "latents", "library")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _WHERE:
        value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
        globals()[name] = value
        return value
    from runway_lab.errors import suggest

    raise AttributeError(f"module {__name__!r} has no attribute {name!r}. {suggest(name, __all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
