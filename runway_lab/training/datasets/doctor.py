"""The doctor: what is in a source of pictures, before anything is written; and how some of them would be cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from runway_lab.errors import BadValue
from runway_lab.training.datasets.judge import Judge
from runway_lab.training.datasets.look import ENLARGED, Looked, look
from runway_lab.training.datasets.plan import Plan, size_of
from runway_lab.training.datasets.report import Report
from runway_lab.training.datasets.sources import Source, open_source
from runway_lab.training.datasets.survey import Counter, Progress, Stopped, survey, without_warnings

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["Preview", "Previews", "examine", "plan_for", "preview"]

SAMPLED = 48
"""So many pictures are looked at where size or channels are left to us."""

SIZES = (256, 128, 64, 32)
MOST_GRAY = 0.95
BEFORE = 320
"""The longest side of a picture before it is cropped, in a preview."""


def plan_for(source: Source, crop: str, size: Any, channels: str, **more: Any) -> Plan:
    """A checked plan; the size and the channels that were left open are chosen by looking at some of the pictures."""
    film = source.is_film
    if size is not None and channels != "auto":
        return Plan.of(size, channels, crop, film=film, **more)
    # First everything that can be wrong without looking.
    Plan.of(SIZES[0] if size is None else size, "rgb" if channels == "auto" else channels, crop, film=film, **more)
    some = _sample(source)
    if size is None:
        size = _size_for(some)
    if channels == "auto":
        gray = sum("gray" in each.findings for each in some)
        channels = "gray" if some and gray >= MOST_GRAY * len(some) else "rgb"
    return Plan.of(size, channels, crop, film=film, **more)


def _sample(source: Source) -> list[Looked]:
    plan = Plan(32, 32)
    with without_warnings():
        looked = survey(source.few(SAMPLED), plan, prepare=False)
        return [each for each in looked if each.hash]


def _size_for(some: list[Looked]) -> int:
    """The largest size that four of five pictures fill without being enlarged much."""
    if not some:
        return SIZES[0]
    sides = sorted(min(each.width, each.height) for each in some)
    reach = sides[len(sides) // 5] * ENLARGED
    return next((size for size in SIZES if size <= reach), SIZES[-1])


def examine(
    source: Any,
    *,
    crop: str = "center",
    size: Any = None,
    channels: str = "rgb",
    mirror: bool = False,
    rotate: bool | float = False,
    zoom_in: bool | float = False,
    zoom_out: bool | float = False,
    decisions: Mapping[str, str] | None = None,
    every: int | None = None,
    per_second: float | None = None,
    progress: Callable[[Progress], object] | None = None,
    stop: Callable[[], bool] | None = None,
    workers: int | None = None,
) -> Report:
    """Reads every file and tells what a dataset of them would be like; nothing is written.

    Size, crop and channels matter: what is too small, or loses too much, depends on them.
    """
    opened = open_source(source, every, per_second)
    plan = plan_for(
        opened, crop, size, channels, mirror=mirror, rotate=rotate, zoom_in=zoom_in, zoom_out=zoom_out,
        decisions=decisions,
    )  # fmt: skip
    judge, counter = Judge(plan, opened.title), Counter(opened.total, progress, stop)
    looked = survey(opened, plan, prepare=False, workers=workers)
    try:
        with without_warnings():
            for seen in looked:
                judge.hear(seen)
                counter.count(len(judge.taken))
                if counter.stopped:
                    raise Stopped(f"Looking at {opened.title} was stopped after {counter.done:,} files.")
    finally:
        looked.close()
    counter.tell()
    return Report.of(judge, opened.mark)


class Preview(NamedTuple):
    """How one picture would be cut: before and after, as Pillow images."""

    before: Picture
    after: Picture


class Previews(list[Preview]):
    """Some previews, which a notebook shows side by side."""

    def _repr_html_(self) -> str:
        from runway_lab.training.datasets.shown import pairs

        return pairs(self)


def preview(
    source: Any,
    *,
    crop: str = "center",
    size: Any = None,
    channels: str = "rgb",
    count: int = 6,
    seed: int = 0,
    decisions: Mapping[str, str] | None = None,
    every: int | None = None,
    per_second: float | None = None,
) -> Previews:
    """How some pictures, spread over all, would be cut. Nothing is written."""
    from PIL import Image as pillow

    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 100:
        raise BadValue(f"There cannot be {count!r} previews.", hint="Allowed: 1 to 100.")
    opened = open_source(source, every, per_second)
    plan = plan_for(opened, crop, size, channels, seed=seed, decisions=decisions)
    found = Previews()
    # Some of them may not be pictures at all: then their neighbours stand in.
    some = opened.few(4 * count)
    with without_warnings():
        for item in (each for first in range(4) for each in some[first::4]):
            seen = look(item, plan, prepare=True)
            if not seen.rows:
                continue
            after = pillow.frombytes(plan.mode, (plan.width, plan.height), seen.rows[0])
            whole = plan_whole(plan, seen)
            picture = look(item, whole, prepare=True)
            if picture.rows:
                found.append(Preview(pillow.frombytes("RGB", (whole.width, whole.height), picture.rows[0]), after))
            if len(found) == count:
                break
    return found


def plan_whole(plan: Plan, seen: Looked) -> Plan:
    """A plan that shows a picture as it is, small."""
    scale = min(1.0, BEFORE / max(seen.width, seen.height))
    sides = tuple(min(max(8, round(each * scale)), BEFORE) for each in (seen.height, seen.width))
    height, width = size_of(sides)
    decisions = {**plan.decisions, "wrong_ratio": "fix", "too_small": "fix"}
    return Plan(height, width, "rgb", "none", decisions=decisions)
