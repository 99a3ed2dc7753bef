"""What every generator here offers, whichever generation it is of: z to ws, ws to a picture.

    ws = generator.map(z, labels, psi=0.7)      [N, z_dim] -> [N, num_ws, w_dim]
    images = generator.synthesize(ws)           [N, num_ws, w_dim] -> [N, C, H, W] around [-1, 1], not clipped

`precision` is the type that convolutions are computed in. Weights stay in float32, and so do styles,
demodulation and the sum of the RGB layers; `best_precision` knows what a device is good at.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from runway_lab.errors import BadValue
from runway_lab.stylegan.errors import Incompatible
from runway_lab.stylegan.mapping import Mapping

__all__ = ["Generator", "Noise", "Seed", "best_precision", "check_labels", "noise_source"]

Noise = Literal["const", "random", "none"]
Seed = int | torch.Generator | None


def best_precision(device: torch.device | str = "cpu") -> torch.dtype:
    """The fastest type of which nobody sees the difference: bfloat16 where it is native, else float32.

    >>> best_precision("meta")
    torch.float32
    """
    kind = torch.device(device).type
    if kind == "cuda":
        # Older cards only imitate bfloat16, slowly.
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if kind == "cpu":
        asked = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
        return torch.bfloat16 if any(ask is not None and ask() for ask in asked) else torch.float32
    return torch.float32


def noise_source(noise: str, seed: Seed, device: torch.device) -> torch.Generator | None:
    """The source of random noise; a number gives the same noise each time."""
    if noise not in ("const", "random", "none"):
        raise BadValue(f"Noise cannot be {noise!r}.", hint="It is 'const', 'random' or 'none'.")
    if isinstance(seed, int):
        return torch.Generator(device).manual_seed(seed)
    return seed


class Generator(nn.Module):
    """A mapping and a synthesis network; see `StyleGAN2` and `StyleGAN3`."""

    config: Any
    mapping: Mapping
    z_dim: int
    c_dim: int
    w_dim: int
    num_ws: int
    img_channels: int
    size: tuple[int, int]

    def __init__(self) -> None:
        super().__init__()
        self.precision = torch.float32

    @property
    def device(self) -> torch.device:
        return self.mapping.w_avg.device

    def map(self, z: Tensor, labels: Tensor | None = None, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """z [N, z_dim] to ws [N, num_ws, w_dim], truncated by `psi` in the layers before `cutoff`.

        `labels` is [N, c_dim] (one-hot or a blend) or [N] class numbers; a model without labels ignores it.
        """
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise Incompatible(f"z has the shape {list(z.shape)}.", hint=f"This model takes [N, {self.z_dim}].")
        w = self.mapping(z, self.one_hot(labels, z.shape[0]))
        return self.mapping.truncate(self.broadcast(w), psi, cutoff)

    def broadcast(self, w: Tensor) -> Tensor:
        """w [N, w_dim] to ws [N, num_ws, w_dim], the same for each layer."""
        return w.unsqueeze(1).expand(-1, self.num_ws, -1)

    def one_hot(self, labels: Tensor | None, count: int) -> Tensor | None:
        """Class numbers or rows of weights as [N, c_dim]; None for a model without labels."""
        return check_labels(labels, self.c_dim, count)

    def synthesize(self, ws: Tensor, noise: Noise = "const", *, seed: Seed = None) -> Tensor:
        """ws [N, num_ws, w_dim] to images [N, C, H, W]."""
        raise NotImplementedError

    def check_ws(self, ws: Tensor) -> None:
        if ws.ndim != 3 or tuple(ws.shape[1:]) != (self.num_ws, self.w_dim):
            raise Incompatible(
                f"ws has the shape {list(ws.shape)}.",
                hint=f"This model takes [N, {self.num_ws}, {self.w_dim}]; `generator.map(z)` gives it.",
            )

    def forward(
        self,
        z: Tensor,
        labels: Tensor | None = None,
        psi: float = 1.0,
        cutoff: int | None = None,
        noise: Noise = "const",
    ) -> Tensor:
        return self.synthesize(self.map(z, labels, psi, cutoff), noise)


def check_labels(labels: Tensor | None, c_dim: int, count: int) -> Tensor | None:
    """`labels` as [count, c_dim], or None where the network has no labels."""
    if not c_dim:
        return None
    if labels is None:
        raise BadValue(f"This model was trained with {c_dim} labels.", hint="Pass labels=, one for each picture.")
    if labels.ndim == 1 and not labels.is_floating_point():
        if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < c_dim:
            raise BadValue("There is no such label.", hint=f"This model's labels are 0 to {c_dim - 1}.")
        labels = torch.nn.functional.one_hot(labels, c_dim)
    if labels.ndim != 2 or labels.shape[1] != c_dim or labels.shape[0] not in (1, count):
        raise Incompatible(
            f"The labels have the shape {list(labels.shape)}.", hint=f"This model takes [{count}, {c_dim}]."
        )
    return labels.float().expand(count, -1)
