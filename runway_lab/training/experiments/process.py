"""The process in which an experiment trains: `main(folder)`, started by its supervisor.

It goes on from the newest resume state that is whole, or begins. What it ends with is written into `state.json` here:
finished, paused, stopped, or failed where a person has to do something about it (then the exit code is 0 and nobody
tries again). An exit with any other code, or by a signal, is for the supervisor to mend.

Where the supervisor itself was killed, the trainer saves, says so in the diary and ends: nobody would count its
failures, keep its budget or start the next in the queue. The next look at the experiment offers to resume it.

Where an experiment trains on several devices, this is run once for each, and all of it is the first one's; the others
only train along (`together`).

Only here torch is loaded, by the loop. The environment variable `RUNWAY_LAB_TRAINER` ("module:name") puts another
trainer in its place, for tests: an object with `trainer(settings, pictures, start)` and `write(state, path)`.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from errno import EFBIG, ENOSPC
from pathlib import Path
from typing import Any

from runway_lab.errors import BadValue, LibraryFull, RunwayLabError
from runway_lab.library.locks import FileLock
from runway_lab.settings import settings
from runway_lab.training.experiments import resume, states, together
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.limits import Door, Limits
from runway_lab.training.experiments.measuring import Measuring
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.recorders import Checkpoints, Heartbeat, Metrics, Resume, Rollbacks, Samples
from runway_lab.training.experiments.saving import licence_of
from runway_lab.training.experiments.states import change, read_json, tell
from runway_lab.training.experiments.work import Work
from runway_lab.training.loop.callbacks import run
from runway_lab.training.loop.memory import keep_freed_memory
from runway_lab.training.loop.settings import TrainingSettings

__all__ = ["DeviceMissing", "main", "open_pictures", "trainer_factory"]

EDQUOT = getattr(errno, "EDQUOT", ENOSPC)
FULL = "There is no room on the disk. What was saved is untouched. Free some room and resume."
RESERVE = 256 << 10
WAIT_SECONDS = 60.0


class DeviceMissing(BadValue):
    """The device is not there: never was, or has been lost, which may pass."""


def main(root: str) -> int:
    """Trains; the result is the exit code."""
    keep_freed_memory()
    folder = Folder(Path(root))
    if together.rank():
        together.ignore_signals()
        followed: list[bool] = []
        _in_words(folder, lambda: followed.append(_train_along(folder)))
        return 0 if followed else 1
    lock = FileLock(folder.trainer_lock, note="trains")
    # One whose supervisor was killed may still be saving.
    if not lock.acquire(WAIT_SECONDS):
        print("Another process is training this experiment.", file=sys.stderr)
        return 1
    door = Door()
    return _in_words(folder, lambda: _train(folder, door))


def _in_words(folder: Folder, work: Callable[[], None]) -> int:
    """Does it; what goes wrong and is for a person to mend is written down as the state, what is not raises the exit
    code."""
    try:
        work()
    except LibraryFull as error:
        folder.reserve.unlink(missing_ok=True)
        _end(folder, "paused", str(error))
    except RunwayLabError as error:
        if error.details:
            print(error.details, file=sys.stderr)
        if isinstance(error, DeviceMissing) and resume.newest(folder) is not None:
            # It was there before: a driver that starts anew gives it back in a while.
            states.note(folder, error=str(error))
            return 1
        _end(folder, "failed", str(error))
    except Exception as error:
        if _disk_is_full(error):
            folder.reserve.unlink(missing_ok=True)
            _end(folder, "paused", FULL)
            return 0
        traceback.print_exc()
        said = f"{type(error).__name__}: {error}"[:500]
        if _is_memory(error):
            _end(folder, "failed", "There was not enough memory. Show fewer pictures at once (part=4), or choose a "
                 "smaller size.", error=said)  # fmt: skip
            return 0
        if not together.rank():
            # The others fail for want of the first, most often.
            states.note(folder, error=said)
        return 1
    return 0


def _disk_is_full(error: BaseException | None) -> bool:
    """Libraries tell of a full disk in many ways; somewhere in what they say is the system's own word."""
    while error is not None:
        if isinstance(error, LibraryFull) or (isinstance(error, OSError) and error.errno in (ENOSPC, EFBIG, EDQUOT)):
            return True
        if any(words in str(error) for words in ("No space left", "os error 28", "os error 27", "Disk quota")):
            return True
        error = error.__cause__ or error.__context__
    return False


