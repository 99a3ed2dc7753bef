"""What there is to train on, without torch in this process."""

from __future__ import annotations

import pytest

from runway_lab.training.experiments import devices as module
from runway_lab.training.experiments.devices import candidates, devices


def test_what_the_environment_says_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_DEVICES", "cuda:0, cuda:1,cpu")
    devices.cache_clear()
    assert devices() == ("cuda:0", "cuda:1", "cpu")
    assert candidates("auto") == ("cuda:0", "cuda:1")
    assert candidates("cuda") == ("cuda:0", "cuda:1")
    assert candidates("cuda:1") == ("cuda:1",)
    assert candidates("cpu") == ("cpu",)
    assert candidates("auto", before="cuda:1") == ("cuda:1",), "it goes on where it was"


def test_a_machine_with_a_processor_alone_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNWAY_LAB_DEVICES")
    monkeypatch.setattr(module, "DRIVERS", ())
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    devices.cache_clear()
    assert devices() == ("cpu",)
    assert candidates("auto") == ("cpu",)


def test_another_asks_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNWAY_LAB_DEVICES")
    monkeypatch.setattr(module, "_may_have_more", lambda: True)
    monkeypatch.setattr(module, "_ASK", "print('[\"cuda:0\"]')")
    devices.cache_clear()
    assert devices() == ("cuda:0", "cpu")
    monkeypatch.setattr(module, "_ASK", "raise SystemExit(1)")
    devices.cache_clear()
    assert devices() == ("cpu",)


def test_a_driver_that_hangs_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNWAY_LAB_DEVICES")
    monkeypatch.setattr(module, "_may_have_more", lambda: True)
    monkeypatch.setattr(module, "_ASK", "import time; time.sleep(60)")
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    devices.cache_clear()
    assert devices() == ("cpu",)
