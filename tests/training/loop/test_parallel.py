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
place = sys.argv[1]
pictures = np.random.default_rng(0).integers(0, 255, (24, 16, 16, 3), np.uint8)
settings = TrainingSettings(batch=8, channel_base=64, channel_max=8, samples=2, threads=1, gamma=1, r1_every=2,
                            path_length=True, path_every=3, precision="float32", augment=("shift",), augment_kimg=0.1,
                            device="cpu,cpu")
def seen(trainer):
    state = trainer.state()
    return torch.cat([each.flatten().float() for name in ("live", "generator", "discriminator")
                      for each in state[name].values()] + [state["path_mean"].flatten()]).numpy()
trainer = Trainer(settings, pictures)
rank = trainer.world.rank
for step in range(6):
    losses = trainer.one_step()
    if step == 2 and rank == 0:
        trainer.write_state(place + "/state.pt")
np.save(place + f"/whole-{rank}.npy", seen(trainer))
np.save(place + f"/losses-{rank}.npy", list(losses.values()))
np.save(place + f"/chance-{rank}.npy", trainer.state()["chance"].numpy())
again = Trainer(settings, pictures)
again.read_state(place + "/state.pt")
for _ in range(3):
    again.one_step()
np.save(place + f"/again-{rank}.npy", seen(again))
np.save(place + f"/agreed-{rank}.npy", trainer.world.agree(7 + rank, trainer.device))
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


def test_each_process_has_its_device() -> None:
    assert World().device("cuda:1") == "cuda:1"
    assert World(1, 2).device("cuda:0, cuda:3") == "cuda:3"
    with pytest.raises(BadValue, match="2 devices for 1 process"):
        World().device("cpu,cpu")


def test_the_others_chance_is_drawn_anew_at_each_step() -> None:
    assert World(0, 2).chance(0, 5, 1.0) is None
    drawn = {World(rank, 3).chance(0, step, rate) for rank in (1, 2) for step in (5, 6) for rate in (1.0, 0.5)}
    assert len(drawn) == 8
    assert World(1, 3).chance(0, 5, 1.0) in drawn


@pytest.mark.slow
def test_two_processes_hold_the_same_networks_and_go_on_as_if_never_stopped(tmp_path: Path) -> None:
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

    def both(name: str) -> tuple[np.ndarray, np.ndarray]:
        return np.load(tmp_path / f"{name}-0.npy"), np.load(tmp_path / f"{name}-1.npy")

    first, second = both("whole")
    assert np.array_equal(first, second), "weights, running means of w and of the path"
    assert np.array_equal(*both("losses"))
    assert not np.array_equal(*both("chance")), "they draw different points"
    for again in both("again"):
        assert np.array_equal(again, first)
    assert [int(each) for each in both("agreed")] == [7, 7]
