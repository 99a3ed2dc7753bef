"""The person's own models: added whole, deleted at once, by several kernels at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import runway_lab
from runway_lab import library as rl_library
from runway_lab.cards import CardFile, ModelCard, Picture, Run
from runway_lab.errors import BadValue, DamagedEntry, RunwayLabError, Unknown
from runway_lab.library.locks import FileLock
from runway_lab.library.places import lock_path, place

ROOT = Path(runway_lab.__file__).parents[1]


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "library"))
    monkeypatch.delenv("RUNWAY_LAB_DOWNLOADS", raising=False)
    return tmp_path / "library"


def folder(tmp_path: Path, id: str = "me/petals", **changes: Any) -> Path:
    made = tmp_path / "made" / id.replace("/", "-")
    made.mkdir(parents=True, exist_ok=True)
    (made / "model.py").write_text("raise SystemExit('a card is data; its code was run')")
    ModelCard(**{"id": id, "title": "Petals", "category": "generate", **changes}).write(made)
    return made


def test_a_model_is_added_found_and_deleted(tmp_path: Path, library: Path) -> None:
    card = rl_library.add_model(folder(tmp_path))
    assert card.folder == library / "models" / "me" / "petals"
    assert rl_library.models() == [card]
    assert rl_library.model("me/petals") == card
    assert rl_library.model("me/petals").path_of("model.py").is_file()
    rl_library.delete_model("me/petals")
    assert rl_library.models() == []
    assert os.listdir(library / "models") == []
    with pytest.raises(Unknown, match="no model 'me/petals'"):
        rl_library.delete_model("me/petals")


def test_an_unknown_model_gets_a_suggestion(tmp_path: Path) -> None:
    rl_library.add_model(folder(tmp_path))
    with pytest.raises(Unknown, match="Did you mean 'me/petals'"):
        rl_library.model("me/petal")


def test_a_name_that_is_taken_stays_unless_replaced(tmp_path: Path) -> None:
    rl_library.add_model(folder(tmp_path))
    new = folder(tmp_path, title="New")
    with pytest.raises(BadValue, match="already"):
        rl_library.add_model(new)
    assert rl_library.model("me/petals").title == "Petals"
    assert rl_library.add_model(new, id="me/other").id == "me/other"
    rl_library.add_model(new, replace=True)
    assert [card.id for card in rl_library.models()] == ["me/other", "me/petals"]
    assert rl_library.model("me/petals").title == "New"


def test_a_model_that_is_not_whole_is_refused_and_leaves_nothing(tmp_path: Path, library: Path) -> None:
    for change in (
        {"files": (CardFile("weights.pt"),)},
        {"gallery": (Picture("one.jpg"),)},
        {"run": Run("other.py")},
    ):
        with pytest.raises(BadValue, match="not in its folder"):
            rl_library.add_model(folder(tmp_path, **change))
    with pytest.raises(BadValue, match="cannot be read"):
        rl_library.add_model(tmp_path / "none")
    assert not (library / "models").exists()


def test_a_link_that_leads_out_is_not_copied(tmp_path: Path, library: Path) -> None:
    (tmp_path / "secret").write_text("x")
    made = folder(tmp_path)
    (made / "weights.pt").symlink_to(tmp_path / "secret")
    with pytest.raises(BadValue, match="leads out"):
        rl_library.add_model(made)
    (made / "weights.pt").unlink()
    (made / "weights.pt").symlink_to(made / "model.py")
    card = rl_library.add_model(made)
    assert not card.path_of("weights.pt").is_symlink()
    assert os.listdir(library / "models" / "me") == ["petals"]


def test_what_belongs_to_tools_is_not_copied(tmp_path: Path) -> None:
    made = folder(tmp_path)
    for name in (".git", "__pycache__", "data"):
        (made / name).mkdir()
        (made / name / "x").write_text("x")
    card = rl_library.add_model(made)
    assert sorted(os.listdir(card.folder)) == ["card.toml", "data", "model.py"]


def test_a_folder_copied_by_hand_is_a_model_of_its_own(tmp_path: Path, library: Path) -> None:
    there = rl_library.add_model(folder(tmp_path)).folder
    shutil.copytree(there, there.with_name("Petals copy (2)"))
    shutil.copytree(there, library / "models" / "lonely")
    assert sorted(card.id for card in rl_library.models()) == ["me/lonely", "me/petals", "me/petals-copy-2"]
    rl_library.delete_model("me/petals-copy-2")
    assert there.is_dir()
    assert not there.with_name("Petals copy (2)").exists()
    rl_library.delete_model("me/lonely")
    assert [card.id for card in rl_library.models()] == ["me/petals"]


def test_a_damaged_card_says_so_when_asked_for(tmp_path: Path) -> None:
    card = rl_library.add_model(folder(tmp_path))
    (card.folder / "card.toml").write_text("id = ")
    assert rl_library.models() == []
    with pytest.raises(DamagedEntry, match="not valid TOML"):
        rl_library.model("me/petals")
    then = time.time() - 1000
    for each in (card.folder, *card.folder.iterdir()):
        os.utime(each, (then, then))
    assert rl_library.models() == []
    (problem,) = rl_library.problems()
    assert problem.what == "models/me/petals"
    assert (problem.where / "model.py").is_file()


def test_downloads_go_with_the_model_but_not_while_they_arrive(tmp_path: Path) -> None:
    rl_library.add_model(folder(tmp_path))
    for id in ("me/petals", "shipped/one"):
        (place("downloads") / id / "0123456789ab").mkdir(parents=True)
        (place("downloads") / id / "0123456789ab" / "weights.pt").write_text("x")
    with FileLock(lock_path("download-me/petals"), note="downloading"), pytest.raises(RunwayLabError, match="in use"):
        rl_library.delete_model("me/petals")
    assert rl_library.model("me/petals")
    rl_library.delete_model("me/petals")
    rl_library.delete_model("shipped/one")
    assert os.listdir(place("downloads")) == []
    assert rl_library.models() == []
    assert not lock_path("download-me/petals").exists()


@pytest.mark.parametrize("id", ["../models", "me/..", "..", "", "/etc/passwd", "me", "a/b/c", "./x"])
def test_nothing_but_a_model_is_deleted(tmp_path: Path, id: str) -> None:
    card = rl_library.add_model(folder(tmp_path))
    (place("downloads") / "me").mkdir(parents=True)
    with pytest.raises(Unknown):
        rl_library.delete_model(id)
    assert rl_library.models() == [card]
    assert (place("downloads") / "me").is_dir()


def test_a_linked_model_loses_its_link_alone(tmp_path: Path, library: Path) -> None:
    made = folder(tmp_path)
    (library / "models" / "me").mkdir(parents=True)
    (library / "models" / "me" / "linked").symlink_to(made, target_is_directory=True)
    assert [card.id for card in rl_library.models()] == ["me/linked"]
    rl_library.delete_model("me/linked")
    assert rl_library.models() == []
    assert (made / "card.toml").is_file()


def test_kernels_that_list_add_and_delete_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    code = """
import sys
from runway_lab import library
from runway_lab.errors import RunwayLabError
for number in range(25):
    id = f"{sys.argv[2]}/m{number % 3}"
    assert library.add_model(sys.argv[1], id=id).id == id
    assert id in [card.id for card in library.models()]
    try:
        library.add_model(sys.argv[1], id="all/shared")
    except RunwayLabError:
        pass
    try:
        library.delete_model("all/shared")
    except RunwayLabError:
        pass
    assert all(card.title == "Petals" for card in library.models())
    library.delete_model(id)
