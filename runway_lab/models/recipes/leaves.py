"""Pictures rich in detail, for an upscaler to learn from: fallen leaves, lettering, line work, soft light.

Most are "dead leaves": shapes of all sizes dropped on top of each other until the ground is covered, their sizes
drawn from a power law. Photographs have the same statistics (things hide things, at every scale), which is why
a network that has only seen fallen leaves does well on photographs (Achddou, Gousseau, Ladjal 2021).
The leaves are filled with flat colour, gradients, stripes, or noise that looks like foliage, cloth and stone.
"""

from __future__ import annotations

import string
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from runway_lab.models.recipes.drawing import (
    Canvas,
    Floats,
    Picture,
    cloud,
    colour,
    each_with_its_own_chance,
    grain,
)

__all__ = ["draw_leaves", "leaves"]


def leaves(count: int, seed: int, size: int = 192, *, first: int = 0) -> list[Picture]:
    """`count` pictures of `size` x `size`.

    >>> [picture.shape for picture in leaves(2, seed=1, size=64)]
    [(64, 64, 3), (64, 64, 3)]
    """
    return [draw_leaves(chance, size) for chance in each_with_its_own_chance(count, seed, first=first)]


def draw_leaves(chance: np.random.Generator, size: int) -> Picture:
    """One picture."""
    kind = chance.choice(["leaves", "lines", "light"], p=[0.72, 0.16, 0.12])
    canvas = Canvas((size, size), colour(chance), zoom=2)
    if kind == "leaves":
        _fallen_leaves(chance, canvas)
    else:
        canvas.backdrop(_texture(chance, "gradient" if chance.random() < 0.6 else "flat", size, size))
        if kind == "lines":
            _line_work(chance, canvas)
    if chance.random() < (0.9 if kind == "light" else 0.35):
        _lettering(chance, canvas)
    picture = canvas.picture()
    if chance.random() < 0.25:
        # A lens is never perfectly sharp: pictures that are a little soft teach restraint.
        soft = max(8, int(size * chance.uniform(0.5, 0.85)))
        small = Image.fromarray(picture).resize((soft, soft), Image.Resampling.BOX)
        picture = np.asarray(small.resize((size, size), Image.Resampling.BICUBIC))
    if chance.random() < 0.3:
        picture = grain(chance, picture, chance.uniform(0.002, 0.02))
    return picture


def _fallen_leaves(chance: np.random.Generator, canvas: Canvas) -> None:
    size = canvas.size[0]
    canvas.backdrop(_texture(chance, "noise", size, size))
    smallest, largest = chance.uniform(2.5, 8.0), size * chance.uniform(0.25, 0.6)
    near = [colour(chance) for _ in range(int(chance.integers(2, 7)))]
    count = int(chance.integers(80, 260))
    # With a density of r^-3 every scale covers the same area; the large ones fall first to leave the small in sight.
    u = chance.random(count)
    radii = 1.0 / np.sqrt(u / smallest**2 + (1 - u) / largest**2)
    for radius in np.sort(radii)[::-1]:
        middle = chance.uniform(0, size, 2)
        points = middle + radius * _outline(chance)
        if radius > 9 and chance.random() < 0.55:
            kind = str(chance.choice(["gradient", "noise", "stripes"]))
            canvas.paste(points, partial(_texture, chance, kind))
        else:
            canvas.polygon(points, near[int(chance.integers(len(near)))] if chance.random() < 0.5 else colour(chance))


