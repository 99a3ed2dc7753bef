"""Processes that outlive whoever started them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support.cells import wait_for
from support.experiments import small, supervisors, trainers, until, until_step
from support.kernel import Kernel

from runway_lab.errors import RunwayLabError
from runway_lab.training.experiments import processes
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.shelf import Experiments


def test_a_training_is_nobodys_child_and_a_session_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.01")
    run = small(steps=150)
    until_step(run, 3)
    supervisor, trainer = supervisors()[0], trainers()[0]
    assert supervisor.ppid() != os.getpid()
    assert not {supervisor.pid, trainer.pid} & {each.pid for each in psutil.Process().children(recursive=True)}
    assert os.getsid(supervisor.pid) == supervisor.pid
    assert os.getpgid(trainer.pid) == trainer.pid
    assert trainer.ppid() == supervisor.pid
    until(run, "finished")


def test_it_goes_on_when_its_kernel_is_killed_with_all_its_children() -> None:
    kernel = Kernel("from support.experiments import small\nrun = small('Petals', steps=200)", PLAIN_STEP="0.01")
    kernel.wait()
    for each in psutil.Process(kernel.process.pid).children(recursive=True):
        each.kill()
    kernel.kill()
    run = Experiments()["petals"]
    assert run.state == "training"
    until(run, "finished")
    assert run.progress.step == 200


def test_its_threads_spin_shortly_and_it_has_the_cores_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_STEP", "0.01")
    run = small(steps=150, threads=2)
    until_step(run, 3)
    environment = trainers()[0].environ()
    assert environment["GOMP_SPINCOUNT"] == "10000"
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "2"
    until(run, "finished")


def test_a_file_called_like_a_module_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    run = small()
    until(run, "finished")


def test_the_end_of_a_group_is_the_end_of_all_of_it(tmp_path: Path) -> None:
    code = "import subprocess, sys, time\nsubprocess.Popen(['sleep', '60'])\nprint('ready', flush=True)\ntime.sleep(60)"
    leader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, process_group=0)
    assert leader.stdout is not None
    leader.stdout.readline()
    child = psutil.Process(leader.pid).children()[0]
    processes.end_group(leader)
    leader.stdout.close()
    assert wait_for(lambda: not child.is_running() or child.status() == "zombie", 5)
    processes.end_group(leader)


def test_a_long_log_keeps_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST_LOG", 1000)
    monkeypatch.setattr(processes, "KEPT_LOG", 300)
    folder = Folder(tmp_path)
    folder.log.write_text("".join(f"line {number}\n" for number in range(1000)))
    processes._shorten(folder.log)
    assert folder.log.stat().st_size <= 300
    assert folder.log.read_text().startswith("line ")
    assert processes.log_end(folder, 2) == "line 998\nline 999"
    assert processes.log_end(Folder(tmp_path / "nothing")) == ""


def test_a_machine_that_starts_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_STARTER", "raise SystemExit('no room')")
    with pytest.raises(RunwayLabError, match="could not be started") as caught:
        processes.detach("supervisor", Folder(tmp_path))
    assert "no room" in caught.value.details


@pytest.mark.parametrize(
    ("threads", "alone", "bound"),
    [(2, True, "true"), (3, True, "true"), (1, True, None), (2, False, None), (0, True, None)],
)
def test_threads_keep_to_their_cores_where_all_cores_have_one(
    threads: int, alone: bool, bound: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_PROC_BIND", raising=False)
    monkeypatch.setattr(processes, "_cores", lambda: 2)
    assert processes.environment(threads, alone).get("OMP_PROC_BIND") == bound


def test_what_a_person_says_of_threads_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_PROC_BIND", "spread")
    monkeypatch.setenv("GOMP_SPINCOUNT", "5")
    made = processes.environment(processes._cores(), alone=True)
    assert (made["OMP_PROC_BIND"], made["GOMP_SPINCOUNT"]) == ("spread", "5")


def test_a_training_on_all_cores_is_bound_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_PROC_BIND", raising=False)
    monkeypatch.setenv("PLAIN_STEP", "0.01")
    run = small(steps=60, threads=processes._cores())
    until_step(run, 3)
    assert trainers()[0].environ()["OMP_PROC_BIND"] == "true"
    assert "OMP_PROC_BIND" not in supervisors()[0].environ()
    until(run, "finished")
