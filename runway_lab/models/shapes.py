"""Finds drawn shapes: where they are, what they are, and how sure it is.

A small fully convolutional detector in the manner of CenterNet (Zhou et al. 2019) and FCOS (Tian et al. 2019). The
picture is fitted into a square of 160 and, for what is small, once more into one of 320. The network looks at it at
five sizes, brings what it saw back to cells of four pixels, and says for every cell how much it looks like the
middle of each shape and how far away the four sides of its box would be. A shape is a cell that is more certain than
its neighbours, so there is nothing to sort out afterwards but a shape that two labels or two looks compete for.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from PIL import Image as Pictures
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from runway_lab.fields import Array, BoundingBox, Image, Number, Text
from runway_lab.models import weights_path
from runway_lab.sdk import command, setup

__all__ = ["BORDER", "LABELS", "SIDE", "STRIDE", "Detector", "Found", "detect", "find", "letterbox", "load", "read"]

LABELS = (
    "arrow",
    "circle",
    "cross",
    "drop",
    "ellipse",
    "heart",
    "hexagon",
    "moon",
    "rectangle",
    "square",
    "star",
    "triangle",
)
SIDE, STRIDE, BORDER = 160, 4, 128


class Step(nn.Sequential):
    """A convolution, normalised."""

    def __init__(self, into: int, out: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(into, out, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
        )


class Detector(nn.Module):
    """Pictures, N x 3 x 160 x 160 in 0..1 -> heat, N x 12 x 40 x 40 (logits), and sides, N x 4 x 40 x 40 (cells)."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, 16, 32, 64, 96, 128]
        self.down = nn.ModuleList(
            nn.Sequential(Step(a, b, stride=2), *([Step(b, b)] if b > 16 else [])) for a, b in pairwise(widths)
        )
        self.up = nn.ModuleList(Step(a + b, b) for a, b in ((128, 96), (96, 64), (64, 32)))
        self.last = Step(32, 64)
        self.heat = nn.Conv2d(64, len(LABELS), 1)
        self.sides = nn.Conv2d(64, 4, 1)
        # At the start nothing is believed to be anywhere (Lin et al. 2017).
        nn.init.constant_(self.heat.bias, -4.6)  # type: ignore[arg-type]
        nn.init.constant_(self.sides.bias, 1.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x - 0.5
        seen = []
        for step in self.down:
            x = step(x)
            seen.append(x)
        for step, before in zip(self.up, seen[-2:0:-1], strict=True):
            larger = F.interpolate(x, size=before.shape[-2:], mode="bilinear", align_corners=False)
            x = step(torch.cat([larger, before], dim=1))
        x = self.last(x)
        return self.heat(x), self.sides(x).clamp(-3, 4).exp()


@dataclass(frozen=True)
class Found:
    """What is in a picture: boxes (xmin, ymin, xmax, ymax), labels and scores, the most certain first."""

    boxes: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]
    scores: np.ndarray[Any, Any]


def letterbox(
    picture: Pictures.Image, side: int = SIDE
) -> tuple[np.ndarray[Any, Any], tuple[float, float, float, float]]:
    """The picture fitted into the square the network looks at; where in it the picture lies."""
    scale = side / max(picture.size)
    width, height = (max(1, round(length * scale)) for length in picture.size)
    left, top = (side - width) // 2, (side - height) // 2
    square = np.full((side, side, 3), BORDER, np.uint8)
    small = picture.convert("RGB").resize((width, height), Pictures.Resampling.BILINEAR)
    square[top : top + height, left : left + width] = np.asarray(small)
    return square, (left, top, left + width, top + height)


