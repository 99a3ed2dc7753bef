"""The warm spare: one worker on this machine that has torch loaded and no model yet.

It belongs to the machine and not to a kernel: whichever kernel starts a model next takes it over through a socket in
a folder that only this user can enter, and a new one is made when the started model is ready. A lock sees to it that
there is one at most. A spare leaves when nobody wanted it for a while, or when no kernel is left.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from runway_lab import __version__
from runway_lab.engine.channel import Channel
from runway_lab.engine.machine import memory_available, memory_total, run_folder
from runway_lab.engine.process import LAUNCHER, LocalProcess, Taken, launcher_environment, told, worker_command
from runway_lab.errors import RunwayLabError
from runway_lab.library.locks import FileLock
from runway_lab.settings import home, settings

__all__ = ["prepare", "take_over"]

PATIENCE = 30 * 60
"""Seconds that a spare waits for somebody to want it."""

LEAST_AVAILABLE = 1_500_000_000
"""No spare is made when less memory than this is free, however much the machine has."""

_presence: dict[Path, FileLock] = {}
_preparing = threading.Lock()


def supported() -> bool:
    """Whether this system can hand an open socket to another process, and the settings want a spare."""
    return sys.platform != "win32" and settings().warm_spare


def take_over(name: str, slot: FileLock | None) -> LocalProcess | None:
    """The machine's spare, now ours; None where there is none. `slot` is handed to it only if it is taken."""
    if not supported():
        return None
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.settimeout(5)
        stream.connect(str(_socket_path()))
    except OSError:
        stream.close()
        return None
    try:
        taken = Taken(None)
    except OSError:
        stream.close()
        raise
    words = {"kernel": os.getpid(), "note": name, "slot_path": str(slot.path) if slot else None}
    handed = [taken.far_log, taken.far_status, *([slot.fileno()] if slot else [])]
    try:
        socket.send_fds(stream, [json.dumps(words).encode()], handed)
        launcher = int(json.loads(stream.recv(4096))["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        # It left at this very moment.
        taken.give_up()
        stream.close()
        return None
    taken.slot = slot
    taken.hand_over()
    stream.settimeout(None)
    return LocalProcess(Channel(stream), taken.log, lambda: told(taken.status), launcher)


def prepare() -> bool:
    """Makes a spare, unless there is one, the settings want none, or memory is short. Whether one was made."""
    if not supported() or memory_total() < settings().warm_spare_memory_gb * 1e9:
        return False
    if memory_available() < LEAST_AVAILABLE:
        return False
    with _preparing, contextlib.suppress(OSError, RunwayLabError):
        return _make()
    return False


def _make() -> bool:
    """A new spare, if nobody else has the right to one; OSError where this system refuses."""
    path = _socket_path()
    _be_present()
    lock = FileLock(run_folder() / "spare.lock", note="warm spare")
    if not lock.acquire(timeout=0):
        return False
    wishes = {
        "spare": str(path),
        "command": worker_command("--spare"),
        "cold_command": worker_command("--channel"),
        "spare_lock": lock.fileno(),
        "kernels": str(run_folder() / "kernels.lock"),
        "patience": PATIENCE,
    }
    with contextlib.ExitStack() as undo:
        undo.callback(lock.hand_over)
        launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", LAUNCHER, json.dumps(wishes)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock.fileno()],
            env=launcher_environment(),
            start_new_session=True,
        )
    # Whoever uses it, it is this process that the system tells of its end.
    threading.Thread(target=launcher.wait, name="spare", daemon=True).start()
    return True


def _be_present() -> None:
    """Shares the lock that tells a spare that somebody is there; the system lets go when this process ends."""
    path = run_folder() / "kernels.lock"
    if path not in _presence:
        _presence[path] = FileLock(path, shared=True)
        _presence[path].acquire()


def _socket_path() -> Path:
    """Where the spare listens. Not in the library: the name of a socket may have a hundred characters only.

    A spare fits kernels with the same Python, the same packages and the same library.
    """
    same = json.dumps([sys.executable, sys.prefix, __version__, str(Path(__file__).parents[1]), str(home())])
    key = hashlib.sha256(same.encode()).hexdigest()[:16]
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"runway-lab-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if hasattr(os, "getuid") and (state.st_uid != user or state.st_mode & 0o077):
        raise PermissionError(f"{folder} is not this user's alone")
    return folder / f"{key}.sock"
