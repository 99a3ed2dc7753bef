"""A StyleGAN that is loaded, and what its commands have in common: from points to ws, from ws to pictures.

Points are NumPy, as in `runway_lab.latents`; only in here they become tensors, and only pictures and ws come out.
One picture after another is drawn incrementally: an edit of the last layers costs only those, and a preview stays
good for the picture itself. Several at once go through the network in batches of about a quarter of a million pixels,
which is where a processor is at its best and memory stays small.

Threads may share a painter: what it keeps from one call to the next is changed by one of them at a time.

`map` and `draw` leave alone what they do not know, so that a command can hand on all it was told to both:
`painter.draw(painter.map([z], **told), **told)`.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from runway_lab.errors import BadValue, suggest
from runway_lab.latents import Direction, Point, load_directions, save_directions
from runway_lab.library.stylegans import ENDINGS, checkpoints, folder
from runway_lab.models.starters import starters
from runway_lab.stylegan import Checkpoint, IncrementalSynthesis, StyleGAN2, best_precision, blend, load, pca, sefa
from runway_lab.stylegan.generator import Noise

__all__ = ["NEWEST", "Painter", "choices", "find", "layers_of", "open_checkpoint", "to_pixels"]

NEWEST = "newest"
"""The choice for whoever makes none: the card's own checkpoint, or the newest of the library."""

NOISES: dict[str, Noise] = {"fixed": "const", "random": "random", "none": "none"}
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_BATCH_PIXELS = 1 << 18

Picture = NDArray[np.uint8]


def choices() -> list[str]:
    """What the option `checkpoint` may be, just now."""
    return [NEWEST, *_known()]


def find(checkpoint: str = NEWEST, file: Path | None = None, files: dict[str, Path] | None = None) -> Path:
    """Which file is meant: a person's own, one of the library, the card's, or the newest there is."""
    if file is not None:
        return file
    known = _known()
    if checkpoint != NEWEST:
        if checkpoint not in known:
            raise BadValue(f"There is no checkpoint {checkpoint!r}.", hint=suggest(checkpoint, [NEWEST, *known]))
        return known[checkpoint]
    own = [path for path in (files or {}).values() if path.suffix.lower() in ENDINGS]
    if own or known:
        return own[0] if own else next(iter(known.values()))
    raise BadValue(
        "There is no StyleGAN checkpoint in your library yet.",
        hint=f"Put a .pkl, .pt or .safetensors file into {folder()}, or name yours: file='faces.pkl'.",
    )


def _known() -> dict[str, Path]:
    """A person's own, the newest first, then those that ship."""
    own = checkpoints()
    return own | {name: path for name, path in starters().items() if name not in own}


def open_checkpoint(path: Path, device: str, precision: str = "auto") -> Checkpoint:
    """A checkpoint ready to draw on a device."""
    checkpoint = load(path)
    generator = checkpoint.generator.eval().requires_grad_(False).to(device)
    if precision == "fp16" and torch.device(device).type == "cpu":
        raise BadValue("Processors are slow in fp16.", hint="Choose auto, fp32 or bf16; fp16 is for graphics cards.")
    generator.precision = PRECISIONS.get(precision) or best_precision(device)
    return checkpoint


