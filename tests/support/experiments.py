"""Pictures to learn from, quick trainings, and a look at their processes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from support.cells import processes, wait_for, wait_until_gone

from runway_lab.library.atomic import write_text
from runway_lab.library.places import path
from runway_lab.training.experiments.beginning import begin
from runway_lab.training.experiments.experiment import Experiment

SMALL = {"steps": 60, "sampled": 10, "kept": 4, "samples": 6, "threads": 1}


def dots(name: str = "dots", count: int = 40, seed: int = 0) -> Path:
    """A dataset of 16x16 pictures, as it lies in the library."""
    folder = path("datasets") / name
    folder.mkdir(exist_ok=True)
    np.save(folder / "pictures.npy", np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3), np.uint8))
    write_text(folder / "card.toml", 'title = "Dots"\nlicence = "CC0-1.0"\nsource = "drawn <b>here</b>"\n')
    return folder


def small(title: str = "Petals", start: Any = "", **settings: Any) -> Experiment:
    """A training that takes a second."""
    if not (path("datasets") / "dots").exists():
        dots()
    return begin(title, "dots", start, {**SMALL, **settings})


def trainers() -> list[psutil.Process]:
    """The trainers that work on this test's library."""
    return _running("experiments.process")


def supervisors() -> list[psutil.Process]:
    """What looks after them."""
    return _running("experiments.supervisor")


def _running(module: str) -> list[psutil.Process]:
    found = []
    for each in processes():
        try:
            if any(f"{module} import main" in word for word in each.cmdline()):
                found.append(each)
        except psutil.Error:
            continue
    return found


def until_step(experiment: Experiment, step: int, seconds: float = 20) -> None:
    """Waits until it has come so far."""
    assert wait_for(lambda: experiment.progress.step >= step, seconds), told(experiment)


def until(experiment: Experiment, *states: str, seconds: float = 20) -> None:
    """Waits until it is in one of these states."""
    assert wait_for(lambda: experiment.state in states, seconds), told(experiment)


def at_rest(experiment: Experiment, *states: str) -> None:
    """Waits until it is in one of these states (finished) and no process is left, which would start what is queued with
    the environment it had itself."""
    until(experiment, *(states or ("finished",)))
    assert not wait_until_gone(10)


def kill(process: psutil.Process) -> None:
    """SIGKILL; waits until it is gone."""
    process.send_signal(signal.SIGKILL)
    process.wait(5)


def told(experiment: Experiment) -> str:
    """All that is known of it, for a test that failed."""
    diary = "\n".join(str(entry) for entry in experiment.diary)
    return f"{experiment!r} {experiment.status}\n{diary}\n{experiment.log}"


def sheets(experiment: Experiment) -> dict[str, bytes]:
    """The files of all its samples."""
    return {each.name: each.read_bytes() for each in (experiment.folder / "samples").glob("*.webp")}


def numbers(experiment: Experiment) -> list[dict[str, Any]]:
    """Its metrics, but for how long they took."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in experiment.metrics]


def end_all() -> list[str]:
    """Ends whatever of this test's trainings still runs."""
    left = [" ".join(each.info["cmdline"] or [])[-120:] for each in _named(processes())]
    for each in processes():
        try:
            each.kill()
        except psutil.Error:
            continue
    return left


def _named(found: list[psutil.Process]) -> list[psutil.Process]:
    for each in found:
        try:
            each.info = {"cmdline": each.cmdline()}  # type: ignore[attr-defined]
        except psutil.Error:
            each.info = {"cmdline": []}  # type: ignore[attr-defined]
    return found


def environment_for_tests() -> dict[str, str]:
    """What puts the plain trainer in the place of the real one."""
    here = str(Path(__file__).parents[1])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return {
        "RUNWAY_LAB_TRAINER": "support.plain_trainer:Plain",
        "RUNWAY_LAB_DEVICES": "cpu",
        "RUNWAY_LAB_RESUME_SECONDS": "0.1",
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": "1",
    }


def state_file(experiment: Experiment) -> dict[str, Any]:
    """What is written of its state, true or not."""
    found: dict[str, Any] = json.loads((experiment.folder / "state.json").read_text())
    return found
