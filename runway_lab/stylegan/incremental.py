"""Exploring by steps: recompute only what an edit touches, and show a coarse picture first.

Block by block, a StyleGAN2 turns (features, running RGB) into the next (features, running RGB), and each
block looks at its own few ws only. So after an edit of ws[k:] everything before the block that first reads
w[k] is still valid. In the skip architecture the running RGB is itself a picture: the block at 64x64 ends
with a 64x64 preview of the result, for a fraction of the work, and going on from there repeats nothing.
"""

from __future__ import annotations

import threading

import torch
from torch import Tensor

from runway_lab.errors import BadValue
from runway_lab.stylegan.generator import Noise, Seed, noise_source
from runway_lab.stylegan.stylegan2 import Scaled, StyleGAN2

__all__ = ["IncrementalSynthesis"]


class IncrementalSynthesis:
    """A StyleGAN2 that remembers the blocks of its last picture. Threads take turns.

    >>> from runway_lab.stylegan.stylegan2 import StyleGAN2Config
    >>> config = StyleGAN2Config(resolution=16, z_dim=8, w_dim=8, channel_base=128, channel_max=16)
    >>> G = StyleGAN2(config).requires_grad_(False)
    >>> explore = IncrementalSynthesis(G)
    >>> ws = G.map(torch.randn(1, 8)).clone()
    >>> explore(ws, resolution=8).shape, explore(ws).shape
    (torch.Size([1, 3, 8, 8]), torch.Size([1, 3, 16, 16]))
    >>> explore.computed  # the 16x16 block only: those before were still good
    1
    >>> ws[:, 2:] = 0
    >>> image = explore(ws)
    >>> explore.computed
    2
    """

    def __init__(self, generator: StyleGAN2, noise: Noise = "const", *, seed: Seed = 0) -> None:
        self.generator = generator
        self.computed = 0
        self._noise, self._seed = noise, seed
        self._lock = threading.RLock()
        self.forget()

    def forget(self) -> None:
        """Start afresh: after weights were changed by hand, say `generator.forget()`, and this one knows as well."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._ws: Tensor | None = None
        self._states: list[tuple[Tensor | Scaled, Tensor | None]] = []
        self._settings: tuple[object, ...] = ()
        self._noises: list[list[str | Tensor]] = []

    @property
    def resolutions(self) -> list[int]:
        """At which there is a picture to show, coarse to fine."""
        config = self.generator.config
        return config.resolutions if config.architecture == "skip" else [config.resolution]

    @torch.no_grad()
    def __call__(self, ws: Tensor, resolution: int | None = None) -> Tensor:
        """The picture of `ws` [N, num_ws, w_dim], or its preview at one of `resolutions`.

        `computed` then says how many blocks had to be computed for it.
        """
        self.generator.check_ws(ws)
        if resolution is None:
            resolution = self.resolutions[-1]
        if resolution not in self.resolutions:
            known = ", ".join(map(str, self.resolutions))
            raise BadValue(f"There is no preview at {resolution}.", hint=f"There is one at {known}.")
        with self._lock:
            return self._drawn(ws, resolution)

    def _drawn(self, ws: Tensor, resolution: int) -> Tensor:
        network = self.generator.synthesis
        settings = (len(ws), ws.device, self.generator.precision, network.changes)
        if settings != self._settings:
            self._forget()
            self._settings = settings
            source = noise_source(self._noise, self._seed, self.generator.device)
            self._noises = network.noises(self._noise, len(ws), source)
        ws = ws.float()
        good = self._still_good(ws)
        del self._states[good:]
        last = network.config.resolutions.index(resolution)
        x: Tensor | Scaled | None
        x, rgb = self._states[-1] if self._states else (None, None)
        for i in range(good, last + 1):
            x, rgb = network.step(i, x, rgb, ws, self._noises[i], self.generator.precision)
            self._states.append((x, rgb))
        self.computed = max(last + 1 - good, 0)
        self._ws = ws.clone()
        picture = self._states[last][1]
        assert picture is not None
        return picture.contiguous().clone()

    def _still_good(self, ws: Tensor) -> int:
        """How many blocks of the last picture are those of this one."""
        if self._ws is None:
            return 0
        changed = (ws != self._ws).flatten(2).any(dim=2).any(dim=0)
        network = self.generator.synthesis
        good = 0
        while good < len(self._states) and not changed[network.starts[good] : network.ends[good]].any():
            good += 1
        return good
