"""The guard of one model's process: starts it, and makes sure that nothing of it outlives its kernel.

Run as a file by a bare interpreter (`python -I -S launcher.py JSON`), with the standard library alone, so that it is
up in milliseconds and holds next to no memory. It is the parent of the worker and does three things:

- It watches the channel between kernel and worker. When the kernel's end closes, however the kernel ended, it kills
  the worker's whole process group, and everything that group left behind.
- It waits for the worker and writes how it ended, as a line of JSON, to the status pipe.
- It holds the lock of the model's slot, which the system frees with it.

A *spare* has no kernel yet. Its worker loads torch and waits; the launcher listens on a socket in a folder only this
user can enter. A kernel that connects sends the file descriptors of its log, status pipe and slot, and the
connection becomes the channel. A spare leaves when it has waited too long, or when no kernel is left on the machine.

The kernel's end of the channel is the one thing that tells whether the kernel is there: a parent-death signal would
follow the thread that started us, and a thread inside the worker would starve behind a loop in C.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from typing import Any

SUBREAPER = 36
PATIENCE = 5.0
"""Seconds for everything of a worker to be gone once it was killed."""


def main(wishes: dict[str, Any]) -> None:
    """Guards one worker to its end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    adopt_orphans()
    if "spare" in wishes:
        channel, status, slot = wait_for_kernel(wishes)
    else:
        channel = socket.socket(fileno=wishes["channel"])
        status, slot = wishes["status"], wishes.get("slot")
        wishes["worker"] = start(wishes["command"], channel.fileno())
    if slot is not None:
        sign(slot, wishes["note"])
    code, used = guard(wishes["worker"], channel, wishes["kernel"])
    report(status, {"exit": code, "memory": used})
    if wishes.get("slot_path"):
        with contextlib.suppress(OSError):
            os.unlink(wishes["slot_path"])
    if slot is not None:
        os.close(slot)


def adopt_orphans() -> None:
    """Becomes the parent of whatever the worker's children leave behind (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def start(command: list[str], descriptor: int, output: int | None = None) -> subprocess.Popen[bytes]:
    """The worker, in a process group of its own, with one descriptor of ours."""
    return subprocess.Popen(
        [*command, str(descriptor)],
        pass_fds=(descriptor,),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        process_group=0,
    )


def guard(worker: subprocess.Popen[bytes], channel: socket.socket, kernel: int) -> tuple[int, int]:
    """Waits until the worker ends or the kernel is gone; then ends all that is left. Exit code and peak memory."""
    poll = select.poll()
    poll.register(channel, select.POLLHUP | select.POLLERR)
    patience = 500
    if hasattr(os, "pidfd_open"):
        # Another process may hold a copy of the kernel's end (a fork without exec), so its pid is watched too.
        with contextlib.suppress(OSError):
            watched = [os.pidfd_open(worker.pid), os.pidfd_open(kernel)]
            for each in watched:
                poll.register(each, select.POLLIN)
            patience = 20_000
    try:
        while not ended(worker.pid):
            if poll.poll(patience) or not alive(kernel):
                break
    except SystemExit:
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return end(worker.pid)


ENDINGS: dict[int, tuple[int, int]] = {}
"""How children ended that were waited for: exit code and peak memory."""


def ended(pid: int) -> bool:
    """Whether this child has ended."""
    if pid not in ENDINGS:
        found, state, usage = os.wait4(pid, os.WNOHANG)
        if found:
            keep(found, state, usage)
    return pid in ENDINGS


def keep(pid: int, state: int, usage: Any) -> None:
    """Remembers how a child ended."""
    ENDINGS[pid] = os.waitstatus_to_exitcode(state), usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def end(pid: int) -> tuple[int, int]:
    """Kills the worker's group and every orphan it left; returns its exit code (negative: a signal) and memory."""
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while True:
        # A child may have left the group and be a child of ours now, so all our children go.
        for child in children():
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        try:
            found, state, usage = os.wait3(os.WNOHANG)
        except ChildProcessError:
            break
        if found:
            keep(found, state, usage)
        elif time.monotonic() > deadline:
            # Where the system does not list our children, an orphan may be out of reach.
            break
        else:
            time.sleep(0.003)
    return ENDINGS.get(pid, (0, 0))


