"""The measures that need no weights, in one row; each says in a sentence what it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from support.drawn_sets import repeated, two_sets

from runway_lab.training import measures
from runway_lab.training.measures import Gauges

REAL, OTHER = two_sets()


def test_a_row_has_a_number_for_each_measure() -> None:
    gauges = Gauges(REAL)
    row = gauges.measure(OTHER)
    assert list(row) == [each.name for each in gauges.measures] == ["swd", "diversity", "copies"]
    assert json.loads(json.dumps(row)) == row
    collapsed = gauges.measure(repeated(OTHER, 4))
    assert collapsed["swd"] > row["swd"]
    assert collapsed["diversity"] < 0.5 * row["diversity"]
    assert gauges.measure(REAL) == {"swd": 0.0, "diversity": 1.0, "copies": 1.0}


def test_a_mapped_file_is_measured_as_pictures_in_memory_are(tmp_path: Path) -> None:
    np.save(tmp_path / "pictures.npy", REAL)
    mapped = np.load(tmp_path / "pictures.npy", mmap_mode="r")
    assert Gauges(mapped).measure(OTHER) == Gauges(REAL).measure(OTHER)


def test_each_measure_says_what_it_is_and_which_way_is_better() -> None:
    found = [getattr(measures, name) for name in ("SWD", "DIVERSITY", "COPIES", "FID")]
    assert {each.name: each.better for each in found} == {
        "swd": "lower",
        "diversity": "higher",
        "copies": "lower",
        "fid": "lower",
    }
    for each in found:
        assert each.title
        assert 60 < len(each.about) < 260
        assert each.about.endswith(".")
        # One sentence.
        assert ". " not in each.about
