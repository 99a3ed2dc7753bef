"""What `runway-lab doctor` looks at, one function a topic.

PyTorch and the video library are imported by a process of their own: a broken one can kill the process that imports
it, and the words for that are the point of a doctor. Nothing on the machine is changed, except that a small file is
written to the library folder and removed again.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from runway_lab.commands.findings import Finding
from runway_lab.errors import RunwayLabError

__all__ = ["CHECKS", "mismatch", "pair"]

_GB = 1024**3
_IMPORT_SECONDS = 30.0

_TORCH = """
import json, torch
told = {"version": torch.__version__, "threads": torch.get_num_threads(), "built_for": torch.version.cuda or ""}
told["hip"] = getattr(torch.version, "hip", None) or ""
told["devices"] = []
if torch.cuda.is_available():
    for index in range(torch.cuda.device_count()):
        it = torch.cuda.get_device_properties(index)
        told["devices"].append(f"{it.name} ({it.total_memory / 2**30:.0f} GB)")
if torch.backends.mps.is_available():
    told["devices"].append("Apple graphics (mps)")
told["sum"] = float(torch.ones(4).sum())
try:
    import torchvision
    told["vision"] = torchvision.__version__
    from torchvision.ops import nms
    nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    told["operators"] = ""
except Exception as error:
    told["operators"] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(told))
