"""Your own StyleGAN: what its commands draw is what its network draws, here and in a process of its own."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.stylegan_files import fixture_bytes, small_discriminator, small_stylegan2, small_stylegan3

import runway_lab as rl
from runway_lab import latents, library
from runway_lab.cards import CardFile, ModelCard, Run
from runway_lab.errors import BadValue, RunwayLabError, StartFailed
from runway_lab.library.stylegans import checkpoints, folder
from runway_lab.models import painter as painter_module
from runway_lab.models import stylegan
from runway_lab.models.painter import Painter, choices, find, open_checkpoint, to_pixels
from runway_lab.models.starters import starters
from runway_lab.sdk import definition_of
from runway_lab.stylegan import BadCheckpoint, Checkpoint, Generator, load
from runway_lab.stylegan.projection import project as whole_projection

Z, W = 12, 10


def checkpoint_of(generator: Generator, **more: Any) -> Checkpoint:
    kind = "stylegan2" if hasattr(generator.synthesis, "blocks") else "stylegan3-t"
    return Checkpoint(generator=generator, discriminator=None, kind=kind, config=generator.config, **more)


def dropped(name: str = "small.safetensors", seed: int = 0, **changes: Any) -> Path:
    """A checkpoint in the library's folder."""
    folder().mkdir(parents=True, exist_ok=True)
    made = checkpoint_of(small_stylegan2(seed, **changes))
    made.discriminator = small_discriminator(seed)
    return made.save(folder() / name)


@pytest.fixture
def painter() -> Painter:
    dropped()
    return stylegan.prepare("small.safetensors", truncation=0.7, precision="fp32")


def ask(painter: Painter, name: str, /, **inputs: Any) -> Any:
    """As the engine asks: inputs and outputs checked by the fields that fit this checkpoint."""
    definition = definition_of(stylegan.generate).fitted(painter)
    taken = definition.signature.command(name)
    result = definition.call(name, painter, taken.check_inputs(inputs))
    if hasattr(result, "__next__"):
        return [(taken.check_outputs(part), progress) for part, progress in result]
    return taken.check_outputs(result)


def array(picture: Any) -> np.ndarray:
    return np.asarray(picture)


def drawn(generator: Generator, ws: torch.Tensor, **more: Any) -> np.ndarray:
    with torch.no_grad():
        return to_pixels(generator.synthesize(ws, **more))[0]


def test_the_signature_fits_the_checkpoint(painter: Painter) -> None:
    signature = definition_of(stylegan.generate).fitted(painter).signature
    assert next(iter(signature.commands)) == "generate"
    generate = signature.command().inputs
    assert generate["z"].length == Z
    assert generate["truncation"].default == 0.7
    assert generate["cutoff"].max == generate["cutoff"].default == painter.num_ws
    assert generate["size"].choices == ["16", "8", "4"]
    assert "label" not in generate
    assert signature.commands["map"].outputs["ws"].length == painter.num_ws * W
    assert all(command.description for command in signature.commands.values())
    assert rl.fields.from_description(generate["z"].describe()) == generate["z"]


def test_it_draws_what_the_network_draws(painter: Painter) -> None:
    generator, z = painter.generator, rl.seed(7, Z)
    for psi, cutoff in ((0.7, painter.num_ws), (1.0, painter.num_ws), (0.4, 3)):
        ws = generator.map(torch.tensor(z.values)[None], psi=psi, cutoff=cutoff)
        picture = array(ask(painter, "generate", z=z, truncation=psi, cutoff=cutoff)["image"])
        assert np.array_equal(picture, drawn(generator, ws))
        row = ask(painter, "map", z=z, truncation=psi, cutoff=cutoff)["ws"]
        assert np.array_equal(row, ws.numpy().reshape(-1))
        assert np.array_equal(array(ask(painter, "from_w", ws=row)["image"]), picture)
    plain = array(ask(painter, "generate", z=z, noise="none")["image"])
    assert np.array_equal(plain, drawn(generator, generator.map(torch.tensor(z.values)[None], psi=0.7), noise="none"))
    assert not np.array_equal(plain, array(ask(painter, "generate", z=z)["image"]))
    one, same, other = (
        array(ask(painter, "generate", z=z, noise="random", noise_seed=seed)["image"]) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_preview_is_small_and_a_fine_edit_costs_little(painter: Painter) -> None:
    ws = ask(painter, "map", z=rl.seed(1, Z))["ws"]
    assert ask(painter, "from_w", ws=ws, size="8")["image"].size == (8, 8)
    ask(painter, "from_w", ws=ws)
    explorer = painter._incremental("fixed", 0)
    assert explorer.computed == 1
    ws = ws.copy()
    ws[-W:] += 1
    ask(painter, "from_w", ws=ws)
    assert explorer.computed == 1


def test_a_point_of_any_space_is_taken(painter: Painter) -> None:
    w = latents.Point("w", np.linspace(-1, 1, W))
    wide = w.widened(painter.num_ws)
    as_row = ask(painter, "from_w", ws=wide.values.reshape(-1))["image"]
    assert array(ask(painter, "from_w", ws=wide)["image"]).tolist() == array(as_row).tolist()
    assert array(ask(painter, "from_w", ws=w)["image"]).tolist() == array(as_row).tolist()


def test_a_grid_is_of_seeds_or_of_neighbours(painter: Painter) -> None:
    sheet = ask(painter, "grid", seed=3, columns=3, rows=2)
    assert sheet["image"].size == (48, 32)
    assert np.array_equal(sheet["points"][4], latents.seed(7, Z).values)
    single = array(ask(painter, "generate", z=sheet["points"][4])["image"]).astype(int)
    assert np.abs(array(sheet["image"])[16:, 16:32].astype(int) - single).max() <= 1
    near = ask(painter, "grid", z=rl.seed(1, Z), columns=2, rows=2, similarity=1, size="8")
    assert near["image"].size == (16, 16)
    assert all(np.allclose(point, rl.seed(1, Z).values) for point in near["points"])


@pytest.mark.parametrize("space", ["z", "w"])
def test_a_walk_yields_frames_and_how_far_it_is(painter: Painter, space: str) -> None:
    frames = ask(painter, "walk", seeds=[1, 2], frames=3, easing="linear", loop=True, space=space)
    assert [progress for _, progress in frames] == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])
    first = ask(painter, "generate", z=rl.seed(1, Z))["image"]
    assert np.abs(array(frames[0][0]["image"]).astype(int) - array(first)).max() <= 1
    path = latents.Path.through([rl.seed(1, Z), rl.seed(2, Z)], 1.0, closed=True, easing="linear").frames(3)
    assert len(path) == len(frames)
    expected = ask(painter, "map", z=path[1])["ws"]
    assert np.allclose(frames[1][0]["ws"], expected) == (space == "z")
    with pytest.raises(BadValue, match="at least two"):
        ask(painter, "walk", points=[rl.seed(1, Z)])


def test_mixing_is_that_of_the_arithmetic(painter: Painter) -> None:
    a, b = rl.seed(1, Z), rl.seed(2, Z)
    points = [latents.Point("w+", ask(painter, "map", z=each)["ws"].reshape(painter.num_ws, W)) for each in (a, b)]
    mixed = ask(painter, "mix", coarse=a, fine=b, first=2, last=4)
    assert np.allclose(mixed["ws"].reshape(-1, W), latents.mix(*points, (2, 4)).values, atol=1e-6)
    assert array(mixed["image"]).tolist() == array(ask(painter, "from_w", ws=mixed["ws"])["image"]).tolist()
    with pytest.raises(BadValue, match="Layers 4 to 2"):
        ask(painter, "mix", coarse=a, fine=b, first=4, last=2)


@pytest.mark.parametrize("method", ["sefa", "pca"])
def test_directions_lead_somewhere(painter: Painter, method: str) -> None:
    found = ask(painter, "directions", method=method, count=3, first=1, last=3)
    assert found["names"] == [f"{method} {i}" for i in (1, 2, 3)]
    assert found["shares"] == sorted(found["shares"], reverse=True)
    assert found["layers"] == [[1, 3]] * 3
    vector = found["vectors"][0]
    assert vector.shape == (W,)
    z = rl.seed(5, Z)
    start = latents.Point("w+", ask(painter, "map", z=z)["ws"].reshape(-1, W))
    moved = ask(painter, "edit", z=z, direction=vector, amount=2, first=1, last=3)
    expected = start.moved(latents.Direction("any", vector, (1, 3)), 2)
    assert np.allclose(moved["ws"].reshape(-1, W), expected.values, atol=1e-6)
    back = ask(painter, "edit", ws=moved["ws"], direction=vector, amount=-2, first=1, last=3)
    assert np.allclose(back["ws"], start.values.reshape(-1), atol=1e-5)
    with pytest.raises(BadValue, match="Give one of them"):
        ask(painter, "edit", direction=vector)


def test_directions_are_kept_beside_the_checkpoint(painter: Painter) -> None:
    assert ask(painter, "directions", method="saved")["names"] == []
    assert ask(painter, "keep_direction", name="older", direction=np.ones(W), first=2, last=3)["names"] == ["older"]
    ask(painter, "keep_direction", name="redder", direction=np.zeros(W))
    ask(painter, "keep_direction", name="older", direction=2 * np.ones(W))
    kept = ask(painter, "directions", method="saved")
    assert kept["names"] == ["redder", "older"]
    assert kept["vectors"][1].tolist() == [2.0] * W
    assert [each.name for each in latents.load_directions(folder() / "small.directions.json")] == kept["names"]


def test_a_projection_comes_nearer(painter: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stylegan, "SHOWN_EVERY_SECONDS", 0)
    target = ask(painter, "generate", z=rl.seed(9, Z), truncation=1)["image"]
    parts = ask(painter, "project", image=target.resize((40, 32)), steps=40)
    decibels = [part["psnr"] for part, _ in parts]
    assert decibels[-1] > decibels[0] + 1
    assert parts[-1][1] == 1
    best = parts[-1][0]
    assert array(best["image"]).tolist() == array(ask(painter, "from_w", ws=best["ws"])["image"]).tolist()
    exact = ask(painter, "project", image=target, steps=10)[-1][0]
    whole = whole_projection(painter.generator, painter.target(target), steps=10)
    assert np.array_equal(exact["ws"], whole.ws.numpy().reshape(-1))


def test_two_models_become_one(painter: Painter) -> None:
    dropped("other.safetensors", seed=1)
    z = rl.seed(3, Z)
    other = stylegan.prepare("other.safetensors", precision="fp32")
    ours, theirs = (array(ask(each, "generate", z=z)["image"]) for each in (painter, other))
    definition = definition_of(stylegan.generate).fitted(painter)
    assert set(definition.commands["blend"].inputs["other"].choices) == {
        "newest",
        "small.safetensors",
        "other.safetensors",
        "stylegan/faces",
    }
    for amount, expected in ((0, ours), (1, theirs)):
        blended = ask(painter, "blend", z=z, other="other.safetensors", amount=amount)
        assert np.array_equal(array(blended["image"]), expected)
        assert blended["saved"] == ""
    saved = ask(painter, "blend", z=z, other="other.safetensors", amount=1, swap_from="16", save="half and half")
    assert saved["saved"] == "half and half.safetensors"
    found = load(checkpoints()[saved["saved"]])
    assert found.discriminator is not None
    assert found.lineage[0]["blend"]["swap_from"] == 16
    with pytest.raises(BadValue, match="already"):
        ask(painter, "blend", z=z, other="other.safetensors", save="half and half")
    with pytest.raises(BadValue, match="cannot be called"):
        ask(painter, "blend", z=z, other="other.safetensors", save="../outside")
    dropped("large.safetensors", resolution=32)
    with pytest.raises(RunwayLabError, match="differ in resolution"):
        ask(painter, "blend", z=z, other="large.safetensors")


def test_labels_are_a_choice() -> None:
    made = checkpoint_of(small_stylegan2(c_dim=3), labels=("cat", "dog", "owl"))
    painter = Painter(made)
    z = rl.seed(1, Z)
    ws = made.generator.map(torch.tensor(z.values)[None], torch.tensor([2]))
    assert np.array_equal(array(ask(painter, "generate", z=z, label="owl")["image"]), drawn(made.generator, ws))
    assert ask(painter, "grid", label="dog")["image"].size == (64, 48)
    assert Painter(checkpoint_of(small_stylegan2(c_dim=3))).labels == ["0", "1", "2"]
    with pytest.raises(BadValue, match="cat, dog, owl"):
        ask(painter, "generate", z=z, label="cow")


def test_a_checkpoint_of_few_numbers_starts_and_gives_as_many_directions_as_it_has() -> None:
    dropped("tiny.safetensors", w_dim=4)
    tiny = stylegan.prepare("tiny.safetensors", precision="fp32")
    assert len(ask(tiny, "directions", method="sefa")["vectors"]) == 4


@pytest.mark.parametrize("channels", [1, 4])
def test_gray_and_clear_pictures_stay_what_they_are(channels: int) -> None:
    painter = Painter(checkpoint_of(small_stylegan2(img_channels=channels)))
    picture = ask(painter, "generate", z=rl.seed(0, Z))["image"]
    assert picture.mode == {1: "L", 4: "RGBA"}[channels]
    assert len(ask(painter, "project", image=picture, steps=2)) >= 1


def test_stylegan3_has_the_same_commands() -> None:
    painter = Painter(checkpoint_of(small_stylegan3()))
    definition = definition_of(stylegan.generate).fitted(painter)
    assert "size" not in definition.commands["generate"].inputs
    z = rl.seed(2, Z)
    ws = painter.generator.map(torch.tensor(z.values)[None], psi=0.5)
    assert np.array_equal(array(ask(painter, "generate", z=z, truncation=0.5)["image"]), drawn(painter.generator, ws))
    assert ask(painter, "about")["about"]["kind"] == "stylegan3-t"
    assert len(ask(painter, "directions", count=2)["names"]) == 2


def model_of_one_s_own(folder: Path) -> ModelCard:
    """A card in the library that brings its own checkpoint."""
    checkpoint_of(small_stylegan2(4)).save(folder / "petals.safetensors")
    ModelCard(
        id="studies/petals",
        title="Petals",
        category="generate",
        run=Run("runway_lab.models.stylegan", {"precision": "fp32", "truncation": 1}),
        files=(CardFile("petals.safetensors"),),
    ).write(folder)
    return library.add_model(folder)


def test_the_library_s_checkpoints_have_names(tmp_path: Path) -> None:
    assert checkpoints() == {}
    path = dropped("one.safetensors")
    (folder() / "two.pkl").write_bytes(b"x")
    (folder() / "notes.txt").write_text("no checkpoint")
    (folder() / "words.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    os.utime(folder() / "two.pkl", (1, 1))
    card = model_of_one_s_own(tmp_path)
    os.utime(card.folder / "petals.safetensors", (2, 2))
    assert list(checkpoints()) == ["one.safetensors", "studies/petals", "two.pkl"]
    assert find("one.safetensors") == path
    assert find() == path
    assert find(files=library.where(card)) == card.folder / "petals.safetensors"
    assert find("two.pkl", files=library.where(card)) == folder() / "two.pkl"
    with pytest.raises(BadValue, match="Did you mean 'one.safetensors'"):
        find("on.safetensors")
    # A folder that holds no models is no damaged entry of the library.
    assert library.problems() == []


def test_what_ships_is_there_for_whoever_has_no_checkpoint() -> None:
    assert find() == starters()["stylegan/faces"]
    assert "stylegan/faces" in choices()
    own = dropped("one.safetensors")
    assert find() == own
    assert find("stylegan/faces") == starters()["stylegan/faces"]


def test_what_cannot_be_loaded_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runway_lab.models.painter.starters", dict)
    with pytest.raises(BadValue, match=r"no StyleGAN checkpoint.*checkpoints, or name yours: file="):
        stylegan.prepare()
    path = tmp_path / "page.pkl"
    path.write_text("<html>")
    with pytest.raises(BadCheckpoint, match="a web page"):
        stylegan.prepare(file=path)
    with pytest.raises(BadValue, match="slow in fp16"):
        open_checkpoint(dropped(), "cpu", "fp16")


@pytest.mark.parametrize("name", ["empty.pkl", "notes.pt", "empty.safetensors", "notes.safetensors", "half.pkl"])
def test_what_only_looks_like_a_checkpoint_says_what_it_is(name: str) -> None:
    folder().mkdir(parents=True)
    half = fixture_bytes("sg2gray")[:9000]
    data = b"" if "empty" in name else b"some notes of mine\n" if "notes" in name else half
    (folder() / name).write_bytes(data)
    # A .safetensors file says what it is; of the others it shows when they are read.
    assert list(checkpoints()) == ([] if name.endswith("safetensors") else [name])
    with pytest.raises(BadCheckpoint, match=rf"{name}: .*(is empty|no checkpoint of a kind|ends after)") as caught:
        stylegan.prepare(file=folder() / name)
    assert caught.value.hint


def test_a_checkpoint_that_was_saved_meanwhile_takes_its_place(painter: Painter) -> None:
    z = rl.seed(7, Z)
    first = array(ask(painter, "generate", z=z)["image"])
    ask(painter, "directions", count=1)
    definition = definition_of(stylegan.generate).fitted(painter)
    dropped("step 2000.safetensors", seed=3)
    os.utime(folder() / "small.safetensors", (1, 1))
    ask(painter, "blend", z=z, other="newest", amount=1)
    # Saved anew by the same name, as training does.
    later = load(dropped("step 2000.safetensors", seed=1)).generator
    blended = ask(painter, "blend", z=z, other="newest", amount=1)["image"]
    # As it is asked in a worker, with the fields the model began with.
    taken = definition.signature.command("change").check_inputs({"checkpoint": "step 2000.safetensors"})
    about = definition.call("change", painter, taken)
    assert about["file"] == "step 2000.safetensors"
    ws = later.map(torch.tensor(z.values)[None], psi=0.7)
    second = array(ask(painter, "generate", z=z)["image"])
    assert np.array_equal(second, drawn(later, ws))
    assert np.array_equal(array(blended), second)
    assert not np.array_equal(first, second)
    assert painter._directions == {}
    newest = load(dropped("step 3000.safetensors", seed=2)).generator
    ask(painter, "change")
    expected = drawn(newest, newest.map(torch.tensor(z.values)[None], psi=0.7))
    assert np.array_equal(array(ask(painter, "generate", z=z)["image"]), expected)
    with pytest.raises(BadValue, match=r"has width 32, the checkpoint that runs has 16.*rl\.run"):
        ask(painter, "change", file=dropped("large.safetensors", resolution=32))
    with pytest.raises(BadValue, match="There is no checkpoint 'gone'"):
        ask(painter, "change", checkpoint="gone")
    assert painter.about()["file"] == "step 3000.safetensors"


def test_threads_get_what_each_of_them_asked_for(painter: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that ask for different blends at once, neither gets the other's."""
    paths = [dropped("one.safetensors", seed=1), dropped("two.safetensors", seed=2)]
    inside, second_done = threading.Event(), threading.Event()
    blend = painter_module.blend

    def slow_blend(mine: Checkpoint, other: Checkpoint, *given: Any, **more: Any) -> Checkpoint:
        made = blend(mine, other, *given, **more)
        if not inside.is_set():
            inside.set()
            # Without turns, the second's blend is in its place when the first comes back.
            second_done.wait(0.5)
        return made

    monkeypatch.setattr(painter_module, "blend", slow_blend)
    got: dict[int, Painter] = {}
    read: list[Path] = []
    monkeypatch.setattr(painter_module, "load", lambda path: read.append(path) or load(path))

    def ask_for(number: int) -> None:
        got[number] = painter.blended(paths[number], 1.0, None, 0.0)

    threads = [threading.Thread(target=ask_for, args=(number,)) for number in (0, 1)]
    threads[0].start()
    inside.wait()
    threads[1].start()
    threads[1].join(0.3)
    if not threads[1].is_alive():
        second_done.set()
    for thread in threads:
        thread.join()
    z = torch.randn(1, Z)
    for number, path in enumerate(paths):
        assert torch.equal(got[number].generator(z), load(path).generator(z))
    # The one beside it was not read until the first had its turn.
    assert read == paths
    assert painter._blended is not None
    assert painter._blended[1] is got[1]


def test_a_projection_can_be_stopped_while_it_searches(painter: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stylegan, "SHOWN_EVERY_SECONDS", 0)
    monkeypatch.setattr(stylegan, "SHOWING_COSTS_LESS_THAN", 0)
    target = ask(painter, "generate", z=rl.seed(9, Z), truncation=1)["image"]
    parts = stylegan.project(painter, target, steps=1000, space="w+", seed=0)
    shown, progress = next(parts)
    assert progress == 0
    assert shown["psnr"] > 0
    parts.close()  # type: ignore[attr-defined]
    progress = [progress for _, progress in stylegan.project(painter, target, steps=2, space="w+", seed=0)]
    assert progress == [0.0] * 16 + [0.5, 1.0]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RUNWAY_LAB_WARM_SPARE", "0")
    yield
    rl.stop_all()


@pytest.mark.usefixtures("worker")
def test_it_runs_in_a_process_of_its_own() -> None:
    generator = load(dropped()).generator
    z = rl.seed(7, Z)
    expected = drawn(generator, generator.map(torch.tensor(z.values)[None], psi=0.5))
    with rl.run("stylegan/any", checkpoint="small.safetensors", precision="fp32", truncation=0.5, quiet=True) as model:
        assert model.signature.command().inputs["z"].length == Z
        assert np.array_equal(array(model(z=z).image), expected)
        ws = model.query("map", z=z).ws
        assert np.array_equal(array(model.query("from_w", ws=ws).image), expected)
        vector = model.query("directions", count=1).vectors[0]
        assert model.query("edit", ws=ws, direction=vector, amount=2).ws.shape == ws.shape
        parts = list(model.submit("walk", seeds=[1, 2], frames=2).partials())
        assert [part.progress for part in parts] == [0.25, 0.5, 0.75, 1.0]
        assert model.query("project", image=expected, steps=3).psnr > 0
        assert model.query("about").about["num_ws"] == generator.num_ws
        assert json.dumps(model.signature.describe())
        later = load(dropped("saved meanwhile.safetensors", seed=1)).generator
        assert (
            model.query("change", checkpoint="saved meanwhile.safetensors").about["file"]
            == "saved meanwhile.safetensors"
        )
        expected = drawn(later, later.map(torch.tensor(z.values)[None], psi=0.5))
        assert np.array_equal(array(model(z=z).image), expected)


@pytest.mark.usefixtures("worker")
def test_a_file_of_one_s_own_runs_and_a_bad_one_says_why(tmp_path: Path) -> None:
    path = tmp_path / "gray.pkl"
    path.write_bytes(fixture_bytes("sg2gray"))
    generator = load(path).generator
    z = rl.seed(1, generator.z_dim)
    with rl.run("stylegan/any", quiet=True) as model:
        assert any("stylegan-faces.safetensors" in line for line in model.log)
    with rl.run("stylegan/any", file=path, precision="fp32", truncation=1, quiet=True) as model:
        expected = drawn(generator, generator.map(torch.tensor(z.values)[None]))
        assert np.array_equal(array(model(z=z).image), expected[:, :, 0])
        assert any("gray.pkl: stylegan2" in line for line in model.log)
    path.write_bytes(fixture_bytes("sg2gray")[:9000])
    with pytest.raises(StartFailed, match=r"gray\.pkl: This file ends after"):
        rl.run("stylegan/any", file=path, quiet=True)


@pytest.mark.usefixtures("worker")
def test_a_card_of_one_s_own_runs_its_weights(tmp_path: Path) -> None:
    model_of_one_s_own(tmp_path)
    generator, z = small_stylegan2(4), rl.seed(1, Z)
    with rl.run("studies/petals", quiet=True) as model:
        assert np.array_equal(array(model(z=z).image), drawn(generator, generator.map(torch.tensor(z.values)[None])))
