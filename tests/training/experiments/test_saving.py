"""A kept checkpoint becomes a model: with a card, by its id, and as a bundle."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from support.experiments import until

import runway_lab as rl
from runway_lab import catalog, library
from runway_lab.cards import ModelCard
from runway_lab.errors import BadValue
from runway_lab.library.atomic import write_json
from runway_lab.training.experiments.experiment import Experiment
from runway_lab.training.experiments.headers import recipe_of
from runway_lab.training.experiments.saving import licence_of


@pytest.fixture
def real(done: Experiment) -> Experiment:
    """Its newest checkpoint is one that can be drawn with."""
    from runway_lab.stylegan.checkpoint import Checkpoint
    from runway_lab.stylegan.stylegan2 import StyleGAN2, StyleGAN2Config

    config = StyleGAN2Config(resolution=16, channel_base=64, channel_max=8, z_dim=16, w_dim=16, mapping_layers=2)
    recipe = {"step": 60, "images": 960, "seconds": 200.4, "hardware": "a small computer", "settings": {}}
    made = Checkpoint(StyleGAN2(config), None, "stylegan2", config, recipe=recipe)
    made.save(done.checkpoint().path)
    return done


def test_a_saved_model_runs_by_its_id_and_is_a_choice_of_stylegan(real: Experiment, monkeypatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_WARM_SPARE", "0")
    card = real.save("Petals of mine")
    assert card.id == "yours/petals-of-mine"
    assert "yours/petals-of-mine" in library.checkpoints()
    assert catalog.card(card.id) == card
    with rl.run(card.id, quiet=True) as model:
        assert model(z=rl.seed(0, 16)).image.size == (16, 16)
    with rl.run("stylegan/any", checkpoint=card.id, quiet=True) as model:
        assert model(z=rl.seed(0, 16)).image.size == (16, 16)


def test_its_card_says_where_it_comes_from(real: Experiment) -> None:
    card = real.save()
    assert card.title == "Petals"
    for words in ("Dots, 40 pictures, 16 x 16", "nothing", "**Steps**: 60", "960", "3 min", "a small computer"):
        assert words in card.overview, words
    assert "drawn <b>here</b>" in card.learned_from
    assert "CC0-1.0" in card.learned_from
    assert card.licence.id == "CC0-1.0"
    assert card.gallery[0].file == "gallery/samples.webp"
    assert len(card.gallery) == 5
    assert all((card.folder / each.file).is_file() for each in card.gallery)
    assert (card.folder / "licence.txt").read_text().startswith("Petals")
    assert "<b>here" not in card._repr_html_()


def test_the_licence_of_the_start_has_its_say(real: Experiment) -> None:
    plan = real.folder / "experiment.json"
    said = json.loads(plan.read_text())
    write_json(plan, {**said, "start": {"name": "ffhq.pkl"}})
    card = Experiment(real.folder).save("Two")
    assert card.licence.id == "", "nobody knows what the start allows"
    assert "ffhq.pkl" in card.licence.note
    assert "no licence is known" in card.licence.note


def test_what_it_was_measured_at_is_on_the_card(real: Experiment) -> None:
    (real.folder / "measures.jsonl").write_text('{"step": 40, "swd": 12.3456, "diversity": 0.9}\n')
    assert "swd 12.35, diversity 0.9 (step 40, few samples)" in Experiment(real.folder).save("Three").overview


def test_another_by_the_same_name_is_refused_or_replaced(real: Experiment) -> None:
    real.save("Petals")
    with pytest.raises(BadValue, match="has a model 'yours/petals' already"):
        real.save("Petals", step=15)
    with pytest.raises(BadValue, match="cannot be called '../x'"):
        real.save("../x")
    real.save("Petals", step=15, replace=True)
    assert "**Steps**: 15" in catalog.card("yours/petals").overview
    library.delete_model("yours/petals")
    real.save("Petals")


def test_a_bundle_has_all_and_is_a_model_elsewhere(real: Experiment, tmp_path: Path) -> None:
    path = real.export(tmp_path / "out" / "petals.zip")
    with zipfile.ZipFile(path) as bundle:
        names = set(bundle.namelist())
        assert {"petals/card.toml", "petals/weights.safetensors", "petals/licence.txt"} <= names
        assert "petals/gallery/samples.webp" in names
        bundle.extractall(library.path("models") / "friend")
    card = catalog.card("friend/petals")
    assert isinstance(card, ModelCard)
    assert not library.missing(card)
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["petals.zip"]
    with pytest.raises(BadValue, match="There is a file .* already"):
        real.export(path)
    real.export(path, replace=True)
    with pytest.raises(BadValue, match="ends in .zip"):
        real.export(tmp_path / "petals.rar")


def test_what_is_shared_is_a_model_for_others(
    real: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadValue, match="no shared folder"):
        real.share()
    monkeypatch.setenv("RUNWAY_LAB_SHARED", str(tmp_path / "drive"))
    card = real.share("Petals for all", by="Ada")
    assert (card.id, card.publishers[0].name) == ("shared/petals-for-all", "Ada")
    assert (tmp_path / "drive" / "models" / "petals-for-all" / "licence.txt").is_file()
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "another"))
    assert not library.missing(catalog.card(card.id))
    assert card.id in library.checkpoints()


def test_without_samples_there_is_no_gallery(real: Experiment) -> None:
    for each in (real.folder / "samples").iterdir():
        each.unlink()
    assert Experiment(real.folder).save("Bare").gallery == ()


def test_a_licence_is_not_washed_off_by_a_chain_of_branches(real: Experiment) -> None:
    plan = real.folder / "experiment.json"
    said = json.loads(plan.read_text())
    start = {"name": "someone/faces", "licence": "CC-BY-NC-4.0", "licence_note": "Not to be sold."}
    write_json(plan, {**said, "start": start})
    run = Experiment(real.folder)
    for title in ("Branch", "Twig"):
        run = run.branch(title=title, steps=5)
        until(run, "finished")
        licence = licence_of(run.plan)
        assert licence.id == "", "CC0-1.0 is that of the pictures alone"
        assert "CC-BY-NC-4.0. Not to be sold." in licence.note
        assert "no licence is known" not in licence.note
        with run.checkpoint().path.open("rb") as file:
            assert b"CC-BY-NC-4.0" in file.read(4096)
        assert recipe_of(run.checkpoint().path)["licence"] != "CC0-1.0"


def test_a_chain_of_one_licence_keeps_it(real: Experiment) -> None:
    run = real.branch(title="Branch", steps=5)
    until(run, "finished")
    assert licence_of(run.plan).id == "CC0-1.0"
    assert recipe_of(run.checkpoint().path)["licence"] == "CC0-1.0"
