"""How fast StyleGAN2 draws on a CPU, beside the two ways it is usually written.

    python benchmarks/stylegan.py                  # all that has a bar, one thread, some minutes
    python benchmarks/stylegan.py --quick          # the smallest model only
    python benchmarks/stylegan.py --json FILE      # rows of name, value, unit, bar, better, against, holds

What is compared computes the same pictures from the same weights (checked before anything is timed):

    grouped   a weight for each picture, one grouped convolution, zero insertion and padding for resampling
    dense     features modulated before and demodulated after one shared convolution, NCHW, stock operators
    ours      `runway_lab.stylegan`, float32 and, where this CPU has it natively, bfloat16

Each of them runs in a process of its own, as it would for a person, and they take turns, in an order that
changes from round to round. Of two calls in a row the second counts: the first fetches back what the others
pushed out of the caches. Time is what the process had on the CPU, not the time on the wall, so that a busy
machine does not decide. A figure is the median of the rounds, which are spread over three launches, as a
process keeps the luck it has with its memory; a ratio is the median of the ratios within each round,
against the faster of grouped and dense.

A third or more of the time of grouped and dense goes into fresh memory pages for their larger buffers,
which glibc returns to the system after every use. `--keep-memory` tells it to keep them, in every process:
stricter than life.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from report import Row, report
from torch import Tensor

from runway_lab.stylegan.generator import best_precision
from runway_lab.stylegan.incremental import IncrementalSynthesis
from runway_lab.stylegan.stylegan2 import StyledConv, StyleGAN2, StyleGAN2Config

CONFIGS = {
    "64": StyleGAN2Config(resolution=64, channel_base=4096, channel_max=128, z_dim=128, w_dim=128),
    "128": StyleGAN2Config(resolution=128, channel_base=8192, channel_max=256),
    "256": StyleGAN2Config(resolution=256, channel_base=16384, channel_max=512),
}
BARS = {  # (precision, batch) -> size -> bar; None: shown without a bar
    ("bf16", 1): {"64": 2.0, "128": 2.0, "256": 2.0},
    ("bf16", 16): {"64": 3.0, "128": None, "256": 3.5},
    ("fp32", 1): {"64": 1.4, "128": 1.4, "256": 1.4},
    ("fp32", 16): {"64": 1.7, "128": 1.7, "256": 1.7},
}
LAUNCHES = 3
NATIVE = best_precision() == torch.bfloat16
PREVIEWS = {64: 55.0, 32: 30.0}
BINOMIAL = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64


def filtered(x: Tensor, up: int, pad: tuple[int, int], gain: float) -> Tensor:
    """Generic resampling: zeros between the pixels, padding, a depthwise convolution."""
    count, channels, height, width = x.shape
    if up > 1:
        x = x.reshape(count, channels, height, 1, width, 1)
        x = F.pad(x, [0, up - 1, 0, 0, 0, up - 1]).reshape(count, channels, height * up, width * up)
    x = F.pad(x, [pad[0], pad[1], pad[0], pad[1]])
    kernel = (BINOMIAL * gain).expand(channels, 1, 4, 4)
    return F.conv2d(x, kernel, groups=channels)


def grouped_layer(layer: StyledConv, x: Tensor, style: Tensor) -> Tensor:
    count, inputs, height, width = x.shape
    weight = layer.weight[None] * style[:, None, :, None, None]
    weight = weight * (weight.square().sum(dim=[2, 3, 4], keepdim=True) + 1e-8).rsqrt()
    outputs = weight.shape[1]
    x = x.reshape(1, count * inputs, height, width)
    if layer.up:
        weight = weight.transpose(1, 2).reshape(count * inputs, outputs, 3, 3)
        x = filtered(F.conv_transpose2d(x, weight, stride=2, groups=count), 1, (1, 1), 4.0)
    else:
        x = F.conv2d(x, weight.reshape(count * outputs, inputs, 3, 3), padding=1, groups=count)
    return x.reshape(count, outputs, *x.shape[2:])


def dense_layer(layer: StyledConv, x: Tensor, style: Tensor) -> Tensor:
    demod = (style.square() @ layer.weight.square().sum(dim=[2, 3]).T + 1e-8).rsqrt()
    x = x * style[:, :, None, None]
    if layer.up:
        x = filtered(F.conv_transpose2d(x, layer.weight.transpose(0, 1), stride=2), 1, (1, 1), 4.0)
    else:
        x = F.conv2d(x, layer.weight, padding=1)
    return x * demod[:, :, None, None]


def usual(model: StyleGAN2, ws: Tensor, layer: Callable[[StyledConv, Tensor, Tensor], Tensor]) -> Tensor:
    """The generator as it is usually written, with one of the two layers above."""
    rgb = None
    index = 0
    x = model.synthesis.blocks[0].const.expand(len(ws), -1, -1, -1)
    for block in model.synthesis.blocks:
        for conv in block.convs:
            x = layer(conv, x, conv.affine(ws[:, index]))
            x = x + conv.noise_const * conv.noise_strength
            x = F.leaky_relu(x + conv.bias[:, None, None], 0.2) * math.sqrt(2)
            index += 1
        style = block.torgb.affine(ws[:, index]) / math.sqrt(x.shape[1])
        y = F.conv2d(x * style[:, :, None, None], block.torgb.weight, block.torgb.bias)
        rgb = y if rgb is None else filtered(rgb, 2, (2, 1), 4.0) + y
    assert rgb is not None
    return rgb


def build(name: str) -> StyleGAN2:
    torch.manual_seed(0)
    model = StyleGAN2(CONFIGS[name]).requires_grad_(False)
    for block in model.synthesis.blocks:
        for conv in block.convs:  # trained models have noise; a free pass for zero would flatter
            conv.noise_strength.fill_(0.1)
            conv.bias.normal_(std=0.1)
    return model


def contiguous(model: StyleGAN2) -> StyleGAN2:
    """The same weights laid out as the usual way has them."""
    for parameter in model.parameters():
        parameter.data = parameter.data.contiguous()
    return model


def keep_freed_memory() -> None:
    """Ask glibc neither to map large buffers afresh nor to give the heap back; elsewhere nothing happens."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        for parameter in (-3, -1):  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
            libc.mallopt(parameter, 2**31 - 1)
    except (OSError, AttributeError):
        pass


