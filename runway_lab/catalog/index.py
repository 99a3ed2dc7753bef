"""Finds cards by words: as they are typed, without accents, with a slip of the finger.

Every word of a card is kept with the weight of the best field it stands in: id and title, then keywords, tagline,
publishers, overview. The words lie in one sorted list, so that the words that begin with some letters are a range
of it. A word of a query finds, the earlier the better:

- the word itself, then its singular,
- words that begin with it,
- only if there is none of these: words, or beginnings of words, that one slip away from it: a letter too many,
  missing, wrong, or two swapped. The sorted list is walked like a tree of letters, so only slips that lead to a
  word are tried.

A card that has every word of the query is found; if no card has, the cards that have most of them are.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from runway_lab.cards import ModelCard

__all__ = ["Index", "words"]

_WORD = re.compile(r"[^\W_]+")
_WEIGHTS = {"title": 16.0, "keywords": 8.0, "tagline": 4.0, "publishers": 2.0, "overview": 1.0}
_EXACT, _SINGULAR, _BEGINNING, _SLIP, _SLIP_BEGINNING = 1.0, 0.9, 0.8, 0.6, 0.5
_SHORTEST_FOR_SLIPS = 4
_LONGEST_WORD, _MOST_WORDS = 40, 12
_LAST = "\U0010ffff"


def words(text: str) -> list[str]:
    """The words of a text, in small letters and without accents.

    >>> words("Élan_vital, GANs & 3D-Straße")
    ['elan', 'vital', 'gans', '3d', 'strasse']
    """
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return [word[:_LONGEST_WORD] for word in _WORD.findall(text.casefold())]


class Index:
    """Cards by their words. Cards are added and taken away one by one; the ids are unique."""

    def __init__(self, cards: Iterable[ModelCard] = ()) -> None:
        self._holders: dict[str, dict[str, float]] = {}
        self._words_of: dict[str, dict[str, float]] = {}
        self._order: dict[str, tuple[str, str]] = {}
        self._sorted: list[str] | None = None
        self._titles: list[str] | None = None
        for card in cards:
            self.add(card)

    def add(self, card: ModelCard) -> None:
        """Takes a card in; one by the same id makes room."""
        self.discard(card.id)
        found = _weigh(card)
        self._words_of[card.id] = found
        self._titles = None
        self._order[card.id] = (" ".join(words(card.title)), card.id)
        for word, weight in found.items():
            holders = self._holders.get(word)
            if holders is None:
                self._holders[word] = holders = {}
                if self._sorted is not None:
                    insort(self._sorted, word)
            holders[card.id] = weight

    def discard(self, id: str) -> None:
        """Takes a card out, if it is in."""
        for word in self._words_of.pop(id, ()):
            holders = self._holders[word]
            del holders[id]
            if not holders:
                del self._holders[word]
                if self._sorted is not None:
                    del self._sorted[bisect_left(self._sorted, word)]
        self._order.pop(id, None)
        self._titles = None

    def find(self, text: str) -> list[str]:
        """The ids of the cards a text finds, the best first; all of them, by title, for an empty text."""
        asked = list(dict.fromkeys(words(text)))[:_MOST_WORDS]
        if not asked:
            return [] if text.strip() else list(self._by_title())
        scores: dict[str, float] = {}
        matched: dict[str, int] = {}
        for word in asked:
            for id, score in self._score(word).items():
                scores[id] = scores.get(id, 0.0) + score
                matched[id] = matched.get(id, 0) + 1
        most = max(matched.values(), default=0)
        found = [id for id, count in matched.items() if count == most]
        phrase = " ".join(words(text))
        return sorted(found, key=lambda id: (-scores[id], self._order[id][0] != phrase, self._order[id]))

    def _score(self, word: str) -> dict[str, float]:
        """How well each card that has the word, or something near it, answers to it."""
        scores: dict[str, float] = {}
        self._take(scores, word, _EXACT)
        if len(word) > 3 and word.endswith("s"):
            self._take(scores, word[:-1], _SINGULAR)
        self._take_range(scores, word, _BEGINNING)
        if scores or len(word) < _SHORTEST_FOR_SLIPS:
            return scores
        for near in self._slips(word):
            self._take(scores, near, _SLIP)
            self._take_range(scores, near, _SLIP_BEGINNING)
        return scores

    def _take(self, scores: dict[str, float], word: str, factor: float) -> None:
        for id, weight in self._holders.get(word, {}).items():
            score = weight * factor
            if score > scores.get(id, 0.0):
                scores[id] = score

    def _take_range(self, scores: dict[str, float], beginning: str, factor: float) -> None:
        listed = self._listed()
        start, end = self._range(beginning)
        for position in range(start, end):
            if listed[position] != beginning:
                self._take(scores, listed[position], factor)

    def _slips(self, word: str) -> Iterator[str]:
        """Beginnings of words that are one slip away from `word`."""
        seen = {word}
        for at in range(len(word) + 1):
            head, tail = word[:at], word[at:]
            start, end = self._range(head)
            if start == end:
                return
            guesses = [head + letter + rest for letter in self._next_letters(head) for rest in {tail, tail[1:]}]
            guesses.append(head + tail[1:])
            if len(tail) > 1:
                guesses.append(head + tail[1] + tail[0] + tail[2:])
            for guess in guesses:
                # A word that only lost its last letters is what was typed so far, not a slip.
                if guess in seen or (word.startswith(guess) and guess not in self._holders):
                    continue
                seen.add(guess)
                start, end = self._range(guess)
                if start != end:
                    yield guess

    def _next_letters(self, head: str) -> Iterator[str]:
        """The letters that follow some letters in words: a jump in the sorted list for each."""
        listed = self._listed()
        position, end = self._range(head)
        at = len(head)
        while position < end:
            if len(listed[position]) == at:
                position += 1
                continue
            letter = listed[position][at]
            yield letter
            position = bisect_left(listed, head + letter + _LAST, position, end)

    def _range(self, beginning: str) -> tuple[int, int]:
        listed = self._listed()
        start = bisect_left(listed, beginning)
        return start, bisect_left(listed, beginning + _LAST, start)

    def _by_title(self) -> list[str]:
        if self._titles is None:
            self._titles = sorted(self._order, key=self._order.__getitem__)
        return self._titles

    def _listed(self) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._holders)
        return self._sorted


def _weigh(card: ModelCard) -> dict[str, float]:
    """Every word of a card with the weight of the best field it stands in."""
    fields = {
        "overview": card.overview,
        "publishers": " ".join(each.name for each in card.publishers),
        "tagline": card.tagline,
        "keywords": " ".join(card.keywords),
        "title": f"{card.id} {card.title}",
    }
    return {word: _WEIGHTS[field] for field, text in fields.items() for word in words(text)}
