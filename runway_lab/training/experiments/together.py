"""Several processes that train one experiment, a device each: the first decides and writes, the others follow.

    rl.train("Petals", data, device="cuda:0,cuda:1")

The supervisor starts them all, with the variables in the environment that torchrun sets too, in one group: when one of
them dies the others end, and all are started again from the newest resume state. Only the first has callbacks that
write, looks at wishes and budget, and beats the heart.

What it says to the others is one number at a time: at which step to go on (`NEW`: begin); then, before the first step
and after each, how many steps there are in all, where `END` means that it ends here; and when all steps are done, once
more, because somebody may have asked for further ones.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from dataclasses import replace
from typing import Any, ClassVar

from runway_lab.training.experiments.work import Work
from runway_lab.training.loop.callbacks import Callback, StopTraining, run

__all__ = ["END", "NEW", "Leads", "environments", "follow", "ignore_signals", "rank", "say"]

END, NEW = 0, -1


def rank() -> int:
    """Which of the processes this is; the first, or the only one, is 0."""
    return int(os.environ.get("RANK", "0"))


def environments(devices: list[str]) -> list[dict[str, str]]:
    """What each process is to find in its environment; they meet on this machine alone."""
    if len(devices) == 1:
        return [{}]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    size = str(len(devices))
    shared = {"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    if sys.platform == "linux":
        shared["GLOO_SOCKET_IFNAME"] = "lo"
    return [{**shared, "RANK": str(index), "LOCAL_RANK": str(index)} for index in range(len(devices))]


class Leads(Callback):
    """Tells the others after each step whether they go on; alone, it tells nobody."""

    order: ClassVar[int] = 99

    def __init__(self, work: Work) -> None:
        self.work = work

    def before_training(self, trainer: Any) -> None:
        self._tell(trainer)

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        self._tell(trainer)

    def farewell(self, trainer: Any) -> None:
        """All steps are done, and there will be no more of them."""
        if not self.work.outcome[0]:
            say(trainer, END)

    def _tell(self, trainer: Any) -> None:
        say(trainer, END if self.work.outcome[0] else trainer.settings.steps)


class _Follows(Callback):
    def __init__(self) -> None:
        self.ended = False

    def before_training(self, trainer: Any) -> None:
        self._hear(trainer)

    def after_step(self, trainer: Any, losses: dict[str, float]) -> None:
        self._hear(trainer)

    def _hear(self, trainer: Any) -> None:
        steps = say(trainer, END)
        if steps == END:
            self.ended = True
            raise StopTraining("the first process ends here")
        trainer.settings = replace(trainer.settings, steps=steps)


def follow(trainer: Any) -> None:
    """Trains along until the first process says that it is over."""
    follows = _Follows()
    while not follows.ended:
        run(trainer, [follows])


def say(trainer: Any, number: int) -> int:
    """What the first process says, for all of them."""
    world = getattr(trainer, "world", None)
    return number if world is None else int(world.agree(number, trainer.device))


def ignore_signals() -> None:
    """An end is for the first process to decide, which saves before."""
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
