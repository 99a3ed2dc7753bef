"""Real processes for every test of the engine, and a look at what they leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.cells import ECHO, cell, wait_until_gone

import runway_lab as rl


@pytest.fixture(autouse=True)
def _no_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts are cold unless a test is about the spare."""
    monkeypatch.setenv("RUNWAY_LAB_WARM_SPARE", "0")


@pytest.fixture(autouse=True)
def _nothing_left(_own_library: None) -> Iterator[None]:
    """Whatever a test did, no process of it stays."""
    yield
    rl.stop_all()
    left = wait_until_gone()
    assert not left, f"left behind: {left}"


@pytest.fixture
def echo() -> dict[str, Any]:
    """A model that can do everything a test may want."""
    return cell(ECHO)


@pytest.fixture
def model(echo: dict[str, Any]) -> Iterator[rl.RunningModel]:
    """It, running."""
    running = rl.run(echo["same"], quiet=True)
    yield running
    running.stop()
