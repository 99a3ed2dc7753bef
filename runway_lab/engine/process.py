"""A worker on this machine: its process, its log, its end.

Everything this kernel holds of it are three descriptors (channel, log, status pipe); closing the channel ends the
worker, because its launcher watches it. One thread reads the log, one waits for the end. On Windows there is no
launcher: `runway_lab.engine.windows` tells what stands in for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runway_lab.engine.channel import Channel
from runway_lab.engine.machine import memory_total, out_of_memory_kills
from runway_lab.engine.protocol import Ending
from runway_lab.fields import Buffer
from runway_lab.frames import Message
from runway_lab.library.locks import FileLock

__all__ = ["LAUNCHER", "LocalProcess", "Taken", "start_cold", "told", "worker_command"]

LAUNCHER = str(Path(__file__).with_name("launcher.py"))
MOST_LINES = 2000
MOST_LINE = 4000


def worker_command(kind: str) -> list[str]:
    """The command line of a worker, but for the descriptor at its end.

    It runs this very package, and nothing else from the folder that holds it or from the current one, where a file
    may be called like a module of the standard library.
    """
    here = str(Path(__file__).parents[2])
    code = (
        "import importlib, sys, typing; "
        f"sys.path.insert(0, {here!r}); import runway_lab; del sys.path[0]; "
        "from runway_lab.engine.worker import run; run(sys.argv[1:])"
    )
    return [sys.executable, "-P", "-c", code, kind]


def launcher_environment() -> dict[str, str]:
    """Our environment, for a worker that speaks line by line and shares its cores.

    torch's threads spin while they wait for each other. On a machine with anything else to do that costs many times
    the work itself (a planet took 460 ms instead of 80, two threads on two cores), so here they sleep.
    """
    return {"GOMP_SPINCOUNT": "0", **os.environ, "PYTHONUNBUFFERED": "1"}


class Taken:
    """The kernel's ends of a worker's channel, log and status pipe, and the far ends until they are handed on."""

    def __init__(self, slot: FileLock | None) -> None:
        self.slot = slot
        self.log, self.far_log = os.pipe()
        try:
            self.status, self.far_status = os.pipe()
        except OSError:
            os.close(self.log)
            os.close(self.far_log)
            raise

    def hand_over(self) -> None:
        """Forgets the far ends: the launcher has them now."""
        for each in (self.far_log, self.far_status):
            os.close(each)
        if self.slot is not None:
            self.slot.hand_over()

    def give_up(self) -> None:
        """Closes everything: nobody took it."""
        for each in (self.log, self.far_log, self.status, self.far_status):
            os.close(each)
        if self.slot is not None:
            self.slot.release(remove=True)


def start_cold(name: str, slot: FileLock | None) -> LocalProcess:
    """A worker in a new process. `slot` is handed to its launcher."""
    mine, theirs = socket.socketpair()
    try:
        taken = Taken(slot)
    except OSError:
        mine.close()
        theirs.close()
        raise
    wishes: dict[str, Any] = {
        "command": worker_command("--channel"),
        "channel": theirs.fileno(),
        "status": taken.far_status,
        "kernel": os.getpid(),
        "note": name,
    }
    handed = [theirs.fileno(), taken.far_status]
    if slot is not None:
        wishes |= {"slot": slot.fileno(), "slot_path": str(slot.path)}
        handed.append(slot.fileno())
    try:
        launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", LAUNCHER, json.dumps(wishes)],
            stdin=subprocess.DEVNULL,
            stdout=taken.far_log,
            stderr=taken.far_log,
            pass_fds=handed,
            env=launcher_environment(),
            start_new_session=True,
        )
    except OSError:
        taken.give_up()
        mine.close()
        raise
    finally:
        theirs.close()
    taken.hand_over()
    return LocalProcess(Channel(mine), taken.log, lambda: told(taken.status, launcher.wait), launcher.pid)


def told(status: int, reap: Callable[[], object] = lambda: None) -> Ending:
    """What the launcher writes to the status pipe before it ends, as soon as it has ended."""
    with os.fdopen(status, "rb") as pipe:
        words = pipe.read()
    reap()
    try:
        said = json.loads(words)
    except ValueError:
        return Ending(None)
    return Ending(said["exit"], said["memory"])


class LocalProcess:
    """One worker of ours."""

    def __init__(self, channel: Channel, log: int, ending: Callable[[], Ending], launcher: int = 0) -> None:
        self._channel = channel
        self._launcher = launcher
        self._partial = ""
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._ended = threading.Event()
        self._ending = Ending(None)
        self._kills_before = out_of_memory_kills()
        reader = threading.Thread(target=self._read_log, args=(log,), name="model log", daemon=True)
        reader.start()
        threading.Thread(target=self._wait, args=(ending, reader), name="model end", daemon=True).start()

    def send(self, header: Mapping[str, Any], buffers: Sequence[Buffer] = ()) -> None:
        """Sends a message; OSError where the worker is gone."""
        self._channel.send(header, buffers)

    def receive(self) -> Message | None:
        """The next message; None when there will be no more."""
        try:
            return self._channel.receive()
        except OSError:
            return None

    def end(self) -> None:
        """Ends the worker at once, by letting go of the channel, and by word to its launcher."""
        self._channel.close()
        if self._launcher and not self._ended.is_set():
            with contextlib.suppress(OSError):
                os.kill(self._launcher, signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> Ending | None:
        """How the worker ended, when it has; None after `timeout` seconds."""
        return self._ending if self._ended.wait(timeout) else None

    @property
    def log(self) -> list[str]:
        """What the worker wrote, line by line, the last 2000; a line that is not at its end yet is there as well."""
        partial = self._partial
        return [*self._lines, partial] if partial else list(self._lines)

    def _wait(self, ending: Callable[[], Ending], reader: threading.Thread) -> None:
        found = ending()
        # Its last words are on the way; but for a grandchild that kept the log open, nobody else writes.
        reader.join(1)
        self._channel.close()
        self._ending = replace(found, log=self.log, ran_out=self._ran_out(found))
        self._ended.set()

    def _ran_out(self, found: Ending) -> bool:
        """Linux ends a process for want of memory with SIGKILL, as anybody can; its count and what was used tell."""
        if sys.platform == "win32" or found.code != -signal.SIGKILL:
            return False
        return out_of_memory_kills() > self._kills_before or found.memory > 0.5 * memory_total()

    def _read_log(self, log: int) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while data := os.read(log, 65536):
                *lines, rest = (rest + data).split(b"\n")
                rest = rest[-MOST_LINE:]
                self._partial = ""
                # After a crash Python lists every compiled module there is, on one line that nobody reads.
                self._lines.extend(_shown(line) for line in lines if not line.startswith(b"Extension modules:"))
                self._partial = _shown(rest)
        self._partial = ""
        if rest:
            self._lines.append(_shown(rest))
        os.close(log)


def _shown(line: bytes) -> str:
    """A line as a terminal would show it: a carriage return begins it anew, as progress bars do."""
    text = line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]
    return text if len(text) <= MOST_LINE else text[:MOST_LINE] + " ..."
