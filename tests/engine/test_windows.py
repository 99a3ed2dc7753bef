"""The way a worker reaches its kernel on Windows, as far as it can be walked elsewhere: loopback and a token."""

from __future__ import annotations

import os
import socket
import threading

import pytest
from support.cells import processes, wait_for

from runway_lab.engine import windows
from runway_lab.errors import ModelCrashed


def start_message(**more):
    return {
        "type": "start",
        "model": {"module": "runway_lab.nothing"},
        "options": {},
        "device": "auto",
        "threads": 1,
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "path": [],
        **more,
    }


def test_a_worker_comes_and_speaks():
    process = windows.start(None)
    process.send(start_message())
    message = process.receive()
    assert message.type == "failed"
    assert "No module named" in message.header["what"]
    assert process.wait(10).code == 0


def test_end_ends_it():
    process = windows.start(None)
    process.end()
    assert process.wait(5) is not None
    assert not processes()


def test_a_stranger_without_the_token_is_turned_away(monkeypatch):
    accept = socket.socket.accept
    strangers: list[bytes] = []

    def come_first(listener):
        monkeypatch.setattr(socket.socket, "accept", accept)
        stranger = socket.create_connection(listener.getsockname())
        stranger.sendall(b"x" * 64)
        found = accept(listener)

        def listen():
            strangers.append(stranger.recv(1))
            stranger.close()

        threading.Thread(target=listen).start()
        return found

    monkeypatch.setattr(socket.socket, "accept", come_first)
    process = windows.start(None)
    process.send(start_message())
    assert process.receive().type == "failed"
    assert wait_for(lambda: strangers == [b""])
    process.wait(10)


def test_a_worker_that_does_not_come_up_is_told(monkeypatch):
    monkeypatch.setattr(windows, "worker_command", lambda kind: [windows.sys.executable, "-c", "raise OSError('no')"])
    with pytest.raises(ModelCrashed, match="did not come up") as caught:
        windows.start(None)
    assert "OSError: no" in caught.value.log[-1]
