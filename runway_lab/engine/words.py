"""What a start says while a person waits: one line, where he is looking, that changes as things go on."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["Line"]


class Line:
    """One line of words, replaced in place: in a notebook under the cell, in a terminal at its foot.

    >>> line = Line(quiet=True)
    >>> line.say("Starting.")
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._shown: Any = None
        self._width = 0

    def say(self, words: str, last: bool = False) -> None:
        """Shows these words in place of those before."""
        if self._quiet:
            return
        if _in_notebook():
            from IPython.display import display

            data = {"text/plain": words}
            if self._shown is None:
                self._shown = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
            else:
                self._shown.update(data, raw=True)
        elif sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write("\r" + words.ljust(self._width) + ("\n" if last else ""))
            sys.stderr.flush()
            self._width = len(words)
        elif sys.stderr is not None:
            print(words, file=sys.stderr, flush=True)


def _in_notebook() -> bool:
    """Whether a kernel with a front end runs this, found out without importing IPython."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    return shell is not None and hasattr(shell, "kernel")
