"""Where models run. `Here` is this machine: nothing to set up."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from runway_lab.engine import slots, spare
from runway_lab.engine.machine import cores
from runway_lab.engine.process import LocalProcess, start_cold
from runway_lab.engine.protocol import Connection
from runway_lab.engine.session import Session
from runway_lab.engine.source import Source
from runway_lab.errors import BadValue, NotEnoughMemory, TooManyModels
from runway_lab.fields import Buffer
from runway_lab.library.locks import FileLock
from runway_lab.settings import settings

__all__ = ["Here", "Place"]


class Place(Protocol):
    """Somewhere models can run."""

    def start(
        self, source: Source, options: Mapping[str, Any], device: str, threads: int | None, idle: float
    ) -> Session:
        """Begins a model; it is starting when this returns, at once."""


class Here:
    """This machine.

    >>> Here()
    Here()
    """

    def __init__(self, spare: bool = True) -> None:
        self.spare = spare
        """Whether to make a warm spare once a model runs; not where there will be no second start."""

    def __repr__(self) -> str:
        return "Here()"

    def start(
        self, source: Source, options: Mapping[str, Any], device: str, threads: int | None, idle: float
    ) -> Session:
        """Begins a model in a process of its own: the machine's warm spare, or a new one."""
        chosen = {**source.options, **options}
        if source.definition is not None:
            chosen = source.definition.signature.check_options(chosen)
        if device == "auto" and source.card is not None and not source.card.characteristics.gpu:
            device = "cpu"
        start = {
            "type": "start",
            "model": source.code,
            "options": {name: plain(name, value) for name, value in chosen.items()},
            "device": device,
            "threads": threads or cores(),
        }

        def connect() -> tuple[Connection, Mapping[str, Any], list[Buffer]]:
            # What a sleeping model wakes up to is the kernel as it is then.
            about = {
                "environment": dict(os.environ),
                "folder": os.getcwd(),
                "path": [each or os.getcwd() for each in sys.path],
            }
            return _process(source), start | about, source.buffers

        return Session(source.name, connect, idle=idle, on_ready=self._prepare_spare)

    def _prepare_spare(self) -> None:
        """Makes the next start quick, beside the model that has just become ready."""
        if self.spare and settings().warm_spare:
            threading.Thread(target=spare.prepare, name="spare", daemon=True).start()


def _process(source: Source) -> LocalProcess:
    slot = _slot(source)
    try:
        if sys.platform == "win32":
            from runway_lab.engine import windows

            return windows.start(slot)
        return spare.take_over(source.name, slot) or start_cold(source.name, slot)
    except BaseException:
        # Does nothing where the slot was handed over already.
        slot.release(remove=True)
        raise


def _slot(source: Source) -> FileLock:
    """A slot for one more model. Where all are taken, those of this kernel with nothing to do go to sleep, the longest
    idle first: whoever runs a cell again and again is not locked out by what that left behind."""
    from runway_lab.engine.running import idle_longest

    while True:
        try:
            return slots.take(source.name, source.memory_mb)
        except (TooManyModels, NotEnoughMemory):
            if not any(model.session.make_room() for model in idle_longest()):
                raise


def plain(name: str, value: Any) -> Any:
    """An option as JSON: paths as text, arrays as lists."""
    if isinstance(value, os.PathLike):
        return str(Path(value))
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(name, each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(name, each) for key, each in value.items()}
    raise BadValue(
        f"The option {name!r} cannot be a {type(value).__name__}.",
        hint="Options are words, numbers, lists and paths; give pictures as inputs.",
    )