def _end(folder: Folder, name: str, why: str, **facts: Any) -> None:
    """A state it ends with; where it stands is what is saved."""
    step = resume.newest(folder)
    if step is not None:
        facts.setdefault("step", step)
    beat = _heartbeat(folder)
    seconds = max(states.read(folder).seconds, float(beat.get("seconds", 0.0)))
    change(folder, name, why, only_from=("training",), seconds=seconds, **facts)


def _train(folder: Folder, door: Door) -> None:
    plan, state = Plan.read(folder), states.read(folder)
    chosen, pictures, start = _given(folder, plan, state)
    _reserve(folder)
    resume.sweep(folder)
    factory = trainer_factory()
    trainer, fresh = _take_up(folder, factory, chosen, pictures, start)
    trainer.lineage = [*trainer.lineage, *plan.lineage]
    resume.forget_after(folder, None if fresh else trainer.step)
    together.say(trainer, together.NEW if fresh else trainer.step)
    if fresh:
        name = plan.start.get("name")
        tell(folder, f"Begins, starting from {name}." if name else "Begins from nothing.", step=0)
        for sentence in trainer.taken_over:
            tell(folder, sentence, step=0)
    else:
        tell(folder, f"Goes on from step {trainer.step}.", step=trainer.step)

    saver = resume.Saver(folder, factory.write, settings().resume_seconds)
    work = Work(folder, saver, max(state.seconds, float(_heartbeat(folder).get("seconds", 0.0))))
    # Somebody may have asked for more, or for an end, while it was loading.
    work.take_over(trainer)
    metrics, measuring = Metrics(work), Measuring(work, pictures)
    sheets = Samples(work, measuring.look_at)
    checkpoints = Checkpoints(work, _about(plan, chosen.device))
    saving = Resume(work, metrics)
    leads = together.Leads(work)
    everybody = [
        Rollbacks(work, measuring.forget_after),
        metrics,
        sheets,
        checkpoints,
        saving,
        Heartbeat(work),
        Limits(work, door),
        leads,
    ]
    try:
        while True:
            run(trainer, everybody)
            name, why = work.outcome
            if name != "alone":
                _keep_all(work, trainer, sheets, checkpoints, whole=name != "paused")
            if not name:
                measuring.finish()
            saving.save(trainer)
            work.scribe.drain()
            facts = {"step": trainer.step, "images": trainer.images, "seconds": round(work.seconds, 2)}
            if name == "alone":
                tell(folder, f"{why} Saved at step {trainer.step}.", step=trainer.step)
                states.note(folder, **facts)
                return
            if name:
                change(folder, name, why, only_from=("training",), **facts)
                return
            done = change(folder, "finished", only_from=("training",), only_if=lambda: _all_done(work), **facts)
            if done or states.read(folder).name != "training":
                leads.farewell(trainer)
                return
            # Somebody asked for more steps in this very moment.
            work.take_over(trainer)
    finally:
        measuring.close()
        work.scribe.close()


def _train_along(folder: Folder) -> bool:
    """One of several processes that is not the first: it takes up what that one does, and writes nothing."""
    factory = trainer_factory()
    trainer = factory.trainer(*_given(folder, Plan.read(folder), states.read(folder)))
    step = together.say(trainer, together.NEW)
    if step != together.NEW:
        trainer.read_state(resume.path_of(folder, step))
    together.follow(trainer)
    return True


