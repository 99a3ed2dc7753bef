"""Nothing of a model outlives its kernel, and its guard needs nothing but Python itself."""

from __future__ import annotations

import ast
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from support.cells import cell, processes, wait_for, wait_until_gone, workers
from support.kernel import Kernel

import runway_lab as rl
from runway_lab.engine import launcher
from runway_lab.errors import ModelCrashed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has job objects instead of a launcher")


def worker_of(log: list[str]) -> int:
    return int(next(line for line in log if line.startswith("pid ")).split()[1])


FAMILY = """
    @rl.setup
    def prepare():
        import os, subprocess, sys
        print("pid", os.getpid())
        # A child that leaves the group and the session, and a grandchild whose parent is gone.
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
        orphan = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'],"
        orphan += " start_new_session=True)"
        subprocess.run([sys.executable, "-c", orphan], check=True)

    @rl.command(inputs={"text": Text()}, outputs={"text": Text()})
    def say(model, text):
        return text
"""


def test_it_stands_on_the_standard_library_alone():
    tree = ast.parse(Path(launcher.__file__).read_text(encoding="utf-8"))
    names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    names += [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    assert names
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_stop_ends_what_the_model_started_too():
    with rl.run(cell(FAMILY)["say"], quiet=True) as running:
        assert len(processes()) == 4  # launcher, worker, child, orphan
        assert running(text="hello").text == "hello"
    assert not processes()


def test_a_killed_kernel_takes_everything_with_it():
    kernel = Kernel(f"model = rl.run(cell({FAMILY!r})['say'], quiet=True)")
    kernel.wait()
    assert len(processes()) == 5
    kernel.kill()
    assert not wait_until_gone(3)


def test_a_kernel_that_forked_and_was_killed_too():
    """A fork without exec holds a copy of the channel, so its end alone would not tell."""
    kernel = Kernel("""
        import os
        model = rl.run(echo["same"], quiet=True)
        child = os.fork()
        if child == 0:
            time.sleep(300)
            os._exit(0)
        print("child", child)
    """)
    child = int(kernel.wait()[-1].split()[1])
    kernel.kill()
    assert wait_for(lambda: [each.pid for each in processes()] == [child], 8)
    os.kill(child, signal.SIGKILL)


def test_a_kernel_that_ends_properly_leaves_nothing():
    kernel = Kernel("model = rl.run(echo['same'], quiet=True)")
    kernel.wait()
    assert kernel.finish() == 0
    assert not wait_until_gone(3)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_killed_launcher_takes_the_worker_with_it(model):
    worker = workers()[0]
    assert worker.ppid() != os.getpid()
    psutil.Process(worker.ppid()).kill()
    assert not wait_until_gone(3)
    assert wait_for(lambda: model.status == "failed")
    with pytest.raises(ModelCrashed, match="the process that guards it was killed"):
        model(image=None)


def test_a_launcher_that_is_asked_to_end_ends_the_model(model):
    worker = workers()[0]
    psutil.Process(worker.ppid()).terminate()
    assert not wait_until_gone(3)


def test_it_stays_out_of_the_way_of_an_interrupt(model):
    """Ctrl-C in a terminal goes to the kernel's group; the model is not in it."""
    groups = {os.getpgid(each.pid) for each in processes()}
    assert os.getpgid(0) not in groups
    assert len({os.getsid(each.pid) for each in processes()} - {os.getsid(0)}) == 1
