"""A place in a latent space, and the directions that lead away from it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runway_lab.errors import BadValue, suggest

__all__ = ["Direction", "Edit", "Point", "Vector", "load_directions", "save_directions", "seed"]

Vector = NDArray[np.float32]
_SPACES = ("z", "w", "w+")


@dataclass(frozen=True)
class Edit:
    """One step along a direction, for the record."""

    name: str
    amount: float
    layers: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Point:
    """A place in Z [size], W [size] or W+ [layers, size], and where it comes from.

    >>> Point("w", [1.0, 2.0]) == Point("w", [1.0, 2.0])
    True
    >>> Point.from_json(seed(3, 16).to_json()) == seed(3, 16)
    True
    """

    space: str
    values: Vector
    seed: int | None = None
    psi: float = 1.0
    label: int | None = None
    edits: tuple[Edit, ...] = ()
    note: str = ""

    def __init__(
        self,
        space: str,
        values: ArrayLike,
        *,
        seed: int | None = None,
        psi: float = 1.0,
        label: int | None = None,
        edits: Iterable[Edit] = (),
        note: str = "",
    ) -> None:
        if space not in _SPACES:
            raise BadValue(f"There is no latent space {space!r}.", hint=suggest(space, _SPACES))
        array = np.array(values, dtype=np.float32)
        if array.ndim == 2 and len(array) == 1 and space != "w+":
            array = array[0]
        if array.ndim != (2 if space == "w+" else 1) or not array.size:
            wanted = "[layers, size]" if space == "w+" else "[size]"
            raise BadValue(
                f"A point in {space.upper()} cannot have the shape {list(array.shape)}.", hint=f"It is {wanted}."
            )
        if not np.isfinite(array).all():
            raise BadValue("A point has numbers that are not finite.", hint="Look where they come from.")
        array.setflags(write=False)
        for name, value in (
            ("space", space),
            ("values", array),
            ("seed", seed),
            ("psi", float(psi)),
            ("label", label),
            ("edits", tuple(edits)),
            ("note", note),
        ):
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Point):
            return NotImplemented
        mine = (self.space, self.seed, self.psi, self.label, self.edits, self.note)
        theirs = (other.space, other.seed, other.psi, other.label, other.edits, other.note)
        return mine == theirs and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.space, self.seed, self.values.tobytes()))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def size(self) -> int:
        """Numbers in one vector."""
        return int(self.values.shape[-1])

    def widened(self, layers: int) -> Point:
        """A point of W as one of W+, the same in each of `layers`; one of W+ as it is."""
        if self.space == "z":
            raise BadValue("A point of Z has no layers.", hint="Map it to W first.")
        if self.space == "w":
            return self.changed(np.tile(self.values, (layers, 1)), space="w+")
        if len(self.values) != layers:
            raise BadValue(f"This point has {len(self.values)} layers.", hint=f"A point for this model has {layers}.")
        return self

    def moved(self, direction: Direction, amount: float, layers: int | None = None) -> Point:
        """`amount` steps along a direction; a direction with a range of layers makes a point of W+ of it."""
        if self.space == "z":
            raise BadValue("Directions lead through W.", hint="Map the point to W first.")
        if direction.vector.shape[-1] != self.size:
            raise BadValue(
                f"The direction {direction.name!r} has {direction.vector.shape[-1]} numbers, this point {self.size}.",
                hint="It belongs to another model.",
            )
        edits = (*self.edits, Edit(direction.name, float(amount), direction.layers))
        if direction.layers is None:
            return self.changed(self.values + amount * direction.vector, edits=edits)
        if self.space == "w" and layers is None:
            raise BadValue(
                f"The direction {direction.name!r} is for some layers only.",
                hint="Say how many the model has: layers=.",
            )
        wide = self if self.space == "w+" else self.widened(layers or 0)
        values = wide.values.copy()
        first, last = direction.layers
        values[first : last + 1] += amount * direction.vector
        return wide.changed(values, edits=edits)

    def changed(self, values: ArrayLike, **changes: Any) -> Point:
        """The same point with other values, and its record with these changes."""
        kept = {name: getattr(self, name) for name in ("space", "seed", "psi", "label", "edits", "note")}
        kept |= changes
        return Point(kept.pop("space"), values, **kept)

    def to_json(self) -> dict[str, Any]:
        """Plain values; a point that its seed says all about is stored as its seed."""
        told: dict[str, Any] = {"space": self.space, "psi": self.psi}
        if self.seed is not None:
            told["seed"] = self.seed
        if self.label is not None:
            told["label"] = self.label
        if self.note:
            told["note"] = self.note
        if self.edits:
            told["edits"] = [[edit.name, edit.amount, edit.layers] for edit in self.edits]
        if (
            self.space == "z"
            and self.seed is not None
            and np.array_equal(self.values, _from_seed(self.seed, len(self)))
        ):
            return told | {"size": len(self)}
        return told | {"shape": list(self.values.shape), "values": _packed(self.values)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Point:
        """The point that `to_json` told about."""
        try:
            edits = [
                Edit(str(name), float(amount), None if layers is None else (int(layers[0]), int(layers[1])))
                for name, amount, layers in told.get("edits", ())
            ]
            values = (
                _unpacked(told["values"], told["shape"]) if "values" in told else _from_seed(told["seed"], told["size"])
            )
            return cls(
                told["space"],
                values,
                seed=told.get("seed"),
                psi=told.get("psi", 1.0),
                label=told.get("label"),
                edits=edits,
                note=str(told.get("note", "")),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BadValue(
                "This is no point in a latent space.", hint="It was stored by another program, or damaged."
            ) from error


@dataclass(frozen=True, eq=False)
class Direction:
    """A way through W: a vector, a name, and the layers it is for (first and last; None: all)."""

    name: str
    vector: Vector
    layers: tuple[int, int] | None = None
    source: str = ""
    share: float = 0.0

    def named(self, name: str) -> Direction:
        return replace(self, name=name)

    def to_json(self) -> dict[str, Any]:
        told = {"name": self.name, "layers": self.layers, "source": self.source, "share": self.share}
        return told | {"size": len(self.vector), "vector": _packed(self.vector)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Direction:
        layers = told.get("layers")
        return cls(
            str(told["name"]),
            _unpacked(told["vector"], [told["size"]]),
            None if layers is None else (int(layers[0]), int(layers[1])),
            str(told.get("source", "")),
            float(told.get("share", 0.0)),
        )


def save_directions(path: Any, directions: Sequence[Direction]) -> None:
    """Write directions as JSON, for instance beside their model: whole, or not at all."""
    text = json.dumps([direction.to_json() for direction in directions], indent=1)
    unfinished = f"{os.fspath(path)}.{os.getpid()}.part"
    try:
        with open(unfinished, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise


def load_directions(path: Any) -> list[Direction]:
    """Read what `save_directions` wrote."""
    try:
        with open(path, encoding="utf-8") as file:
            return [Direction.from_json(told) for told in json.load(file)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadValue(f"{path} has no directions.", hint="It was written by another program, or damaged.") from error


def _packed(values: Vector) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _unpacked(text: str, shape: Sequence[int]) -> Vector:
    values: Vector = np.frombuffer(base64.b64decode(text), dtype="<f4").reshape(shape).astype(np.float32)
    return values


def _from_seed(number: int, size: int) -> Vector:
    values: Vector = np.random.RandomState(number).randn(1, size)[0].astype(np.float32)
    return values


def seed(number: int, size: int = 512) -> Point:
    """The z that the reference tools give for a seed.

    >>> bool(np.allclose(seed(0, 3).values, [1.764052, 0.400157, 0.978738]))
    True
    """
    if not 0 <= number < 2**32:
        raise BadValue(f"{number} is no seed.", hint="A seed is a whole number from 0 to 4294967295.")
    return Point("z", _from_seed(number, size), seed=number)
