"""A dataset: pictures of one size in one file, and everything about where they come from.

    datasets/petals/
      pictures.npy     uint8, [pictures, height, width, channels]; mapped into memory, not loaded
      manifest.json    of each picture: its file, the hash of it, what was cut out, what was mended
      report.json      what the doctor said
      card.toml        title, source, licence, consent

The folder's name is the dataset's name, so one that was copied or renamed in a file manager is a dataset of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from runway_lab.errors import BadValue, RunwayLabError, Unknown, shorten, suggest
from runway_lab.library.atomic import discard, flush_folder, in_words, new_folder, temporary, write_text
from runway_lab.library.entries import Entries
from runway_lab.library.locks import FileLock
from runway_lab.library.places import lock_path, path, place
from runway_lab.training.datasets.card import CARD_FILE, DatasetCard
from runway_lab.training.datasets.doctor import examine, plan_for, preview
from runway_lab.training.datasets.kinds import kind_of
from runway_lab.training.datasets.plan import Plan, sides, size_of
from runway_lab.training.datasets.prepare import (
    MANIFEST,
    PICTURES,
    REPORT,
    UNFINISHED,
    fingerprint_of,
    prepare,
    unfinished_error,
)
from runway_lab.training.datasets.report import Report
from runway_lab.training.datasets.sources import open_source
from runway_lab.training.datasets.stored import digest_of, header, reserve, shape_of
from runway_lab.training.datasets.survey import Progress
from runway_lab.training.datasets.used import check_unused

__all__ = ["Dataset"]

_DIGEST = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


class Dataset:
    """A prepared dataset, opened: `pictures` is an array that lies on the disk.

    >>> import tempfile
    >>> from PIL import Image
    >>> folder = tempfile.TemporaryDirectory()
    >>> for number in range(3):
    ...     Image.effect_mandelbrot((90, 60), (-2 + number, -1, 1, 1), 50).save(f"{folder.name}/{number}.png")
    >>> data = Dataset.create("mandelbrot", folder.name, size=32)
    >>> data.pictures.shape, data.title
    ((3, 32, 32, 3), 'Mandelbrot')
    >>> data.delete(); folder.cleanup()
    """

    examine = staticmethod(examine)
    preview = staticmethod(preview)

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).absolute()
        self.card = DatasetCard.read(self.folder)
        self._shape = shape_of(self.folder / PICTURES)
        self.was_there = False
        """Whether `create` found it as it was asked for, and had nothing to do."""

    @classmethod
    def create(
        cls,
        name: str,
        source: Any,
        *,
        crop: str = "center",
        size: Any = None,
        channels: str = "rgb",
        title: str = "",
        origin: str = "",
        licence: str = "",
        consent: str = "",
        note: str = "",
        mirror: bool = False,
        rotate: bool | float = False,
        zoom_in: bool | float = False,
        zoom_out: bool | float = False,
        decisions: Mapping[str, str] | None = None,
        report: Report | None = None,
        every: int | None = None,
        per_second: float | None = None,
        seed: int = 0,
        replace: bool = False,
        progress: Callable[[Progress], object] | None = None,
        stop: Callable[[], bool] | None = None,
        workers: int | None = None,
    ) -> Dataset:
        """Prepares the pictures of a folder, files, an archive, a film or bytes; what was begun before goes on.

        `size` is a number of pixels or (height, width), in this order everywhere; without it, the largest that most
        pictures fill, up to 256. `origin`, `licence`, `consent` and `note` go on the card, and from there to the models
        trained on it. `decisions` says what happens to what the doctor finds; a `report` of `examine` of the same
        source brings its own. `every` and `per_second` are for films. `stop` is asked after each file; it and a killed
        process lose nothing: the same call goes on.

        The same call on an unchanged source gives the dataset that is there.
        """
        _check_name(name)
        opened = open_source(source, every, per_second)
        given = dict(decisions or {})
        if report is not None:
            report.check_origin(opened.title, opened.mark)
        if report is not None:
            # What was decided for another crop or other channels may make no sense for these.
            before = report.decide(**given).decisions
            fitting = {key: what for key, what in before.items() if what in kind_of(key, crop, channels).choices}
            given = fitting | given
        if report is not None and size is None:
            size = report.plan.height, report.plan.width
        plan = plan_for(
            opened, crop, size, channels, mirror=mirror, rotate=rotate, zoom_in=zoom_in, zoom_out=zoom_out,
            seed=seed, decisions=given,
        )  # fmt: skip
        words = {"title": title, "source": origin, "licence": licence, "consent": consent, "note": note}
        words = {key: value for key, value in words.items() if value}
        card = DatasetCard(**{"title": _title_of(name), **words}, created=date.today())
        target = path("datasets") / name
        with _alone(name):
            if target.exists() and not replace:
                return cls._again(target, fingerprint_of(opened, plan, report), words)
            if target.exists():
                check_unused(target, "replaced", "choose another name")
            prepare(target, opened, plan, card.write, report=report, progress=progress, stop=stop, workers=workers)
            _entries.look_again()
        return cls(target)

    @classmethod
    def _again(cls, target: Path, fingerprint: str, words: Mapping[str, str]) -> Dataset:
        """What is there under this name, if it is what was asked for."""
        there = cls(target)
        if there.manifest.get("fingerprint") != fingerprint:
            raise BadValue(
                f"There is a dataset {target.name!r} already, made of other pictures or in another way.",
                hint="Choose another name, or take its place: replace=True, in a shell --replace.",
            )
        there.was_there = True
        card = there.card.saying(words)
        if card != there.card:
            card.write(target)
            _entries.look_again()
            there.card = card
        return there

    @classmethod
    def drawn(
        cls,
        kind: str,
        count: int = 2000,
        size: int = 64,
        seed: int = 0,
        name: str | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Dataset:
        """A dataset of pictures drawn by code, in the public domain; the same again gives the one that is there."""
        drawn: Any = import_module("runway_lab.training.drawn")
        known = {each.name: each for each in drawn.kinds()}
        if kind not in known:
            raise Unknown(f"Nothing is drawn under the name {shorten(kind)}.", hint=suggest(str(kind), known))
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise BadValue(
                f"A dataset cannot have {shorten(count)} pictures.", hint="Allowed: whole numbers from 1 on."
            )
        plan = Plan.of(size_of(size)[0], seed=seed)
        if name is None:
            name = f"{kind}-{plan.width}px-{count}" + (f"-seed-{seed}" if seed else "")
        _check_name(name)
        target = path("datasets") / name
        fingerprint = f"drawn {kind} {count} {plan.width} {seed}"
        with _alone(name):
            if target.exists():
                return cls._again(target, fingerprint, {})
            with new_folder(target) as draft:
                reserve(draft / PICTURES, header(count, plan), count * plan.bytes_each)
                made = np.load(draft / PICTURES, mmap_mode="r+", allow_pickle=False)
                drawn.draw_many(kind, count, plan.width, seed, into=made, progress=progress)
                rows = [hashlib.sha256(picture.tobytes()).hexdigest()[:16] for picture in made]
                made.flush()
                del made
                digest = digest_of((count, plan.height, plan.width, 3), rows)
                about = {"version": 1, "source": f"drawn: {kind}, seed {seed}", "count": count, "digest": digest}
                write_text(draft / MANIFEST, json.dumps(about | {"fingerprint": fingerprint}) + "\n")
                DatasetCard(
                    f"{known[kind].title}, drawn",
                    source="drawn by the code of runway-lab",
                    licence="CC0-1.0",
                    consent="nobody is on these pictures",
                    created=date.today(),
                ).write(draft)
            _entries.look_again()
        return cls(target)

    @classmethod
    def open(cls, name: str | os.PathLike[str] | Dataset) -> Dataset:
        """A dataset of the library by its name, or any by its folder."""
        if isinstance(name, Dataset):
            return name
        if isinstance(name, str) and _NAME.fullmatch(name) and (place("datasets") / name).is_dir():
            return cls(place("datasets") / name)
        if isinstance(name, str) and (place("datasets") / f"{UNFINISHED}{name}").is_dir():
            raise unfinished_error(name)
        if isinstance(name, (str, os.PathLike)) and (Path(name) / PICTURES).is_file():
            return cls(name)
        known = [each.name for each in cls.all()]
        raise Unknown(f"There is no dataset {shorten(name)}.", hint=suggest(str(name), known))

    @classmethod
    def all(cls) -> list[Dataset]:
        """Every dataset of the library, by name."""
        return list(_entries.all())

    @classmethod
    def unfinished(cls) -> list[str]:
        """The names of those that are half prepared: the call that began one goes on with it, `discard` drops it."""
        try:
            names = os.listdir(place("datasets"))
        except OSError:
            return []
        return sorted(name.removeprefix(UNFINISHED) for name in names if name.startswith(UNFINISHED))

    @classmethod
    def discard(cls, name: str) -> None:
        """Drops what is half prepared under a name."""
        draft = place("datasets") / f"{UNFINISHED}{name}"
        if not _NAME.fullmatch(str(name)) or not draft.is_dir():
            raise Unknown(f"Nothing is half prepared under {shorten(name)}.", hint=suggest(str(name), cls.unfinished()))
        with _alone(name):
            _put_away(draft)

    @property
    def name(self) -> str:
        """What it is called in the library: the name of its folder."""
        return self.folder.name

    @property
    def title(self) -> str:
        """What the card calls it."""
        return self.card.title

    @property
    def height(self) -> int:
        """Of each picture, in pixels."""
        return self._shape[1]

    @property
    def width(self) -> int:
        """Of each picture, in pixels."""
        return self._shape[2]

    @property
    def channels(self) -> int:
        """1 for gray, 3 for red, green and blue, 4 where pictures may be transparent."""
        return self._shape[3]

    @cached_property
    def pictures(self) -> np.ndarray:
        """All pictures, uint8, [count, height, width, channels]: mapped from the disk, for reading."""
        with in_words(self.folder, "read"):
            return np.load(self.folder / PICTURES, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Where each picture comes from; empty where that file is lost."""
        return _table(self.folder / MANIFEST)

    @cached_property
    def report(self) -> Report | None:
        """What the doctor said when it was prepared; None for pictures that were drawn."""
        table = _table(self.folder / REPORT)
        try:
            return Report.from_json(table, self._files()) if table else None
        except (LookupError, ValueError, TypeError, RunwayLabError):
            return None

    def _files(self) -> list[str]:
        """Every file of the source, as far as the manifest has them."""
        rows = [*self.manifest.get("pictures", ()), *self.manifest.get("left_out", ())]
        return [str(each["file"]) for each in rows]

    @cached_property
    def digest(self) -> str:
        """Sixteen letters that name the content: other pictures, another digest, whatever the dataset is called."""
        known = self.manifest.get("digest")
        if isinstance(known, str) and _DIGEST.fullmatch(known) and self.manifest.get("count") == len(self):
            return known
        rows = (hashlib.sha256(picture.tobytes()).hexdigest()[:16] for picture in self.pictures)
        return digest_of(self._shape, rows)

    @property
    def bytes(self) -> int:
        """How much room it takes."""
        return sum(each.stat().st_size for each in self.folder.iterdir() if each.is_file())

    def __len__(self) -> int:
        return self._shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        picture: np.ndarray = self.pictures[index]
        return picture

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.pictures)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dataset) and (self.folder, self._shape) == (other.folder, other._shape)

    def __hash__(self) -> int:
        return hash(self.folder)

    def describe(self, **words: str) -> Dataset:
        """Changes words of the card: `data.describe(licence="CC0-1.0")`."""
        known = list(self.card.words)
        for key in words:
            if key not in known:
                raise Unknown(f"The card of a dataset has no {key!r}.", hint=suggest(key, known))
        self.card = self.card.saying(words)
        self.card.write(self.folder)
        _entries.look_again()
        return self

    def rename(self, name: str, *, force: bool = False) -> Dataset:
        """Gives it another name; nothing is copied. Not while something trains on it, unless `force` says so."""
        _check_name(name)
        target = self.folder.with_name(name)
        if name == self.name:
            return self
        if not force:
            check_unused(self.folder, "renamed")
        with _alone(self.name), _alone(name):
            if target.exists():
                raise BadValue(f"There is a dataset {name!r} already.", hint="Choose another name.")
            with in_words(target, "renamed"):
                self.folder.rename(target)
                flush_folder(target.parent)
        self._forget()
        self.folder = target
        _entries.look_again()
        return self

    def delete(self, *, force: bool = False) -> None:
        """Deletes it; the originals are not touched. Not while something trains on it, unless `force` says so."""
        if not force:
            check_unused(self.folder, "deleted")
        self._forget()
        with _alone(self.name):
            _put_away(self.folder)
        _entries.look_again()

    def _forget(self) -> None:
        # Where files are mapped, Windows neither renames nor deletes them.
        self.__dict__.pop("pictures", None)

    def __repr__(self) -> str:
        kind = {1: ", gray", 3: "", 4: ", with transparency"}[self.channels]
        return f"<Dataset {self.name}: {len(self):,} pictures of {sides(self.height, self.width)}{kind}>"

    def _repr_html_(self) -> str:
        from runway_lab.training.datasets.shown import page

        return page(self)


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        better = re.sub(r"[^a-z0-9._-]+", "-", str(name).lower())[:60].strip("-._") or "pictures"
        raise BadValue(
            f"A dataset cannot be called {shorten(name)}.",
            hint=f"Allowed: small letters, digits, '-', '_' and '.', such as {better!r}; a title takes any words.",
        )


def _title_of(name: str) -> str:
    words = re.sub(r"[-_.]+", " ", name)
    return words[:1].upper() + words[1:]


def _alone(name: str) -> FileLock:
    """Nobody else makes, renames or deletes a dataset of this name meanwhile."""
    return FileLock(lock_path(f"dataset-{name}"), note=f"the dataset {name}", timeout=0)


def _put_away(folder: Path) -> None:
    """Takes a folder away in one step; clearing up may take a while, nobody sees that."""
    if folder.exists():
        gone = temporary(folder, "gone")
        with in_words(folder, "deleted"):
            folder.rename(gone)
        discard(gone)


def _table(file: Path) -> dict[str, Any]:
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


_entries = Entries("datasets", CARD_FILE, Dataset)
