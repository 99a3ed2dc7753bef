"""A trainer for tests of all that is around one: NumPy alone, quick, the same for the same seed, to the last bit.

`RUNWAY_LAB_TRAINER=support.plain_trainer:Plain` puts it in the place of the real one. `PLAIN_STEP` is how many seconds
a step takes; `PLAIN_FAULT`, like "raise@5", is what goes wrong at a step: raise, words, device, memory, hang, compute
(slow, but at work), unstable, full, exit.
A fault happens once, where the file named by `PLAIN_ONCE` is not there yet, or always.
"""

from __future__ import annotations

import json
import os
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np

from runway_lab.errors import RunwayLabError

SIZE = 64


class PlainTrainer:
    def __init__(self, settings: Any, pictures: Any, start: Path | None) -> None:
        self.settings, self.pictures = settings, pictures
        self.step = self.images = 0
        self.chance = np.random.default_rng(settings.seed)
        self.values = np.zeros(SIZE)
        self.taken_over = [f"All of {start.name} was taken over."] if start else []
        self.lineage: list[Any] = []
        self.incidents: list[str] = []
        if start:
            assert start.is_file()

    def one_step(self) -> dict[str, float]:
        time.sleep(float(os.environ.get("PLAIN_STEP", "0.002")))
        self._fault()
        numbers = self.chance.integers(len(self.pictures), size=4)
        self.values = 0.9 * self.values + self.chance.normal(size=SIZE) + float(self.pictures[numbers].mean()) / 255
        self.step += 1
        self.images += self.settings.batch
        return {"generator": float(self.values.mean()), "discriminator": float(self.values.std())}

    def _fault(self) -> None:
        kind, _, step = os.environ.get("PLAIN_FAULT", "").partition("@")
        once = os.environ.get("PLAIN_ONCE", "")
        if not kind or self.step + 1 != int(step) or (once and Path(once).exists()):
            return
        if once:
            Path(once).touch()
        print(f"about to {kind}", flush=True)
        if kind == "raise":
            raise ValueError("no such colour")
        if kind == "words":
            raise RunwayLabError("The training has become unstable.", hint="Begin with a smaller learning rate.")
        if kind == "device":
            from runway_lab.training.experiments.process import DeviceMissing

            raise DeviceMissing("There is no device 'cuda:0' here.", hint="Take another.")
        if kind == "memory":
            raise MemoryError
        if kind == "hang":
            time.sleep(3600)
        if kind == "compute":
            end = time.monotonic() + 2.5
            while time.monotonic() < end:
                pass
        if kind == "exit":
            os._exit(7)
        if kind == "full":
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
            import signal

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if kind == "unstable":
            self.incidents.append(f"Step {self.step + 1} went wrong; went back to step {self.step - 5}.")
            self.step -= 6
            self.images -= 6 * self.settings.batch

    def sample(self) -> Any:
        count = self.settings.samples
        grid = np.arange(count * 16 * 16 * 3).reshape(count, 16, 16, 3)
        return (
            (np.outer(self.values, np.ones(1)).sum() * 1000 + grid + self.values[grid % SIZE] * 50)
            .astype(np.int64)
            .astype(np.uint8)
        )

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "images": self.images,
            "values": self.values.tolist(),
            "chance": self.chance.bit_generator.state,
        }

    def read_state(self, path: Path) -> None:
        said = json.loads(Path(path).read_text())
        self.step, self.images = said["step"], said["images"]
        self.values = np.array(said["values"])
        self.chance.bit_generator.state = said["chance"]

    def save(self, path: Path, *, licence: str = "", recipe: dict[str, Any] | None = None) -> Path:
        """As a .safetensors of this project's own format, small and without a use."""
        values = self.values.astype("<f4").tobytes()
        header = {
            "__metadata__": {
                "format": "runway-lab stylegan 1",
                "lineage": json.dumps(self.lineage),
                "recipe": json.dumps(recipe or {}),
                "licence": licence,
            },
            "generator.values": {"dtype": "F32", "shape": [SIZE], "data_offsets": [0, len(values)]},
        }
        text = json.dumps(header, separators=(", ", ":")).encode()
        Path(path).write_bytes(struct.pack("<Q", len(text)) + text + values)
        return Path(path)


class Plain:
    @staticmethod
    def trainer(settings: Any, pictures: Any, start: Path | None) -> PlainTrainer:
        return PlainTrainer(settings, pictures, start)

    @staticmethod
    def write(state: Any, path: Path) -> None:
        Path(path).write_text(json.dumps(state))
