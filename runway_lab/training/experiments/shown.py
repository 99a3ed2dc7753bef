"""An experiment as a notebook shows it: title, state, how far it is, and the newest samples.

Plain HTML without scripts, readable in a saved notebook and without a kernel. Titles, words of errors and names are a
person's, and escaped.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runway_lab.errors import RunwayLabError

if TYPE_CHECKING:
    from runway_lab.training.experiments.reading import Reader

__all__ = ["page", "sheet"]

TEXT = "var(--jp-ui-font-color1,#222)"
FAINT = "var(--jp-ui-font-color2,#666)"
LINE = "var(--jp-border-color2,#ddd)"
BAR = "var(--jp-brand-color1,#1976d2)"
FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif)"
WIDEST = 900


def page(experiment: Reader) -> str:
    """One experiment, with its newest samples."""
    try:
        inside = _about(experiment) + _newest(experiment, WIDEST)
    except RunwayLabError as error:
        inside = f"<div>{html.escape(experiment.id)}</div><div>{html.escape(str(error))}</div>"
    return f'<div style="{FONT};color:{TEXT};max-width:{WIDEST}px;font-size:14px;line-height:1.5">{inside}</div>'


def sheet(experiments: Sequence[Reader]) -> str:
    """Several, side by side as they fit."""
    if not experiments:
        return f'<p style="{FONT};color:{FAINT}">No experiment yet: rl.train(...) begins one.</p>'
    columns = "grid-template-columns:repeat(auto-fill,minmax(260px,1fr))"
    tiles = "".join(_tile(each) for each in experiments)
    return f'<div style="display:grid;{columns};gap:18px;max-width:1200px;padding:4px">{tiles}</div>'


def _tile(experiment: Reader) -> str:
    try:
        inside = _newest(experiment, 320) + _about(experiment)
    except RunwayLabError as error:
        inside = f"<div>{html.escape(experiment.id)}</div><div>{html.escape(str(error))}</div>"
    return (
        f'<div style="{FONT};color:{TEXT};border:1px solid {LINE};border-radius:10px;padding:10px 14px 12px;'
        f'font-size:13px;line-height:1.4">{inside}</div>'
    )


def _about(experiment: Reader) -> str:
    status, progress = experiment.status, experiment.progress
    state = f"{status.name}{f': {status.why}' if status.why else ''}"
    return (
        f'<div style="font-size:20px;font-weight:600;line-height:1.3">{html.escape(experiment.title)}</div>'
        f'<div style="font-family:var(--jp-code-font-family,monospace);font-size:12px;color:{FAINT}">'
        f"{html.escape(experiment.id)}</div>"
        f"<div>{html.escape(state)}</div>"
        f'<div style="height:6px;border-radius:3px;background:{LINE};margin:6px 0">'
        f'<div style="height:6px;border-radius:3px;background:{BAR};width:{100 * progress.share:.1f}%"></div></div>'
        f'<div style="color:{FAINT};font-size:12px;margin-bottom:8px">{html.escape(str(progress))}</div>'
    )


def _newest(experiment: Reader, width: int) -> str:
    """The newest sheet, as data: a saved notebook keeps it."""
    if not experiment.samples:
        return ""
    try:
        step = experiment.samples[-1]
        picture = experiment.sample(step)
    except RunwayLabError:
        return ""
    if picture.width > 2 * width:
        picture = picture.resize((2 * width, max(1, round(picture.height * 2 * width / picture.width))))
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=80)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'<img src="data:image/webp;base64,{data}" alt="Samples of step {step}" '
        f'style="max-width:100%;border-radius:6px;display:block;margin-bottom:6px">'
    )
