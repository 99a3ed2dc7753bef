"""Pictures drawn by code: as many as one likes, at any size, and nobody's property.

To learn how training works one needs pictures, thousands of them, aligned and free of anybody's rights. These are
drawn, each from a number: `draw("faces", 7)` is the same face every time and at every size from 16 to 1024.
What varies (a coat, a smile, the side the light comes from) is plain to see, so it is plain to see, too, what a
network has understood.

In goes a kind and a seed, out come bytes. NumPy and Pillow do the drawing; nothing here needs torch.

- `sheet` is the paper and the brushes, `tones` the paint.
- `portrait` is what faces, cats and monsters share, so that one can become the other: the same seed looks the same
  way, in the same light, in front of the same wall.
- one module (people are a folder) draws one kind; `kinds` says what each is.
- `many` draws thousands, on all cores.

    >>> face = draw("faces", seed=7, size=32)
    >>> face.shape, str(face.dtype), bool((face == draw("faces", seed=7, size=32)).all())
    ((32, 32, 3), 'uint8', True)
"""

from __future__ import annotations

from runway_lab.training.drawn.kinds import LARGEST, SMALLEST, Drawn, draw, kind, kinds
from runway_lab.training.drawn.many import draw_many

__all__ = ["LARGEST", "SMALLEST", "Drawn", "draw", "draw_many", "kind", "kinds"]