assert library.problems() == [] or all("all/shared" in each.what for each in library.problems())
"""
    made = folder(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    kernels = [
        subprocess.Popen([sys.executable, "-c", code, str(made), name], env=environment)
        for name in ("one", "two", "six")
    ]
    assert [kernel.wait() for kernel in kernels] == [0, 0, 0]
    assert [card.id for card in rl_library.models()] in ([], ["all/shared"])
    assert not (rl_library.path("models").parent / "set-aside").exists()


def test_a_model_gets_another_title_and_the_id_that_goes_with_it(tmp_path: Path, library: Path) -> None:
    rl_library.add_model(folder(tmp_path))
    rl_library.add_model(folder(tmp_path, "me/roses"))
    card = rl_library.rename_model("me/petals", "Pale Petals")
    assert (card.id, card.title) == ("me/pale-petals", "Pale Petals")
    assert card.path_of("model.py").is_file()
    assert [each.id for each in rl_library.models()] == ["me/pale-petals", "me/roses"]
    assert rl_library.rename_model("me/roses", "ROSES").title == "ROSES"
    with pytest.raises(BadValue, match="already"):
        rl_library.rename_model("me/pale-petals", "Roses")
    with pytest.raises(Unknown):
        rl_library.rename_model("me/nothing", "Something")
