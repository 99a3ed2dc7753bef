"""Sheets of pictures for a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from runway_lab.training.datasets.doctor import Preview
from runway_lab.training.datasets.shown import pairs, sheet


def test_a_sheet_shows_every_picture_in_its_shape() -> None:
    pictures = [np.full((8, 16, 3), value, np.uint8) for value in (10, 90, 170, 250)]
    made = np.asarray(sheet(pictures, across=2, tile=16))
    assert made.shape == (16 * 2 + 2, 16 * 2 + 2, 3)
    assert [made[8, 8, 0], made[8, 26, 0], made[26, 8, 0], made[26, 26, 0]] == [10, 90, 170, 250]
    assert made[1, 8, 0] == 128, "it is not squeezed into a square"


def test_what_is_clear_lies_on_white() -> None:
    assert np.asarray(sheet([np.zeros((8, 8, 4), np.uint8)], tile=8)).min() == 255
    assert np.asarray(sheet([np.full((8, 8, 1), 7, np.uint8)], tile=8)).max() == 7


def test_pairs_are_pictures_that_open() -> None:
    page = pairs([Preview(Image.new("RGB", (20, 10)), Image.new("RGBA", (8, 8)))])
    for part in page.split("base64,")[1:]:
        assert Image.open(io.BytesIO(base64.b64decode(part.split('"')[0]))).format == "JPEG"
