"""Pictures become a dataset: looked at, cropped, and laid down as one file that a trainer maps into memory.

In flows a folder, a list of files, an archive, uploaded bytes or a film (`sources`); out comes a folder of the library
with `pictures.npy`, `manifest.json`, `report.json` and `card.toml` (`dataset`). In between, every picture is decoded
once, by `look`, on all cores (`survey`); what it finds is judged in the order of the source (`judge`), so that the
result depends on nothing but the pictures and the `plan`, and so that a preparing that was killed goes on where it was
(`prepare`). `kinds` has the words for what the doctor finds, `report` shows them, `crop` knows where to cut, `damage`
what is torn, `stored` the file of pictures. `doctor` examines and previews without writing anything.

The originals are only ever read. Nothing here needs torch, and nothing leaves the machine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runway_lab.training.datasets.card import DatasetCard
    from runway_lab.training.datasets.dataset import Dataset
    from runway_lab.training.datasets.doctor import Preview, Previews, examine, preview
    from runway_lab.training.datasets.report import Finding, Report
    from runway_lab.training.datasets.survey import Progress, Stopped

__all__ = [
    "Dataset",
    "DatasetCard",
    "Finding",
    "Preview",
    "Previews",
    "Progress",
    "Report",
    "Stopped",
    "examine",
    "preview",
]

_WHERE = {
    "Dataset": "dataset",
    "DatasetCard": "card",
    "Finding": "report",
    "Preview": "doctor",
    "Previews": "doctor",
    "Progress": "survey",
    "Report": "report",
    "Stopped": "survey",
    "examine": "doctor",
    "preview": "doctor",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
