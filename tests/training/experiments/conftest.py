"""Real processes with a plain trainer, and a look at what they leave behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.cells import wait_until_gone
from support.experiments import end_all, environment_for_tests

from runway_lab.training.experiments.devices import devices


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Trainings are quick and need no torch, unless a test is about the real trainer."""
    devices.cache_clear()
    for name, value in environment_for_tests().items():
        monkeypatch.setenv(name, value)
    yield
    devices.cache_clear()


@pytest.fixture(autouse=True)
def _nothing_left(_own_library: None) -> Iterator[None]:
    """Whatever a test did, no process of it stays."""
    yield
    wait_until_gone(5)
    left = end_all()
    assert not left, f"left behind: {left}"
