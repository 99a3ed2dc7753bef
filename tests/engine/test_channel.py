"""Messages go over a real socket whole, from many threads, and never without bounds."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest

from runway_lab.engine.channel import Channel
from runway_lab.errors import BadFrame


@pytest.fixture
def ends():
    first, second = socket.socketpair()
    pair = Channel(first), Channel(second)
    yield pair
    for each in pair:
        each.close()


def test_buffers_arrive_as_they_were(ends):
    mine, theirs = ends
    picture = np.arange(3 * 1000 * 1000, dtype=np.uint8)
    sender = threading.Thread(target=mine.send, args=({"type": "query"}, [b"abc", picture.data, b""]))
    sender.start()
    message = theirs.receive()
    sender.join()
    assert message.type == "query"
    assert [bytes(each) for each in message.buffers] == [b"abc", picture.tobytes(), b""]


def test_more_buffers_than_the_system_sends_at_once(ends):
    mine, theirs = ends
    buffers = [bytes([index % 256]) * (index % 7) for index in range(1500)]
    threading.Thread(target=mine.send, args=({}, buffers)).start()
    assert [bytes(each) for each in theirs.receive().buffers] == buffers


def test_threads_do_not_cut_into_each_other(ends):
    mine, theirs = ends
    senders = [
        threading.Thread(target=lambda n=n: [mine.send({"from": n}, [bytes([n]) * 100_000]) for _ in range(20)])
        for n in range(4)
    ]
    for each in senders:
        each.start()
    messages = [theirs.receive() for _ in range(80)]
    assert all(set(message.buffers[0]) == {message.header["from"]} for message in messages)


def test_the_end_of_a_stream_is_none(ends):
    mine, theirs = ends
    mine.close()
    assert theirs.receive() is None


def test_too_large_a_message_is_refused_on_both_ends(monkeypatch):
    monkeypatch.setenv("RUNWAY_LAB_MAX_MESSAGE_MB", "1")
    first, second = socket.socketpair()
    bounded = Channel(first)
    monkeypatch.setenv("RUNWAY_LAB_MAX_MESSAGE_MB", "100")
    generous = Channel(second)
    with pytest.raises(BadFrame, match="too large to send"):
        bounded.send({}, [bytes(1_500_000)])
    threading.Thread(target=lambda: generous.send({}, [bytes(1_500_000)]), daemon=True).start()
    with pytest.raises(BadFrame, match="announces"):
        bounded.receive()
    bounded.close()
    generous.close()