def _outline(chance: np.random.Generator) -> Floats:
    """A closed outline of radius one: a blob, an ellipse, a leaf or a polygon."""
    kind = chance.choice(["blob", "ellipse", "polygon", "star"], p=[0.35, 0.2, 0.35, 0.1])
    if kind == "polygon":
        turn = np.sort(chance.uniform(0, 2 * np.pi, int(chance.integers(3, 7))))
        radius = chance.uniform(0.6, 1.2, len(turn))
    else:
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        radius = np.ones_like(turn)
        if kind == "blob":
            for wave in range(2, 6):
                radius += chance.normal(0, 0.35 / wave) * np.cos(wave * turn + chance.uniform(0, 6.3))
        elif kind == "star":
            radius = 0.65 + 0.35 * np.cos(chance.integers(3, 9) * turn)
    squash = chance.uniform(0.25, 1.0)
    lean = chance.uniform(0, 2 * np.pi)
    x, y = radius * np.cos(turn), squash * radius * np.sin(turn)
    return np.stack([x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)], axis=-1)


def _texture(chance: np.random.Generator, kind: str, width: int, height: int) -> Picture:
    """A rectangle filled from one colour to another by a gradient, by stripes or by noise."""
    dark, light = np.array(colour(chance), np.float32), np.array(colour(chance), np.float32)
    if kind != "gradient":
        light = dark + (light - dark) * np.float32(chance.uniform(0.2, 1.0))
    lean = chance.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(max(width, height))
    along = (x - 0.5) * np.cos(lean) + (y - 0.5) * np.sin(lean)
    if kind == "flat":
        mix = np.zeros_like(x)
    elif kind == "gradient":
        mix = np.clip(0.5 + along * chance.uniform(0.5, 1.5), 0, 1)
    elif kind == "stripes":
        waves = np.sin(along * max(width, height) * 2 * np.pi / chance.uniform(3.0, 24.0))
        mix = np.clip(0.5 + waves * chance.uniform(0.5, 4.0), 0, 1)
    else:
        mix = cloud(chance, (width, height), slope=chance.uniform(0.8, 2.0), stretch=chance.uniform(0.4, 1.6))
        if chance.random() < 0.3:
            mix = np.clip((mix - 0.5) * chance.uniform(2, 8) + 0.5, 0, 1)
    mix = mix[..., None]
    filled: Picture = np.clip(dark * (1 - mix) + light * mix + 0.5, 0, 255).astype(np.uint8)
    return filled


def _line_work(chance: np.random.Generator, canvas: Canvas) -> None:
    """Strokes, arcs and hatching, thin and thick: drawings, grilles, hair."""
    size = canvas.size[0]
    for _ in range(int(chance.integers(6, 40))):
        steps = np.linspace(0, 1, 24)[:, None]
        a, b, c = (chance.uniform(-0.1 * size, 1.1 * size, 2) for _ in range(3))
        curve = a * (1 - steps) ** 2 + 2 * b * steps * (1 - steps) + c * steps**2
        width = float(chance.choice([0.5, 1.0, 1.5, 3.0, 6.0]))
        ink = colour(chance)
        canvas.line(curve, ink, width)
        if chance.random() < 0.3:
            gap = chance.uniform(2, 7) * np.array([np.cos(lean := chance.uniform(0, 6.3)), np.sin(lean)])
            for copy in range(1, int(chance.integers(3, 10))):
                canvas.line(curve + copy * gap, ink, width)


def _lettering(chance: np.random.Generator, canvas: Canvas) -> None:
    zoom, size = canvas.zoom, canvas.size[0]
    letters = list(string.ascii_letters + string.digits + "  .,&?!")
    for _ in range(int(chance.integers(1, 9))):
        text = "".join(chance.choice(letters, int(chance.integers(2, 16))))
        height = int(chance.choice([8, 10, 12, 14, 18, 26, 44, 70]))
        font = ImageFont.load_default(height * zoom)
        mask = Image.new("L", (int(font.getlength(text)) + 4, int(height * zoom * 1.5)))
        ImageDraw.Draw(mask).text((2, 0), text, fill=255, font=font)
        if chance.random() < 0.5:
            mask = mask.rotate(float(chance.normal(0, 25)), Image.Resampling.BICUBIC, expand=True)
        at = (int(chance.uniform(-0.1, 0.8) * size) * zoom, int(chance.uniform(-0.05, 0.95) * size) * zoom)
        canvas.image.paste(colour(chance), at, mask)
