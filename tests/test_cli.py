"""The command line: quick, in words, and never a traceback that nobody asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runway_lab import __version__, cli
from runway_lab.commands import MODULES
from runway_lab.errors import BadValue


def runway_lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "runway_lab", *arguments], capture_output=True, text=True, timeout=60)


def test_the_help_names_every_command_under_a_heading_and_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "Work:\n  lab " in text
    assert "doctor" in text
    assert "Examples:\n  runway-lab " in text


@pytest.mark.parametrize("name", MODULES)
def test_every_command_has_a_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert "Examples:\n  runway-lab" in capsys.readouterr().out


def test_the_help_is_there_at_once_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from runway_lab.cli import main; main(['--help']);"
        "print([name for name in ('torch', 'numpy', 'jupyterlab', 'IPython', 'psutil') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout
    assert told.splitlines()[-1] == "[]"
    assert runway_lab("--help").returncode == 0


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"runway-lab {__version__}\n"


def test_an_unknown_command_brings_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dcotor"]) == 2
    words = capsys.readouterr().err
    assert "There is no command 'dcotor'. Did you mean 'doctor'?" in words


def test_an_unknown_option_is_told_in_words() -> None:
    told = runway_lab("lab", "--prot", "3")
    assert told.returncode == 2
    assert "--prot" in told.stderr
    assert "--help" in told.stderr


def test_no_command_and_bare_options_mean_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def lab(chosen: object) -> int:
        seen.append(chosen)
        return 0

    monkeypatch.setattr("runway_lab.commands.lab._lab", lab)
    assert cli.main([]) == 0
    assert cli.main(["--port", "9000", "--no-browser"]) == 0
    assert [(each.port, each.no_browser) for each in seen] == [(None, False), (9000, True)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--traceback"], ["--traceback", "doctor"]])
def test_an_error_is_words_and_only_on_request_a_traceback(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(chosen: object) -> int:
        raise BadValue("The cat is out.", hint="Open the door.", details="deep inside")

    monkeypatch.setattr("runway_lab.commands.doctor._doctor", fail)
    assert cli.main(arguments) == 2
    words = capsys.readouterr().err
    assert words.endswith("runway-lab: The cat is out. Open the door.\n")
    assert ("Traceback" in words) == ("--traceback" in arguments) == ("deep inside" in words)


def test_what_nobody_foresaw_is_words_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("runway_lab.commands.doctor._doctor", lambda chosen: 1 // 0)
    assert cli.main(["doctor"]) == 70
    words = capsys.readouterr().err
    assert "ZeroDivisionError" in words
    assert "--traceback" in words
    with pytest.raises(ZeroDivisionError):
        cli.main(["doctor", "--traceback"])


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "runway_lab", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0
