"""A training in a folder of its own, in processes that outlive the page.

`begin` makes the folder and puts it into the queue; an `Experiment` reads it (`reading`) and says what a person wishes;
all of them together are `Experiments`. Behind them, a supervisor without torch (`supervisor`) starts the trainer
(`process`), which writes samples, numbers, checkpoints and resume states into the folder through callbacks of the loop
(`recorders`, `limits`, `measuring`). The files are the truth, and `folder` says which there are: whoever looks needs
nothing else, and what is killed goes on from there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runway_lab.training.experiments.beginning import begin
    from runway_lab.training.experiments.estimating import Estimate, estimate
    from runway_lab.training.experiments.experiment import Experiment
    from runway_lab.training.experiments.plan import Budget, Plan
    from runway_lab.training.experiments.reading import Entry, Kept, Progress
    from runway_lab.training.experiments.shelf import Experiments
    from runway_lab.training.experiments.states import State

__all__ = [
    "Budget",
    "Entry",
    "Estimate",
    "Experiment",
    "Experiments",
    "Kept",
    "Plan",
    "Progress",
    "State",
    "begin",
    "estimate",
]

_HOMES = {
    "Budget": "plan",
    "Entry": "reading",
    "Estimate": "estimating",
    "Experiment": "experiment",
    "Experiments": "shelf",
    "Kept": "reading",
    "Plan": "plan",
    "Progress": "reading",
    "State": "states",
    "begin": "beginning",
    "estimate": "estimating",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
