"""`python -m runway_lab`: the command line where the `runway-lab` script is not on the PATH."""

from __future__ import annotations

import sys

from runway_lab.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
