"""The command line: `runway-lab [command]`, and `runway-lab` alone opens the lab.

This module only assembles. The commands live in `runway_lab.commands`; what a person can do something
about is raised there as a `RunwayLabError` and printed here as words, with exit code 2. `--traceback`,
before or after the command, shows where it came from.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from runway_lab import __version__
from runway_lab.commands import Commands
from runway_lab.errors import RunwayLabError, suggest

__all__ = ["main"]

_DEFAULT = "lab"
_ABOUT = "Find, run and train image models in Jupyter, on your own machine."
_EXAMPLES = """\
Examples:
  runway-lab                        open the lab on the tour
  runway-lab lab --folder lessons   keep your notebooks in a folder of your choice
  runway-lab doctor                 find out what is wrong, and what to do about it

More about one command: runway-lab lab --help"""


class _Parser(argparse.ArgumentParser):
    """Says what was wrong with the arguments, and where the help is, without the usage line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}.\nThe help: {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the result is the exit code.

    >>> main(["--version"])
    runway-lab 0.1.0
    0
    """
    words, show_traceback = _without_traceback(list(sys.argv[1:] if arguments is None else arguments))
    try:
        return _run(words)
    except RunwayLabError as error:
        if show_traceback:
            traceback.print_exc()
            if error.details:
                print(error.details, file=sys.stderr)
        print(f"runway-lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our words has gone (`runway-lab ... | head`); the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if show_traceback:
            raise
        print(f"runway-lab: Something unexpected happened: {type(error).__name__}: {error}", file=sys.stderr)
        print("The same command with --traceback shows where; please report that.", file=sys.stderr)
        return 70


def _run(words: list[str]) -> int:
    parser = _Parser(prog="runway-lab", add_help=False, allow_abbrev=False)
    commands = Commands(parser.add_subparsers(parser_class=_Parser))
    commands.add_all()
    first = words[0] if words else _DEFAULT
    if first in ("-h", "--help", "help"):
        print(f"{_ABOUT}\n\nUsage: runway-lab [command] [options]\n\n{commands.help()}\n\n{_EXAMPLES}")
        return 0
    if first in ("-V", "--version"):
        print(f"runway-lab {__version__}")
        return 0
    if first.startswith("-"):
        # `runway-lab --no-browser` is `runway-lab lab --no-browser`.
        words = [_DEFAULT, *words]
    elif first not in commands.names():
        raise RunwayLabError(
            f"There is no command {first!r}.", hint=f"{suggest(first, commands.names())} All of them: runway-lab --help"
        )
    chosen = parser.parse_args(words or [_DEFAULT])
    return int(chosen.run(chosen))


def _without_traceback(words: list[str]) -> tuple[list[str], bool]:
    """Take `--traceback` out, wherever it stands, but leave what follows `--` as it is."""
    ours = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:ours] if word != "--traceback"]
    return kept + words[ours:], len(kept) < ours
