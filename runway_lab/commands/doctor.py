"""`runway-lab doctor`: what works on this machine, what does not, and what to do about it.

The checks are in `runway_lab.commands.checks`. Each is a function that returns findings and knows nothing of the
others; they run at the same time, because most of them wait for another program. A check that itself goes wrong, or
takes longer than all of it may take, becomes a finding too: a doctor must not faint. The exit code is 1 when there is
a problem, and 0 when there are only notes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from runway_lab.commands import Commands
from runway_lab.commands.findings import Finding

__all__ = ["add", "examine", "table"]

_SECONDS = 31.0
_COLOURS = {"works": "32", "note": "33", "problem": "1;31"}


def add(commands: Commands) -> None:
    """Enter the command."""
    parser = commands.add(
        "doctor",
        _doctor,
        heading="Help",
        line="find out what is wrong on this machine, and what to do about it",
        about="""
            Look at everything that runway-lab needs on this machine. Nothing is changed. The exit code is 1 when there
            is a problem and 0 otherwise; a note is something to know, not a problem.
            """,
        examples=("runway-lab doctor", "runway-lab doctor --json > doctor.json   (to put in a report)"),
    )
    parser.add_argument("--json", action="store_true", help="the same for a program to read")


def _doctor(chosen: argparse.Namespace) -> int:
    from runway_lab.commands.checks import CHECKS

    findings = examine(CHECKS)
    if chosen.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        print(table(findings, width=min(100, shutil.get_terminal_size().columns), colour=colour))
    return 1 if any(finding.state == "problem" for finding in findings) else 0


def examine(checks: Sequence[tuple[str, Callable[[], list[Finding]]]], seconds: float = _SECONDS) -> list[Finding]:
    """The findings of all checks, in their order, within the time.

    >>> examine([("Tea", lambda: [Finding("Tea", "works", "hot")]), ("Milk", lambda: 1 / 0)])[1].words
    'could not be looked at: ZeroDivisionError: division by zero'
    """
    results: dict[int, list[Finding]] = {}

    def look(index: int, topic: str, check: Callable[[], list[Finding]]) -> None:
        try:
            results[index] = check()
        except Exception as error:
            results[index] = [Finding(topic, "note", f"could not be looked at: {type(error).__name__}: {error}")]

    deadline = time.monotonic() + seconds
    # Daemons: a check that hangs (a dead network folder) must not keep the program from ending.
    threads = [threading.Thread(target=look, args=(index, *entry), daemon=True) for index, entry in enumerate(checks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = "took too long to look at"
    return [
        finding
        for index, (topic, _) in enumerate(checks)
        for finding in results.get(index, [Finding(topic, "note", late, "Try again; the machine may be busy.")])
    ]


def table(findings: Sequence[Finding], *, width: int = 100, colour: bool = False) -> str:
    """The findings for a terminal: plain characters only, wrapped, problems with what to do in a line of their own.

    >>> print(table([Finding("Tea", "problem", "cold", "Warm it.")]))
    problem  Tea  cold
                  -> Warm it.
    <BLANKLINE>
    1 problem. After each arrow stands what to do.
    """
    topics = max((len(finding.topic) for finding in findings), default=0)
    indent = " " * (9 + topics + 2)
    lines = []
    for finding in findings:
        state = f"{finding.state:<9}"
        if colour:
            state = f"\033[{_COLOURS[finding.state]}m{state}\033[0m"
        room = max(20, width - len(indent))
        first, *more = textwrap.wrap(finding.words, room, break_long_words=False, break_on_hyphens=False) or [""]
        lines += [f"{state}{finding.topic:<{topics}}  {first}", *(indent + line for line in more)]
        if finding.advice:
            advice = textwrap.wrap(f"-> {finding.advice}", room, break_long_words=False, break_on_hyphens=False)
            lines += [indent + line for line in advice]
    return "\n".join([*lines, "", _summary(findings)])


def _summary(findings: Sequence[Finding]) -> str:
    problems = sum(finding.state == "problem" for finding in findings)
    if problems:
        return f"{problems} problem{'s' if problems > 1 else ''}. After each arrow stands what to do."
    return "No problems. A note is something to know, not something to mend."
