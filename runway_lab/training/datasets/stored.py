"""The file of pictures, `pictures.npy`: its beginning, its room on the disk, its digest, and whether it is whole.

It is a plain file of NumPy, so that everybody can open it. Its beginning has the same length whatever the number of
pictures, so that pictures can be written before anybody knows how many there will be.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from runway_lab.errors import DamagedEntry
from runway_lab.training.datasets.plan import Plan

__all__ = ["HEADER", "digest_of", "header", "reserve", "shape_of"]

HEADER = 128
"""The bytes before the pictures, whatever their number."""


def header(count: int, plan: Plan) -> bytes:
    """The beginning of an .npy file of so many pictures."""
    shape = (count, plan.height, plan.width, plan.depth)
    words = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + words.ljust(HEADER - 11) + b"\n"


def digest_of(shape: Sequence[int], rows_sha256: Iterable[str]) -> str:
    """What names the content of a dataset: the same pictures in the same order give the same digest."""
    every = hashlib.sha256(str(tuple(int(side) for side in shape[1:])).encode())
    for each in rows_sha256:
        every.update(each.encode())
    return every.hexdigest()[:16]


def reserve(file: Path, beginning: bytes, count: int) -> None:
    """A file that has its room on the disk: one that is mapped must not find out later that the disk is full."""
    with file.open("wb") as opened:
        opened.write(beginning)
        opened.flush()
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(opened.fileno(), 0, len(beginning) + count)
        else:
            for _ in range(0, count, 1 << 20):
                opened.write(bytes(1 << 20))
            opened.truncate(len(beginning) + count)


def shape_of(file: Path) -> tuple[int, int, int, int]:
    """What an .npy file says of itself, if it holds pictures as a dataset has them."""
    try:
        with file.open("rb") as opened:
            version = np.lib.format.read_magic(opened)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, kind = read(opened)
            whole = opened.tell() + int(np.prod(shape, dtype=object)) <= os.fstat(opened.fileno()).st_size
    except OSError as error:
        raise DamagedEntry(
            f"The pictures {file} cannot be read: {error.strerror or error}.", hint="Prepare the dataset again."
        ) from error
    except (ValueError, TypeError, SyntaxError, EOFError) as error:
        raise DamagedEntry(f"{file} is damaged: {error}.", hint="Prepare the dataset again.") from error
    if kind != np.uint8 or fortran or len(shape) != 4 or shape[3] not in (1, 3, 4) or 0 in shape or not whole:
        raise DamagedEntry(
            f"{file} holds no pictures: {kind} of shape {shape}{'' if whole else ', cut short'}.",
            hint="It should be uint8, [pictures, height, width, channels]. Prepare the dataset again.",
        )
    return shape[0], shape[1], shape[2], shape[3]
