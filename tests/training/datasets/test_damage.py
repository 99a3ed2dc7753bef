"""Torn and half-lost pictures are found; horizons, ridges and gray floors are not taken for them."""

from __future__ import annotations

import io
import random

import numpy as np
from PIL import Image
from support.pictures import encoded, photo

from runway_lab.training.datasets.look import look
from runway_lab.training.datasets.plan import Plan
from runway_lab.training.datasets.sources import Item


def findings(data: bytes) -> list[str]:
    return look(Item("a.jpg", len(data), 0, lambda most: data[:most]), Plan(32, 32), prepare=False).findings


def test_a_picture_with_a_gray_or_white_bottom_is_fine() -> None:
    for colour in ((255, 255, 255), (0, 0, 0), (120, 130, 128)):
        picture = photo(1, 100, 100)
        picture.paste(colour, (0, 60, 100, 100))
        assert findings(encoded(picture)) == []


def test_a_torn_jpeg_is_found_and_a_horizon_is_not() -> None:
    pixels = np.asarray(photo(4, 256, 256)).astype(int)
    torn = pixels.copy()
    torn[112:128, 96:] += [60, -40, 20]
    torn[128:] += [60, -40, 20]
    horizon = pixels.copy()
    horizon[128:] += [60, -40, 20]
    hill = pixels.copy()
    hill[120:136, 104:] += [60, -40, 20]
    hill[136:] += [60, -40, 20]
    ridge = pixels.copy()
    ridge[np.arange(256)[:, None] > 112 + 24 * (np.arange(256) > 60) - np.arange(256) // 16] += [60, -40, 20]
    said = [
        findings(encoded(Image.fromarray(np.clip(each, 0, 255).astype(np.uint8))))
        for each in (torn, horizon, hill, ridge)
    ]
    assert said == [["glitched"], [], [], []]


def test_damage_to_the_stream_of_a_jpeg_is_often_found() -> None:
    whole = encoded(photo(4, 256, 256))
    chance = random.Random(1)
    found = visible = 0
    good = np.asarray(Image.open(io.BytesIO(whole)), int)
    for _ in range(100):
        data = bytearray(whole)
        data[chance.randrange(len(data) // 4, len(data) - 100)] ^= 1 << chance.randrange(8)
        bad = Image.open(io.BytesIO(bytes(data)))
        try:
            bad.load()
        except OSError:
            continue
        if np.abs(np.asarray(bad, int) - good).mean() > 15:
            visible += 1
            found += "glitched" in findings(bytes(data))
    assert visible > 10
    assert found > visible / 3


def test_landscapes_with_ridges_are_not_torn() -> None:
    from runway_lab.training import drawn

    for seed in range(12):
        picture = Image.fromarray(drawn.draw("landscapes", seed, 128)).resize((300, 200))
        assert findings(encoded(picture, quality=80)) == []
