"""`runway-lab datasets`: what is there, what a folder of pictures would give, and making it."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runway_lab.commands import Commands
from runway_lab.errors import BadValue

if TYPE_CHECKING:
    from runway_lab.training.datasets import Dataset, Progress

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Enter the group."""
    parser = commands.add(
        "datasets",
        lambda chosen: _overview(parser),
        heading="Training",
        line="look through your pictures and prepare them",
        examples=(
            "runway-lab datasets list",
            "runway-lab datasets check photos/ --size 256",
            "runway-lab datasets create petals photos/ --size 256 --mirror",
            "runway-lab datasets show petals",
            "runway-lab datasets create petals photos/ --decide gray=skip --decide too_small=fix",
            'runway-lab datasets create sea film.mp4 --per-second 1 --origin "my own film" --licence CC0-1.0',
        ),
    )
    group = parser.add_subparsers(metavar="what to do", title="What to do")

    def enter(name: str, run: Callable[[argparse.Namespace], int], line: str) -> argparse.ArgumentParser:
        made = group.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.", allow_abbrev=False)
        made.set_defaults(run=run)
        return made

    listing = enter("list", _list, "every dataset of your library")
    listing.add_argument("--json", action="store_true", help="the same for a program to read")

    show = enter("show", _show, "where a dataset comes from, what is in it, what the doctor said")
    show.add_argument("name", help="of a dataset")
    show.add_argument("--json", action="store_true", help="the same for a program to read")

    check = enter("check", _check, "what a dataset of these pictures would be like; nothing is written")
    _about_pictures(check)

    create = enter("create", _create, "prepare pictures for training; stopped half-way, the same command goes on")
    create.add_argument("name", help="small letters, digits, - and _")
    _about_pictures(create)
    create.add_argument("--title", default="", help="what people read")
    create.add_argument("--origin", default="", help="where the pictures come from")
    create.add_argument("--licence", default="", help="what may be done with them, such as CC-BY-4.0")
    create.add_argument("--consent", default="", help="whether those on them, or who made them, agreed")
    create.add_argument("--seed", type=int, default=0, help="another one gives other random crops")
    create.add_argument("--replace", action="store_true", help="make it anew where there is one by this name")

    delete = enter("delete", _delete, "delete a dataset; the pictures it was made of are not touched")
    delete.add_argument("name", help="of a dataset")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.add_argument("--force", action="store_true", help="also where a training needs it")

    discard = enter("discard", _discard, "drop what is half prepared")
    discard.add_argument("name", help="as the list shows it")


def _about_pictures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a folder, a zip or tar archive, a film, or a picture")
    parser.add_argument(
        "--size", metavar="PIXELS", help="256, or HEIGHTxWIDTH such as 128x256; chosen for you if not given"
    )
    parser.add_argument("--crop", default="center", help="center, random or none; none keeps all, with blurred borders")
    parser.add_argument("--channels", default="rgb", help="rgb, gray, rgba or auto")
    parser.add_argument(
        "--decide", action="append", default=[], metavar="FINDING=DECISION",
        help="what happens to what the doctor finds, such as gray=skip",
    )  # fmt: skip
    parser.add_argument("--mirror", action="store_true", help="add a mirrored copy of each picture")
    parser.add_argument("--rotate", action="store_true", help="add two copies, turned a little to either side")
    parser.add_argument("--zoom-in", action="store_true", help="add a copy that shows a little less")
    parser.add_argument("--zoom-out", action="store_true", help="add a copy that shows a little more")
    parser.add_argument("--every", type=int, metavar="N", help="of a film, every Nth frame")
    parser.add_argument("--per-second", type=float, metavar="N", help="of a film, so many frames a second")


