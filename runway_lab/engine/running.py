"""A running model, as a person holds it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from runway_lab.engine.answer import Answer
from runway_lab.engine.session import Session, Status
from runway_lab.engine.stream import Stream
from runway_lab.engine.words import Line
from runway_lab.outputs import Outputs
from runway_lab.signature import Signature

__all__ = ["RunningModel", "idle_longest", "stop_all"]

_running: weakref.WeakSet[RunningModel] = weakref.WeakSet()


class RunningModel:
    """A model in a process of its own.

        model = rl.run("generate/planets")
        model(z=z).image                      # its first command; the outputs by name
        model.query("grid", seed=3).image     # another command
        model.stop()

    It stops when it is told to, when nobody asks it anything for a while (then the next query wakes it up), and when
    nothing in the kernel refers to it any more.
    """

    def __init__(self, session: Session, place: Any) -> None:
        self.session = session
        self.place = place
        _running.add(self)
        # At the end of the interpreter the system closes the channel, and the launcher sees to the rest.
        weakref.finalize(self, session.let_go).atexit = False

    @property
    def name(self) -> str:
        """The model's id, or the name of its first command."""
        return self.session.name

    @property
    def status(self) -> Status:
        """starting, running, stopping, stopped or failed."""
        return self.session.status

    @property
    def asleep(self) -> bool:
        """Whether it was stopped because nobody asked it anything; the next query wakes it up."""
        return self.session.asleep

    @property
    def error(self) -> Exception | None:
        """Why it failed, if it did."""
        return self.session.error

    @property
    def device(self) -> str:
        """Where it computes: cpu, cuda, cuda:1, mps."""
        return self.session.device

    @property
    def signature(self) -> Signature:
        """Its options and commands. Waits until the model runs."""
        if self.session.signature is None:
            self.wait()
        assert self.session.signature is not None
        return self.session.signature

    @property
    def log(self) -> list[str]:
        """What it wrote, line by line, as it stands now."""
        return self.session.log

    def __call__(self, **inputs: Any) -> Outputs:
        """The outputs of the first command."""
        return self.query(None, **inputs)

    def query(self, command: str | None = None, /, **inputs: Any) -> Outputs:
        """The outputs of a command."""
        answer = self.submit(command, **inputs)
        try:
            return answer.result()
        except KeyboardInterrupt:
            answer.cancel()
            Line().say(f"{self.name} gives this up at its next pause. If it has none, .stop() ends it.", last=True)
            raise

    def submit(self, command: str | None = None, /, **inputs: Any) -> Answer:
        """The outputs of a command, later: a Future, which also gives an answer in parts as they come."""
        return self.session.ask(command, inputs, keep=self)

    def stream(
        self,
        on_output: Callable[[Outputs], Any],
        command: str | None = None,
        *,
        encoding: str = "raw",
        on_error: Callable[[BaseException], Any] | None = None,
    ) -> Stream:
        """A stream of queries in which only the newest matters; `on_output` is called with each answer.

        With `encoding="jpeg"` (or webp, png) pictures are encoded for a screen where the model runs.
        """
        return Stream(self, on_output, command, encoding=encoding, on_error=on_error)

    def wait(self, timeout: float | None = None) -> RunningModel:
        """Waits until the model runs; raises why it does not."""
        self.session.wait(timeout)
        return self

    def stop(self) -> None:
        """Stops the model, whatever it is doing, in well under a second."""
        self.session.stop()

    def __enter__(self) -> RunningModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = f" on {self.device}" if self.status == "running" else ""
        sleeping = ", asleep: the next query wakes it" if self.asleep else ""
        return f"<RunningModel {self.name}: {self.status}{where}{sleeping}>"


def idle_longest() -> list[RunningModel]:
    """This kernel's running models, the one that was asked something longest ago first."""
    running = [each for each in list(_running) if each.status == "running"]
    return sorted(running, key=lambda each: each.session.last_use)


def stop_all(*, everywhere: bool = False) -> int:
    """Stops every model of this kernel, or with `everywhere` every model on this machine. How many there were."""
    from concurrent.futures import ThreadPoolExecutor

    alive = [each for each in list(_running) if each.asleep or each.status in ("starting", "running", "stopping")]
    if alive:
        with ThreadPoolExecutor(len(alive)) as pool:
            list(pool.map(RunningModel.stop, alive))
    if everywhere:
        from runway_lab.engine import slots

        return len(alive) + slots.end_all()
    return len(alive)
