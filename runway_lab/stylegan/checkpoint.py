"""Loading and saving: one function that knows every format, and what it gives.

    checkpoint = load("faces.pkl")
    images = checkpoint.generator.synthesize(checkpoint.generator.map(z))
    checkpoint.save("faces.safetensors")

Nothing in a file is ever run. Which format it is, its first bytes tell; its name does not matter. A reader
gives arrays that still lie in the file (`Found`); the networks are built and filled from there, so that at
no time more than the file and the networks themselves are in memory.
"""

from __future__ import annotations

import itertools
import mmap
import os
import stat
import struct
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from runway_lab.errors import BadValue, shorten
from runway_lab.library.web import MOST_BYTES, fetch, is_address
from runway_lab.stylegan.discriminator import Discriminator
from runway_lab.stylegan.errors import BadCheckpoint
from runway_lab.stylegan.found import Found, in_text
from runway_lab.stylegan.generator import Generator
from runway_lab.stylegan.native import looks_native, read_native, write_native
from runway_lab.stylegan.nvidia import read_nvidia
from runway_lab.stylegan.onnxfile import save_onnx
from runway_lab.stylegan.records import Record
from runway_lab.stylegan.rosinality import (
    ABOUT,
    discriminator_to_rosinality,
    generator_to_rosinality,
    read_rosinality,
)
from runway_lab.stylegan.shapes import Arrays, Blueprint
from runway_lab.stylegan.stylegan2 import StyleGAN2, StyleGAN2Config
from runway_lab.stylegan.stylegan3 import StyleGAN3, StyleGAN3Config
from runway_lab.stylegan.tensorflow import read_tensorflow
from runway_lab.stylegan.torchfile import read_archive, read_stream
from runway_lab.stylegan.unpickle import Unpickler

__all__ = ["Checkpoint", "load"]

_DERIVED_BYTES = 24 * 2**20
"""What may come on top of what a file holds: fixed noise, of which older files have none."""

_SENSELESS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What reading meets where a file's parts do not fit together. RecursionError is a RuntimeError."""

