"""Kills a training again and again at random moments, and compares it with one that was never killed.

    python benchmarks/kills.py [--kills 30] [--steps 1000] [--size 16] [--resume 2] [--seed 0] [--json FILE]

The same training is done twice, each in the processes it would have anyway: once undisturbed, once with a SIGKILL to
its trainer at random moments: a third of them while it loads, the others while it trains and saves. What must come out
is the same to the last bit: every sheet of samples, every number of every step, the last checkpoint. After three kills
without any progress a supervisor rightly gives up, so after two the next kill waits until something was saved.

It works in a library of its own, in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from report import Row, report

from runway_lab.training.experiments import Experiment, begin, resume
from runway_lab.training.experiments.folder import Folder

FRUITLESS = 2
LOADING = 1 / 3
LONGEST = 3.0
"""Times the interval of saving: so long a life is at most."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--resume", type=float, default=2.0, help="seconds between saved states")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="runway-lab-kills-") as library:
        os.environ["RUNWAY_LAB_HOME"] = library
        settings = {"steps": wishes.steps, "threads": wishes.threads, "seed": wishes.seed, **small(wishes.size)}
        rows = ordeal(settings, wishes.size, wishes.kills, wishes.resume, wishes.seed)
    return report(rows, wishes.json)


def small(size: int) -> dict[str, Any]:
    """A small network; the batch is large enough for thirty lives to end before the training does."""
    return {"channel_base": 16 * size, "channel_max": 32, "latent": 32, "batch": 48, "samples": 16, "sampled": 100}


def ordeal(settings: dict[str, Any], size: int, kills: int, resume_seconds: float, seed: int = 0) -> list[Row]:
    """Both trainings, and how they differ."""
    os.environ["RUNWAY_LAB_RESUME_SECONDS"] = str(resume_seconds)
    from runway_lab.training.datasets import Dataset

    data = Dataset.drawn("faces", 400, size)
    whole = finished(begin("Never killed", data, "", settings).wait())
    killed = begin("Killed", data, "", settings)
    done, lost = torment(killed, kills, resume_seconds, random.Random(seed))
    finished(killed.wait())
    same = [name for name, data in sheets(whole).items() if sheets(killed).get(name) == data]
    rows = numbers(whole)
    return [
        Row("kills", done, "", kills, "higher"),
        Row("sheets that are the same", len(same), "", len(sheets(whole)), "higher", "to the last bit"),
        Row("sheets too many", len(sheets(killed)) - len(same), "", 0),
        Row("steps whose numbers differ", sum(a != b for a, b in zip(rows, numbers(killed), strict=True)), "", 0),
        Row("last checkpoints that differ", int(weights(whole) != weights(killed)), "", 0),
        Row("seconds undisturbed", whole.status.seconds, "s"),
        Row("seconds with kills", killed.status.seconds, "s", against="training, without loading"),
        Row("steps done again after a kill", sum(lost) / max(1, len(lost)), "", against="mean"),
    ]


def torment(experiment: Experiment, kills: int, interval: float, chance: random.Random) -> tuple[int, list[int]]:
    """Kills its trainer at random moments; how often, and how many steps each cost."""
    folder, done, lost, fruitless = Folder(experiment.folder), 0, [], 0
    saved = -1
    while done < kills:
        trainer = trainer_of(experiment)
        loading = chance.random() < LOADING
        while not loading and beating(experiment) != trainer.pid and trainer.is_running():
            time.sleep(0.005)
        end = time.monotonic() + chance.uniform(0.0, interval if loading else LONGEST * interval)
        # Nor may a life come so far that too few steps are left for the others.
        last = max(saved, 0) + experiment.plan.steps // kills
        while (time.monotonic() < end and experiment.progress.step < last) or (
            fruitless >= FRUITLESS and (resume.newest(folder) or -1) <= saved
        ):
            if experiment.state not in ("queued", "training"):
                return done, lost
            time.sleep(0.005)
        try:
            trainer.kill()
            trainer.wait(10)
        except psutil.Error:
            continue
        now, step = resume.newest(folder) or -1, experiment.progress.step
        fruitless = 0 if now > saved else fruitless + 1
        saved, done = now, done + 1
        lost.append(max(0, step - max(now, 0)))
    return done, lost


def beating(experiment: Experiment) -> int:
    """The process whose sign of life was the last."""
    try:
        return int(json.loads((experiment.folder / "heartbeat").read_bytes())["pid"])
    except (OSError, ValueError, LookupError):
        return 0


def trainer_of(experiment: Experiment) -> psutil.Process:
    """The process that trains it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for each in psutil.process_iter():
            try:
                line = each.cmdline()
                if line and line[-1] == str(experiment.folder) and "experiments.process import" in " ".join(line):
                    return each
            except psutil.Error:
                continue
        if experiment.state not in ("queued", "training"):
            break
        time.sleep(0.02)
    raise RuntimeError(f"Nobody trains {experiment!r}.\n{experiment.log}")


def finished(experiment: Experiment) -> Experiment:
    if experiment.state != "finished":
        diary = "\n".join(str(entry) for entry in experiment.diary)
        raise RuntimeError(f"{experiment!r} {experiment.why}\n{diary}\n{experiment.log}")
    return experiment


def sheets(experiment: Experiment) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in (experiment.folder / "samples").glob("*.webp")}


def numbers(experiment: Experiment) -> list[dict[str, Any]]:
    """Its metrics, but for how long they took."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in experiment.metrics]


def weights(experiment: Experiment) -> bytes:
    """The last checkpoint without its words, in which times differ."""
    data = experiment.checkpoint().path.read_bytes()
    return data[8 + int.from_bytes(data[:8], "little") :]


if __name__ == "__main__":
    sys.exit(main())
