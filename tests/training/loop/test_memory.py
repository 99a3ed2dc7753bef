from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from runway_lab.training.loop.memory import keep_freed_memory
done = keep_freed_memory() if sys.argv[1] == "keep" else True
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    buffer = bytearray(40_000_000)
    del buffer
print(int(done), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_freed_buffers_are_not_fetched_from_the_system_again() -> None:
    def faults(how: str) -> int:
        out = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True).stdout
        done, count = out.split()
        if done == "0":
            pytest.skip("another C library")
        return int(count)

    assert faults("keep") < faults("let go") / 3
