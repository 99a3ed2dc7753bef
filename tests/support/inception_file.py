"""A file as the FID's Inception network comes in, with random weights and few channels."""

from __future__ import annotations

from pathlib import Path

import torch
from torchvision.models.inception import Inception3

NARROWER = 16


def random_state(narrower: int = NARROWER, classes: int = 1008) -> dict[str, torch.Tensor]:
    """The names and shapes of the network, each layer with a share of its channels."""
    with torch.device("meta"):
        shapes = Inception3(num_classes=classes, aux_logits=False, init_weights=False).state_dict()
    random = torch.Generator().manual_seed(5)
    state = {}
    for name, like in shapes.items():
        shape = list(like.shape)
        for axis in range(min(len(shape), 2)):
            # The three colours and the classes stay what they are.
            if shape[axis] not in (3, classes):
                shape[axis] = shape[axis] // narrower
        values = torch.randn(shape, generator=random)
        if name.endswith(("running_var", "bn.weight")):
            values = values.abs() + 0.5
        elif name.endswith("conv.weight"):
            values *= (2 / values[0].numel()) ** 0.5
        elif name.endswith(("bias", "running_mean")):
            values *= 0.1
        state[name] = torch.zeros((), dtype=torch.long) if name.endswith("tracked") else values
    return state


def write(path: Path, state: dict[str, torch.Tensor] | None = None) -> Path:
    torch.save(random_state() if state is None else state, path)
    return path
