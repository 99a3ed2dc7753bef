"""What every benchmark ends with: a table on the screen, and rows in a file with `--json FILE`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Row", "report"]


@dataclass
class Row:
    """One measured figure. `bar` is what was promised, if anything was; `against` says what it is compared with."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    better: Literal["lower", "higher"] = "lower"
    against: str = ""
    holds: bool | None = None

    def __post_init__(self) -> None:
        if self.bar is not None:
            self.holds = self.value <= self.bar if self.better == "lower" else self.value >= self.bar


def report(rows: list[Row], file: Path | None = None) -> int:
    """Prints the table, writes the file, and gives the exit code: 1 if a bar does not hold."""
    width = max(len(row.name) for row in rows)
    for row in rows:
        bar = "" if row.bar is None else f"{'<=' if row.better == 'lower' else '>='} {row.bar:g} {row.unit}"
        verdict = {True: "holds", False: "FALLS SHORT", None: ""}[row.holds]
        print(f"{row.name:<{width}}  {row.value:>9.3f} {row.unit:<3}  {bar:<12} {verdict:<11}  {row.against}".rstrip())
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return int(any(row.holds is False for row in rows))
