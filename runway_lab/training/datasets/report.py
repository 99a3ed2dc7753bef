"""What the doctor says about a source of pictures: in words for a shell, as a page for a notebook.

A report can be had before anything is written. Its decisions may be changed, single files may be left out, and
`Dataset.create(..., report=report)` follows it. The page is plain HTML without scripts, so it stays readable in a saved
notebook; names of files may come from strangers, so every word is escaped.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runway_lab.errors import BadValue, Unknown, shorten, suggest
from runway_lab.training.datasets.judge import Judge
from runway_lab.training.datasets.kinds import KINDS, SKIP, Kind, kind_of
from runway_lab.training.datasets.plan import Plan, sides

__all__ = ["Finding", "Report", "advice"]

LISTED = 8
"""So many files of a finding are named in the text."""

NO_PICTURES = {"unreadable", "other", "hidden"}
"""What a source has in it that has no pictures."""

FEWEST, GOOD, PLENTY = 300, 500, 5000

FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);color:var(--jp-ui-font-color1,#222)"
FAINT = "color:var(--jp-ui-font-color2,#666)"
LINE = "border-top:1px solid var(--jp-border-color2,#ddd)"


@dataclass
class Finding:
    """One kind of finding: what it means, which files have it, what will be done with them."""

    kind: Kind
    decision: str
    files: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    thumbnails: tuple[tuple[str, bytes], ...] = ()
    """Of some of them: name, and a small JPEG."""
    elsewhere: frozenset[str] = frozenset()
    """Files that something else keeps out of the dataset."""

    @property
    def name(self) -> str:
        """What a decision calls it, such as too_small."""
        return self.kind.name

    @property
    def count(self) -> int:
        """How many files have it."""
        return len(self.files)

    @property
    def choices(self) -> Mapping[str, str]:
        """What may be decided, and what each does."""
        return self.kind.choices

    @property
    def will_be(self) -> str:
        """What happens to them, in words."""
        return self.kind.choices[self.decision]

    @property
    def affected(self) -> tuple[str, ...]:
        """The files that what is decided happens to: not those that something else keeps out."""
        if self.decision == SKIP:
            return self.files
        return tuple(file for file in self.files if file not in self.elsewhere)

    @property
    def counted(self) -> str:
        """How many files, and what happens to them."""
        used = self.affected
        if not used:
            return f"{_files(self.count)}, left out for something else"
        rest = self.count - len(used)
        return f"{_files(len(used))}, {self.will_be}" + (
            f" ({rest:,} more left out for something else)" if rest else ""
        )

    def __str__(self) -> str:
        return f"{self.kind.title}: {self.counted}. {self.kind.means}"


class Report:
    """What was found in a source: `findings` by kind, and how many pictures a dataset of it would have."""

    def __init__(
        self,
        title: str,
        plan: Plan,
        total: int,
        stamps: Mapping[str, tuple[int, int]],
        names: Iterable[str] = (),
        origin: str = "",
    ) -> None:
        self.title, self.plan, self.total, self.origin = title, plan, total, origin
        self.findings: dict[str, Finding] = {}
        self._stamps = dict(stamps)
        # In the order of the source; nothing where nobody knows any more.
        self._names = dict.fromkeys(names)

    @classmethod
    def of(cls, judge: Judge, origin: str = "") -> Report:
        """What a judge has heard; `origin` is the `mark` of the source."""
        files: dict[str, list[str]] = {}
        notes: dict[str, str] = {}
        stamps = {}
        for seen in judge.heard:
            for kind in seen.findings:
                files.setdefault(kind, []).append(seen.name)
            if seen.findings:
                stamps[seen.name] = (seen.size, seen.stamp)
                if seen.note:
                    notes[seen.name] = seen.note
        names = (seen.name for seen in judge.heard)
        report = cls(judge.title, judge.plan, len(judge.heard), stamps, names, origin)
        # Gray ones are worth a word only where others have colour.
        coloured = sum("gray" not in each.findings for each in judge.taken)
        for name in KINDS:
            if name in files and (name != "gray" or coloured):
                told = {file: notes[file] for file in files[name] if file in notes}
                shown = tuple(judge.thumbnails.get(name, ()))
                report._enter(name, tuple(files[name]), told, shown)
        report._settle()
        return report

    def _enter(
        self, name: str, files: tuple[str, ...], notes: Mapping[str, str], thumbnails: tuple[tuple[str, bytes], ...]
    ) -> None:
        kind = kind_of(name, self.plan.crop, self.plan.channels)
        self.findings[name] = Finding(kind, self.plan.decisions[name], files, notes, thumbnails)

    def _settle(self) -> None:
        """Tells every finding which of its files another one keeps out."""
        for finding in self.findings.values():
            others = (each for each in self.findings.values() if each is not finding and each.decision == SKIP)
            finding.elsewhere = frozenset(file for each in others for file in each.files)

    def __getitem__(self, name: str) -> Finding:
        if name not in self.findings:
            known = KINDS if name not in KINDS else self.findings
            raise Unknown(f"The doctor found nothing called {shorten(name)}.", hint=suggest(str(name), known))
        return self.findings[name]

    def __contains__(self, name: object) -> bool:
        return name in self.findings

    def __len__(self) -> int:
        return self.taken

    @property
    def taken(self) -> int:
        """How many pictures are used."""
        return self.total - len(self.skipped)

    @property
    def skipped(self) -> dict[str, str]:
        """The files that are left out, each with the kind of finding that keeps it out."""
        out: dict[str, str] = {}
        for finding in self.findings.values():
            if finding.decision == SKIP:
                for file in finding.files:
                    out.setdefault(file, finding.name)
        return out

    @property
    def decisions(self) -> dict[str, str]:
        """What is decided about every kind, also those that were not found."""
        return {**self.plan.decisions, **{name: finding.decision for name, finding in self.findings.items()}}

    def decide(self, **decisions: str) -> Report:
        """Changes what will be done: `report.decide(gray="skip", too_small="fix")`."""
        self.plan = self.plan.deciding(decisions)
        for name, finding in self.findings.items():
            finding.decision = self.plan.decisions[name]
        self._settle()
        return self

    def leave_out(self, *files: str) -> Report:
        """Leaves single files out, by the names they have in the report."""
        for each in files:
            if not isinstance(each, str):
                raise BadValue(f"{shorten(each)} is no name of a file.", hint="Give names as the report shows them.")
            if self._names and each not in self._names:
                raise Unknown(f"There is no file {shorten(each)} in {self.title}.", hint=suggest(each, self._names))
        already = self.findings["left_out"].files if "left_out" in self.findings else ()
        self._enter("left_out", tuple(dict.fromkeys([*already, *files])), {}, ())
        self._settle()
        return self

    def check_origin(self, title: str, origin: str) -> None:
        """Words where the pictures of a dataset are not those that were looked at."""
        if self.origin and self.origin != origin:
            what = f"come from {title}" if title != self.title else "are others, or were taken in another way"
            raise BadValue(
                f"This report is of {self.title}, and the pictures {what}.",
                hint="Examine those that you want to use, or leave out report=.",
            )

    def unchanged(self, name: str, size: int, stamp: int) -> bool:
        """Whether a file is still the one that was looked at."""
        return self._stamps.get(name) == (size, stamp)

    def __str__(self) -> str:
        copies = len(self.plan.copies)
        taken = _pictures(self.taken) + (f" ({self.taken * copies:,} with their copies)" if copies > 1 else "")
        lines = [f"{self.title}: {_files(self.total)}, {taken} for a dataset of {_size(self.plan)}.", self._advice]
        for finding in self.findings.values():
            lines += ["", str(finding)]
            shown = finding.affected or finding.files
            for file in shown[:LISTED]:
                note = finding.notes.get(file, "")
                lines.append(f"    {file}{f' ({note})' if note else ''}")
            if len(shown) > LISTED:
                lines.append(f"    and {len(shown) - LISTED:,} more")
            if len(finding.choices) > 1:
                others = " or ".join(
                    f"{each!r} ({words})" for each, words in finding.choices.items() if each != finding.decision
                )
                lines.append(f"    Or decide {finding.name}={others}.")
        if not self.findings and self.total:
            lines += ["", "Nothing to complain about."]
        return "\n".join(lines)

    __repr__ = __str__

    @property
    def _advice(self) -> str:
        if self.taken:
            return advice(self.taken * len(self.plan.copies))
        if set(self.skipped.values()) <= NO_PICTURES:
            return "There is no picture in it."
        return "None of its pictures would be used."

    def _repr_html_(self) -> str:
        words = html.escape(self._advice)
        head = (
            f'<div style="font-weight:600;font-size:16px">{html.escape(self.title)}: {_files(self.total)}, '
            f'{_pictures(self.taken)}</div><div style="{FAINT}">{words}</div>'
        )
        rows = "".join(_row(finding) for finding in self.findings.values())
        if not rows and self.total:
            rows = f'<div style="{LINE};padding:8px 0">Nothing to complain about.</div>'
        look = f"{FONT};max-width:900px;font-size:14px;line-height:1.45"
        return f'<div style="{look}">{head}<div style="margin-top:8px">{rows}</div></div>'

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the file `report.json`."""
        return {
            "title": self.title,
            "total": self.total,
            "origin": self.origin,
            "plan": self.plan.to_json(),
            "findings": [
                {
                    "kind": each.name,
                    "files": list(each.files),
                    "notes": dict(each.notes),
                    "thumbnails": [[name, base64.b64encode(data).decode()] for name, data in each.thumbnails],
                    "stamps": [self._stamps.get(file, (0, 0)) for file in each.files],
                }
                for each in self.findings.values()
            ],
        }

    @classmethod
    def from_json(cls, table: Mapping[str, Any], names: Iterable[str] = ()) -> Report:
        """Back from plain values; the names of all files are not among them."""
        plan, origin = Plan.from_json(table["plan"]), str(table.get("origin", ""))
        report = cls(str(table["title"]), plan, int(table["total"]), {}, names, origin)
        for each in table["findings"]:
            thumbnails = tuple((str(name), base64.b64decode(data)) for name, data in each["thumbnails"])
            report._enter(str(each["kind"]), tuple(map(str, each["files"])), dict(each["notes"]), thumbnails)
            report._stamps.update(
                {file: (int(a), int(b)) for file, (a, b) in zip(each["files"], each["stamps"], strict=True)}
            )
        report._settle()
        return report


