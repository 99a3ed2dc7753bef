"""`rl.run`: from a name to a running model.

The first words come before anything else is even imported: on a machine that has just been switched on, reading NumPy
from the disk takes longer than a person should look at nothing.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from runway_lab.engine.words import Line
from runway_lab.errors import BadValue
from runway_lab.settings import settings

if TYPE_CHECKING:
    from runway_lab.engine.place import Place
    from runway_lab.engine.running import RunningModel

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
    if threads is not None and (type(threads) is not int or threads < 1):
        raise BadValue(f"'threads' cannot be {threads!r}.", hint="Allowed: a whole number of 1 or more, or None.")
    if not isinstance(device, str) or not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise BadValue(f"'device' cannot be {device!r}.", hint="Allowed: auto, cpu, cuda, cuda:1, mps.")
    line = Line(quiet)
    named = os.fspath(model) if isinstance(model, (str, os.PathLike)) else getattr(model, "__name__", "the model")
    line.say(f"Starting {named} ...")

    from runway_lab.engine.place import Here
    from runway_lab.engine.running import RunningModel
    from runway_lab.engine.source import find

    source = find(model)
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
    took = session.seconds_to_start or 0.0
    how = f"started in {took:.1f} s" if took > 0.1 else "started at once"
    line.say(f"{source.name} runs on {session.device}, {how}.", last=True)
    return running