"""

_AV = """
import json, av
names = ("h264", "vp9", "aac")
print("\\n" + json.dumps({"version": av.__version__, "missing": [n for n in names if n not in av.codecs_available]}))
"""


def _python() -> list[Finding]:
    words = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    if sys.maxsize < 2**32:
        return [Finding("Python", "problem", f"{words}; it is a 32-bit one", "PyTorch needs a 64-bit Python.")]
    return [Finding("Python", "works", words)]


def _torch() -> list[Finding]:
    told, failure = _told_by(_TORCH)
    if told is None:
        return [Finding("PyTorch", *failure)]
    findings = [Finding("PyTorch", "works", f"{told['version']}, computes with {told['threads']} threads")]
    if told["devices"]:
        findings.append(Finding("Graphics card", "works", ", ".join(told["devices"])))
    elif shutil.which("nvidia-smi") and _answers(["nvidia-smi", "-L"]):
        built = f"built for CUDA {told['built_for']}" if told["built_for"] else "built without CUDA"
        findings.append(
            Finding(
                "Graphics card",
                "problem",
                f"there is an NVIDIA card, but PyTorch ({built}) cannot use it",
                "Bring the driver up to date, or install a PyTorch for your driver: pytorch.org/get-started",
            )
        )
    else:
        words = "none that PyTorch can use: models run on the processor, training takes hours instead of minutes"
        findings.append(Finding("Graphics card", "note", words))
    return [*findings, *_vision(told)]


def _vision(told: dict[str, Any]) -> list[Finding]:
    if not told.get("vision"):
        return [Finding("torchvision", "problem", f"cannot be imported: {told['operators']}", _together(told))]
    wanted = pair(metadata.requires("torchvision") or [])
    words = f"{told['vision']}"
    if wanted and wanted != told["version"].partition("+")[0]:
        words += f" belongs to PyTorch {wanted}, and there is {told['version']}"
        return [Finding("torchvision", "problem", words, _together(told))]
    if told["operators"]:
        # The models that ship do without them; some that people bring do not.
        words += f" belongs to this PyTorch, but its compiled operators do not load: {told['operators']}"
        return [Finding("torchvision", "note", words)]
    return [Finding("torchvision", "works", f"{words} belongs to this PyTorch")]


def pair(requirements: Sequence[str]) -> str:
    """The version of torch that a torchvision was built for, from what it says it requires.

    >>> pair(["numpy", "torch==2.15.0", "pillow>=5"])
    '2.15.0'
    """
    exact = (re.match(r"torch\s*\(?==\s*([\d.]+)", each) for each in requirements)
    return next((found.group(1) for found in exact if found), "")


def _together(told: dict[str, Any]) -> str:
    return f"Install the two together: pip install --force-reinstall torch=={told['version']} torchvision"


def _video() -> list[Finding]:
    told, failure = _told_by(_AV)
    if told is None:
        return [Finding("Video", *failure)]
    words = f"PyAV {told['version']} (no ffmpeg needed)"
    if told["missing"]:
        return [Finding("Video", "note", f"{words}; it cannot read or write {', '.join(told['missing'])}")]
    return [Finding("Video", "works", words)]


def _memory() -> list[Finding]:
    from runway_lab.engine.machine import cores, memory_available, memory_total

    total, free, count = memory_total(), memory_available(), cores()
    words = f"{free / _GB:.1f} of {total / _GB:.1f} GB free, {count} core{'s' if count > 1 else ''}"
    if total < 2 * _GB:
        return [Finding("Memory", "problem", words, "Models need 2 GB at least. Use a larger machine, or a place.")]
    if free < 1.5 * _GB:
        return [Finding("Memory", "note", words, "Close some programs before you start a model.")]
    return [Finding("Memory", "works", words)]


def _library() -> list[Finding]:
    from runway_lab.settings import home, settings

    folder = home()
    findings = [*_writable("Library", folder), *_room("Library", folder)]
    try:
        downloads = settings().downloads
    except RunwayLabError as error:
        return [*findings, Finding("Settings", "problem", error.what, error.hint)]
    if downloads:
        place = Path(downloads).expanduser().absolute()
        findings += [*_writable("Downloads", place), *_room("Downloads", place)]
    return findings


def _writable(topic: str, folder: Path) -> list[Finding]:
    there = _nearest(folder)
    advice = "Choose another folder by setting RUNWAY_LAB_HOME, or give yourself the right to write there."
    if not there.is_dir():
        return [Finding(topic, "problem", f"{folder} cannot be made: {there} is a file", advice)]
    try:
        # Asking for the right is not enough: a full disk, a quota or a read-only mount shows only in writing.
        handle, name = tempfile.mkstemp(dir=there, prefix=".runway-lab-doctor-")
        try:
            os.write(handle, b"may I?")
        finally:
            os.close(handle)
            os.unlink(name)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "Free some room there."
        return [Finding(topic, "problem", f"{folder} cannot be written to: {error.strerror or error}", advice)]
    return [Finding(topic, "works", str(folder) if there == folder else f"{folder} (made when first needed)")]


def _room(topic: str, folder: Path) -> list[Finding]:
    try:
        free = shutil.disk_usage(_nearest(folder)).free
    except OSError as error:
        return [Finding(topic, "note", f"the room there is not known: {error.strerror or error}")]
    words = f"{free / _GB:.0f} GB free there" if free >= _GB else f"{free / _GB:.2f} GB free there"
    if free < 0.5 * _GB:
        return [Finding(topic, "problem", words, "Free some room, or set RUNWAY_LAB_HOME to a folder on another disk.")]
    if free < 5 * _GB:
        return [Finding(topic, "note", f"{words}; a model takes up to 1 GB, an experiment several")]
    return [Finding(topic, "works", words)]


def _nearest(folder: Path) -> Path:
    """The folder itself, or the part of its path that exists."""
    return next((each for each in (folder, *folder.parents) if each.exists()), Path(folder.anchor or "."))


def _jupyter() -> list[Finding]:
    words = ", ".join(f"{name} {_installed(name) or 'is missing'}" for name in ("jupyterlab", "ipywidgets", "voila"))
    missing = [name for name in ("jupyterlab", "ipywidgets", "voila") if not _installed(name)]
    if missing:
        return [Finding("Jupyter", "problem", words, f"pip install {' '.join(missing)}")]
    return [Finding("Jupyter", "works", words), *_extensions()]


def _extensions() -> list[Finding]:
    """Half of a widget runs in the browser; JupyterLab takes the first one it finds, which may be an old one."""
    from jupyter_core.paths import jupyter_path

    places = [Path(place) for place in jupyter_path("labextensions")]
    findings = []
    for package, folder in (
        ("jupyterlab_widgets", "@jupyter-widgets/jupyterlab-manager"),
        ("anywidget", "anywidget"),
        ("ipycanvas", "ipycanvas"),
    ):
        findings += mismatch(package, Path(folder), places)
    return findings or [
        Finding("Widgets", "works", "ipywidgets, anywidget and ipycanvas match their JupyterLab halves")
    ]


def mismatch(package: str, folder: Path, places: Sequence[Path]) -> list[Finding]:
    """What is wrong between a package and the half of it that JupyterLab finds first in `places`; often nothing."""
    again = f"pip install --force-reinstall --no-deps {package}"
    if not _installed(package):
        return [Finding("Widgets", "problem", f"{package} is missing", f"pip install {package}")]
    found = next((place / folder for place in places if (place / folder / "package.json").is_file()), None)
    if found is None:
        return [Finding("Widgets", "problem", f"{package} lacks the half that runs in the browser", again)]
    # The two halves number their versions differently, so the half that came with the package is what counts.
    ending = f"labextensions/{folder.as_posix()}/package.json"
    came = [Path(str(each.locate())) for each in metadata.files(package) or [] if each.as_posix().endswith(ending)]
    if not came or not came[0].is_file() or _half(came[0]) == _half(found / "package.json"):
        return []
    words = f"JupyterLab finds {_half(found / 'package.json')} of {package}'s browser half, not {_half(came[0])}"
    return [Finding("Widgets", "problem", f"{words}, which was installed with it", f"Remove the folder {found}")]


def _half(package_json: Path) -> str:
    return str(json.loads(package_json.read_text(encoding="utf-8")).get("version", ""))


def _browser() -> list[Finding]:
    import webbrowser

    advice = "Open the address that `runway-lab` prints in a browser elsewhere, through a tunnel: ssh -L"
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        if "microsoft" not in platform.release().lower():
            return [Finding("Browser", "note", "this machine has no screen", advice)]
    try:
        webbrowser.get()
    except webbrowser.Error:
        return [Finding("Browser", "note", "none found on this machine", advice)]
    return [Finding("Browser", "works", "there is one to open the lab in")]


def _ports() -> list[Finding]:
    uses = {8888: "the lab", 8700: "to come: a place", 8000: "to come: a model's address"}
    busy = [f"{port} ({use})" for port, use in uses.items() if not _free(port)]
    if busy:
        return [Finding("Ports", "note", f"in use: {', '.join(busy)}; the lab takes the next free one")]
    return [Finding("Ports", "works", "free: " + ", ".join(f"{port} ({use})" for port, use in uses.items()))]


def _free(port: int) -> bool:
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _docker() -> list[Finding]:
    if not shutil.which("docker"):
        return [Finding("Docker", "note", "not installed, and nothing here needs it")]
    if not _answers(["docker", "version", "--format", "{{.Server.Version}}"]):
        return [Finding("Docker", "note", "installed, but its engine does not answer; nothing here needs it")]
    return [Finding("Docker", "works", "its engine answers")]


def _answers(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=4).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _told_by(code: str) -> tuple[dict[str, Any] | None, tuple[Any, str, str]]:
    """What a process of its own prints in its last line as JSON; else state, words and advice of a finding."""
    again = "Install it again: pip install --force-reinstall torch torchvision av"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_IMPORT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        words = f"was not imported within {_IMPORT_SECONDS:.0f} seconds"
        return None, ("note", words, "The first time after an installation can be slow. Ask again.")
    except OSError as error:
        return None, ("problem", f"no process could be started to look at it: {error}", "Free some memory.")
    if done.returncode == 0:
        try:
            told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return told, ("works", "", "")
        except (IndexError, ValueError):
            return None, ("problem", "was imported, but said nothing that makes sense", again)
    last = done.stderr.strip().splitlines()[-1:] or [f"its process ended with exit code {done.returncode}"]
    return None, ("problem", f"cannot be imported: {last[0][:300]}", again)


CHECKS: tuple[tuple[str, Callable[[], list[Finding]]], ...] = (
    ("Python", _python),
    ("PyTorch", _torch),
    ("Video", _video),
    ("Memory", _memory),
    ("Library", _library),
    ("Jupyter", _jupyter),
    ("Browser", _browser),
    ("Ports", _ports),
    ("Docker", _docker),
)
