"""The names of an experiment's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from runway_lab.training.experiments.folder import Folder, step_of, steps_in


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("step-000250.webp", 250),
        ("step-025000.safetensors", 25_000),
        ("state-000007.json", 7),
        ("step-1234567.webp", 1_234_567),
        ("state-000007.pt", None),
        ("step-.webp", None),
        ("step-12.webp.part", None),
        (".tmp-12-0123abcd-step-000250.webp", None),
        ("notes.txt", None),
    ],
)
def test_a_step_is_read_from_a_name(name: str, step: int | None) -> None:
    assert step_of(name) == step


def test_steps_come_in_their_order_and_foreign_files_are_passed_over(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.samples.mkdir()
    for step in (1000, 5, 200_000_0):
        folder.sheet(step).touch()
    (folder.samples / "index.json").touch()
    (folder.samples / "holiday.webp").touch()
    assert steps_in(folder.samples, ".webp") == [5, 1000, 2_000_000]
    assert steps_in(folder.checkpoints, ".safetensors") == []
