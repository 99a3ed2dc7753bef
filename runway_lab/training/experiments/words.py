"""Titles, names and times, as people and folders have them."""

from __future__ import annotations

import re

from runway_lab.errors import BadValue, shorten

__all__ = ["check_title", "duration", "slug"]


def duration(seconds: float) -> str:
    """A time as a person says it.

    >>> duration(8), duration(200), duration(7300)
    ('8 s', '3 min', '2 h 2 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def slug(title: str) -> str:
    """A title as a name for a folder.

    >>> slug("Petals, in spring"), slug("花")
    ('petals-in-spring', 'experiment')
    """
    name = re.sub(r"[^a-z0-9]+", "-", title.lower())[:60].strip("-") or "experiment"
    # Windows has no files by these names.
    return f"{name}-1" if re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name) else name


def check_title(title: object) -> str:
    """A title that can be shown and made a name of."""
    if not isinstance(title, str) or not title.strip() or len(title) > 200:
        raise BadValue(
            f"An experiment cannot be called {shorten(title)}.", hint="Give it a title of up to 200 letters."
        )
    return " ".join(title.split())