def children() -> list[int]:
    """The processes whose parent we are (Linux)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(each) for each in file.read().split()]
    except OSError:
        return []


def sign(slot: int, note: str) -> None:
    """Writes into the slot who holds it now."""
    with contextlib.suppress(OSError):
        os.ftruncate(slot, 0)
        os.pwrite(slot, json.dumps({"pid": os.getpid(), "note": note, "since": time.time()}).encode(), 0)


def report(status: int, line: dict[str, Any]) -> None:
    """One line of JSON to the kernel, if it is still there."""
    with contextlib.suppress(OSError):
        os.write(status, json.dumps(line).encode() + b"\n")


def wait_for_kernel(wishes: dict[str, Any]) -> tuple[socket.socket, int, int | None]:
    """Keeps a warm worker until a kernel takes it over; ends the process where none does."""
    path = wishes["spare"]
    with contextlib.suppress(OSError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mine, theirs = socket.socketpair()
    wishes["worker"] = start(wishes["command"], theirs.fileno())
    theirs.close()
    deadline = time.monotonic() + wishes["patience"]
    warm = False
    try:
        while True:
            ready, _, _ = select.select([listener if warm else mine], [], [], 1.0)
            if ready and not warm:
                # Only now can it be taken: a kernel that came earlier is quicker with a process of its own.
                if mine.recv(4) != b"warm":
                    sys.exit(0)
                warm = True
                listener.bind(path)
                os.chmod(path, 0o600)
                listener.listen(1)
            elif ready:
                found = take_over(listener, mine, wishes)
                if found:
                    return found
            if ended(wishes["worker"].pid) or time.monotonic() > deadline or no_kernel_left(wishes["kernels"]):
                sys.exit(0)
    except SystemExit:
        end(wishes["worker"].pid)
        raise
    finally:
        listener.close()
        mine.close()
        with contextlib.suppress(OSError):
            os.unlink(path)
        # From here on another spare may be made.
        os.close(wishes["spare_lock"])


def take_over(
    listener: socket.socket, worker: socket.socket, wishes: dict[str, Any]
) -> tuple[socket.socket, int, int | None] | None:
    """One kernel's attempt to take the worker over: its descriptors, or None where it came to nothing."""
    channel, _ = listener.accept()
    received: list[int] = []
    try:
        channel.settimeout(5)
        words, received, _, _ = socket.recv_fds(channel, 65536, 3)
        asked = json.loads(words)
        log, status, *slot = received
        channel.settimeout(None)
        # Whoever comes now finds no spare instead of waiting for this one.
        listener.close()
        with contextlib.suppress(OSError):
            os.unlink(wishes["spare"])
        channel.send(json.dumps({"pid": os.getpid()}).encode())
    except (OSError, ValueError):
        for each in received:
            os.close(each)
        channel.close()
        if listener.fileno() < 0:
            # The kernel left between two words; it was the only one to be expected.
            sys.exit(0)
        return None
    if not taken_up(worker, channel, log):
        # It died unnoticed. Nobody has read from the channel, so another worker can begin there.
        end(wishes["worker"].pid)
        wishes["worker"] = start(wishes["cold_command"], channel.fileno(), log)
    os.close(log)
    wishes.update(kernel=asked["kernel"], slot_path=asked["slot_path"], note=asked["note"])
    return channel, status, (slot[0] if slot else None)


def taken_up(worker: socket.socket, channel: socket.socket, log: int) -> bool:
    """Whether the warm worker took channel and log (or the kernel left, which is seen to next)."""
    poll = select.poll()
    poll.register(worker, select.POLLIN)
    poll.register(channel, select.POLLHUP | select.POLLERR)
    try:
        socket.send_fds(worker, [b"go"], [channel.fileno(), log])
        ready = [number for number, _ in poll.poll()]
        return worker.fileno() not in ready or worker.recv(2) == b"ok"
    except OSError:
        return False


def no_kernel_left(path: str) -> bool:
    """Whether nobody holds the lock that every kernel shares."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
