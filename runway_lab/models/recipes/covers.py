"""Pictures for the models' cards: sheets, found boxes, before and after.

A card's pictures are made by its model, at its real quality, and kept small: WebP below 60 kB.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from runway_lab.models.recipes.drawing import Picture

__all__ = ["before_and_after", "boxed", "sheet", "smaller", "write"]

LARGEST = 60_000
"""Bytes."""


def write(picture: Picture | Image.Image, path: Path) -> None:
    """As good as fits."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    for quality in range(92, 30, -4):
        file = io.BytesIO()
        image.save(file, "WEBP", quality=quality, method=6)
        if file.tell() <= LARGEST:
            break
    path.write_bytes(file.getvalue())


def sheet(pictures: Sequence[Picture] | Picture, columns: int) -> Picture:
    """Pictures of one size side by side, in rows.

    >>> sheet(np.zeros((6, 8, 8, 3), np.uint8), columns=3).shape
    (16, 24, 3)
    """
    rows = [np.concatenate(list(pictures[i : i + columns]), axis=1) for i in range(0, len(pictures), columns)]
    return np.concatenate(rows, axis=0)


def smaller(picture: Picture, width: int) -> Picture:
    """The picture shrunk to a width."""
    height = round(picture.shape[0] * width / picture.shape[1])
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def boxed(picture: Image.Image, boxes: Sequence[Sequence[float]], words: Sequence[str]) -> Image.Image:
    """Boxes (0..1) around things, each with a word on its upper edge."""
    drawn = picture.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    height = max(11, drawn.width // 64)
    font = ImageFont.load_default(height)
    for (left, top, right, bottom), word in zip(boxes, words, strict=True):
        edges = (left * drawn.width, top * drawn.height, right * drawn.width, bottom * drawn.height)
        pen.rounded_rectangle(edges, radius=4, outline=(105, 65, 245), width=max(2, drawn.width // 320))
        x0, y0, x1, y1 = pen.textbbox((edges[0] + 5, max(edges[1] - height - 5, 2)), word, font=font)
        pen.rounded_rectangle((x0 - 5, y0 - 4, x1 + 5, y1 + 4), radius=4, fill=(105, 65, 245))
        pen.text((x0, max(edges[1] - height - 5, 2)), word, fill=(255, 255, 255), font=font)
    return drawn


def before_and_after(before: Picture, after: Picture, words: tuple[str, str]) -> Image.Image:
    """The left half of one picture and the right half of the other."""
    joined = after.copy()
    middle = after.shape[1] // 2
    joined[:, :middle] = before[:, :middle]
    joined[:, middle - 1 : middle + 1] = 255
    image = Image.fromarray(joined)
    pen = ImageDraw.Draw(image)
    height = max(12, image.width // 48)
    font = ImageFont.load_default(height)
    for word, right_edge in zip(words, (middle - 14, image.width - 14), strict=True):
        wide = font.getlength(word)
        at = (right_edge - wide, image.height - height - 16)
        pen.rounded_rectangle((at[0] - 8, at[1] - 4, right_edge + 8, at[1] + height + 8), radius=6, fill=(20, 18, 30))
        pen.text(at, word, fill=(255, 255, 255), font=font)
    return image
