"""The models that ship: one model a file, the network and its commands read from top to bottom.

A module here is what the engine loads: its `@setup` makes the network from the weights beside it, its
`@command`s answer queries. Nothing outside a model's process imports these modules, so torch may stand at their
top; this package itself imports nothing. `recipes/` holds the scripts that made the weights, from pictures drawn by
code: nothing in them belongs to anybody, and anyone can make them again in ten minutes.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["weights_path"]


def weights_path(name: str) -> Path:
    """Where the weights of a model that ships lie.

    >>> weights_path("planets").name
    'planets.safetensors'
    """
    return Path(__file__).parent / "weights" / f"{name}.safetensors"
