"""Pictures that look a little like photographs, and folders of them; made here, from numbers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def photo(seed: int = 0, width: int = 96, height: int = 64) -> Image.Image:
    """Soft forms with some texture; no two seeds look alike."""
    chance = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128, np.float32)
    for size, strength in ((3, 70), (6, 40), (24, 12)):
        noise = chance.uniform(-1, 1, (size, size, 3)).astype(np.float32)
        layers = [
            Image.fromarray(noise[:, :, each]).resize((width, height), Image.Resampling.BICUBIC) for each in range(3)
        ]
        picture += strength * np.stack([np.asarray(each) for each in layers], axis=2)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def encoded(picture: Image.Image, form: str = "JPEG", **how: Any) -> bytes:
    """The bytes of a file."""
    stream = io.BytesIO()
    picture.save(stream, form, **({"quality": 90} if form == "JPEG" else {}) | how)
    return stream.getvalue()


def photos(folder: Path, count: int, width: int = 96, height: int = 64, first: int = 0) -> Path:
    """A folder of photographs, 0.jpg and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        (folder / f"{number}.jpg").write_bytes(encoded(photo(number, width, height)))
    return folder
