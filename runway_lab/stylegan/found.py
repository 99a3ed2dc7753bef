"""What a reader of one format hands over: arrays that still lie in the file, and what is said about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runway_lab.errors import BadValue, shorten
from runway_lab.stylegan.discriminator import DiscriminatorConfig
from runway_lab.stylegan.shapes import Arrays
from runway_lab.stylegan.stylegan2 import StyleGAN2Config
from runway_lab.stylegan.stylegan3 import StyleGAN3Config

__all__ = ["Found", "from_text", "in_text"]


_LONGEST_TEXT = 2 * 2**20


@dataclass
class Found:
    """The averaged generator, and, where the file has them, the one in training and its discriminator."""

    format: str
    kind: str
    config: StyleGAN2Config | StyleGAN3Config
    generator: Arrays
    live: Arrays | None = None
    discriminator_config: DiscriminatorConfig | None = None
    discriminator: Arrays | None = None
    labels: tuple[str, ...] = ()
    licence: str = ""
    lineage: list[Any] = field(default_factory=list)
    recipe: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def tell(self, texts: Mapping[str, Any]) -> None:
        """Takes over what `in_text` wrote beside the weights; anything may stand there by now."""
        labels = from_text(texts, "labels", list)
        self.labels = tuple(label if isinstance(label, str) else shorten(label) for label in labels)
        licence = texts.get("licence", "")
        self.licence = licence if isinstance(licence, str) else ""
        self.lineage, self.recipe = from_text(texts, "lineage", list), from_text(texts, "recipe", dict)


def in_text(labels: Sequence[str], licence: str, lineage: Sequence[Any], recipe: Mapping[str, Any]) -> dict[str, str]:
    """What is said about a network, as texts: all that either format we write has room for."""
    texts = {
        "labels": json.dumps(list(labels)),
        "licence": licence,
        "lineage": json.dumps(list(lineage)),
        "recipe": json.dumps(dict(recipe)),
    }
    if sum(map(len, texts.values())) > _LONGEST_TEXT // 2:
        raise BadValue(
            "What is to be said about this network is longer than a megabyte.",
            hint="Keep its labels, licence, lineage and recipe short; readers refuse such files.",
        )
    return texts


def from_text(texts: Mapping[str, Any], name: str, kind: type) -> Any:
    """A list or dict out of its JSON; an empty one where there is no such."""
    text = texts.get(name)
    try:
        value = json.loads(text) if isinstance(text, str) and len(text) <= _LONGEST_TEXT else None
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, kind) else kind()
