"""How fast StyleGAN2 trains, beside the way it is usually written.

    python benchmarks/training.py                  # all that has a bar, one thread, some minutes
    python benchmarks/training.py --quick          # the smaller model only, few rounds
    python benchmarks/training.py --json FILE      # rows of name, value, unit, bar, better, against, holds

What is compared makes the same steps from the same weights (checked before anything is timed): a step of the
generator and one of the discriminator, path length regularisation on half a batch every 4 steps, R1 every
16, Adam and a moving average after each; no augmentation, no reuse of fakes.

    usual     features modulated before and demodulated after one shared convolution, NCHW, float32, stock
              operators with stock autograd, Adam foreach
    ours      `runway_lab.stylegan` and `runway_lab.training.loop`, which keeps the memory it once had,
              float32 and, where this CPU has it natively, bfloat16
    reusing   the discriminator sees the pictures that the generator was just corrected with; what they save
              comes on top of what has a bar

The figure is seconds per thousand pictures over a whole cycle of 16 steps, so that each penalty has its
share. Each kind runs in a process of its own and they take turns, cycle by cycle, in an order that changes.
Time is what the process had on the CPU, not the time on the wall; a figure is the median of the rounds, a
ratio the median of the ratios within each round.

`--wall` adds pictures a second on the wall with two threads, alone and beside a busy neighbour, with waiting
threads that spin and that sleep. `--cuda` measures on a GPU instead, beside figures that were published.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from report import Row, report
from torch import Tensor, nn

from runway_lab.stylegan.discriminator import Conv, Discriminator, DiscriminatorConfig
from runway_lab.stylegan.generator import best_precision
from runway_lab.stylegan.stylegan2 import StyledConv, StyleGAN2, StyleGAN2Config
from runway_lab.training.loop.losses import PathLength, critic_loss, generator_loss, gradient_penalty, mixed
from runway_lab.training.loop.memory import keep_freed_memory

CYCLE = 16
PATH_EVERY = 4
NATIVE = best_precision() == torch.bfloat16
BARS = {"bf16": 2.4, "fp32": 1.25}
BINOMIAL = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64
# Seconds per thousand pictures on one V100 and one A100, pictures at once: published with StyleGAN2-ADA.
PUBLISHED = {256: (20.8, 12.5, 16), 512: (71.6, 41.1, 8), 1024: (141.8, 90.4, 4)}


@dataclass(frozen=True)
class Size:
    resolution: int
    base: int
    maximum: int
    latent: int
    batch: int

    @property
    def title(self) -> str:
        return f"{self.resolution}x{self.resolution} base {self.base} max {self.maximum} batch {self.batch}"


SIZES = {"small": Size(64, 2048, 64, 64, 16), "large": Size(64, 4096, 128, 128, 8)}


def networks(size: Size) -> tuple[StyleGAN2, Discriminator]:
    torch.manual_seed(0)
    shape = {"resolution": size.resolution, "channel_base": size.base, "channel_max": size.maximum}
    G = StyleGAN2(StyleGAN2Config(**shape, z_dim=size.latent, w_dim=size.latent, mapping_layers=2))  # noqa: N806
    D = Discriminator(DiscriminatorConfig(**shape))  # noqa: N806
    for block in G.synthesis.blocks:
        for conv in block.convs:  # networks in training have noise; a free pass for zero would flatter
            conv.noise_strength.data.fill_(0.1)
    return G.train(), D.train()


def filtered(x: Tensor, up: int, pad: tuple[int, int], gain: float) -> Tensor:
    """Generic resampling: zeros between the pixels, padding, a depthwise convolution."""
    count, channels, height, width = x.shape
    if up > 1:
        x = x.reshape(count, channels, height, 1, width, 1)
        x = F.pad(x, [0, up - 1, 0, 0, 0, up - 1]).reshape(count, channels, height * up, width * up)
    x = F.pad(x, [pad[0], pad[1], pad[0], pad[1]])
    kernel = (BINOMIAL * gain).to(x).expand(channels, 1, 4, 4)
    return F.conv2d(x, kernel, groups=channels)


def usual_layer(layer: StyledConv, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
    style = layer.affine(w)
    demod = (style.square() @ layer.weight.square().sum(dim=[2, 3]).T + 1e-8).rsqrt()
    x = x * style[:, :, None, None]
    if layer.up:
        x = filtered(F.conv_transpose2d(x, layer.weight.transpose(0, 1), stride=2), 1, (1, 1), 4.0)
    else:
        x = F.conv2d(x, layer.weight, padding=1)
    x = x * demod[:, :, None, None] + noise * layer.noise_strength
    return F.leaky_relu(x + layer.bias[:, None, None], 0.2) * math.sqrt(2)


def usual_generator(model: StyleGAN2, ws: Tensor, source: torch.Generator) -> Tensor:
    rgb = None
    index = 0
    noises = [
        [torch.randn(len(ws), 1, *conv.size, generator=source) for conv in b.convs] for b in model.synthesis.blocks
    ]
    x = model.synthesis.blocks[0].const.expand(len(ws), -1, -1, -1)
    for block, drawn in zip(model.synthesis.blocks, noises, strict=True):
        for conv, noise in zip(block.convs, drawn, strict=True):
            x = usual_layer(conv, x, ws[:, index], noise)
            index += 1
        style = block.torgb.affine(ws[:, index]) / math.sqrt(x.shape[1])
        y = F.conv2d(x * style[:, :, None, None], block.torgb.weight, block.torgb.bias)
        rgb = y if rgb is None else filtered(rgb, 2, (2, 1), 4.0) + y
    assert rgb is not None
    return rgb


def usual_conv(conv: Conv, x: Tensor, gain: float = 1.0) -> Tensor:
    weight = conv.weight / math.sqrt(conv.weight[0].numel())
    size = weight.shape[2]
    if conv.halve and size == 1:
        kernel = BINOMIAL.to(x).expand(x.shape[1], 1, 4, 4)
        x = F.conv2d(F.conv2d(x, kernel, padding=1, stride=2, groups=x.shape[1]), weight)
    elif conv.halve:
        x = F.conv2d(filtered(x, 1, (2, 2), 1.0), weight, conv.bias, stride=2)
    else:
        x = F.conv2d(x, weight, conv.bias, padding=size // 2)
    if conv.active:
        x = F.leaky_relu(x, 0.2) * math.sqrt(2)
    return x * gain if gain != 1.0 else x


def usual_discriminator(model: Discriminator, images: Tensor) -> Tensor:
    x = usual_conv(model.get_submodule(f"b{model.config.resolution}").fromrgb, images)  # type: ignore[arg-type, union-attr]
    for resolution in model.config.resolutions:
        block = model.get_submodule(f"b{resolution}")
        shortcut = usual_conv(block.skip, x, math.sqrt(0.5))  # type: ignore[arg-type, union-attr]
        x = shortcut + usual_conv(block.conv1, usual_conv(block.conv0, x), math.sqrt(0.5))  # type: ignore[arg-type, union-attr]
    end = model.b4
    group = min(end.group or len(x), len(x))
    y = x.reshape(group, -1, *x.shape[1:])
    y = (y - y.mean(dim=0)).square().mean(dim=0).add(1e-8).sqrt().mean(dim=(1, 2, 3))
    x = torch.cat([x, y.repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])], dim=1)
    return end.out(end.fc(usual_conv(end.conv, x).flatten(1)))  # type: ignore[no-any-return]


def adam(network: nn.Module, every: int, fused: bool) -> torch.optim.Adam:
    """Lazy regularisation leaves out some penalties; the optimiser's rates make up for them."""
    share = every / (every + 1)
    how = {"fused": True} if fused else {"foreach": True}
    return torch.optim.Adam(network.parameters(), lr=0.0025 * share, betas=(0.0, 0.99**share), eps=1e-8, **how)


