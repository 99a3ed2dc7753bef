"""A worker's log and end, read as they come."""

from __future__ import annotations

import os
import threading

from support.cells import wait_for

from runway_lab.engine.channel import Channel
from runway_lab.engine.process import MOST_LINE, MOST_LINES, LocalProcess, start_cold, told
from runway_lab.engine.protocol import Ending


def fake(ending=lambda: Ending(0)):
    import socket

    mine, theirs = socket.socketpair()
    read, write = os.pipe()
    return LocalProcess(Channel(mine), read, ending), theirs, write


def test_lines_are_whole_bounded_and_live():
    end = threading.Event()
    process, far, log = fake(lambda: Ending(0) if end.wait(10) else Ending(1))
    os.write(log, "grü".encode()[:3])
    os.write(log, "grün".encode()[3:] + b" one\r\ntwo\nthr")
    # What is not at its end yet is shown as well, and a progress bar as it stands.
    assert wait_for(lambda: process.log == ["grün one", "two", "thr"])
    os.write(log, b" 10%\r 90%")
    assert wait_for(lambda: process.log[2:] == [" 90%"])
    os.write(log, b"\rthree\n" + b"x" * 3 * MOST_LINE + b"\n\xff\xfe\n")
    assert wait_for(lambda: len(process.log) == 5)
    assert process.log[2] == "three"
    assert len(process.log[3]) <= MOST_LINE + 4
    os.write(log, b"".join(b"%d\n" % n for n in range(3 * MOST_LINES)) + b"no end of line")
    os.close(log)
    end.set()
    assert process.wait(5) is not None
    assert len(process.log) == MOST_LINES
    assert process.log[-1] == "no end of line"
    far.close()


def test_a_log_that_a_stranger_keeps_open_does_not_hold_the_end_up():
    process, far, log = fake()
    os.write(log, b"last words\n")
    ending = process.wait(5)
    assert ending == Ending(0, 0, ["last words"])
    os.close(log)
    far.close()


def test_what_the_launcher_told():
    for words, expected in [
        (b'{"exit": -11, "memory": 5}\n', Ending(-11, 5)),
        (b"", Ending(None)),
        (b'{"exit": 0, "mem', Ending(None)),
    ]:
        read, write = os.pipe()
        os.write(write, words)
        os.close(write)
        assert told(read) == expected


def test_a_worker_alone_speaks_the_protocol():
    process = start_cold("alone", None)
    process.send(
        {
            "type": "start",
            "model": {"module": "runway_lab.nothing"},
            "options": {},
            "device": "auto",
            "threads": 1,
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "path": [],
        }
    )
    message = process.receive()
    assert message.type == "failed"
    assert "No module named 'runway_lab.nothing'" in message.header["what"]
    assert process.receive() is None
    ending = process.wait(5)
    assert ending.code == 0
    assert ending.memory > 1_000_000


def test_no_descriptor_is_left_open():
    def count():
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    process = start_cold("first", None)
    process.end()
    assert process.wait(5)
    before = count()
    for _ in range(3):
        process = start_cold("again", None)
        process.end()
        assert process.wait(5)
    assert wait_for(lambda: count() <= before)
