"""StyleGAN2 and StyleGAN3 in plain PyTorch: networks, checkpoints of every common format, latent space.

    from runway_lab import stylegan
    checkpoint = stylegan.load("faces.pkl")
    G = checkpoint.generator
    images = G.synthesize(G.map(z, psi=0.7))

In flow files (`checkpoint`, which asks `nvidia`, `tensorflow`, `rosinality` or `native`); out flow networks
(`stylegan2`, `stylegan3`, `discriminator`) and what can be done with them: `incremental` redraws only what
an edit touches, `directions` finds ways to edit, `projection` finds the w of a picture, `blending` makes
one model of two, `onnxfile` writes a generator for programs without PyTorch. Points and paths in latent
space need no network and live in `runway_lab.latents`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runway_lab.stylegan.blending import blend
    from runway_lab.stylegan.checkpoint import Checkpoint, load
    from runway_lab.stylegan.directions import pca, sefa
    from runway_lab.stylegan.discriminator import Discriminator, DiscriminatorConfig
    from runway_lab.stylegan.errors import BadCheckpoint, Incompatible, UnsafeCheckpoint
    from runway_lab.stylegan.generator import Generator, best_precision
    from runway_lab.stylegan.incremental import IncrementalSynthesis
    from runway_lab.stylegan.onnxfile import save_onnx
    from runway_lab.stylegan.projection import Projection, project
    from runway_lab.stylegan.stylegan2 import StyleGAN2, StyleGAN2Config
    from runway_lab.stylegan.stylegan3 import StyleGAN3, StyleGAN3Config

__all__ = [
    "BadCheckpoint",
    "Checkpoint",
    "Discriminator",
    "DiscriminatorConfig",
    "Generator",
    "Incompatible",
    "IncrementalSynthesis",
    "Projection",
    "StyleGAN2",
    "StyleGAN2Config",
    "StyleGAN3",
    "StyleGAN3Config",
    "UnsafeCheckpoint",
    "best_precision",
    "blend",
    "load",
    "pca",
    "project",
    "save_onnx",
    "sefa",
]

_HOMES = {
    "BadCheckpoint": "errors",
    "Checkpoint": "checkpoint",
    "Discriminator": "discriminator",
    "DiscriminatorConfig": "discriminator",
    "Generator": "generator",
    "Incompatible": "errors",
    "IncrementalSynthesis": "incremental",
    "Projection": "projection",
    "StyleGAN2": "stylegan2",
    "StyleGAN2Config": "stylegan2",
    "StyleGAN3": "stylegan3",
    "StyleGAN3Config": "stylegan3",
    "UnsafeCheckpoint": "errors",
    "best_precision": "generator",
    "blend": "blending",
    "load": "checkpoint",
    "pca": "directions",
    "project": "projection",
    "save_onnx": "onnxfile",
    "sefa": "directions",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
