"""What a model answered: decoded when asked for, and safe to show whatever it says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image as pillow

from runway_lab.errors import BadFrame, BadValue
from runway_lab.fields import Any as Anything
from runway_lab.fields import (
    Array,
    Audio,
    Boolean,
    BoundingBox,
    Buffer,
    Category,
    Field,
    File,
    Image,
    Landmarks,
    Number,
    Point,
    Segmentation,
    Text,
    Vector,
    Video,
)
from runway_lab.frames import pack_values
from runway_lab.media import Film, Sound
from runway_lab.outputs import Outputs
from runway_lab.signature import named


def answer(fields: dict[str, Any], values: dict[str, Any], encoding: str = "raw", **more: Any) -> Outputs:
    known = named(fields)
    buffers: list[Buffer] = []
    checked = {name: known[name].check(value) for name, value in values.items()}
    return Outputs(known, pack_values(known.values(), checked, buffers, encoding), buffers, **more)


PIXELS = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


def test_outputs_are_a_mapping_and_attributes() -> None:
    outputs = answer({"image": Image(), "text": Text()}, {"text": "hi", "image": PIXELS}, progress=0.5, seconds=2)
    assert list(outputs) == ["image", "text"]
    assert len(outputs) == 2
    assert dict(outputs)["text"] == outputs.text == outputs["text"] == "hi"
    assert np.array_equal(np.asarray(outputs.image), PIXELS)
    assert outputs.image is outputs.image
    assert {"image", "text", "items"} <= set(dir(outputs))
    assert (outputs.progress, outputs.seconds) == (0.5, 2)
    assert outputs.fields["text"].type == "text"
    assert "image" in outputs


def test_a_misspelt_output_is_suggested() -> None:
    outputs = answer({"image": Image()}, {"image": PIXELS})
    with pytest.raises(AttributeError, match="Did you mean 'image'"):
        _ = outputs.imgae
    with pytest.raises(KeyError, match="Did you mean 'image'"):
        outputs["imgae"]
    with pytest.raises(KeyError):
        outputs[5]  # type: ignore[index]
    assert not hasattr(outputs, "_data_of_mine")


def test_a_name_that_mappings_have_is_had_in_brackets() -> None:
    names = ("items", "keys", "values", "get", "fields", "progress", "seconds", "to_json", "encoded")
    outputs = answer({name: Text() for name in names}, {name: f"my {name}" for name in names})
    assert {name: outputs[name] for name in names} == {name: f"my {name}" for name in names}
    assert dict(outputs.items()) == dict(outputs)
    assert outputs.get("keys") == "my keys"
    assert outputs.progress is None


class Counting(Image):
    decoded = 0

    def unpack(self, *args: Any) -> Any:
        type(self).decoded += 1
        return super().unpack(*args)


def test_nothing_is_decoded_before_it_is_asked_for() -> None:
    Counting.decoded = 0
    outputs = answer({"a": Counting(), "b": Counting()}, {"a": PIXELS, "b": PIXELS}, "png")
    found = outputs.encoded("a")
    assert found is not None
    description, data = found
    assert (description["encoding"], bytes(data[1:4])) == ("png", b"PNG")
    assert list(outputs) == ["a", "b"]
    assert "a" in dir(outputs)
    assert Counting.decoded == 0
    _ = outputs.a, outputs["a"], outputs.a
    assert Counting.decoded == 1


def test_what_is_plain_json_is_never_taken_for_bytes() -> None:
    outputs = answer({"data": Anything(), "text": Text()}, {"data": {"buffer": 3, "encoding": "png"}, "text": "x"})
    assert outputs.encoded("data") is None
    assert outputs.encoded("text") is None
    assert outputs.data == {"buffer": 3, "encoding": "png"}


@pytest.mark.parametrize("index", [-1, 1, True, "0", None, 10**40])
def test_a_buffer_that_is_not_there_is_an_error_when_asked_for_and_words_when_shown(index: Any) -> None:
    outputs = Outputs(named({"image": Image(), "text": Text()}), {"image": {"buffer": index}, "text": "fine"}, [b"x"])
    assert outputs.text == "fine"
    with pytest.raises(BadValue):
        outputs.encoded("image")
    with pytest.raises(BadValue):
        _ = outputs.image
    assert repr(outputs) == "Outputs(image=damaged, text='fine')"
    assert "cannot be" in outputs._repr_html_()


def test_what_nobody_announced_is_left_out() -> None:
    outputs = Outputs(named({"text": Text()}), {"text": "x", "__class__": "y", "other": {"buffer": 0}})
    assert list(outputs) == ["text"]
    with pytest.raises(BadFrame):
        Outputs(named({"text": Text()}), [])  # type: ignore[arg-type]


FILM = Film.from_frames([np.zeros((4, 4, 3), np.uint8)] * 2, fps=4)
GIF = Film(b"GIF89a" + bytes(20))
EVIL = "</pre><script>alert(\"1\")</script><img src=x onerror='x'>&amp;"

SHOWN: dict[str, tuple[Field, Any, str]] = {
    "any": (Anything(), {EVIL: [EVIL]}, "pre"),
    "audio": (Audio(), Sound(np.zeros(10), 8000), "audio"),
    "boolean": (Boolean(), True, "pre"),
    "box": (BoundingBox(), [0, 0, 1, 1], "pre"),
    "category": (Category([EVIL]), EVIL, "pre"),
    "file": (File(), __file__, "pre"),
    "gray": (Image(channels=1, form="array"), PIXELS[:, :, 0], "img"),
    "clear": (Image(channels=4), pillow.new("RGBA", (2, 2)), "img"),
    "image": (Image(form="array"), PIXELS, "img"),
    "images": (Array(Image()), [PIXELS] * 30, "img"),
    "landmarks": (Landmarks(1), [[0, 0]], "pre"),
    "list": (Array(Text()), [EVIL], "pre"),
    "map": (Segmentation({"a": 0, "b": 1}), np.eye(2), "img"),
    "nothing": (Image(optional=True), None, "pre"),
    "number": (Number(), 0.5, "pre"),
    "point": (Point(), [0, 1], "pre"),
    "text": (Text(), EVIL, "pre"),
    "half a pair": (Text(), "\ud800", "pre"),
    "long": (Text(), "x" * 100_000, "pre"),
    "vector": (Vector(512), np.zeros(512), "pre"),
    "vectors": (Array(Vector(2)), [[0, 1]], "pre"),
    "video": (Video(), FILM, "video"),
    "gif": (Video(), GIF, "img"),
}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: set[str] = set()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("kind", SHOWN)
def test_every_type_can_be_shown_and_none_can_say_more_than_words(kind: str) -> None:
    field, value, tag = SHOWN[kind]
    outputs = answer({"it": field}, {"it": value})
    # Over the network API names may be anything.
    field = outputs.fields["it"]
    field.name = EVIL
    outputs = Outputs({EVIL: field}, {EVIL: outputs._data["it"]}, outputs._buffers)
    page = outputs._repr_html_()
    page.encode("utf-8")
    tags = Tags()
    tags.feed(page)
    assert tag in tags.found
    assert set(tags.found) <= {"div", "figure", "figcaption", "pre", "img", "audio", "video"}
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert EVIL in tags.words
    assert len(re.findall("<img", page)) <= 24
    assert len(re.sub(r"base64,[^\"]*", "", page)) < 12_000
    repr(outputs).encode("utf-8")
    assert len(repr(outputs)) < 300


def test_many_pictures_are_counted() -> None:
    assert "and 6 more" in answer({"it": Array(Image())}, {"it": [PIXELS] * 30})._repr_html_()


def test_the_json_form_is_that_of_the_runway_sdk() -> None:
    outputs = answer({"image": Image(), "z": Vector(2), "n": Number()}, {"image": PIXELS, "z": [0, 1], "n": 3})
    data = outputs.to_json()
    assert data["image"].startswith("data:image/jpeg;base64,")
    assert (data["z"], data["n"]) == ([0, 1], 3)
