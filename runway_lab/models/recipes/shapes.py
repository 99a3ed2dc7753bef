"""The recipe for `identify/shapes`: pages of drawn shapes, and a detector that learns to put boxes around them.

The heat a page should give is a soft bump at the middle of each shape, as wide as the shape allows; the loss is the
focal one of CenterNet. The sides of the boxes are learned at the cells around the middle, by the overlap of the box
they make with the right one (GIoU, Rezatofighi et al. 2019). Pages are turned, mirrored, and their colours exchanged
and inverted, which makes many pages of one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from runway_lab.models.recipes.covers import boxed, write
from runway_lab.models.recipes.doodles import Page, doodles, poster
from runway_lab.models.recipes.training import Average, Lesson, follow, quick, set_rate
from runway_lab.models.shapes import LABELS, SIDE, STRIDE, Detector, detect, read

__all__ = ["ShapeLesson", "average_precision", "target"]

BATCH = 32
CELLS = SIDE // STRIDE
UNSEEN = 1_000_000
"""Pages from this number on are for measuring."""


class ShapeLesson(Lesson):
    name = "shapes"
    pictures = 7000

    def __init__(self, seed: int, pictures: int) -> None:
        self.pages = doodles(pictures, seed)
        self.chance = np.random.default_rng([seed, 2**31])
        self.student = Detector().to(memory_format=torch.channels_last)
        self.average = Average(self.student)
        self.optimiser = torch.optim.AdamW(self.student.parameters(), weight_decay=1e-3)

    def batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pictures, heat, sides in cells, and how much the sides of each cell matter."""
        pictures, heats, sides, weights = [], [], [], []
        for index in self.chance.integers(0, len(self.pages), BATCH):
            page = _varied(self.chance, self.pages[int(index)])
            heat, side, weight = target(page)
            pictures.append(page.picture)
            heats.append(heat)
            sides.append(side)
            weights.append(weight)
        x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
        x = x.contiguous(memory_format=torch.channels_last)
        return x, *(torch.from_numpy(np.stack(part)) for part in (heats, sides, weights))  # type: ignore[return-value]

    def step(self, i: int, steps: int) -> str:
        set_rate(self.optimiser, 3e-3, i / steps)
        x, heat, sides, weight = self.batch()
        self.student.train()
        with quick():
            guess, guessed_sides = self.student(x)
        found = _focal(guess.float(), heat)
        boxed = _giou(guessed_sides.float(), sides, weight)
        loss = found + 3 * boxed
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
        self.optimiser.step()
        self.average.follow(self.student)
        return f"heat {found.item():.3f}, boxes {boxed.item():.3f}"

    def network(self) -> nn.Module:
        return self.average.network

    @staticmethod
    def measure(network: nn.Module, pictures: int = 500) -> dict[str, float]:
        """Mean average precision, and precision and recall at the usual threshold, on unseen pages."""
        pages = doodles(pictures, 0, first=UNSEEN)
        found = []
        for start in range(0, len(pages), 50):
            x = torch.from_numpy(np.stack([page.picture for page in pages[start : start + 50]]))
            x = x.permute(0, 3, 1, 2).float() / 255
            with torch.inference_mode():
                heat, sides = network(x.contiguous(memory_format=torch.channels_last))
            found += [read(h, s, 0.05) for h, s in zip(heat, sides, strict=True)]
        precisions = []
        hits = claims = truths = 0
        for label in range(len(LABELS)):
            scores, right, wanted = [], [], 0
            for page, one in zip(pages, found, strict=True):
                own = one.labels == label
                matched = _matched(one.boxes[own], page.boxes[page.labels == label])
                scores.append(one.scores[own])
                right.append(matched)
                wanted += int((page.labels == label).sum())
            score, correct = np.concatenate(scores), np.concatenate(right)
            precisions.append(average_precision(score, correct, wanted))
            sure = score > 0.35
            hits, claims, truths = hits + int(correct[sure].sum()), claims + int(sure.sum()), truths + wanted
        figures = {
            "map50": float(np.mean(precisions)),
            "precision": hits / max(claims, 1),
            "recall": hits / max(truths, 1),
        }
        return figures | {f"ap50_{name}": value for name, value in zip(LABELS, precisions, strict=True)}

    @staticmethod
    def gallery(network: nn.Module, folder: Path) -> None:
        pages = (("cover", poster(True)), ("sketch", poster(False)))
        for name, page in pages:
            found = detect(network, page)
            words = [f"{LABELS[k]} {score:.2f}" for k, score in zip(found.labels, found.scores, strict=True)]
            write(boxed(page, found.boxes.tolist(), words), folder / f"identify-shapes-{name}.webp")


