"""From z (and a label) to w: the mapping network, and the fully connected layer all networks share.

Layers keep their weights at unit variance and scale them at run time by gain = lr_multiplier /
sqrt(inputs), the equalised learning rate of Karras et al., "Progressive Growing of GANs" (2018, section
4.1); a mapping layer has an lr_multiplier of 0.01, so what is stored has a standard deviation of 100. The
mapping follows Karras et al., "A Style-Based Generator Architecture" (2019):

    z <- z / sqrt(mean(z^2) + 1e-8)          a label's embedding likewise, joined behind z
    w = fc_n(... fc_0(z))                    leaky ReLU 0.2 times sqrt(2) after each, the last one included
    w <- w_avg + psi (w - w_avg)             truncation, for the layers before the cut-off

The discriminator of a model with labels has a mapping too, fed with the label alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ACTIVATIONS", "Dense", "Mapping", "normalize"]

ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "linear": (lambda x: x, 1.0),
    "lrelu": (lambda x: F.leaky_relu(x, 0.2), math.sqrt(2)),
    "relu": (F.relu, math.sqrt(2)),
    "sigmoid": (torch.sigmoid, 1.0),
    "swish": (F.silu, math.sqrt(2)),
    "tanh": (torch.tanh, 1.0),
}


def normalize(x: Tensor) -> Tensor:
    """Each row scaled to a mean square of one."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class Dense(nn.Module):
    """A fully connected layer with equalised learning rate.

    >>> Dense(4, 2)(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        activation: str = "linear",
        lr_multiplier: float = 1.0,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.lr_multiplier = lr_multiplier
        self.gain = lr_multiplier / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full([outputs], bias / lr_multiplier))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.addmm(self.bias, x.to(self.weight.dtype), self.weight.T, beta=self.lr_multiplier, alpha=self.gain)
        function, gain = ACTIVATIONS[self.activation]
        x = function(x)
        return x * gain if gain != 1.0 else x


class Mapping(nn.Module):
    """z [N, z_dim] and labels [N, c_dim] to w [N, w_dim]; keeps the running mean `w_avg`.

    `z_dim` 0 leaves the label alone, as in a discriminator.
    """

    w_avg: Tensor

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        *,
        layers: int = 8,
        embed_features: int | None = None,
        layer_features: int | None = None,
        activation: str = "lrelu",
        lr_multiplier: float = 0.01,
        average: bool = True,
    ) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.layers = z_dim, c_dim, w_dim, layers
        embedded = 0
        if c_dim:
            embedded = w_dim if embed_features is None else embed_features
            self.embed = Dense(c_dim, embedded)
        hidden = w_dim if layer_features is None else layer_features
        widths = [z_dim + embedded, *[hidden] * (layers - 1), w_dim]
        for i in range(layers):
            dense = Dense(widths[i], widths[i + 1], activation=activation, lr_multiplier=lr_multiplier)
            self.add_module(f"fc{i}", dense)
        if average:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor | None, labels: Tensor | None = None) -> Tensor:
        parts = []
        if self.z_dim:
            assert z is not None
            parts.append(normalize(z.float()))
        if self.c_dim:
            assert labels is not None
            parts.append(normalize(self.embed(labels.float())))
        x = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
        for i in range(self.layers):
            x = self.get_submodule(f"fc{i}")(x)
        return x

    @torch.no_grad()
    def track(self, w: Tensor, beta: float = 0.995) -> None:
        """Move the running mean towards the mean of a training batch."""
        self.w_avg.lerp_(w.detach().float().mean(dim=0), 1 - beta)

    def truncate(self, ws: Tensor, psi: float, cutoff: int | None) -> Tensor:
        """Pull `ws` [N, num_ws, w_dim] towards the mean, in the layers before `cutoff` (None: in all)."""
        if psi == 1.0:
            return ws
        end = ws.shape[1] if cutoff is None else cutoff
        return torch.cat([torch.lerp(self.w_avg, ws[:, :end], psi), ws[:, end:]], dim=1)
