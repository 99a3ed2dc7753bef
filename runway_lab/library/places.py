"""Where each kind of thing lies in the library folder."""

from __future__ import annotations

import os
from pathlib import Path

from runway_lab.errors import Unknown, suggest
from runway_lab.library.atomic import in_words
from runway_lab.settings import home, settings

__all__ = ["KINDS", "lock_path", "path", "place"]

KINDS = ("datasets", "downloads", "experiments", "models", "outputs", "workspaces")
"""The folders of the library; downloads may lie on another disk."""

SET_ASIDE = "set-aside"
SHARED = "shared"


def place(kind: str) -> Path:
    """Where the folder of a kind is, or would be; nothing is made."""
    if kind == SHARED:
        return Path(os.path.normpath(home() / Path(settings().shared or SHARED).expanduser())) / "models"
    if kind not in (*KINDS, SET_ASIDE):
        raise Unknown(f"The library has no folder for {kind!r}.", hint=suggest(kind, (*KINDS, SET_ASIDE)))
    if kind == "downloads" and (chosen := settings().downloads):
        return Path(os.path.normpath(home() / Path(chosen).expanduser()))
    return home() / kind


def path(kind: str) -> Path:
    """The folder of a kind, made if it is not there yet.

    >>> path("modles")
    Traceback (most recent call last):
    runway_lab.errors.Unknown: The library has no folder for 'modles'. Did you mean 'models'?
    """
    folder = place(kind)
    if not folder.is_dir():
        with in_words(folder, "made"):
            folder.mkdir(parents=True, exist_ok=True)
    return folder


def lock_path(name: str) -> Path:
    """The file of a lock that the kernels of this person share."""
    return home() / ".locks" / name.replace("/", "--")
