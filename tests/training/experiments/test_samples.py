"""Which steps are sampled, and what is kept of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runway_lab.errors import BadValue, DamagedEntry
from runway_lab.training.experiments import samples
from runway_lab.training.experiments.folder import Folder


def pictures(count: int, size: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, channels), np.uint8)


@pytest.mark.parametrize("steps", [200, 3000, 25_000])
@pytest.mark.parametrize("count", [100, 150, 200])
def test_they_are_dense_at_first_and_then_even(steps: int, count: int) -> None:
    found = samples.sampled_steps(steps, count)
    gaps = np.diff(found)
    assert found[0] == 0
    assert found[-1] == steps
    assert 0.9 * count <= len(found) <= count
    assert gaps[: len(gaps) // 10].mean() <= gaps.mean()
    assert gaps[0] <= gaps[-1]
    even = gaps[len(gaps) // 4 :]
    assert even.max() - even.min() <= 1
    if steps >= 3000:
        assert gaps[:5].mean() < gaps.mean() / 4


def test_every_step_if_wanted_and_never_more_than_there_are() -> None:
    assert samples.sampled_steps(50, 5, every=True) == list(range(51))
    assert samples.sampled_steps(7, 200) == list(range(8))
    assert samples.sampled_steps(100, 1) == [100]
    assert samples.sampled_steps(100, 2) == [0, 100]
    assert samples.sampled_steps(100, 3)[0::2] == [0, 100]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_single_picture_is_cut_from_its_sheet_without_loss(tmp_path: Path, channels: int) -> None:
    folder = Folder(tmp_path)
    made = pictures(7, 32, channels)
    samples.write_sheet(folder, 5, made)
    for index in range(7):
        cut = np.asarray(samples.read_picture(folder, 5, index))
        if channels == 1 and cut.ndim == 3:
            cut = cut[..., :1]
        assert (cut.reshape(32, 32, -1)[..., :channels] == made[index]).all(), index
    with pytest.raises(BadValue, match="no picture 7"):
        samples.read_picture(folder, 5, 7)


def test_large_ones_are_small_on_the_disk(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    y, x = np.mgrid[0:256, 0:256]
    made = np.stack([np.stack([x, y, (x + y) // 2 + i], -1).astype(np.uint8) for i in range(4)])
    samples.write_sheet(folder, 5, made)
    assert folder.sheet(5).stat().st_size < made.nbytes / 20
    near = np.asarray(samples.read_picture(folder, 5, 2)).astype(int)
    assert np.abs(near - made[2]).mean() < 4


def test_a_sheet_has_room_for_as_many_as_a_file_can_hold() -> None:
    assert samples.fitting(32, 1024, 1024) == 32
    few = samples.fitting(256, 2048, 2048)
    assert 30 < few < 256


def test_damage_is_told(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    samples.write_sheet(folder, 5, pictures(4, 16))
    folder.sheet(5).write_bytes(folder.sheet(5).read_bytes()[:50])
    with pytest.raises(DamagedEntry, match="step 5"):
        samples.read_sheet(folder, 5)
    samples.write_sheet(folder, 5, pictures(4, 16))
    (folder.samples / "index.json").write_text("{}")
    with pytest.raises(DamagedEntry, match="index.json"):
        samples.read_picture(folder, 5, 0)
    (folder.samples / "index.json").write_text('{"count": 4}')
    with pytest.raises(DamagedEntry, match="index.json"):
        samples.read_picture(folder, 5, 0)
