"""Pages of drawn shapes with a box around each, for a detector to learn from.

What matters is that they look like what people draw: a thin wobbly outline on white paper as often as a filled, neatly
cut shape on a coloured ground; strokes that do not quite meet; one large heart, or seven small things that touch;
and, between them, lines, scribbles and lettering that are no shapes at all.
"""

from __future__ import annotations

import math
import string
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFont

from runway_lab.models.recipes.drawing import (
    Canvas,
    Floats,
    Picture,
    cloud,
    colour,
    each_with_its_own_chance,
    grain,
)
from runway_lab.models.shapes import BORDER, LABELS, SIDE

__all__ = ["Page", "doodles", "draw_page", "outline", "poster"]


@dataclass(frozen=True)
class Page:
    """A square picture, and what is on it: boxes (xmin, ymin, xmax, ymax in pixels) and indices into `LABELS`."""

    picture: Picture
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]


def doodles(count: int, seed: int, *, first: int = 0) -> list[Page]:
    """`count` pages.

    >>> page = doodles(1, seed=4)[0]
    >>> page.picture.shape == (SIDE, SIDE, 3), len(page.boxes) == len(page.labels)
    (True, True)
    """
    return [draw_page(chance) for chance in each_with_its_own_chance(count, seed, first=first)]


def outline(label: str, chance: np.random.Generator) -> Floats:
    """The corners of a shape, about one unit from its middle; y points down."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    if label in ("circle", "ellipse"):
        squash = chance.uniform(0.87, 1.0) if label == "circle" else chance.uniform(0.4, 0.74)
        points = np.stack([np.cos(turn), squash * np.sin(turn)], -1)
    elif label in ("square", "rectangle"):
        squash = chance.uniform(0.88, 1.0) if label == "square" else chance.uniform(0.35, 0.76)
        points = np.array([(-1, -squash), (1, -squash), (1, squash), (-1, squash)])
    elif label == "triangle":
        at = np.array([-90, 30, 150]) + chance.normal(0, 9, 3)
        points = np.stack([np.cos(np.radians(at)), np.sin(np.radians(at))], -1)
        points *= np.array([1.0, chance.uniform(0.75, 1.3)])
    elif label == "hexagon":
        at = np.arange(6) * np.pi / 3
        points = np.stack([np.cos(at), np.sin(at)], -1)
    elif label == "star":
        tips = int(chance.choice([5, 6], p=[0.85, 0.15]))
        at = np.arange(2 * tips) * np.pi / tips - np.pi / 2
        reach = np.where(np.arange(2 * tips) % 2 == 0, 1.0, chance.uniform(0.35, 0.55))
        points = np.stack([reach * np.cos(at), reach * np.sin(at)], -1)
    elif label == "heart":
        x = 16 * np.sin(turn) ** 3
        y = 13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)
        points = np.stack([x, -(y + 2) * chance.uniform(0.85, 1.15)], -1) / 16
    elif label == "cross":
        arm = chance.uniform(0.18, 0.42)
        quarter = np.array([(arm, -arm), (1, -arm), (1, arm)])
        points = np.concatenate([quarter @ _rotation(k * np.pi / 2).T for k in range(4)])
        points[:, 1] *= chance.uniform(0.85, 1.15)
    elif label == "arrow":
        neck, half, head = chance.uniform(-0.1, 0.45), chance.uniform(0.1, 0.3), chance.uniform(0.5, 0.85)
        half = min(half, head - 0.2)
        points = np.array([(-1, -half), (neck, -half), (neck, -head), (1, 0), (neck, head), (neck, half), (-1, half)])
    elif label == "moon":
        bulge = chance.uniform(0.35, 0.75)
        outer = np.linspace(0.5 * np.pi, 1.5 * np.pi, 30)
        left = np.stack([np.cos(outer), np.sin(outer)], -1)
        right = np.stack([bulge * np.cos(outer[::-1]), np.sin(outer[::-1])], -1)[1:-1]
        points = np.concatenate([left, right]) + np.array([0.6, 0])
        points[:, 0] *= chance.uniform(0.9, 1.15)
    else:
        fall = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
        thin = chance.uniform(0.55, 0.75)
        points = np.stack([thin * np.sin(fall) * np.sin(fall / 2) ** 1.5, -np.cos(fall)], -1)
    return points


def draw_page(chance: np.random.Generator) -> Page:
    """One page, letterboxed as the detector letterboxes pictures that are not square."""
    width = height = SIDE
    if chance.random() < 0.5:
        short = int(SIDE * chance.uniform(0.5, 1.0))
        width, height = (SIDE, short) if chance.random() < 0.6 else (short, SIDE)
    paper = chance.random() < 0.4
    canvas, ground = _ground(chance, width, height, paper)
    busy = 0 if chance.random() < 0.55 else int(chance.integers(1, 7))
    for _ in range(busy):
        _clutter(chance, canvas, ground)
    # On some pages everything is drawn with the same pen.
    pen = _style(chance, paper) if chance.random() < 0.5 else None
    boxes: list[Floats] = []
    labels: list[int] = []
    wanted = int(chance.choice([0, 1, 2, 3, 4, 5, 7, 9], p=[0.03, 0.25, 0.17, 0.15, 0.13, 0.12, 0.1, 0.05]))
    for _ in range(wanted):
        label = int(chance.integers(len(LABELS)))
        style = pen or _style(chance, paper)
        strokes = _strokes(LABELS[label], chance) if not style.fill and chance.random() < 0.5 else []
        for _ in range(12):
            points = np.concatenate(strokes) if strokes else _sampled(outline(LABELS[label], chance))
            placed = _place(chance, LABELS[label], points, width, height, wanted)
            box = np.concatenate([placed.min(0), placed.max(0)])
            inside = box[0] > 1 and box[1] > 1 and box[2] < width - 1 and box[3] < height - 1
            if inside and all(_apart(box, other) for other in boxes):
                if strokes:
                    half = _draw_strokes(chance, canvas, placed, [len(each) for each in strokes], ground, style) / 2
                else:
                    half = _draw(chance, canvas, placed, ground, style) / 2
                box += np.array([-half, -half, half, half])
                boxes.append(np.clip(box, 0, [width, height, width, height]))
                labels.append(label)
                break
    picture = canvas.picture()
    if chance.random() < 0.35:
        picture = grain(chance, picture, chance.uniform(0.005, 0.05))
    page = np.full((SIDE, SIDE, 3), BORDER, np.uint8)
    left, top = (SIDE - width) // 2, (SIDE - height) // 2
    page[top : top + height, left : left + width] = picture
    shifted = np.array(boxes, np.float32).reshape(-1, 4) + np.array([left, top, left, top], np.float32)
    return Page(page, shifted.astype(np.float32), np.array(labels, np.int64))


def poster(bright: bool) -> Image.Image:
    """Twelve shapes on a wide page, for the model's card: cut from coloured paper, or sketched with a pencil."""
    chance = np.random.default_rng(3)
    paper = (252, 238, 214) if bright else (250, 249, 245)
    canvas = Canvas((960, 540), paper, zoom=2)
    vivid = [(233, 79, 55), (28, 110, 140), (244, 174, 45), (57, 62, 105), (63, 153, 108), (214, 92, 138)]
    order = chance.permutation(len(LABELS))
    for at, label in enumerate(order):
        middle = np.array([130 + 233 * (at % 4), 105 + 168 * (at // 4)]) + chance.normal(0, 9, 2)
        points = _sampled(outline(LABELS[label], chance)) @ _rotation(chance.normal(0, 0.16)).T
        points = points - (points.max(0) + points.min(0)) / 2
        points = points * chance.uniform(88, 118) / np.ptp(points, axis=0).max() + middle
        if bright:
            canvas.polygon(points, vivid[at % len(vivid)])
        else:
            for _ in range(2):
                canvas.line(_wobble(chance, points, 1.8), (52, 50, 58), 3.0, closed=True)
    return canvas.image.reduce(canvas.zoom)


@dataclass(frozen=True)
class _Style:
    """How a shape is drawn."""

    fill: bool
    stroke: float
    wobble: float
    twice: bool
    ink: tuple[int, int, int] | None


def _style(chance: np.random.Generator, paper: bool) -> _Style:
    kind = chance.choice(["fill", "line", "both"], p=[0.25, 0.6, 0.15] if paper else [0.55, 0.25, 0.2])
    wobble = float(chance.choice([0.0, 0.02, 0.05], p=[0.35, 0.35, 0.3]))
    ink = None
    if paper and chance.random() < 0.6:
        dark = int(chance.integers(0, 90))
        ink = (dark, dark, dark)
    stroke = 0.0 if kind == "fill" else float(np.exp(chance.uniform(math.log(0.5), math.log(6.0))))
    return _Style(kind != "line", stroke, wobble, kind == "line" and chance.random() < 0.2, ink)


def _ground(chance: np.random.Generator, width: int, height: int, paper: bool) -> tuple[Canvas, tuple[int, int, int]]:
    """Something to draw on, and its usual colour."""
    if paper:
        white = int(chance.integers(225, 256))
        usual = (white, white, white - int(chance.integers(0, 14)))
    else:
        usual = colour(chance, (0.05, 1.0))
    canvas = Canvas((width, height), usual, zoom=2)
    kind = chance.choice(["flat", "cloud", "gradient", "ruled"], p=[0.5, 0.2, 0.2, 0.1])
    base = np.array(usual, np.float32)
    if kind in ("cloud", "gradient"):
        other = np.array(colour(chance), np.float32)
        strength = chance.uniform(0.05, 0.3)
        if kind == "cloud":
            mix = cloud(chance, (width, height), slope=chance.uniform(0.6, 1.8))
        else:
            lean = chance.uniform(0, 2 * np.pi)
            y, x = np.mgrid[0:height, 0:width] / max(width, height)
            mix = np.clip(0.5 + (x - 0.5) * np.cos(lean) + (y - 0.5) * np.sin(lean), 0, 1)
            strength *= 2
        texture = base + (other - base) * (strength * mix)[..., None]
        canvas.backdrop(np.clip(texture, 0, 255).astype(np.uint8))
    elif kind == "ruled":
        ink = tuple(int(c) for c in base + (np.array(colour(chance)) - base) * 0.25)
        gap = chance.uniform(7, 24)
        for at in np.arange(chance.uniform(0, gap), height, gap):
            canvas.line([(0, at), (width, at)], ink, 0.5)  # type: ignore[arg-type]
        if chance.random() < 0.6:
            for at in np.arange(chance.uniform(0, gap), width, gap):
                canvas.line([(at, 0), (at, height)], ink, 0.5)  # type: ignore[arg-type]
    return canvas, usual


def _strokes(label: str, chance: np.random.Generator) -> list[Floats]:
    """Arrows and crosses as most people draw them: a few strokes of the pen."""
    steps = np.linspace(-1, 1, 12)[:, None]
    if label == "cross":
        return [steps * np.array([1.0, 0.0]), steps * np.array([0.0, chance.uniform(0.85, 1.15)])]
    if label == "arrow":
        back, up = chance.uniform(0.3, 0.7), chance.uniform(0.25, 0.55)
        head = np.array([(1 - back, -up), (1 - back / 2, -up / 2), (1, 0), (1 - back / 2, up / 2), (1 - back, up)])
        return [steps * np.array([1.0, 0.0]), head]
    return []


def _place(chance: np.random.Generator, label: str, points: Floats, width: int, height: int, wanted: int) -> Floats:
    """A shape, turned, sized and put somewhere on the page."""
    lean = chance.uniform(0, 2 * np.pi) if chance.random() < 0.45 else chance.normal(0, 0.12)
    if label == "arrow" and chance.random() < 0.5:
        lean += chance.integers(4) * np.pi / 2
    if label == "moon" and chance.random() < 0.4:
        lean += np.pi
    if label == "cross" and chance.random() < 0.35:
        lean += np.pi / 4
    points = points @ _rotation(lean).T
    # People do not draw to scale: everything is a little wider or narrower than it should be.
    points = points * np.array([chance.uniform(0.93, 1.07), 1.0])
    points = points - (points.max(0) + points.min(0)) / 2
    largest = 0.96 if wanted <= 1 else 0.7 if wanted <= 3 else 0.42
    smallest = 0.5 if wanted <= 1 and chance.random() < 0.5 else 0.12
    fit = (np.array([width, height]) / np.maximum(np.ptp(points, axis=0), 0.3)).min()
    points = points * fit * np.exp(chance.uniform(math.log(smallest), math.log(largest)))
    reach = np.ptp(points, axis=0) / 2 + 2
    room = np.maximum(np.array([width, height]) - 2 * reach, 0)
    placed: Floats = points + reach + chance.random(2) * room
    return placed


def _draw(
    chance: np.random.Generator, canvas: Canvas, points: Floats, ground: tuple[int, int, int], style: _Style
) -> float:
    """Draw one shape; how thick its outline is."""
    size = float(np.ptp(points, axis=0).max())
    stroke = min(style.stroke, max(0.5, size / 9))
    wobbly = _wobble(chance, points, style.wobble * size)
    if style.fill:
        fill = _standing_out(chance, ground)
        if chance.random() < 0.15:
            shade = np.array(fill, np.float32)
            other = np.array(colour(chance), np.float32)
            canvas.paste(wobbly, lambda width, height: _shaded(shade, shade + (other - shade) * 0.35, width, height))
        else:
            canvas.polygon(wobbly, fill)
        if size > 36 and chance.random() < 0.15:
            _decorate(chance, canvas, points, _standing_out(chance, fill))
    elif size > 36 and chance.random() < 0.1:
        _decorate(chance, canvas, points, style.ink or _standing_out(chance, ground))
    if style.stroke:
        ink = style.ink or _standing_out(chance, ground)
        if style.fill or style.wobble == 0 or chance.random() < 0.4:
            canvas.line(wobbly, ink, stroke, closed=True)
        else:
            start = int(chance.integers(len(wobbly)))
            path = np.roll(wobbly, start, axis=0)
            # A hand rarely ends exactly where it began: it stops short or runs over.
            over = int(chance.integers(-3, 4))
            canvas.line(np.concatenate([path, path[:over]]) if over >= 0 else path[:over], ink, stroke)
        if style.twice:
            canvas.line(_wobble(chance, points, (style.wobble + 0.02) * size), ink, stroke, closed=True)
        return stroke
    return 0.0


def _draw_strokes(
    chance: np.random.Generator,
    canvas: Canvas,
    points: Floats,
    lengths: list[int],
    ground: tuple[int, int, int],
    style: _Style,
) -> float:
    """Draw a shape that is a few strokes; how thick they are."""
    size = float(np.ptp(points, axis=0).max())
    stroke = min(style.stroke, max(0.5, size / 9))
    ink = style.ink or _standing_out(chance, ground)
    for part in np.split(points, np.cumsum(lengths)[:-1]):
        canvas.line(_wobble(chance, part, 0.4 * style.wobble * size), ink, stroke)
    return stroke


def _decorate(chance: np.random.Generator, canvas: Canvas, points: Floats, ink: tuple[int, int, int]) -> None:
    """Eyes and a mouth, or spots: what is inside a shape does not change what it is."""
    middle, size = (points.max(0) + points.min(0)) / 2, np.ptp(points, axis=0)
    for side in (-1, 1):
        eye = middle + size * np.array([0.15 * side, -0.1])
        canvas.line([eye, eye + 0.3], ink, float(max(1.0, size.min() * chance.uniform(0.04, 0.12))))
    bow = np.linspace(-1, 1, 12)
    mouth = middle + size * np.stack([0.2 * bow, 0.22 - 0.1 * chance.uniform(-0.5, 1) * bow**2], -1)
    if chance.random() < 0.7:
        canvas.line(mouth, ink, float(chance.uniform(0.7, 2.5)))


def _clutter(chance: np.random.Generator, canvas: Canvas, ground: tuple[int, int, int]) -> None:
    """Things that are no shapes."""
    width, height = canvas.size
    ink = tuple(int(a + (b - a) * chance.uniform(0.3, 1.0)) for a, b in zip(ground, colour(chance), strict=True))
    kind = chance.choice(["line", "curve", "scribble", "letters", "dots"])
    thin = float(chance.uniform(0.5, 2.5))
    if kind == "line":
        ends = chance.uniform(0, 1, (2, 2)) * [width, height]
        canvas.line(ends, ink, thin)  # type: ignore[arg-type]
    elif kind == "curve":
        steps = np.linspace(0, 1, 20)[:, None]
        a, b, c = chance.uniform(0, 1, (3, 2)) * [width, height]
        canvas.line(a * (1 - steps) ** 2 + 2 * b * steps * (1 - steps) + c * steps**2, ink, thin)  # type: ignore[arg-type]
    elif kind == "scribble":
        walk = chance.normal(0, 6, (int(chance.integers(6, 20)), 2)) + chance.normal(0, 3, 2)
        canvas.line(np.cumsum(walk, axis=0) + chance.uniform(0, 1, 2) * [width, height], ink, thin)  # type: ignore[arg-type]
    elif kind == "letters":
        text = "".join(chance.choice(list(string.ascii_letters.replace("O", "").replace("o", "")), 8))
        font = ImageFont.load_default(int(chance.integers(6, 14)) * canvas.zoom)
        at = tuple(chance.uniform(0, 0.9, 2) * [width, height] * canvas.zoom)
        canvas.pen.text(at, text, fill=ink, font=font)
    else:
        for x, y in chance.normal(0, 12, (8, 2)) + chance.uniform(0, 1, 2) * [width, height]:
            canvas.line([(x, y), (x + 0.5, y)], ink, thin)  # type: ignore[arg-type]


def _standing_out(chance: np.random.Generator, ground: tuple[int, int, int]) -> tuple[int, int, int]:
    """A colour that can be told from the ground."""
    while True:
        choice = colour(chance)
        if math.dist(choice, ground) > 85:
            return choice


def _shaded(a: Floats, b: Floats, width: int, height: int) -> Picture:
    mix = np.broadcast_to(np.linspace(0, 1, height)[:, None, None], (height, width, 1))
    return np.clip(a + (b - a) * mix, 0, 255).astype(np.uint8)


def _sampled(points: Floats, count: int = 64) -> Floats:
    """Points evenly along an outline; the corners stay."""
    if len(points) >= 40:
        return points
    ahead = np.roll(points, -1, axis=0)
    each = max(2, count // len(points))
    steps = np.arange(each)[None, :, None] / each
    return (points[:, None] * (1 - steps) + ahead[:, None] * steps).reshape(-1, 2)


def _wobble(chance: np.random.Generator, points: Floats, strength: float) -> Floats:
    if strength == 0:
        return points
    turn = np.linspace(0, 2 * np.pi, len(points), endpoint=False)
    moved = points.copy()
    for wave in range(1, 7):
        phase = chance.uniform(0, 2 * np.pi, 2)
        moved += strength * chance.normal(0, 0.7, 2) / wave**0.7 * np.cos(wave * turn[:, None] + phase)
    return moved


def _rotation(lean: float) -> Floats:
    return np.array([[math.cos(lean), -math.sin(lean)], [math.sin(lean), math.cos(lean)]])


def _apart(a: Floats, b: Floats) -> bool:
    """Whether two boxes overlap by no more than a fifth of the smaller."""
    shared = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    return bool(shared <= 0.2 * min((a[2:] - a[:2]).prod(), (b[2:] - b[:2]).prod()))
