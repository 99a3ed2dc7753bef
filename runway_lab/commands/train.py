"""`runway-lab train` and `runway-lab experiments`: a training from the shell, and all of them afterwards."""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runway_lab.commands import Commands
from runway_lab.commands.branching import enter_more, in_plain_words, in_shell_words
from runway_lab.errors import BadValue, RunwayLabError

if TYPE_CHECKING:
    from runway_lab.training.experiments import Experiment

__all__ = ["add"]

LINE_SECONDS = 2.0
"""So often there is a new line where lines cannot be replaced."""


def add(commands: Commands) -> None:
    """Enter both commands."""
    train = commands.add(
        "train",
        _train,
        heading="Training",
        line="train StyleGAN on your own pictures",
        about="""
            Make a dataset of the pictures, train, and show how far it is. The training is a process of its own: it goes
            on when this terminal is closed. Ctrl+C asks what to do.
            """,
        examples=(
            "runway-lab train photos/ --start stylegan/faces --steps 3000",
            "runway-lab train cats --start stylegan/faces --steps 1200",
            "runway-lab train petals --title 'Petals, larger' --set batch=8 --hours 2",
            "runway-lab train photos/ --estimate",
        ),
    )
    in_plain_words(train)
    train.add_argument(
        "pictures", help="a folder, an archive, a film, a dataset, or what code draws: faces, cats, flowers and others"
    )
    train.add_argument("--title", help="what it is called; else as the pictures are")
    train.add_argument("--start", default="", help="a model's id, a checkpoint or an experiment; else from nothing")
    train.add_argument("--steps", type=int, default=3000, help="how many steps (3000)")
    train.add_argument("--size", type=int, help="of the pictures, in pixels; else that of the start, or up to 256")
    train.add_argument("--count", type=int, help="how many pictures code is to draw (1000)")
    train.add_argument("--crop", choices=("center", "random", "none"), help="how pictures are cut")
    train.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps, or several: cuda:0,cuda:1")
    train.add_argument("--threads", type=int, help="how many cores it may use")
    train.add_argument("--hours", type=float, help="how long it may train at most")
    train.add_argument("--cost", type=float, help="what it may cost, with --price")
    train.add_argument("--price", type=float, help="what an hour costs")
    train.add_argument("--save", metavar="NAME", help="save the result to your models")
    train.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any setting of the training")
    train.add_argument("--background", action="store_true", help="begin, and do not wait")
    train.add_argument("--estimate", action="store_true", help="measure how long it would take, and begin nothing")

    parser = commands.add(
        "experiments",
        _list,
        heading="Training",
        line="see, end, go on with and delete what was trained",
        examples=(
            "runway-lab experiments",
            "runway-lab experiments show petals",
            "runway-lab experiments resume petals",
            "runway-lab experiments save petals --name flowers",
            "runway-lab experiments share petals",
        ),
    )
    parser.set_defaults(json=False)
    group = parser.add_subparsers(metavar="what to do", title="What to do")

    def enter(name: str, run: Callable[[argparse.Namespace], int], line: str) -> argparse.ArgumentParser:
        made = group.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.", allow_abbrev=False)
        in_plain_words(made)
        made.set_defaults(run=run)
        if name not in ("list", "fid-weights"):
            made.add_argument("id", help="its id, as the list has it")
        return made

    enter("list", _list, "every experiment").add_argument(
        "--json", action="store_true", help="the same for a program to read"
    )
    enter("show", _show, "how one stands, and its diary")
    enter("follow", _follow, "show how far one is, until it ends")
    enter("pause", _pause, "save where one is and end its processes")
    enter("stop", _stop, "end one before its time and keep what there is")
    resume = enter("resume", _resume, "go on with one")
    resume.add_argument("--device", default="", help="move it: auto, cpu, cuda, cuda:1 or mps")
    extend = enter("extend", _extend, "give one more steps")
    extend.add_argument("steps", type=int, help="how many more")
    enter_more(enter)
    save = enter("save", _save, "save a checkpoint of one to your models")
    save.add_argument("--replace", action="store_true", help="take the place of one by the same name")
    save.add_argument("--name", default="", help="what the model is called; else as the experiment")
    save.add_argument("--step", type=int, help="the kept checkpoint nearest to this step; else the newest")
    share = enter("share", _share, "make a checkpoint of one public, in the shared folder that the settings name")
    share.add_argument("--name", default="", help="what the model is called; else as the experiment")
    share.add_argument("--step", type=int, help="the kept checkpoint nearest to this step; else the newest")
    share.add_argument("--by", default="", help="who shares it; else your login")
    share.add_argument("--replace", action="store_true", help="take the place of one by the same name")
    export = enter("export", _export, "write a bundle with weights, card, gallery and licence")
    export.add_argument("file", help="a name that ends in .zip")
    export.add_argument("--replace", action="store_true", help="take the place of a file by the same name")
    export.add_argument("--step", type=int, help="the kept checkpoint nearest to this step; else the newest")
    delete = enter("delete", _delete, "delete one and all that is in its folder")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    weights = enter("fid-weights", _fid_weights, "fetch what measuring the FID needs; its licence is shown first")
    weights.add_argument("--agree", action="store_true", help="agree to the licence without being asked")


