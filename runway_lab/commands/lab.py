"""`runway-lab lab`: JupyterLab, open on the tour.

The lessons are laid out first (`runway_lab.publishing.lessons`). Then JupyterLab runs as a process of
ours, on loopback and behind a token, from the Python that runs this, so that notebooks find the package.
The token travels in the environment, not on the command line where other people on the machine could read
it. As soon as the server answers, its address is printed; Ctrl-C, a closed terminal and SIGTERM stop it
with its kernels.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runway_lab.commands import Commands
from runway_lab.errors import RunwayLabError

__all__ = ["add", "free_port"]

_LOOPBACK = "127.0.0.1"
_FIRST_PORT = 8888
_WINDOWS = os.name == "nt"

# `python -m jupyterlab`, without the warnings that its authors mean for each other. Importing Voila, which JupyterLab
# does as it loads its extensions, switches them on; so it is imported before they are switched off.
_START = """
import contextlib, warnings
with contextlib.suppress(ImportError):
    import voila
warnings.simplefilter("ignore", DeprecationWarning)
from jupyterlab.labapp import main
main()
"""


def add(commands: Commands) -> None:
    """Enter the command."""
    parser = commands.add(
        "lab",
        _lab,
        heading="Work",
        line="open JupyterLab on the tour (also without saying `lab`)",
        about="""
            Open JupyterLab on the tour. The tour and the lessons are copied to a folder of yours first; a lesson
            that you have changed is never overwritten.
            """,
        examples=(
            "runway-lab",
            "runway-lab lab --folder my-lessons",
            "runway-lab lab --no-browser --port 8900",
        ),
    )
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="where your notebooks are (default: in the library folder)"
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument(
        "--port", type=int, metavar="N", help=f"the port on this machine (default: the first free from {_FIRST_PORT})"
    )


def _lab(chosen: argparse.Namespace) -> int:
    import secrets

    from runway_lab.publishing.lessons import lay_out

    port = free_port(chosen.port)
    laid = lay_out(chosen.folder)
    for sentence in laid.told():
        print(sentence)
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
    page = quote(f"/lab/tree/{laid.tour.name}")
    command = [sys.executable, "-c", _START, *_options(laid.folder, port, page)]
    if chosen.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # JupyterLab refuses to run as root unless told to.
        print("You are root, so what a notebook does, it does as root. An ordinary account is safer.")
        command.append("--allow-root")
    print("JupyterLab is starting ...", flush=True)
    # Our defaults for JupyterLab's settings (it does not ask whether to fetch news); a person's own settings win.
    places = [str(Path(__file__).with_name("jupyter")), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    variables = {"JUPYTER_TOKEN": token, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, places))}
    return _serve(command, variables, f"http://{_LOOPBACK}:{port}", f"{page}?token={token}")


def free_port(wanted: int | None, first: int = _FIRST_PORT) -> int:
    """The wanted port, if it is free; without a wish the first free one; for 0 any.

    >>> free_port(0) > 0
    True
    """
    if wanted is not None and not 0 <= wanted <= 65535:
        raise RunwayLabError(f"There is no port {wanted}.", hint="Ports go from 1 to 65535.")
    for port in range(first, first + 100) if wanted is None else (wanted,):
        with socket.socket() as probe:
            if not _WINDOWS:  # where this option would let two servers share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_LOOPBACK, port))
            except OSError as error:
                reason = error.strerror or str(error)
                continue
            return int(probe.getsockname()[1])
    if wanted is None:
        raise RunwayLabError(
            f"None of the ports from {first} to {first + 99} can be used: {reason}.",
            hint="Choose one: runway-lab lab --port 0",
        )
    raise RunwayLabError(
        f"The port {wanted} cannot be used: {reason}.", hint="Another one, or none given, will do: runway-lab lab"
    )


def _options(folder: Path, port: int, page: str) -> list[str]:
    return [
        f"--ServerApp.ip={_LOOPBACK}",
        f"--ServerApp.port={port}",
        # The address that we print has to be the one that is served.
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url={page}",
        # We say what a person needs; what goes wrong is still shown.
        "--Application.log_level=WARN",
        # Ctrl-C means stop, without a question that nobody can see here.
        "--ServerApp.answer_yes=True",
        # No look-up of updates: this opens without a network.
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def _serve(command: list[str], variables: Mapping[str, str], address: str, page: str) -> int:
    options: dict[str, Any] = {} if _WINDOWS else {"start_new_session": True}
    # In a session of its own the server does not see Ctrl-C: it is stopped once, by us. On Windows it sees it too.
    with _stop_signals_as_interrupts():
        server = subprocess.Popen(command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, **options)
        try:
            _wait_until_it_answers(server, address)
            print(f"JupyterLab is open. Its address, for a browser on this machine:\n\n    {address}{page}\n")
            print("Stop it with Ctrl-C.", flush=True)
            while server.poll() is None:
                # A wait without end could not be interrupted on Windows.
                _wait(server, 0.5)
        except KeyboardInterrupt:
            print("\nStopping JupyterLab and its kernels ...", flush=True)
            _stop(server)
            return 0
        finally:
            if server.poll() is None:
                _stop(server)
    return server.returncode


def _wait_until_it_answers(server: subprocess.Popen[bytes], address: str, seconds: float = 90) -> None:
    # A proxy from the environment has no business on loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RunwayLabError(
                f"JupyterLab ended before it was open, with exit code {server.returncode}.",
                hint="What it said is above. To find out more: runway-lab doctor",
            )
        try:
            with opener.open(f"{address}/api", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            _wait(server, 0.1)
    raise RunwayLabError(f"JupyterLab did not answer within {seconds:.0f} seconds.", hint="Try again: runway-lab lab")


def _wait(server: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Ask, wait while the kernels are shut down, then insist; a second Ctrl-C insists at once."""
    if not _WINDOWS:
        server.terminate()
    try:
        server.wait(15)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        server.kill()
        server.wait()


@contextmanager
def _stop_signals_as_interrupts() -> Iterator[None]:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before: dict[int, Any] = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
