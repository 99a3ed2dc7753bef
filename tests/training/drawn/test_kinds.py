"""Drawn pictures: a seed is a picture, every time and at every size, and no two are alike."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runway_lab.errors import BadValue, Unknown
from runway_lab.training.drawn import draw, kind, kinds

NAMES = [each.name for each in kinds()]


@cache
def thirty_six(name: str) -> Any:
    """Small pictures as rows of numbers in 0..1."""
    pictures = np.stack([draw(name, seed, 32) for seed in range(36)]).reshape(36, -1) / np.float32(255)
    pictures.flags.writeable = False
    return pictures


def test_there_are_at_least_five_kinds_with_names_of_their_own() -> None:
    assert {"faces", "cats", "flowers", "butterflies", "landscapes"} <= set(NAMES)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_says_what_it_is_whose_it_is_and_what_varies(name: str) -> None:
    described = kind(name)
    assert described.title
    assert described.tagline.endswith(".")
    assert described.licence == "CC0-1.0"
    assert len(described.varies) >= 8
    assert str(len(described.varies)) in described.different


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_is_the_same_picture_and_another_is_not(name: str) -> None:
    first = draw(name, 11, 48)
    assert first.shape == (48, 48, 3)
    assert first.dtype == np.uint8
    assert (first == draw(name, 11, 48)).all()
    assert np.abs(first.astype(int) - draw(name, 12, 48)).mean() > 5


@pytest.mark.parametrize("name", NAMES)
def test_what_was_drawn_before_changes_nothing(name: str) -> None:
    np.random.seed(1)
    first = draw(name, 5, 32)
    for other in NAMES:
        draw(other, 8, 32)
    np.random.seed(2)
    assert (first == draw(name, 5, 32)).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("large", "small"), [(256, 64), (128, 32), (192, 96), (64, 16)])
def test_a_picture_is_the_same_at_every_size(name: str, large: int, small: int) -> None:
    for seed in range(2):
        reduced = np.asarray(Image.fromarray(draw(name, seed, large)).reduce(large // small), float)
        here = draw(name, seed, small).astype(float)
        other = draw(name, seed + 100, small).astype(float)
        assert np.abs(reduced - here).mean() < 6.0
        assert np.abs(reduced - here).mean() < 0.25 * np.abs(reduced - other).mean()


@pytest.mark.parametrize("name", NAMES)
def test_the_largest_and_the_smallest_and_odd_sizes_can_be_drawn(name: str) -> None:
    for size in (16, 37, 100):
        assert draw(name, 3, size).shape == (size, size, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_poster_can_be_drawn(name: str) -> None:
    poster = Image.fromarray(draw(name, 3, 1024)).resize((64, 64), Image.Resampling.BOX)
    assert np.abs(np.asarray(poster, float) - draw(name, 3, 64)).mean() < 6.0


@pytest.mark.parametrize("name", NAMES)
def test_no_two_pictures_look_alike(name: str) -> None:
    pictures = thirty_six(name)
    apart = np.stack([np.abs(pictures - one).mean(axis=1) for one in pictures])
    assert apart[np.triu_indices(36, 1)].min() > 0.02
    assert apart.mean() > 0.10


@pytest.mark.parametrize("name", NAMES)
def test_pictures_use_the_whole_range_and_are_not_gray(name: str) -> None:
    pictures = thirty_six(name).reshape(36, -1, 3)
    assert pictures.min() < 0.15
    assert pictures.max() > 0.93
    assert (pictures.max(axis=2) - pictures.min(axis=2)).mean() > 0.10


def test_an_unknown_kind_is_said_so_with_the_nearest_one() -> None:
    with pytest.raises(Unknown, match=r"Nothing here draws 'cat'.*Did you mean 'cats'"):
        draw("cat", 0)
    with pytest.raises(Unknown, match=r"There is: .*faces"):
        kind("zzzz")


@pytest.mark.parametrize("size", [0, 15, 1025, -64])
def test_a_size_out_of_bounds_is_said_so(size: int) -> None:
    with pytest.raises(BadValue, match=rf"size of a drawn picture cannot be {size}.*16 to 1024"):
        draw("faces", 0, size)


@pytest.mark.parametrize("seed", [-1, 2**63, 2**200])
def test_a_seed_out_of_bounds_is_said_so(seed: int) -> None:
    with pytest.raises(BadValue, match="seed of a drawn picture cannot be"):
        draw("faces", seed)


@pytest.mark.parametrize("wrong", [1.5, "7", None, True])
def test_a_seed_or_size_that_is_no_whole_number_is_said_so(wrong: Any) -> None:
    with pytest.raises(BadValue, match="seed of a drawn picture is a whole number"):
        draw("faces", wrong)
    with pytest.raises(BadValue, match="size of a drawn picture is a whole number"):
        draw("faces", 0, wrong)


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    assert (draw("cats", np.int64(4), np.uint8(32)) == draw("cats", 4, 32)).all()  # type: ignore[arg-type]


def test_drawing_never_imports_torch() -> None:
    program = (
        "import sys\n"
        "from runway_lab.training.drawn import draw_many, kinds\n"
        "for each in kinds():\n"
        "    draw_many(each.name, 2, 16)\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
