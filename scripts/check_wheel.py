"""Looks at runway-lab as somebody gets it who typed `pip install`: run this with a Python that has only the wheel.

    python -I scripts/check_wheel.py

Every file of the package and of the notebooks that git knows in this clone has to be inside what was installed, cards
and weights included, and the tour has to be found there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    import runway_lab
    from runway_lab.publishing import lessons_folder

    package = Path(runway_lab.__file__).resolve().parent
    if ROOT in package.parents:
        sys.exit(f"This looked at the clone, not at the wheel: {package}")
    if lessons_folder() != package / "notebooks":
        sys.exit(f"The lessons are not inside the wheel, but in {lessons_folder()}")
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--", "runway_lab", "notebooks"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]
    missing = [name for name in names if not (package.parent / inside(name)).is_file()]
    if missing or not names:
        sys.exit(f"Missing from the wheel: {', '.join(missing) or 'everything'}")
    kinds: dict[str, int] = {}
    for name in names:
        kinds[Path(name).suffix] = kinds.get(Path(name).suffix, 0) + 1
    print(f"runway-lab {runway_lab.__version__}: all {len(names)} files are inside", dict(sorted(kinds.items())))


def inside(name: str) -> str:
    """Where a file of the clone lies when installed."""
    return f"runway_lab/{name}" if name.startswith("notebooks/") else name


if __name__ == "__main__":
    main()
