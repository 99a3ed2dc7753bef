"""Sets up `.venv` and opens the lab or runs the tests in it. Standard library only.

    python scripts/setup.py lab | test | test-fast | check | setup    [what follows is passed on]

`make lab` and `make test` call this; where there is no make (Windows), it is typed as above.

The environment is believed to be ready when its stamp, `.venv/runway-lab.json`, says so. The stamp holds a
fingerprint of what the environment was made from (pyproject.toml, constraints.txt, its Python and the place
of this folder); when any of these changes, the set-up runs again, on top of what is there. Nothing is
started to look at the stamp, so a second `make lab` loses no time here. Before anything is changed the stamp
says "unfinished": installers take a package that was half written for a whole one, so an interrupted
environment is made anew. What was downloaded is not downloaded again.

uv does the installing where there is one, else pip does. uv does not read pip's configuration, so where uv
fails (behind a company's own index, say), pip is asked before giving up. What is installed is held by
constraints.txt to versions that have passed the tests; UNPINNED=1 takes the newest instead.

The browser tests need a Chromium. One on the machine is taken, else Playwright's own, else, as the superuser
on a Debian-like system, one is installed. If there is none after that, the line to type is said and `test`
fails: a test that is skipped in silence protects nobody.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

if sys.version_info < (3, 11):  # noqa: UP036 - typed where there is no make to look for a newer one
    sys.exit(f"runway-lab needs Python 3.11 or newer, and {sys.executable} is older. Take one from python.org.")

ROOT = Path(__file__).resolve().parents[1]
STAMP = "runway-lab.json"
WINDOWS = os.name == "nt"

CHROMIUMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "/usr/bin/chromium",
    "/snap/bin/chromium",
    "/opt/google/chrome/chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "~/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def stop(words: str) -> NoReturn:
    say(words)
    raise SystemExit(1)


class Environment:
    """The virtual environment of this clone, and the stamp that says what it was made from."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.stamp = self.folder / STAMP
        self.python = self.folder / ("Scripts/python.exe" if WINDOWS else "bin/python")

    def fingerprint(self) -> str:
        """Changes whenever the environment has to be brought up to date."""
        parts = [str(self.root), self.python_version()]
        for name in ("pyproject.toml", "constraints.txt"):
            path = self.root / name
            parts.append(path.read_text(encoding="utf-8") if path.exists() else "")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def python_version(self) -> str:
        """The Python inside, as the environment itself notes it; "" when there is none that could start."""
        # exists() follows the link to the Python that the environment was made from, which may be gone.
        if not self.python.exists():
            return ""
        try:
            lines = (self.folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
        except OSError:
            return ""
        # pip's venv calls it version, uv's version_info.
        named = (line.partition("=") for line in lines)
        return next((text.strip() for key, _, text in named if key.strip() in ("version", "version_info")), "")

    def has(self, extras: Sequence[str]) -> bool:
        """Whether the stamp says that everything is there."""
        note = self.note()
        if note.get("unfinished") or not set(extras) <= set(note.get("extras", [])):
            return False
        return note.get("fingerprint") == self.fingerprint()

    def note(self) -> dict[str, Any]:
        try:
            note = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def write_stamp(self, **entries: Any) -> None:
        fresh = self.stamp.with_suffix(".new")
        fresh.write_text(json.dumps({**self.note(), **entries}, indent=1), encoding="utf-8")
        os.replace(fresh, self.stamp)

    def prepare(self, extras: Sequence[str] = ()) -> None:
        """Make the environment and install into it, unless the stamp says that this was done."""
        if self.has(extras):
            return
        # An environment for the tests stays one when only the lab is asked for.
        extras = sorted({*extras, *self.note().get("extras", [])})
        if self.note().get("unfinished"):
            say("The last set-up was interrupted, so .venv is made anew.")
            shutil.rmtree(self.folder)
        if self.note().get("fingerprint"):
            say("Bringing .venv up to date.")
        else:
            say("Setting up .venv. The first time this downloads JupyterLab and PyTorch and takes some minutes.")
        uv = find_uv()
        if not (uv and self._install_by_uv(uv, extras)) and not self._install_by_pip(extras):
            stop(
                "The set-up did not finish; the reason is above. With a working network, the same command goes on"
                " from here. To try with the newest version of everything: make lab UNPINNED=1"
            )
        self.write_stamp(fingerprint=self.fingerprint(), extras=extras, unfinished=False)
        say("The environment is ready.")

    def _install_by_uv(self, uv: str, extras: Sequence[str]) -> bool:
        if not self._python_starts():
            self._make([uv, "venv", "--quiet", "--clear", "--python", base_python(), str(self.folder)])
        self.write_stamp(extras=extras, unfinished=True)
        command = [uv, "pip", "install", *brief("--quiet"), "--python", str(self.python), *self._what(extras)]
        if run(command, cwd=self.root):
            return True
        say("uv could not install everything; trying pip.")
        return False

    def _install_by_pip(self, extras: Sequence[str]) -> bool:
        if not self._python_starts("import pip"):
            self._make([base_python(), "-m", "venv", "--clear", str(self.folder)])
        self.write_stamp(extras=extras, unfinished=True)
        command = [str(self.python), "-m", "pip", "install", *brief("-qq"), "--disable-pip-version-check"]
        return run([*command, *self._what(extras)], cwd=self.root)

    def _make(self, command: Sequence[str]) -> None:
        if not run(command, cwd=self.root):
            stop(f"No environment could be made in {self.folder}; the reason is above.")

    def _what(self, extras: Sequence[str]) -> list[str]:
        """The project itself, changes in its files counting at once, with what it needs."""
        target = f".[{','.join(extras)}]" if extras else "."
        pinned = not os.environ.get("UNPINNED") and (self.root / "constraints.txt").exists()
        return [*(("--constraint", "constraints.txt") if pinned else ()), "--editable", target]

    def _python_starts(self, code: str = "pass") -> bool:
        return self.python_version() != "" and run([str(self.python), "-c", code], quiet=True)


def brief(option: str) -> list[str]:
    """A person watches the progress; a log needs only what went wrong."""
    return [] if sys.stderr.isatty() else [option]


def base_python() -> str:
    """The Python to build with: never the one inside the environment that is about to be cleared."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def find_uv() -> str | None:
    if os.environ.get("RUNWAY_LAB_INSTALLER", "") == "pip":
        return None
    return shutil.which("uv") or next(
        (str(path) for path in (Path.home() / ".local/bin/uv", Path.home() / ".cargo/bin/uv") if path.is_file()), None
    )


def run(command: Sequence[str], *, quiet: bool = False, timeout: float | None = None, **options: Any) -> bool:
    """Whether a command could be started and ended well."""
    if quiet:
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
    try:
        code: int = subprocess.run(command, timeout=timeout, **options).returncode
        return code == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class BrowserSearch:
    """Looks for a Chromium, in an order that costs nothing first and changes the machine last."""

    def __init__(
        self,
        python: Path,
        *,
        environment: Mapping[str, str] = os.environ,
        which: Callable[[str], str | None] = shutil.which,
        run: Callable[..., bool] = run,
        superuser: bool | None = None,
    ) -> None:
        self.python = python
        self.environment = environment
        self.which = which
        self.run = run
        self.superuser = (hasattr(os, "geteuid") and os.geteuid() == 0) if superuser is None else superuser

    def find(self) -> str | None:
        """A Chromium that is on the machine already."""
        chosen = self.environment.get("RUNWAY_LAB_CHROMIUM", "")
        if chosen:
            if self._starts(chosen):
                return chosen
            stop(f"RUNWAY_LAB_CHROMIUM is {chosen}, which does not start as a Chromium. Correct it or unset it.")
        return next((path for path in self._candidates() if self._starts(path)), None)

    def get(self) -> str:
        """A Chromium, installed if need be; without one this ends with the line to type."""
        return self.find() or self._from_playwright() or self._from_apt() or stop(self.what_to_type())

    def _candidates(self) -> Iterator[str]:
        seen = set()
        for name in CHROMIUMS:
            path = self.which(os.path.expanduser(name))
            if path and path not in seen:
                seen.add(path)
                yield path
        own = self._of_playwright()
        if own:
            yield own

    def _of_playwright(self) -> str | None:
        """Where Playwright keeps its own Chromium, whether or not it was downloaded."""
        code = (
            "from playwright.sync_api import sync_playwright\n"
            "with sync_playwright() as p: print(p.chromium.executable_path)"
        )
        try:
            told = subprocess.run([str(self.python), "-c", code], capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return None
        path = told.stdout.strip()
        return path if path and Path(path).is_file() else None

    def _from_playwright(self) -> str | None:
        say("No Chromium on this machine; asking Playwright for its own.")
        # Without these, a network that never answers holds everybody up for many minutes.
        environment = {"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "20000", **self.environment}
        command = [str(self.python), "-m", "playwright", "install", "chromium"]
        if not self.run(command, env=environment, timeout=600, quiet=True):
            say("Playwright could not download its Chromium.")
            return None
        own = self._of_playwright()
        return own if own and self._starts(own) else None

    def _from_apt(self) -> str | None:
        if not (self.superuser and self.which("apt-get")):
            return None
        say("Installing Debian's chromium for the browser tests: apt-get install chromium")
        environment = {**self.environment, "DEBIAN_FRONTEND": "noninteractive"}
        # A stale or half-reachable package list need not stop the installation itself.
        self.run(["apt-get", "update", "-qq"], env=environment, timeout=300)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        self.run(command, env=environment, timeout=900, stdout=subprocess.DEVNULL)
        return next((path for path in self._candidates() if self._starts(path)), None)

    def _starts(self, path: str) -> bool:
        """Some systems have a script of that name that only says how to install the real one."""
        if WINDOWS:  # where --version opens a window
            return Path(path).is_file()
        return self.run([path, "--version"], quiet=True, timeout=30)

    def what_to_type(self) -> str:
        if self.which("apt-get"):
            line = "sudo apt-get install chromium"
        elif self.which("dnf"):
            line = "sudo dnf install chromium"
        elif self.which("brew"):
            line = "brew install --cask chromium"
        else:
            line = f"{self.python} -m playwright install chromium"
        return (
            "The browser tests need Chromium, and there is none on this machine.\n"
            f"Type: {line}\n"
            "Or set RUNWAY_LAB_CHROMIUM to the path of one. Without it: make test-fast"
        )


def browser_for(environment: Environment) -> str:
    """The Chromium that was found last time, if it is still the same file; else a new search."""
    known = environment.note().get("browser", {})
    chosen = os.environ.get("RUNWAY_LAB_CHROMIUM", "")
    if known and (not chosen or chosen == known["path"]) and known == describe(known["path"]):
        return str(known["path"])
    path = BrowserSearch(environment.python).get()
    environment.write_stamp(browser=describe(path))
    return path


def describe(path: str) -> dict[str, Any]:
    try:
        found = os.stat(path)
    except OSError:
        return {}
    return {"path": path, "size": found.st_size, "changed": found.st_mtime_ns}


def hand_over(command: Sequence[str], **variables: str) -> NoReturn:
    """Become the command, so that Ctrl-C and the exit code are its own."""
    os.chdir(ROOT)
    environment = {**os.environ, **variables}
    if WINDOWS:  # where a process cannot become another
        with subprocess.Popen(command, env=environment) as process:
            while process.poll() is None:
                try:
                    process.wait()
                except KeyboardInterrupt:
                    continue  # The command got it as well and ends in its own way.
        raise SystemExit(process.returncode)
    os.execve(command[0], list(command), environment)


def main(arguments: Sequence[str]) -> None:
    target, passed_on = (arguments[0] if arguments else "help"), list(arguments[1:])
    environment = Environment()
    python = str(environment.python)
    if target == "lab":
        environment.prepare()
        hand_over([python, "-m", "runway_lab", "lab", *passed_on])
    elif target == "test":
        environment.prepare(["dev"])
        hand_over([python, "-m", "pytest", *passed_on], RUNWAY_LAB_CHROMIUM=browser_for(environment))
    elif target == "test-fast":
        environment.prepare(["dev"])
        hand_over([python, "-m", "pytest", "-m", "not slow and not browser", *passed_on])
    elif target == "check":
        environment.prepare(["dev"])
        tools = (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"])
        # Every tool has its say before this fails.
        results = [run([python, "-m", *tool], cwd=ROOT) for tool in tools]
        raise SystemExit(0 if all(results) else 1)
    elif target == "setup":
        environment.prepare(["dev"])
    else:
        stop("Type one of: lab, test, test-fast, check, setup")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        stop("Interrupted. The same command starts again.")
