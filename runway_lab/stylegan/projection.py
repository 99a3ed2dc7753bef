"""The w of a picture: search, then descend; needs nothing but the generator.

The usual way (Karras et al. 2020, appendix D; Abdal et al., "Image2StyleGAN", 2019) compares pictures through a
perceptual network, which must be downloaded. Here they are compared as pyramids instead: at each size from the
full one down to 4x4 the difference of the pixels and, above that, of their horizontal and vertical steps.
Coarse levels pull the whole picture into place where fine ones see no slope; steps keep edges sharp. A
perceptual network may be given and then has its say too.

First a few hundred random w are drawn and the nearest is taken. Then Adam moves one w for all layers, later,
for W+, one for each. At first noise is added to w, less and less, so that the descent does not settle in the
first hollow. Where the search began to matter less, a soft pull keeps ws near the mean, as pictures far from it
can be drawn but not edited.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from collections.abc import Generator as Generating
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from runway_lab.errors import BadValue
from runway_lab.latents import Point
from runway_lab.stylegan.errors import Incompatible
from runway_lab.stylegan.generator import Generator

_PART_PIXELS = 1 << 18
"""How much of the search is drawn at once: about a second's work, after which somebody may have had enough."""

__all__ = ["Progress", "Projection", "descend", "project", "psnr"]


@dataclass(frozen=True)
class Progress:
    """Where a projection is: of `steps` this `step`, how close the best so far comes, and the ws of that.

    Step 0 is the search that comes first; it is told of several times.
    """

    step: int
    steps: int
    seconds: float
    psnr: float
    loss: float
    ws: Tensor


@dataclass(frozen=True)
class Projection:
    """The best that was found: `ws` [1, num_ws, w_dim] draw `image`, `psnr` decibels from the picture."""

    ws: Tensor
    image: Tensor
    psnr: float
    space: str
    steps: int
    seconds: float
    stopped: bool

    @property
    def point(self) -> Point:
        """The same as a point, with what is known about it."""
        values: NDArray[np.float32] = self.ws[0].detach().cpu().numpy()
        note = f"projected, {self.psnr:.1f} dB"
        return Point("w", values[0], note=note) if self.space == "w" else Point("w+", values, note=note)

    def __str__(self) -> str:
        close = "a close likeness" if self.psnr >= 25 else "a likeness" if self.psnr >= 18 else "a distant likeness"
        return f"{self.psnr:.1f} dB after {self.steps} steps and {self.seconds:.0f} s: {close}"


def psnr(image: Tensor, target: Tensor) -> float:
    """Peak signal to noise ratio of pictures around [-1, 1], in decibels, as both would be shown (clipped)."""
    error = F.mse_loss(image.clamp(-1, 1), target.clamp(-1, 1)).item()
    return 10 * math.log10(4 / max(error, 1e-10))


