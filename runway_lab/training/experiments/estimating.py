"""How long a training will take and what it needs, measured before it begins: a few real steps on this very device.

The steps are done in a short-lived process, with the very pictures, start and settings; what is found is kept in the
library for this machine, so that another number of steps is answered at once and only another size, start or device is
measured anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runway_lab import __version__
from runway_lab.errors import RunwayLabError
from runway_lab.library.atomic import write_json
from runway_lab.training.experiments import line
from runway_lab.training.experiments.beginning import find_data, find_start
from runway_lab.training.experiments.devices import candidates
from runway_lab.training.experiments.headers import size_of
from runway_lab.training.experiments.processes import command, environment
from runway_lab.training.experiments.samples import sampled_steps
from runway_lab.training.experiments.states import read_json
from runway_lab.training.experiments.words import duration
from runway_lab.training.loop.settings import TrainingSettings

__all__ = ["Estimate", "estimate"]

PATIENCE = 300.0
UNPREPARED = 256
MOST_KEPT = 200
BYTES_A_LINE = 260

# What does not change how long a step takes.
_NO_MATTER = ("steps", "seed", "sampled", "every_step", "kept", "start", "mirror", "learning_rate", "device")


@dataclass(frozen=True)
class Estimate:
    """What a training will take: seconds, memory and room on the disk; and what a step takes, of which it was made."""

    seconds: float
    memory_mb: float
    disk_mb: float
    seconds_per_step: float
    device: str
    device_memory_mb: float = 0.0
    """On a graphics card: its own memory."""

    def __str__(self) -> str:
        on_card = f" and {self.device_memory_mb:,.0f} MB of the graphics card's" if self.device_memory_mb else ""
        return (
            f"about {duration(self.seconds)} on {self.device}, {self.memory_mb:,.0f} MB of memory{on_card}, "
            f"{self.disk_mb:,.0f} MB on the disk"
        )


def estimate(
    settings: Mapping[str, Any] | TrainingSettings, data: Any, start: Any = "", prepare: Mapping[str, Any] | None = None
) -> Estimate:
    """Measures, or remembers, what these settings cost with these pictures on this machine.

    Pictures that are not prepared yet are taken to have the size in `prepare`, or that of the start.
    """
    given = settings.to_json() if isinstance(settings, TrainingSettings) else dict(settings)
    chosen = TrainingSettings.of({**given, "start": ""})
    file = find_start(start)[0]
    dataset = find_data(data, prepare or {})
    if "folder" not in dataset:
        # Not prepared yet. How long a step takes does not depend on what a picture shows.
        size = dataset["options"].get("size") or (size_of(file) if file is not None else None) or UNPREPARED
        height, width = size if isinstance(size, (tuple, list)) else (size, size)
        dataset = {"count": dataset["options"].get("count", 1000), "height": height, "width": width, "channels": 3}
    device = candidates(chosen.device)[0]
    several = device.split(",")
    asked = {**chosen.to_json(), "device": several[0]}
    if len(several) > 1:
        # Each does its share of a batch; that they wait for each other is not measured.
        share = max(chosen.batch // len(several), 2)
        asked |= {"batch": share, "part": None, "threads": -(-chosen.threads // len(several))}
    found = _remembered(asked, dataset, file)
    if found is None:
        found = _measure(asked, dataset, file)
        _remember(asked, dataset, file, found)
    return _scaled(found, chosen, device)


def _scaled(found: dict[str, Any], chosen: TrainingSettings, device: str) -> Estimate:
    """What was measured, for so many steps."""
    sheets = len(sampled_steps(chosen.steps, chosen.sampled, chosen.every_step))
    disk = sheets * found["sheet"] + (chosen.kept + 1) * found["checkpoint"] + 2 * found["state"]
    seconds = found["start"] + chosen.steps * found["step"] + sheets * found["sample"]
    return Estimate(
        seconds=seconds,
        memory_mb=found["memory"] / 1e6 * len(device.split(",")),
        disk_mb=(disk + BYTES_A_LINE * chosen.steps) / 1e6,
        seconds_per_step=found["step"],
        device=device,
        device_memory_mb=found.get("device_memory", 0.0) / 1e6,
    )


def _measure(asked: dict[str, Any], dataset: dict[str, Any], start: Path | None) -> dict[str, Any]:
    told = json.dumps({"settings": asked, "dataset": dataset, "start": str(start or "")})
    try:
        done = subprocess.run(
            command("estimator", told),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(int(asked.get("threads", 0)), asked["device"] == "cpu"),
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RunwayLabError(
            f"A few steps took longer than {PATIENCE:.0f} s on this machine.",
            hint="Choose a smaller size, or fewer pictures at once: batch=8.",
        ) from None
    text = done.stdout.decode("utf-8", "replace").strip().rpartition("\n")[2]
    try:
        said = json.loads(text)
    except ValueError:
        said = {"error": "The measuring process ended unexpectedly.", "hint": "It may have run out of memory."}
    if "error" in said:
        details = done.stderr.decode("utf-8", "replace")[-4000:]
        raise RunwayLabError(str(said["error"]), hint=str(said.get("hint", "")), details=details)
    return dict(said)


def _key(asked: dict[str, Any], dataset: dict[str, Any], start: Path | None) -> str:
    matters = {name: value for name, value in asked.items() if name not in _NO_MATTER}
    shape = [dataset.get(name) for name in ("count", "height", "width", "channels")]
    begun = [str(start), start.stat().st_size, start.stat().st_mtime_ns] if start is not None else []
    words = json.dumps(
        [__version__, sys.version, os.cpu_count(), asked["device"], matters, shape, begun], sort_keys=True
    )
    return hashlib.sha256(words.encode()).hexdigest()[:24]


def _file() -> Path:
    return line.machine_folder() / "estimates.json"


def _remembered(asked: dict[str, Any], dataset: dict[str, Any], start: Path | None) -> dict[str, Any] | None:
    try:
        found = read_json(_file()).get(_key(asked, dataset, start))
    except RunwayLabError:
        return None
    return found if isinstance(found, dict) and "step" in found else None


def _remember(asked: dict[str, Any], dataset: dict[str, Any], start: Path | None, found: dict[str, Any]) -> None:
    try:
        known = read_json(_file())
    except RunwayLabError:
        known = {}
    known[_key(asked, dataset, start)] = found
    write_json(_file(), dict(list(known.items())[-MOST_KEPT:]))
