"""How many pictures fit into memory at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from runway_lab.stylegan.stylegan2 import StyleGAN2Config
from runway_lab.training.loop import Trainer, TrainingSettings
from runway_lab.training.loop.fitting import pictures_at_once


def test_fewer_pictures_at_once_where_memory_is_short() -> None:
    config = StyleGAN2Config(resolution=64, channel_base=2048, channel_max=128)
    assert pictures_at_once(config, 16, torch.bfloat16, free=8 << 30) == 16
    little = pictures_at_once(config, 16, torch.bfloat16, free=200 << 20)
    assert 2 <= little < 16
    assert 16 % little == 0
    assert pictures_at_once(config, 16, torch.float32, free=200 << 20) <= little
    assert pictures_at_once(config, 16, torch.bfloat16, free=0) == 2


def test_a_training_goes_on_with_the_part_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (8, 16, 16, 3), np.uint8)
    settings = TrainingSettings(batch=8, channel_base=64, channel_max=8, samples=2, threads=1)
    monkeypatch.setattr("runway_lab.training.loop.trainer.free_memory", lambda device: 100)
    short = Trainer(settings, pictures)
    assert short.part == 2
    assert any("take turns" in line for line in short.taken_over)
    short.one_step()
    monkeypatch.undo()
    roomy = Trainer(settings, pictures)
    assert roomy.part == 8
    roomy.restore(short.state())
    assert (roomy.part, roomy.discriminator.b4.group) == (2, 2)
    roomy.one_step()
