"""What the two networks are trained on: each a small function of logits, pictures or ws.

From Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (2020), with its lazy
regularisation: the penalties are asked only every few steps, and whoever asks multiplies them by that
number.

    generator      softplus(-D(fake))                                    non-saturating
    critic         softplus(D(fake)) + softplus(-D(real))
    R1             gamma/2 |d D(x) / d x|^2 at real x                    Mescheder et al. (2018)
    path length    2 (|J^T y| - a)^2,  J = d image / d w                 a: running mean of |J^T y|

Nothing here weighs anything: gamma, the 2 and the number of steps belong to the trainer.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from runway_lab.stylegan.learning import slopes_of_inputs

__all__ = ["PathLength", "critic_loss", "generator_loss", "gradient_penalty", "mixed"]


def generator_loss(logits: Tensor) -> Tensor:
    """Small where the critic takes the generated pictures for real ones."""
    return F.softplus(-logits).mean()


def critic_loss(fake_logits: Tensor, real_logits: Tensor) -> Tensor:
    """Small where the critic tells the two apart; the sum may be split, as each half is a mean."""
    return F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """|d logit / d picture|^2, the mean over the batch: R1 without its gamma/2.

    `images` must ask for gradients and `logits` come from them, through the augmentation where there is one.
    """
    with slopes_of_inputs():
        (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slope.float().square().sum(dim=(1, 2, 3)).mean()


class PathLength:
    """How unevenly a step in W moves the picture, beside the running mean of how far such steps move it.

    `mean` is all it remembers; it belongs to the state of a training run.
    """

    decay = 0.01

    def __init__(self, mean: Tensor | float = 0.0) -> None:
        self.mean = torch.as_tensor(mean, dtype=torch.float32)

    def __call__(self, images: Tensor, ws: Tensor, source: torch.Generator | None = None) -> Tensor:
        """The penalty without its weight; `images` are those the generator made of `ws` [N, num_ws, w_dim].

        Half a batch is enough. The direction y is normal noise, drawn from `source`; a picture has many
        pixels, so y is scaled for the length not to depend on their number.
        """
        height, width = images.shape[2:]
        direction = torch.randn(images.shape, generator=source, device=images.device) / math.sqrt(height * width)
        with slopes_of_inputs():
            (slope,) = torch.autograd.grad((images * direction).sum(), ws, create_graph=True)
        lengths = slope.square().sum(dim=2).mean(dim=1).sqrt()
        mean = self.mean.to(lengths.device).lerp(lengths.mean(), self.decay)
        self.mean = mean.detach()
        return (lengths - mean).square().mean()


def mixed(ws_a: Tensor, ws_b: Tensor, probability: float, generator: torch.Generator | None = None) -> Tensor:
    """Style mixing: with `probability` the layers from a random one on take the ws of another point.

    Both are [N, num_ws, w_dim] and the whole batch is cut at one place, at least one layer from either end.
    The same two numbers are drawn whether it cuts or not, so that a seed means the same run everywhere.
    """
    layers = ws_a.shape[1]
    chance = float(torch.rand([], generator=generator))
    cut = int(torch.randint(1, max(layers, 2), [], generator=generator))
    if chance >= probability or cut >= layers:
        return ws_a
    return torch.cat([ws_a[:, :cut], ws_b[:, cut:]], dim=1)
