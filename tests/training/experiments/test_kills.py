"""The real trainer, killed again and again: what comes out is the same to the last bit."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`benchmarks/kills.py`, with the real trainer."""
    monkeypatch.delenv("RUNWAY_LAB_TRAINER")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("runway_lab_kills", BENCHMARKS / "kills.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thirty_kills_leave_no_trace(kills: ModuleType) -> None:
    settings = {"steps": 1000, "threads": 1, **kills.small(16)}
    rows = kills.ordeal(settings, 16, 30, 2.0)
    assert {row.name: row.value for row in rows if row.holds is False} == {}
