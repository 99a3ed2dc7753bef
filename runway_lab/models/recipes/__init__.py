"""How the models that ship were made: drawn pictures in, weights out, in minutes on an ordinary processor.

Each recipe is a script, `python -m runway_lab.models.recipes.planets --out planets.safetensors`, that draws its own
pictures, trains, measures itself on pictures it has not seen and writes weights that say how they came about.
"""

from __future__ import annotations

__all__: list[str] = []
