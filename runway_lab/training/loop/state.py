"""A training's state in memory and in a file.

The file holds tensors, numbers and words only and is read without running anything in it. It is flushed and renamed:
a file by its name is whole.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from runway_lab.errors import DamagedEntry
from runway_lab.library.atomic import flush_folder, in_words, temporary

__all__ = ["copied", "read", "write"]


def copied(value: Any) -> Any:
    """The same with every tensor copied to memory of its own, on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(copied(each) for each in value)
    return value


def write(state: dict[str, Any], path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    with in_words(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = temporary(target)
        try:
            with draft.open("xb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        flush_folder(target.parent)
    return target


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise DamagedEntry(
            f"The state of this training, {Path(path).name}, cannot be read.",
            hint="It goes on from the one before, or from a kept checkpoint.",
            details=repr(error)[:500],
        ) from error
    return state
