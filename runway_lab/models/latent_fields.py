"""The fields of a StyleGAN's commands, as they are for the checkpoint that was loaded."""

from __future__ import annotations

from typing import Any

from runway_lab.fields import Category, Field, Image, Number, Vector
from runway_lab.models.painter import Painter

__all__ = ["image", "image_and_ws", "layer", "layers", "look", "place", "resolutions", "size", "ws", "z"]

Fields = dict[str, Field]


def z(painter: Painter, **more: Any) -> Vector:
    """A point of Z."""
    return Vector(painter.z_dim, "A point of the latent space, as a seed gives it.", **more)


def ws(painter: Painter, **more: Any) -> Vector:
    """A point of W+, layer after layer."""
    words = f"{painter.num_ws} layers of {painter.w_dim} numbers, in one row."
    return Vector(painter.num_ws * painter.w_dim, words, **more)


def place(painter: Painter) -> Fields:
    """How a z becomes ws."""
    fields: Fields = {
        "truncation": Number(
            "0: the average. Low: usual. High: unusual.", default=painter.psi, min=-1, max=2, step=0.05
        ),
        "cutoff": layer(painter, "Truncate so many layers, the coarse ones first.", painter.num_ws, painter.num_ws),
    }
    return fields | ({"label": Category(painter.labels, "What it should be.")} if painter.labels else {})


def look(painter: Painter) -> Fields:
    """How ws become a picture."""
    fields: Fields = {
        "noise": Category(["fixed", "random", "none"], "The finest detail: always the same, by chance, or none."),
        "noise_seed": Number("Another seed, other random noise.", default=0, min=0, max=2**31 - 1, step=1),
    }
    return fields | size(painter)


def size(painter: Painter) -> Fields:
    """How large to draw, where there is a choice."""
    return {"size": Category(painter.sizes, "Smaller is a quick preview.")} if painter.sizes else {}


def layer(painter: Painter, words: str, default: int, most: int | None = None) -> Number:
    """One layer by its number."""
    return Number(words, default=default, min=0, max=painter.num_ws - 1 if most is None else most, step=1)


def layers(painter: Painter, first: int = 0) -> Fields:
    """A range of layers."""
    return {
        "first": layer(painter, "From this layer on; coarse ones first.", first),
        "last": layer(painter, "To this layer.", painter.num_ws - 1),
    }


def image(painter: Painter) -> Fields:
    """The picture a model draws."""
    height, width = painter.generator.size
    return {"image": Image(f"{width} x {height}.", channels=painter.generator.img_channels)}


def image_and_ws(painter: Painter) -> Fields:
    """The picture, and what to draw it from again."""
    return image(painter) | {"ws": ws(painter)}


def resolutions(painter: Painter) -> list[str]:
    """Where the layers of two models can be swapped."""
    return [str(each) for each in getattr(painter.generator.config, "resolutions", ())]
