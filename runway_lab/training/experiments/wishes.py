"""What a person asks of an experiment while it trains: `wishes.json`.

A wish to pause or to stop stays until training is resumed. Pinned steps stay for good: their checkpoints are never
thinned out, and one that is still to come is kept when it is reached. Several kernels may wish at once; the trainer
looks a few times a second, and a look costs one `stat` where nothing changed.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import Any

from runway_lab.library.atomic import write_json
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.states import read_json, words

__all__ = ["Wishes", "clear", "read", "stamp", "wish"]


@dataclass(frozen=True)
class Wishes:
    """Words to pause or stop with (none: go on), and pinned steps."""

    pause: str = ""
    stop: str = ""
    pinned: tuple[int, ...] = ()


def read(folder: Folder) -> Wishes:
    said = read_json(folder.wishes)
    pinned = tuple(sorted({step for step in said.get("pinned", ()) if type(step) is int and step >= 0}))
    return Wishes(str(said.get("pause") or ""), str(said.get("stop") or ""), pinned)


def wish(folder: Folder, **changes: Any) -> Wishes:
    """Adds to what is wished for; a function is given what was there."""
    with words(folder):
        wishes = read(folder)
        made = {name: value(getattr(wishes, name)) if callable(value) else value for name, value in changes.items()}
        wishes = replace(wishes, **made)
        write_json(folder.wishes, asdict(wishes))
    return wishes


def clear(folder: Folder) -> None:
    """Forgets that it should pause or stop: somebody wants it to go on."""
    wish(folder, pause="", stop="")


def stamp(folder: Folder) -> tuple[int, ...]:
    """Differs when plan or wishes were written since."""
    found = []
    for path in (folder.plan, folder.wishes):
        try:
            seen = os.stat(path)
            found += [seen.st_mtime_ns, seen.st_ino]
        except OSError:
            found += [0, 0]
    return tuple(found)
