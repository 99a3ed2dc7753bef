"""The recipe for `generate/planets`: a variational autoencoder of drawn worlds.

The encoder looks at a small picture of a world and describes it in 64 numbers; the decoder draws it from them, a
thousand pixels at a time, since it can draw any pixel without the others. In the first third the encoder is told
how large each world is, how it is turned and where the light is: five of the numbers it was drawn from. That
gives it a sense of direction; all the rest it has to find out. Afterwards the space is straightened: an affine
map takes normally distributed numbers to where the encoder put the worlds.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from runway_lab.models.planets import LATENT, SIDE, Planets, render
from runway_lab.models.recipes.covers import sheet, smaller, write
from runway_lab.models.recipes.drawing import Floats
from runway_lab.models.recipes.training import Average, Lesson, follow, quick, set_rate
from runway_lab.models.recipes.worlds import properties, worlds

__all__ = ["Encoder", "PlanetLesson"]

BATCH, PIXELS = 32, 1024
DRAWN = 128
"""The side of the drawn pictures."""

UNSEEN = 1_000_000
"""Worlds from this number on are for measuring."""


class Encoder(nn.Module):
    """Pictures of 64 x 64 -> mean and logarithm of the variance of their latents."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, 32, 64, 96, 128]
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [nn.Conv2d(a, b, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.see = nn.Sequential(*layers)
        self.describe = nn.Sequential(nn.Linear(128 * 16, 256), nn.LeakyReLU(0.2), nn.Linear(256, 2 * LATENT))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, spread = self.describe(self.see(x).flatten(1)).chunk(2, dim=1)
        return mean, spread.clamp(-10, 4)


class PlanetLesson(Lesson):
    name = "planets"
    pictures = 8000

    def __init__(self, seed: int, pictures: int) -> None:
        self.drawn = torch.from_numpy(worlds(pictures, seed)).permute(0, 3, 1, 2).contiguous()
        self.numbers = torch.from_numpy(properties(pictures, seed))
        self.chance = torch.Generator().manual_seed(seed)
        self.decoder = Planets()
        self.encoder = Encoder().to(memory_format=torch.channels_last)
        self.average = Average(self.decoder, 0.998)
        self.learn = torch.optim.Adam([*self.decoder.parameters(), *self.encoder.parameters()], betas=(0.9, 0.99))

    def places(self) -> tuple[Tensor, Tensor]:
        """Rows and columns of some pixels: half of them anywhere, half where the planet is."""
        anywhere = torch.randint(DRAWN, (2, PIXELS // 2), generator=self.chance)
        reach = 0.33 * DRAWN * torch.rand(PIXELS // 2, generator=self.chance).sqrt()
        turn = 6.2832 * torch.rand(PIXELS // 2, generator=self.chance)
        disc = torch.stack([reach * turn.sin(), reach * turn.cos()]) + DRAWN / 2
        row, column = torch.cat([anywhere, disc.long()], dim=1)
        return row, column

    def step(self, i: int, steps: int) -> str:
        done = i / steps
        set_rate(self.learn, 2e-3, done)
        chosen = torch.randint(len(self.drawn), (BATCH,), generator=self.chance)
        large = self.drawn[chosen]
        row, column = self.places()
        target = large[:, :, row, column].transpose(1, 2).float() / 255
        with quick():
            mean, spread = (part.float() for part in self.encoder(_seen(large)))
        w = mean + torch.exp(0.5 * spread) * torch.randn(mean.shape, generator=self.chance)
        # Edges are soft at first, so that a planet that is a little off still feels in which direction.
        pixel = 2 / DRAWN * (1 + 7 * max(0.0, 1 - 4 * done))
        x, y = (column + 0.5) * (2 / DRAWN) - 1, 1 - (row + 0.5) * (2 / DRAWN)
        drawn = self.decoder.decode(w, x, y, pixel)
        off = (drawn - target).abs().mean() + 3 * (drawn - target).square().mean()
        surprise = 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(1).mean()
        loss = off + 6e-6 * min(1.0, done * 10) * surprise
        told = max(0.0, 1 - 3 * done)
        if told:
            pose = self.decoder.pose(w)[:, :5]
            loss = loss + 0.1 * told * (pose - self.numbers[chosen, :5]).square().mean()
        self.learn.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_([*self.decoder.parameters(), *self.encoder.parameters()], 0.5)
        self.learn.step()
        self.average.follow(self.decoder)
        return f"off {off.item():.4f}, {surprise.item():.0f} nats"

    @torch.no_grad()
    def straighten(self) -> None:
        """Make normally distributed z land where the encoder puts the worlds, the most visible directions first."""
        means, spreads = [], []
        for start in range(0, min(len(self.drawn), 6000), 256):
            mean, spread = self.encoder(_seen(self.drawn[start : start + 256]))
            means.append(mean)
            spreads.append(spread.exp())
        mean, noise = torch.cat(means), torch.cat(spreads).mean(0)
        centred = mean - mean.mean(0)
        covariance = (centred.T @ centred) / len(mean) + torch.diag(noise)
        root = torch.linalg.cholesky(covariance)
        turn = root @ self.visible(mean.mean(0), root)
        for network in (self.decoder, self.average.network):
            network.turn.copy_(turn)  # type: ignore[operator]
            network.middle.copy_(mean.mean(0))  # type: ignore[operator]

    def visible(self, middle: Tensor, root: Tensor) -> Tensor:
        """An orthogonal matrix whose first columns change pictures most."""
        z = torch.randn(24, LATENT, generator=self.chance) * 0.7
        row, column = self.places()
        x, y = (column + 0.5) * (2 / DRAWN) - 1, 1 - (row + 0.5) * (2 / DRAWN)
        base = self.decoder.decode(middle + z @ root.T, x, y, 2 / DRAWN)
        changes = []
        for axis in torch.eye(LATENT):
            moved = self.decoder.decode(middle + (z + 0.2 * axis) @ root.T, x, y, 2 / DRAWN)
            changes.append((moved - base).flatten(1))
        change = torch.stack(changes, dim=1)
        directions: Tensor = torch.linalg.eigh(torch.einsum("nap,nbp->ab", change, change))[1]
        return directions.flip(1)

    def network(self) -> nn.Module:
        self.straighten()
        return self.average.network

    @staticmethod
    def measure(network: nn.Module, pictures: int = 200) -> dict[str, float]:
        """Variety and crispness, dreamt against drawn (1.0: the same); smoothness of walks."""
        chance = np.random.default_rng(7)
        z = chance.standard_normal((pictures, LATENT)).astype(np.float32)
        dreamt = render(network, z).astype(np.float32) / 255
        drawn = worlds(pictures, 0, SIDE, first=UNSEEN).astype(np.float32) / 255
        walk = render(network, np.linspace(z[0], z[1], 64)).astype(np.float32) / 255
        steps = np.abs(np.diff(walk, axis=0)).mean(axis=(1, 2, 3))
        return {
            "variety": _variety(dreamt) / _variety(drawn),
            "variety_0.8": _variety(render(network, 0.8 * z).astype(np.float32) / 255) / _variety(drawn),
            "crispness": _crispness(dreamt) / _crispness(drawn),
            "largest_step_over_mean": float(steps.max() / steps.mean()),
        }

    @staticmethod
    def gallery(network: nn.Module, folder: Path) -> None:
        chance = np.random.default_rng(11)
        found = render(network, 0.9 * chance.standard_normal((20, LATENT)))
        write(smaller(sheet(found[:15], 5), 960)[18:558], folder / "generate-planets-cover.webp")
        write(smaller(sheet(found, 5), 960), folder / "generate-planets-sheet.webp")
        start, end = chance.standard_normal((2, 3, 1, LATENT))
        turn = np.linspace(0, np.pi / 2, 6)[None, :, None]
        walk = 0.8 * (np.cos(turn) * start + np.sin(turn) * end)
        write(smaller(sheet(render(network, walk.reshape(-1, LATENT)), 6), 960), folder / "generate-planets-walk.webp")


def _variety(pictures: Floats) -> float:
    """How different two pictures are on average."""
    half = len(pictures) // 2
    return float(np.sqrt(np.square(pictures[:half] - pictures[half : 2 * half]).mean(axis=(1, 2, 3))).mean())


def _crispness(pictures: Floats) -> float:
    """The mean difference between neighbouring pixels."""
    return float(np.abs(np.diff(pictures, axis=1)).mean() + np.abs(np.diff(pictures, axis=2)).mean())


def _seen(pictures: Tensor) -> Tensor:
    """What the encoder looks at: half the size, -1..1."""
    small = F.avg_pool2d(pictures.float(), 2) / 127.5 - 1
    return small.contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    follow(PlanetLesson, Planets)