class Training:
    """One run of either kind; `step` is one step of it."""

    fakes: Tensor  # of the generator's last step

    def __init__(self, size: Size, kind: str, device: str = "cpu") -> None:
        self.batch, self.device = size.batch, device
        self.usual, self.reusing = kind == "usual", kind.endswith("reusing")
        self.G, self.D = (network.to(device) for network in networks(size))
        if self.usual:  # laid out as the usual way has them
            for parameter in [*self.G.parameters(), *self.D.parameters()]:
                parameter.data = parameter.data.contiguous()
        else:
            low = best_precision(device) if kind.startswith("bf16") else torch.float32
            self.G.precision = self.D.precision = low
        self.average = [p.detach().clone() for p in self.G.parameters()]
        self.g_optimiser, self.d_optimiser = (
            adam(self.G, PATH_EVERY, not self.usual),
            adam(self.D, CYCLE, not self.usual),
        )
        self.path = PathLength()
        self.source = torch.Generator(device).manual_seed(1)
        self.dice = torch.Generator().manual_seed(1)
        shape = (4 * size.batch, 3, size.resolution, size.resolution)
        self.pictures = torch.rand(shape, generator=self.source, device=device) * 2 - 1
        self.count = 0

    def real(self) -> Tensor:
        picked = torch.randint(len(self.pictures), [self.batch], generator=self.dice)
        return self.pictures[picked.to(self.device)]

    def ws(self, count: int) -> Tensor:
        z = torch.randn(2 * count, self.G.z_dim, generator=self.source, device=self.device)
        a, b = self.G.map(z).chunk(2)
        return mixed(a, b, 0.9, self.dice)

    def draw(self, ws: Tensor) -> Tensor:
        if self.usual:
            return usual_generator(self.G, ws, self.source)
        return self.G.synthesize(ws, "random", seed=self.source)

    def judge(self, images: Tensor) -> Tensor:
        return usual_discriminator(self.D, images) if self.usual else self.D(images)

    def judge_both(self, fakes: Tensor, real: Tensor) -> tuple[Tensor, ...]:
        if self.usual:
            return self.judge(fakes), self.judge(real)
        return self.D(torch.cat([fakes, real]), parts=2).chunk(2)

    def backward(self, phase: str) -> None:
        """One of the four losses of a step and its gradients."""
        if phase == "G":
            self.fakes = self.draw(self.ws(self.batch))
            generator_loss(self.judge(self.fakes)).backward()  # type: ignore[no-untyped-call]
        elif phase == "path":
            ws = self.ws(self.batch // 2)
            (self.path(self.draw(ws), ws, self.source) * 2 * PATH_EVERY).backward()
        elif phase == "D":
            with torch.no_grad():
                fakes = self.fakes if self.reusing else self.draw(self.ws(self.batch))
            critic_loss(*self.judge_both(fakes.detach(), self.real())).backward()  # type: ignore[no-untyped-call]
        else:
            images = self.real().requires_grad_()
            (gradient_penalty(self.judge(images), images) * (0.1 / 2 * CYCLE)).backward()

    def step(self) -> None:
        for phase, every in (("G", 1), ("path", PATH_EVERY), ("D", 1), ("R1", CYCLE)):
            if self.count % every == 0:
                network, optimiser = (self.D, self.d_optimiser) if phase in ("D", "R1") else (self.G, self.g_optimiser)
                for other in (self.G, self.D):  # only one of them asks for gradients
                    other.requires_grad_(other is network)
                optimiser.zero_grad(set_to_none=True)
                self.backward(phase)
                optimiser.step()
        torch._foreach_lerp_(self.average, [p.detach() for p in self.G.parameters()], 0.01)
        self.count += 1


def check(size: Size) -> None:
    """That the usual way and ours come to the same gradients, in every phase and for every parameter."""
    size = replace(size, batch=4)
    for phase in ("G", "path", "D", "R1"):
        slopes = {}
        for kind in ("usual", "fp32"):
            training = Training(size, kind)
            training.fakes = training.pictures[:4]
            training.backward(phase)
            network = training.D if phase in ("D", "R1") else training.G
            slopes[kind] = {name: p.grad for name, p in network.named_parameters()}
        for name, expected in slopes["usual"].items():
            got = slopes["fp32"][name]
            if got is None or expected is None:  # a parameter that the penalty does not depend on
                assert not any(slope is not None and slope.any() for slope in (got, expected)), f"{phase} {name}"
                continue
            off = float((got - expected).norm() / expected.norm().clamp(min=1e-12))
            assert off < 1e-2, f"The gradients of {name} in {phase} differ by {off:.1e}."


def work(name: str, kind: str, threads: int, keep: bool) -> None:
    """The life of a process: for each line that comes in, one with the seconds a cycle took, on CPU and wall."""
    torch.set_num_threads(threads)
    if keep or kind != "usual":
        keep_freed_memory()
    training = Training(SIZES[name], kind)
    for step in range(2):  # what a process does once
        training.count = step
        training.step()
    training.count = 0
    print("ready", flush=True)
    for _ in sys.stdin:
        before = time.process_time(), time.perf_counter()
        for _ in range(CYCLE):
            training.step()
        print(time.process_time() - before[0], time.perf_counter() - before[1], flush=True)


class Worker:
    """A process that trains a cycle when asked."""

    def __init__(self, name: str, kind: str, threads: int = 1, keep: bool = False, spin: str | None = None) -> None:
        command = [sys.executable, __file__, "--work", name, kind, str(threads), *(["--keep-memory"] if keep else [])]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        environment.pop("GOMP_SPINCOUNT", None)
        if spin is not None:
            environment["GOMP_SPINCOUNT"] = spin
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        assert self._line() == "ready\n", f"{kind} did not start"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def cycle(self) -> tuple[float, float]:
        """Seconds of CPU time and of the wall for a thousand pictures."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        cpu, wall = self._line().split()
        return float(cpu), float(wall)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def workers(made: dict[str, Worker]) -> Iterator[dict[str, Worker]]:
    try:
        yield made
    finally:
        for worker in made.values():
            worker.end()


def ratio(of: list[float], to: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(of, to, strict=True))


def measure(name: str, rounds: int, keep: bool) -> list[Row]:
    size = SIZES[name]
    kinds = [
        "usual",
        *[f"{kind}{more}" for kind in (["fp32", "bf16"] if NATIVE else ["fp32"]) for more in ("", " reusing")],
    ]
    scale = 1000 / (CYCLE * size.batch)
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    shuffle, order = random.Random(0), list(kinds)
    with workers({kind: Worker(name, kind, keep=keep) for kind in kinds}) as processes:
        for _ in range(rounds):
            shuffle.shuffle(order)
            for kind in order:
                times[kind].append(processes[kind].cycle()[0] * scale)
    rows = [Row(f"{size.title} {kind}", statistics.median(times[kind]), "s/kimg") for kind in kinds]
    for kind in kinds[1:]:
        speed = ratio(times["usual"], times[kind])
        rows.append(Row(f"{size.title} {kind} speed-up", speed, "x", BARS.get(kind), "higher", "usual"))
    return rows


def measure_wall(name: str, rounds: int) -> list[Row]:
    """Pictures a second with two threads; waiting threads spin as they do by default, or sleep."""
    size, kind = SIZES[name], "bf16 reusing" if NATIVE else "fp32 reusing"
    spins = {"spinning": None, "sleeping": "0"}
    rows = []
    with workers({title: Worker(name, kind, threads=2, spin=spin) for title, spin in spins.items()}) as processes:
        for beside in ("alone", "beside a busy neighbour"):
            neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if beside != "alone" else None
            try:
                walls: dict[str, list[float]] = {title: [] for title in spins}
                for _ in range(rounds):
                    for title, worker in processes.items():
                        walls[title].append(worker.cycle()[1])
            finally:
                if neighbour is not None:
                    neighbour.kill()
                    neighbour.wait()
            for title in spins:
                speed = CYCLE * size.batch / statistics.median(walls[title])
                rows.append(Row(f"{size.title} {kind}, 2 threads {title}, {beside}", speed, "img/s on the wall"))
    return rows


def measure_cuda() -> list[Row]:
    """Seconds per thousand pictures and memory on a GPU, in the published shapes and pictures at once."""
    rows = []
    for resolution, (v100, a100, batch) in PUBLISHED.items():
        base = 32768 if resolution >= 512 else 16384
        training = Training(Size(resolution, base, 512, 512, batch), "bf16", "cuda")
        for step in range(2):
            training.count = step
            training.step()
        training.count = 0
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
        before = time.perf_counter()
        for _ in range(CYCLE):
            training.step()
        torch.cuda.synchronize()
        took = (time.perf_counter() - before) * 1000 / (CYCLE * batch)
        title = f"{resolution}x{resolution} batch {batch} on {torch.cuda.get_device_name()}"
        rows.append(Row(title, took, "s/kimg", against=f"published: V100 {v100}, A100 {a100}"))
        rows.append(
            Row(f"{title}, memory", torch.cuda.max_memory_allocated() / 1e9, "GB", against="published: 4.5-7.2")
        )
        del training
        torch.cuda.empty_cache()
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--quick", action="store_true", help="the smaller model only, few rounds")
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--wall", action="store_true", help="pictures a second on the wall too")
    parser.add_argument("--cuda", action="store_true", help="on a GPU instead")
    parser.add_argument("--keep-memory", action="store_true", help="the usual way keeps its memory too")
    parser.add_argument("--work", nargs=3, metavar=("SIZE", "KIND", "THREADS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work[0], asked.work[1], int(asked.work[2]), asked.keep_memory)
        return 0
    if asked.cuda:
        return report(measure_cuda(), asked.json)
    torch.set_num_threads(1)
    rows: list[Row] = []
    sizes = ["small"] if asked.quick else asked.sizes
    for name in sizes:
        check(SIZES[name])
        rows += measure(name, 2 if asked.quick else asked.rounds, asked.keep_memory)
        print(f"measured {SIZES[name].title}", file=sys.stderr, flush=True)
    if asked.wall:
        rows += measure_wall(sizes[0], asked.rounds)
    return report(rows, asked.json)


if __name__ == "__main__":
    sys.exit(main())
