"""`rl.run`: from a name to a running model."""

from __future__ import annotations

from typing import Any

from runway_lab.engine.place import Here, Place
from runway_lab.engine.running import RunningModel
from runway_lab.engine.source import find
from runway_lab.engine.words import Line
from runway_lab.errors import BadValue
from runway_lab.settings import settings

__all__ = ["run"]


def run(
    model: Any,
    place: Place | None = None,
    device: str = "auto",
    threads: int | None = None,
    *,
    wait: bool = True,
    quiet: bool = False,
    **options: Any,
) -> RunningModel:
    """Starts a model in a process of its own.

    `model` is the id of a card ("upscale/x2"), a function with `@command` (a model written in a notebook), a Python
    file or a folder with a `model.py`. `options` are the model's own. With `wait=False` it returns while the model
    is still starting; a query then waits in line.

        model = rl.run("generate/planets")
        model(z=z).image
    """
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise BadValue(f"'threads' cannot be {threads!r}.", hint="Allowed: a whole number of 1 or more, or None.")
    if not isinstance(device, str) or not device:
        raise BadValue(f"'device' cannot be {device!r}.", hint="Allowed: auto, cpu, cuda, cuda:1, mps.")
    line = Line(quiet)
    source = find(model)
    line.say(f"Starting {source.name} ...")
    where = place or Here()
    session = where.start(source, options, device, threads, settings().idle_minutes * 60)
    running = RunningModel(session, where)
    if not wait:
        return running
    try:
        running.wait()
    except KeyboardInterrupt:
        running.stop()
        line.say(f"{source.name} was stopped before it was ready.", last=True)
        raise
    except Exception:
        line.say(f"{source.name} did not start.", last=True)
        raise
    line.say(f"{source.name} runs on {session.device}, started in {session.seconds_to_start:.1f} s.", last=True)
    return running
