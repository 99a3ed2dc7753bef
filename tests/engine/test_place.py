"""Options as they may be given to a process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runway_lab.engine.place import Here, plain
from runway_lab.errors import BadValue


def test_options_become_plain():
    given = {"path": Path("a"), "row": np.arange(2), "one": np.float32(0.5), "pair": (1, "b"), "none": None}
    assert plain("x", given) == {"path": "a", "row": [0, 1], "one": 0.5, "pair": [1, "b"], "none": None}


def test_what_is_not_plain_is_told():
    with pytest.raises(BadValue, match="'x' cannot be a set"):
        plain("x", {1, 2})


def test_it_says_what_it_is():
    assert repr(Here()) == "Here()"
