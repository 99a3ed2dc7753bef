"""A disk that is full, without filling one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def small_disk(most: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: the system refuses the write half-way, as a full disk does.

    Not a fixture: pytest itself may be writing to a file when it reports on the test.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
