"""The short-lived process that does a few real steps and says what they took: one line of JSON, at its end.

A whole cycle of the regularisations is done where there is time for it, so that steps that are dearer are counted as
often as they come.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import traceback
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.errors import RunwayLabError
from runway_lab.training.experiments import samples
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.process import open_pictures, trainer_factory
from runway_lab.training.loop.memory import keep_freed_memory
from runway_lab.training.loop.settings import TrainingSettings

__all__ = ["main"]

MOST_SECONDS = 12.0
FEWEST = 3


def main(told: str) -> int:
    """Measures and prints."""
    keep_freed_memory()
    asked = json.loads(told)
    try:
        said = measure(asked["settings"], asked["dataset"], Path(asked["start"]) if asked["start"] else None)
    except RunwayLabError as error:
        said = {"error": error.what, "hint": error.hint}
    except Exception as error:
        traceback.print_exc()
        said = {"error": f"The first steps failed: {type(error).__name__}: {error}"[:500]}
    print(json.dumps(said), flush=True)
    return 0


def measure(settings: dict[str, Any], dataset: dict[str, Any], start: Path | None) -> dict[str, Any]:
    """Seconds of the beginning, of a step and of a sheet; bytes of memory, of a sheet, a checkpoint and a state."""
    began = time.perf_counter()
    factory, chosen = trainer_factory(), TrainingSettings.of(settings)
    pictures = open_pictures(dataset) if dataset.get("folder") else noise(dataset)
    trainer = factory.trainer(chosen, pictures, start)
    times = [time.perf_counter()]
    ready = times[0] - began
    while len(times) <= chosen.r1_every + 1:
        trainer.one_step()
        times.append(time.perf_counter())
        if times[-1] - times[0] > MOST_SECONDS and len(times) > FEWEST:
            break
    took = [later - earlier for earlier, later in pairwise(times)]
    with tempfile.TemporaryDirectory(prefix="runway-lab-") as place:
        folder = Folder(Path(place))
        before = time.perf_counter()
        drawn = trainer.sample()
        sampling = time.perf_counter() - before
        samples.write_sheet(folder, 0, drawn[: samples.fitting(len(drawn), *drawn.shape[1:3])])
        trainer.save(folder.root / "one.safetensors")
        factory.write(trainer.state(), folder.root / "one.pt")
        sizes = [
            path.stat().st_size for path in (folder.sheet(0), folder.root / "one.safetensors", folder.root / "one.pt")
        ]
    return {
        "start": ready,
        "step": a_step(took, chosen.r1_every),
        "sample": sampling,
        "memory": _memory(),
        "device_memory": _device_memory(),
        **dict(zip(("sheet", "checkpoint", "state"), sizes, strict=True)),
    }


def noise(dataset: dict[str, Any]) -> NDArray[np.uint8]:
    """Pictures of the right shape, in place of those that are not prepared yet."""
    shape = [min(int(dataset["count"]), 64), *(int(dataset[name]) for name in ("height", "width", "channels"))]
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def a_step(took: list[float], every: int) -> float:
    """What a step takes over a whole cycle. The first is dearer for two reasons: it warms up, and it regularises.

    >>> a_step([9.0, *[1.0] * 15, 2.0], 16), a_step([3.0, 1.0, 1.0], 16)
    (1.0625, 1.125)
    """
    if len(took) > every:
        return statistics.fmean(took[1 : every + 1])
    plain = statistics.median(took[1:] or took)
    return plain + max(0.0, took[0] - plain) / every


def _memory() -> int:
    """The most this process has held."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most * (1 if sys.platform == "darwin" else 1024))


def _device_memory() -> int:
    """The most it has held on a graphics card."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return 0
    return int(torch.cuda.max_memory_reserved())
