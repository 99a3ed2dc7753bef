"""What can happen to a model, and what a person hears of it."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from support.cells import ECHO, cell, processes, wait_for

import runway_lab as rl
from runway_lab.engine import process
from runway_lab.errors import (
    BadValue,
    InferenceFailed,
    ModelCrashed,
    ModelStopped,
    OutOfMemory,
    StartFailed,
    Unknown,
)


def test_a_picture_comes_back_as_it_went(model):
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    assert (model(image=picture).image == picture).all()


def test_a_query_that_is_wrong_is_refused_before_it_is_sent(model):
    with pytest.raises(BadValue, match="has no input 'imag'. Did you mean 'image'"):
        model(imag=1)
    with pytest.raises(BadValue, match="'image' of the command 'same' is missing"):
        model()
    with pytest.raises(Unknown, match="Did you mean 'same'"):
        model.query("sme")
    assert model.query("say", text="still here").text == "still here"


def test_what_the_model_raises_is_told_and_it_lives_on(model):
    where = r"ValueError: no such colour \(in fail, line \d+: if how == \"raise\": raise ValueError"
    with pytest.raises(InferenceFailed, match=where) as caught:
        model.query("fail", how="raise")
    assert 'raise ValueError("no such colour")' in caught.value.details
    assert model.status == "running"
    assert model.query("say", text="hello").text == "hello"


def test_what_the_model_returns_wrongly_is_told(model):
    with pytest.raises(BadValue, match="'dome', which is none of its outputs. Did you mean 'done'"):
        model.query("fail", how="nonsense")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exit", "left by itself, with the exit code 3"),
        ("segfault", "segmentation fault"),
        ("kill", "SIGKILL"),
    ],
)
def test_a_crash_is_told_with_its_reason_and_its_last_words(echo, model, how, words):
    with pytest.raises(ModelCrashed, match=words) as caught:
        model.query("fail", how=how)
    assert f"about to fail: {how}" in caught.value.log
    assert model.status == "failed"
    with pytest.raises(ModelCrashed, match=words):
        model.query("say", text="anybody?")
    with rl.run(echo["same"], quiet=True) as again:
        assert again.query("say", text="hello").text == "hello"


def test_a_segfault_says_where_in_the_model_it_was(model):
    with pytest.raises(ModelCrashed) as caught:
        model.query("fail", how="segfault")
    assert any("in fail" in line for line in caught.value.log)


def test_no_memory_is_told_as_such(model):
    with pytest.raises(OutOfMemory, match="ran out of memory"):
        model.query("fail", how="memory")
    assert model.status == "running"


def test_a_model_that_the_system_ended_for_want_of_memory(monkeypatch):
    """As on a small machine: it used most of what there is when SIGKILL came."""
    greedy = cell("""
        @rl.command(inputs={"mb": Number()}, outputs={"done": Boolean()})
        def take(mb):
            import os, signal
            kept = bytearray(int(mb * 1e6))
            kept[::4096] = bytes(len(kept[::4096]))
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    monkeypatch.setattr(process, "memory_total", lambda: 300_000_000)
    with rl.run(greedy["take"], quiet=True) as running, pytest.raises(OutOfMemory, match="it used 0.3 GB when"):
        running(mb=250)
    with rl.run(greedy["take"], quiet=True) as running, pytest.raises(ModelCrashed, match="it was killed"):
        running(mb=1)


def test_a_setup_that_raises_is_told_with_the_line():
    broken = cell("""
        @rl.setup
        def prepare():
            print("looking for the weights")
            raise OSError("the weights are gone")

        @rl.command(inputs={"text": Text()}, outputs={"text": Text()})
        def say(model, text):
            return text
    """)
    with pytest.raises(StartFailed, match="OSError: the weights are gone") as caught:
        rl.run(broken["say"], quiet=True)
    assert 'raise OSError("the weights are gone")' in caught.value.details
    assert "looking for the weights" in caught.value.log


def test_a_worker_that_leaves_before_it_is_ready():
    leaving = cell("""
        @rl.setup
        def prepare():
            import os
            os._exit(7)

        @rl.command(inputs={"text": Text()}, outputs={"text": Text()})
        def say(model, text):
            return text
    """)
    with pytest.raises(ModelCrashed, match="left before it was ready by itself, with the exit code 7"):
        rl.run(leaving["say"], quiet=True)


@pytest.mark.parametrize("busy", ["sleep", "loop in C"])
def test_stop_ends_whatever_the_model_is_doing(model, busy):
    answer = model.submit("sleep", seconds=60) if busy == "sleep" else model.submit("fail", how="loop in C")
    assert wait_for(lambda: busy == "sleep" or "about to fail: loop in C" in model.log)
    model.stop()
    assert model.status == "stopped"
    assert not processes()
    with pytest.raises(ModelStopped, match="was stopped"):
        answer.result(1)


def test_stop_while_it_starts():
    slow = cell("""
        @rl.setup
        def prepare():
            import time
            time.sleep(60)

        @rl.command(inputs={"text": Text()}, outputs={"text": Text()})
        def say(model, text):
            return text
    """)
    running = rl.run(slow["say"], quiet=True, wait=False)
    assert running.status == "starting"
    answer = running.submit(text="hello")
    time.sleep(0.5)
    running.stop()
    running.stop()
    assert running.status == "stopped"
    with pytest.raises(ModelStopped):
        answer.result(1)
    with pytest.raises(ModelStopped, match="was stopped"):
        running.wait()


