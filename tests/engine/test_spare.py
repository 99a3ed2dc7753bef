"""One warm worker on the machine, for whoever comes next; none where it is not wanted."""

from __future__ import annotations

import contextlib
import sys
import time

import psutil
import pytest
from support.cells import cell, processes, wait_for, wait_until_gone
from support.kernel import Kernel

import runway_lab as rl
from runway_lab.engine import spare

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no warm spare")

TORCH = """
    @rl.setup
    def prepare():
        import sys
        return "torch" in sys.modules

    @rl.command(inputs={"text": Text()}, outputs={"warm": Boolean(), "text": Text(), "home": Text()})
    def say(warm, text):
        import os
        print("said", text)
        return {"warm": warm, "text": text, "home": os.environ.get("MARK", "")}
"""


@pytest.fixture(autouse=True)
def _spare(_no_spare, monkeypatch):
    monkeypatch.setenv("RUNWAY_LAB_WARM_SPARE", "1")
    yield
    # One may still be in the making.
    monkeypatch.setenv("RUNWAY_LAB_WARM_SPARE", "0")
    for _ in range(5):
        for each in spares():
            psutil.Process(each.ppid()).terminate()
        time.sleep(0.1)


def spares() -> list[psutil.Process]:
    found = []
    for each in processes():
        with contextlib.suppress(psutil.Error):
            if "--spare" in each.cmdline():
                found.append(each)
    return found


def is_warm() -> bool:
    return spare._socket_path().exists()


def test_the_second_start_takes_the_spare_over(monkeypatch):
    space = cell(TORCH)
    first = rl.run(space["say"], quiet=True)
    assert not first(text="a").warm
    assert wait_for(is_warm, 60)
    (warm,) = spares()
    monkeypatch.setenv("MARK", "of this kernel, now")
    second = rl.run(space["say"], quiet=True)
    answer = second(text="b")
    assert answer.warm
    assert answer.home == "of this kernel, now"
    assert wait_for(lambda: second.log == ["said b"])
    assert warm.is_running()
    # The next one is made meanwhile.
    assert wait_for(lambda: [each.pid for each in spares() if each.pid != warm.pid], 20)
    second.stop()
    assert not warm.is_running()
    assert first(text="c").text == "c"


def test_there_is_one_at_most():
    assert spare.prepare()
    assert not spare.prepare()
    kernel = Kernel("from runway_lab.engine import spare; print(spare.prepare())", RUNWAY_LAB_WARM_SPARE="1")
    assert kernel.wait() == ["False"]
    kernel.finish()
    assert wait_for(lambda: len(spares()) == 1, 20)


def test_another_kernel_can_take_it_over():
    assert spare.prepare()
    assert wait_for(is_warm, 60)
    (warm,) = spares()
    kernel = Kernel(f"model = rl.run(cell({TORCH!r})['say'], quiet=True); print(model(text='a').warm)")
    kernel.process.poll()
    assert kernel.wait() == ["True"]
    kernel.kill()
    assert wait_for(lambda: not warm.is_running(), 3)


def test_it_leaves_with_the_last_kernel():
    kernel = Kernel("from runway_lab.engine import spare; spare.prepare()", RUNWAY_LAB_WARM_SPARE="1")
    kernel.wait()
    assert wait_for(spares, 20)
    kernel.kill()
    assert not wait_until_gone(8)


def test_a_spare_that_was_killed_is_no_loss(echo):
    assert spare.prepare()
    assert wait_for(spares, 20)
    spares()[0].kill()
    with rl.run(echo["same"], quiet=True) as running:
        assert running.query("say", text="cold").text == "cold"


def test_nobody_waits_for_a_spare_that_is_not_warm_yet(echo):
    assert spare.prepare()
    assert spare.take_over("anything", None) is None
    with rl.run(echo["same"], quiet=True) as running:
        assert running.query("say", text="soon").text == "soon"
    assert wait_for(lambda: len(spares()) == 1, 20)


def test_while_one_is_taken_another_start_is_a_cold_one(echo):
    assert spare.prepare()
    assert wait_for(is_warm, 60)
    models = [rl.run(echo["same"], quiet=True, wait=False) for _ in range(2)]
    assert [each.query("say", text="both").text for each in models] == ["both", "both"]
    rl.stop_all()


def test_none_on_a_small_machine_or_when_memory_is_short_or_switched_off(monkeypatch):
    monkeypatch.setattr(spare, "memory_total", lambda: 3_900_000_000)
    assert not spare.prepare()
    monkeypatch.setattr(spare, "memory_total", lambda: 8_000_000_000)
    monkeypatch.setattr(spare, "memory_available", lambda: 1_000_000_000)
    assert not spare.prepare()
    monkeypatch.setattr(spare, "memory_available", lambda: 4_000_000_000)
    monkeypatch.setenv("RUNWAY_LAB_WARM_SPARE", "0")
    assert not spare.prepare()
    assert spare.take_over("anything", None) is None


def test_a_socket_folder_of_somebody_else_is_not_used(monkeypatch, tmp_path, echo):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"runway-lab-{spare.os.getuid()}"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    assert spare.take_over("anything", None) is None
    with rl.run(echo["same"], quiet=True) as running:
        time.sleep(0.5)
        assert running.status == "running"
    assert not spares()