def project(
    generator: Generator,
    target: Tensor,
    space: Literal["w", "w+"] = "w+",
    *,
    steps: int = 400,
    seconds: float | None = None,
    seed: int = 0,
    labels: Tensor | None = None,
    rate: float = 0.08,
    features: Callable[[Tensor], Tensor] | None = None,
    progress: Callable[[Progress], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Projection:
    """Find the ws with which `generator` draws `target` [1, C, H, W] (or [C, H, W]) in [-1, 1].

    Ends after `steps`, or `seconds`, or when `stop()` says so, with the best so far, also while it searches for
    where to begin. `progress` is told of the steps. `features` may turn pictures into
    perceptual features of any shape. The generator is left as it was.
    """
    began, stopped = time.monotonic(), False
    descent = descend(generator, target, space, steps=steps, seed=seed, labels=labels, rate=rate, features=features)
    with contextlib.closing(descent):
        for reached in descent:
            if progress is not None and reached.step:
                progress(reached)
            stopped = (stop is not None and stop()) or (seconds is not None and reached.seconds >= seconds)
            if stopped:
                break
    with torch.no_grad():
        image = generator.synthesize(reached.ws)
    close = psnr(image, _batched(target).to(generator.device).float())
    return Projection(reached.ws, image, close, space, reached.step, time.monotonic() - began, stopped)


def descend(
    generator: Generator,
    target: Tensor,
    space: Literal["w", "w+"] = "w+",
    *,
    steps: int = 400,
    seed: int = 0,
    labels: Tensor | None = None,
    rate: float = 0.08,
    features: Callable[[Tensor], Tensor] | None = None,
) -> Generating[Progress, None, None]:
    """The steps of a projection, one at a time, for whoever wants to look in between; the search is step 0."""
    target = _batched(target)
    height, width = generator.size
    if tuple(target.shape) != (1, generator.img_channels, height, width):
        raise Incompatible(
            f"The picture has the shape {list(target.shape)}.",
            hint=f"This model draws {generator.img_channels} channels of {height} x {width}; resize it.",
        )
    if space not in ("w", "w+"):
        raise BadValue(f"A picture cannot be projected into {space!r}.", hint="It is 'w' or 'w+'.")
    if steps < 1:
        raise BadValue(f"A picture cannot be projected in {steps} steps.", hint="A few hundred give a likeness.")
    began = time.monotonic()
    frozen = [parameter.requires_grad for parameter in generator.parameters()]
    generator.requires_grad_(False)
    try:
        descent = _Descent(generator, target.to(generator.device).float(), seed, labels, features)

        def reached(step: int) -> Progress:
            spent = time.monotonic() - began
            return Progress(step, steps, spent, descent.best_psnr, descent.best_loss, descent.best)

        for _ in descent.search():
            yield reached(0)
        for step in range(1, steps + 1):
            descent.step(step, steps, wide=space == "w+" and step > steps // 4, rate=rate)
            yield reached(step)
    finally:
        for parameter, wanted in zip(generator.parameters(), frozen, strict=True):
            parameter.requires_grad_(wanted)


def _batched(target: Tensor) -> Tensor:
    return target[None] if target.ndim == 3 else target


class _Descent:
    """The state of one projection."""

    def __init__(
        self,
        generator: Generator,
        target: Tensor,
        seed: int,
        labels: Tensor | None,
        features: Callable[[Tensor], Tensor] | None,
    ) -> None:
        self.generator, self.target, self.features = generator, target, features
        self.random = torch.Generator().manual_seed(seed)
        self.pyramid = _pyramid(target)
        with torch.no_grad():
            self.goal = None if features is None else features(target)
            w = self._sample(2000, labels)
            self.mean = w.mean(dim=0)
            self.spread = (w - self.mean).square().mean().sqrt().clamp(min=1e-6)
        self.candidates = w[:256]
        self._begin(self.candidates[:1])
        self.best_psnr, self.best_loss = 0.0, math.inf

    def _begin(self, w: Tensor) -> None:
        self.ws = self.generator.broadcast(w).clone().requires_grad_()
        # Adam's state is that of ws in either phase; in W all layers get the mean slope.
        self.adam = torch.optim.Adam([self.ws], betas=(0.9, 0.99))
        self.best = self.ws.detach().clone()

    def step(self, step: int, steps: int, *, wide: bool, rate: float) -> None:
        done = step / steps
        warmth = max(0.0, 1 - done / 0.5) ** 2
        pace = min(1.0, step / (0.05 * steps + 1)) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in self.adam.param_groups:
            group["lr"] = rate * float(self.spread) * max(pace, 0.02)
        shape = (1, self.ws.shape[1] if wide else 1, self.ws.shape[2])
        noise = torch.randn(shape, generator=self.random).to(self.ws) * self.spread * 0.05 * warmth
        image = self.generator.synthesize(self.ws + noise)
        loss = self._difference(image)
        pull = ((self.ws - self.mean) / self.spread).square().mean()
        self.adam.zero_grad()
        torch.autograd.backward(loss + 1e-4 * pull)
        with torch.no_grad():
            if float(loss) < self.best_loss:
                self.best_loss = float(loss)
                self.best, self.best_psnr = (self.ws + noise).detach().clone(), psnr(image, self.target)
            if not wide and self.ws.grad is not None:
                self.ws.grad.copy_(self.ws.grad.mean(dim=1, keepdim=True).expand_as(self.ws))
        self.adam.step()

    def _sample(self, count: int, labels: Tensor | None) -> Tensor:
        z = torch.randn(count, self.generator.z_dim, generator=self.random).to(self.generator.device)
        if self.generator.c_dim and labels is None:
            numbers = torch.randint(self.generator.c_dim, (count,), generator=self.random)
            labels = numbers.to(self.generator.device)
        elif labels is not None:
            labels = labels.repeat(count) if labels.ndim == 1 else labels.expand(count, -1)
        w: Tensor = self.generator.mapping(z, self.generator.one_hot(labels, count))
        return w.float()

    def search(self) -> Iterator[None]:
        """Begins at the nearest of the candidates, drawn a few at a time: one of 1024 x 1024 may take seconds."""
        height, width = self.generator.size
        for few in torch.split(self.candidates, max(1, min(16, _PART_PIXELS // (height * width)))):
            with torch.no_grad():
                images = self.generator.synthesize(self.generator.broadcast(few))
                for i in range(len(few)):
                    loss = float(self._difference(images[i : i + 1]))
                    if loss < self.best_loss:
                        self._begin(few[i : i + 1])
                        self.best_loss, self.best_psnr = loss, psnr(images[i : i + 1], self.target)
            yield

    def _difference(self, image: Tensor) -> Tensor:
        """Of two pyramids: pixels at each level, and steps between pixels at those that have any."""
        total = image.new_zeros([])
        for mine, theirs in zip(_pyramid(image), self.pyramid, strict=True):
            total = total + F.mse_loss(mine, theirs)
            if mine.shape[-1] > 4:
                total = total + F.mse_loss(mine.diff(dim=3), theirs.diff(dim=3))
                total = total + F.mse_loss(mine.diff(dim=2), theirs.diff(dim=2))
        if self.features is not None and self.goal is not None:
            total = total + F.mse_loss(self.features(image), self.goal)
        return total


def _pyramid(image: Tensor) -> list[Tensor]:
    levels = [image]
    while min(levels[-1].shape[2:]) > 4:
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels
