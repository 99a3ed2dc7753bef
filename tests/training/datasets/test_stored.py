"""The file of pictures is one that everybody can open."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from runway_lab.errors import DamagedEntry
from runway_lab.training.datasets.plan import Plan
from runway_lab.training.datasets.stored import HEADER, digest_of, header, reserve, shape_of


def test_the_header_is_what_numpy_reads(tmp_path: Path) -> None:
    for count in (1, 25_000, 10**9):
        file = tmp_path / "a.npy"
        file.write_bytes(header(count, Plan(32, 64, "rgba")))
        with file.open("rb") as opened:
            np.lib.format.read_magic(opened)
            assert np.lib.format.read_array_header_1_0(opened) == ((count, 32, 64, 4), False, np.uint8)
            assert opened.tell() == HEADER


def test_room_is_taken_before_anything_is_drawn(tmp_path: Path) -> None:
    plan = Plan(8, 16)
    reserve(tmp_path / "a.npy", header(5, plan), 5 * plan.bytes_each)
    made = np.load(tmp_path / "a.npy", mmap_mode="r+")
    assert made.shape == shape_of(tmp_path / "a.npy") == (5, 8, 16, 3)
    if hasattr(os, "posix_fallocate"):
        assert (tmp_path / "a.npy").stat().st_blocks * 512 >= 5 * plan.bytes_each


def test_a_file_that_is_cut_is_not_taken_for_whole(tmp_path: Path) -> None:
    plan = Plan(8, 16)
    (tmp_path / "a.npy").write_bytes(header(5, plan) + bytes(5 * plan.bytes_each - 1))
    with pytest.raises(DamagedEntry, match="cut short"):
        shape_of(tmp_path / "a.npy")


def test_the_digest_depends_on_shape_order_and_content() -> None:
    said = {
        digest_of((2, 8, 8, 3), ["a", "b"]),
        digest_of((2, 8, 8, 3), ["b", "a"]),
        digest_of((2, 8, 8, 1), ["a", "b"]),
        digest_of((3, 8, 8, 3), ["a", "b", "b"]),
    }
    assert len(said) == 4
    assert all(len(each) == 16 for each in said)