def _overview(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _list(chosen: argparse.Namespace) -> int:
    from runway_lab.library.room import size
    from runway_lab.training.datasets import Dataset
    from runway_lab.training.datasets.plan import sides

    found = Dataset.all()
    if chosen.json:
        about = [{"name": each.name, "title": each.title, "pictures": len(each), "height": each.height,
                  "width": each.width, "channels": each.channels, "bytes": each.bytes,
                  "licence": each.card.licence} for each in found]  # fmt: skip
        print(json.dumps(about, indent=1, ensure_ascii=False))
        return 0
    half = Dataset.unfinished()
    if not found and not half:
        print("There is no dataset yet. runway-lab datasets create NAME FOLDER makes one.")
    width = max((len(name) for name in [*half, *(each.name for each in found)]), default=0)
    for each in found:
        what = f"{len(each):>7,} of {sides(each.height, each.width)}"
        print(f"{each.name:<{width}}  {what:<18} {size(each.bytes):>10}  {_plain(each.title)}")
    for name in half:
        print(
            f"{name:<{width}}  half prepared: the command that began it goes on with it, "
            f"runway-lab datasets discard {name} drops it"
        )
    return 0


def _show(chosen: argparse.Namespace) -> int:
    from runway_lab.library.room import size
    from runway_lab.training.datasets import Dataset
    from runway_lab.training.datasets.plan import sides
    from runway_lab.training.datasets.used import needed_by

    data = Dataset.open(chosen.name)
    if chosen.json:
        about = {"name": data.name, "pictures": len(data), "height": data.height, "width": data.width,
                 "channels": data.channels, "bytes": data.bytes, "folder": str(data.folder), "digest": data.digest,
                 "made_of": data.manifest.get("source", ""), "needed_by": needed_by(data.folder),
                 "created": str(data.card.created or ""), **data.card.words}  # fmt: skip
        print(json.dumps(about, indent=1, ensure_ascii=False))
        return 0
    kind = {1: ", gray", 3: "", 4: ", with transparency"}[data.channels]
    facts = {
        "Title": data.title,
        "Pictures": f"{_pictures_in(data)} of {sides(data.height, data.width)}{kind}",
        "Made of": str(data.manifest.get("source", "")),
        "Source": data.card.source,
        "Licence": data.card.licence,
        "Consent": data.card.consent,
        "Note": data.card.note,
        "Made": str(data.card.created or ""),
        "Needed by": ", ".join(needed_by(data.folder)),
        "Room": size(data.bytes),
        "Folder": str(data.folder),
    }
    print(data.name)
    for name, words in facts.items():
        if words:
            print(f"  {name:<10} {_plain(words)}")
    if data.report is not None:
        print(f"\n{data.report}")
    return 0


def _delete(chosen: argparse.Namespace) -> int:
    from runway_lab.library.room import size
    from runway_lab.training.datasets import Dataset
    from runway_lab.training.datasets.used import check_unused

    data = Dataset.open(chosen.name)
    if not chosen.force:
        # Before the question: nobody should agree to what is refused afterwards.
        check_unused(data.folder, "deleted")
    if not chosen.yes:
        question = f"Delete {data.name}, {_pictures_in(data)} ({size(data.bytes)})? [y/N] "
        answer = input(question) if sys.stdin.isatty() else ""
        if answer.strip().lower() not in ("y", "yes"):
            print("Nothing was deleted. Without a question: --yes")
            return 1
    data.delete(force=chosen.force)
    print(f"{data.name} is deleted. The pictures it was made of are where they were.")
    return 0


def _discard(chosen: argparse.Namespace) -> int:
    from runway_lab.training.datasets import Dataset

    Dataset.discard(chosen.name)
    print(f"What was half prepared of {chosen.name} is gone.")
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from runway_lab.training.datasets import examine

    report = examine(chosen.source, decisions=_decisions(chosen), **_pictures(chosen), progress=_progress())
    print(report)
    return 0 if report.taken else 1


def _create(chosen: argparse.Namespace) -> int:
    from runway_lab.training.datasets import Dataset
    from runway_lab.training.datasets.plan import sides

    try:
        data = Dataset.create(
            chosen.name, chosen.source, decisions=_decisions(chosen), **_pictures(chosen),
            title=chosen.title, origin=chosen.origin, licence=chosen.licence, consent=chosen.consent,
            seed=chosen.seed, replace=chosen.replace, progress=_progress(),
        )  # fmt: skip
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from there.", file=sys.stderr)
        raise
    what = f"{_pictures_in(data)} of {sides(data.height, data.width)}, in {data.folder}"
    if data.was_there:
        print(f"{data.name} is there already, made of these pictures in this way: {what}")
        return 0
    if data.report is not None:
        print(f"{data.report}\n")
    print(f"{data.name}: {what}")
    return 0


def _pictures(chosen: argparse.Namespace) -> dict[str, Any]:
    return {"size": _size(chosen.size), "crop": chosen.crop, "channels": chosen.channels,
            "mirror": chosen.mirror, "rotate": chosen.rotate, "zoom_in": chosen.zoom_in, "zoom_out": chosen.zoom_out,
            "every": chosen.every, "per_second": chosen.per_second}  # fmt: skip


def _size(words: str | None) -> Any:
    if words is None:
        return None
    found = re.fullmatch(r"(\d{1,6})(?:[x,](\d{1,6}))?", words.strip())
    if found is None:
        raise BadValue(f"--size {words} is no size.", hint="Write --size 256, or height and width: --size 128x256.")
    return int(found[1]) if found[2] is None else (int(found[1]), int(found[2]))


def _decisions(chosen: argparse.Namespace) -> dict[str, str]:
    made = {}
    for each in chosen.decide:
        name, equals, decision = each.partition("=")
        if not equals:
            raise BadValue(f"--decide {each} lacks a decision.", hint="Write --decide gray=skip, for example.")
        made[name.strip()] = decision.strip()
    return made


def _progress() -> Callable[[Progress], None] | None:
    """One line that changes, where somebody looks."""
    if not sys.stderr.isatty():
        return None

    def show(progress: Progress) -> None:
        end = "\n" if progress.done == progress.total else ""
        sys.stderr.write(f"\r{progress}   {end}")
        sys.stderr.flush()

    return show


def _pictures_in(data: Dataset) -> str:
    return "1 picture" if len(data) == 1 else f"{len(data):,} pictures"


def _plain(words: str) -> str:
    return " ".join("".join(each if each.isprintable() else "?" for each in words).split())
