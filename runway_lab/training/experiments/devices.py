"""What a machine has to train on, found out without torch in this process.

Where torch can do no more than compute on a processor, or the machine has no driver of a graphics card, there is
nothing to ask. Otherwise a process of its own is asked, once: whoever is started from here is told the answer in its
environment, `RUNWAY_LAB_DEVICES`, which a person may set as well ("cuda:1,cpu").
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

__all__ = ["VARIABLE", "candidates", "devices"]

_ASK = """
import json, torch
found = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
if torch.backends.mps.is_available():
    found.append("mps")
print(json.dumps(found))
"""
PATIENCE = 120.0
VARIABLE = "RUNWAY_LAB_DEVICES"
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""On Linux one of these is there where a graphics card can be used: NVIDIA's, Windows' own, AMD's."""


@cache
def devices() -> tuple[str, ...]:
    """All of them, the quickest first."""
    told = os.environ.get(VARIABLE, "")
    if told:
        return tuple(each.strip() for each in told.split(",") if each.strip())
    found: list[str] = []
    if _may_have_more():
        try:
            asked = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, timeout=PATIENCE, check=False)
            found = [str(each) for each in json.loads(asked.stdout)]
        except (ValueError, subprocess.TimeoutExpired):
            # A driver that hangs is as good as none.
            found = []
    return (*found, "cpu")


def candidates(wanted: str, before: str = "") -> tuple[str, ...]:
    """Which devices will do: the one it trained on before, else what was asked for, where auto means the quick ones.

    Several with commas between them are one answer: it trains on all of them at once.

    >>> candidates("cpu"), candidates("auto", before="cpu")
    (('cpu',), ('cpu',))
    >>> candidates("cuda:0, cuda:1")
    ('cuda:0,cuda:1',)
    """
    if before:
        return (before,)
    if wanted == "auto":
        quick = tuple(each for each in devices() if each != "cpu")
        return quick or ("cpu",)
    if wanted == "cuda":
        return tuple(each for each in devices() if each.startswith("cuda:")) or ("cuda:0",)
    return (",".join(each.strip() for each in wanted.split(",")),)


def _may_have_more() -> bool:
    """Whether torch may be able to do more here than compute on the processor."""
    if sys.platform == "darwin":
        return True
    if sys.platform == "linux" and not any(map(os.path.exists, DRIVERS)):
        return False
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    try:
        text = Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return True
    said = re.findall(r"^(?:cuda|hip|xpu)\b[^=\n]*=\s*(.+)$", text, re.MULTILINE)
    return not said or any(each.strip() != "None" for each in said)
