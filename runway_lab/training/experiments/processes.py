"""Processes that outlive whoever started them, and how they find this very package.

A supervisor is the child of nobody: a short-lived process starts it as a session of its own and ends, so that the
system adopts it. So it does not hear the signals of a terminal, and a kernel that ends everything it has begun does not
find it. On Windows it is detached from console and job.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from runway_lab.errors import RunwayLabError
from runway_lab.training.experiments.devices import VARIABLE, devices
from runway_lab.training.experiments.folder import Folder

__all__ = ["command", "detach", "end_group", "environment", "log_end"]

PACKAGE = "runway_lab.training.experiments"
MOST_LOG, KEPT_LOG = 4 << 20, 1 << 20

# The standard library alone: it is there for milliseconds. Windows' flags: DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP,
# CREATE_BREAKAWAY_FROM_JOB.
_STARTER = """
import json, os, subprocess, sys
wish = json.loads(sys.argv[1])
how = {"creationflags": 0x8 | 0x200 | 0x1000000} if os.name == "nt" else {"start_new_session": True}
with open(wish["log"], "ab") as log:
    how |= {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": wish["cwd"]}
    started = subprocess.Popen(wish["command"], **how)
print(started.pid, flush=True)
os._exit(0)
"""


def command(module: str, told: str) -> list[str]:
    """The command line of a module of this room, from this very package and nothing else of the current folder."""
    here = str(Path(__file__).parents[3])
    code = (
        f"import sys; sys.path.insert(0, {here!r}); import runway_lab; del sys.path[0]; "
        f"from {PACKAGE}.{module} import main; sys.exit(main(sys.argv[1]))"
    )
    return [sys.executable, "-P", "-c", code, told]


def environment(threads: int = 0, alone: bool = False) -> dict[str, str]:
    """Ours, for a process that computes for hours beside others; `alone`: no other training computes on the processor.

    torch's threads spin for ever while they wait for each other, which beside a browser costs many times the work
    itself; to put them to sleep at once makes a training with its small operations slower. A short spin does neither.

    oneDNN has barriers of its own, which spin whatever that says: where the system has put two threads of a step on one
    core, each waits for the other, and beside a single busy process a step takes ten times as long. So where every core
    has a thread, each thread keeps to its core, which makes that three times. With fewer threads they would all keep to
    the first cores, as would those of a second training, so then they may move.
    """
    ours = {"GOMP_SPINCOUNT": "10000"}
    if alone and threads >= _cores():
        ours["OMP_PROC_BIND"] = "true"
    made = {**ours, **os.environ, "PYTHONUNBUFFERED": "1", VARIABLE: ",".join(devices())}
    if threads:
        made |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    return made


def _cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def detach(module: str, folder: Folder) -> int:
    """Starts a module of this room as a process that nobody's end ends; its number."""
    _shorten(folder.log)
    root = str(folder.root)
    wish: dict[str, Any] = {"command": command(module, root), "log": str(folder.log), "cwd": root}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _STARTER, json.dumps(wish)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(),
        check=False,
    )
    if done.returncode or not done.stdout.strip().isdigit():
        raise RunwayLabError(
            f"The process that looks after {folder.id!r} could not be started.",
            hint="Look whether there is room and memory on this machine.",
            details=done.stderr.decode("utf-8", "replace")[-2000:],
        )
    return int(done.stdout)


def end_group(process: subprocess.Popen[bytes], patience: float = 5.0) -> None:
    """Ends a process that leads a group, and all of the group, at once."""
    if sys.platform == "win32":
        process.kill()
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            process.kill()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        time.sleep(0)


def log_end(folder: Folder, lines: int = 8) -> str:
    """The last lines its processes printed."""
    try:
        with folder.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 8192))
            found = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line for line in found[-lines:] if line.strip())


def _shorten(log: Path) -> None:
    """Of a log that has become long, the end stays."""
    try:
        if log.stat().st_size > MOST_LOG:
            log.write_bytes(log.read_bytes()[-KEPT_LOG:].partition(b"\n")[2])
    except OSError:
        return
