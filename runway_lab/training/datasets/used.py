"""Which experiments still need a dataset: those that train on it, wait to, or can go on.

Only their words are read, and only when somebody is about to take a dataset away; one whose words are damaged needs
nothing any more.
"""

from __future__ import annotations

from pathlib import Path

from runway_lab.errors import RunwayLabError

__all__ = ["check_unused", "needed_by"]

NEEDING = ("preparing", "queued", "training", "paused")
MOST_NAMED = 5


def needed_by(folder: Path) -> list[str]:
    """Ids and states of the experiments that need the dataset in this folder, as in "petals (training)"."""
    from runway_lab.training.experiments import Experiments

    found = []
    for each in Experiments().values():
        try:
            theirs = each.plan.dataset.get("folder")
            if theirs and Path(theirs).resolve() == folder.resolve() and each.state in NEEDING:
                found.append(f"{each.id} ({each.state})")
        except (RunwayLabError, OSError, TypeError, ValueError):
            continue
    return found


def check_unused(folder: Path, what: str, otherwise: str = "force=True, in a shell --force") -> None:
    """Words where an experiment needs the dataset in this folder."""
    needing = needed_by(folder)
    if needing:
        named = ", ".join(needing[:MOST_NAMED]) + (" and others" if len(needing) > MOST_NAMED else "")
        raise RunwayLabError(
            f"The dataset {folder.name!r} cannot be {what} now: it is needed by {named}.",
            hint=f"Stop or delete that first; or {otherwise}.",
        )
