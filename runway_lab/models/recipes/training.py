"""What the recipes share: a budget in minutes or steps, a running average, and weights that say how they came about.

A recipe is a `Lesson`: it draws its pictures when it is made, and `step(i, steps)` teaches once. All that depends on
how far the training has come depends on `i / steps`, never on the clock, so a seed and a number of steps always
give the same weights. A budget in minutes is turned into steps beforehand: a rehearsal on a few pictures
measures what drawing a picture and taking a step cost on this machine.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

__all__ = ["Average", "Lesson", "follow", "quick", "save", "set_rate", "teach"]

REHEARSAL = 24


class Lesson(ABC):
    """Pictures drawn and a network ready to learn from them."""

    name: ClassVar[str]
    pictures: ClassVar[int]
    """How many pictures a whole lesson draws."""

    @abstractmethod
    def __init__(self, seed: int, pictures: int) -> None: ...

    @abstractmethod
    def step(self, i: int, steps: int) -> str:
        """Learn once, as the `i`-th of `steps`; a line about how it goes."""

    @abstractmethod
    def network(self) -> nn.Module:
        """What has been learned, ready for use."""

    @staticmethod
    @abstractmethod
    def measure(network: nn.Module, pictures: int = 200) -> dict[str, float]:
        """How good it is, on pictures that were not learned from."""

    @staticmethod
    @abstractmethod
    def gallery(network: nn.Module, folder: Path) -> None:
        """Write the pictures for the model's card."""


def teach(lesson: type[Lesson], seed: int, steps: int, *, pictures: int | None = None) -> nn.Module:
    """Draw, learn, and hand over the network."""
    torch.manual_seed(seed)
    course = lesson(seed, pictures or lesson.pictures)
    started = time.monotonic()
    told = started
    for i in range(steps):
        line = course.step(i, steps)
        if time.monotonic() - told > 10 or i == steps - 1:
            told = time.monotonic()
            print(f"{i + 1:6d}/{steps}  {told - started:4.0f} s  {line}", flush=True)
    return course.network()


def steps_in(lesson: type[Lesson], minutes: float) -> int:
    """How many steps fit, on this machine, beside the drawing."""
    torch.manual_seed(0)
    started = time.monotonic()
    course = lesson(0, 96)
    drawing = (time.monotonic() - started) / 96 * lesson.pictures
    for i in range(4):
        course.step(i, REHEARSAL)
    started = time.monotonic()
    for i in range(4, REHEARSAL):
        course.step(i, REHEARSAL)
    each = (time.monotonic() - started) / (REHEARSAL - 4)
    return max(REHEARSAL, int((minutes * 60 - drawing) / each))


def set_rate(optimiser: torch.optim.Optimizer, peak: float, done: float, *, warm: float = 0.02) -> None:
    """The learning rate after the part `done` (0..1) of the way: a short rise, then half a cosine down to nothing."""
    rate = peak * min(1.0, (done + 1e-4) / warm) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, done)))
    for group in optimiser.param_groups:
        group["lr"] = rate


def quick() -> AbstractContextManager[object]:
    """Brain floats where the processor computes with them, which is nearly twice as quick; nothing elsewhere."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported())


class Average:
    """A running average of a network's weights: calmer than the weights of any one step."""

    def __init__(self, network: nn.Module, memory: float = 0.998) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.memory = memory
        self.seen = 0

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        self.seen += 1
        keep = min(self.memory, 1 - 1 / self.seen)
        now = network.state_dict()
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(now[name], 1 - keep)
            else:
                value.copy_(now[name])


def save(network: nn.Module, path: Path, about: dict[str, str]) -> None:
    """Half-precision weights with their history; the file appears whole or not at all."""
    tensors: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        kept = value.half() if value.is_floating_point() else value
        tensors[name] = kept.contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    save_file(tensors, unfinished, metadata=about)
    unfinished.chmod(0o644)
    os.replace(unfinished, path)


def follow(lesson: type[Lesson], restore: type[nn.Module], arguments: Sequence[str] | None = None) -> None:
    """The command line of a recipe; `restore` makes an untaught network of the kind."""
    order = argparse.ArgumentParser(prog=f"python -m runway_lab.models.recipes.{lesson.name}")
    order.add_argument("--out", type=Path, default=Path(f"{lesson.name}.safetensors"), help="the weights to write")
    order.add_argument("--minutes", type=float, default=8.0, help="how long drawing and learning may take")
    order.add_argument("--steps", type=int, help="how many steps to take, instead of --minutes")
    order.add_argument("--seed", type=int, default=0)
    order.add_argument("--gallery", type=Path, help="a folder for the pictures on the model's card")
    order.add_argument("--only", choices=["gallery", "measure"], help="use the weights at --out as they are")
    wanted = order.parse_args(arguments)

    from safetensors import safe_open

    if wanted.only is None:
        steps = wanted.steps or steps_in(lesson, wanted.minutes)
        started, worked = time.monotonic(), time.process_time()
        network = teach(lesson, wanted.seed, steps)
        about = {
            "recipe": f"runway_lab.models.recipes.{lesson.name}",
            "seed": str(wanted.seed),
            "steps": str(steps),
            "pictures": str(lesson.pictures),
            "minutes": f"{(time.monotonic() - started) / 60:.1f}",
            # What the processor spent, all cores together: the same on a busy machine as on an idle one.
            "core_minutes": f"{(time.process_time() - worked) / 60:.1f}",
            "threads": str(torch.get_num_threads()),
            "parameters": str(sum(p.numel() for p in network.parameters())),
            "licence": "CC0-1.0",
        }
        save(network, wanted.out, about)
    with safe_open(wanted.out, "pt") as file:
        about = dict(file.metadata())
        network = restore()
        network.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})  # noqa: SIM118
    network.eval()
    if wanted.only != "gallery":
        figures = {name: round(value, 4) for name, value in lesson.measure(network).items()}
        print(json.dumps(about | figures, indent=2))
        wanted.out.with_suffix(".json").write_text(json.dumps(about | figures, indent=2) + "\n", encoding="utf-8")
    if wanted.gallery:
        wanted.gallery.mkdir(parents=True, exist_ok=True)
        lesson.gallery(network, wanted.gallery)
