"""Each check, on machines that are odd in one way."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runway_lab.commands import checks
from runway_lab.engine import machine

GB = 1024**3


def fake_torch(monkeypatch: pytest.MonkeyPatch, **told: Any) -> None:
    whole = {"version": "2.15.0", "threads": 2, "devices": [], "built_for": "", "vision": "0.29.2", "operators": ""}
    monkeypatch.setattr(checks, "_told_by", lambda code: ({**whole, **told}, ("works", "", "")))
    monkeypatch.setattr(checks.metadata, "requires", lambda name: ["torch==2.15.0"])
    monkeypatch.setattr(checks, "shutil", SimpleNamespace(which=lambda name: None))


def test_a_library_that_kills_its_process_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_TORCH", "import os; os.abort()")
    (finding,) = checks._torch()
    assert finding.state == "problem"
    assert "cannot be imported" in finding.words
    assert "pip install" in finding.advice


def test_a_missing_library_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_TORCH", "import no_such_torch")
    (finding,) = checks._torch()
    assert finding.state == "problem"
    assert "no_such_torch" in finding.words


def test_a_slow_import_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_TORCH", "import time; time.sleep(20)")
    monkeypatch.setattr(checks, "_IMPORT_SECONDS", 0.3)
    (finding,) = checks._torch()
    assert finding.state == "note"


def test_a_torchvision_of_another_torch_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_torch(monkeypatch, version="2.16.0+cpu")
    vision = checks._torch()[-1]
    assert vision.state == "problem"
    assert "belongs to PyTorch 2.15.0" in vision.words


def test_operators_that_do_not_load_are_only_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_torch(monkeypatch, version="2.15.0+cpu", operators="RuntimeError: operator torchvision::nms does not exist")
    assert checks._torch()[-1].state == "note"


def test_a_card_that_torch_cannot_use_is_a_problem_and_no_card_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_torch(monkeypatch)
    assert checks._torch()[1].state == "note"
    monkeypatch.setattr(checks, "shutil", SimpleNamespace(which=lambda name: name))
    monkeypatch.setattr(checks, "_answers", lambda command: True)
    assert checks._torch()[1].state == "problem"
    fake_torch(monkeypatch, devices=["A card (8 GB)"])
    assert checks._torch()[1].words == "A card (8 GB)"


@pytest.mark.parametrize(
    ("total", "free", "state"), [(16 * GB, 8 * GB, "works"), (16 * GB, GB, "note"), (GB, GB, "problem")]
)
def test_memory(total: int, free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_total", lambda: total)
    monkeypatch.setattr(machine, "memory_available", lambda: free)
    assert checks._memory()[0].state == state


def test_a_library_folder_that_is_not_there_yet_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "far/away"))
    assert checks._library()[0].state == "works"
    assert list(tmp_path.iterdir()) == []


def test_a_library_folder_that_cannot_be_written_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "taken"))
    assert checks._library()[0].state == "problem"

    def refuse(**options: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path))
    monkeypatch.setattr(checks.tempfile, "mkstemp", refuse)
    finding = checks._library()[0]
    assert finding.state == "problem"
    assert "Read-only" in finding.words


def test_settings_that_cannot_be_read_are_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path))
    (tmp_path / "settings.toml").write_text("models_at_once = [")
    assert [finding.topic for finding in checks._library() if finding.state == "problem"] == ["Settings"]


@pytest.mark.parametrize(("free", "state"), [(100 * GB, "works"), (2 * GB, "note"), (GB // 4, "problem")])
def test_room_on_the_disk(free: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    assert checks._room("Library", tmp_path)[0].state == state


def test_an_old_browser_half_that_stands_in_front_is_a_problem(tmp_path: Path) -> None:
    old = tmp_path / "anywidget"
    old.mkdir()
    (old / "package.json").write_text(json.dumps({"name": "anywidget", "version": "0.0.1"}))
    (finding,) = checks.mismatch("anywidget", Path("anywidget"), [tmp_path])
    assert finding.state == "problem"
    assert str(old) in finding.advice
    (finding,) = checks.mismatch("anywidget", Path("anywidget"), [])
    assert "lacks the half" in finding.words
    (finding,) = checks.mismatch("no-such-package", Path("x"), [])
    assert finding.words == "no-such-package is missing"


def test_a_port_in_use_is_a_note() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not checks._free(taken.getsockname()[1])


def test_no_screen_and_no_docker_are_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(checks.platform, "release", lambda: "6.1")
    assert checks._browser()[0].state == "note"
    monkeypatch.setattr(checks.shutil, "which", lambda name: None)
    assert checks._docker()[0].state == "note"
