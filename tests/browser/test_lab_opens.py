"""What a person does first: type `runway-lab`, open the address that is printed, see the tour, stop with Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from typing import Any

import psutil
import pytest
from playwright.sync_api import TimeoutError

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="a test cannot press Ctrl-C in another console on Windows"),
]


@contextmanager
def lab(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The real command; gives the process and the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "runway_lab", "lab", "--no-browser", "--port", "0", "--folder", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    lines: Queue[str] = Queue()
    assert process.stdout is not None
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout or ()], daemon=True).start()
    try:
        yield process, address_in(lines)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def address_in(lines: Queue[str]) -> str:
    for _ in range(100):
        found = re.search(r"http://127\.0\.0\.1:\d+/lab/tree/tour\.ipynb\?token=\w+", lines.get(timeout=90))
        if found:
            return found.group()
    raise AssertionError("no address was printed")


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def run_all_until(page: Any, output: Any) -> None:
    """Run all cells; again when nothing comes, for on a busy machine the page forgets a click before it is ready."""
    for _ in range(4):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        with suppress(TimeoutError):
            output.wait_for(timeout=20_000)
            return
    pytest.fail("The cells of the tour give no output.")


def test_the_tour_is_seen_and_runs_and_nothing_is_left_behind(page: Any, tmp_path: Path) -> None:
    with lab(tmp_path / "lessons") as (process, address):
        page.goto(address)
        page.get_by_role("heading", name="A tour of runway-lab").wait_for(timeout=90_000)
        # The kernel is of this Python and finds the package: the first cell gives its version.
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=90_000)
        run_all_until(page, page.locator(".jp-OutputArea-output", has_text=re.compile(r"'\d+\.\d+\.\d+'")))
        # Nothing stands in the way of a first look.
        assert page.get_by_text("official Jupyter news").count() == 0

        family = descendants(process)
        assert len(family) >= 2, "the server and a kernel"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []


def test_a_closed_terminal_stops_it_too(tmp_path: Path) -> None:
    with lab(tmp_path / "lessons") as (process, _):
        family = descendants(process)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 0
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []


def test_without_the_token_nobody_comes_in(page: Any, tmp_path: Path) -> None:
    with lab(tmp_path / "lessons") as (_, address):
        page.goto(address.partition("?")[0])
        page.wait_for_url("**/login**", timeout=30_000)
        assert page.get_by_role("heading", name="A tour of runway-lab").count() == 0
