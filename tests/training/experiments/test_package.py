"""The public names of the room, and that reading needs no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

import runway_lab.training.experiments as package


def test_every_public_name_is_there() -> None:
    assert sorted(package.__all__) == package.__all__
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        package.nothing_like_it  # noqa: B018


def test_none_of_them_needs_torch_nor_those_that_look_after_a_training() -> None:
    code = (
        "import sys, runway_lab.training.experiments as room\n"
        "[getattr(room, name) for name in room.__all__]\n"
        "from runway_lab.training.experiments import supervisor, saving, shown, preparing\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    light = (
        "import sys\nfrom runway_lab.training.experiments import supervisor\n"
        "assert not {'torch', 'numpy', 'PIL', 'av'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", light], check=True)
