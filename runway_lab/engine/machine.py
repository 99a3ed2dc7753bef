"""How much of this machine we may use: memory and cores.

A container or a hub gives a person less than the machine has. psutil and `os.cpu_count()` tell of the
whole machine, so on Linux the limits of the control groups are read as well, and the smaller number
counts.

Two versions of control groups are about. In version 2 a process has one group, the line `0::/path` of
`/proc/self/cgroup`, and its files lie in `/sys/fs/cgroup/path`. In version 1 memory and processor time
are separate trees, `4:memory:/path` in `/sys/fs/cgroup/memory/path`. A machine can have both at once. A
limit may be set on any ancestor, and inside a container the path can be one that only the host sees; so
every level from the path up to the top of the tree is looked at, and what does not exist is passed over.

Every function takes `root`, the folder that stands for `/`, and reads afresh at each call.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

import psutil

from runway_lab.errors import RunwayLabError
from runway_lab.settings import home

__all__ = ["cores", "memory_available", "memory_total", "out_of_memory_kills", "run_folder"]

_ROOT = Path("/")

# Version 1 writes "no limit" as the largest multiple of a page that fits in 63 bits.
_UNLIMITED = 1 << 60


def memory_total(*, root: Path = _ROOT) -> int:
    """The bytes of memory that we may use at most, whoever uses them now.

    >>> memory_total() >= memory_available() > 0
    True
    """
    limits = [limit for limit, _ in _memory_groups(root)]
    return min([psutil.virtual_memory().total, *limits])


def memory_available(*, root: Path = _ROOT) -> int:
    """The bytes of memory that could be taken now without pushing anything out."""
    free = [max(0, limit - used) for limit, used in _memory_groups(root)]
    return min([psutil.virtual_memory().available, *free])


def run_folder() -> Path:
    """Where the locks of this machine lie, in the library: a library on a network disk serves several machines."""
    node = re.sub(r"[^\w.-]+", "-", platform.node())[:60] or "here"
    folder = home() / "run" / node
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunwayLabError(
            f"The library folder {home()} cannot be written to: {error.strerror or error}.",
            hint="Choose another with RUNWAY_LAB_HOME.",
        ) from error
    return folder


def out_of_memory_kills(*, root: Path = _ROOT) -> int:
    """How many processes the system has ended for want of memory since it was started, as far as it tells."""
    words = _words(root / "proc/vmstat")
    return (_number(words[words.index("oom_kill") + 1 :]) or 0) if "oom_kill" in words else 0


def cores(*, root: Path = _ROOT) -> int:
    """How many threads can compute at the same time; at least one.

    >>> cores() >= 1
    True
    """
    shares = [quota / period for quota, period in _processor_groups(root)]
    return max(1, int(min([_allowed_processors(), *shares])))


def _allowed_processors() -> int:
    # Only Linux knows an affinity; a batch system or `taskset` sets it.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def _memory_groups(root: Path) -> Iterator[tuple[int, int]]:
    """Pairs of limit and use, one for each level at which memory is limited."""
    for folder in _levels(root, ""):
        yield from _memory_pair(folder, "memory.max", "memory.current", "inactive_file")
    for folder in _levels(root, "memory"):
        yield from _memory_pair(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _memory_pair(folder: Path, limit_file: str, used_file: str, cache_name: str) -> Iterator[tuple[int, int]]:
    limit = _number(_words(folder / limit_file))
    if limit is None or not 0 < limit < _UNLIMITED:
        return
    used = _number(_words(folder / used_file)) or 0
    # The kernel drops cached files before it refuses memory, so they are not in anybody's way.
    statistics = _words(folder / "memory.stat")
    cached = dict(zip(statistics[::2], statistics[1::2], strict=False)).get(cache_name, "0")
    yield limit, max(0, used - (_number([cached]) or 0))


def _processor_groups(root: Path) -> Iterator[tuple[int, int]]:
    """Pairs of quota and period, one for each level at which processor time is limited."""
    for folder in _levels(root, ""):
        yield from _processor_pair(_words(folder / "cpu.max"))
    for folder in (*_levels(root, "cpu"), *_levels(root, "cpu,cpuacct")):
        quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
        yield from _processor_pair([*quota[:1], *period[:1]])


def _processor_pair(words: list[str]) -> Iterator[tuple[int, int]]:
    quota, period = _number(words[:1]), _number(words[1:2])
    if quota is not None and period is not None and quota > 0 and period > 0:
        yield quota, period


def _levels(root: Path, tree: str) -> Iterator[Path]:
    """The folders of our group in a tree, from the innermost to the top; `tree` is "" for version 2."""
    top = root / "sys/fs/cgroup" / tree
    path = _group_path(root, tree)
    if path is None or not top.is_dir():
        return
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts), -1, -1):
        yield top.joinpath(*parts[:count])


def _group_path(root: Path, tree: str) -> str | None:
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if (number == "0" and not names) if not tree else (set(tree.split(",")) <= set(names.split(","))):
            return path
    return None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []


def _number(words: list[str]) -> int | None:
    try:
        return int(words[0])
    except (IndexError, ValueError):
        return None
