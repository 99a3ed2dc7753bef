"""The rule of sizes, without torch."""

from __future__ import annotations

import subprocess
import sys


def test_it_needs_no_torch() -> None:
    code = "import sys; from runway_lab.training.loop.shapes import shape_of; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