@in_shell_words
def _train(chosen: argparse.Namespace) -> int:
    import runway_lab as rl

    pictures = chosen.pictures
    settings: dict[str, Any] = {"device": chosen.device, **settings_of(chosen.set)}
    if chosen.threads is not None:
        settings["threads"] = chosen.threads
    prepare = {name: value for name in ("size", "crop", "count") if (value := getattr(chosen, name)) is not None}
    if chosen.estimate:
        from runway_lab.engine.training import with_threads
        from runway_lab.training.experiments import estimate

        print(estimate({**with_threads(settings), "steps": chosen.steps}, pictures, chosen.start, prepare))
        return 0
    title = chosen.title or Path(pictures).stem.replace("-", " ").replace("_", " ").strip().capitalize() or "Pictures"
    begun = rl.train(
        title, pictures, chosen.start, chosen.steps,
        hours=chosen.hours, cost=chosen.cost, price_per_hour=chosen.price, prepare=prepare, quiet=True,
        save="" if chosen.save is None else chosen.save.strip() or title, **settings,
    )  # fmt: skip
    print(f"{_plain(begun.title)} is {begun.state}, in {begun.folder}")
    if chosen.background:
        from runway_lab.engine.training import pictures as about

        print(*map(_plain, about(begun)), sep="\n", end="\n" if about(begun) else "")
        print(f"See how it goes: runway-lab experiments follow {begun.id}")
        code = 0
    else:
        code = _watch(begun)
    if chosen.save is not None:
        _say_saved(begun)
    return code


def _say_saved(experiment: Experiment) -> None:
    """What became of a promised model: its supervisor saves it, at the end."""
    if experiment.state in ("preparing", "queued", "training"):
        print(f"When it ends it is saved to your models, as {experiment.plan.save_as!r}.")
        return
    experiment.settle()
    saved = [entry.what for entry in experiment.diary if entry.kind == "saved"]
    print(_plain(saved[-1]) if saved else "Nothing was saved to your models: there is no checkpoint that could be.")


def settings_of(words: Sequence[str]) -> dict[str, Any]:
    """What was given with --set: numbers, lists and yes or no as what they are."""
    found = {}
    for each in words:
        name, equals, text = each.partition("=")
        if not equals or not name.isidentifier():
            raise BadValue(f"--set {each} has no name and value.", hint="Write --set batch=8.")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _watch(experiment: Experiment) -> int:
    """Prints how far it is until it ends, or until a person has had enough."""
    from runway_lab.engine.training import follow, summary

    while True:
        try:
            with _Words() as words:
                follow(experiment, words.say, words.tell)
            break
        except KeyboardInterrupt:
            if _asked(experiment):
                return 0
    status = experiment.status
    print(summary(experiment))
    return 1 if status.name == "failed" else 0


def _asked(experiment: Experiment) -> bool:
    """What is to become of it; False: watch on."""
    go_on = f"It goes on in the background: runway-lab experiments follow {experiment.id}"
    if not sys.stdin.isatty():
        print(go_on)
        return True
    question = "\nGo on in the background [b], stop and keep what there is [s], or watch on [w]? "
    while True:
        try:
            answer = input(question).strip().lower()
        except (EOFError, KeyboardInterrupt):
            answer = "b"
        if answer in ("w", "watch"):
            return False
        if answer in ("s", "stop"):
            print("Stopping after this step ...", flush=True)
            experiment.stop(wait=600)
            print(f"Stopped at step {experiment.progress.step}. Go on: runway-lab experiments resume {experiment.id}")
            return True
        if answer in ("b", "background"):
            print(go_on)
            return True
        question = "Answer b, s or w: "


class _Words:
    """One line that is replaced on a terminal; elsewhere a new line every now and then."""

    def __enter__(self) -> _Words:
        self._replaced, self._width, self._said, self._kind = sys.stdout.isatty(), 0, 0.0, ""
        return self

    def __exit__(self, *_: object) -> None:
        if self._replaced and self._width:
            print()

    def say(self, words: str) -> None:
        # What differs in more than its numbers is news, and not held back.
        kind = re.sub(r"\d.*", "", words)
        if self._replaced:
            sys.stdout.write("\r" + words.ljust(self._width))
            self._width = len(words)
        elif kind != self._kind or time.monotonic() - self._said >= LINE_SECONDS:
            self._said, self._kind = time.monotonic(), kind
            print(words)
        sys.stdout.flush()

    def tell(self, words: str) -> None:
        """A line that stays."""
        if self._replaced and self._width:
            sys.stdout.write("\r" + " " * self._width + "\r")
            self._width = 0
        print(_plain(words), flush=True)


