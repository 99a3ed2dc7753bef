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


def test_a_stream_keeps_it(echo):
    shown = []
    stream = rl.run(echo["same"], quiet=True).stream(lambda outputs: shown.append(outputs.text), "say")
    gc.collect()
    time.sleep(0.2)
    stream.send(text="a")
    assert wait_for(lambda: shown == ["a"], 5)
    stream.close()


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
