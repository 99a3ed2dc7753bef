"""Every card there is: those that ship, the library's own and those of the shared folder, searched and filtered.

The shipped ones are read once. Library and shared folder are looked at afresh each time, and only what changed is read
and put into the index. Where both have a card by one id, the shipped one counts: a model that a person imports cannot
pass itself off as one of the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from threading import Lock, Thread

from runway_lab.cards import CATEGORIES, Cards, ModelCard
from runway_lab.catalog.index import Index, words
from runway_lab.errors import BadValue, Unknown, suggest
from runway_lab.library import shared as shared_folder
from runway_lab.library.shelf import changed_here, snapshot
from runway_lab.library.weights import here

__all__ = ["all", "card", "choices", "search"]

_FOLDER = Path(__file__).parent / "cards"
MANY_CARDS = 300
"""From so many cards on, a search does not wait for a look at the library."""

_FILTERS = ("text", "category", "input", "output", "license", "offline", "publisher")


class _Directory:
    """The cards and their index, as of the last look."""

    def __init__(self) -> None:
        self.cards: dict[str, ModelCard] = {}
        self.index = Index()
        self._own: tuple[ModelCard, ...] | None = None
        self._shared: tuple[ModelCard, ...] | None = None
        self._shipped: tuple[ModelCard, ...] | None = None
        self._looking = Lock()
        self._one_at_a_time = Lock()

    def look(self, now: bool = False) -> _Directory:
        with self._looking:
            shipped, own, shared = _shipped(), snapshot(now), shared_folder.snapshot(now)
            if shipped is not self._shipped or own is not self._own or shared is not self._shared:
                with self._one_at_a_time:
                    self._follow({card.id: card for card in (*shared, *own, *shipped)})
                self._shipped, self._own, self._shared = shipped, own, shared
        return self

    def find(self, text: str) -> list[ModelCard]:
        if len(self.cards) < MANY_CARDS or changed_here():
            self.look()
        elif not self._looking.locked():
            # A look at thousands of files takes longer than a search may, so this search does without what another
            # kernel has just changed, and the next one has it.
            Thread(target=self.look, name="look at the library", daemon=True).start()
        with self._one_at_a_time:
            return [self.cards[id] for id in self.index.find(text)]

    def _follow(self, now: dict[str, ModelCard]) -> None:
        for id, card in self.cards.items():
            if now.get(id) is not card:
                self.index.discard(id)
        for id, card in now.items():
            if self.cards.get(id) is not card:
                self.index.add(card)
        self.cards = now


_directory = _Directory()


@cache
def _shipped() -> tuple[ModelCard, ...]:
    return tuple(ModelCard.read(path) for path in sorted(_FOLDER.glob("*.toml")))


def all() -> Cards:
    """Every card, by title."""
    return search()


def card(id: str) -> ModelCard:
    """The card of a model, by its id.

    >>> card("upscale/nothing-like-it")
    Traceback (most recent call last):
    runway_lab.errors.Unknown: There is no model 'upscale/nothing-like-it'. ...
    """
    cards = _directory.look().cards
    if id not in cards:
        cards = _directory.look(now=True).cards
    if id in cards:
        return cards[id]
    raise Unknown(f"There is no model {id!r}.", hint=suggest(id, sorted(cards)))


def choices() -> dict[str, list[str]]:
    """What a search can be narrowed to: for each filter the values that some card has."""
    cards = _directory.look().cards.values()
    return {
        "category": [each for each in CATEGORIES if any(card.category == each for card in cards)],
        "input": _values(cards, _inputs),
        "output": _values(cards, _outputs),
        "license": _values(cards, _licences),
        "publisher": _values(cards, _publishers),
    }


def search(
    text: str = "",
    category: str | None = None,
    input: str | None = None,
    output: str | None = None,
    license: str | None = None,
    offline: bool | None = None,
    publisher: str | None = None,
    **misspelt: object,
) -> Cards:
    """The cards that words find, the best first; all of them for no words.

    `category`, `input`, `output`, `license` and `publisher` narrow it to the cards that have this value, and
    `offline=True` to the models whose files are all on this machine (False: to those that need a download).
    """
    for name in misspelt:
        raise Unknown(f"A search has no filter {name!r}.", hint=suggest(name, _FILTERS))
    if not isinstance(text, str):
        raise BadValue(f"A search is for text, not for {text!r}.", hint="Give some words between quotation marks.")
    if offline not in (None, True, False):
        raise BadValue(f"offline is {offline!r}.", hint="Allowed is True, False or None.")
    if category is not None and category not in CATEGORIES:
        raise BadValue(f"There is no category {category!r}.", hint=suggest(category, CATEGORIES))
    found = _directory.find(text)
    if category is not None:
        found = [each for each in found if each.category == category]
    for name, wanted, values in (
        ("takes", input, _inputs),
        ("gives", output, _outputs),
        ("has the licence", license, _licences),
        ("is by", publisher, _publishers),
    ):
        if wanted is not None:
            found = _having(found, wanted, values, name)
    if offline is not None:
        on_this_machine = here(found)
        found = [each for each in found if (each.id in on_this_machine) == offline]
    return Cards(found)


def _inputs(card: ModelCard) -> Iterable[str]:
    return card.characteristics.inputs


def _outputs(card: ModelCard) -> Iterable[str]:
    return card.characteristics.outputs


def _licences(card: ModelCard) -> Iterable[str]:
    return (card.licence.id,) if card.licence.id else ()


def _publishers(card: ModelCard) -> Iterable[str]:
    return [each.name for each in card.publishers]


def _values(cards: Iterable[ModelCard], values: Callable[[ModelCard], Iterable[str]]) -> list[str]:
    return sorted({value for card in cards for value in values(card)}, key=str.casefold)


def _having(
    found: list[ModelCard],
    wanted: str,
    values: Callable[[ModelCard], Iterable[str]],
    name: str,
) -> list[ModelCard]:
    known = _values(_directory.cards.values(), values)
    same = {value for value in known if words(value) == words(str(wanted))}
    if not same:
        raise Unknown(f"No model {name} {wanted!r}.", hint=suggest(wanted, known))
    return [card for card in found if not same.isdisjoint(values(card))]
