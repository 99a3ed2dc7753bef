"""How quickly the model directory answers: 2,000 cards in a library of files, searched as a person types.

    python benchmarks/catalog.py [--cards 2000] [--json FILE]

The bar is 20 ms for the median: an answer at each key that is pressed. A look at a library of this size takes longer
than the search itself, so the library does not look at every key; the rows "with a look" are those that do.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

from report import Row, report

BAR_MS = 20.0
FIRST_LOOK_BAR_MS = 5000.0
SYLLABLES = (
    "ka",
    "lo",
    "mi",
    "ren",
    "sty",
    "gan",
    "vor",
    "tex",
    "pix",
    "el",
    "sha",
    "dow",
    "lu",
    "men",
    "cro",
    "ma",
    "fi",
    "gu",
    "ra",
    "tion",
    "net",
    "den",
    "se",
    "flow",
    "cut",
    "mask",
)
# The words a visitor would type are frequent, so that they find many cards.
KNOWN = (
    "stylegan",
    "face",
    "portrait",
    "segmentation",
    "upscale",
    "depth",
    "colour",
    "sketch",
    "landscape",
    "texture",
    "caption",
    "flower",
)
TYPES = ("image", "text", "vector", "category", "image_bounding_box", "audio")


def fill(folder: Path, count: int) -> None:
    """Writes `count` cards with overviews of 150 words out of a vocabulary of some ten thousand."""
    from runway_lab.cards import CATEGORIES, CardFile, Characteristics, Licence, ModelCard, Publisher, Run

    chance = random.Random(1)
    vocabulary = ["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) for _ in range(12_000)]

    def some(number: int) -> str:
        return " ".join(
            chance.choice(KNOWN) if chance.random() < 0.1 else chance.choice(vocabulary) for _ in range(number)
        )

    for number in range(count):
        entry = folder / "models" / f"group{number % 40}" / f"model{number}"
        entry.mkdir(parents=True)
        file = CardFile("weights.pt", "https://example.org/weights.pt", 10_000_000, "0" * 64)
        ModelCard(
            id=f"group{number % 40}/model{number}",
            title=some(2),
            category=chance.choice(CATEGORIES),
            tagline=some(8),
            overview=some(150),
            keywords=tuple(some(5).split()),
            publishers=(Publisher(some(2)),),
            licence=Licence(chance.choice(("MIT", "Apache-2.0", "CC-BY-NC-SA-4.0"))),
            characteristics=Characteristics(
                date(2020, 1, 1), None, (chance.choice(TYPES),), (chance.choice(TYPES),), 10.0, 500
            ),
            run=Run("model.py"),
            files=(file,) if number % 2 else (),
        ).write(entry)


def timed(call: Callable[[], object], repeats: int, prepare: Callable[[], object]) -> tuple[float, float]:
    """The median and the slowest of some calls, in milliseconds."""
    times = []
    for _ in range(repeats):
        prepare()
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), max(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cards", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["RUNWAY_LAB_HOME"] = name
        fill(Path(name), options.cards)
        rows = measure(options.cards, options.repeats, Path(name))
    return report(rows, options.json)


def measure(cards: int, repeats: int, home: Path) -> list[Row]:
    from runway_lab import catalog
    from runway_lab.library.entries import LONGEST_REST_SECONDS

    rows: list[Row] = []

    def row(
        title: str,
        call: Callable[[], object],
        times: int = repeats,
        bar: float = BAR_MS,
        prepare: Callable[[], object] = lambda: None,
    ) -> None:
        median, slowest = timed(call, times, prepare)
        against = f"median of {times}, slowest {slowest:.1f} ms"
        rows.append(Row(f"catalog of {cards}: {title}", median, "ms", bar, against=against))

    row("first look: read all cards, build the index", catalog.all, 1, FIRST_LOOK_BAR_MS)
    row("nothing typed", catalog.search)
    for text in ("s", "st", "style", "stylegan"):
        row(f"typed {text!r}", lambda text=text: catalog.search(text))
    for text in ("stlyegan", "sylegan", "stylegann", "stylegxn", "portriat fcae", "stlyeg", "tylegan", "qqqqqqqqqq"):
        row(f"slip {text!r}", lambda text=text: catalog.search(text))
    row("four words", lambda: catalog.search("stylegan face portrait sketch"))
    row("words no card has together", lambda: catalog.search("stylegan karen vortex pixel zebra lumen"))
    row("a page of text", lambda: catalog.search("stylegan karen vortex pixel " * 200))
    row("every filter", lambda: catalog.search("face", "generate", "image", None, "MIT", True))
    row("offline=True, nothing typed", lambda: catalog.search(offline=True))

    one = home / "models" / "group0" / "model0" / "card.toml"
    rest = partial(time.sleep, LONGEST_REST_SECONDS / 4)

    def change() -> None:
        rest()
        os.utime(one)

    row("with a look: nothing typed", catalog.search, prepare=rest)
    row("with a look: typed 'style'", lambda: catalog.search("style"), prepare=rest)
    row("with a look: one card changed", lambda: catalog.search("style"), prepare=change)
    return rows


if __name__ == "__main__":
    sys.exit(main())
