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
    from runway_lab.training.datasets import Progress

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

    check = enter("check", _check, "what a dataset of these pictures would be like; nothing is written")
    _about_pictures(check)

    create = enter("create", _create, "prepare pictures for training; stopped half-way, the same command goes on")
    create.add_argument("name", help="small letters, digits, - and _")
    _about_pictures(create)
    create.add_argument("--mirror", action="store_true", help="add a mirrored copy of each picture")
    create.add_argument("--rotate", action="store_true", help="add two copies, turned a little to either side")
    create.add_argument("--zoom-in", action="store_true", help="add a copy that shows a little less")
    create.add_argument("--zoom-out", action="store_true", help="add a copy that shows a little more")
    create.add_argument("--title", default="", help="what people read")
    create.add_argument("--origin", default="", help="where the pictures come from")
    create.add_argument("--licence", default="", help="what may be done with them, such as CC-BY-4.0")
    create.add_argument("--consent", default="", help="whether those on them, or who made them, agreed")
    create.add_argument("--seed", type=int, default=0, help="another one gives other random crops")
    create.add_argument("--replace", action="store_true", help="make it anew where there is one by this name")


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
    parser.add_argument("--every", type=int, metavar="N", help="of a film, every Nth frame")
    parser.add_argument("--per-second", type=float, metavar="N", help="of a film, so many frames a second")


def _overview(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _list(chosen: argparse.Namespace) -> int:
    from runway_lab.library.room import size
    from runway_lab.training.datasets import Dataset

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
        what = f"{len(each):>7,} of {each.width}x{each.height}"
        print(f"{each.name:<{width}}  {what:<18} {size(each.bytes):>10}  {_plain(each.title)}")
    for name in half:
        print(f"{name:<{width}}  half prepared: the command that began it goes on with it")
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from runway_lab.training.datasets import examine

    print(examine(chosen.source, decisions=_decisions(chosen), **_pictures(chosen), progress=_progress()))
    return 0


def _create(chosen: argparse.Namespace) -> int:
    from runway_lab.training.datasets import Dataset

    try:
        data = Dataset.create(
            chosen.name, chosen.source, decisions=_decisions(chosen), **_pictures(chosen),
            mirror=chosen.mirror, rotate=chosen.rotate, zoom_in=chosen.zoom_in, zoom_out=chosen.zoom_out,
            title=chosen.title, origin=chosen.origin, licence=chosen.licence, consent=chosen.consent,
            seed=chosen.seed, replace=chosen.replace, progress=_progress(),
        )  # fmt: skip
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from there.", file=sys.stderr)
        raise
    if data.report is not None:
        print(f"{data.report}\n")
    print(f"{data.name}: {len(data):,} pictures of {data.width}x{data.height}, in {data.folder}")
    return 0


def _pictures(chosen: argparse.Namespace) -> dict[str, Any]:
    return {"size": _size(chosen.size), "crop": chosen.crop, "channels": chosen.channels,
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


def _plain(words: str) -> str:
    return " ".join("".join(each if each.isprintable() else "?" for each in words).split())