def case_of(name: str, batch: int, case: str) -> Callable[[], Tensor]:
    """A call that draws `batch` pictures; "preview 64" stops early, "whole" takes the same way to the end."""
    model = build(name)
    generator = torch.Generator().manual_seed(1)
    ws = model.map(torch.randn(batch, model.z_dim, generator=generator)).contiguous()
    kind, _, rest = case.partition(" ")
    if kind in ("grouped", "dense"):
        stock, layer = contiguous(model), {"grouped": grouped_layer, "dense": dense_layer}[kind]
        return lambda: usual(stock, ws, layer)
    model.precision = torch.bfloat16 if kind == "bf16" else torch.float32
    if not rest:
        return lambda: model.synthesize(ws)
    if rest == "compiled":
        fast = torch.compile(model.synthesize)
        return lambda: fast(ws)
    explorer = IncrementalSynthesis(model)
    resolution = int(rest.split()[1]) if rest.startswith("preview") else None

    def explored() -> Tensor:
        explorer.forget()
        return explorer(ws, resolution=resolution)

    return explored


def work(name: str, batch: int, case: str) -> None:
    """The life of a process: for each line that comes in, one line with the milliseconds of CPU time."""
    call = case_of(name, batch, case)
    print("ready", flush=True)
    for _ in sys.stdin:
        call()
        before = time.process_time()
        call()
        print(1000 * (time.process_time() - before), flush=True)


def take_turns(name: str, batch: int, cases: list[str], rounds: int, keep: bool) -> dict[str, list[float]]:
    """Milliseconds of CPU time: a list with one entry a round for each case."""
    times: dict[str, list[float]] = {case: [] for case in cases}
    for launch in range(LAUNCHES):
        again = _launch(name, batch, cases, max(rounds // LAUNCHES, 1), keep, random.Random(launch))
        for case in cases:
            times[case] += again[case]
    return times


def _launch(
    name: str, batch: int, cases: list[str], rounds: int, keep: bool, shuffle: random.Random
) -> dict[str, list[float]]:
    workers = {}
    for case in cases:
        command = [
            sys.executable,
            __file__,
            "--work",
            name,
            str(batch),
            case,
            *(["--keep-memory"] if keep else []),
        ]
        workers[case] = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    times: dict[str, list[float]] = {case: [] for case in cases}
    order = list(cases)

    def ask(case: str) -> str:
        worker = workers[case]
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
        return worker.stdout.readline()

    try:
        for worker in workers.values():
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for case in cases:
            ask(case)
        for _ in range(rounds):
            shuffle.shuffle(order)
            for case in order:
                times[case].append(float(ask(case)))
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
    return times


def check(name: str) -> None:
    """That all draw the same picture."""
    pictures = {case: case_of(name, 2, case)() for case in ("grouped", "dense", "fp32", "bf16")}
    reference = pictures["grouped"]
    span = float(reference.max() - reference.min())
    for case, limit in (("dense", 1e-4), ("fp32", 1e-4), ("bf16", 0.05)):
        off = float((pictures[case] - reference).abs().max()) / span
        assert off < limit, f"{case} differs from grouped by {off:.1e} of the range"


def ratio(of: list[float], to: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(of, to, strict=True))


def measure(name: str, batch: int, rounds: int, compiled: bool, keep: bool) -> list[Row]:
    cases = ["grouped", "dense", "fp32"]
    if NATIVE:
        cases += ["bf16", "bf16 compiled"] if compiled else ["bf16"]
    times = take_turns(name, batch, cases, rounds, keep)
    rows = [Row(f"{name}x{name} batch {batch} {case}", statistics.median(times[case]), "ms CPU") for case in cases]
    faster = min(("grouped", "dense"), key=lambda case: statistics.median(times[case]))
    for case in cases[2:]:
        bar = BARS.get((case, batch), {}).get(name)
        speed = ratio(times[faster], times[case])
        rows.append(Row(f"{name}x{name} batch {batch} {case} speed-up", speed, "x", bar, "higher", faster))
    return rows


def measure_previews(rounds: int, keep: bool) -> list[Row]:
    """What a coarse preview of the 256x256 model costs, as a share of a whole frame."""
    rows = []
    for precision in ["fp32", "bf16"] if NATIVE else ["fp32"]:
        cases = [f"{precision} whole", *[f"{precision} preview {resolution}" for resolution in PREVIEWS]]
        times = take_turns("256", 1, cases, rounds, keep)
        for case, (resolution, bar) in zip(cases[1:], PREVIEWS.items(), strict=True):
            share = 100 * ratio(times[case], times[cases[0]])
            title = f"256x256 {precision} preview at {resolution}x{resolution}"
            rows.append(Row(title, share, "%", bar, "lower", "a whole frame"))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--quick", action="store_true", help="the smallest model only, few rounds")
    parser.add_argument("--sizes", nargs="+", choices=list(CONFIGS), default=list(CONFIGS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--compile", action="store_true", help="with torch.compile too: a minute for each shape")
    parser.add_argument("--keep-memory", action="store_true", help="let no allocator give memory back")
    parser.add_argument("--work", nargs=3, metavar=("SIZE", "BATCH", "CASE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    with torch.inference_mode():
        if asked.work:
            if asked.keep_memory:
                keep_freed_memory()
            work(asked.work[0], int(asked.work[1]), asked.work[2])
            return 0
        for name in ["64"] if asked.quick else asked.sizes:
            check(name)
            for batch in asked.batches:
                rounds = {1: {"64": 40, "128": 20, "256": 12}, 16: {"64": 9, "128": 6, "256": 3}}
                many = rounds.get(batch, rounds[16])[name]
                many = max(many // 3, 3) if asked.quick else many
                part = measure(name, batch, many, asked.compile, asked.keep_memory)
                print(f"measured {name}x{name}, batch {batch}", file=sys.stderr, flush=True)
                rows += part
        if not asked.quick and "256" in asked.sizes:
            rows += measure_previews(9, asked.keep_memory)
    return report(rows, asked.json)


if __name__ == "__main__":
    sys.exit(main())
