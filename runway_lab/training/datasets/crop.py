"""Where a picture is cut, and how what is cut becomes a picture of the dataset.

`center` takes the largest piece of the right shape from the middle; `random` takes a piece of the same size from
somewhere, the same place for the same picture and seed; `none` cuts nothing away: the whole picture is there, and
where it has another shape, the rest is filled with a blurred enlargement of it, as on a telephone. Nothing is ever
squeezed: a face that was squeezed is a face a model learns to squeeze. (A hair, up to two parts in a hundred, is taken
for the same shape.)

Everything is cut and scaled in one go, with Lanczos, from the decoded picture.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

from runway_lab.training.datasets.plan import Copy, Plan

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["Box", "box_for", "made", "same_shape"]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

HAIR = 0.02
BLUR = 24
"""How many times smaller the filling of the borders becomes before it is enlarged again."""


def same_shape(width: float, height: float, plan: Plan) -> bool:
    """Whether a picture has the shape of the dataset's, give or take a hair.

    >>> same_shape(640, 480, Plan(96, 128)), same_shape(640, 480, Plan(64, 64))
    (True, False)
    """
    return abs(math.log(width * plan.height / (height * plan.width))) <= HAIR


def box_for(width: int, height: int, plan: Plan, whole: bool, chance: str) -> Box:
    """What of a picture is used; `chance` is what random places are drawn from."""
    if whole or same_shape(width, height, plan):
        return 0.0, 0.0, float(width), float(height)
    scale = min(width / plan.width, height / plan.height)
    wide, high = plan.width * scale, plan.height * scale
    at = random.Random(f"{plan.seed} {chance}") if plan.crop == "random" else None
    left = round((width - wide) * at.random()) if at else (width - wide) / 2
    top = round((height - high) * at.random()) if at else (height - high) / 2
    left, top = min(left, width - wide), min(top, height - high)
    return left, top, left + wide, top + high


def made(picture: Picture, box: Box, plan: Plan, copy: Copy) -> Picture:
    """The piece of the picture in the box, as one picture of the dataset."""
    from PIL import Image as pillow

    size = plan.width, plan.height
    if not same_shape(box[2] - box[0], box[3] - box[1], plan):
        picture, box = _bordered(picture, box, plan), (0.0, 0.0, float(plan.width), float(plan.height))
    if copy.turn or copy.zoom != 1.0:
        return _moved(picture, box, plan, copy)
    if picture.size == size and tuple(box) == (0.0, 0.0, *size):
        done = picture
    else:
        # A large picture is first made smaller by whole numbers, to no less than twice the target.
        done = picture.resize(size, pillow.Resampling.LANCZOS, box=box, reducing_gap=2.0)
    return done.transpose(pillow.Transpose.FLIP_LEFT_RIGHT) if copy.mirror else done


def _bordered(picture: Picture, box: Box, plan: Plan) -> Picture:
    """The whole piece in the middle, on a blurred enlargement of itself."""
    from PIL import Image as pillow

    wide, high = box[2] - box[0], box[3] - box[1]
    cut = min(wide / plan.width, high / plan.height)
    left, top = box[0] + (wide - plan.width * cut) / 2, box[1] + (high - plan.height * cut) / 2
    middle = (left, top, left + plan.width * cut, top + plan.height * cut)
    tiny = max(2, plan.width // BLUR), max(2, plan.height // BLUR)
    ground = picture.resize(tiny, pillow.Resampling.BOX, box=middle, reducing_gap=2.0)
    ground = ground.resize((plan.width, plan.height), pillow.Resampling.BICUBIC)
    fit = min(plan.width / wide, plan.height / high)
    inside = max(1, round(wide * fit)), max(1, round(high * fit))
    piece = picture.resize(inside, pillow.Resampling.LANCZOS, box=box, reducing_gap=2.0)
    ground.paste(piece, ((plan.width - inside[0]) // 2, (plan.height - inside[1]) // 2))
    return ground


def _moved(picture: Picture, box: Box, plan: Plan, copy: Copy) -> Picture:
    """A copy that is turned, closer or farther: from twice the size, its surroundings mirrored at the edge.

    A turned piece takes what lies around it in the picture, and only beyond the picture's own edge the mirror image.
    """
    import numpy as np
    from PIL import Image as pillow

    wide, high = (box[2] - box[0]) / copy.zoom, (box[3] - box[1]) / copy.zoom
    reach = 1.0
    if copy.turn:
        angle = math.radians(abs(copy.turn))
        ratio = max(wide / high, high / wide)
        reach = abs(math.cos(angle)) + abs(math.sin(angle)) * ratio
    around = wide * reach, high * reach
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    wanted = (
        middle[0] - around[0] / 2,
        middle[1] - around[1] / 2,
        middle[0] + around[0] / 2,
        middle[1] + around[1] / 2,
    )
    inside = (
        max(0.0, wanted[0]),
        max(0.0, wanted[1]),
        min(float(picture.width), wanted[2]),
        min(float(picture.height), wanted[3]),
    )
    size = math.ceil(plan.width * reach), math.ceil(plan.height * reach)
    scale = size[0] / around[0], size[1] / around[1]
    piece_size = max(1, round((inside[2] - inside[0]) * scale[0])), max(1, round((inside[3] - inside[1]) * scale[1]))
    piece = picture.resize(piece_size, pillow.Resampling.LANCZOS, box=inside, reducing_gap=2.0)
    before = round((inside[0] - wanted[0]) * scale[0]), round((inside[1] - wanted[1]) * scale[1])
    after = max(0, size[0] - piece_size[0] - before[0]), max(0, size[1] - piece_size[1] - before[1])
    if any(before) or any(after):
        pixels = np.asarray(piece)
        edges = [(before[1], after[1]), (before[0], after[0])] + [(0, 0)] * (pixels.ndim - 2)
        # A picture of one pixel has nothing to mirror but itself.
        piece = pillow.fromarray(np.pad(pixels, edges, mode="symmetric"))
    if copy.turn:
        piece = piece.rotate(copy.turn, pillow.Resampling.BICUBIC)
    left, top = (piece.width - plan.width) / 2, (piece.height - plan.height) / 2
    if (left, top) == (0, 0):
        return piece
    return piece.resize(
        (plan.width, plan.height), pillow.Resampling.BICUBIC, box=(left, top, left + plan.width, top + plan.height)
    )
