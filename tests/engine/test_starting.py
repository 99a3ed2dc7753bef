"""`rl.run` says words at once and takes no nonsense."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from support.cells import cell, wait_until_gone

import runway_lab as rl
from runway_lab.errors import BadValue


def test_words_come_first_and_last(echo, capsys):
    with rl.run(echo["same"]):
        said = capsys.readouterr().err.splitlines()
    assert said[0] == "Starting same ..."
    assert said[-1].startswith("same runs on cpu, started ")


def test_a_failed_start_says_so_too(capsys):
    broken = cell("""
        @rl.setup
        def prepare():
            raise OSError("the weights are gone")

        @rl.command(outputs={"fine": Boolean()})
        def look(_):
            return True
    """)
    with pytest.raises(Exception, match="the weights are gone"):
        rl.run(broken["look"])
    assert capsys.readouterr().err.splitlines()[-1] == "look did not start."


@pytest.mark.parametrize(("wrong", "words"), [({"threads": 0}, "threads"), ({"device": ""}, "device")])
def test_nonsense_is_refused(echo, wrong, words):
    with pytest.raises(BadValue, match=words):
        rl.run(echo["same"], quiet=True, **wrong)


def test_an_interrupt_while_it_starts_stops_it(capsys):
    slow = cell("""
        @rl.setup
        def prepare():
            import time
            time.sleep(60)

        @rl.command(outputs={"fine": Boolean()})
        def look(_):
            return True
    """)

    def interrupt():
        time.sleep(0.7)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        rl.run(slow["look"])
    assert not wait_until_gone(3)
    assert "was stopped before it was ready" in capsys.readouterr().err