def _given(folder: Folder, plan: Plan, state: states.State) -> tuple[TrainingSettings, Any, Path | None]:
    """Settings, pictures and start, as the experiment has them."""
    device = state.device or str(plan.settings.get("device", "auto"))
    # The cores are shared by those that train together.
    threads = -(-int(plan.settings.get("threads", 0)) // len(device.split(",")))
    chosen = TrainingSettings.of({**plan.settings, "device": device, "threads": threads})
    start = folder.root / plan.start["file"] if plan.start.get("file") else None
    return chosen, open_pictures(plan.dataset), start


def _all_done(work: Work) -> bool:
    """Whether nobody has asked for more steps meanwhile."""
    return Plan.read(work.folder).steps <= work.plan.steps


def _keep_all(work: Work, trainer: Any, sheets: Samples, checkpoints: Checkpoints, *, whole: bool) -> None:
    """At an end there is a sheet and a checkpoint of where it ended; at a pause a checkpoint, to explore meanwhile."""
    if trainer.step and not work.folder.checkpoint(trainer.step).exists():
        checkpoints.keep(trainer)
    work.scribe.drain()
    if whole and not work.folder.sheet(trainer.step).exists():
        sheets.draw(trainer)


def _take_up(folder: Folder, factory: Any, chosen: Any, pictures: Any, start: Path | None) -> tuple[Any, bool]:
    """A trainer where training was left, or at its beginning; and whether it is that.

    Where something was saved once and nothing of it can be used, it does not begin again: that would take away what
    there is.
    """
    whole, damaged = resume.found(folder)
    for step in damaged:
        tell(folder, f"The state saved at step {step} is damaged, so the one before it counts.", kind="incident")
    for step, path in whole:
        trainer = factory.trainer(chosen, pictures, start)
        try:
            trainer.read_state(path)
        except Exception as error:
            if _is_memory(error):
                raise
            traceback.print_exc()
            words = f"The state saved at step {step} cannot be read ({error}), so the one before it counts."
            tell(folder, words, kind="incident")
            continue
        return trainer, False
    if whole or damaged or states.read(folder).step:
        raise BadValue(
            "The states it had saved to go on from are damaged or gone.",
            hint="Its checkpoints and samples are untouched: begin a branch from the newest checkpoint.",
        )
    return factory.trainer(chosen, pictures, start), True


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def open_pictures(said: dict[str, Any]) -> Any:
    """The pictures an experiment was begun with, and no others."""
    from runway_lab.training.datasets import Dataset

    name = said.get("title") or said.get("name")
    try:
        dataset = Dataset.open(said["folder"])
    except (RunwayLabError, OSError, KeyError) as error:
        raise BadValue(
            f"The pictures this experiment learns from are not there any more: {name!r}. {error}",
            hint="Put the dataset back to where it was and resume, or begin a branch with other pictures.",
        ) from error
    if said.get("digest") and dataset.digest != said["digest"]:
        raise BadValue(
            f"The pictures of {name!r} are not the same as when this experiment began.",
            hint="Put the old ones back and resume, or begin a branch, which takes them as they are now.",
        )
    return dataset.pictures


def _about(plan: Plan, device: str) -> dict[str, Any]:
    """What is written into each checkpoint."""
    licence = licence_of(plan)
    return {
        "title": plan.title,
        # Where no single licence holds, the words that say so are better than none.
        "licence": licence.id or licence.note,
        "dataset": {name: plan.dataset[name] for name in ("name", "title", "digest", "count") if name in plan.dataset},
        "start": plan.start.get("name", ""),
        "hardware": _hardware(device),
    }


def _hardware(device: str) -> str:
    """What it trains on, as a person knows it."""
    torch = sys.modules.get("torch")
    first, *others = device.split(",")
    if first.startswith("cuda") and torch is not None:
        return f"{f'{len(others) + 1} x ' if others else ''}{torch.cuda.get_device_name(first.strip())}"
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        model = next((each.partition(":")[2].strip() for each in lines if each.startswith("model name")), model)
    threads = os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count())
    return f"{model}, {threads} thread{'' if threads == '1' else 's'}"


def _heartbeat(folder: Folder) -> dict[str, Any]:
    with contextlib.suppress(RunwayLabError):
        return read_json(folder.heartbeat)
    return {}


def _reserve(folder: Folder) -> None:
    """Some room for the last words, should the disk become full."""
    if not folder.reserve.exists():
        with contextlib.suppress(OSError):
            folder.reserve.write_bytes(bytes(RESERVE))


class _Loop:
    """The trainer of this package."""

    @staticmethod
    def trainer(chosen: Any, pictures: Any, start: Path | None) -> Any:
        from runway_lab.training.loop.trainer import Trainer

        began = time.monotonic()
        checkpoint = None
        if start is not None:
            from runway_lab.stylegan import load

            checkpoint = load(start, live=True)
            chosen = replace(chosen, start=str(start))
        try:
            trainer = Trainer(chosen, pictures, start=checkpoint)
        except BadValue as error:
            if _is_there(chosen.device):
                raise
            hint = 'Get it back and resume, or take another: experiment.resume(device="auto").'
            raise DeviceMissing(error.what, hint=hint, details=error.details) from error
        print(f"Ready after {time.monotonic() - began:.1f} s, on {trainer.device}.", flush=True)
        return trainer

    @staticmethod
    def write(state: Any, path: Path) -> None:
        from runway_lab.training.loop.state import write

        write(state, path)


def _is_there(device: str) -> bool:
    """Whether torch can use a device."""
    # The loop has loaded it by then.
    torch = importlib.import_module("torch")
    try:
        for each in device.split(","):
            torch.zeros(1, device=None if each == "auto" else each.strip())
    except (RuntimeError, AssertionError, NotImplementedError):
        return False
    return True


def trainer_factory() -> Any:
    """What makes trainers and writes their states."""
    named = os.environ.get("RUNWAY_LAB_TRAINER", "")
    if not named:
        return _Loop
    module, _, name = named.partition(":")
    return getattr(importlib.import_module(module), name)
