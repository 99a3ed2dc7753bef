"""How quickly pictures become a dataset: JPEGs of 1024x1024 to 256x256, doctor and hashes included.

    python benchmarks/dataset.py [--pictures 160] [--rounds 5] [--json FILE]

The baseline is what nobody can do without: Pillow, the same cores, the same threads, in the same run. It reads each
file, decodes it at no less than twice the target (`draft`), scales with Lanczos, and keeps the pixels in an array. It
looks for nothing, hashes nothing and writes nothing. Both take turns, and the bar is on the ratio: 60 % of its speed.
The pictures are drawn here: smooth gradients and forms with a texture, as dense as photographs of this size.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from report import Row, report

BAR = 0.6
SIDE, TARGET = 1024, 256


def draw(folder: Path, count: int) -> float:
    """Pictures with the spectrum of photographs: noise of every size, the finer the fainter. Megabytes a file."""
    for number in range(count):
        chance = np.random.default_rng(number)
        picture = np.zeros((SIDE, SIDE, 3), np.float32)
        size = 4
        while size <= SIDE:
            noise = chance.standard_normal((size, size, 3)).astype(np.float32)
            # Colours vary together, as they do in the world.
            noise = 0.75 * noise[:, :, :1] + 0.35 * noise
            layers = [
                Image.fromarray(noise[:, :, each]).resize((SIDE, SIDE), Image.Resampling.BICUBIC) for each in range(3)
            ]
            picture += np.stack([np.asarray(each) for each in layers], axis=2) * (60 * (4 / size) ** 0.5)
            size *= 2
        pixels = np.clip(picture + chance.uniform(80, 170, 3), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04d}.jpg", quality=90)
    return sum(each.stat().st_size for each in folder.iterdir()) / count / 1e6


def bare(files: list[Path], workers: int) -> float:
    """What Pillow alone takes, in seconds."""
    done = np.empty((len(files), TARGET, TARGET, 3), np.uint8)

    def one(index: int) -> None:
        with Image.open(files[index]) as picture:
            picture.draft("RGB", (2 * TARGET, 2 * TARGET))
            picture.load()
            done[index] = np.asarray(picture.resize((TARGET, TARGET), Image.Resampling.LANCZOS))

    start = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, range(len(files))))
    return time.perf_counter() - start


def ours(folder: Path, workers: int) -> float:
    """What a whole dataset takes, on the disk."""
    from runway_lab.training.datasets import Dataset

    start = time.perf_counter()
    data = Dataset.create("speed", folder, size=TARGET, workers=workers)
    seconds = time.perf_counter() - start
    assert len(data) == len(list(folder.iterdir()))
    data.delete()
    return seconds


def examined(folder: Path, workers: int) -> float:
    """What the doctor alone takes."""
    from runway_lab.training.datasets import examine

    start = time.perf_counter()
    examine(folder, size=TARGET, workers=workers)
    return time.perf_counter() - start


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pictures", type=int, default=160)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    from runway_lab.training.datasets.survey import cores

    workers = cores()
    with tempfile.TemporaryDirectory() as name:
        os.environ["RUNWAY_LAB_HOME"] = f"{name}/library"
        folder = Path(name) / "pictures"
        folder.mkdir()
        megabytes = draw(folder, chosen.pictures)
        files = sorted(folder.iterdir())
        ways: dict[str, Callable[[], float]] = {
            "pillow": lambda: bare(files, workers),
            "create": lambda: ours(folder, workers),
            "examine": lambda: examined(folder, workers),
        }
        for way in ways.values():
            way()
        rounds: list[dict[str, float]] = []
        for turn in range(chosen.rounds):
            order = list(ways) if turn % 2 == 0 else list(reversed(ways))
            rounds.append({each: ways[each]() for each in order})
    count = chosen.pictures
    speed = {each: statistics.median(count / one[each] for one in rounds) for each in ways}
    ratio = {each: statistics.median(one["pillow"] / one[each] for one in rounds) for each in ways}
    print(
        f"{count} JPEGs of {SIDE}x{SIDE}, {megabytes:.2f} MB each, {workers} cores; median of {chosen.rounds} rounds\n"
    )
    rows = [
        Row(
            "create: speed beside bare Pillow", ratio["create"], "", BAR, "higher", "same cores, same run, interleaved"
        ),
        Row("examine: speed beside bare Pillow", ratio["examine"], ""),
        Row("bare Pillow", speed["pillow"], "a s"),
        Row(
            "Dataset.create", speed["create"], "a s", against="doctor, hashes, near duplicates, journal, files on disk"
        ),
        Row("Dataset.examine", speed["examine"], "a s"),
    ]
    return report(rows, chosen.json)


if __name__ == "__main__":
    sys.exit(main())
