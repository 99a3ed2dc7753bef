"""One training in several processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from runway_lab.errors import BadValue
from runway_lab.training.loop.parallel import World

SCRIPT = """
import sys, numpy as np, torch
from runway_lab.training.loop import Trainer, TrainingSettings
pictures = np.random.default_rng(0).integers(0, 255, (24, 16, 16, 3), np.uint8)
settings = TrainingSettings(batch=8, channel_base=64, channel_max=8, samples=2, threads=1, gamma=1, r1_every=2,
                            precision="float32", augment=("shift",), augment_kimg=0.1, device="cpu")
trainer = Trainer(settings, pictures)
for _ in range(5):
    trainer.one_step()
state = trainer.state()
flat = torch.cat([each.flatten().float() for name in ("live", "discriminator") for each in state[name].values()
                  if each.dim()])
np.save(sys.argv[1] + f"/{trainer.world.rank}.npy", flat.numpy())
np.save(sys.argv[1] + f"/chance-{trainer.world.rank}.npy", state["chance"].numpy())
import torch.distributed as dist
dist.destroy_process_group()
"""


def test_alone_everything_is_free() -> None:
    tensor = torch.ones(3)
    World().average([tensor])
    assert tensor.tolist() == [1, 1, 1]
    assert World().share(16) == 16


def test_a_batch_that_cannot_be_shared_is_told_in_words() -> None:
    assert World(0, 4).share(16) == 4
    with pytest.raises(BadValue, match="3 processes"):
        World(0, 3).share(16)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_two_processes_hold_the_same_networks_after_different_pictures(tmp_path: Path) -> None:
    environment = os.environ | {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "OMP_NUM_THREADS": "1",
    }
    running = [
        subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], env=environment | {"RANK": str(rank)})
        for rank in range(2)
    ]
    assert [each.wait(120) for each in running] == [0, 0]
    first, second = (np.load(tmp_path / f"{rank}.npy") for rank in range(2))
    # All that is learned is the same; the running mean of w is each one's own.
    assert (first != second).mean() < 0.02
    assert not np.array_equal(np.load(tmp_path / "chance-0.npy"), np.load(tmp_path / "chance-1.npy"))
