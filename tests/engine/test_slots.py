"""As many models at once as the machine may run, all kernels together."""

from __future__ import annotations

import json
import os

import pytest
from support.cells import wait_for
from support.kernel import Kernel

import runway_lab as rl
from runway_lab.engine import slots
from runway_lab.engine.machine import run_folder
from runway_lab.errors import ModelCrashed, NotEnoughMemory, TooManyModels


@pytest.fixture(autouse=True)
def _two_at_once(monkeypatch):
    monkeypatch.setenv("RUNWAY_LAB_MODELS_AT_ONCE", "2")


def test_one_too_many_is_refused_by_name_and_a_stop_makes_room(echo):
    first = rl.run(echo["same"], quiet=True)
    second = rl.run(echo["same"], quiet=True)
    busy = [each.submit("sleep", seconds=60) for each in (first, second)]
    with pytest.raises(TooManyModels, match=r"2 models run on this machine.*Running: same, same.*models stop"):
        rl.run(echo["same"], quiet=True)
    first.stop()
    with rl.run(echo["same"], quiet=True) as third:
        assert third.query("say", text="room").text == "room"
    second.stop()
    assert slots.running() == []
    assert not list((run_folder() / "slots").iterdir())
    assert all(each.done() for each in busy)


def test_those_with_nothing_to_do_make_room_and_wake_up_again(echo):
    """A cell that is run again and again leaves models behind; nobody is locked out by them."""
    models = [rl.run(echo["same"], quiet=True) for _ in range(5)]
    assert [each.status for each in models] == ["stopped"] * 3 + ["running"] * 2
    assert [each.asleep for each in models] == [True] * 3 + [False] * 2
    for number, each in enumerate(models):
        assert each.query("say", text=str(number)).text == str(number)
    assert len(slots.running()) == 2


def test_other_kernels_count_and_their_models_can_be_ended(echo):
    kernel = Kernel("a = rl.run(echo['same'], quiet=True); b = rl.run(echo['same'], quiet=True)")
    kernel.wait()
    assert [each.note for each in slots.running()] == ["same", "same"]
    with pytest.raises(TooManyModels):
        rl.run(echo["same"], quiet=True)
    assert rl.stop_all(everywhere=True) == 2
    assert wait_for(lambda: not slots.running(), 5)
    kernel.finish()


def test_a_killed_kernel_holds_no_slot():
    kernel = Kernel("a = rl.run(echo['same'], quiet=True)")
    kernel.wait()
    kernel.kill()
    assert wait_for(lambda: not slots.running(), 5)


def test_a_start_that_fails_gives_its_slot_back(echo, monkeypatch):
    from runway_lab.engine import process

    monkeypatch.setattr(process, "LAUNCHER", "/nowhere/launcher.py")
    with pytest.raises(ModelCrashed):
        rl.run(echo["same"], quiet=True)
    assert slots.running() == []


def test_little_memory_is_told_before_the_start(echo, monkeypatch):
    monkeypatch.setattr(slots, "memory_available", lambda: 300_000_000)
    with pytest.raises(NotEnoughMemory, match="same needs about 400 MB of memory, 300 MB are free"):
        rl.run(echo["same"], quiet=True)


def test_a_card_s_need_counts(monkeypatch):
    monkeypatch.setattr(slots, "memory_available", lambda: 2_000_000_000)
    with pytest.raises(NotEnoughMemory, match="needs about 3400 MB"):
        slots.take("large", memory_mb=3000)
    slots.take("small", memory_mb=1000).release(remove=True)


def test_a_slot_left_by_a_crash_is_swept(echo):
    folder = run_folder() / "slots"
    folder.mkdir(parents=True)
    (folder / "0.lock").write_text(json.dumps({"pid": os.getpid(), "note": "a ghost", "since": 0}))
    assert slots.running() == []
    assert not list(folder.iterdir())


def test_a_model_that_is_starting_is_named_and_its_kernel_is_not_ended(echo):
    slot = slots.take("in the making")
    assert [each.note for each in slots.running()] == ["in the making"]
    assert rl.stop_all(everywhere=True) == 0
    slot.release(remove=True)


def test_a_start_without_descriptors_gives_its_slot_back(echo, monkeypatch):
    from runway_lab.engine import process

    def none_left():
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(process.os, "pipe", none_left)
        for _ in range(4):
            with pytest.raises(ModelCrashed, match="Too many open files"):
                rl.run(echo["same"], quiet=True)
    assert slots.running() == []
