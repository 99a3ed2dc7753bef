"""The StyleGANs that ship."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from runway_lab import catalog, latents, stylegan
from runway_lab.models.starters import ENTRY, starters

IDS = sorted(starters())


def test_there_are_some() -> None:
    assert "stylegan/faces" in IDS


@pytest.mark.parametrize("id", IDS)
def test_the_weights_are_those_of_the_card(id: str) -> None:
    card = catalog.card(id)
    path = starters()[id]
    assert card.run.entry == ENTRY
    assert path.stat().st_size == card.files[0].size < 16 << 20
    assert hashlib.sha256(path.read_bytes()).hexdigest() == card.files[0].sha256


@pytest.mark.parametrize("id", IDS)
def test_a_training_can_begin_with_it(id: str) -> None:
    checkpoint = stylegan.load(starters()[id])
    assert checkpoint.discriminator is not None
    assert checkpoint.licence == "CC0-1.0"
    assert checkpoint.recipe["steps"] > 0


@pytest.mark.parametrize("id", IDS)
def test_its_pictures_are_varied_and_in_range(id: str) -> None:
    generator = stylegan.load(starters()[id]).generator
    z = torch.from_numpy(np.stack([latents.seed(number, generator.z_dim).values for number in range(16)])).float()
    with torch.no_grad():
        images = generator.synthesize(generator.map(z))
    assert images.abs().mean() < 1
    assert 0.15 < images.std() < 1
    # No two are alike.
    flat = images.flatten(1)
    apart = torch.cdist(flat, flat) / flat.shape[1] ** 0.5
    assert apart[~torch.eye(16, dtype=torch.bool)].min() > 0.05
