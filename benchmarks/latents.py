"""How long it takes to find directions in a model, and to find a picture in its latent space.

    python benchmarks/latents.py [--threads 2] [--json FILE]

The networks are randomly initialised: their weights decide nothing about the time. The picture that is searched for
is one of the network's own, so that a perfect answer exists.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch
from report import Row, report

from runway_lab.stylegan.directions import pca, sefa
from runway_lab.stylegan.generator import best_precision
from runway_lab.stylegan.projection import project
from runway_lab.stylegan.stylegan2 import StyleGAN2, StyleGAN2Config


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    wishes = parser.parse_args()
    torch.set_num_threads(wishes.threads)
    torch.manual_seed(0)
    return report(directions() + projections(), wishes.json)


def directions() -> list[Row]:
    network = StyleGAN2(StyleGAN2Config(resolution=256, channel_base=16384)).requires_grad_(False)
    times = {}
    for name, find in (("closed form", sefa), ("PCA of W", pca)):
        began = time.perf_counter()
        find(network)
        times[name] = time.perf_counter() - began
    return [Row(f"directions of a 256x256 model, {name}", took, "s", 5.0) for name, took in times.items()]


def projections() -> list[Row]:
    rows = []
    for name, config in (
        (
            "base 4096, max 128",
            StyleGAN2Config(resolution=64, channel_base=4096, channel_max=128, z_dim=128, w_dim=128),
        ),
        ("base 2048, max 64", StyleGAN2Config(resolution=64, channel_base=2048, channel_max=64, z_dim=64, w_dim=64)),
    ):
        network = StyleGAN2(config).requires_grad_(False)
        bring_into_range(network)
        network.precision = best_precision()
        for seed in (1, 2):
            target = network(torch.randn(1, config.z_dim, generator=torch.Generator().manual_seed(seed)))
            began = time.perf_counter()
            found = project(network, target, "w+", seed=seed)
            took = time.perf_counter() - began
            rows.append(Row(f"a 64x64 picture found in W+ ({name}), seed {seed}", took, "s", 60.0))
            rows.append(Row("  its likeness", found.psnr, "dB", 25.0, "higher"))
    return rows


def bring_into_range(network: StyleGAN2) -> None:
    """Pictures from -1 to 1, as a trained network's are."""
    largest = network(torch.randn(4, network.config.z_dim)).abs().max()
    for block in network.synthesis.blocks:
        block.torgb.weight.div_(largest)


if __name__ == "__main__":
    sys.exit(main())
