"""Memory and cores, told by control groups that are folders made here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from runway_lab.engine.machine import cores, memory_available, memory_total, out_of_memory_kills

MB = 1024 * 1024


def lay(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_control_groups_the_whole_machine_counts(tmp_path: Path) -> None:
    assert memory_total(root=tmp_path) == psutil.virtual_memory().total
    assert 0 < memory_available(root=tmp_path) <= memory_total(root=tmp_path)
    assert 1 <= cores(root=tmp_path) <= (os.cpu_count() or 1)


def test_a_limit_of_version_2_counts_and_cached_files_are_not_in_the_way(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/user.slice/hub"
    root = lay(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user.slice/hub\n",
            f"{group}/memory.max": f"{200 * MB}\n",
            f"{group}/memory.current": f"{150 * MB}\n",
            f"{group}/memory.stat": f"anon {60 * MB}\ninactive_file {90 * MB}\nactive_file 0\n",
        },
    )
    assert memory_total(root=root) == 200 * MB
    assert memory_available(root=root) == 140 * MB


def test_the_limit_may_be_set_on_an_ancestor(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/self/cgroup": "0::/pod/container\n",
            "sys/fs/cgroup/pod/memory.max": f"{100 * MB}\n",
            "sys/fs/cgroup/pod/memory.current": f"{90 * MB}\n",
            "sys/fs/cgroup/pod/container/memory.max": "max\n",
            "sys/fs/cgroup/pod/container/memory.current": f"{10 * MB}\n",
        },
    )
    assert memory_total(root=root) == 100 * MB
    assert memory_available(root=root) == 10 * MB


def test_a_path_that_only_the_host_sees_falls_back_to_the_top(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{300 * MB}\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{120 * MB}\n",
            "sys/fs/cgroup/memory/memory.stat": f"cache 5\ntotal_inactive_file {20 * MB}\n",
        },
    )
    assert memory_total(root=root) == 300 * MB
    assert memory_available(root=root) == 200 * MB


def test_version_1_says_no_limit_with_a_very_large_number(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    assert memory_total(root=root) == psutil.virtual_memory().total


def test_more_used_than_allowed_is_nothing_available(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": f"{10 * MB}\n",
            "sys/fs/cgroup/memory.current": f"{11 * MB}\n",
        },
    )
    assert memory_available(root=root) == 0


@pytest.mark.parametrize(
    "files",
    [
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"},
        {
            "proc/self/cgroup": "3:cpu,cpuacct:/a\n",
            "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "150000\n",
            "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
        },
        {
            "proc/self/cgroup": "3:cpu,cpuacct:/a\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    ],
    ids=["version 2", "version 1", "version 1, both names in one folder"],
)
def test_a_share_of_the_processor_is_at_least_one_core(
    tmp_path: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runway_lab.engine.machine._allowed_processors", lambda: 8)
    assert cores(root=lay(tmp_path, files)) == 1


@pytest.mark.parametrize(("quota", "expected"), [("max 100000", 8), ("400000 100000", 4), ("-1 100000", 8)])
def test_a_quota_of_version_2(tmp_path: Path, quota: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runway_lab.engine.machine._allowed_processors", lambda: 8)
    root = lay(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": f"{quota}\n"})
    assert cores(root=root) == expected


@pytest.mark.parametrize("text", ["", "nonsense\n", "0::\n", "0::/../../etc\n", ":::\n\x00\n"])
def test_odd_files_are_passed_over(tmp_path: Path, text: str) -> None:
    root = lay(
        tmp_path,
        {
            "proc/self/cgroup": text,
            "sys/fs/cgroup/memory.max": "many\n",
            "sys/fs/cgroup/cpu.max": "\n",
            "sys/fs/cgroup/memory.stat": "odd",
        },
    )
    assert memory_total(root=root) == psutil.virtual_memory().total
    assert cores(root=root) >= 1


def test_processes_ended_for_want_of_memory_are_counted(tmp_path):
    assert out_of_memory_kills(root=tmp_path) == 0
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "vmstat").write_text("nr_free_pages 5\noom_kill 3\nzone_reclaim_success 9\n")
    assert out_of_memory_kills(root=tmp_path) == 3
