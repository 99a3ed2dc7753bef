"""One step of training after the other.

A step is one update of both networks from one batch:

1. The generator makes pictures from new points, two points mixed by layer; the discriminator says how real they look
   and the generator learns to do better. Every few steps it also learns to be even (path length), where that is asked.
2. The discriminator learns to tell those pictures from real ones. Both kinds are augmented first. Every few steps its
   slope at real pictures is kept small (R1).
3. The running average follows the generator: it is what people see and keep. Augmentation follows the discriminator's
   sureness.

All chance comes from the settings' seed through generators of the trainer's own, and `state` has all of it: a training
that is taken up again goes on to the last bit as if it had not been interrupted (on one device and with the same
number of threads; the good state to go back to is the one it was taken up from).

A step that leaves the networks with numbers that are none does not ruin a training: the trainer goes back to the last
good state, takes half the learning rate, and says so in `incidents`.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from runway_lab.errors import BadValue, RunwayLabError
from runway_lab.latents import seed as latent_of_seed
from runway_lab.stylegan.checkpoint import Checkpoint
from runway_lab.stylegan.discriminator import Discriminator
from runway_lab.stylegan.generator import best_precision
from runway_lab.stylegan.stylegan2 import StyleGAN2
from runway_lab.training.loop.augment import Augment, Likelihood
from runway_lab.training.loop.fitting import free_memory, pictures_at_once
from runway_lab.training.loop.losses import PathLength, critic_loss, generator_loss, gradient_penalty, mixed
from runway_lab.training.loop.networks import networks
from runway_lab.training.loop.order import Order
from runway_lab.training.loop.parallel import World
from runway_lab.training.loop.settings import TrainingSettings
from runway_lab.training.loop.state import copied, read, write

__all__ = ["Trainer"]

SAFE_EVERY = 64
"""A good state is remembered every so many steps, to go back to."""

MOST_ROLLBACKS = 3
"""So often in a row, without a good state in between, before the training is given up."""

ADAPT_EVERY = 4


class Trainer:
    """Networks, optimisers and all else that a training consists of.

    `pictures` is a uint8 array [N, height, width, channels]; it may be larger than memory (`numpy.memmap`).
    """

    def __init__(
        self,
        settings: TrainingSettings,
        pictures: NDArray[np.uint8],
        *,
        start: Checkpoint | None = None,
        world: World | None = None,
    ) -> None:
        _check(pictures)
        count, height, width, channels = pictures.shape
        self.pictures = pictures
        self.world = world or World.from_environment(settings.device)
        self.device = _device(self.world.device(settings.device))
        self.precision = _precision(settings.precision, self.device)
        settings = replace(settings, precision=str(self.precision).removeprefix("torch."))
        self.settings = settings = settings.for_pictures(count, height, width, transfer=start is not None)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        if self.device.type == "cuda":
            if self.world.size > 1:
                torch.cuda.set_device(self.device)
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.deterministic = True
        self.share = self.world.share(settings.batch)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            made = networks(settings, (height, width, channels), start)
        self.live: StyleGAN2 = made.live.to(self.device).train().requires_grad_(False)
        self.discriminator: Discriminator = made.discriminator.to(self.device).train().requires_grad_(False)
        self.generator: StyleGAN2 = made.average.to(self.device).eval().requires_grad_(False)
        self.taken_over = made.said
        free = free_memory(self.device) // (1 if self.device.type == "cuda" else self.world.size)
        fitting = pictures_at_once(self.live.config, self.share, self.precision, free)
        if settings.part is None and fitting < self.share:
            self.taken_over.append(f"There is memory for {fitting} of {self.share} pictures at once: they take turns.")
        self._show_at_once(_divisor(self.share, settings.part or fitting))
        for network in (self.live, self.discriminator, self.generator):
            network.precision = self.precision
        self.lineage = [] if start is None else list(start.lineage)
        self._learns_g = list(self.live.parameters())
        self._learns_d = _thawed(self.discriminator, settings.freeze, made.anew)
        # A start with a generator of its own beside the average has an average worth keeping.
        self._rampup = 0.0 if start is not None and start.live is not None else settings.ema_rampup
        self._optimizer_g = self._adam(self._learns_g, settings.path_every if settings.path_length else 0)
        self._optimizer_d = self._adam(self._learns_d, settings.r1_every if settings.gamma else 0)
        self.chance = torch.Generator().manual_seed(settings.seed)
        self.noise = torch.Generator(self.device).manual_seed(settings.seed + 1)
        self.order = Order(count, settings.seed)
        self.path_length = PathLength()
        assert isinstance(settings.augment, tuple)
        assert settings.augment_kimg is not None
        self.augment = Augment(settings.augment)
        self.likelihood = Likelihood(settings.augment_target, settings.augment_ceiling, settings.augment_kimg)
        self.step = 0
        self.images = 0
        self.incidents: list[str] = []
        self._sureness = 0.0
        self._rate = 1.0
        self._rollbacks = 0
        self._good: dict[str, Any] | None = None
        values = [latent_of_seed(number, self.live.z_dim).values for number in range(settings.samples)]
        self.latents = torch.from_numpy(np.stack(values)).float().to(self.device)

    def _show_at_once(self, part: int) -> None:
        """So many pictures in a part of a batch, which the discriminator compares in groups that divide it."""
        self.part = part
        group = _divisor(part, min(self.discriminator.config.mbstd_group or 4, 4))
        self.discriminator.config = replace(self.discriminator.config, mbstd_group=group)
        self.discriminator.b4.group = group

    # One step

    def one_step(self) -> dict[str, float]:
        """Both networks learn once; what is worth watching, by name."""
        if self._good is None:
            self._show_at_once(self.world.agree(self.part, self.device))
            self._good = self.state()
        if seeds := self.world.chance(self.settings.seed, self.step, self._rate):
            self.chance.manual_seed(seeds[0])
            self.noise.manual_seed(seeds[1])
        losses, fakes = self._generator_step()
        losses |= self._discriminator_step(fakes)
        losses = self.world.mean(losses, self.device)
        self._sureness += losses["sure_of_real"]
        self._follow()
        self.step += 1
        self.images += self.settings.batch
        if self.step % ADAPT_EVERY == 0:
            self._adapt()
        losses["augment"] = self.likelihood.value
        if self.step % SAFE_EVERY == 0 or not all(map(math.isfinite, losses.values())):
            self._look_after(losses)
        return losses

    def _generator_step(self) -> tuple[dict[str, float], list[Tensor]]:
        settings, loss_sum, fakes = self.settings, 0.0, []
        with _learning(self._learns_g):
            for _ in range(self.share // self.part):
                pictures = self._made(self.part)[0]
                logits = self.discriminator(self._augmented(pictures))
                loss = generator_loss(logits) * self.part / self.share
                loss.backward()  # type: ignore[no-untyped-call]
                loss_sum += float(loss.detach())
                fakes.append(pictures.detach())
            self._update(self._optimizer_g, self._learns_g)
            losses = {"generator": loss_sum}
            if settings.path_length and self.step % settings.path_every == 0:
                losses["path_length"] = 0.0
                weight = self.part / self.share
                for _ in range(self.share // self.part):
                    pictures, ws = self._made(max(self.part // 2, 1), keep_ws=True)
                    penalty = self.path_length(pictures, ws, self.noise) * weight
                    (penalty * 2 * settings.path_every).backward()  # type: ignore[no-untyped-call]
                    losses["path_length"] += float(penalty.detach())
                self._update(self._optimizer_g, self._learns_g)
                self.world.average([self.path_length.mean])
            self.world.average([self.live.mapping.w_avg])
        return losses, fakes

    def _discriminator_step(self, fakes: list[Tensor]) -> dict[str, float]:
        settings, share, part = self.settings, self.share, self.part
        losses = {"discriminator": 0.0, "sure_of_real": 0.0, "sure_of_fake": 0.0}
        reals = self._reals()
        with _learning(self._learns_d):
            for index in range(share // part):
                if settings.reuse_fakes:
                    fake = fakes[index]
                else:
                    with torch.no_grad():
                        fake = self._made(part)[0]
                real = reals[index * part : (index + 1) * part]
                both = torch.cat([self._augmented(fake), self._augmented(real)])
                of_fake, of_real = torch.chunk(self.discriminator(both, parts=2), 2)
                loss = critic_loss(of_fake, of_real) * part / share
                loss.backward()  # type: ignore[no-untyped-call]
                losses["discriminator"] += float(loss.detach())
                losses["sure_of_real"] += float(of_real.detach().sign().mean()) * part / share
                losses["sure_of_fake"] += float(of_fake.detach().sign().mean()) * part / share
            self._update(self._optimizer_d, self._learns_d)
            if settings.gamma and self.step % settings.r1_every == 0:
                losses["slope"] = 0.0
                for index in range(share // part):
                    images = reals[index * part : (index + 1) * part].detach().requires_grad_(True)
                    slope = gradient_penalty(self.discriminator(self._augmented(images)), images)
                    (slope * (settings.gamma / 2 * settings.r1_every * part / share)).backward()  # type: ignore[no-untyped-call]
                    losses["slope"] += float(slope.detach()) * part / share
                self._update(self._optimizer_d, self._learns_d)
        return losses

    def _made(self, count: int, *, keep_ws: bool = False) -> tuple[Tensor, Tensor]:
        """New pictures, and the ws they are made of."""
        z = torch.randn(2, count, self.live.z_dim, generator=self.chance).to(self.device)
        w = self.live.mapping(z.flatten(0, 1), None)
        self.live.mapping.track(w)
        ws_a, ws_b = (self.live.broadcast(half) for half in w.chunk(2))
        ws = mixed(ws_a, ws_b, self.settings.mixing, self.chance)
        if keep_ws:
            ws = ws.contiguous()
        return self.live.synthesize(ws, "random", seed=self.noise), ws

    def _augmented(self, images: Tensor) -> Tensor:
        return self.augment(images, self.likelihood.value, self.chance)

    def _reals(self) -> Tensor:
        """This process's share of the next real pictures, in [-1, 1]."""
        numbers, mirrored = self.order.take(self.settings.batch)
        mine = slice(self.world.rank, None, self.world.size)
        numbers, mirrored = numbers[mine], mirrored[mine]
        by_place = np.argsort(numbers)
        taken = np.empty((len(numbers), *self.pictures.shape[1:]), np.uint8)
        # In the order in which they lie in the file.
        for index in by_place:
            picture = self.pictures[numbers[index]]
            taken[index] = picture[:, ::-1] if self.settings.mirror and mirrored[index] else picture
        images = torch.from_numpy(taken).to(self.device).permute(0, 3, 1, 2)
        return images.float().div_(127.5).sub_(1.0)

    def _update(self, optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter]) -> None:
        gradients = [each.grad for each in parameters if each.grad is not None]
        self.world.average(gradients)
        for each in gradients:
            torch.nan_to_num(each, nan=0.0, posinf=1e5, neginf=-1e5, out=each)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def _follow(self) -> None:
        """The running average moves towards the generator, faster at the beginning."""
        settings = self.settings
        assert settings.ema_kimg is not None
        span = settings.ema_kimg * 1000
        if self._rampup:
            span = min(span, (self.images + settings.batch) * self._rampup)
        weight = 1 - 0.5 ** (settings.batch / max(span, 1e-8))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.generator.parameters()), list(self.live.parameters()), weight)
            for kept, new in zip(self.generator.buffers(), self.live.buffers(), strict=True):
                kept.copy_(new)

    def _adapt(self) -> None:
        mean, self._sureness = self._sureness / ADAPT_EVERY, 0.0
        if self.augment.families:
            self.likelihood.follow(mean, self.settings.batch * ADAPT_EVERY)

    # Guards

    def _look_after(self, losses: dict[str, float]) -> None:
        """Remembers this state if it is good; goes back to the last good one if it is not."""
        tensors = [*self.live.parameters(), *self.discriminator.parameters(), *self.generator.parameters()]
        sizes = torch.stack([each.detach().float().norm() for each in tensors])
        if all(map(math.isfinite, losses.values())) and bool(sizes.isfinite().all()):
            self._good, self._rollbacks = self.state(), 0
            return
        self._rollbacks += 1
        if self._rollbacks > MOST_ROLLBACKS or self._good is None:
            raise RunwayLabError(
                f"The training has become unstable at step {self.step}: its numbers grew beyond all bounds, "
                f"{MOST_ROLLBACKS} times in a row.",
                hint="Begin with a smaller learning rate, or with a larger gamma.",
            )
        failed, chance, noise = self.step, self.chance.get_state(), self.noise.get_state()
        rate = self._rate / 2
        self.restore(self._good)
        # Other points than those that led there.
        self.chance.set_state(chance)
        self.noise.set_state(noise)
        self._set_rate(rate)
        self.incidents.append(
            f"Step {failed} left the networks with numbers that are none; "
            f"went back to step {self.step}, with half the learning rate."
        )

    def _set_rate(self, rate: float) -> None:
        for optimizer in (self._optimizer_g, self._optimizer_d):
            for group in optimizer.param_groups:
                group["lr"] *= rate / self._rate
        self._rate = rate

    def _adam(self, parameters: list[nn.Parameter], every: int) -> torch.optim.Adam:
        # A penalty asked for every k-th time adds steps; rates and memories are shortened to make up for it.
        ratio = every / (every + 1) if every else 1.0
        rate = self.settings.learning_rate * ratio
        fused = self.device.type in ("cpu", "cuda")
        return torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.99**ratio), eps=1e-8, fused=fused)

    # What people see and keep

    def sample(self, latents: Tensor | None = None) -> NDArray[np.uint8]:
        """Pictures [n, height, width, channels] of the running average, of the fixed latents or of other z."""
        z = self.latents if latents is None else latents.to(self.device)
        # The averages changed in place: what was prepared for quick drawing is out of date.
        self.generator.eval()
        drawn = []
        with torch.no_grad():
            for part in torch.split(z, 16):
                images = self.generator.synthesize(self.generator.map(part), "const")
                drawn.append(images.mul(127.5).add(128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu())
        return torch.cat(drawn).numpy()

    def checkpoint(self, *, licence: str = "", recipe: dict[str, Any] | None = None) -> Checkpoint:
        """The running average and the discriminator, ready to be saved; they go on changing with the training."""
        return Checkpoint(
            generator=self.generator,
            discriminator=self.discriminator,
            kind="stylegan2",
            config=self.live.config,
            licence=licence,
            lineage=self.lineage,
            recipe=recipe or {},
        )

    def save(self, path: str | os.PathLike[str], *, licence: str = "", recipe: dict[str, Any] | None = None) -> Path:
        """Writes running average and discriminator as a checkpoint of this project's own format."""
        return self.checkpoint(licence=licence, recipe=recipe).save(Path(path))

    # Everything, to go on later

    def state(self) -> dict[str, Any]:
        """All that decides how the training goes on, as copies in memory."""
        return {
            "step": self.step,
            "images": self.images,
            "live": copied(self.live.state_dict()),
            "discriminator": copied(self.discriminator.state_dict()),
            "generator": copied(self.generator.state_dict()),
            "optimizer_g": copied(self._optimizer_g.state_dict()),
            "optimizer_d": copied(self._optimizer_d.state_dict()),
            "path_mean": copied(self.path_length.mean),
            "likelihood": self.likelihood.value,
            "sureness": self._sureness,
            "rate": self._rate,
            "part": self.part,
            "order": [self.order.round, self.order.place],
            "chance": self.chance.get_state().clone(),
            "noise": self.noise.get_state().clone(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what `state` has copied."""
        self.live.load_state_dict(state["live"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.generator.load_state_dict(state["generator"])
        self._optimizer_g.load_state_dict(copied(state["optimizer_g"]))
        self._optimizer_d.load_state_dict(copied(state["optimizer_d"]))
        self.path_length.mean = copied(state["path_mean"])
        self.step, self.images = state["step"], state["images"]
        # There may be more or less memory now, but another part is another training.
        self._show_at_once(state["part"])
        self.likelihood.value, self._sureness, self._rate = state["likelihood"], state["sureness"], state["rate"]
        self.order.round, self.order.place = state["order"]
        self.chance.set_state(state["chance"])
        if len(state["noise"]) == len(self.noise.get_state()):
            # Another kind of device draws in another way: there it begins anew from the seed.
            self.noise.set_state(state["noise"])

    def write_state(self, path: str | os.PathLike[str]) -> Path:
        """Writes `state` to a file, whole or not at all."""
        return write(self.state(), path)

    def read_state(self, path: str | os.PathLike[str]) -> None:
        """Goes on from a file that `write_state` wrote."""
        self.restore(read(path))


@contextlib.contextmanager
def _learning(parameters: list[nn.Parameter]) -> Iterator[None]:
    """Within, these parameters collect gradients, and no others do."""
    for each in parameters:
        each.requires_grad_(True)
    try:
        yield
    finally:
        for each in parameters:
            each.requires_grad_(False)


def _divisor(number: int, most: int) -> int:
    """The largest number up to `most` that divides `number`.

    >>> _divisor(6, 4), _divisor(16, 4)
    (3, 4)
    """
    return next(each for each in range(min(most, number), 0, -1) if number % each == 0)


def _thawed(discriminator: Discriminator, freeze: int, anew: frozenset[str]) -> list[nn.Parameter]:
    """The discriminator's parameters but those of its first `freeze` layers (Mo et al., "Freeze D", 2020).

    What begins anew has nothing to keep, and learns.
    """
    frozen: set[str] = set()
    left = freeze
    for name, block in discriminator.named_children():
        for part in ("fromrgb", "conv0", "conv1", "skip"):
            layer = getattr(block, part, None)
            if layer is not None and left > 0:
                frozen |= {f"{name}.{part}.{each}" for each, _ in layer.named_parameters()}
                left -= 1
    return [each for name, each in discriminator.named_parameters() if name not in frozen or name in anew]


def _check(pictures: NDArray[np.uint8]) -> None:
    if pictures.ndim != 4 or pictures.dtype != np.uint8 or pictures.shape[3] not in (1, 3, 4):
        raise BadValue(
            f"The pictures are {pictures.dtype} of the shape {pictures.shape}.",
            hint="They are to be uint8, [number, height, width, channels], with 1, 3 or 4 channels.",
        )
    if len(pictures) < 2:
        raise BadValue("There are fewer than two pictures.", hint="From about 300 on a training can work.")


def _device(asked: str) -> torch.device:
    if asked != "auto":
        try:
            device = torch.device(asked)
            torch.zeros(1, device=device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise BadValue(
                f"There is no device {asked!r} here.", hint='Take "auto" or "cpu".', details=repr(error)
            ) from None
        return device
    if torch.cuda.is_available():
        return torch.device("cuda:0")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _precision(asked: str, device: torch.device) -> torch.dtype:
    named: torch.dtype = best_precision(device) if asked == "auto" else getattr(torch, asked)
    return named
