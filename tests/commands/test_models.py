"""Models from the shell: found, read, run on a file."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from runway_lab.cli import main
from runway_lab.commands.models import value_of
from runway_lab.errors import BadValue
from runway_lab.fields import Array, Boolean, BoundingBox, Number, Text, Vector
from runway_lab.fields import Image as ImageField


@pytest.fixture(autouse=True)
def _quiet_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("RUNWAY_LAB_WARM_SPARE", "0")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photo(tmp_path):
    ramp = np.linspace(0, 255, 40 * 30 * 3).reshape(30, 40, 3).astype(np.uint8)
    Image.fromarray(ramp).save(tmp_path / "photo.jpg")
    return tmp_path / "photo.jpg"


MODEL = """
from runway_lab.fields import *
from runway_lab.sdk import command, setup

@setup(options={"times": Number(default=2, min=1, max=9, step=1)})
def prepare(times):
    return times

@command(inputs={"text": Text(), "loud": Boolean()}, outputs={"text": Text(), "length": Number()})
def repeat(times, text, loud):
    text = text * times
    return {"text": text.upper() if loud else text, "length": len(text)}

@command(inputs={"z": Vector(4)}, outputs={"image": Image(channels=1), "z": Vector(4)})
def draw(times, z):
    import numpy as np
    return {"image": np.full((4, 4), 9, np.uint8), "z": z}

@command(inputs={"text": Text()}, outputs={"text": Text()})
def fail(times, text):
    raise ValueError(text)
"""


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    return str(tmp_path / "model.py")


def test_the_list_has_every_kind(capsys):
    assert main(["models", "list"]) == 0
    said = capsys.readouterr().out
    for name in ("upscale/x2", "generate/planets", "identify/shapes"):
        assert re.search(rf"^{name} +\S", said, re.MULTILINE)


def test_the_group_alone_shows_its_help(capsys):
    assert main(["models"]) == 0
    assert "runway-lab models run upscale/x2" in capsys.readouterr().out


def test_a_search_forgives_and_narrows(capsys):
    assert main(["models", "search", "upscael"]) == 0
    assert capsys.readouterr().out.startswith("upscale/x2")
    assert main(["models", "search", "--category", "generate", "--json"]) == 0
    found = {each["id"] for each in json.loads(capsys.readouterr().out)}
    assert {"generate/planets", "stylegan/any", "stylegan/faces"} <= found
    assert not {"upscale/x2", "identify/shapes"} & found
    assert main(["models", "search", "zebracrossing"]) == 1
    assert "No model fits" in capsys.readouterr().out


def test_a_card_is_shown_with_its_licence_and_limits(capsys):
    assert main(["models", "show", "upscale/x2"]) == 0
    said = capsys.readouterr().out
    for heading in ("Licence:", "Limits:", "Learned from:", "Takes:", "Here:         yes"):
        assert heading in said
    assert main(["models", "show", "upscale/x3"]) == 2
    assert "Did you mean 'upscale/x2'?" in capsys.readouterr().err


def test_what_is_here_need_not_be_got(capsys):
    assert main(["models", "get", "upscale/x2"]) == 0
    assert "is all here" in capsys.readouterr().out


def test_a_picture_goes_in_and_a_picture_comes_out(photo, tmp_path, capsys):
    assert main(["models", "run", "upscale/x2", "--input", "photo.jpg", "--output", "large.png"]) == 0
    with Image.open(tmp_path / "large.png") as large:
        assert large.size == (80, 60)
    assert "image: large.png" in capsys.readouterr().out


def test_without_a_name_a_picture_is_saved_beside_and_nothing_is_overwritten(model, capsys, tmp_path):
    for expected in ("model-image.png", "model-image-2.png"):
        assert main(["models", "run", model, "-c", "draw", "-i", "z=5", "-o", "z=z.npy"]) == 0
        assert f"{expected}" in capsys.readouterr().out
    assert sorted(each.name for each in tmp_path.glob("*.png")) == ["model-image-2.png", "model-image.png"]
    assert np.allclose(np.load(tmp_path / "z.npy"), np.random.RandomState(5).randn(4).astype(np.float32))


def test_words_are_printed_and_options_count(model, capsys):
    assert main(["models", "run", model, "-i", "ha", "-i", "loud=yes", "--option", "times=3"]) == 0
    assert capsys.readouterr().out.splitlines() == ["text: HAHAHA", "length: 6"]


def test_a_seed_that_was_chosen_is_told(model, capsys):
    assert main(["models", "run", model, "-c", "draw", "-o", "first.png"]) == 0
    assert re.search(r"seed \d+; --input z=\d+ gives it again", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "MODEL", "-i", "text=a", "-i", "lout=yes"], "Did you mean 'loud'"),
        (["run", "MODEL", "-i", "text=a", "-o", "picture=a.png"], "gives no 'picture'"),
        (["run", "MODEL", "--option", "times=99", "-i", "a"], "a whole number from 1 to 9"),
        (["run", "MODEL", "--option", "nine"], "--option nine has no name"),
        (["run", "MODEL", "-c", "drwa"], "Did you mean 'draw'"),
        (["run", "MODEL", "-c", "fail", "-i", "no such luck"], "ValueError: no such luck"),
        (["run", "upscale/x2", "-i", "gone.jpg"], "gone.jpg"),
        (["run", "MODEL", "-c", "draw", "-i", "z=1", "-o", "nowhere/a.png"], "could not be written"),
    ],
)
def test_mistakes_are_told_in_words(model, words, said, capsys):
    assert main(["models", *(model if word == "MODEL" else word for word in words)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_words_on_a_command_line_mean_what_their_field_means(tmp_path):
    np.save(tmp_path / "z.npy", np.ones(3, np.float32))
    assert value_of(Text(), "7") == "7"
    assert value_of(ImageField(), "7.png") == "7.png"
    assert value_of(Boolean(), "off") is False
    assert value_of(Array(BoundingBox()), "[[0,0,1,1]]") == [[0, 0, 1, 1]]
    assert value_of(Vector(3), "1, 2, 3") == [1, 2, 3]
    assert Vector(3).check(value_of(Vector(3), str(tmp_path / "z.npy"))).tolist() == [1, 1, 1]
    with pytest.raises(BadValue):
        Number().check(value_of(Number(), "many"))
