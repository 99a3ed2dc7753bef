"""Only the newest matters: nothing queues, nothing comes out of order, the last one is always shown."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from support.cells import cell, wait_for

import runway_lab as rl
from runway_lab.errors import InferenceFailed, ModelStopped


@pytest.fixture
def slow():
    space = cell("""
        import threading, time
        busy = []

        @rl.setup
        def prepare():
            return {"most": 0}

        @rl.command(inputs={"n": Number(), "seconds": Number(default=0)}, outputs={"n": Number()})
        def wait(state, n, seconds):
            time.sleep(seconds)
            if n == 13:
                raise ValueError("unlucky")
            return n

        @rl.command(inputs={"size": Number(step=1, default=8)}, outputs={"image": Image()})
        def draw(state, size):
            import numpy as np
            return np.full((size, size, 3), 200, np.uint8)
    """)
    with rl.run(space["wait"], quiet=True) as running:
        yield running


def test_the_newest_wins_and_the_last_is_shown(slow):
    shown: list[int] = []
    with slow.stream(lambda outputs: shown.append(outputs.n)) as stream:
        for n in range(100, 200):
            stream.send(n=n, seconds=0.02)
            time.sleep(0.002)
        assert stream.drain(10)
    assert shown == sorted(shown)
    assert shown[-1] == 199
    assert len(shown) < 60
    stats = stream.stats()
    assert stats.sent == 100
    assert stats.shown == len(shown)
    assert stats.dropped == 100 - len(shown)


def test_at_most_two_are_on_the_way(slow):
    asked: list[int] = []
    ask = slow.session.ask

    def counted(command, inputs, *more, **others):
        asked.append(inputs["n"])
        return ask(command, inputs, *more, **others)

    slow.session.ask = counted
    stream = slow.stream(lambda outputs: None)
    for n in range(50):
        stream.send(n=n + 100, seconds=0.5)
    assert asked == [100, 101]
    stream.close()


def test_a_slow_screen_holds_the_model_up_and_not_the_sender(slow):
    shown: list[int] = []
    release = threading.Event()

    def show(outputs):
        release.wait(10)
        shown.append(outputs.n)

    stream = slow.stream(show)
    for n in range(100, 300):
        stream.send(n=n)
    assert stream.stats().shown <= 2
    release.set()
    assert stream.drain(10)
    assert shown[-1] == 299
    assert len(shown) <= 5
    stream.close()


def test_what_goes_wrong_is_told_and_the_stream_goes_on(slow):
    errors: list[BaseException] = []
    shown: list[int] = []
    with slow.stream(lambda outputs: shown.append(outputs.n), on_error=errors.append) as stream:
        stream.send(n=13)
        assert wait_for(lambda: errors)
        stream.send(n=14)
        assert stream.drain(10)
    assert isinstance(errors[0], InferenceFailed)
    assert stream.error is errors[0]
    assert shown == [14]


def test_an_error_of_the_callback_does_not_end_it(slow):
    seen: list[int] = []

    def show(outputs):
        seen.append(outputs.n)
        raise RuntimeError("the screen is gone")

    with slow.stream(show) as stream:
        stream.send(n=1)
        assert stream.drain(5)
        stream.send(n=2)
        assert stream.drain(5)
    assert seen == [1, 2]
    assert isinstance(stream.error, RuntimeError)


def test_wrong_inputs_are_told_to_the_stream_and_free_its_place(slow):
    with slow.stream(lambda outputs: None) as stream:
        for _ in range(5):
            stream.send(m=1)
        assert stream.drain(5)
    assert "has no input 'm'" in str(stream.error)


def test_pictures_can_come_encoded_for_a_screen(slow):
    kinds: list[str] = []
    sizes: list[tuple[int, int]] = []

    def show(outputs):
        description, data = outputs.encoded("image")
        kinds.append(description["encoding"])
        assert bytes(data[:2]) == b"\xff\xd8"
        sizes.append(outputs.image.size)

    with slow.stream(show, "draw", encoding="jpeg") as stream:
        stream.send(size=32)
    assert kinds == ["jpeg"]
    assert sizes == [(32, 32)]
    assert stream.error is None


def test_closed_is_closed(slow):
    stream = slow.stream(lambda outputs: None)
    stream.close()
    stream.close()
    with pytest.raises(ModelStopped, match="closed"):
        stream.send(n=1)


def test_latency_and_fps_are_measured(slow):
    with slow.stream(lambda outputs: None) as stream:
        for _ in range(20):
            stream.send(n=1, seconds=0.01)
            stream.drain(5)
        stats = stream.stats()
    assert 10 <= stats.latency_p50 <= stats.latency_p95
    assert 0 < stats.fps < 100
    assert np.isfinite(stats.fps)


def test_an_error_callback_that_fails_does_not_end_it(slow):
    shown: list[int] = []

    def broken(error):
        raise RuntimeError("and this too")

    with slow.stream(lambda outputs: shown.append(outputs.n), on_error=broken) as stream:
        stream.send(n=13)
        assert stream.drain(5)
        stream.send(n=14)
        assert stream.drain(5)
    assert shown == [14]
    assert stream.drain(1)


def test_one_frame_alone_has_no_rate(slow):
    with slow.stream(lambda outputs: None) as stream:
        assert stream.stats().fps == 0
        stream.send(n=1)
        assert stream.drain(5)
        assert stream.stats().fps == 0


def test_closing_with_something_on_the_way_leaves_nothing_to_wait_for(slow):
    shown: list[int] = []
    stream = slow.stream(lambda outputs: shown.append(outputs.n))
    stream.send(n=1, seconds=0.3)
    stream.close()
    assert stream.drain(1)
    time.sleep(0.5)
    assert shown == []
