"""The training of a StyleGAN2, and nothing else: no files but those it is told to write, no page, no process.

`settings` says what is to be done, `trainer` does one step after the other, `callbacks` repeats that and lets others
look on. `networks` builds the two networks or takes them over from a checkpoint, `losses` is the mathematics, `augment`
keeps a small dataset from being learned by heart, `order` says which picture comes next, `state` is all that must be
kept to go on as if nothing had happened.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runway_lab.training.loop.callbacks import Callback, StopTraining, run
    from runway_lab.training.loop.settings import TrainingSettings
    from runway_lab.training.loop.trainer import Trainer

__all__ = ["Callback", "StopTraining", "Trainer", "TrainingSettings", "run"]

_HOMES = {
    "Callback": "callbacks",
    "StopTraining": "callbacks",
    "Trainer": "trainer",
    "TrainingSettings": "settings",
    "run": "callbacks",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
