"""After two hundred starts and stops, some of them violent, the machine is as it was before."""

from __future__ import annotations

import gc
import os
import random
import tempfile
import threading
from pathlib import Path

import psutil
import pytest
from support.cells import ECHO, cell, processes, wait_for, wait_until_gone, workers
from support.kernel import Kernel

import runway_lab as rl
from runway_lab.engine import slots
from runway_lab.errors import ModelFailed
from runway_lab.settings import home

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors as Linux lists them")

STARTS = 200
WORKERS_KILLED = 20
KERNELS_KILLED = 5


def traces() -> dict[str, object]:
    """What a model could leave behind."""
    gc.collect()
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": sorted(each.name for each in threading.enumerate()),
        # A browser of this machine may come and go meanwhile.
        "shared memory": sorted(name for name in os.listdir("/dev/shm") if "org.chromium" not in name),
        "children": sorted(each.pid for each in psutil.Process().children(recursive=True)),
        "locks": sorted(str(each.relative_to(home())) for each in home().rglob("*.lock")),
        "sockets": sorted(each.name for each in Path(tempfile.gettempdir()).glob(f"runway-lab-{os.getuid()}/*")),
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_starts_and_stops_leave_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    chance = random.Random(0)
    space = cell(ECHO)
    rl.run(space["same"], quiet=True).stop()
    before = traces()
    killed = set(chance.sample(range(STARTS), WORKERS_KILLED + KERNELS_KILLED))
    kernels = set(chance.sample(sorted(killed), KERNELS_KILLED))
    for number in range(STARTS):
        if number in kernels:
            kernel = Kernel("model = rl.run(echo['same'], quiet=True); answer = model.submit('sleep', seconds=60)")
            kernel.wait()
            kernel.kill()
            assert not wait_until_gone(5)
            continue
        model = rl.run(space["same"], quiet=True)
        assert model.query("say", text=str(number)).text == str(number)
        if number in killed:
            answer = model.submit("sleep", seconds=60)
            worker = workers()[0]
            worker.kill()
            with pytest.raises(ModelFailed):
                answer.result(10)
            assert model.status == "failed"
        else:
            model.stop()
            assert model.status == "stopped"
    model = answer = None
    assert wait_for(lambda: traces() == before, 10), f"before: {before}\nafter: {traces()}"
    assert slots.running() == []
    assert not processes()
