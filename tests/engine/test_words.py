"""One line where the person looks: under the cell, in the terminal, in a log."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from runway_lab.engine.words import Line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_line(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    line = Line()
    line.say("Starting something long ...")
    line.say("It runs.", last=True)
    assert screen.getvalue() == "\rStarting something long ...\rIt runs.                   \n"


def test_a_log_gets_lines(capsys):
    Line().say("Starting.")
    assert capsys.readouterr().err == "Starting.\n"


def test_quiet_is_quiet(capsys):
    Line(quiet=True).say("Starting.")
    assert capsys.readouterr().err == ""


def test_a_notebook_shows_it_under_the_cell_and_changes_it(monkeypatch):
    shown: list[object] = []
    handle = SimpleNamespace(update=lambda data, raw: shown.append(("update", data)))

    def display(data, raw, display_id):
        shown.append(("display", data))
        return handle

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=True)))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    line = Line()
    line.say("Starting.")
    line.say("Running.")
    assert shown == [("display", {"text/plain": "Starting."}), ("update", {"text/plain": "Running."})]


@pytest.mark.parametrize("stream", [None])
def test_no_stream_at_all_is_no_error(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    Line().say("Starting.")
