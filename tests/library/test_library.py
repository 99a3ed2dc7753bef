"""The library as a name: what it offers, how lightly it is imported, where things lie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import runway_lab
from runway_lab import library as rl_library
from runway_lab.errors import RunwayLabError, Unknown
from runway_lab.library.places import KINDS, place

ROOT = Path(runway_lab.__file__).parents[1]


def test_every_public_name_is_there_and_the_list_is_sorted() -> None:
    assert rl_library.__all__ == sorted(rl_library.__all__)
    assert dir(rl_library) == rl_library.__all__
    for name in rl_library.__all__:
        assert callable(getattr(rl_library, name)), name
    with pytest.raises(AttributeError, match="modles"):
        _ = rl_library.modles  # type: ignore[attr-defined]


def test_no_submodule_hides_a_function() -> None:
    modules = {path.stem for path in Path(rl_library.__file__).parent.glob("*.py")}
    assert not modules & set(rl_library.__all__)


def test_importing_it_loads_nothing_and_using_it_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys; from runway_lab import library\n"
    code += "print(*sorted(name for name in sys.modules if name.startswith('runway_lab.library.')))\n"
    code += "library.models(); library.problems(); library.usage()\n"
    code += "print(*sorted({'torch', 'numpy', 'PIL', 'ipywidgets', 'psutil', 'urllib.request'} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RUNWAY_LAB_HOME": str(tmp_path)}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert process.stdout == "\n\n"


def test_each_kind_has_a_folder_that_is_made_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "library"))
    monkeypatch.delenv("RUNWAY_LAB_DOWNLOADS", raising=False)
    for kind in KINDS:
        assert place(kind) == tmp_path / "library" / kind
        assert not place(kind).exists()
        assert rl_library.path(kind).is_dir()
    with pytest.raises(Unknown, match="Did you mean 'datasets'"):
        rl_library.path("dataset")
    for kind in ("../x", "", "settings.toml"):
        with pytest.raises(Unknown):
            rl_library.path(kind)


def test_downloads_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "library"))
    monkeypatch.setenv("RUNWAY_LAB_DOWNLOADS", str(tmp_path / "elsewhere"))
    assert rl_library.path("downloads") == tmp_path / "elsewhere"
    monkeypatch.setenv("RUNWAY_LAB_DOWNLOADS", "../beside")
    assert place("downloads") == tmp_path / "beside"


def test_a_library_that_cannot_be_made_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "file" / "library"))
    assert rl_library.models() == []
    with pytest.raises(RunwayLabError, match="could not be made"):
        rl_library.path("outputs")
