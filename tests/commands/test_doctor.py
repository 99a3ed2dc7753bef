"""The doctor tells how it stands, and does not faint."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time

import pytest

from runway_lab import cli
from runway_lab.commands import checks
from runway_lab.commands.doctor import examine, table
from runway_lab.commands.findings import Finding


def works(topic: str = "Tea") -> list[Finding]:
    return [Finding(topic, "works", "hot")]


def test_this_machine_is_examined_in_time_and_as_json() -> None:
    start = time.monotonic()
    told = subprocess.run(
        [sys.executable, "-m", "runway_lab", "doctor", "--json"], capture_output=True, text=True, timeout=60
    )
    assert time.monotonic() - start < 10
    findings = json.loads(told.stdout)
    assert {"Python", "PyTorch", "Memory", "Library", "Jupyter", "Widgets", "Browser", "Ports", "Docker"} <= {
        finding["topic"] for finding in findings
    }
    problems = {finding["topic"] for finding in findings if finding["state"] == "problem"}
    # A machine may be short of room; what the set-up installed has to be in order.
    assert not problems & {"Python", "PyTorch", "torchvision", "Video", "Jupyter", "Widgets"}
    assert told.returncode == (1 if problems else 0)
    assert told.stderr == ""


@pytest.mark.parametrize(("state", "code"), [("works", 0), ("note", 0), ("problem", 1)])
def test_only_a_problem_makes_the_exit_code_1(
    state: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = Finding("Tea", state, "as it is", "Drink it.")  # type: ignore[arg-type]
    monkeypatch.setattr(checks, "CHECKS", (("Tea", lambda: [finding]),))
    assert cli.main(["doctor"]) == code
    text = capsys.readouterr().out
    assert "-> Drink it." in text
    assert "\033" not in text


def test_a_check_that_breaks_or_hangs_is_a_note_and_the_others_are_heard() -> None:
    go_on = threading.Event()

    def break_down() -> list[Finding]:
        raise ZeroDivisionError

    def hang() -> list[Finding]:
        go_on.wait(60)
        return []

    start = time.monotonic()
    findings = examine([("Tea", works), ("Milk", break_down), ("Ice", hang)], seconds=0.5)
    go_on.set()
    assert time.monotonic() - start < 5
    assert [(finding.topic, finding.state) for finding in findings] == [
        ("Tea", "works"),
        ("Milk", "note"),
        ("Ice", "note"),
    ]


@pytest.mark.parametrize("width", [20, 60, 100])
def test_the_table_stays_inside_the_terminal(width: int) -> None:
    findings = [Finding("Library", "problem", "word " * 40, "do " * 40), *works()]
    lines = table(findings, width=width).splitlines()
    assert max(map(len, lines[:-1])) <= max(width, 40)


def test_colour_only_when_asked_for_and_words_without_it() -> None:
    findings = [Finding("Tea", "problem", "cold"), *works()]
    assert "\033" not in table(findings)
    coloured = table(findings, colour=True)
    assert re.sub(r"\033\[[\d;]*m", "", coloured) == table(findings)
    assert coloured != table(findings)


def test_every_line_can_be_printed_anywhere() -> None:
    # A terminal of Windows may know nothing beyond this.
    table(examine(checks.CHECKS)).encode("cp1252")
