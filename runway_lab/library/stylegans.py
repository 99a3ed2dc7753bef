"""The StyleGAN checkpoints a person has, by name.

There are two ways for one into the library: as a file of a model with a card (what was trained and saved here, or
imported), and dropped as it is into the folder `models/checkpoints`. Those of the models in the shared folder are
there as well. Nothing is opened here but the first bytes of a .safetensors file, which say whether it is a StyleGAN;
what a .pkl or .pt is, loading it will tell.
"""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

from runway_lab.library.places import place
from runway_lab.library.shared import shared_models
from runway_lab.library.shelf import models
from runway_lab.library.weights import where

__all__ = ["ENDINGS", "checkpoints", "folder"]

ENDINGS = (".safetensors", ".pkl", ".pt")
_MARK = b'"runway-lab stylegan '


def folder() -> Path:
    """Where a checkpoint without a card belongs; it may not be there yet.

    >>> folder().name
    'checkpoints'
    """
    return place("models") / "checkpoints"


def checkpoints() -> dict[str, Path]:
    """Every checkpoint of the library, the newest first: "faces.pkl", or "group/name" for that of a card.

    >>> checkpoints()
    {}
    """
    found: dict[str, Path] = {}
    for card in (*models(), *shared_models()):
        files = [path for path in where(card).values() if _may_be(path)]
        for path in files:
            found[card.id if len(files) == 1 else f"{card.id}/{path.name}"] = path
    with contextlib.suppress(OSError):
        found |= {path.name: path for path in sorted(folder().iterdir()) if path.name[0] != "." and _may_be(path)}
    return dict(sorted(found.items(), key=lambda each: _changed(each[1]), reverse=True))


def _may_be(path: Path) -> bool:
    if path.suffix.lower() not in ENDINGS or not path.is_file():
        return False
    return path.suffix.lower() != ".safetensors" or _says_stylegan(path)


def _says_stylegan(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            return _MARK in file.read(min(length, 1 << 21))
    except (OSError, struct.error):
        return False


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
