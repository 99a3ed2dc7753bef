"""What can be found out cheaply before there is a folder: a device that is not here, no pictures, a start that is none.

All of these would be told by the trainer as well, a minute later and from an experiment that has failed.
"""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path
from typing import Any

from runway_lab.errors import BadValue
from runway_lab.training.experiments.devices import devices
from runway_lab.training.loop.shapes import shape_of

__all__ = ["check_device", "check_pictures", "check_size", "check_start"]

FEWEST = 2
LOOKED_AT = 2000
"""So many files without a picture are looked at; beyond that, preparing them will tell."""

HEAD = 64 << 10
_NAMES = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


def check_device(wanted: str) -> None:
    """A device by a name that is one, and that this machine has."""
    for name in (each.strip() for each in wanted.split(",")):
        if not re.fullmatch(_NAMES, name):
            raise BadValue(f"There is no device {name!r:.80}.", hint='Allowed: "auto", "cpu", "cuda", "cuda:1", "mps".')
        if name in ("auto", "cpu"):
            continue
        here = devices()
        if not any(each == name or each.split(":")[0] == name for each in here):
            raise BadValue(f"This machine has no device {name!r} that can train.", hint=f"It has: {', '.join(here)}.")


def check_size(dataset: dict[str, Any]) -> None:
    """Pictures of a size that can be learned, where it is known by now."""
    if "height" in dataset:
        shape_of(dataset["height"], dataset["width"])
    elif (size := dataset.get("options", {}).get("size")) is not None:
        from runway_lab.training.datasets.plan import size_of

        shape_of(*size_of(size))


def check_pictures(source: Path) -> None:
    """That a folder or a file has pictures to learn from; of an archive or a film, preparing it will tell."""
    from PIL import Image

    from runway_lab.training.datasets.sources import FOREIGN, Listed, open_source

    listed = open_source(source)
    if not isinstance(listed, Listed) or len(listed.items) > LOOKED_AT:
        return
    found = 0
    for item in listed.items:
        if item.picture is None and not item.is_candidate and item.ending not in FOREIGN:
            try:
                with Image.open(io.BytesIO(item.read(HEAD))):
                    pass
            except Exception:
                continue
        found += 1
        if found >= FEWEST:
            return
    raise BadValue(
        f"There is {'only one picture' if found else 'no picture'} in {source.name!r:.200}.",
        hint="From about 300 pictures on a training can work.",
    )


def check_start(file: Path, name: str) -> None:
    """That the first bytes are those of a checkpoint; whether it is a StyleGAN, loading it will tell."""
    try:
        with file.open("rb") as opened:
            head = opened.read(16)
    except OSError as error:
        raise BadValue(f"{name!r} cannot be opened: {error.strerror}.", hint="Choose another start.") from error
    if file.suffix.lower() == ".safetensors":
        length = struct.unpack("<Q", head[:8])[0] if len(head) > 8 else 0
        fine = 0 < length <= file.stat().st_size - 8 and head[8:9] == b"{"
    else:
        fine = head[:1] == b"\x80" or head[:4] == b"PK\x03\x04"
    if not fine:
        raise BadValue(
            f"{name!r} is no checkpoint, or is damaged: it does not begin like a {file.suffix.lower()} file.",
            hint="Choose another start, or get the file again.",
        )
