"""The recipe for `upscale/x2`: shrink drawn pictures in the ways pictures are shrunk, and learn the way back.

Small pictures come from everywhere: most were shrunk by a bicubic filter, some by Lanczos or by averaging, some went
through JPEG. The network meets all of these, so that it adds detail where there is some to add and keeps its hands
off compression noise.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from runway_lab.models.recipes.covers import before_and_after, write
from runway_lab.models.recipes.drawing import Picture
from runway_lab.models.recipes.leaves import draw_leaves, leaves
from runway_lab.models.recipes.training import Average, Lesson, follow, quick, set_rate
from runway_lab.models.upscale import Upscaler, enlarge

__all__ = ["Upscaling", "psnr", "shrink"]

PATCH, BATCH = 96, 16
UNSEEN = 1_000_000
"""Pictures from this number on are for measuring."""


def shrink(picture: Picture, filter: Image.Resampling, quality: int | None = None) -> Picture:
    """Half the size, and through JPEG when a quality is given."""
    small = Image.fromarray(picture).resize((picture.shape[1] // 2, picture.shape[0] // 2), filter)
    if quality is not None:
        file = io.BytesIO()
        small.save(file, "JPEG", quality=quality)
        small = Image.open(file)
    return np.asarray(small)


def psnr(a: Picture, b: Picture, border: int = 4) -> float:
    """Peak signal-to-noise ratio in decibel, on all channels, without the rim."""
    inner = (slice(border, -border), slice(border, -border))
    error = np.square(a[inner].astype(np.float64) - b[inner].astype(np.float64)).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


class Upscaling(Lesson):
    name = "upscale"
    pictures = 1200

    def __init__(self, seed: int, pictures: int) -> None:
        self.drawn = leaves(pictures, seed)
        self.chance = np.random.default_rng([seed, 2**31])
        self.student = Upscaler().to(memory_format=torch.channels_last)
        self.average = Average(self.student)
        self.optimiser = torch.optim.Adam(self.student.parameters(), betas=(0.9, 0.99))

    def batch(self) -> tuple[Tensor, Tensor]:
        small, large = [], []
        for _ in range(BATCH):
            target = self._patch()
            filter = self.chance.choice(
                [Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX], p=[0.7, 0.15, 0.15]
            )
            quality = int(self.chance.integers(70, 97)) if self.chance.random() < 0.15 else None
            small.append(shrink(target, Image.Resampling(filter), quality))
            large.append(target)
        return _tensor(small), _tensor(large)

    def _patch(self) -> Picture:
        """A piece of a picture, turned, mirrored, its colours exchanged and its contrast lowered by chance."""
        picture = self.drawn[int(self.chance.integers(len(self.drawn)))]
        top, left = self.chance.integers(0, picture.shape[0] - PATCH + 1, 2)
        piece = np.rot90(picture[top : top + PATCH, left : left + PATCH], int(self.chance.integers(4)))
        if self.chance.random() < 0.5:
            piece = piece[:, ::-1]
        piece = piece[..., self.chance.permutation(3)]
        if self.chance.random() < 0.5:
            contrast = self.chance.uniform(0.3, 1.0)
            piece = (piece * contrast + self.chance.uniform(0, 255 * (1 - contrast)) + 0.5).astype(np.uint8)
        return np.ascontiguousarray(piece)

    def step(self, i: int, steps: int) -> str:
        set_rate(self.optimiser, 2e-3, i / steps)
        small, large = self.batch()
        with quick():
            difference = self.student(small).float() - large
        # Nearly L1: edges count as much as they are wide, not as they are steep.
        loss = torch.sqrt(difference.square() + 1e-5).mean()
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.student.parameters(), 0.2)
        self.optimiser.step()
        self.average.follow(self.student)
        bicubic = F.interpolate(small, scale_factor=2, mode="bicubic", antialias=True) - large
        gain = 10 * torch.log10(bicubic.square().mean() / difference.square().mean())
        return f"loss {loss.item():.4f}, {gain.item():+.2f} dB over bicubic"

    def network(self) -> nn.Module:
        return self.average.network

    @staticmethod
    def measure(network: nn.Module, pictures: int = 60) -> dict[str, float]:
        """Decibels, ours and bicubic's, on unseen pictures shrunk in each way."""
        figures: dict[str, float] = {}
        unseen = leaves(pictures, 0, first=UNSEEN)
        for name, filter, quality in (
            ("bicubic", Image.Resampling.BICUBIC, None),
            ("lanczos", Image.Resampling.LANCZOS, None),
            ("box", Image.Resampling.BOX, None),
            ("bicubic_jpeg85", Image.Resampling.BICUBIC, 85),
        ):
            ours, theirs = [], []
            for picture in unseen:
                small = shrink(picture, filter, quality)
                plain = Image.fromarray(small).resize(picture.shape[1::-1], Image.Resampling.BICUBIC)
                ours.append(psnr(enlarge(network, small), picture))
                theirs.append(psnr(np.asarray(plain), picture))
            figures[f"psnr_{name}"] = float(np.mean(ours))
            figures[f"gain_{name}"] = float(np.mean(ours) - np.mean(theirs))
        return figures

    @staticmethod
    def gallery(network: nn.Module, folder: Path) -> None:
        for name, number in (("cover", 7), ("detail", 1)):
            large = draw_leaves(np.random.default_rng([5, number]), 480)[105:375]
            small = shrink(large, Image.Resampling.BICUBIC)
            plain = Image.fromarray(small).resize((480, 270), Image.Resampling.BICUBIC)
            shown = [
                np.asarray(Image.fromarray(each).resize((960, 540), Image.Resampling.NEAREST))
                for each in (np.asarray(plain), enlarge(network, small))
            ]
            image = before_and_after(shown[0], shown[1], ("bicubic", "upscale/x2"))
            write(image, folder / f"upscale-x2-{name}.webp")


def _tensor(pictures: list[Picture]) -> Tensor:
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    return stacked.contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    follow(Upscaling, Upscaler)
