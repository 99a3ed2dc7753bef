"""One training on several devices: `torchrun --nproc-per-node 2 script.py` starts a process for each.

An experiment on several devices (`device="cuda:0,cuda:1"`) is started by its supervisor, with the same variables in
the environment as torchrun sets.

Each process takes its share of every batch. After the backward pass gradients are averaged, so all take the same step
and hold the same networks, running means included; nothing but gradients and a few numbers travels. Only the first
process writes files. The state it writes is all there is to go on from: the others' chance is drawn anew at each step,
from seed, process and step.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from runway_lab.errors import BadValue

__all__ = ["World"]


class World:
    """The processes of one training: this one's number and how many there are. Alone, everything here is free."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @classmethod
    def from_environment(cls, device: str = "auto") -> World:
        """As `torchrun` says; without it, alone. `device` is what was asked for."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        import torch.distributed as dist

        if not dist.is_initialized():
            on_cards = torch.cuda.is_available() and not device.startswith("cpu")
            dist.init_process_group("nccl" if on_cards else "gloo")
        return cls(dist.get_rank(), size)

    def device(self, asked: str) -> str:
        """The device for this process: of several, its own.

        >>> World(1, 2).device("cuda:0,cuda:3")
        'cuda:3'
        """
        named = [each.strip() for each in asked.split(",")]
        here = int(os.environ.get("LOCAL_RANK", self.rank))
        if len(named) > 1:
            if len(named) != self.size:
                raise BadValue(
                    f"{asked} are {len(named)} devices for {self.size} process{'' if self.size == 1 else 'es'}.",
                    hint="Begin it as an experiment, or with torchrun and as many processes as devices.",
                )
            return named[here]
        if self.size > 1 and asked in ("auto", "cuda") and torch.cuda.is_available():
            return f"cuda:{here}"
        return asked

    def share(self, batch: int) -> int:
        """This process's part of a batch."""
        if batch % self.size or batch // self.size < 2:
            raise BadValue(
                f"{batch} pictures cannot be shared by {self.size} processes.",
                hint="Take a batch with at least two pictures for each, the same number for all.",
            )
        return batch // self.size

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replaces each by its mean over the processes."""
        if self.size == 1:
            return
        import torch.distributed as dist

        kept = list(tensors)
        flat = torch.cat([each.reshape(-1) for each in kept])
        dist.all_reduce(flat)
        flat.div_(self.size)
        for each, mean in zip(kept, torch.split(flat, [each.numel() for each in kept]), strict=True):
            each.copy_(mean.view_as(each))

    def mean(self, losses: dict[str, float], device: torch.device) -> dict[str, float]:
        """The mean of each number over the processes; one that is none anywhere is none for all."""
        if self.size == 1:
            return losses
        values = torch.tensor(list(losses.values()), dtype=torch.float64).to(device)
        self.average([values])
        return dict(zip(losses, values.tolist(), strict=True))

    def agree(self, number: int, device: torch.device) -> int:
        """The number that the first process says, for all of them."""
        if self.size == 1:
            return number
        import torch.distributed as dist

        said = torch.tensor([number], dtype=torch.int64, device=device)
        dist.broadcast(said, 0)
        return int(said)

    def chance(self, seed: int, step: int, rate: float) -> tuple[int, int] | None:
        """Seeds for what this process draws in a step; None for the first one, whose chance goes on by itself."""
        if self.rank == 0:
            return None
        drawn = np.random.SeedSequence([seed, self.rank, step, round(1 / rate)]).generate_state(2, np.uint64)
        return int(drawn[0] >> 1), int(drawn[1] >> 1)
