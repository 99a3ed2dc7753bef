"""A model in a person's hands: it goes when it is let go of."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time

import pytest
from support.cells import processes, wait_for, wait_until_gone

import runway_lab as rl
from runway_lab.errors import ModelStopped


def test_it_says_what_it_is(model):
    assert repr(model) == "<RunningModel same: running on cpu>"
    assert model.name == "same"
    assert next(iter(model.signature.commands)) == "same"
    model.stop()
    assert repr(model) == "<RunningModel same: stopped>"
    assert model.error is None


def test_a_model_that_nobody_holds_is_stopped(echo):
    running = rl.run(echo["same"], quiet=True)
    assert running.query("say", text="a").text == "a"
    running = None
    gc.collect()
    assert not wait_until_gone(3)
    assert running is None


def test_a_query_keeps_it_until_it_is_answered(echo):
    answer = rl.run(echo["same"], quiet=True).submit("sleep", seconds=0.5)
    gc.collect()
    assert answer.result(10).done
    assert not wait_until_gone(3)


def test_a_stream_keeps_it_and_goes_when_nobody_holds_it(echo):
    shown = []
    stream = rl.run(echo["same"], quiet=True).stream(lambda outputs: shown.append(outputs.text), "say")
    gc.collect()
    time.sleep(0.2)
    stream.send(text="a")
    assert wait_for(lambda: shown == ["a"], 5)
    assert stream.drain(5)
    stream = None
    gc.collect()
    assert not wait_until_gone(3)
    assert stream is None


def test_stopped_from_its_own_answer(model):
    stopped = []
    answer = model.submit("say", text="a")
    answer.add_done_callback(lambda _: stopped.append(model.stop()))
    assert answer.result(5).text == "a"
    assert wait_for(lambda: model.status == "stopped", 3)
    assert stopped == [None]


def test_parts_end_when_they_are_over_though_nobody_holds_the_model(echo):
    parts = [each.part for each in rl.run(echo["same"], quiet=True).submit("count", parts=3).partials()]
    assert parts == [0, 1, 2]
    gc.collect()
    assert not wait_until_gone(3)


def test_stop_all_puts_sleeping_models_out_of_reach(echo, monkeypatch):
    monkeypatch.setenv("RUNWAY_LAB_IDLE_MINUTES", str(0.3 / 60))
    running = rl.run(echo["same"], quiet=True)
    assert wait_for(lambda: running.asleep and running.status == "stopped", 5)
    assert rl.stop_all() == 1
    with pytest.raises(ModelStopped):
        running.query("say", text="a")


def test_a_fork_of_the_kernel_takes_nothing_with_it(model):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert model.query("say", text="still here").text == "still here"


def test_stop_all_stops_all(echo):
    models = [rl.run(echo["same"], quiet=True) for _ in range(3)]
    models.append(rl.run(echo["same"], quiet=True, wait=False))
    assert rl.stop_all() == 4
    assert {each.status for each in models} == {"stopped"}
    assert not processes()
    assert rl.stop_all() == 0


def test_stopping_twice_is_harmless(model):
    model.stop()
    model.stop()
    assert model.status == "stopped"


def test_an_interrupt_gives_up_on_the_query_and_not_on_the_model(model):
    def interrupt():
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        model.query("count", parts=1000, pause=0.01)
    assert model.query("say", text="still here").text == "still here"
