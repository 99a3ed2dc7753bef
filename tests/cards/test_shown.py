"""What a card looks like in a notebook, and that a stranger's words stay words."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from PIL import Image

from runway_lab.cards import (
    Attribution,
    Characteristics,
    Licence,
    Link,
    ModelCard,
    Picture,
    Publisher,
)
from runway_lab.cards.shown import MOST_TILES, Cards, page, sheet

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\" ' &"


class Tags(HTMLParser):
    """The tags and attributes of a page as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.words += data


@pytest.fixture
def card(tmp_path) -> ModelCard:
    Image.new("RGB", (32, 18), "teal").save(tmp_path / "cover.png")
    made = ModelCard(
        id="a/b",
        title=HOSTILE,
        category="transform",
        tagline=HOSTILE,
        overview=f"First line\nSecond line {HOSTILE}",
        keywords=(HOSTILE,),
        licence=Licence("MIT", note=HOSTILE),
        publishers=(Publisher(HOSTILE),),
        attributions=(Attribution(HOSTILE, role=HOSTILE),),
        limits=HOSTILE,
        links=(Link("code", "https://example.org/?a=1&b=2", HOSTILE),),
        gallery=(Picture("cover.png", HOSTILE),),
        characteristics=Characteristics(inputs=("image",), outputs=("text",), memory_mb=300),
    )
    return made.write(tmp_path / "card.toml")


@pytest.mark.parametrize("show", [page, lambda card: sheet([card])])
def test_hostile_words_are_only_words(card, show):
    shown = Tags(show(card))
    assert set(shown.tags) <= {"div", "span", "img", "a", "p", "b", "i", "code", "ul", "li"}
    assert not [name for name, _ in shown.attributes if name.startswith("on")]
    assert "alert(1)" in shown.words
    for name, value in shown.attributes:
        if name in ("src", "href"):
            assert value.startswith(("data:image/png;base64,", "https://example.org/"))


def test_a_page_says_what_matters(card):
    shown = Tags(page(card))
    for words in ("First line Second line", "MIT", "image", "text", "about 300 MB", "CPU and GPU", "a/b"):
        assert words in shown.words
    assert ("rel", "noopener noreferrer") in shown.attributes


def test_a_picture_that_is_gone_leaves_a_ground_of_its_own(card):
    card.path_of("cover.png").unlink()
    shown = Tags(page(card))
    assert "img" not in shown.tags
    assert "linear-gradient" in page(card)
    assert page(card) == page(card)


def test_a_huge_picture_is_not_embedded(card):
    card.path_of("cover.png").write_bytes(bytes(500_000))
    assert "img" not in Tags(page(card)).tags


def test_many_cards_are_a_sheet_of_some_and_a_number(card):
    many = Cards([card] * (MOST_TILES + 3))
    shown = Tags(many._repr_html_())
    assert shown.tags.count("img") == MOST_TILES
    assert "and 3 more" in shown.words
    assert len(many) == MOST_TILES + 3


def test_no_cards_say_so():
    assert "No model fits" in sheet([])


def test_a_little_markdown_is_shown_and_nothing_becomes_active(card):
    from dataclasses import replace

    text = (
        "One **bold** and *soft* word, 2 * 3 * 4, `a **b** <i>`.\n\n- first\n  goes on\n- second <b>x</b>\n\n"
        "[click](javascript:alert(1)) ![p](http://x/y.png) <a href=x>"
    )
    shown = page(replace(card, overview=text, limits="", licence=Licence()))
    assert "<b>bold</b> and <i>soft</i> word, 2 * 3 * 4, <code" in shown
    assert ">a **b** &lt;i&gt;</code>" in shown
    assert "<li>first goes on</li><li>second &lt;b&gt;x&lt;/b&gt;</li>" in shown
    assert "[click](javascript:alert(1))" in shown
    hrefs = [value for name, value in Tags(shown).attributes if name == "href"]
    assert hrefs == ["https://example.org/?a=1&b=2"]


def test_no_text_of_a_stranger_makes_it_slow(card):
    from dataclasses import replace

    for text in ("**a" * 200_000, "*a " * 200_000, "`" * 300_000, "- " * 300_000):
        assert page(replace(card, overview=text))
