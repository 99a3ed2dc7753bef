"""What `runway-lab` can be told to do, one module a command or a group of commands.

A module here has a function `add(commands)` which enters its command, a heading to stand under in the
help, and the function to call with the parsed arguments. That function prints for a person, returns the
exit code (0: done), and raises `RunwayLabError` for what a person can do something about.

Every command is imported to print the help, which should be there at once: what a command needs for its
work it imports when it works.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module

__all__ = ["MODULES", "Commands", "Run"]

MODULES = ("lab", "models", "datasets", "train", "doctor")
"""The modules of this package that have commands, in the order of the help."""

Run = Callable[[argparse.Namespace], int]


@dataclass
class Commands:
    """Collects the commands: their parsers for argparse, their headings and first lines for the help."""

    parsers: argparse._SubParsersAction[argparse.ArgumentParser]
    headings: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add_all(self) -> None:
        for name in MODULES:
            import_module(f"{__name__}.{name}").add(self)

    def add(
        self, name: str, run: Run, *, heading: str, line: str, about: str = "", examples: Sequence[str] = ()
    ) -> argparse.ArgumentParser:
        """Enter a command; the parser that comes back takes its options."""
        shown = ["Examples:", *(f"  {example}" for example in examples)] if examples else []
        parser = self.parsers.add_parser(
            name,
            description=textwrap.dedent(about or f"{line}.").strip(),
            epilog="\n".join(shown),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        parser.set_defaults(run=run)
        self.headings.setdefault(heading, []).append((name, line))
        return parser

    def names(self) -> list[str]:
        return [name for entries in self.headings.values() for name, _ in entries]

    def help(self) -> str:
        """All commands under their headings, each with its line."""
        width = max(len(name) for name in self.names()) + 2
        blocks = [
            "\n".join([f"{heading}:", *(f"  {name:<{width}}{line}" for name, line in entries)])
            for heading, entries in self.headings.items()
        ]
        return "\n\n".join(blocks)
