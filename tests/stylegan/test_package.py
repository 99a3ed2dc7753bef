from __future__ import annotations

import subprocess
import sys

import pytest

from runway_lab import stylegan


def test_every_public_name_is_there() -> None:
    assert sorted(stylegan.__all__) == stylegan.__all__
    for name in stylegan.__all__:
        assert getattr(stylegan, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        stylegan.nothing  # noqa: B018


def test_latents_and_the_package_itself_need_no_torch() -> None:
    code = (
        "import sys, runway_lab.stylegan, runway_lab.latents; runway_lab.latents.seed(1); print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
