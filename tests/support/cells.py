"""Cells of a notebook without a notebook, and a look at the processes of a test."""

from __future__ import annotations

import itertools
import linecache
import os
import textwrap
import time
from collections.abc import Callable
from typing import Any

import psutil

import runway_lab as rl

_numbers = itertools.count()


def cell(source: str, name: str | None = None) -> dict[str, Any]:
    """Runs source as a cell of a notebook would be: in `__main__`, under a file name of its own."""
    text = textwrap.dedent(source)
    called = name or f"<test cell {next(_numbers)}>"
    linecache.cache[called] = (len(text), None, text.splitlines(keepends=True), called)
    space: dict[str, Any] = {"__name__": "__main__", "rl": rl}
    exec(compile("from runway_lab.fields import *\n", called, "exec"), space)
    exec(compile(text, called, "exec"), space)
    return space


ECHO = """
    @rl.command(inputs={"image": Image(form="array")}, outputs={"image": Image(form="array")})
    def same(image):
        return image

    @rl.command(inputs={"text": Text()}, outputs={"text": Text()})
    def say(text):
        print("saying", text)
        return text

    @rl.command(inputs={"seconds": Number(default=0)}, outputs={"done": Boolean()})
    def sleep(seconds):
        import time
        time.sleep(seconds)
        return True

    @rl.command(inputs={"parts": Number(default=3, step=1), "pause": Number(default=0)}, outputs={"part": Number()})
    def count(parts, pause):
        import time
        for index in range(parts):
            yield {"part": index}, index / parts
            time.sleep(pause)

    @rl.command(inputs={"how": Text()}, outputs={"done": Boolean()})
    def fail(how):
        import ctypes, os, signal, sys
        print("about to fail:", how)
        if how == "raise": raise ValueError("no such colour")
        if how == "exit": sys.exit(3)
        if how == "segfault": ctypes.string_at(0)
        if how == "kill": os.kill(os.getpid(), signal.SIGKILL)
        if how == "memory": bytearray(1 << 60)
        if how == "loop in C": "a" * 40 == __import__("re").match("(a+)+b", "a" * 60)
        if how == "nonsense": return {"dome": True}
        return True
"""


def processes() -> list[psutil.Process]:
    """The processes that work on this test's library, but for this one."""
    found = []
    for each in psutil.process_iter():
        try:
            if each.pid != os.getpid() and each.environ().get("RUNWAY_LAB_HOME") == os.environ["RUNWAY_LAB_HOME"]:
                found.append(each)
        except (psutil.Error, OSError):
            continue
    return found


def workers() -> list[psutil.Process]:
    """Those of them that run a model, or wait for one."""
    found = []
    for each in processes():
        try:
            line = each.cmdline()
        except psutil.Error:
            continue
        if any("runway_lab.engine.worker" in part for part in line) and not any("launcher.py" in part for part in line):
            found.append(each)
    return found


def wait_until_gone(seconds: float = 5) -> list[psutil.Process]:
    """The processes that are still there after so long."""
    wait_for(lambda: not processes(), seconds)
    return processes()


def wait_for(condition: Callable[[], Any], seconds: float = 10) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
