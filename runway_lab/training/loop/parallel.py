"""One training on several devices: `torchrun --nproc-per-node 2 -m ...` starts a process for each.

Each process takes its share of every batch. After the backward pass gradients are averaged, so all take the same step
and hold the same networks; nothing but gradients and a few numbers travels. Only the first process writes files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import Tensor

from runway_lab.errors import BadValue

__all__ = ["World"]


class World:
    """The processes of one training: this one's number and how many there are. Alone, everything here is free."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @classmethod
    def from_environment(cls) -> World:
        """As `torchrun` says; without it, alone."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        import torch.distributed as dist

        if not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(dist.get_rank(), size)

    @property
    def device(self) -> str:
        """The device for this process, where there are several."""
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"

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
