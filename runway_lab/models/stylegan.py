"""Your own StyleGAN: any StyleGAN2 or StyleGAN3 checkpoint, and its latent space as commands.

What the commands take depends on the checkpoint: the length of z and of w, the labels, the layers, the sizes it can
draw at. So their fields are functions of the painter that the setup makes (see `runway_lab.sdk.definition`).

Two kinds of vector go in and out: `z`, a point as a seed gives it, and `ws`, one w for each layer, all in one row.
Every command that changes something gives the ws of what it drew, and `from_w` draws them again: so edits, mixes and
projections can be chained, stored and compared, here or on another machine. Arithmetic on points is that of
`runway_lab.latents`; whoever does it in NumPy gets the same.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from runway_lab import latents
from runway_lab.errors import BadValue
from runway_lab.fields import Any as Anything
from runway_lab.fields import Array, Boolean, Category, File, Image, Number, Text, Vector
from runway_lab.library.stylegans import folder
from runway_lab.models import latent_fields
from runway_lab.models.painter import NEWEST, Painter, choices, find, layers_of, open_checkpoint
from runway_lab.sdk import command, setup
from runway_lab.stylegan.projection import descend

__all__ = [
    "about",
    "blend",
    "change",
    "directions",
    "edit",
    "from_w",
    "generate",
    "grid",
    "keep_direction",
    "map_z",
    "mix",
    "prepare",
    "project",
    "walk",
]

Row = np.ndarray[Any, Any]
SHOWN_EVERY_SECONDS = 0.5
SHOWING_COSTS_LESS_THAN = 3
"""Times as long as drawing what is shown takes, so much is worked before it is shown again."""


@setup(
    options={
        "checkpoint": Category(choices(), "A checkpoint of your library; newest: the one that changed last."),
        "file": File("A checkpoint that is not in your library: .pkl, .pt or .safetensors.", optional=True),
        "truncation": Number("Where commands are not told another.", default=0.7, min=-1, max=2, step=0.05),
        "precision": Category(["auto", "fp32", "bf16", "fp16"], "auto: the fastest whose difference nobody sees."),
    }
)
def prepare(
    checkpoint: str = NEWEST,
    file: Path | None = None,
    truncation: float = 0.7,
    precision: str = "auto",
    device: str = "cpu",
    files: dict[str, Path] | None = None,
) -> Painter:
    """Reads the checkpoint; nothing in it is run."""
    path = find(checkpoint, file, files)
    painter = Painter(open_checkpoint(path, device, precision), truncation, path)
    known = painter.about()
    print(f"{path.name}: {known['kind']}, {known['width']} x {known['height']}, {known['precision']}")
    for line in (*known["notes"], f"Licence of the weights: {known['licence'] or 'not told; look where you got it'}"):
        print(line)
    return painter


@command(
    inputs=lambda painter: {"z": latent_fields.z(painter)} | latent_fields.place(painter) | latent_fields.look(painter),
    outputs=latent_fields.image,
)
def generate(painter: Painter, z: Row, **told: Any) -> Row:
    """The picture at a point of the latent space."""
    picture: Row = painter.draw(painter.map([z], **told), **told)[0]
    return picture


@command(
    name="map",
    inputs=lambda painter: {"z": latent_fields.z(painter)} | latent_fields.place(painter),
    outputs=lambda painter: {"ws": latent_fields.ws(painter)},
)
def map_z(painter: Painter, z: Row, **told: Any) -> Row:
    """What the mapping makes of a point: the ws to edit."""
    return painter.flat(painter.map([z], **told))


@command(
    inputs=lambda painter: {"ws": latent_fields.ws(painter)} | latent_fields.look(painter), outputs=latent_fields.image
)
def from_w(painter: Painter, ws: Row, **told: Any) -> Row:
    """The picture of ws, however they came about. Only what changed since the last one is computed."""
    picture: Row = painter.draw(painter.wide(ws), **told)[0]
    return picture


@command(
    inputs=lambda painter: (
        {
            "seed": Number(
                "The first seed; without z, each picture has the next.", default=0, min=0, max=2**31, step=1
            ),
            "columns": Number(default=4, min=1, max=8, step=1),
            "rows": Number(default=3, min=1, max=8, step=1),
            "z": latent_fields.z(painter, optional=True),
            "similarity": Number("To z: 1 the same, 0 any other.", default=0.8, min=0, max=1, step=0.01),
        }
        | latent_fields.place(painter)
        | latent_fields.size(painter)
    ),
    outputs=lambda painter: (
        latent_fields.image(painter) | {"points": Array(latent_fields.z(painter), "The z of each picture, row by row.")}
    ),
)
def grid(
    painter: Painter, seed: int, columns: int, rows: int, z: Row | None, similarity: float, **told: Any
) -> dict[str, Any]:
    """A sheet of pictures: of one seed after another, or of the neighbours of a z, itself the first."""
    count = columns * rows
    if z is None:
        points = [latents.seed(seed + i, painter.z_dim) for i in range(count)]
    else:
        centre = latents.Point("z", z)
        points = [centre, *latents.neighbours(centre, count - 1, similarity, seed=seed)]
    pictures = painter.draw(painter.map(points, **told), **told)
    return {"image": painter.sheet(pictures, columns), "points": [point.values for point in points]}


@command(
    inputs=lambda painter: (
        {
            "points": Array(
                latent_fields.z(painter), "Where the walk leads, one z after the other.", optional=True, max_length=100
            ),
            "seeds": Array(Number(min=0, max=2**31, step=1), "Instead of points.", default=[0, 1, 2], max_length=100),
            "frames": Number("From each to the next.", default=30, min=1, max=1000, step=1),
            "easing": Category(sorted(latents.EASINGS), default="ease"),
            "loop": Boolean("Lead back to the first.", default=True),
            "space": Category(["z", "w"], "z: round the sphere. w: straight, and calmer."),
        }
        | latent_fields.place(painter)
        | latent_fields.look(painter)
    ),
    outputs=latent_fields.image_and_ws,
)
def walk(
    painter: Painter,
    points: list[Row] | None,
    seeds: list[int],
    frames: int,
    easing: str,
    loop: bool,
    space: str,
    **told: Any,
) -> Iterator[tuple[dict[str, Any], float]]:
    """A film from point to point, frame by frame."""
    if points is not None:
        stops = [latents.Point("z", each) for each in points]
    else:
        stops = [latents.seed(int(each), painter.z_dim) for each in seeds]
    if len(stops) < 2:
        raise BadValue("A walk leads from one point to another.", hint="Give at least two points, or two seeds.")
    if space == "w":
        stops = painter.points(painter.map(stops, **told))
    path = latents.Path.through(stops, 1.0, closed=loop, easing=easing)
    steps = path.frames(frames)
    # In Z each frame is mapped on its own, as a person who stops there would see it.
    for done, point in enumerate(steps, 1):
        ws = painter.wide(point.values) if space == "w" else painter.map([point], **told)
        yield _drawn(painter, ws, **told), done / len(steps)


@command(
    inputs=lambda painter: (
        {"coarse": latent_fields.z(painter), "fine": latent_fields.z(painter)}
        | latent_fields.layers(painter, painter.num_ws // 2)
        | latent_fields.place(painter)
        | latent_fields.look(painter)
    ),
    outputs=latent_fields.image_and_ws,
)
def mix(painter: Painter, coarse: Row, fine: Row, first: int, last: int, **told: Any) -> dict[str, Any]:
    """Shapes of one point, textures of another: `coarse` with the layers `first` to `last` of `fine`."""
    layers_of(painter, first, last)
    one, other = painter.points(painter.map([coarse, fine], **told))
    mixed = latents.mix(one, other, (first, last))
    return _drawn(painter, painter.wide(mixed.values), **told)


@command(
    inputs=lambda painter: {
        "method": Category(
            ["sefa", "pca", "saved"], "sefa: from the weights. pca: from samples. saved: those you kept."
        ),
        "count": Number(default=min(10, painter.w_dim), min=1, max=min(100, painter.w_dim), step=1),
        **latent_fields.layers(painter),
    },
    outputs=lambda painter: {
        "names": Array(Text()),
        "vectors": Array(Vector(painter.w_dim), "Of such a length that 1 is a step one sees."),
        "shares": Array(Number(), "How much of all change lies along each."),
        "layers": Array(Array(Number()), "The first and last layer each is for."),
    },
)
def directions(painter: Painter, method: str, count: int, first: int, last: int) -> dict[str, Any]:
    """Ways to edit, found without any examples; what each means is for you to see and to name."""
    found = painter.directions(method, count, layers_of(painter, first, last))
    every = (0, painter.num_ws - 1)
    return {
        "names": [each.name for each in found],
        "vectors": [each.vector for each in found],
        "shares": [each.share for each in found],
        "layers": [list(each.layers or every) for each in found],
    }


@command(
    inputs=lambda painter: {
        "name": Text(min_length=1, max_length=60),
        "direction": Vector(painter.w_dim),
        **latent_fields.layers(painter),
    },
    outputs={"names": Array(Text(), "All that are kept.")},
)
def keep_direction(painter: Painter, name: str, direction: Row, first: int, last: int) -> list[str]:
    """Keeps a direction by a name of yours in a file beside the checkpoint."""
    kept = latents.Direction(name, direction, layers_of(painter, first, last), "kept")
    return [each.name for each in painter.keep(kept)]


@command(
    inputs=lambda painter: {
        "z": latent_fields.z(painter, optional=True),
        "ws": latent_fields.ws(painter, optional=True),
        "direction": Vector(painter.w_dim, "A vector of directions, or one of yours."),
        "amount": Number("How many steps along it.", default=1, min=-100, max=100, step=0.1),
        **latent_fields.layers(painter),
        **latent_fields.place(painter),
        **latent_fields.look(painter),
    },
    outputs=latent_fields.image_and_ws,
)
def edit(
    painter: Painter,
    z: Row | None,
    ws: Row | None,
    direction: Row,
    amount: float,
    first: int,
    last: int,
    **told: Any,
) -> dict[str, Any]:
    """A point moved along a direction: a z, or ws that were edited before."""
    if ws is not None and z is None:
        start = painter.wide(ws)
    elif z is not None and ws is None:
        start = painter.map([z], **told)
    else:
        raise BadValue("An edit starts from a z or from ws.", hint="Give one of them.")
    way = latents.Direction("direction", direction, layers_of(painter, first, last))
    moved = painter.points(start)[0].moved(way, amount)
    return _drawn(painter, painter.wide(moved.values), **told)


@command(
    inputs=lambda painter: {
        "image": Image("It is cut to the shape of this model's pictures.", channels=painter.generator.img_channels),
        "steps": Number(default=400, min=1, max=5000, step=1),
        "space": Category(["w+", "w"], "w+: closer. w: easier to edit afterwards."),
        "seed": Number(default=0, min=0, max=2**31, step=1),
        **({"label": Category(painter.labels)} if painter.labels else {}),
    },
    outputs=lambda painter: (
        latent_fields.image_and_ws(painter) | {"psnr": Number("How close it comes, in decibels; 25 is close.")}
    ),
)
def project(
    painter: Painter, image: Any, steps: int, space: Any, seed: int, label: str = ""
) -> Iterator[tuple[dict[str, Any], float]]:
    """The point whose picture is nearest to yours, nearer and nearer; stop it when it is near enough."""
    descent = descend(
        painter.generator, painter.target(image), space, steps=steps, seed=seed, labels=painter.label(label)
    )
    shown, pause = time.monotonic(), SHOWN_EVERY_SECONDS
    with contextlib.closing(descent):
        for reached in descent:
            # Only between what is shown can anybody stop it, also while it searches for where to begin.
            if reached.step == steps or time.monotonic() - shown >= pause:
                began = time.monotonic()
                drawn = _drawn(painter, reached.ws)
                pause = max(SHOWN_EVERY_SECONDS, SHOWING_COSTS_LESS_THAN * (time.monotonic() - began))
                yield drawn | {"psnr": reached.psnr}, reached.step / steps
                shown = time.monotonic()


@command(
    inputs=lambda painter: (
        {
            "z": latent_fields.z(painter),
            "other": Category(choices(), "What to blend with, from your library."),
            "other_file": File("Instead: a checkpoint that is not in your library.", optional=True),
            "amount": Number("How much of the other.", default=0.5, min=0, max=1, step=0.01),
            "swap_from": Category(
                ["all", *latent_fields.resolutions(painter)], "all: everywhere. Else: from this resolution on."
            ),
            "width": Number("How softly, in doublings of the size.", default=0, min=0, max=8, step=0.1),
            "save": Text("A name: the blend becomes a checkpoint of your library.", max_length=60),
        }
        | latent_fields.place(painter)
        | latent_fields.size(painter)
    ),
    outputs=lambda painter: latent_fields.image(painter) | {"saved": Text("The name to run it by, once it is saved.")},
)
def blend(
    painter: Painter,
    z: Row,
    other: str,
    other_file: Path | None,
    amount: float,
    swap_from: str,
    width: float,
    save: str,
    **told: Any,
) -> dict[str, Any]:
    """A model made of two, drawn at one point: their weights mixed everywhere, or in the fine layers only."""
    path = find(other, other_file)
    made = painter.blended(path, amount, None if swap_from == "all" else int(swap_from), width)
    picture = made.draw(made.map([z], **told), **told)[0]
    return {"image": picture, "saved": _save(painter, made, path, save) if save else ""}


@command(
    inputs={
        "checkpoint": Text("Its name in your library, also of one saved since this model started.", default=NEWEST),
        "file": File("Instead: a checkpoint that is not in your library.", optional=True),
    },
    outputs={"about": Anything()},
)
def change(painter: Painter, checkpoint: str, file: Path | None) -> dict[str, Any]:
    """Goes on with another checkpoint of the same measures, as training saves them, without a new start."""
    painter.change(find(checkpoint, file))
    return painter.about()


@command(outputs={"about": Anything()})
def about(painter: Painter) -> dict[str, Any]:
    """What kind of checkpoint it is, its sizes, labels and licence."""
    return painter.about()


def _drawn(painter: Painter, ws: Tensor, **told: Any) -> dict[str, Any]:
    return {"image": painter.draw(ws, **told)[0], "ws": painter.flat(ws)}


def _save(painter: Painter, made: Painter, other: Path, name: str) -> str:
    """Into the library, never over something that is there."""
    if not re.fullmatch(r"\w[\w -]*", name):
        raise BadValue(f"A checkpoint cannot be called {name!r}.", hint="Use letters, digits, spaces, - and _.")
    path = folder() / f"{name}.safetensors"
    if path.exists():
        raise BadValue(f"There is a checkpoint {path.name!r} already.", hint="Choose another name.")
    made.checkpoint.discriminator = painter.other(other).discriminator
    path.parent.mkdir(parents=True, exist_ok=True)
    made.checkpoint.save(path)
    return path.name
