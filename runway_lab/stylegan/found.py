"""What a reader of one format hands over: arrays that still lie in the file, and what is said about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runway_lab.stylegan.discriminator import DiscriminatorConfig
from runway_lab.stylegan.shapes import Arrays
from runway_lab.stylegan.stylegan2 import StyleGAN2Config
from runway_lab.stylegan.stylegan3 import StyleGAN3Config

__all__ = ["Found"]


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
