"""The kept checkpoints stay spread over a run, however long it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from runway_lab.errors import BadValue
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.keeping import kept_steps, nearest, superfluous, thin, to_keep


def test_they_are_evenly_spread_and_end_with_the_last() -> None:
    assert to_keep(3000, 12) == list(range(250, 3001, 250))
    assert to_keep(5, 12) == [1, 2, 3, 4, 5]
    assert to_keep(1, 12) == [1]


@pytest.mark.parametrize("kept", [1, 2, 5, 12])
def test_a_run_that_is_extended_again_and_again_keeps_its_spread(kept: int) -> None:
    there: list[int] = []
    steps = 0
    for _ in range(6):
        steps += 1000
        for step in to_keep(steps, kept):
            if step > (there[-1] if there else 0):
                there.append(step)
                gone = superfluous(there, [], kept)
                there = [each for each in there if each not in gone]
    assert len(there) <= kept
    assert there[-1] == steps
    gaps = [later - earlier for earlier, later in zip([0, *there[:-1]], there, strict=True)]
    assert max(gaps) <= 4 * steps / max(1, len(there)), there


def test_pinned_ones_and_the_newest_stay() -> None:
    steps = list(range(100, 2100, 100))
    gone = superfluous(steps, [100, 200, 300], 4)
    left = [step for step in steps if step not in gone]
    assert {100, 200, 300, 2000} <= set(left)
    assert len(left) == 3 + 4


def test_thinning_deletes_files_and_leaves_foreign_ones(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.checkpoints.mkdir()
    for step in (10, 20, 30, 40):
        folder.checkpoint(step).touch()
    (folder.checkpoints / "mine.safetensors").touch()
    assert len(thin(folder, [20], 2)) == 1
    assert 20 in kept_steps(folder)
    assert kept_steps(folder)[-1] == 40
    assert (folder.checkpoints / "mine.safetensors").exists()


def test_the_nearest_is_offered() -> None:
    assert nearest([250, 500, 750], 600) == 500
    assert nearest([250, 500], 375) == 250
    assert nearest([250, 500], None) == 500
    assert nearest([250, 500], 0) == 250
    with pytest.raises(BadValue, match="no checkpoint yet"):
        nearest([], 5)