def test_queries_wait_in_line_while_it_starts(echo):
    running = rl.run(echo["same"], quiet=True, wait=False)
    good = running.submit("say", text="early")
    bad = running.submit("say", txet="early")
    assert good.result(20).text == "early"
    with pytest.raises(BadValue, match="txet"):
        bad.result(20)


def test_answers_come_in_parts(model):
    answer = model.submit("count", parts=4)
    assert [(part.part, part.progress) for part in answer.partials()] == [(0, 0), (1, 0.25), (2, 0.5), (3, 0.75)]
    assert answer.result().part == 3
    assert answer.progress == 1


def test_a_part_comes_when_it_is_there(model):
    answer = model.submit("count", parts=2, pause=30)
    assert next(answer.partials()).part == 0
    assert not answer.done()


def test_cancel_ends_that_query_and_no_other(model):
    first = model.submit("count", parts=1000, pause=0.01)
    waiting = model.submit("sleep", seconds=30)
    last = model.submit("say", text="and me")
    next(first.partials())
    assert waiting.cancel()
    assert first.cancel()
    assert last.result(10).text == "and me"
    assert first.cancelled()
    assert waiting.cancelled()


def test_an_idle_model_sleeps_and_the_next_query_wakes_it(echo, monkeypatch):
    monkeypatch.setenv("RUNWAY_LAB_IDLE_MINUTES", str(0.5 / 60))
    with rl.run(echo["same"], quiet=True) as running:
        for _ in range(6):
            time.sleep(0.15)
            running.query("say", text="awake")
        assert running.status == "running"
        assert wait_for(lambda: running.status == "stopped", 5)
        assert running.asleep
        assert not processes()
        assert running.query("say", text="good morning").text == "good morning"
        assert not running.asleep


def test_a_model_at_work_is_not_idle(echo, monkeypatch):
    monkeypatch.setenv("RUNWAY_LAB_IDLE_MINUTES", str(0.2 / 60))
    with rl.run(echo["same"], quiet=True) as running:
        assert running.query("sleep", seconds=1).done


def test_many_threads_ask_one_model(model):
    answers: dict[int, str] = {}

    def ask(number):
        answers[number] = model.query("say", text=f"I am {number}").text

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert answers == {number: f"I am {number}" for number in range(30)}


def test_what_it_prints_is_its_log_and_is_live(model):
    answer = model.submit("fail", how="loop in C")
    assert wait_for(lambda: model.log == ["about to fail: loop in C"])
    assert not answer.done()


def test_a_cell_run_again_brings_the_new_code():
    with rl.run(cell(ECHO, "<one cell>")["say"], quiet=True) as running:
        assert running.query("say", text="a").text == "a"
    edited = cell(ECHO.replace("return text", "return text.upper()"), "<one cell>")
    with rl.run(edited["say"], quiet=True) as running:
        assert running.query("say", text="a").text == "A"


@pytest.mark.parametrize("name", ["ConnectionRefusedError", "BrokenPipeError", "TimeoutError"])
def test_a_connection_of_the_model_s_own_that_breaks_is_its_own_affair(name):
    space = cell(f"""
        @rl.command(outputs={{"fine": Boolean()}})
        def ask():
            raise {name}("the other server is away")
    """)
    with rl.run(space["ask"], quiet=True) as running:
        with pytest.raises(InferenceFailed, match=f"{name}: the other server is away"):
            running()
        assert running.status == "running"


def test_a_model_that_exits_with_a_thread_at_work_is_told():
    space = cell("""
        @rl.command(outputs={"fine": Boolean()})
        def leave():
            import sys, threading, time
            threading.Thread(target=time.sleep, args=(60,)).start()
            sys.exit("no more colours")
    """)
    with rl.run(space["leave"], quiet=True) as running:
        with pytest.raises(ModelCrashed, match="with the exit code 1") as caught:
            running()
        assert caught.value.log[-1] == "no more colours"


def test_a_signature_that_this_kernel_cannot_read_is_told(tmp_path):
    (tmp_path / "model.py").write_text(
        "from runway_lab.fields import Number\n"
        "from runway_lab.sdk import command\n"
        "class Odd(Number):\n    type = 'odd'\n"
        "@command(outputs={'n': Odd()})\n"
        "def one():\n    return 1\n"
    )
    with pytest.raises(BadValue, match="odd"):
        rl.run(tmp_path, quiet=True)
    assert not processes()


def test_nothing_of_the_current_folder_is_imported_by_accident(echo, tmp_path, monkeypatch):
    for name in ("queue", "json", "numpy", "dataclasses"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    with rl.run(echo["same"], quiet=True) as running:
        assert running.query("say", text="safe").text == "safe"


def test_missing_torchvision_operators_are_told_in_a_sentence():
    space = cell("""
        @rl.command(outputs={"fine": Boolean()})
        def find():
            raise RuntimeError("operator torchvision::nms does not exist")
    """)
    with rl.run(space["find"], quiet=True) as running, pytest.raises(InferenceFailed, match="belong together"):
        running()
