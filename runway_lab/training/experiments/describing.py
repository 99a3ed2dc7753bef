"""A process that says what the Inception network makes of pictures; `frechet` asks it.

It is one of its own because torch's number of threads, which decides on the last bits of a training, is one for all of
a process, and because a training must not end for want of memory here. It has one thread and the lowest priority.

On its standard input comes a line of JSON, the shape of some pictures, and then their bytes. On its standard output it
says a line of JSON, the shape of the rows and the seconds of processor time it has taken so far, and then their bytes
(float32). Weights that are none are told instead, as `wrong`. It ends when its input does.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from runway_lab.errors import RunwayLabError
from runway_lab.training.experiments.processes import command, environment

__all__ = ["Describer", "main"]


class Describer:
    """Starts the process, and asks it."""

    def __init__(self, weights: Path) -> None:
        self.seconds = 0.0
        """Of processor time, all in all."""
        self._process = subprocess.Popen(
            command("describing", str(weights)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(1)
        )

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _send(process.stdin, {"shape": pictures.shape}, pictures)
            said, values = _receive(process.stdout, "float32")
        except (OSError, ValueError) as error:
            raise RunwayLabError("The process that looks at pictures for it has ended.", hint="See the log.") from error
        if "wrong" in said:
            raise RunwayLabError(str(said["wrong"]), hint="")
        self.seconds = float(said["seconds"])
        return values

    def close(self) -> None:
        """Ends the process at once; whoever waits for its answer hears of it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def main(weights: str) -> int:
    """Answers until there is nothing more to answer."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(AttributeError, OSError):
        os.nice(19)
    from runway_lab.training.measures.inception import describer

    try:
        look = describer(Path(weights))
    except RunwayLabError as error:
        _send(answers, {"shape": [0], "wrong": str(error)}, np.zeros(0, np.float32))
        return 0
    with contextlib.suppress(BrokenPipeError, ValueError):
        while True:
            rows = look(_receive(sys.stdin.buffer, "uint8")[1])
            _send(answers, {"shape": rows.shape, "seconds": time.process_time()}, rows)
    return 0


def _send(stream: IO[bytes], said: dict[str, Any], values: NDArray[Any]) -> None:
    stream.write(json.dumps(said).encode() + b"\n" + values.tobytes())
    stream.flush()


def _receive(stream: IO[bytes], kind: str) -> tuple[dict[str, Any], NDArray[Any]]:
    """What the other one said; a ValueError where it says no more."""
    said = json.loads(stream.readline())
    data = stream.read(math.prod(said["shape"]) * np.dtype(kind).itemsize)
    return said, np.frombuffer(data, kind).reshape(said["shape"])
