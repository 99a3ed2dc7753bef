"""The set-up behind `make`: believed only when it was finished, quick the second time, plain about what it lacks."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
posix = pytest.mark.skipif(sys.platform == "win32", reason="the set-up looks for Pythons only where there is a shell")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def clone(tmp_path: Path, setup_script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The environment of a small clone, with an installer that only writes down what it was asked to do."""
    root = tmp_path / "clone"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "constraints.txt").write_text("numpy==2.0\n")
    environment = setup_script.Environment(root)
    environment.asked = []
    environment.works = True

    def run(command: list[str], **options: object) -> bool:
        if "venv" in command:
            environment.python.parent.mkdir(parents=True, exist_ok=True)
            environment.python.write_text("")
            (environment.folder / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.4\n")
        if "install" in command:
            environment.asked.append([str(word) for word in command])
            return bool(environment.works)
        return True

    monkeypatch.setattr(setup_script, "run", run)
    monkeypatch.setattr(setup_script, "find_uv", lambda: None)
    monkeypatch.delenv("UNPINNED", raising=False)
    return environment


def test_the_second_time_nothing_is_installed(clone: Any) -> None:
    clone.prepare(["dev"])
    clone.prepare(["dev"])
    clone.prepare()
    assert len(clone.asked) == 1
    assert clone.asked[0][-4:] == ["--constraint", "constraints.txt", "--editable", ".[dev]"]


def test_the_second_look_installs_nothing(clone: Any) -> None:
    clone.prepare()
    asked = len(clone.asked)
    clone.prepare()
    assert len(clone.asked) == asked


def test_the_lab_becomes_a_test_bench_and_stays_one(clone: Any) -> None:
    clone.prepare()
    clone.prepare(["dev"])
    (clone.root / "constraints.txt").write_text("numpy==2.1\n")
    clone.prepare()
    assert [words[-1] for words in clone.asked] == [".", ".[dev]", ".[dev]"]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", ".venv/pyvenv.cfg"])
def test_a_change_of_what_it_was_made_from_brings_it_up_to_date(clone: Any, name: str) -> None:
    clone.prepare()
    (clone.root / name).write_text("version = 3.13.0\n")
    clone.prepare()
    assert len(clone.asked) == 2


def test_a_clone_that_was_moved_is_set_up_again(clone: Any, setup_script: ModuleType) -> None:
    clone.prepare()
    moved = setup_script.Environment(Path(shutil.move(clone.root, clone.root.with_name("moved"))))
    assert not moved.has([])


def test_an_environment_whose_python_is_gone_is_not_believed(clone: Any) -> None:
    clone.prepare()
    clone.python.unlink()
    clone.prepare()
    assert len(clone.asked) == 2


def test_an_interrupted_set_up_is_made_anew(clone: Any, setup_script: ModuleType, monkeypatch: Any) -> None:
    def pulled_plug(command: list[str], **options: object) -> bool:
        if "install" in command:
            raise KeyboardInterrupt
        return bool(real(command, **options))

    real = setup_script.run
    with monkeypatch.context() as patch:
        patch.setattr(setup_script, "run", pulled_plug)
        with pytest.raises(KeyboardInterrupt):
            clone.prepare(["dev"])
    half_written = clone.folder / "lib/half_written.py"
    half_written.parent.mkdir(parents=True)
    half_written.write_text("")
    assert not clone.has(["dev"])
    clone.prepare(["dev"])
    assert not half_written.exists()
    assert clone.has(["dev"])


def test_a_failed_set_up_says_what_to_type_and_is_not_believed(clone: Any, capsys: Any) -> None:
    clone.works = False
    with pytest.raises(SystemExit) as ended:
        clone.prepare()
    assert ended.value.code == 1
    assert "make lab UNPINNED=1" in capsys.readouterr().err
    assert not clone.has([])


@pytest.mark.parametrize("damage", ["", "{", "[]", "null"])
def test_a_stamp_that_cannot_be_read_is_not_believed(clone: Any, damage: str) -> None:
    clone.prepare()
    clone.stamp.write_text(damage)
    assert not clone.has([])


def test_unpinned_takes_the_newest(clone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNPINNED", "1")
    clone.prepare()
    assert "constraints.txt" not in clone.asked[0]


def test_where_uv_fails_pip_is_asked(clone: Any, setup_script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    real = setup_script.run
    monkeypatch.setattr(setup_script, "find_uv", lambda: "uv")
    monkeypatch.setattr(
        setup_script, "run", lambda command, **options: real(command, **options) and command[:2] != ["uv", "pip"]
    )
    clone.prepare()
    assert [words[0] for words in clone.asked] == ["uv", str(clone.python)]


def find_python(path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`scripts/find-python` on a machine that has only what is in `path`."""
    for name in ("uname", "apt-get"):
        if not (path / name).exists():
            script(path / name, "echo Linux")
    # The usual places outside the PATH would bring this machine's own Pythons in.
    text = re.sub(
        r"^    /opt/homebrew.*?; do$", "    ; do", (ROOT / "scripts/find-python").read_text(), flags=re.S | re.M
    )
    copy = path / "find-python-here"
    copy.write_text(text)
    return subprocess.run(
        ["/bin/sh", str(copy)], env={"PATH": str(path), **variables}, capture_output=True, text=True, timeout=30
    )


# What a fake Python answers: the way the real one is asked, through its exit code.
OLD, NO_VENV = "exit 1", 'case "$2" in *version_info\\[:2\\]*) printf 3.11 ;; *) exit 2 ;; esac'


@posix
def test_the_python_that_the_person_chose_comes_first(tmp_path: Path) -> None:
    script(tmp_path / "python3", "printf chosen")
    script(tmp_path / "python3.13", "printf newest")
    assert find_python(tmp_path).stdout == "chosen\n"
    script(tmp_path / "elsewhere", "printf mine")
    assert find_python(tmp_path, RUNWAY_LAB_PYTHON=str(tmp_path / "elsewhere")).stdout == "mine\n"


@posix
def test_a_newer_python_is_found_behind_an_old_one(tmp_path: Path) -> None:
    script(tmp_path / "python3", OLD)
    script(tmp_path / "python3.13", "printf newer")
    assert find_python(tmp_path).stdout == "newer\n"


@posix
def test_uv_brings_a_python_when_there_is_none(tmp_path: Path) -> None:
    script(tmp_path / "uv", 'case "$2" in find) echo by-uv ;; esac')
    assert find_python(tmp_path).stdout == "by-uv\n"


@posix
@pytest.mark.parametrize(
    ("python3", "line"),
    [
        (None, "runway-lab needs Python 3.11 or newer. Type: sudo apt-get install python3 python3-venv"),
        (OLD, "runway-lab needs Python 3.11 or newer. Type: sudo apt-get install python3 python3-venv"),
        (NO_VENV, "lacks the venv module. Type: sudo apt-get install python3.11-venv"),
    ],
    ids=["none", "too old", "no venv"],
)
def test_without_a_python_one_sentence_says_what_to_type(tmp_path: Path, python3: str | None, line: str) -> None:
    if python3:
        script(tmp_path / "python3", python3)
    told = find_python(tmp_path)
    assert told.returncode == 1
    assert told.stdout == ""
    assert line in told.stderr.splitlines()[0]


@posix
def test_the_python_that_is_found_here_can_make_environments() -> None:
    told = subprocess.run(["sh", str(ROOT / "scripts/find-python")], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    subprocess.run([told.stdout.strip(), "-c", "import sys; assert sys.version_info >= (3, 11)"], check=True)


class Machine:
    """A machine with some programs, which remembers what was run on it."""

    def __init__(self, *programs: str, broken: tuple[str, ...] = (), brings: dict[str, str] | None = None) -> None:
        self.programs = set(programs)
        self.broken = broken
        self.brings = brings or {}
        self.ran: list[str] = []

    def which(self, name: str) -> str | None:
        return name if name in self.programs else None

    def run(self, command: list[str], **options: object) -> bool:
        line = " ".join(map(str, command))
        self.ran.append(line)
        for part, program in self.brings.items():
            if part in line:
                self.programs.add(program)
        return command[0] in self.programs and command[0] not in self.broken and "--version" in line

    def search(self, setup_script: ModuleType, *, superuser: bool = False, **variables: str) -> Any:
        found = setup_script.BrowserSearch(
            Path("python"), environment=variables, which=self.which, run=self.run, superuser=superuser
        )
        # Playwright's own place is asked of the real Playwright; here there is nothing in it.
        found._of_playwright = lambda: "playwright-own" if "playwright-own" in self.programs else None
        return found


def test_a_chromium_comes_before_a_chrome_and_both_before_playwrights_own(setup_script: ModuleType) -> None:
    assert Machine("chromium", "google-chrome").search(setup_script).get() == "chromium"
    assert Machine("google-chrome", "playwright-own").search(setup_script).get() == "google-chrome"
    assert Machine("playwright-own").search(setup_script).get() == "playwright-own"


def test_a_script_that_only_names_a_browser_is_passed_over(setup_script: ModuleType) -> None:
    machine = Machine("chromium-browser", "google-chrome", broken=("chromium-browser",))
    assert machine.search(setup_script).get() == "google-chrome"


def test_the_chosen_browser_is_taken_or_its_fault_is_said(setup_script: ModuleType, capsys: Any) -> None:
    machine = Machine("mine", "chromium")
    assert machine.search(setup_script, RUNWAY_LAB_CHROMIUM="mine").get() == "mine"
    with pytest.raises(SystemExit):
        machine.search(setup_script, RUNWAY_LAB_CHROMIUM="gone").get()
    assert "RUNWAY_LAB_CHROMIUM is gone" in capsys.readouterr().err


def test_playwright_downloads_its_own_before_the_system_is_changed(setup_script: ModuleType) -> None:
    machine = Machine("apt-get", brings={"playwright install": "playwright-own"})
    search = machine.search(setup_script, superuser=True)
    # The download itself ends well on this machine.
    search.run = lambda command, **options: machine.run(command, **options) or "playwright" in command
    assert search.get() == "playwright-own"
    assert not any("apt-get" in line for line in machine.ran)


def test_the_superuser_of_a_debian_gets_one_and_is_told_so(setup_script: ModuleType, capsys: Any) -> None:
    machine = Machine("apt-get", brings={"apt-get install": "chromium"})
    assert machine.search(setup_script, superuser=True).get() == "chromium"
    assert "apt-get install chromium" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("programs", "line"),
    [
        (("apt-get",), "sudo apt-get install chromium"),
        (("dnf",), "sudo dnf install chromium"),
        (("brew",), "brew install --cask chromium"),
        ((), "python -m playwright install chromium"),
    ],
)
def test_without_a_browser_it_fails_with_the_line_to_type(
    setup_script: ModuleType, programs: tuple[str, ...], line: str, capsys: Any
) -> None:
    with pytest.raises(SystemExit) as ended:
        Machine(*programs).search(setup_script).get()
    assert ended.value.code == 1
    words = capsys.readouterr().err
    assert f"Type: {line}\n" in words
    assert "make test-fast" in words


def test_a_browser_that_was_found_is_not_looked_for_again(
    clone: Any, setup_script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clone.prepare(["dev"])
    browser = tmp_path / "chromium"
    browser.write_text("one")
    searches = []

    def get(self: Any) -> str:
        searches.append(1)
        return str(browser)

    monkeypatch.setattr(setup_script.BrowserSearch, "get", get)
    monkeypatch.delenv("RUNWAY_LAB_CHROMIUM", raising=False)
    assert setup_script.browser_for(clone) == setup_script.browser_for(clone) == str(browser)
    assert len(searches) == 1
    browser.write_text("another version")
    setup_script.browser_for(clone)
    assert len(searches) == 2
    assert clone.has(["dev"])


def test_the_constraints_name_exact_versions_and_no_places() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    wrong = [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!]+( ; .+)?", line)]
    assert wrong == []
    # PyTorch pins what it needs for a graphics card itself; other systems have none of that.
    assert not [line for line in lines if line.startswith(("nvidia", "cuda", "triton"))]


@posix
@pytest.mark.skipif(not shutil.which("make"), reason="there is no make on this machine")
def test_make_alone_says_what_can_be_made() -> None:
    told = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, timeout=30, env=os.environ)
    assert "make lab" in told.stdout
    assert "make test" in told.stdout