class Painter:
    """Draws what a checkpoint learned. `psi` is the truncation where none is said."""

    def __init__(self, checkpoint: Checkpoint, psi: float = 1.0, path: Path | None = None) -> None:
        self.psi = psi
        self._lock = threading.RLock()
        self._take(checkpoint, path)

    def _take(self, checkpoint: Checkpoint, path: Path | None) -> None:
        self.checkpoint, self.path = checkpoint, path
        self.generator = generator = checkpoint.generator
        self.num_ws, self.w_dim, self.z_dim = generator.num_ws, generator.w_dim, generator.z_dim
        self._last: tuple[tuple[object, ...], IncrementalSynthesis] | None = None
        self._directions: dict[tuple[str, int, tuple[int, int] | None], list[Direction]] = {}
        self._blended: tuple[tuple[object, ...], Painter] | None = None
        self._other: tuple[tuple[object, ...], Checkpoint] | None = None

    def change(self, path: Path) -> None:
        """Goes on with another checkpoint of the same measures, such as training saves one after the other."""
        other = load(path)
        made = other.generator.to(self.generator.device)
        made.precision = self.generator.precision
        now, then = self._measures(), Painter(other)._measures()
        for what, mine in now.items():
            if then[what] != mine:
                raise BadValue(
                    f"{path.name} has {what} {then[what]}, the checkpoint that runs has {mine}.",
                    hint="Run it as a model of its own: rl.run('stylegan/any', checkpoint=...).",
                )
        with self._lock:
            self._take(other, path)

    def _measures(self) -> dict[str, Any]:
        """What the fields of the commands were made for."""
        about = self.about()
        return {
            name: about[name] for name in ("width", "height", "channels", "z_dim", "w_dim", "num_ws", "labels", "sizes")
        }

    @property
    def labels(self) -> list[str]:
        """The names of the classes the model was trained with; their numbers where they have none. Often nothing."""
        count, names = self.generator.c_dim, list(self.checkpoint.labels)
        return names if len(set(names)) == count == len(names) else [str(number) for number in range(count)]

    @property
    def sizes(self) -> list[str]:
        """At which resolutions it can draw, the full one first; nothing where there is only that."""
        if not isinstance(self.generator, StyleGAN2):
            return []
        found = [str(each) for each in reversed(IncrementalSynthesis(self.generator).resolutions)]
        return found if len(found) > 1 else []

    def label(self, name: str) -> Tensor | None:
        """A label's name as the network takes it."""
        if not self.generator.c_dim:
            return None
        return torch.tensor([self.labels.index(name)], device=self.generator.device)

    @torch.no_grad()
    def map(
        self,
        points: Sequence[ArrayLike],
        *,
        truncation: float | None = None,
        cutoff: int | None = None,
        label: str = "",
        **_: Any,
    ) -> Tensor:
        """The ws [N, num_ws, w_dim] of points of Z."""
        psi = self.psi if truncation is None else truncation
        z = self._tensor(np.stack([np.asarray(point, dtype=np.float32) for point in points]))
        labels = self.label(label)
        return self.generator.map(z, None if labels is None else labels.expand(len(z)), psi, cutoff)

    def wide(self, ws: ArrayLike) -> Tensor:
        """One row of num_ws * w_dim numbers, or a point of W+, as the network takes it."""
        return self._tensor(np.asarray(ws, dtype=np.float32)).reshape(1, self.num_ws, self.w_dim)

    def flat(self, ws: Tensor) -> NDArray[np.float32]:
        """The ws of one picture as a row of numbers."""
        row: NDArray[np.float32] = ws.detach().float().cpu().numpy().reshape(-1)
        return row

    def points(self, ws: Tensor) -> list[Point]:
        """The ws of some pictures as points of W+, for arithmetic."""
        return [Point("w+", each) for each in ws.detach().float().cpu().numpy()]

    @torch.no_grad()
    def draw(self, ws: Tensor, *, noise: str = "fixed", noise_seed: int = 0, size: str = "", **_: Any) -> Picture:
        """Pictures [N, height, width, channels] of ws [N, num_ws, w_dim]."""
        resolution = int(size) if size and self.sizes else None
        if len(ws) == 1 and isinstance(self.generator, StyleGAN2):
            return to_pixels(self._incremental(noise, noise_seed)(ws, resolution))
        height, width = self.generator.size
        pictures = []
        for number, few in enumerate(torch.split(ws, max(1, min(16, _BATCH_PIXELS // (height * width))))):
            # Each batch has noise of its own, and the same again for the same seed.
            source = torch.Generator(ws.device).manual_seed(noise_seed + number)
            if resolution is not None and isinstance(self.generator, StyleGAN2):
                images = IncrementalSynthesis(self.generator, NOISES[noise], seed=source)(few, resolution)
            else:
                images = self.generator.synthesize(few, NOISES[noise], seed=source)
            pictures.append(to_pixels(images))
        return np.concatenate(pictures)

    def sheet(self, pictures: Picture, columns: int) -> Picture:
        """Pictures side by side, row after row."""
        count, height, width, channels = pictures.shape
        rows = pictures.reshape(count // columns, columns, height, width, channels)
        return rows.transpose(0, 2, 1, 3, 4).reshape(-1, columns * width, channels)

    def directions(self, method: str, count: int, layers: tuple[int, int] | None) -> list[Direction]:
        """Ways through W, found once; "saved" are those kept beside the checkpoint."""
        if method == "saved":
            return load_directions(self.kept)[:count] if self.kept.is_file() else []
        key = (method, count, layers)
        with self._lock:
            if key not in self._directions:
                self._directions[key] = (sefa if method == "sefa" else pca)(self.generator, count, layers)
            return self._directions[key]

    @property
    def kept(self) -> Path:
        """The file beside the checkpoint that directions are kept in."""
        if self.path is None:
            raise BadValue("This model lies in no file, so there is no place beside it.", hint="Save it first.")
        return self.path.with_suffix(".directions.json")

    def keep(self, direction: Direction) -> list[Direction]:
        """Keeps a direction beside the checkpoint, in place of one by the same name; all that are kept."""
        with self._lock:
            return self._keep(direction)

    def _keep(self, direction: Direction) -> list[Direction]:
        known = [each for each in self.directions("saved", 10_000, None) if each.name != direction.name]
        draft = self.kept.with_name(f".{self.kept.name}.{os.getpid()}.tmp")
        try:
            save_directions(draft, [*known, direction])
            draft.replace(self.kept)
        except OSError as error:
            raise BadValue(
                f"{self.kept} cannot be written: {error.strerror or error}.",
                hint="Copy the checkpoint into your library first.",
            ) from error
        finally:
            draft.unlink(missing_ok=True)
        return [*known, direction]

    def other(self, path: Path) -> Checkpoint:
        """A checkpoint to blend with; the last one is kept, for whoever moves a slider."""
        key = _as_it_is(path)
        with self._lock:
            if self._other is None or self._other[0] != key:
                self._other = (key, load(path))
            return self._other[1]

    def blended(self, path: Path, amount: float, swap_from: int | None, width: float) -> Painter:
        """One that draws what this and another checkpoint make together."""
        key = (*_as_it_is(path), amount, swap_from, width)
        with self._lock:
            if self._blended is None or self._blended[0] != key:
                # A preview needs no discriminators, and copying them would take half the time.
                other = dataclasses.replace(self.other(path), discriminator=None)
                mine = dataclasses.replace(self.checkpoint, discriminator=None)
                made = blend(mine, other, amount, swap_from=swap_from, width=width)
                self._blended = (key, Painter(made, self.psi))
            return self._blended[1]

    def target(self, picture: Any) -> Tensor:
        """A Pillow image, cut to the shape of this model's pictures, as the network would draw it."""
        from PIL import ImageOps
        from PIL.Image import Resampling

        height, width = self.generator.size
        fitted = np.asarray(ImageOps.fit(picture, (width, height), Resampling.LANCZOS), dtype=np.float32)
        return self._tensor(fitted.reshape(height, width, -1)).permute(2, 0, 1)[None] / 127.5 - 1

    def about(self) -> dict[str, Any]:
        """What there is to know about the checkpoint, for whoever builds on it."""
        known, generator = self.checkpoint, self.generator
        height, width = generator.size
        return {
            "file": self.path.name if self.path else "",
            "kind": known.kind,
            "format": known.format,
            "width": width,
            "height": height,
            "channels": generator.img_channels,
            "z_dim": self.z_dim,
            "w_dim": self.w_dim,
            "num_ws": self.num_ws,
            "labels": self.labels,
            "sizes": [int(size) for size in self.sizes] or [max(height, width)],
            "precision": str(generator.precision).removeprefix("torch."),
            "licence": known.licence,
            "lineage": known.lineage,
            "notes": known.notes,
        }

    def _tensor(self, values: NDArray[np.float32]) -> Tensor:
        return torch.tensor(values, device=self.generator.device)

    def _incremental(self, noise: str, seed: int) -> IncrementalSynthesis:
        key = (noise, seed if noise == "random" else 0)
        with self._lock:
            if self._last is None or self._last[0] != key:
                assert isinstance(self.generator, StyleGAN2)
                self._last = (key, IncrementalSynthesis(self.generator, NOISES[noise], seed=seed))
            return self._last[1]


def _as_it_is(path: Path) -> tuple[object, ...]:
    """A file and which one it is just now: training writes the next by the same name."""
    try:
        known = path.stat()
    except OSError:
        return (path,)
    return path, known.st_mtime_ns, known.st_size, known.st_ino


def to_pixels(images: Tensor) -> Picture:
    """Images around [-1, 1], [N, C, H, W], as bytes [N, H, W, C]."""
    bytes_ = images.float().mul(127.5).add(127.5).round().clamp(0, 255).to(torch.uint8)
    pixels: Picture = bytes_.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pixels


def layers_of(painter: Painter, first: int, last: int) -> tuple[int, int] | None:
    """A range of layers; None where it is all of them."""
    if first > last:
        raise BadValue(f"Layers {first} to {last} are none.", hint="The first is not behind the last.")
    return None if (first, last) == (0, painter.num_ws - 1) else (first, last)
