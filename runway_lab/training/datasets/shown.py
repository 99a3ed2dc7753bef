"""How datasets and crop previews look in a notebook: one inline picture and some words, readable without a kernel.

Titles may come from strangers, so every word is escaped; pictures are made here, out of pixels.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from runway_lab.training.datasets.plan import sides

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from runway_lab.training.datasets.dataset import Dataset
    from runway_lab.training.datasets.doctor import Preview

__all__ = ["page", "pairs", "sheet"]

SHOWN, ACROSS, TILE, GAP = 48, 12, 72, 2
FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);color:var(--jp-ui-font-color1,#222)"
FAINT = "color:var(--jp-ui-font-color2,#666)"


def page(data: Dataset) -> str:
    """A sheet of pictures from all over the dataset, and its card."""
    count = min(SHOWN, len(data))
    some = [np.asarray(data.pictures[index * len(data) // count]) for index in range(count)]
    card = data.card
    facts = {
        "Source": card.source,
        "Licence": card.licence,
        "Consent": card.consent,
        "Note": card.note,
        "Made": str(card.created or ""),
    }
    rows = "".join(
        f'<div style="{FAINT}">{name}</div><div>{html.escape(words)}</div>' for name, words in facts.items() if words
    )
    kind = {1: ", gray", 3: "", 4: ", with transparency"}[data.channels]
    noun = "picture" if len(data) == 1 else "pictures"
    return (
        f'<div style="{FONT};font-size:14px;line-height:1.45">'
        f'<div style="font-weight:600;font-size:18px">{html.escape(card.title)}</div>'
        f'<div style="{FAINT}">{len(data):,} {noun} of {sides(data.height, data.width)}{kind} · '
        f'<span style="font-family:var(--jp-code-font-family,monospace)">{html.escape(data.name)}</span></div>'
        f'<img alt="Some of the pictures" style="max-width:100%;margin:8px 0" src="{_uri(sheet(some))}">'
        f'<div style="display:grid;grid-template-columns:auto 1fr;gap:2px 14px;font-size:13px">{rows}</div></div>'
    )


def sheet(pictures: Sequence[np.ndarray], across: int = ACROSS, tile: int = TILE) -> Picture:
    """Pictures side by side, each in a tile, transparent ones on white."""
    from PIL import Image as pillow

    from runway_lab.fields.pixels import convert, squeezed

    across = min(across, len(pictures))
    down = math.ceil(len(pictures) / across)
    made = pillow.new("RGB", (across * (tile + GAP) - GAP, down * (tile + GAP) - GAP), (128, 128, 128))
    for index, pixels in enumerate(pictures):
        picture = convert(pillow.fromarray(squeezed(pixels)), "RGB")
        scale = tile / max(picture.size)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(size, pillow.Resampling.BOX if scale < 1 else pillow.Resampling.NEAREST)
        left, top = index % across * (tile + GAP), index // across * (tile + GAP)
        made.paste(picture, (left + (tile - size[0]) // 2, top + (tile - size[1]) // 2))
    return made


def pairs(previews: Sequence[Preview]) -> str:
    """Before and after, pair by pair."""
    if not previews:
        return f'<p style="{FONT}">There is no picture to show.</p>'
    tiles = "".join(
        '<div style="display:flex;gap:6px;align-items:center">'
        f'<img alt="before" style="max-height:120px;max-width:180px;opacity:.75" src="{_uri(each.before)}">→'
        f'<img alt="after" style="height:120px" src="{_uri(each.after)}"></div>'
        for each in previews
    )
    return f'<div style="{FONT};display:flex;flex-wrap:wrap;gap:18px">{tiles}</div>'


def _uri(picture: Picture) -> str:
    from runway_lab.fields.pixels import convert

    stream = io.BytesIO()
    convert(picture, "RGB").save(stream, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
