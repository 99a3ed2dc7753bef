"""Ways to edit, found without any labels.

Two methods, both of which give directions in W, the one that a network's own weights favour most first:

- `sefa`, in closed form: Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs" (2021). What w does
  to a layer it does through the affine map A that gives the styles, so the directions that change the styles most are
  the eigenvectors of A^T A with the largest eigenvalues (eq. 5).
- `pca`, from samples: Härkönen et al., "GANSpace: Discovering Interpretable GAN Controls" (2020). The principal axes of
  the w that random z are mapped to; each is scaled to one standard deviation.

A range of layers restricts what is looked at (sefa) and what is edited (both): coarse layers pose and shape,
fine ones colour.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from runway_lab.errors import BadValue
from runway_lab.latents import Direction
from runway_lab.stylegan.errors import Incompatible
from runway_lab.stylegan.generator import Generator
from runway_lab.stylegan.mapping import Dense
from runway_lab.stylegan.stylegan2 import StyleGAN2

__all__ = ["apply", "pca", "sefa"]


@torch.no_grad()
def sefa(generator: Generator, count: int = 10, layers: tuple[int, int] | None = None) -> list[Direction]:
    """The `count` directions that change the styles of `layers` (first and last of the ws) most."""
    first, last = _range(generator, layers)
    maps = [weight for index, weight in _affines(generator) if first <= index <= last]
    rows = torch.cat([weight / weight.norm(dim=1, keepdim=True).clamp(min=1e-8) for weight in maps])
    values, vectors = torch.linalg.eigh(rows.T @ rows)
    order = torch.arange(len(values) - 1, -1, -1)[:count]
    total = float(values.sum())
    scale = _typical_length(generator)
    return [
        Direction(
            f"sefa {i + 1}",
            (_facing(vectors[:, j]) * scale).numpy(),
            layers,
            "SeFa",
            float(values[j]) / total,
        )
        for i, j in enumerate(order.tolist())
    ]


@torch.no_grad()
def pca(
    generator: Generator,
    count: int = 10,
    layers: tuple[int, int] | None = None,
    *,
    samples: int = 10_000,
    seed: int = 0,
) -> list[Direction]:
    """The `count` main axes of W, as `samples` random points show them; labels, if any, are drawn evenly."""
    _range(generator, layers)
    w = _sampled(generator, samples, seed)
    w = w - w.mean(dim=0)
    values, vectors = torch.linalg.eigh(w.T @ w / (len(w) - 1))
    order = torch.arange(len(values) - 1, -1, -1)[:count]
    total = float(values.clamp(min=0).sum())
    return [
        Direction(
            f"pca {i + 1}",
            (_facing(vectors[:, j]) * values[j].clamp(min=0).sqrt()).numpy(),
            layers,
            "PCA",
            float(values[j].clamp(min=0)) / total,
        )
        for i, j in enumerate(order.tolist())
    ]


def apply(ws: Tensor, direction: Direction, amount: float) -> Tensor:
    """`ws` [N, num_ws, w_dim] moved `amount` steps along a direction, in its layers."""
    if direction.vector.shape != (ws.shape[2],):
        raise Incompatible(
            f"The direction {direction.name!r} has {len(direction.vector)} numbers, these ws {ws.shape[2]}.",
            hint="It belongs to another model.",
        )
    step = torch.from_numpy(np.array(direction.vector)).to(ws) * amount
    if direction.layers is None:
        return ws + step
    first, last = direction.layers
    moved = ws.clone()
    moved[:, first : last + 1] += step
    return moved


def _range(generator: Generator, layers: tuple[int, int] | None) -> tuple[int, int]:
    first, last = (0, generator.num_ws - 1) if layers is None else layers
    if not 0 <= first <= last < generator.num_ws:
        raise BadValue(f"There are no layers {first} to {last}.", hint=f"The layers are 0 to {generator.num_ws - 1}.")
    return first, last


def _affines(generator: Generator) -> list[tuple[int, Tensor]]:
    """Which of the ws each affine map takes, and its matrix. RGB layers change colours only, and are left out."""
    found: list[tuple[int, Tensor]] = []
    if isinstance(generator, StyleGAN2):
        network = generator.synthesis
        for start, block in zip(network.starts, network.blocks, strict=True):
            found += [(start + i, _weight(conv)) for i, conv in enumerate(block.convs)]
        # The last of the ws belongs to an RGB layer alone.
        found.append((generator.num_ws - 1, _weight(network.blocks[-1].torgb)))
        return found
    names = getattr(generator.synthesis, "layer_names", ())
    for i, name in enumerate(names):
        found.append((i + 1, _weight(generator.get_submodule(f"synthesis.{name}"))))
    found.append((0, _weight(generator.get_submodule("synthesis.input"))))
    return found


def _weight(layer: nn.Module) -> Tensor:
    affine = layer.affine
    assert isinstance(affine, Dense)
    return affine.weight.detach().float().cpu()


def _facing(vector: Tensor) -> Tensor:
    """An eigenvector's sign is chance; the largest number is made positive, so that it is the same on each machine."""
    return vector * torch.sign(vector[vector.abs().argmax()])


def _typical_length(generator: Generator) -> float:
    """How far random points of W lie from their mean along one axis, so that one step is a step."""
    w = _sampled(generator, 1000, 0)
    return float((w - w.mean(dim=0)).square().sum(dim=1).mean().sqrt()) / generator.w_dim**0.5 or 1.0


def _sampled(generator: Generator, samples: int, seed: int) -> Tensor:
    random = np.random.RandomState(seed)
    z = torch.from_numpy(random.randn(samples, generator.z_dim)).float().to(generator.device)
    labels = None
    if generator.c_dim:
        labels = torch.from_numpy(random.randint(generator.c_dim, size=samples)).to(generator.device)
    w: Tensor = generator.mapping(z, generator.one_hot(labels, samples))
    return w.float().cpu()
