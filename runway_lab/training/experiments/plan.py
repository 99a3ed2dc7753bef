"""What an experiment was asked for: `experiment.json`.

It changes when a person changes it (another title, more steps, more budget), also while it trains: the trainer looks
at the file from time to time. The settings of training are kept as plain JSON here, so that reading an experiment
needs nothing of the trainer's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from runway_lab.errors import DamagedEntry
from runway_lab.library.atomic import write_json
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.states import read_json, words

__all__ = ["Budget", "Plan"]


@dataclass(frozen=True)
class Budget:
    """How long it may train, and what it may cost at a place with a price. None: as long as it takes.

    >>> Budget(hours=2.0).seconds, Budget(cost=3.0, price_per_hour=1.5).seconds
    (7200.0, 7200.0)
    """

    hours: float | None = None
    cost: float | None = None
    price_per_hour: float | None = None

    @property
    def seconds(self) -> float | None:
        """The shorter of both, in seconds."""
        allowed = [] if self.hours is None else [self.hours * 3600]
        if self.cost is not None and self.price_per_hour:
            allowed.append(self.cost / self.price_per_hour * 3600)
        return min(allowed, default=None)

    def used_up(self, seconds: float) -> str:
        """What is used up after so long, in words; nothing while there is some left."""
        if self.hours is not None and seconds >= self.hours * 3600:
            return f"The budget of {self.hours:g} hour{'' if self.hours == 1 else 's'} is used up."
        if self.seconds is not None and seconds >= self.seconds:
            return f"The budget of {self.cost:g} (at {self.price_per_hour:g} an hour) is used up."
        return ""


@dataclass(frozen=True)
class Plan:
    """All that was asked for."""

    title: str
    settings: dict[str, Any]
    dataset: dict[str, Any] = field(default_factory=dict)
    """name, folder, digest, title, card; or `make_from` and `options`, of which a dataset is made first."""
    start: dict[str, Any] = field(default_factory=dict)
    """`file` in the folder of the experiment, `name` as a person said it; empty: from scratch."""
    created: float = 0.0
    lineage: list[Any] = field(default_factory=list)
    budget: Budget = Budget()
    save_as: str = ""
    """The name it was promised to be saved by when it ends; empty when that is done."""

    @property
    def steps(self) -> int:
        return int(self.settings["steps"])

    @classmethod
    def read(cls, folder: Folder) -> Plan:
        said = read_json(folder.plan)
        known = {each.name for each in fields(cls)}
        given = {name: value for name, value in said.items() if name in known}
        try:
            budget = Budget(**given.pop("budget", {}))
            plan = cls(**given, budget=budget)
            if not isinstance(plan.settings, dict) or plan.steps < 1:
                raise ValueError("it has no settings")
        except (TypeError, ValueError, KeyError) as error:
            raise DamagedEntry(
                f"The experiment {folder.id!r} cannot be read: {error}.", hint=f"Mend {folder.plan}, or delete it."
            ) from error
        return plan

    def write(self, folder: Folder) -> Plan:
        write_json(folder.plan, asdict(self))
        return self

    @classmethod
    def change(cls, folder: Folder, **changes: Any) -> Plan:
        """Changes what was asked for, as it is just now; a function is given what was there."""
        with words(folder):
            plan = cls.read(folder)
            made = {name: value(getattr(plan, name)) if callable(value) else value for name, value in changes.items()}
            return replace(plan, **made).write(folder)
