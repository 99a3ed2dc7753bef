"""From pictures, a start and settings to a folder: all is checked before anything is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.experiments import SMALL, dots, small, until

from runway_lab.cards import CardFile, Licence, ModelCard, Run
from runway_lab.errors import BadValue, Unknown
from runway_lab.library import add_model
from runway_lab.library.places import path
from runway_lab.training.datasets import Dataset
from runway_lab.training.experiments.beginning import begin, find_data, find_start, free_id
from runway_lab.training.experiments.experiment import Experiment
from runway_lab.training.experiments.shelf import Experiments


def weights(folder: Path, name: str = "faces.safetensors") -> Path:
    """What a look at its name and first bytes takes for a checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    header = b'{"__metadata__": {"format": "runway-lab stylegan 1", "config": "{\\"resolution\\": 16}"}}'
    (folder / name).write_bytes(len(header).to_bytes(8, "little") + header)
    return folder / name


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stepz": 5}, "Did you mean 'steps'"),
        ({"steps": 0}, "steps cannot be 0"),
        ({"batch": 16, "part": 5}, "parts of 5"),
        ({"augment": ["sparkle"]}, "augmentation"),
    ],
)
def test_wrong_settings_are_told_and_nothing_is_written(settings: dict[str, object], said: str) -> None:
    dots()
    with pytest.raises(BadValue if "stepz" not in settings and "augment" not in settings else Unknown, match=said):
        begin("Petals", "dots", settings=settings)
    assert len(Experiments()) == 0


@pytest.mark.parametrize("title", ["", "  ", 5, None, "x" * 201])
def test_it_needs_a_title(title: object) -> None:
    dots()
    with pytest.raises(BadValue, match="cannot be called"):
        begin(title, "dots")  # type: ignore[arg-type]


def test_the_same_title_gives_another_folder(done: Experiment) -> None:
    assert free_id("Petals") == "petals-2"
    again = small("Petals", steps=5)
    assert again.id == "petals-2"
    until(again, "finished")


def test_pictures_are_found_by_name_folder_object_and_experiment(done: Experiment) -> None:
    folder = path("datasets") / "dots"
    of_name = find_data("dots", {})
    assert of_name["folder"] == str(folder)
    assert (of_name["count"], of_name["height"], of_name["channels"]) == (40, 16, 3)
    assert of_name["licence"] == "CC0-1.0"
    assert of_name["card"]["source"] == "drawn <b>here</b>"
    assert find_data(folder, {}) == find_data(Dataset.open("dots"), {}) == of_name
    assert find_data(done, {})["digest"] == of_name["digest"]


def test_a_folder_of_pictures_is_to_be_prepared(tmp_path: Path) -> None:
    (tmp_path / "My Photos").mkdir()
    found = find_data(str(tmp_path / "My Photos"), {"size": 32})
    assert found["make_from"] == str(tmp_path / "My Photos")
    assert (found["name"], found["options"]) == ("my-photos", {"size": 32})


def test_what_code_draws_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_data("cats", {"size": 16, "count": 20})
    assert (found["make_from"], found["options"]) == ("drawn:cats", {"size": 16, "count": 20})
    with pytest.raises(BadValue, match="no crop"):
        find_data("cats", {"crop": "center"})
    (tmp_path / "cats").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_data("cats", {})["make_from"] == str(tmp_path / "cats")
    with pytest.raises(BadValue, match="all pictures are taken"):
        find_data("cats", {"count": 20})


def test_pictures_that_are_not_there_are_told() -> None:
    dots()
    with pytest.raises(Unknown, match=r"no pictures called 'dotz'.*Did you mean 'dots'"):
        find_data("dotz", {})
    with pytest.raises(BadValue, match="no pictures to learn from"):
        find_data(None, {})
    with pytest.raises(BadValue, match="prepared already, as 16 x 16"):
        find_data("dots", {"size": 64})
    assert find_data("dots", {"size": 16})["name"] == find_data("dots", {"size": (16, 16)})["name"] == "dots"


def test_a_start_is_nothing_a_file_a_model_or_an_experiment(tmp_path: Path, done: Experiment) -> None:
    assert find_start("") == find_start(None) == (None, {}, [])
    file = weights(tmp_path)
    assert find_start(file) == find_start(str(file)) == (file, {"name": "faces.safetensors"}, [{"title": file.name}])
    found, about, lineage = find_start(done)
    assert found == done.checkpoint().path
    assert about["name"] == "Petals, step 60"
    assert find_start("petals") == (found, about, lineage)


def test_a_start_may_be_a_card_or_a_checkpoint_of_the_library(tmp_path: Path) -> None:
    model = tmp_path / "model"
    file = weights(model)
    card = ModelCard(
        id="mine/faces",
        title="Faces",
        category="generate",
        licence=Licence(note="Ask me first."),
        run=Run(entry="model.py"),
        files=(CardFile(name=file.name, size=file.stat().st_size),),
    )
    (model / "model.py").touch()
    card.write(model)
    add_model(model)
    found, about, _ = find_start("mine/faces")
    assert found is not None
    assert found.name == "faces.safetensors"
    assert (about["name"], about["licence_note"]) == ("mine/faces", "Ask me first.")
    dropped = weights(path("models") / "checkpoints", "old.safetensors")
    assert find_start("old.safetensors")[0] == dropped
    with pytest.raises(BadValue, match="is no StyleGAN"):
        find_start("upscale/x2")
    with pytest.raises(Unknown, match="Did you mean 'mine/faces'"):
        find_start("mine/facez")
    assert find_start(" mine/faces ") == find_start("mine/faces")
    (tmp_path / "face.jpg").touch()
    with pytest.raises(BadValue, match=r"is no checkpoint to start from. Those end in .safetensors"):
        find_start(tmp_path / "face.jpg")
    with pytest.raises(Unknown) as told:
        find_start("zzz")
    assert str(told.value).count("mine/faces") == 1
    with pytest.raises(BadValue, match="nothing to start from"):
        find_start(5)


def test_weights_that_are_not_here_yet_are_told(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.py").touch()
    far = CardFile(name="far.safetensors", url="https://example.org/far", size=5, sha256="0" * 64)
    ModelCard(id="mine/far", title="Far", category="generate", run=Run(entry="model.py"), files=(far,)).write(model)
    add_model(model)
    with pytest.raises(BadValue, match="runway-lab models get mine/far"):
        find_start("mine/far")


def test_the_start_is_kept_in_the_folder_and_costs_no_room_where_it_need_not(tmp_path: Path) -> None:
    dots()
    file = weights(path("models") / "checkpoints")
    run = begin("Petals", "dots", file, {**SMALL, "steps": 5})
    until(run, "finished")
    kept = run.folder / "start.safetensors"
    assert os.path.samefile(kept, file)
    file.unlink()
    assert kept.is_file()


def test_a_folder_is_prepared_at_the_size_of_the_start(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for number in range(4):
        Image.effect_noise((40 + number, 50), 60).convert("RGB").save(tmp_path / "photos" / f"{number}.png")
    run = begin("Photos", tmp_path / "photos", weights(tmp_path), {**SMALL, "steps": 5})
    until(run, "finished", seconds=60)
    assert Dataset.open("photos").pictures.shape == (4, 16, 16, 3)
    assert run.plan.dataset["folder"] == str(path("datasets") / "photos")
    assert run.plan.dataset["digest"]
    assert run.plan.lineage[-1]["title"] == "Photos"
