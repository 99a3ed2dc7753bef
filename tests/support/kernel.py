"""A kernel of its own, to be killed: runs some lines of Python and then waits."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]

START = """
import sys, time
from support.cells import ECHO, cell
import runway_lab as rl
echo = cell(ECHO)
"""


class Kernel:
    """A Python process that has run these lines and says so."""

    def __init__(self, lines: str, **environment: str) -> None:
        text = START + textwrap.dedent(lines) + '\nprint("ready", flush=True)\nsys.stdin.readline()\n'
        path = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-c", text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, **environment},
        )

    def wait(self) -> list[str]:
        """What it printed until it was ready."""
        assert self.process.stdout is not None
        lines = []
        while (line := self.process.stdout.readline().decode().strip()) != "ready":
            assert line or self.process.poll() is None, "the kernel ended before it was ready"
            lines.append(line)
        return lines

    def kill(self) -> None:
        """SIGKILL, as from a restart or the system."""
        self.process.kill()
        self._close()

    def finish(self) -> int:
        """Lets it come to its end."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return self._close()

    def _close(self) -> int:
        code = self.process.wait(20)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        return code
