"""How many models may run on this machine at once, all kernels together.

A slot is a lock file in the library, held by the launcher of the model that runs in it, so the system frees it
however the model ends.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

from runway_lab.engine.machine import memory_available, run_folder
from runway_lab.errors import NotEnoughMemory, TooManyModels
from runway_lab.library.locks import FileLock, Holder
from runway_lab.settings import home, settings

__all__ = ["end_all", "running", "take"]


def take(name: str, memory_mb: float = 0) -> FileLock:
    """A free slot, locked; TooManyModels or NotEnoughMemory where there is no room for another model."""
    free = memory_available() / 1e6
    needed = memory_mb + settings().memory_reserve_mb
    if free < needed:
        raise NotEnoughMemory(
            f"{name} needs about {needed:.0f} MB of memory, {free:.0f} MB are free.",
            hint=f"Stop a model or close a program and try again. {_told(running())}".strip(),
        )
    for slot in _slots(name):
        if slot.acquire(timeout=0):
            return slot
    holders = running()
    raise TooManyModels(
        f"{name} cannot start: {len(holders)} models run on this machine, which is as many as may.",
        hint=f"{_told(holders)} Stop them where they run (rl.stop_all()) or all at once "
        f"(`runway-lab models stop`), or allow more: models_at_once = 8 in {home() / 'settings.toml'}.",
    )


def running() -> list[Holder]:
    """The models that run on this machine now, whichever kernel started them; the process is the launcher's."""
    found = []
    for path in sorted(_folder().glob("*.lock")):
        slot = FileLock(path)
        if slot.acquire(timeout=0):
            slot.release(remove=True)
        elif holder := slot.holder():
            found.append(holder)
    return found


def end_all() -> int:
    """Ends every model on this machine, other kernels' too. How many there were."""
    ended = 0
    for each in running():
        # While a model starts, the slot is still its kernel's, and nobody ends a kernel from here.
        with contextlib.suppress(psutil.Error, OSError):
            guard = psutil.Process(each.pid)
            if "launcher.py" in " ".join(guard.cmdline()):
                guard.terminate()
                ended += 1
    return ended


def _slots(name: str) -> list[FileLock]:
    folder = _folder()
    folder.mkdir(exist_ok=True)
    return [FileLock(folder / f"{index}.lock", note=name) for index in range(settings().models_at_once)]


def _folder() -> Path:
    return run_folder() / "slots"


def _told(holders: list[Holder]) -> str:
    return f"Running: {', '.join(each.note for each in holders)}." if holders else ""
