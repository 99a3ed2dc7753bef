"""All experiments of the library, as `rl.experiments`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runway_lab.errors import RunwayLabError, Unknown
from runway_lab.training.experiments import line
from runway_lab.training.experiments.experiment import Experiment, unknown

__all__ = ["Experiments"]


class Experiments(Mapping[str, Experiment]):
    """Every experiment by its id; read from the library at each look.

    >>> Experiments()["nothing"]
    Traceback (most recent call last):
    runway_lab.errors.Unknown: There is no experiment 'nothing'. ...
    """

    def __getitem__(self, name: str) -> Experiment:
        """By id, or by title where only one has it."""
        found = {folder.id: folder for folder in line.folders()}
        if name in found:
            return Experiment(found[name].root)
        titled = [each for each in self.values() if _title(each) == name]
        if len(titled) == 1:
            return titled[0]
        raise unknown(str(name), list(found))

    def __iter__(self) -> Iterator[str]:
        return iter([folder.id for folder in line.folders()])

    def __len__(self) -> int:
        return len(line.folders())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        """By id or title; something else where there is none."""
        try:
            return self[name]
        except Unknown:
            return default

    def values(self) -> list[Experiment]:  # type: ignore[override]
        """All of them, by id."""
        return [Experiment(folder.root) for folder in line.folders()]

    def items(self) -> list[tuple[str, Experiment]]:  # type: ignore[override]
        """Ids and experiments."""
        return [(each.id, each) for each in self.values()]

    @property
    def running(self) -> list[Experiment]:
        """Those that train or are being prepared."""
        return [each for each in self.values() if _state(each) in ("training", "preparing")]

    @property
    def queued(self) -> list[Experiment]:
        """Those that wait for their turn, the next one first."""
        return [Experiment(folder.root) for folder in line.waiting()]

    @property
    def interrupted(self) -> list[Experiment]:
        """Those that were training when the machine, or what looked after them, was ended: `resume` goes on."""
        found = []
        for each in self.values():
            try:
                if each.status.interrupted:
                    found.append(each)
            except RunwayLabError:
                continue
        return found

    def __repr__(self) -> str:
        lines = [f"{each.id:<30} {_state(each):<10} {_progress(each)}" for each in self.values()]
        return "\n".join(lines) or "No experiment yet: rl.train(...) begins one."

    def _repr_html_(self) -> str:
        from runway_lab.training.experiments.shown import sheet

        return sheet(self.values())


def _title(experiment: Experiment) -> str:
    try:
        return experiment.title
    except RunwayLabError:
        return ""


def _state(experiment: Experiment) -> str:
    try:
        return experiment.state
    except RunwayLabError:
        return "damaged"


def _progress(experiment: Experiment) -> str:
    try:
        status = experiment.status
        words = str(experiment.progress)
        return f"{words}. {status.why}" if status.interrupted or status.name == "failed" else words
    except RunwayLabError as error:
        return str(error)