def advice(count: int) -> str:
    """What a number of pictures is good for.

    >>> advice(120)
    'That is few: from 300 pictures on it can work, 500 to 5,000 are good. Copies (mirror, zoom) help a little.'
    """
    if count < FEWEST:
        return (
            "That is few: from 300 pictures on it can work, 500 to 5,000 are good. Copies (mirror, zoom) help a little."
        )
    if count < GOOD:
        return "That can work; 500 to 5,000 pictures are good."
    if count <= PLENTY:
        return "That is a good number of pictures."
    return "That is plenty; beyond 5,000 pictures, more of them seldom help when a trained model is taught on."


def _row(finding: Finding) -> str:
    pictures = "".join(
        f'<img alt="{html.escape(name)}" title="{html.escape(name)}" style="height:56px;margin:4px 4px 0 0" '
        f'src="data:image/jpeg;base64,{base64.b64encode(data).decode("ascii")}">'
        for name, data in finding.thumbnails
    )
    shown = finding.affected or finding.files
    names = [f"{file} ({finding.notes[file]})" if file in finding.notes else file for file in shown[:LISTED]]
    more = f" and {len(shown) - LISTED:,} more" if len(shown) > LISTED else ""
    choices = ""
    if len(finding.choices) > 1:
        others = [
            f"<code>{each}</code> ({html.escape(words)})"
            for each, words in finding.choices.items()
            if each != finding.decision
        ]
        choices = f' <span style="{FAINT}">Or <code>{finding.name}</code>: {" or ".join(others)}.</span>'
    return (
        f'<div style="{LINE};padding:8px 0"><b>{html.escape(finding.kind.title)}</b> · '
        f"{html.escape(finding.counted)}.{choices}<div>{html.escape(finding.kind.means)}</div>"
        f'<div style="{FAINT};font-size:12px">{html.escape(", ".join(names) + more)}</div>{pictures}</div>'
    )


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _size(plan: Plan) -> str:
    kind = {"rgb": "", "gray": " in gray", "rgba": " with transparency"}[plan.channels]
    return f"{sides(plan.height, plan.width)}{kind}"
