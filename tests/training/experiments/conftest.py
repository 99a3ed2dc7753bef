"""Real processes with a plain trainer, and a look at what they leave behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cells import wait_until_gone
from support.experiments import end_all, environment_for_tests, small, until

from runway_lab.settings import home
from runway_lab.training.experiments.devices import devices
from runway_lab.training.experiments.experiment import Experiment


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


@pytest.fixture(scope="session")
def _once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with a training that is finished: made once, copied for each test that wants one."""
    library = tmp_path_factory.mktemp("finished") / "home"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment_for_tests(), "RUNWAY_LAB_HOME": str(library)}.items():
            patch.setenv(name, value)
        devices.cache_clear()
        until(small(), "finished")
        wait_until_gone(5)
    return library


@pytest.fixture
def done(_once: Path) -> Experiment:
    """A training of 60 steps called Petals that is finished."""
    for kind in ("datasets", "experiments"):
        shutil.copytree(_once / kind, home() / kind)
    run = Experiment(home() / "experiments" / "petals")
    plan = run.folder / "experiment.json"
    said = json.loads(plan.read_text())
    said["dataset"]["folder"] = str(home() / "datasets" / "dots")
    plan.write_text(json.dumps(said))
    return run
