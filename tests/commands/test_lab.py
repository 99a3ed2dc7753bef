"""The port of the lab, and what is said when it cannot open. Opening it for real: tests/browser/test_lab_opens.py."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from runway_lab import cli
from runway_lab.commands import lab
from runway_lab.commands.lab import free_port
from runway_lab.errors import RunwayLabError


def test_the_first_free_port_is_taken_and_a_wish_is_not_replaced() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        if port < 65000:
            assert free_port(None, first=port) > port
        with pytest.raises(RunwayLabError, match=f"The port {port} cannot be used"):
            free_port(port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist(port: int) -> None:
    with pytest.raises(RunwayLabError, match="Ports go from 1 to 65535"):
        free_port(port)


def test_a_server_that_ends_at_once_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "_options", lambda *_: ["--no-such-option"])
    assert cli.main(["lab", "--folder", str(tmp_path / "mine"), "--port", "0", "--no-browser"]) == 2
    assert "JupyterLab ended before it was open" in capfd.readouterr().err
    assert (tmp_path / "mine/tour.ipynb").is_file()


def test_a_folder_that_cannot_be_used_is_told_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    assert cli.main(["lab", "--folder", str(tmp_path / "taken")]) == 2
    assert "is a file, not a folder" in capsys.readouterr().err
