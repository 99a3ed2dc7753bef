"""Starting and guarding a worker on Windows, which can neither hand a socket to a child nor run our launcher.

The worker reaches its kernel over loopback and shows a token it was given in its environment, so no other program
of the machine can take its place. Kernel and worker share a job object that ends all of its processes when its last
handle closes, which the system does when the kernel ends, however it ends.
"""

from __future__ import annotations

import hmac
import os
import secrets
import socket
import subprocess
import sys
import time
from typing import Any

from runway_lab.engine.channel import Channel
from runway_lab.engine.process import LocalProcess, launcher_environment, worker_command
from runway_lab.engine.protocol import Ending
from runway_lab.errors import ModelCrashed
from runway_lab.library.locks import FileLock

__all__ = ["Job", "start"]

PATIENCE = 60.0
"""Seconds a worker may take to reach its kernel."""

KILL_ON_CLOSE = 0x2000
EXTENDED_LIMITS = 9
NO_WINDOW = 0x08000000


def start(slot: FileLock | None) -> LocalProcess:
    """A worker in a new process, reached over loopback."""
    token = secrets.token_hex(32)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [*worker_command("--connect"), str(listener.getsockname()[1])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**launcher_environment(), "RUNWAY_LAB_TOKEN": token},
            creationflags=NO_WINDOW if sys.platform == "win32" else 0,
        )
        job = Job(process) if sys.platform == "win32" else None
        try:
            stream = _accept(listener, token, process)
        except BaseException:
            process.kill()
            process.wait()
            if slot is not None:
                slot.release(remove=True)
            raise
    assert process.stdout is not None
    log = os.dup(process.stdout.fileno())
    process.stdout.close()
    channel = Channel(stream)

    def ending() -> Ending:
        code = process.wait()
        if job is not None:
            job.close()
        if slot is not None:
            slot.release(remove=True)
        return Ending(code)

    return Worker(channel, log, ending, process)


class Worker(LocalProcess):
    """A worker without a launcher: ending it is ending the process."""

    def __init__(self, channel: Channel, log: int, ending: Any, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        super().__init__(channel, log, ending)

    def end(self) -> None:
        super().end()
        self._process.kill()


def _accept(listener: socket.socket, token: str, process: subprocess.Popen[bytes]) -> socket.socket:
    """The connection that shows the token; whoever else connects is turned away."""
    end = time.monotonic() + PATIENCE
    listener.settimeout(0.2)
    while time.monotonic() < end and process.poll() is None:
        try:
            stream, _ = listener.accept()
        except TimeoutError:
            continue
        stream.settimeout(2)
        shown = b""
        try:
            while len(shown) < len(token) and (more := stream.recv(len(token) - len(shown))):
                shown += more
        except OSError:
            shown = b""
        if hmac.compare_digest(shown, token.encode("ascii")):
            stream.settimeout(None)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return stream
        stream.close()
    log = process.stdout.read().decode("utf-8", "replace") if process.stdout and process.poll() is not None else ""
    raise ModelCrashed(
        "The model's process did not come up.", hint="runway-lab doctor may say why.", log=log.splitlines()[-20:]
    )


class Job:
    """A job object that ends its processes with its last handle."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        import ctypes

        self._kernel: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
        self._kernel.CreateJobObjectW.restype = ctypes.c_void_p
        self._handle = ctypes.c_void_p(self._kernel.CreateJobObjectW(None, None))
        # The fields of JOBOBJECT_EXTENDED_LIMIT_INFORMATION, of which only the flags are set.
        limits = (ctypes.c_byte * (144 if ctypes.sizeof(ctypes.c_void_p) == 8 else 112))()
        ctypes.c_uint32.from_buffer(limits, 16).value = KILL_ON_CLOSE
        self._kernel.SetInformationJobObject(self._handle, EXTENDED_LIMITS, limits, ctypes.sizeof(limits))
        self._kernel.AssignProcessToJobObject(self._handle, ctypes.c_void_p(int(process._handle)))  # type: ignore[attr-defined]

    def close(self) -> None:
        """Ends whatever the worker left behind."""
        self._kernel.CloseHandle(self._handle)
