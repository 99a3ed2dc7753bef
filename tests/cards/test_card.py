"""A card keeps what it says, and says what is wrong with it."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

import runway_lab
from runway_lab.cards import (
    Attribution,
    CardFile,
    Characteristics,
    Licence,
    Link,
    ModelCard,
    Picture,
    Publisher,
    Run,
    Version,
)
from runway_lab.errors import BadValue

HOSTILE = ['"""', "\\", 'end"', "\r\n", "\x00\x1b", "a\n[run]\nentry = 'os'", "<script>alert(1)</script>", "'''\n\"\\"]


def full(**changes: Any) -> ModelCard:
    card = ModelCard(
        id="studies/petals",
        title="Petals",
        category="generate",
        tagline="Draws flowers",
        keywords=("flower", "stylegan"),
        overview="# Petals\n\nIt draws *flowers*.\n",
        learned_from="900 pictures of flowers",
        limits="Flowers only.",
        performance="20 pictures a second on a laptop",
        licence=Licence("CC-BY-NC-SA-4.0", "https://creativecommons.org/", "Not for money."),
        characteristics=Characteristics(
            published=date(2020, 2, 29),
            updated=date(2021, 1, 2),
            inputs=("vector", "image_bounding_box"),
            outputs=("image",),
            download_mb=12.5,
            memory_mb=900,
            cpu=True,
            gpu=False,
        ),
        run=Run("model.py", {"truncation": 0.7, "seeds": [1, 2], "deep": {"on": True, "day": date(2020, 1, 1)}}),
        publishers=(Publisher("Ada", "https://example.org/ada"),),
        attributions=(Attribution("Grace", "made the pictures", "http://example.org"),),
        links=(Link("paper", "https://example.org/paper.pdf", "How"), Link("code", "https://example.org/code")),
        gallery=(Picture("pictures/one.jpg", "A rose"),),
        versions=(Version("1", date(2020, 3, 1), "first"), Version("2", None, "", True), Version("3")),
        files=(
            CardFile("weights/a.pt", "https://example.org/a.pt", 10, "0" * 64, "the weights"),
            CardFile("b.npz"),
        ),
    )
    return replace(card, **changes)


def test_a_full_card_reads_back_as_it_was(tmp_path: Path) -> None:
    card = full()
    written = card.write(tmp_path)
    back = ModelCard.read(tmp_path)
    assert back == card == written
    assert hash(back) == hash(card)
    assert back.folder == written.folder == tmp_path
    assert back.toml() == card.toml()
    assert [type(each) for each in back.run.options.values()] == [float, list, dict]


def test_a_small_card_is_a_small_file(tmp_path: Path) -> None:
    card = ModelCard(id="a/b", title="B", category="transform")
    assert card.toml() == 'id = "a/b"\ntitle = "B"\ncategory = "transform"\n'
    assert ModelCard.read(card.write(tmp_path / "b.toml").source or "") == card
    assert os.listdir(tmp_path) == ["b.toml"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str, tmp_path: Path) -> None:
    card = full(
        title="x" + text,
        overview=text,
        keywords=(text, "b"),
        licence=Licence(note=text),
        run=Run("model.py", {text: [text, {text: text}]}),
        publishers=(Publisher("x" + text),),
        versions=(Version("1" + text, note=text),),
    )
    assert ModelCard.read(card.write(tmp_path).folder) == card


def test_the_default_version_is_the_marked_one_else_the_last() -> None:
    assert full().version == Version("2", None, "", True)
    assert full(versions=(Version("1"), Version("2"))).version == Version("2")
    assert full(versions=()).version is None


def test_a_card_goes_through_a_pipe() -> None:
    assert pickle.loads(pickle.dumps(full())) == full()


SMALL = 'id = "a/b"\ntitle = "B"\ncategory = "transform"\n'
MISTAKES = [
    ("nonsense = 1", "'nonsense'", "There is: id"),
    ("taglien = 'x'", "'taglien'", "Did you mean 'tagline'?"),
    ("[license]\nid = 'MIT'", "'license'", "Did you mean 'licence'?"),
    ("[licence]\nnotes = 'x'", "'licence.notes'", "Did you mean 'note'?"),
    ("[licence]\nid = 'do what you want!'", "licence.id", "SPDX"),
    ("[[links]]\nkind = 'paper'\nurl = 'x'\ntile = ''", "'links[0].tile'", "Did you mean 'title'?"),
    ("[[links]]\nkind = 'blog'\nurl = 'https://a.b'", "links[0].kind", "'code', 'paper', 'more'"),
    ("[[links]]\nkind = 'code'", "'links[0].url'", "Add a line"),
    ("[[links]]\nkind = 'code'\nurl = ''", "links[0].url", "http://"),
    ("[[links]]\nkind = 'code'\nurl = 'javascript:alert(1)'", "links[0].url", "http://"),
    ("[[links]]\nkind = 'code'\nurl = 'https://a.b/\"><script>'", "links[0].url", "http://"),
    ("[[links]]\nkind = 'code'\nurl = 'https://github.com@evil.org'", "links[0].url", "http://"),
    ("[[links]]\nkind = 'code'\nurl = 'https://ü.org'", "links[0].url", "http://"),
    ("[[links]]\nkind = 'code'\nurl = 'https://a.org:99999'", "links[0].url", "http://"),
    ("[[publishers]]\nname = ' '", "publishers[0].name", "some text"),
    ("[[publishers]]\nname = 'A'\nlink = 'file:///etc/passwd'", "publishers[0].link", "http://"),
    ("publishers = 'me'", "publishers", "a list of tables"),
    ("publishers = ['me']", "publishers[0]", "a table"),
    ("licence = 'MIT'", "licence", "a table"),
    ("tagline = 3", "tagline = 3", "text"),
    ("keywords = 'one'", "keywords", "a list of text"),
    ("keywords = ['one', 2]", "keywords", "a list of text"),
    ("characteristics.cpu = 1", "characteristics.cpu", "true or false"),
    ("characteristics.memory_mb = 1.5", "characteristics.memory_mb", "a whole number"),
    ("characteristics.memory_mb = true", "characteristics.memory_mb", "a whole number"),
    ("characteristics.memory_mb = -1", "characteristics.memory_mb", "zero or more"),
    ("characteristics.download_mb = nan", "characteristics.download_mb", "zero or more"),
    ("characteristics.published = '2020-01-01'", "characteristics.published", "without quotation marks"),
    ("characteristics.published = 2020-01-01T10:00:00", "characteristics.published", "without quotation marks"),
    ("characteristics.inputs = ['Image!']", "characteristics.inputs", "image"),
    ("files = [{name = 'a.pt', url = 'https://a.b/a'}]", "files[0].size", "checked"),
    ("files = [{name = 'a.pt', url = 'https://a.b/a', size = 1}]", "files[0].sha256", "checked"),
    ("files = [{name = 'a.pt', sha256 = 'xyz'}]", "files[0].sha256", "64"),
    ("files = [{name = 'a.pt'}, {name = 'A.pt'}]", "files[1].name", "once"),
    ("files = [{name = 'a.pt.part'}]", "files[0].name", "another name"),
    ("versions = [{name = '1', default = true}, {name = '2', default = true}]", "versions", "one default"),
    ("run.entry = 'runway_lab.models.upscale'", "run.entry", "a Python file"),
    ("run.entry = 'os.path'", "run.entry", "a Python file"),
    ("run.entry = '../model.py'", "run.entry", "inside the card's folder"),
    ("run.options = 3", "run.options", "a table"),
]


@pytest.mark.parametrize(("line", "key", "allowed"), MISTAKES)
def test_a_mistake_names_the_file_the_key_and_what_is_allowed(
    line: str, key: str, allowed: str, tmp_path: Path
) -> None:
    path = tmp_path / "card.toml"
    path.write_text(SMALL + line)
    with pytest.raises(BadValue) as caught:
        ModelCard.read(path)
    assert str(path) in caught.value.what
    assert key in caught.value.what
    assert allowed in caught.value.hint


@pytest.mark.parametrize(
    "id", ["upscale", "a/b/c", "A/b", "../b", "a/..", "a/.b", "/b", "a/", "a b/c", "a/con", "aux.x/b", "a/b\n", "a/ü"]
)
def test_an_id_is_a_group_and_a_name(id: str) -> None:
    with pytest.raises(BadValue, match="group/name"):
        ModelCard(id=id, title="x", category="transform")


def test_a_category_is_one_of_three_with_a_suggestion() -> None:
    with pytest.raises(BadValue, match="Did you mean 'generate'"):
        ModelCard(id="a/b", title="x", category="Generate")


PATHS = [
    "/etc/passwd",
    "../x",
    "a/../../x",
    "C:/x",
    "a\\..\\x",
    "a//b",
    "",
    ".hidden",
    "a/.git/x",
    "x\x00y",
    "a\nb",
    "nul",
]


@pytest.mark.parametrize("path", [*PATHS, "x. ", "a" * 300])
def test_no_path_leaves_the_folder(path: str, tmp_path: Path) -> None:
    for change in (
        {"gallery": (Picture(path),)},
        {"files": (CardFile(path),)},
        {"run": Run(path + ".py" if path.endswith("x") else path)},
    ):
        with pytest.raises(BadValue, match=r"inside the card's folder|some text|Python file"):
            full(**change)
    with pytest.raises(BadValue, match="not inside"):
        full().write(tmp_path).path_of(path)


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("x")
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "pictures").symlink_to(tmp_path / "outside")
    card = full().write(tmp_path / "card")
    with pytest.raises(BadValue, match="not inside"):
        card.path_of("pictures/secret")
    assert card.path_of(CardFile("weights/a.pt")) == tmp_path / "card" / "weights" / "a.pt"


def test_only_a_card_of_the_package_names_a_module(tmp_path: Path) -> None:
    shipped = Path(runway_lab.__file__).parent / "catalog" / "cards" / "some.toml"
    card = full(run=Run("runway_lab.models.upscale"), source=shipped)
    assert card.run.is_module
    with pytest.raises(BadValue, match=r"run\.entry"):
        card.write(tmp_path)
    assert os.listdir(tmp_path) == []
    for entry in ("os", "runway_lab.models.upscale.x", "runway_lab.cli", "runway_lab.models.", "evil"):
        with pytest.raises(BadValue, match=r"run\.entry"):
            full(run=Run(entry), source=shipped)


def test_anybody_s_card_may_run_its_weights_on_a_stylegan(tmp_path: Path) -> None:
    run = Run("runway_lab.models.stylegan", {"truncation": 0.5})
    assert full(run=run).write(tmp_path).run == run
    # A path or an address in a stranger's card is not opened.
    with pytest.raises(BadValue, match=r"run\.options\.file"):
        full(run=Run(run.entry, {"file": "/etc/passwd"})).write(tmp_path)


@pytest.mark.parametrize("value", [None, (1,), {1: 2}, b"x", object(), [None]])
def test_an_option_is_what_a_file_can_hold(value: object) -> None:
    with pytest.raises(BadValue, match=r"run\.options"):
        full(run=Run("model.py", {"x": value}))


def test_values_given_in_python_are_looked_at_too() -> None:
    for change in ({"keywords": ["a"]}, {"title": None}, {"licence": "MIT"}, {"files": ("a",)}, {"versions": None}):
        with pytest.raises(BadValue, match=next(iter(change))):
            full(**change)
    with pytest.raises(BadValue, match="published"):
        full(characteristics=Characteristics(published=datetime(2020, 1, 1)))


@pytest.mark.parametrize(
    "data",
    [b"", b"id = ", b"\xff\xfe", b"x = " + b"[" * 100_000, b"x = 1" + b"0" * 10_000, b"#" * (2 << 20)],
    ids=["empty", "cut", "not text", "deep", "long number", "huge"],
)
def test_a_broken_file_is_told_in_words(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_bytes(data)
    with pytest.raises(BadValue) as caught:
        ModelCard.read(path)
    assert str(path) in str(caught.value)


def test_a_file_from_a_windows_editor_is_read(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert ModelCard.read(tmp_path).title == "B"


def test_a_missing_file_and_folder_are_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="cannot be read"):
        ModelCard.read(tmp_path / "none.toml")
    with pytest.raises(BadValue, match="cannot be written"):
        full().write(tmp_path / "none" / "card.toml")
    with pytest.raises(BadValue, match="no folder"):
        full().path_of("model.py")


def test_a_failed_write_leaves_the_old_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = full().write(tmp_path)

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(BadValue, match="No space left"):
        full(title="New").write(tmp_path)
    assert ModelCard.read(tmp_path) == old
    assert os.listdir(tmp_path) == ["card.toml"]