def _list(chosen: argparse.Namespace) -> int:
    import runway_lab as rl

    found: list[dict[str, Any]] = []
    for each in rl.experiments.values():
        try:
            status, progress = each.status, each.progress
            about = {"id": each.id, "title": each.title, "state": status.name, "why": status.why,
                     "interrupted": status.interrupted, "step": progress.step, "steps": progress.of,
                     "left": progress.left, "bytes": each.size_on_disk}  # fmt: skip
        except RunwayLabError as error:
            about = {"id": each.id, "title": "", "state": "damaged", "why": str(error), "interrupted": False}
        found.append(about)
    if chosen.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return 0
    if not found:
        print("No experiment yet. Begin one: runway-lab train photos/ --start stylegan/faces")
        return 0
    width = max(len(line["id"]) for line in found)
    for line in found:
        steps = f"step {line['step']} of {line['steps']}" if "step" in line else ""
        why = line["why"] if line["state"] in ("failed", "damaged") or line["interrupted"] else ""
        print(f"{line['id']:<{width}}  {line['state']:<10} {steps}  {_plain(why)}".rstrip())
    return 0


def _show(chosen: argparse.Namespace) -> int:
    experiment = _one(chosen)
    status, plan = experiment.status, experiment.plan
    facts = {
        "State": f"{status.name}. {status.why}".strip(),
        "Progress": str(experiment.progress),
        "Pictures": plan.dataset.get("title", ""),
        "Started from": plan.start.get("name", "nothing"),
        "Checkpoints": ", ".join(map(str, experiment.checkpoints)),
        "Samples": f"of {len(experiment.samples)} steps",
        "Newest sheet": str(experiment.sheet) if experiment.samples else "",
        "Room": f"{experiment.size_on_disk / 1e6:.1f} MB",
        "Folder": str(experiment.folder),
    }
    print(f"{_plain(experiment.title)} ({experiment.id})\n")
    for name, words in facts.items():
        if words:
            print(
                textwrap.fill(
                    f"{name + ':':<14}{_plain(words)}",
                    100,
                    break_long_words=False,
                    break_on_hyphens=False,
                    subsequent_indent=" " * 14,
                )
            )
    print("\nDiary:")
    for entry in experiment.diary[-20:]:
        print(f"  {_plain(str(entry))}")
    return 0


def _follow(chosen: argparse.Namespace) -> int:
    return _watch(_one(chosen))


def _pause(chosen: argparse.Namespace) -> int:
    return _told(_one(chosen).pause(wait=600))


def _stop(chosen: argparse.Namespace) -> int:
    return _told(_one(chosen).stop(wait=600))


@in_shell_words
def _resume(chosen: argparse.Namespace) -> int:
    return _told(_one(chosen).resume(chosen.device))


def _extend(chosen: argparse.Namespace) -> int:
    return _told(_one(chosen).extend(chosen.steps))


@in_shell_words
def _save(chosen: argparse.Namespace) -> int:
    card = _one(chosen).save(chosen.name, step=chosen.step, replace=chosen.replace)
    print(f"Saved as {card.id}. Run it: runway-lab models run {card.id}")
    return 0


@in_shell_words
def _share(chosen: argparse.Namespace) -> int:
    card = _one(chosen).share(chosen.name, step=chosen.step, by=chosen.by, replace=chosen.replace)
    print(f"Shared as {card.id}, by {card.publishers[0].name}, in {card.folder}")
    return 0


@in_shell_words
def _export(chosen: argparse.Namespace) -> int:
    print(_one(chosen).export(chosen.file, step=chosen.step, replace=chosen.replace))
    return 0


def _delete(chosen: argparse.Namespace) -> int:
    experiment = _one(chosen)
    if not chosen.yes:
        size = f"{experiment.size_on_disk / 1e6:.1f} MB"
        answer = input(f"Delete {experiment.id} and all in its folder ({size})? [y/N] ") if sys.stdin.isatty() else ""
        if answer.strip().lower() not in ("y", "yes"):
            print("Nothing was deleted. Without a question: --yes")
            return 1
    experiment.delete(stop=True)
    print(f"{experiment.id} is deleted.")
    return 0


def _fid_weights(chosen: argparse.Namespace) -> int:
    from runway_lab.commands.models import get
    from runway_lab.training.measures.fid import INCEPTION

    return get(INCEPTION, chosen.agree)


def _told(experiment: Experiment) -> int:
    status = experiment.status
    print(f"{experiment.id} is {status.name}. {_plain(status.why)}".strip())
    return 0


def _one(chosen: argparse.Namespace) -> Experiment:
    import runway_lab as rl

    found: Experiment = rl.experiments[chosen.id]
    return found


def _plain(words: str) -> str:
    """For a terminal: one line, and no control characters, which could do anything there."""
    return " ".join("".join(each if each.isprintable() or each.isspace() else "?" for each in words).split())
