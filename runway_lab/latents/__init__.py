"""Places in a model's latent space, and ways between them: arithmetic on vectors, no network needed.

A `Point` lies in Z (what a seed gives), in W (what the mapping makes of it) or in W+ (a w for each layer), and
remembers where it comes from: seed, truncation, label, edits. Points are values: every operation gives a new
one.

In Z nearly all points lie near a sphere of radius sqrt(size), and a straight line between two of them cuts through the
inside, where the model has seen nothing; so interpolation follows the great circle (Shoemake, "Animating Rotation with
Quaternion Curves", 1985). W has no such sphere and is made to be straight, so there it is linear.

>>> import numpy as np
>>> a, b = seed(7), seed(8)
>>> a.space, a.values.shape, a.seed
('z', (512,), 7)
>>> halfway = interpolate(a, b, 0.5)
>>> bool(0.9 < np.linalg.norm(halfway.values) / np.linalg.norm(a.values) < 1.1)
True
"""

from __future__ import annotations

from runway_lab.latents.path import EASINGS, Keyframe, Path
from runway_lab.latents.point import Direction, Edit, Point, load_directions, save_directions, seed
from runway_lab.latents.ways import circle, grid, interpolate, lerp, mix, neighbours, slerp

__all__ = [
    "EASINGS",
    "Direction",
    "Edit",
    "Keyframe",
    "Path",
    "Point",
    "circle",
    "grid",
    "interpolate",
    "lerp",
    "load_directions",
    "mix",
    "neighbours",
    "save_directions",
    "seed",
    "slerp",
]
