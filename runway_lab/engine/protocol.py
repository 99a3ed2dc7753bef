"""How a kernel and a model's worker speak with each other, wherever the worker runs.

Messages are those of `runway_lab.frames`. The kernel speaks first:

    kernel -> worker
      start    model, options, device, threads, environment, folder, path    (a model written in a cell: buffer 0)
      query    id, command, inputs, encoding                                 (inputs in buffers)
      cancel   id
      stop

    worker -> kernel
      ready    signature, device                  once, after start
      failed   kind, what, hint, details          once, instead of ready; then the worker ends
      output   id, outputs, last, seconds, progress    (outputs in buffers) with `last` it ends a query, else it is
                                                  a part of an answer
      done     id, seconds                        ends a query that was answered in parts
      error    id, kind, what, hint, details      ends a query
      cancelled  id                               ends a query

Queries are answered one after another, in the order they came. `encoding` says how pictures come back: "raw", or
"jpeg", "webp" or "png" for a screen. A query that was cancelled while it waited or between two parts of its answer
ends with `cancelled`. `kind` is one of the words in `KINDS` and decides which error a person sees.

A `Connection` carries the messages; there is one over a local socket (`runway_lab.engine.process`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runway_lab.errors import BadValue, InferenceFailed, OutOfMemory, RunwayLabError, StartFailed
from runway_lab.fields import Buffer
from runway_lab.frames import Message

__all__ = ["Connection", "Ending", "error_from"]

KINDS = ("value", "memory", "model")


@dataclass(frozen=True)
class Ending:
    """How a worker ended: its exit code (negative: the signal), the most memory it used, what it last said."""

    code: int | None
    memory: int = 0
    log: Sequence[str] = ()
    ran_out: bool = False
    """Whether the system ended it because memory ran out, as far as can be told."""


class Connection(Protocol):
    """The way to one worker."""

    def send(self, header: Mapping[str, Any], buffers: Sequence[Buffer] = ()) -> None:
        """Sends a message; OSError where the worker is gone."""

    def receive(self) -> Message | None:
        """The next message; None when there will be no more."""

    def end(self) -> None:
        """Ends the worker at once, whatever it is doing. Harmless when it has ended."""

    def wait(self, timeout: float | None = None) -> Ending | None:
        """How the worker ended, when it has; None after `timeout` seconds."""

    @property
    def log(self) -> list[str]:
        """What the worker wrote, line by line, as far as it is kept."""


def error_from(header: Mapping[str, Any], name: str, log: Sequence[str], starting: bool = False) -> RunwayLabError:
    """The error that a `failed` or `error` message speaks of."""
    words = {key: str(header.get(key) or "") for key in ("what", "hint", "details")}
    kind = header.get("kind")
    if kind == "value":
        return BadValue(words["what"], hint=words["hint"], details=words["details"])
    if kind == "memory":
        return OutOfMemory(
            f"{name} ran out of memory: {words['what']}.",
            hint="Use a smaller picture or fewer at once, stop other models, or run it on a machine with more.",
            details=words["details"],
            log=log,
        )
    if starting:
        return StartFailed(
            f"{name} could not start: {words['what']}", hint=words["hint"], details=words["details"], log=log
        )
    return InferenceFailed(f"{name} failed: {words['what']}", hint=words["hint"], details=words["details"], log=log)
