"""The directory holds what ships and what is yours, and follows the library."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import runway_lab
from runway_lab import catalog, library
from runway_lab.cards import CardFile, Characteristics, Licence, ModelCard, Publisher, Run
from runway_lab.catalog import directory
from runway_lab.errors import BadValue, Unknown
from runway_lab.library.places import place

ROOT = Path(runway_lab.__file__).parents[1]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "library"))
    monkeypatch.delenv("RUNWAY_LAB_DOWNLOADS", raising=False)
    shipped = ModelCard(
        id="upscale/x2",
        title="Twice as large",
        category="transform",
        run=Run("runway_lab.models.upscale"),
        source=ROOT / "runway_lab" / "catalog" / "cards" / "upscale.toml",
        characteristics=Characteristics(inputs=("image",), outputs=("image",)),
        publishers=(Publisher("Runway Lab"),),
        licence=Licence("MIT"),
    )
    these = (shipped,)
    monkeypatch.setattr(directory, "_shipped", lambda: these)
    return tmp_path / "library"


def add(tmp_path: Path, id: str, **given: Any) -> ModelCard:
    folder = tmp_path / "made" / id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.py").write_text("")
    ModelCard(**{"id": id, "title": "Petals", "category": "generate", **given}).write(folder)
    return library.add_model(folder, replace=True)


def ids(cards: list[ModelCard]) -> list[str]:
    return [card.id for card in cards]


def test_shipped_and_own_models_are_found(tmp_path: Path) -> None:
    mine = add(tmp_path, "me/petals")
    assert ids(catalog.all()) == ids(catalog.search()) == ["me/petals", "upscale/x2"]
    assert catalog.search("petals") == [mine]
    assert catalog.card("me/petals") == mine
    assert catalog.card("upscale/x2").run.is_module


def test_the_cards_that_ship_are_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    cards = directory._shipped()
    assert len({card.id for card in cards}) == len(cards)
    for card in cards:
        for picture in card.gallery:
            assert card.path_of(picture).is_file()


def test_an_unknown_model_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(Unknown, match="Did you mean 'upscale/x2'"):
        catalog.card("upscale/x3")


def test_the_directory_follows_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = add(tmp_path, "me/petals")
    assert ids(catalog.search("petals")) == ["me/petals"]
    text = (card.folder / "card.toml").read_text()
    (card.folder / "card.toml").write_text(text.replace("Petals", "Leaves and"))
    assert catalog.search("petalz") == catalog.search("peta")
    assert ids(catalog.search("leaves")) == ["me/petals"]
    library.delete_model("me/petals")
    assert catalog.search("leaves") == []
    add(tmp_path, "me/petals")
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "another"))
    assert ids(catalog.all()) == ["upscale/x2"]


def test_a_model_another_kernel_adds_is_found(tmp_path: Path) -> None:
    source = add(tmp_path, "me/petals").folder
    assert len(catalog.all()) == 2
    code = "import sys; from runway_lab import library; library.add_model(sys.argv[1], id='me/roses')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code, str(source)], env=environment, check=True)
    assert ids(catalog.search("roses")) == ["me/roses"]


def test_a_search_does_not_wait_for_a_look_at_a_large_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MANY_CARDS", 1)
    source = add(tmp_path, "me/petals").folder
    assert ids(catalog.search("petals")) == ["me/petals"]  # this kernel's own change is there at once
    # Another kernel's, by hand: the first search may do without it, one soon after has it.
    shutil.copytree(source, source.parent / "roses")
    end = time.monotonic() + 10
    while "me/roses" not in ids(catalog.search("petals")):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    add(tmp_path, "me/one")
    first = catalog.card("me/one")
    add(tmp_path, "me/two")
    assert catalog.card("me/one") is first
    assert len(catalog.all()) == 3


def test_nobody_passes_for_a_model_of_the_package(tmp_path: Path) -> None:
    add(tmp_path, "upscale/x2", title="Evil twin")
    assert catalog.card("upscale/x2").title == "Twice as large"
    assert catalog.search("evil") == []
    assert ids(catalog.all()) == ["upscale/x2"]


def test_filters_narrow_alone_and_together(tmp_path: Path) -> None:
    add(
        tmp_path,
        "me/petals",
        characteristics=Characteristics(inputs=("vector", "text"), outputs=("image",)),
        licence=Licence("CC-BY-4.0"),
        publishers=(Publisher("Ada Café"), Publisher("Grace")),
    )
    both = ["me/petals", "upscale/x2"]
    assert ids(catalog.search(category="generate")) == ["me/petals"]
    assert ids(catalog.search(category="extract & identify")) == []
    assert ids(catalog.search(input="text")) == ["me/petals"]
    assert ids(catalog.search(output="image")) == both
    assert ids(catalog.search(license="mit")) == ["upscale/x2"]
    assert ids(catalog.search(publisher="ada cafe")) == ["me/petals"]
    assert ids(catalog.search("petals", "generate", "vector", "image", "CC-BY-4.0", True, "Grace")) == ["me/petals"]
    assert ids(catalog.search("petals", license="MIT")) == []
    assert ids(catalog.search(category=None, input=None)) == both


def test_offline_means_that_every_file_is_here(tmp_path: Path) -> None:
    file = CardFile("weights.pt", "https://example.org/w.pt", 3, "ab" * 32)
    add(tmp_path, "me/petals", files=(file,))
    assert ids(catalog.search(offline=True)) == ["upscale/x2"]
    assert ids(catalog.search(offline=False)) == ["me/petals"]
    there = place("downloads") / "me" / "petals" / ("ab" * 6) / "weights.pt"
    there.parent.mkdir(parents=True)
    there.write_text("ab")
    assert ids(catalog.search(offline=True)) == ["upscale/x2"]
    there.write_text("abc")
    assert ids(catalog.search(offline=True)) == ["me/petals", "upscale/x2"]
    assert catalog.search(offline=False) == []


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"inptu": "image"}, Unknown, "Did you mean 'input'"),
        ({"licence": "MIT"}, Unknown, "Did you mean 'license'"),
        ({"category": "Generate"}, BadValue, "Did you mean 'generate'"),
        ({"input": "imgae"}, Unknown, "No model takes 'imgae'. Did you mean 'image'"),
        ({"output": "zzz"}, Unknown, "No model gives 'zzz'. There is: image"),
        ({"license": "MTI"}, Unknown, "Did you mean 'MIT'"),
        ({"publisher": "Runway"}, Unknown, "Did you mean 'Runway Lab'"),
        ({"offline": "yes"}, BadValue, "True, False or None"),
        ({"text": None}, BadValue, "quotation marks"),
    ],
)
def test_what_cannot_be_searched_for_is_told_in_words(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        catalog.search(**given)
    assert words in str(caught.value)


def test_the_choices_are_those_that_find_something(tmp_path: Path) -> None:
    add(tmp_path, "me/petals", characteristics=Characteristics(inputs=("vector",), outputs=("image",)))
    choices = catalog.choices()
    assert choices == {
        "category": ["generate", "transform"],
        "input": ["image", "vector"],
        "output": ["image"],
        "license": ["MIT"],
        "publisher": ["Runway Lab"],
    }
    for name, values in choices.items():
        assert name in inspect.signature(catalog.search).parameters
        for value in values:
            assert catalog.search(**{name: value})


def test_the_package_imports_nothing_until_it_is_used() -> None:
    code = "import sys; from runway_lab import catalog; print(len(catalog.__all__), 'runway_lab.cards' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert process.stdout == "4 False\n"
    assert catalog.__all__ == sorted(catalog.__all__) == dir(catalog)
    with pytest.raises(AttributeError):
        _ = catalog.serach  # type: ignore[attr-defined]
