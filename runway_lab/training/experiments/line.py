"""The queue: which experiment trains next, and where.

An experiment that trains holds two locks of this machine, besides its own: one of as many places as may train at once
(`experiments_at_once`), and the one of its device. Its supervisor takes them and the system frees them however it ends.
Those that wait are simply *queued* in their folders, in the order of the time they were put there; no process waits
for them. Whoever puts one there, and each supervisor at its end, calls `advance`, which starts all that fit, one kernel
at a time. So the next one starts with no kernel at all.

Only the machine's own end, or killing a supervisor, leaves a queue that nobody moves: then the next `resume` or `train`
does.
"""

from __future__ import annotations

import platform
import re
import time
from pathlib import Path

from runway_lab.errors import RunwayLabError
from runway_lab.library.locks import FileLock
from runway_lab.library.places import place
from runway_lab.settings import home, settings
from runway_lab.training.experiments import states
from runway_lab.training.experiments.devices import candidates
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.processes import detach, log_end

__all__ = ["Place", "advance", "folders", "machine_folder", "start", "take", "waiting"]

START_SECONDS = 30.0
TOUCH_SECONDS = 0.5
"""A reader's look at a lock may be in the way for an instant; so long it is waited for."""


class Place:
    """Where an experiment may train now: a device, and the locks that say so."""

    def __init__(self, device: str, locks: list[FileLock]) -> None:
        self.device, self._locks = device, locks

    def release(self) -> None:
        for lock in self._locks:
            lock.release()


def folders() -> list[Folder]:
    """Every experiment of the library that is whole, by name."""
    try:
        found = sorted(place("experiments").iterdir())
    except OSError:
        return []
    return [Folder(each) for each in found if each.name[0] not in "._" and (each / "experiment.json").is_file()]


def waiting() -> list[Folder]:
    """The experiments in the queue, the next one first."""
    found = []
    for folder in folders():
        state = _state(folder)
        if state is not None and state.name == "queued":
            found.append((state.queued, folder.id, folder))
    return [folder for _, _, folder in sorted(found, key=lambda each: each[:2])]


def take(folder: Folder) -> Place | None:
    """A place to train, where there is one for this experiment."""
    for device in _devices(folder):
        on_device = [FileLock(lock, note=folder.id) for lock in _device_locks(device)]
        if not all(lock.acquire(TOUCH_SECONDS) for lock in on_device):
            Place(device, on_device).release()
            continue
        for index in range(settings().experiments_at_once):
            slot = FileLock(_lock(f"place-{index}"), note=folder.id)
            if slot.acquire(0 if index else TOUCH_SECONDS):
                return Place(device, [*on_device, slot])
        Place(device, on_device).release()
    return None


def advance(own: Folder | None = None) -> None:
    """Starts whatever is next and fits. One that cannot be is in nobody's way; `own` is told of its own troubles."""
    with FileLock(_lock("queue"), note="starting the next experiment", timeout=START_SECONDS + 10):
        trouble = None
        for folder in waiting():
            try:
                if not states.held(folder.supervisor_lock) and _has_room(folder):
                    start(folder)
            except RunwayLabError as error:
                if own is not None and folder.id == own.id:
                    trouble = error
        if trouble is not None:
            raise trouble


def start(folder: Folder) -> None:
    """Starts the supervisor of an experiment, and waits until it is at work."""
    import psutil

    before = states.read(folder)
    number = detach("supervisor", folder)
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if states.held(folder.supervisor_lock) or states.read(folder).since != before.since:
            return
        if not psutil.pid_exists(number):
            break
        time.sleep(0.01)
    if states.read(folder).since == before.since and not states.held(folder.supervisor_lock):
        said = log_end(folder)
        states.change(folder, "failed", "The process that looks after it could not be started.", error=said)
        raise RunwayLabError(
            f"{folder.id!r} could not be started.",
            hint=f"Its log says more: {folder.log}.",
            details=said,
        )


def _has_room(folder: Folder) -> bool:
    taken = sum(states.held(_lock(f"place-{index}")) for index in range(settings().experiments_at_once))
    free = [each for each in _devices(folder) if not any(map(states.held, _device_locks(each)))]
    return taken < settings().experiments_at_once and bool(free)


def _devices(folder: Folder) -> tuple[str, ...]:
    return candidates(str(Plan.read(folder).settings.get("device", "auto")), states.read(folder).device)


def _device_locks(device: str) -> list[Path]:
    """The lock of a device, or of each of several ("cuda:0,cuda:1")."""
    return [_lock(f"device-{each.replace(':', '-')}") for each in sorted(set(device.split(",")))]


def _state(folder: Folder) -> states.State | None:
    try:
        return states.read(folder)
    except RunwayLabError:
        return None


def machine_folder() -> Path:
    """What the library keeps of this machine: one on a network disk serves several."""
    node = re.sub(r"[^\w.-]+", "-", platform.node())[:60] or "here"
    return home() / "run" / node / "training"


def _lock(name: str) -> Path:
    return machine_folder() / f"{name}.lock"
