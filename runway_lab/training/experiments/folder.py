"""What lies where in an experiment's folder.

    <library>/experiments/petals/
        experiment.json     what was asked for: title, settings, pictures, start, budget
        state.json          where it stands: state, since when, why, at which step, on which device
        diary.jsonl         what happened, in words, line by line
        metrics.jsonl       the numbers of each step
        measures.jsonl      how good the samples are, at some steps
        samples/            a sheet for each sampled step, and index.json: how a sheet is divided
        checkpoints/        the kept ones: step-003000.safetensors
        resume/             all that is needed to go on as if nothing had happened, in two generations
        start.safetensors   what it started from, if from something
        wishes.json         what a person asked of it while it trains
        heartbeat           written by the trainer while it lives: step, speed, time left
        log.txt             what its processes printed
        *.lock              who works on it; the system lets go of them when a process ends

The numbers in file names are padded, so that a file manager shows them in their order. Whatever else lies in there is
left alone.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Folder", "step_of"]

_STEP = re.compile(r"(?:step|state)-(\d{1,9})\.(?:webp|safetensors|json)")


@dataclass(frozen=True)
class Folder:
    """The paths of one experiment."""

    root: Path

    @property
    def id(self) -> str:
        """Its name: that of the folder."""
        return self.root.name

    @property
    def plan(self) -> Path:
        return self.root / "experiment.json"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def diary(self) -> Path:
        return self.root / "diary.jsonl"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.jsonl"

    @property
    def measures(self) -> Path:
        return self.root / "measures.jsonl"

    @property
    def samples(self) -> Path:
        return self.root / "samples"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def resume(self) -> Path:
        return self.root / "resume"

    @property
    def wishes(self) -> Path:
        return self.root / "wishes.json"

    @property
    def heartbeat(self) -> Path:
        return self.root / "heartbeat"

    @property
    def log(self) -> Path:
        return self.root / "log.txt"

    @property
    def reserve(self) -> Path:
        """Some room on the disk, given up for the last words when there is no other."""
        return self.root / ".reserve"

    @property
    def supervisor_lock(self) -> Path:
        return self.root / "supervisor.lock"

    @property
    def trainer_lock(self) -> Path:
        return self.root / "trainer.lock"

    @property
    def words_lock(self) -> Path:
        """Held while state, plan or wishes are read, changed and written."""
        return self.root / "words.lock"

    def sheet(self, step: int) -> Path:
        return self.samples / f"step-{step:06d}.webp"

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / f"step-{step:06d}.safetensors"


def step_of(name: str) -> int | None:
    """The step in the name of a sheet, a checkpoint or a resume state; None for any other file.

    >>> step_of("step-000250.webp"), step_of("notes.txt")
    (250, None)
    """
    found = _STEP.fullmatch(name)
    return int(found.group(1)) if found else None


def steps_in(folder: Path, ending: str) -> list[int]:
    """The steps that have a file of this kind in a folder, in their order."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted(step for name in names if name.endswith(ending) and (step := step_of(name)) is not None)
