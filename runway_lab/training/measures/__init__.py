"""How good a model is: measures of its samples against real pictures, and what they say over a run.

In flow pictures, uint8 of shape (number, height, width, channels); out go single numbers, and with `judge` a sentence.
Distance, variety and copies need no weights and no torch, and take some hundredths of a second; they are for
watching. The Frechet inception distance (`fid`) needs weights that are fetched once on request; it is for comparing
with what others report. None of them can tell whether a picture is good: look at the sheets.

No measure here looks through a network with random weights: such a gauge rose while pictures improved.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runway_lab.training.measures.copies import COPIES, Copies
    from runway_lab.training.measures.diversity import DIVERSITY, Diversity
    from runway_lab.training.measures.fid import FID, FrechetDistance, fetch_inception
    from runway_lab.training.measures.gauges import Gauges
    from runway_lab.training.measures.measure import Measure
    from runway_lab.training.measures.sliced import SWD, SlicedDistance
    from runway_lab.training.measures.verdict import Verdict, earliest_alarm, judge

__all__ = [
    "COPIES",
    "DIVERSITY",
    "FID",
    "SWD",
    "Copies",
    "Diversity",
    "FrechetDistance",
    "Gauges",
    "Measure",
    "SlicedDistance",
    "Verdict",
    "earliest_alarm",
    "fetch_inception",
    "judge",
]

_HOMES = {
    "COPIES": "copies",
    "Copies": "copies",
    "DIVERSITY": "diversity",
    "Diversity": "diversity",
    "FID": "fid",
    "FrechetDistance": "fid",
    "Gauges": "gauges",
    "Measure": "measure",
    "SWD": "sliced",
    "SlicedDistance": "sliced",
    "Verdict": "verdict",
    "earliest_alarm": "verdict",
    "fetch_inception": "fid",
    "judge": "verdict",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
