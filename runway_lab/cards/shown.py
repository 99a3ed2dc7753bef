"""A card as a page shows it: a tile in a sheet of tiles, or its whole overview.

Plain HTML without scripts, so that it stays readable in a saved notebook, without a kernel and offline. It uses
JupyterLab's colours where there are any and so fits both of its themes. Cards may come from strangers: every word is
escaped, pictures are embedded as data, and links go out with `noopener`. Of Markdown, paragraphs, lists, `code`,
**bold** and *emphasis* are shown, and the rest as it was written: no address and no HTML from a text becomes active.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runway_lab.cards.card import ModelCard

__all__ = ["Cards", "page", "sheet"]

BULLET = re.compile(r"^\s*[-*]\s+")
MOST_TILES = 24
MOST_PICTURE = 400_000
KINDS = {".webp": "webp", ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif"}

TEXT = "var(--jp-ui-font-color1,#222)"
FAINT = "var(--jp-ui-font-color2,#666)"
LINE = "var(--jp-border-color2,#ddd)"
GROUND = "var(--jp-layout-color2,#f2f2f2)"
FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif)"
HUES = {"generate": 265, "transform": 200, "extract & identify": 150}


class Cards(list["ModelCard"]):
    """A list of cards that a notebook shows as a sheet of tiles."""

    def _repr_html_(self) -> str:
        return sheet(self)


def sheet(cards: Sequence[ModelCard]) -> str:
    """The cards as tiles, side by side as they fit."""
    if not cards:
        return f'<p style="{FONT};color:{FAINT}">No model fits. Fewer words may find more.</p>'
    tiles = "".join(_tile(card) for card in cards[:MOST_TILES])
    more = len(cards) - MOST_TILES
    rest = f'<p style="{FONT};color:{FAINT}">and {more} more</p>' if more > 0 else ""
    columns = "grid-template-columns:repeat(auto-fill,minmax(240px,1fr))"
    return f'<div style="display:grid;{columns};gap:18px;max-width:1200px;padding:4px">{tiles}</div>{rest}'


def _tile(card: ModelCard) -> str:
    about = card.characteristics
    way = f"{', '.join(about.inputs)} → {', '.join(about.outputs)}" if about.inputs or about.outputs else ""
    return (
        f'<div style="{FONT};color:{TEXT};border:1px solid {LINE};border-radius:10px;overflow:hidden">'
        f"{_cover(card, 'height:150px')}"
        '<div style="padding:10px 14px 12px">'
        f'<div style="font-weight:600;font-size:15px">{_words(card.title)}</div>'
        f'<div style="font-family:var(--jp-code-font-family,monospace);font-size:12px;color:{FAINT}">'
        f"{_words(card.id)}</div>"
        f'<div style="margin:6px 0 8px;font-size:13px;line-height:1.4">{_words(card.tagline)}</div>'
        f"{_chip(card.category, HUES.get(card.category))}"
        f'<div style="margin-top:8px;font-size:12px;color:{FAINT}">{_words(way)}</div>'
        "</div></div>"
    )


def page(card: ModelCard) -> str:
    """The whole card: picture, what it does, what it must not be used for, where it comes from."""
    about = card.characteristics
    size = f"{about.download_mb:g} MB" if about.download_mb else ""
    runs = " and ".join(name for name, can in (("CPU", about.cpu), ("GPU", about.gpu)) if can)
    facts = {
        "Takes": ", ".join(about.inputs),
        "Gives": ", ".join(about.outputs),
        "Runs on": runs,
        "Memory": f"about {about.memory_mb} MB" if about.memory_mb else "",
        "Download": size,
        "Published": str(about.published or ""),
        "Updated": str(about.updated or ""),
        "Publisher": ", ".join(each.name for each in card.publishers),
        "Made with": ", ".join(f"{each.name} ({each.role})" if each.role else each.name for each in card.attributions),
    }
    rows = "".join(
        f'<div style="color:{FAINT}">{name}</div><div>{_words(words)}</div>' for name, words in facts.items() if words
    )
    texts = {
        "": card.overview,
        "Licence": "\n\n".join(part for part in (card.licence.id, card.licence.note) if part),
        "What it learned from": card.learned_from,
        "Limits": card.limits,
        "Performance": card.performance,
    }
    sections = "".join(_section(heading, words) for heading, words in texts.items() if words.strip())
    named = [(each.url, each.title or each.kind) for each in card.links]
    if card.licence.link:
        named.insert(0, (card.licence.link, "the licence"))
    links = " · ".join(_link(address, title) for address, title in named)
    return (
        f'<div style="{FONT};color:{TEXT};max-width:900px;font-size:14px;line-height:1.5">'
        f"{_cover(card, 'max-height:320px;border-radius:10px')}"
        f'<div style="margin-top:14px;font-size:24px;font-weight:600;line-height:1.2">{_words(card.title)}</div>'
        f'<div style="font-family:var(--jp-code-font-family,monospace);font-size:12px;color:{FAINT}">'
        f"{_words(card.id)}</div>"
        f'<div style="font-size:16px;margin:8px 0 12px">{_words(card.tagline)}</div>'
        f"{_chip(card.category, HUES.get(card.category))}{''.join(_chip(each) for each in card.keywords)}"
        '<div style="display:flex;flex-wrap:wrap;gap:28px;margin-top:14px">'
        f'<div style="flex:2 1 360px">{sections}{links}</div>'
        '<div style="flex:1 1 220px;display:grid;grid-template-columns:auto 1fr;gap:4px 14px;align-content:start;'
        f'font-size:13px;border-left:1px solid {LINE};padding-left:16px">{rows}</div>'
        "</div></div>"
    )


def _section(heading: str, words: str) -> str:
    title = f'<div style="font-weight:600;margin-top:10px">{heading}</div>' if heading else ""
    return title + "".join(_paragraph(each) for each in words.strip().split("\n\n"))


def _paragraph(text: str) -> str:
    """A paragraph, or the list it begins."""
    lines = text.strip().split("\n")
    begin = next((index for index, line in enumerate(lines) if BULLET.match(line)), len(lines))
    before = " ".join(lines[:begin])
    items: list[str] = []
    for line in lines[begin:]:
        if BULLET.match(line):
            items.append(BULLET.sub("", line))
        else:
            items[-1] += " " + line.strip()
    shown = f'<p style="margin:6px 0">{_marked(before)}</p>' if before.strip() else ""
    if items:
        shown += '<ul style="margin:6px 0;padding-left:20px">'
        shown += "".join(f"<li>{_marked(each)}</li>" for each in items) + "</ul>"
    return shown


def _marked(text: str) -> str:
    """Escaped words with their code, bold and emphasis; what is code is only code."""
    parts = re.split(r"`([^`]+)`", html.escape(" ".join(text.split())))
    for index, part in enumerate(parts):
        if index % 2:
            parts[index] = f'<code style="font-size:0.92em">{part}</code>'
        else:
            # Nothing here looks further than the next star, so that no text makes it slow.
            part = re.sub(r"\*\*([^*\s][^*]*)\*\*", r"<b>\1</b>", part)
            parts[index] = re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])", r"<i>\1</i>", part)
    return "".join(parts)


def _cover(card: ModelCard, style: str) -> str:
    for each in card.gallery:
        if uri := _embedded(card, each.file):
            shown = f"display:block;width:100%;object-fit:cover;{style}"
            return f'<img alt="{html.escape(each.caption or card.title)}" src="{uri}" style="{shown}">'
    # A model without a picture gets a quiet ground of its own hue, so a sheet stays even.
    hue = sum(map(ord, card.id)) % 360
    ground = f"background:linear-gradient(135deg,hsl({hue} 35% 45%),hsl({(hue + 50) % 360} 35% 30%))"
    return f'<div style="{style};min-height:120px;{ground}"></div>'


def _embedded(card: ModelCard, name: str) -> str:
    try:
        path = card.path_of(name)
        kind = KINDS.get(path.suffix.lower())
        if kind is None or path.stat().st_size > MOST_PICTURE:
            return ""
        return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode("ascii")
    except (OSError, ValueError):
        return ""


def _chip(words: str, hue: int | None = None) -> str:
    look = f"background:{GROUND};color:{TEXT}" if hue is None else f"background:hsl({hue} 45% 42%);color:#fff"
    return (
        f'<span style="display:inline-block;{look};border-radius:9px;padding:1px 9px;margin:0 6px 4px 0;'
        f'font-size:12px">{html.escape(words)}</span>'
    )


def _link(address: str, title: str) -> str:
    if not address.startswith(("http://", "https://")):
        return _words(title)
    style = "color:var(--jp-content-link-color,#1565c0)"
    return (
        f'<a href="{html.escape(address)}" target="_blank" rel="noopener noreferrer" style="{style}">'
        f"{_words(title)}</a>"
    )


def _words(text: str) -> str:
    return html.escape(" ".join(text.split()))
