"""Words find cards: while they are typed, with slips, the better field first."""

from __future__ import annotations

import random
import string
from typing import Any

import pytest

from runway_lab.cards import ModelCard, Publisher
from runway_lab.catalog.index import Index, words


def card(id: str, title: str = "x", **given: Any) -> ModelCard:
    return ModelCard(id=id, title=title, category="generate", **given)


STYLEGAN = card("stylegan/faces", "Portraits", keywords=("face", "latent"), tagline="Draws people")
SKETCH = card("studies/sketch", "Sketch to landscape", keywords=("gaugan",), overview="Better than stylegan.")
UPSCALE = card("upscale/x2", "Twice as large", tagline="Sharpens a face", publishers=(Publisher("Ada Café"),))
INDEX = Index([STYLEGAN, SKETCH, UPSCALE])


def test_an_empty_text_finds_all_by_title() -> None:
    assert INDEX.find("") == INDEX.find("  \n") == ["stylegan/faces", "studies/sketch", "upscale/x2"]
    assert INDEX.find("!?") == []
    assert Index().find("") == Index().find("x") == []


def test_the_better_field_comes_first() -> None:
    rising = [
        card("a/e", overview="petal"),
        card("a/d", publishers=(Publisher("Petal"),)),
        card("a/c", tagline="the petal"),
        card("a/b", keywords=("petal",)),
        card("z/a", "Petal"),
    ]
    for query in ("petal", "PETAL", "peta", "petla"):
        assert Index(rising).find(query) == ["z/a", "a/b", "a/c", "a/d", "a/e"], query


def test_the_word_itself_comes_before_words_that_begin_with_it() -> None:
    index = Index([card("a/a", "facet"), card("a/b", "face")])
    assert index.find("face") == ["a/b", "a/a"]
    assert index.find("fac") == ["a/b", "a/a"], "equal ones by title"


def test_words_are_found_while_they_are_typed() -> None:
    for end in range(1, len("sketch") + 1):
        assert "studies/sketch" in INDEX.find("sketch"[:end])
    assert INDEX.find("sketch") == ["studies/sketch"]
    assert INDEX.find("landscape sk") == ["studies/sketch"]


@pytest.mark.parametrize("word", ["landscape", "stylegan", "portraits", "gaugan", "sharpens"])
def test_any_one_slip_is_forgiven(word: str) -> None:
    meant = INDEX.find(word)
    assert meant
    letters = "aeqz7"
    for at in range(len(word)):
        head, tail = word[:at], word[at:]
        slips = [head + tail[1:], *(head + letter + tail for letter in letters)]
        slips += [head + letter + tail[1:] for letter in letters]
        if len(tail) > 1:
            slips.append(head + tail[1] + tail[0] + tail[2:])
        for slip in slips:
            assert set(meant) <= set(INDEX.find(slip)), slip


def test_a_slip_in_a_word_that_is_not_typed_to_its_end_is_forgiven() -> None:
    assert INDEX.find("lnadsc") == ["studies/sketch"]
    assert INDEX.find("tylega") == INDEX.find("stylega")


def test_two_slips_and_slips_in_short_words_are_not_forgiven() -> None:
    assert INDEX.find("lnadscaep") == []
    assert INDEX.find("fce") == []
    assert INDEX.find("qqqq") == []


def test_a_slip_counts_only_where_nothing_begins_with_the_word() -> None:
    index = Index([card("a/a", "face"), card("a/b", "fact")])
    assert index.find("face") == ["a/a"]
    assert index.find("facx") == ["a/a", "a/b"]


def test_the_plural_finds_the_singular_and_the_other_way_round() -> None:
    assert set(INDEX.find("faces")) == {"stylegan/faces", "upscale/x2"}
    assert set(INDEX.find("face")) == {"stylegan/faces", "upscale/x2"}


def test_several_words_narrow_and_no_word_too_many_spoils_it() -> None:
    assert INDEX.find("face large") == ["upscale/x2"]
    assert INDEX.find("face large qqqqq") == ["upscale/x2"]
    assert INDEX.find("sketch large") == ["studies/sketch", "upscale/x2"]
    assert INDEX.find("large large face") == INDEX.find("face large")
    assert INDEX.find("large " + "qqqq " * 10_000) == ["upscale/x2"]


def test_case_accents_and_signs_do_not_matter() -> None:
    for query in ("CAFE", "café", "cafe\u0301", "Café!", "ada-cafe", "ADA_CAFÉ"):
        assert INDEX.find(query) == ["upscale/x2"], query
    assert words("Straße ﬁne １２ 顔 Ω İ") == ["strasse", "fine", "12", "顔", "ω", "i"]
    assert Index([card("a/a", "顔を描く")]).find("顔") == ["a/a"]


def test_cards_come_and_go() -> None:
    index = Index([STYLEGAN])
    index.add(card("stylegan/faces", "Renamed"))
    assert index.find("portraits") == []
    assert index.find("renamed") == index.find("") == ["stylegan/faces"]
    index.add(SKETCH)
    assert index.find("sketch") == ["studies/sketch"]
    index.discard("stylegan/faces")
    index.discard("stylegan/faces")
    assert index.find("renamed") == index.find("renamde") == []
    assert index.find("") == ["studies/sketch"]


def test_an_index_that_was_changed_is_like_one_that_was_built_anew() -> None:
    chance = random.Random(5)
    cards = [card(f"a/{n}", " ".join("".join(chance.choices("abcd", k=4)) for _ in range(3))) for n in range(40)]
    index, inside = Index(), set()
    for _ in range(300):
        one = chance.randrange(len(cards))
        if one in inside:
            index.discard(cards[one].id)
            inside.discard(one)
        else:
            index.add(cards[one])
            inside.add(one)
        asked = "".join(chance.choices("abcd", k=chance.randint(0, 4)))
        assert index.find(asked) == Index(cards[each] for each in sorted(inside)).find(asked)
        assert index._listed() == sorted(index._holders)


def test_it_finds_what_a_look_at_every_word_finds() -> None:
    chance = random.Random(3)

    def word(longest: int) -> str:
        return "".join(chance.choices("abc", k=chance.randint(1, longest)))

    cards = {f"q/{number:03}": {word(6) for _ in range(3)} for number in range(60)}
    index = Index(card(id, " ".join(sorted(its))) for id, its in cards.items())
    for _ in range(150):
        asked = word(7)
        direct = {id for id, its in cards.items() if any(each.startswith(asked) for each in its)}
        direct |= {id for id, its in cards.items() if len(asked) > 3 and asked.endswith("s") and asked[:-1] in its}
        if not direct and len(asked) >= 4:
            near = {each for its in cards.values() for each in its if _begins_one_slip_away(each, asked)}
            direct = {id for id, its in cards.items() if its & near}
        assert set(index.find(asked)) == direct, asked


def _begins_one_slip_away(word: str, asked: str) -> bool:
    """The slow way: every slip of what was asked, held against the word."""
    slips = set()
    for at in range(len(asked) + 1):
        head, tail = asked[:at], asked[at:]
        slips.add(head + tail[1:])
        slips |= {head + letter + rest for letter in string.ascii_lowercase for rest in (tail, tail[1:])}
        if len(tail) > 1:
            slips.add(head + tail[1] + tail[0] + tail[2:])
    # A word that is merely shorter has to be that word.
    return any(word == slip if asked.startswith(slip) else word.startswith(slip) for slip in slips)