def read(heat: Tensor, sides: Tensor, threshold: float, most: int = 60) -> Found:
    """What the network's answer for one picture says; boxes in pixels of the square."""
    heat = heat.sigmoid()
    summit = heat == F.max_pool2d(heat[None], 3, stride=1, padding=1)[0]
    label, row, column = torch.nonzero(summit & (heat > threshold), as_tuple=True)
    scores, order = heat[label, row, column].sort(descending=True)
    order, scores = order[:most], scores[:most]
    label, row, column = label[order], row[order], column[order]
    left, top, right, bottom = sides[:, row, column]
    x, y = column + 0.5, row + 0.5
    boxes = torch.stack([x - left, y - top, x + right, y + bottom], dim=1) * STRIDE
    return _settled(Found(boxes.cpu().numpy(), label.cpu().numpy(), scores.cpu().numpy()))


def _settled(found: Found) -> Found:
    """Two labels for one thing, or two boxes around one thing: the more certain has it."""
    kept: list[int] = []
    for i in np.argsort(-found.scores, kind="stable"):
        limit = [0.45 if found.labels[i] == found.labels[k] else 0.65 for k in kept]
        if all(_overlap(found.boxes[i], found.boxes[k]) < most for k, most in zip(kept, limit, strict=True)):
            kept.append(int(i))
    return Found(found.boxes[kept], found.labels[kept], found.scores[kept])


def _overlap(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """Intersection over union."""
    shared = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


def detect(network: nn.Module, picture: Pictures.Image, threshold: float = 0.35) -> Found:
    """The shapes in a picture of any size; boxes in 0..1 of its width and height."""
    looks = [_look(network, picture, threshold, SIDE)]
    if max(picture.size) > SIDE:
        # A closer look at a picture that has more to show. What is large was seen better from afar.
        close = _look(network, picture, threshold, 2 * SIDE)
        lengths = (close.boxes[:, 2:] - close.boxes[:, :2]) * np.array(picture.size) / max(picture.size)
        small = lengths.max(axis=1, initial=0) < 0.4
        looks.append(Found(close.boxes[small], close.labels[small], close.scores[small]))
    return _settled(
        Found(
            np.concatenate([look.boxes for look in looks]),
            np.concatenate([look.labels for look in looks]),
            np.concatenate([look.scores for look in looks]),
        )
    )


@torch.inference_mode()
def _look(network: nn.Module, picture: Pictures.Image, threshold: float, side: int) -> Found:
    square, (left, top, right, bottom) = letterbox(picture, side)
    x = torch.from_numpy(square).permute(2, 0, 1)[None].to(next(network.parameters()).device).float() / 255
    heat, sides = network(x.contiguous(memory_format=torch.channels_last))
    found = read(heat[0], sides[0], threshold)
    size = np.array([right - left, bottom - top] * 2, np.float32)
    boxes = np.clip((found.boxes - np.array([left, top, left, top], np.float32)) / size, 0.0, 1.0)
    # What lies wholly in the border is not in the picture.
    kept = ((boxes[:, 2:] - boxes[:, :2]) > 0.005).all(axis=1)
    return Found(boxes[kept], found.labels[kept], found.scores[kept])


@setup
def load(device: str) -> Detector:
    """The taught network."""
    network = Detector().eval().requires_grad_(False)
    network.load_state_dict(
        {
            name: value.float() if value.is_floating_point() else value
            for name, value in load_file(weights_path("shapes")).items()
        }
    )
    return network.to(device).to(memory_format=torch.channels_last)


@command(
    inputs={
        "image": Image(description="A drawing, or a picture with drawn shapes in it."),
        "threshold": Number(
            default=0.35, min=0.05, max=0.95, step=0.05, description="How sure to be before naming a shape."
        ),
    },
    outputs={
        "boxes": Array(BoundingBox(), description="A box around each shape, the most certain first."),
        "labels": Array(Text(), description="What each shape is."),
        "scores": Array(Number(min=0, max=1), description="How sure the model is of each."),
    },
    description="Find the shapes in a drawing.",
)
def find(model: Detector, image: Pictures.Image, threshold: float) -> dict[str, Any]:
    found = detect(model, image, threshold)
    return {
        "boxes": [[float(side) for side in box] for box in found.boxes],
        "labels": [LABELS[label] for label in found.labels],
        "scores": [float(score) for score in found.scores],
    }
