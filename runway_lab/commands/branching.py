"""What can be done with an experiment besides ending it: new ones that begin from it, budget, pins, a film.

The words of an error are written for a notebook; `in_shell_words` says the same as it is said in a shell.
"""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runway_lab.errors import RunwayLabError

if TYPE_CHECKING:
    from runway_lab.training.experiments import Experiment

__all__ = ["enter_more", "in_shell_words"]

Enter = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]

SAME = (
    (r"extend\((\d+)\)", r"`runway-lab experiments extend ID \1`"),
    (r"continue_training\((\d+)\)", r"`runway-lab experiments continue ID --steps \1`"),
    (r"experiment\.allow\(hours=(\d+)\)", r"runway-lab experiments allow ID --hours \1"),
    (r"experiment\.resume\(device=\"(\w+)\"\)", r"runway-lab experiments resume ID --device \1"),
    (r"Give another name with id=\.\.\., or take its place with replace=True", "Another --name, or --replace"),
    (r"replace=True", "--replace"),
    (r"price_per_hour=([\d.]+)\.", r"--price \1."),
)
"""How a notebook says it, and a shell."""


def in_shell_words(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The same command, with what an error advises as commands of the shell."""

    @functools.wraps(run)
    def told(chosen: argparse.Namespace) -> int:
        try:
            return run(chosen)
        except RunwayLabError as error:
            for notebook, shell in SAME:
                error.hint = re.sub(notebook, shell.replace("ID", getattr(chosen, "id", "ID")), error.hint)
            raise

    return told


def enter_more(enter: Enter, whole: Callable[[str], int], number: Callable[[str], float]) -> None:
    """Enters them among the others."""
    branch = enter("branch", in_shell_words(_branch), "begin a new one from a kept checkpoint of one")
    branch.add_argument("--step", type=whole, help="the kept checkpoint nearest to this step; else the newest")
    branch.add_argument("--pictures", help="another dataset, by its name or folder")
    for made in (branch, enter("continue", in_shell_words(_continue), "begin a new one where one has come to")):
        made.add_argument("--steps", type=whole, help="how many steps; else as many as the first")
        made.add_argument("--title", default="", help="what it is called")
    branch.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any setting of the training")
    allow = enter("allow", in_shell_words(_allow), "give one more budget")
    allow.add_argument("--hours", type=number, help="how much longer it may train")
    allow.add_argument("--cost", type=number, help="what it may cost besides")
    pin = enter("pin", in_shell_words(_pin), "keep a checkpoint of one for good")
    pin.add_argument("--step", type=whole, help="the nearest to this step; else the newest")
    enter("rename", in_shell_words(_rename), "give one another title; its id stays").add_argument("title")
    video = enter("video", in_shell_words(_video), "write the film of its samples")
    video.add_argument("file", help="a name that ends in .mp4, .webm or .gif")
    video.add_argument("--index", type=whole, help="of this sample alone; else of the whole sheet")


def _branch(chosen: argparse.Namespace) -> int:
    from runway_lab.commands.train import settings_of

    settings = settings_of(chosen.set)
    if chosen.steps is not None:
        settings["steps"] = chosen.steps
    return _begun(_one(chosen).branch(chosen.step, chosen.pictures, chosen.title, **settings))


def _continue(chosen: argparse.Namespace) -> int:
    return _begun(_one(chosen).continue_training(chosen.steps, chosen.title))


def _begun(experiment: Experiment) -> int:
    # What it did not begin with as asked is in the diary.
    told = [entry.what for entry in experiment.diary if entry.kind == "note"]
    for words in (f"{experiment.title} is {experiment.state}, as {experiment.id}.", *told):
        print(" ".join(each for each in words.split() if each.isprintable()))
    print(f"See how it goes: runway-lab experiments follow {experiment.id}")
    return 0


def _allow(chosen: argparse.Namespace) -> int:
    if chosen.hours is None and chosen.cost is None:
        raise RunwayLabError("There is nothing said of how much more.", hint="Say --hours 2, or --cost 3.")
    experiment = _one(chosen).allow(chosen.hours, chosen.cost)
    print(f"{experiment.id} is {experiment.state}.")
    return 0


def _pin(chosen: argparse.Namespace) -> int:
    print(f"The checkpoint of step {_one(chosen).pin(chosen.step)} is kept for good.")
    return 0


def _rename(chosen: argparse.Namespace) -> int:
    experiment = _one(chosen).rename(chosen.title)
    print(f"{experiment.id} has its new title. The id stays.")
    return 0


def _video(chosen: argparse.Namespace) -> int:
    print(_one(chosen).video(chosen.file, chosen.index).path)
    return 0


def _one(chosen: argparse.Namespace) -> Any:
    import runway_lab as rl

    return rl.experiments[chosen.id]