_FOREIGN = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "Fetch it with `git lfs pull`."),
    (
        b"<",
        "a web page, not a checkpoint",
        "The download link led to a page; open it in a browser and save the file.",
    ),
    (b"\x89PNG", "a PNG picture", "Choose the checkpoint of a model."),
    (b"\xff\xd8\xff", "a JPEG picture", "Choose the checkpoint of a model."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (b"\xfd7zXZ", "an xz archive", "Unpack it first."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it first."),
    (b"\x89HDF", "an HDF5 file, as Keras writes", "StyleGAN .pkl, .pt and .safetensors files can be read."),
    (b"GGUF", "a GGUF language model", "StyleGAN .pkl, .pt and .safetensors files can be read."),
)


@dataclass
class Checkpoint:
    """A trained StyleGAN: its averaged generator, perhaps its discriminator, and what is known of it.

    `kind` is "stylegan2", "stylegan3-t" or "stylegan3-r"; `labels` names the classes (empty: none); `live`
    is the generator as training left it, where `load(path, live=True)` found one; `notes` are for a person
    to read.
    """

    generator: Generator
    discriminator: Discriminator | None
    kind: str
    config: StyleGAN2Config | StyleGAN3Config
    labels: tuple[str, ...] = ()
    live: Generator | None = None
    format: str = ""
    licence: str = ""
    lineage: list[Any] = field(default_factory=list)
    recipe: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def save(self, path: str | Path, *, half: bool = False) -> Path:
        """Write to `path`, in the format that its ending says.

        .safetensors has everything (with `half` in float16, half as large and good enough for drawing and as a
        start), .pt the weights for rosinality's StyleGAN2, .onnx the generator for programs without PyTorch (see
        `save_onnx`).
        """
        path = Path(path)
        if path.suffix == ".safetensors":
            write_native(
                path,
                kind=self.kind,
                generator=self.generator,
                discriminator=self.discriminator,
                live=self.live,
                labels=self.labels,
                licence=self.licence,
                lineage=self.lineage,
                recipe=self.recipe,
                half=half,
            )
        elif path.suffix == ".pt":
            if not isinstance(self.generator, StyleGAN2):
                raise BadValue(f"A {self.kind} cannot be written as .pt.", hint="Save it as .safetensors.")
            contents: dict[str, Any] = {
                "g_ema": generator_to_rosinality(self.generator),
                "latent_avg": self.generator.mapping.w_avg.detach().cpu().clone(),
                ABOUT: in_text(self.labels, self.licence, self.lineage, self.recipe),
            }
            if isinstance(self.live, StyleGAN2):
                contents["g"] = generator_to_rosinality(self.live)
            if self.discriminator is not None:
                contents["d"] = discriminator_to_rosinality(self.discriminator)
            unfinished = path.with_name(f".{path.name}.part")
            try:
                torch.save(contents, unfinished)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        elif path.suffix == ".onnx":
            save_onnx(self.generator, path, labels=self.labels, licence=self.licence, lineage=self.lineage)
        else:
            raise BadValue(
                f"A checkpoint cannot be written as {path.suffix or 'a file without an ending'!r}.",
                hint="Choose a name that ends in .safetensors, .pt or .onnx.",
            )
        return path


def load(path_or_url: str | Path, *, live: bool = False, most_bytes: int = MOST_BYTES) -> Checkpoint:
    """Read a StyleGAN2 or StyleGAN3 checkpoint of any known format, without running anything in it.

    With `live` the generator as training left it comes too, for going on with training. From an address no more
    than `most_bytes` are fetched.
    """
    text = str(path_or_url)
    if is_address(text):
        # A mapped file cannot be deleted on Windows, before the last array that points into it is gone.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            path = fetch(text, Path(folder) / "checkpoint", most_bytes)
            return _load(path, text if len(text) <= 200 else f"{text[:197]}...", live)
    try:
        path = Path(path_or_url).expanduser()
        kind = path.stat().st_mode
    except (OSError, RuntimeError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and not isinstance(error, FileNotFoundError) else ""
        raise BadCheckpoint(
            f"There is no file {shorten(text, 200)}{f' that could be read: {words}' if words else ''}.",
            hint="Look whether the name is right. An address begins with https:// and is given as text.",
        ) from None
    if stat.S_ISDIR(kind):
        raise BadCheckpoint(f"{path.name or path} is a folder.", hint="Choose the checkpoint in it.")
    if not stat.S_ISREG(kind):
        raise BadCheckpoint(f"{path.name} is a device or a pipe, not a file.", hint="Copy what comes out into a file.")
    return _load(path, path.name, live)


def _load(path: Path, name: str, live: bool) -> Checkpoint:
    """What lies in a file, which is called `name` where something is wrong with it."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise BadCheckpoint("This file is empty.", hint="It was not copied or downloaded; get it again.")
            # Not closed by hand: it goes when the last array that points into it goes.
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return _assemble(_recognise(mapped), live, len(mapped))
    except BadCheckpoint as error:
        error.what = f"{name}: {error.what}"
        raise
    except OSError as error:
        raise BadCheckpoint(
            f"{name}: This file cannot be read: {error.strerror or error}.",
            hint="Look at its permissions and at the memory of this machine.",
        ) from error
    except Exception as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            raise BadCheckpoint(
                f"{name}: This machine has not enough free memory to read it.",
                hint="Close other programs or stop other models; reading takes up to three times the size of the file.",
            ) from error
        if isinstance(error, _SENSELESS):
            raise BadCheckpoint(
                f"{name}: This file is put together in a way that makes no sense.",
                hint="It is damaged, or from a variant that is not known here.",
                details=repr(error)[:500],
            ) from error
        raise


def _recognise(data: memoryview) -> Found:
    head = bytes(data[:64])
    # The first bytes of our own format are a number, which may look like anything.
    if looks_native(head, len(data)):
        return read_native(data)
    for magic, what, hint in _FOREIGN:
        if head.lstrip().startswith(magic):
            raise BadCheckpoint(f"This is {what}.", hint=hint)
    if head.startswith(b"PK\x03\x04"):
        return _torch(read_archive(data))
    if head[:1] == b"\x08" and head[2:3] == b"\x12":
        raise BadCheckpoint(
            "This is an ONNX file, which can be run but not read back.",
            hint="Load the .pkl, .pt or .safetensors file it was made from.",
        )
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        reader = Unpickler(data, nested=lambda piece, parent: read_stream(piece, parent))
        value = reader.load()
        if isinstance(value, int) and not isinstance(value, bool):
            return _torch(read_stream(data))
        return _pickled(value)
    raise BadCheckpoint(
        "This is no checkpoint of a kind that is known here.",
        hint="NVIDIA .pkl, rosinality .pt and runway-lab .safetensors files of StyleGAN2 and StyleGAN3 can be read.",
    )


def _pickled(value: Any) -> Found:
    if isinstance(value, dict) and "G_ema" in value:
        return read_nvidia(value)
    if isinstance(value, tuple) and len(value) == 3 and all(isinstance(each, Record) for each in value):
        return read_tensorflow(value)
    if isinstance(value, Record):
        raise BadCheckpoint(
            f"This file holds a single {value.name}, not a training checkpoint.",
            hint="A .pkl with G, D and G_ema can be read.",
        )
    raise BadCheckpoint(f"This pickle holds {_parts(value)}, no StyleGAN.", hint="A .pkl with G_ema can be read.")


def _torch(value: Any) -> Found:
    if isinstance(value, dict):
        if "g_ema" in value:
            return read_rosinality(value)
        if "input.input" in value:
            return read_rosinality({"g_ema": value})
        if "GAN" in value and "version" in value:
            raise BadCheckpoint(
                "This is a checkpoint of lucidrains' stylegan2_pytorch.",
                hint="Its network differs from StyleGAN2 in every layer and cannot be drawn here.",
            )
        if "G_ema" in value:
            return read_nvidia(value)
    raise BadCheckpoint(
        f"This PyTorch file holds {_parts(value)}, no StyleGAN.",
        hint="A .pt of rosinality's StyleGAN2 can be read.",
    )


def _parts(value: Any) -> str:
    if isinstance(value, dict):
        # Never str() of what a file holds: a key may be a tuple of many long texts.
        names = ", ".join(shorten(name, 40).strip("'") for name in itertools.islice(value, 6))
        return f"a dictionary of {names or 'nothing'}{', ...' if len(value) > 6 else ''}"
    return f"a {type(value).__name__}"


def _assemble(found: Found, live: bool, size: int) -> Checkpoint:
    """The networks; none gets memory before it is certain that all are as large as the file, or less."""
    config = found.config

    def generator(arrays: Arrays, what: str) -> Blueprint[Generator]:
        if isinstance(config, StyleGAN3Config):
            return Blueprint(lambda: StyleGAN3(config), arrays, what)
        return Blueprint(lambda: StyleGAN2(config), arrays, what)

    critic_config, critic, training = found.discriminator_config, None, None
    averaged = generator(found.generator, "generator")
    if found.discriminator is not None and critic_config is not None:
        critic = Blueprint(lambda: Discriminator(critic_config), found.discriminator, "discriminator")
    if live and found.live is not None:
        training = generator(found.live, "generator in training")
    most = 2 * size + _DERIVED_BYTES
    needed = averaged.size + (0 if critic is None else critic.size)
    if training is not None and needed + training.size > most:
        # In half precision, and the same one twice: there is nothing more to be had.
        found.notes.append("Its generator in training is the averaged one, and was left out.")
        training = None
    if needed > most:
        raise BadCheckpoint(
            f"This file has {size / 1e6:.1f} MB and unfolds into networks of {needed / 1e6:.0f} MB.",
            hint="Half precision doubles, nothing makes more of it; the file is damaged or hostile.",
        )
    return Checkpoint(
        generator=averaged.build(),
        discriminator=None if critic is None else critic.build(),
        kind=found.kind,
        config=config,
        labels=found.labels,
        live=None if training is None else training.build(),
        format=found.format,
        licence=found.licence,
        lineage=found.lineage,
        recipe=found.recipe,
        notes=found.notes,
    )
