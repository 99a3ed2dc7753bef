"""Looks after one experiment: a process without torch that starts the trainer, watches it and starts it again.

It takes a place to train (`line`), starts the trainer and waits. A trainer that ended in good order has written into
`state.json` how; one that has not was killed or broke, and is started again, up to three times without progress in
between: what it had saved tells whether there was some. A trainer that gives no sign of life is slow as long as its
process computes, and hangs when it does not: then it is killed, and counts as one that broke. One that computes but
gives no sign for ten times as long hangs too: whoever waits for a graphics card computes.

An experiment on several devices has a trainer for each (`together`). They are one group with the first: the others are
looked at only for whether they live, and when one of them died the first ends soon after, or is ended.

At its end it lets go of the place and starts what is next in the queue. A SIGTERM, as at a shutdown, has the trainer
save and end; so does the supervisor's own death, because the trainer holds the other end of a pipe.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from runway_lab.errors import RunwayLabError
from runway_lab.library.locks import FileLock
from runway_lab.settings import settings
from runway_lab.training.experiments import line, resume, states, together
from runway_lab.training.experiments.folder import Folder
from runway_lab.training.experiments.plan import Plan
from runway_lab.training.experiments.processes import command, end_group, environment, log_end
from runway_lab.training.experiments.promised import keep

__all__ = ["Supervisor", "main"]

MOST_RESTARTS = 3
PAUSES = (0.0, 0.5, 2.0)
"""Seconds before a restart: what broke once may need a moment."""

POLL_SECONDS = 0.25
SAVE_SECONDS = 60.0
"""So long a trainer that was asked to save and end may take."""

LAST_WORDS_SECONDS = 10.0
"""So long the first of several trainers may take to end when another has died: it may have to say why."""

IDLE_SHARE = 0.02
"""A process that uses less of a core than this does not compute."""


def main(root: str) -> int:
    """Looks after the experiment in a folder until it ends."""
    folder = Folder(Path(root))
    lock = FileLock(folder.supervisor_lock, note="looks after the training")
    if not lock.acquire(line.TOUCH_SECONDS):
        return 0
    supervisor = Supervisor(folder)
    try:
        supervisor.work()
    except Exception as error:
        traceback.print_exc()
        with contextlib.suppress(RunwayLabError):
            states.change(folder, "failed", f"What looks after it broke: {error}", only_from=states.ACTIVE)
    finally:
        lock.release()
    if not supervisor.ending:
        line.advance()
    return 0


SPIN_FACTOR = 10
"""So many times `hung_seconds` without a sign of life are too long for any step, whatever its process computes."""


class Supervisor:
    """One experiment's, from the moment it may train to its end."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.ending = False
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if sys.platform != "win32":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def work(self) -> None:
        """Prepares the pictures, or trains."""
        if states.read(self.folder).name == "preparing":
            from runway_lab.training.experiments.preparing import prepare

            prepare(self.folder, lambda: self.ending)
            return
        place = line.take(self.folder)
        if place is None:
            states.change(self.folder, "queued", "It waits for its turn.", only_from=("queued",), quiet=True)
            return
        try:
            if states.change(self.folder, "training", only_from=("queued",), device=place.device):
                self._train()
        finally:
            place.release()
        keep(self.folder)

    def _train(self) -> None:
        failures, saved = 0, resume.newest(self.folder)
        while True:
            code = self._one_life()
            state = states.read(self.folder)
            if state.name != "training":
                return
            step = resume.newest(self.folder)
            if self.ending:
                why = "The machine, or what looks after it, was shut down."
                states.change(self.folder, "paused", why, only_from=("training",))
                return
            failures = 1 if step is not None and step > (saved or 0) else failures + 1
            saved = step
            how = _how_it_ended(code)
            if failures > MOST_RESTARTS:
                said = state.error or log_end(self.folder, 1)
                why = f"Its trainer {how}, {MOST_RESTARTS + 1} times in a row. {said}".strip()
                states.change(self.folder, "failed", why, only_from=("training",), error=said)
                return
            where = "from the beginning" if step is None else f"from step {step}"
            words = f"Its trainer {how}. Trying again {where} ({failures} of {MOST_RESTARTS})."
            states.tell(self.folder, f"{words} {state.error}".strip(), kind="restart", step=step)
            self._rest(PAUSES[failures - 1])

    def _one_life(self) -> int:
        """Starts the trainer, or one for each device, and waits for its end; the exit code."""
        devices = states.read(self.folder).device.split(",")
        threads = -(-int(Plan.read(self.folder).settings.get("threads", 0)) // len(devices))
        alone = devices == ["cpu"]
        started: list[subprocess.Popen[bytes]] = []
        try:
            for added in together.environments(devices):
                group: dict[str, Any] = {}
                if sys.platform != "win32":
                    group = {"process_group": started[0].pid if started else 0}
                trainer = subprocess.Popen(
                    command("process", str(self.folder.root)),
                    stdin=subprocess.DEVNULL if started else subprocess.PIPE,
                    env=environment(threads, alone) | added,
                    **group,
                )
                started.append(trainer)
            return self._watch(*started)
        finally:
            for trainer in started:
                end_group(trainer)
            for trainer in started:
                if trainer.stdin is not None:
                    trainer.stdin.close()

    def _watch(self, trainer: subprocess.Popen[bytes], *others: subprocess.Popen[bytes]) -> int:
        import psutil

        assert trainer.stdin is not None
        watched = psutil.Process(trainer.pid)
        sign, beat, computed, asked, died = time.monotonic(), 0, 0.0, 0.0, 0.0
        heard = sign
        while True:
            try:
                return trainer.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            now = time.monotonic()
            if self.ending and not asked:
                asked = now
                trainer.stdin.close()
            if failed := [code for each in others if (code := each.poll())]:
                died = died or now
                if now - died > LAST_WORDS_SECONDS:
                    return failed[0]
            if asked and now - asked > SAVE_SECONDS:
                return -signal.SIGTERM
            new_beat, new_computed = _changed(self.folder.heartbeat), _computed(watched)
            heard = now if new_beat != beat else heard
            if now - heard > SPIN_FACTOR * settings().hung_seconds:
                words = f"Its trainer has given no sign of life for {now - heard:.0f} s: it is ended."
                states.tell(self.folder, words, kind="restart")
                return -9
            if new_beat != beat or new_computed - computed > IDLE_SHARE * (now - sign):
                sign, beat, computed = now, new_beat, new_computed
            elif now - sign > settings().hung_seconds:
                states.tell(
                    self.folder,
                    f"Its trainer has given no sign of life for {now - sign:.0f} s and computes nothing: it is ended.",
                    kind="restart",
                )
                return -9

    def _end(self, *_: Any) -> None:
        self.ending = True

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.ending:
            time.sleep(0.05)


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended unexpectedly (exit code {code})"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}, perhaps for want of memory" if name == "SIGKILL" else f"was ended by {name}"


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _computed(process: Any) -> float:
    """The seconds of processor time that a process and its children have used."""
    import psutil

    total = 0.0
    try:
        for each in (process, *process.children(recursive=True)):
            times = each.cpu_times()
            total += float(times.user + times.system)
    except psutil.Error:
        pass
    return total
