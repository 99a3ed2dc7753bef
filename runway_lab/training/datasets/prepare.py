"""Preparing, so that it can be stopped at any moment, and killed, and go on.

While it lasts there is a folder `.preparing-<name>` beside the datasets:

    recipe.json      what is being made, of what
    journal.jsonl    a line for each file that was looked at, in their order
    pictures.npy     the pictures so far, one after another

A picture is written before its line. Who goes on hears the journal again, as far as it is whole, as the source still
has the same files in the same order, and as the pictures are those the lines speak of (a disk may have lost the last
ones). From there on it works as if nothing had happened: the result is the same, bit for bit. At the end the folder
gets the other files and, in one step, its name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

from runway_lab.errors import BadValue, LibraryFull, RunwayLabError
from runway_lab.library.atomic import discard, flush, flush_folder, in_words, temporary, write_json, write_text
from runway_lab.library.room import size as in_bytes
from runway_lab.training.datasets.judge import Judge
from runway_lab.training.datasets.kinds import FIX
from runway_lab.training.datasets.look import Looked
from runway_lab.training.datasets.plan import Plan, sides
from runway_lab.training.datasets.report import Report
from runway_lab.training.datasets.sources import Item, Source
from runway_lab.training.datasets.stored import HEADER, digest_of, header
from runway_lab.training.datasets.survey import Counter, Progress, Stopped, survey, without_warnings

__all__ = ["MANIFEST", "PICTURES", "REPORT", "UNFINISHED", "fingerprint_of", "prepare", "unfinished_error"]

UNFINISHED = ".preparing-"
PICTURES, MANIFEST, REPORT = "pictures.npy", "manifest.json", "report.json"
RECIPE, JOURNAL = "recipe.json", "journal.jsonl"
VERSION = 1


def prepare(
    target: Path,
    source: Source,
    plan: Plan,
    finish: Callable[[Path], object],
    *,
    report: Report | None = None,
    progress: Callable[[Progress], object] | None = None,
    stop: Callable[[], bool] | None = None,
    workers: int | None = None,
) -> None:
    """Makes the folder `target` of a source; `finish` adds to it what is not made of the pictures.

    What is there already by this name stays until the new one is whole.
    """
    out = report.skipped if report is not None else {}
    recipe = {"version": VERSION, "plan": plan.to_json(), "source": source.identity, "left_out": out}
    draft = target.with_name(f"{UNFINISHED}{target.name}")
    with in_words(target):
        # What is there was begun with another recipe, so it is no beginning of this one.
        if draft.is_dir() and _read_json(draft / RECIPE) != recipe:
            shutil.rmtree(draft)
        draft.mkdir(parents=True, exist_ok=True)
        if not (draft / RECIPE).is_file():
            write_json(draft / RECIPE, recipe)
    judge = Judge(plan, source.title)
    with _dropped_if_empty(draft), in_words(target), _Half(draft, plan) as half:
        items, before = _go_on(half, judge, iter(source))
        _room_for(target, source, plan, before)
        counter = Counter(source.total, progress, stop, before)
        looked = survey(items, plan, prepare=True, known=_known(report, plan, out), workers=workers)
        try:
            with without_warnings():
                for seen in looked:
                    half.write(seen, judge.hear(seen))
                    counter.count(len(judge.taken))
                    if counter.stopped:
                        raise Stopped(
                            f"Preparing {target.name!r} was stopped after {counter.done:,} files.",
                            hint="The same call goes on from there.",
                        )
        finally:
            looked.close()
        counter.tell()
        made = Report.of(judge, source.mark)
        if not judge.taken:
            raise BadValue(
                f"None of the {len(judge.heard):,} files of {source.title} became a picture of the dataset.",
                hint=_why_none(made),
            )
        half.complete()
    with in_words(target):
        rows = [each for seen in judge.taken for each in seen.rows_sha256]
        digest = digest_of((len(rows), plan.height, plan.width, plan.depth), rows)
        fingerprint = hashlib.sha256(json.dumps([recipe, source.fingerprint()], sort_keys=True).encode()).hexdigest()
        write_text(draft / MANIFEST, _manifest(judge, digest, fingerprint))
        write_json(draft / REPORT, made.to_json())
        finish(draft)
        flush(draft)
        gone = temporary(target, "gone")
        if target.exists():
            target.rename(gone)
        draft.rename(target)
        discard(gone)
        for name in (JOURNAL, RECIPE):
            (target / name).unlink(missing_ok=True)
        flush_folder(target.parent)


def fingerprint_of(source: Source, plan: Plan, report: Report | None) -> str:
    """What a finished dataset of the same recipe and an unchanged source carries in its manifest."""
    out = report.skipped if report is not None else {}
    recipe = {"version": VERSION, "plan": plan.to_json(), "source": source.identity, "left_out": out}
    return hashlib.sha256(json.dumps([recipe, source.fingerprint()], sort_keys=True).encode()).hexdigest()


@contextmanager
def _dropped_if_empty(draft: Path) -> Iterator[None]:
    """What failed before it had a picture is no beginning: nothing stays that somebody would have to clear up."""
    try:
        yield
    except RunwayLabError as error:
        if not isinstance(error, Stopped) and (draft / PICTURES).stat().st_size <= HEADER:
            shutil.rmtree(draft, ignore_errors=True)
        raise


class _Half:
    """The two growing files of a half-prepared dataset."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.count = 0

    def __enter__(self) -> _Half:
        # Not buffered: what was written stays when the process is killed.
        self._pictures = self._opened(PICTURES)
        self._journal = self._opened(JOURNAL)
        return self

    def __exit__(self, *_: object) -> None:
        self._pictures.close()
        self._journal.close()

    def _opened(self, name: str) -> IO[bytes]:
        return open(
            os.open(self.folder / name, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b", buffering=0
        )

    def lines(self) -> Iterator[tuple[Looked, int]]:
        """What was heard so far, each with the place in the journal where its line ends."""
        self._journal.seek(0)
        end = 0
        for line in self._journal.read().splitlines(keepends=True):
            end += len(line)
            try:
                yield Looked.from_json(json.loads(line)), end
            except (ValueError, TypeError):
                return

    def holds(self, seen: Looked) -> bool:
        """Whether the next pictures are those that this line speaks of."""
        self._pictures.seek(HEADER + self.count * self.plan.bytes_each)
        for wanted in seen.rows_sha256:
            if hashlib.sha256(self._pictures.read(self.plan.bytes_each)).hexdigest()[:16] != wanted:
                return False
        self.count += len(seen.rows_sha256)
        return True

    def cut(self, journal_end: int) -> None:
        """Drops what lies behind the last whole line and its pictures."""
        self._journal.truncate(journal_end)
        self._journal.seek(journal_end)
        self._pictures.truncate(HEADER + self.count * self.plan.bytes_each)
        self._pictures.seek(HEADER + self.count * self.plan.bytes_each)

    def write(self, seen: Looked, taken: bool) -> None:
        """The pictures first, then the line that speaks of them."""
        if taken:
            for row in seen.rows:
                _write_all(self._pictures, row)
            self.count += len(seen.rows)
        else:
            seen.rows_sha256 = []
        seen.rows = []
        _write_all(self._journal, json.dumps(seen.to_json()).encode() + b"\n")

    def complete(self) -> None:
        """The file of pictures is one now."""
        self._pictures.seek(0)
        _write_all(self._pictures, header(self.count, self.plan))


def _write_all(file: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _go_on(half: _Half, judge: Judge, items: Iterator[Item]) -> tuple[Iterator[Item], int]:
    """Lets the judge hear what was done before; the items that are left, and how many are done."""
    end = done = 0
    for seen, line_end in half.lines():
        item = next(items, None)
        if item is None:
            break
        same = (item.name, item.size, item.stamp) == (seen.name, seen.size, seen.stamp)
        if not same or not half.holds(seen):
            items = chain([item], items)
            break
        judge.hear(seen)
        end, done = line_end, done + 1
    half.cut(end)
    return items, done


def _known(report: Report | None, plan: Plan, out: dict[str, str]) -> Callable[[Item], Looked | None]:
    """Answers for what a report, with the decisions of a person, leaves out: it is not opened again."""

    def known(item: Item) -> Looked | None:
        kind = out.get(item.name)
        if kind is None or report is None:
            return None
        by_hand = kind == "left_out"
        if not by_hand and not report.unchanged(item.name, item.size, item.stamp):
            return None
        note = report.findings[kind].notes.get(item.name, "")
        return Looked(item.name, item.size, item.stamp, findings=[kind], note=note)

    return known


def _room_for(target: Path, source: Source, plan: Plan, done: int) -> None:
    """Words before the work begins, where the disk cannot hold what would come out."""
    if source.total is None:
        return
    needed = (source.total - done) * len(plan.copies) * plan.bytes_each
    free = shutil.disk_usage(target.parent).free
    # Some of the files may be no pictures; only what is hopeless is refused.
    if needed > 4 * free + (64 << 20):
        raise LibraryFull(
            f"A dataset of {source.total:,} pictures of {sides(plan.height, plan.width)} takes about "
            f"{in_bytes(needed)}, and the disk of the library has {in_bytes(free)} left.",
            hint="Choose a smaller size, free some room, or move the library with RUNWAY_LAB_HOME.",
        )


def _why_none(report: Report) -> str:
    reasons = [
        f"{each.kind.title.lower()}: {each.count:,}"
        for each in report.findings.values()
        if each.will_be.startswith("left out")
    ]
    hint = f"Left out: {', '.join(reasons)}." if reasons else "There was nothing in it."
    if "too_small" in report and report["too_small"].decision == "skip":
        hint += (
            ' Choose a smaller size, or enlarge them: decisions={"too_small": "fix"}, '
            "in a shell --decide too_small=fix."
        )
    return hint


def _manifest(judge: Judge, digest: str, fingerprint: str) -> str:
    """Where each picture comes from; a line for each, so that a person can look for one."""
    plan, row, lines = judge.plan, 0, []
    names = [copy.name for copy in plan.copies]
    for seen in judge.taken:
        entry: dict[str, Any] = {
            "row": row,
            "file": seen.name,
            "sha256": seen.sha256,
            "size": [seen.width, seen.height],
        }
        entry |= {"box": list(seen.box), "fixed": [each for each in seen.findings if plan.decisions[each] == FIX]}
        if len(names) > 1:
            entry["copies"] = names[1:]
        lines.append(json.dumps(entry | {"pixels": seen.rows_sha256}, ensure_ascii=False))
        row += len(seen.rows_sha256)
    out = [
        {"file": seen.name, "why": judge.reason(seen), "note": seen.note}
        for seen in judge.heard
        if judge.leaves_out(seen)
    ]
    about = {"version": VERSION, "source": judge.title, "count": row, "digest": digest, "fingerprint": fingerprint}
    head = json.dumps(about | {"plan": plan.to_json()}, ensure_ascii=False)[1:-1]
    left = ",\n  ".join(json.dumps(each, ensure_ascii=False) for each in out)
    return f'{{{head},\n "pictures": [\n  {("," + chr(10) + "  ").join(lines)}\n ],\n "left_out": [\n  {left}\n ]}}\n'


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def unfinished_error(name: str) -> RunwayLabError:
    """What is said where somebody opens a dataset that is only half there."""
    return BadValue(
        f"The dataset {name!r} is only half prepared.",
        hint="The call that began it, made again, goes on where it stopped; "
        f"rl.Dataset.discard({name!r}), in a shell runway-lab datasets discard {name}, drops it.",
    )
