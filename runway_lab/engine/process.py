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
    """The command line of a worker, but for the descriptor at its end."""
    return [sys.executable, "-m", "runway_lab.engine.worker", kind]


def launcher_environment() -> dict[str, str]:
    """Our environment, with this very package first on the path of whatever Python is started."""
    here = str(Path(__file__).parents[2])
    path = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{path}" if path else here, "PYTHONUNBUFFERED": "1"}


class Taken:
    """The kernel's ends of a worker's channel, log and status pipe, and the far ends until they are handed on."""

    def __init__(self, slot: FileLock | None) -> None:
        self.slot = slot
        self.log, self.far_log = os.pipe()
        self.status, self.far_status = os.pipe()

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
    taken = Taken(slot)
    mine, theirs = socket.socketpair()
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
    return LocalProcess(Channel(mine), taken.log, lambda: told(taken.status, launcher.wait))


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

    def __init__(self, channel: Channel, log: int, ending: Callable[[], Ending]) -> None:
        self._channel = channel
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
        """Ends the worker at once, by letting go of the channel."""
        self._channel.close()

    def wait(self, timeout: float | None = None) -> Ending | None:
        """How the worker ended, when it has; None after `timeout` seconds."""
        return self._ending if self._ended.wait(timeout) else None

    @property
    def log(self) -> list[str]:
        """What the worker wrote, line by line, the last 2000."""
        return list(self._lines)

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
                for line in lines:
                    self._write(line)
        if rest:
            self._write(rest)
        os.close(log)

    def _write(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        text = text if len(text) <= MOST_LINE else text[:MOST_LINE] + " ..."
        self._lines.append(text)