def target(page: Page) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """What the network should answer to a page: heat, sides in cells, and the weight of the sides."""
    heat = np.zeros((len(LABELS), CELLS, CELLS), np.float32)
    sides = np.zeros((4, CELLS, CELLS), np.float32)
    weight = np.zeros((1, CELLS, CELLS), np.float32)
    row, column = np.mgrid[0:CELLS, 0:CELLS].astype(np.float32)
    for box, label in zip(page.boxes / STRIDE, page.labels, strict=True):
        x, y = (box[0] + box[2]) / 2 - 0.5, (box[1] + box[3]) / 2 - 0.5
        middle = (int(np.clip(round(y), 0, CELLS - 1)), int(np.clip(round(x), 0, CELLS - 1)))
        spread = np.clip(0.09 * (box[2:] - box[:2]), 0.5, 2.5)
        across, down = (column - middle[1]) / spread[0], (row - middle[0]) / spread[1]
        bump = np.exp(-0.5 * (across**2 + down**2)).astype(np.float32)
        heat[label] = np.maximum(heat[label], bump)
        near = (bump > 0.3) & (bump > weight[0])
        ends = np.stack([column + 0.5 - box[0], row + 0.5 - box[1], box[2] - column - 0.5, box[3] - row - 0.5])
        sides[:, near] = np.maximum(ends[:, near], 0.05)
        weight[0, near] = bump[near]
    return heat, sides, weight


def average_precision(scores: NDArray[np.floating], correct: NDArray[np.bool_], wanted: int) -> float:
    """The area under precision over recall.

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), wanted=2)
    0.8333333333333333
    """
    if wanted == 0:
        return 1.0
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(correct[order])
    precision = hits / np.arange(1, len(hits) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_from_here[correct[order]].sum() / wanted)


def _matched(boxes: NDArray[np.float32], truths: NDArray[np.float32]) -> NDArray[np.bool_]:
    """For each box, the most certain first: is there a truth it overlaps by half that nothing has claimed?"""
    free = list(range(len(truths)))
    right = np.zeros(len(boxes), bool)
    for i, box in enumerate(boxes):
        overlaps = [_iou(box, truths[k]) for k in free]
        if overlaps and max(overlaps) >= 0.5:
            right[i] = True
            free.pop(int(np.argmax(overlaps)))
    return right


def _iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    shared = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


def _varied(chance: np.random.Generator, page: Page) -> Page:
    """The page, turned, mirrored, its colours exchanged, inverted, lighter or darker by chance."""
    picture, boxes = page.picture, page.boxes
    for _ in range(int(chance.integers(4))):
        picture = np.rot90(picture)
        boxes = np.stack([boxes[:, 1], SIDE - boxes[:, 2], boxes[:, 3], SIDE - boxes[:, 0]], axis=1)
    if chance.random() < 0.5:
        picture = picture[:, ::-1]
        boxes = np.stack([SIDE - boxes[:, 2], boxes[:, 1], SIDE - boxes[:, 0], boxes[:, 3]], axis=1)
    picture = picture[..., chance.permutation(3)]
    if chance.random() < 0.3:
        picture = 255 - picture
    if chance.random() < 0.4:
        gain, lift = chance.uniform(0.6, 1.0), chance.uniform(0, 1)
        picture = (picture * gain + 255 * (1 - gain) * lift).astype(np.uint8)
    return Page(np.ascontiguousarray(picture), boxes, page.labels)


def _focal(guess: Tensor, heat: Tensor) -> Tensor:
    """CenterNet's penalty-reduced focal loss, a mean over the shapes."""
    sure = guess.sigmoid()
    middle = (heat == 1).float()
    yes = F.logsigmoid(guess) * (1 - sure).square() * middle
    no = F.logsigmoid(-guess) * sure.square() * (1 - heat) ** 4 * (1 - middle)
    return -(yes + no).sum() / middle.sum().clamp(min=1)


def _giou(guess: Tensor, sides: Tensor, weight: Tensor) -> Tensor:
    """How little the boxes overlap with the right ones (0..2), where it matters."""

    def area(four: Tensor) -> Tensor:
        return (four[:, 0] + four[:, 2]) * (four[:, 1] + four[:, 3])

    shared = area(torch.minimum(guess, sides))
    union = area(guess) + area(sides) - shared
    around = area(torch.maximum(guess, sides))
    loss = 1 - shared / union.clamp(min=1e-3) + (around - union) / around.clamp(min=1e-3)
    return (loss * weight[:, 0]).sum() / weight.sum().clamp(min=1)


if __name__ == "__main__":
    follow(ShapeLesson, Detector)
