"""Which sizes of pictures a StyleGAN can learn. Without torch, so that a wrong one is told before anything begins."""

from __future__ import annotations

from runway_lab.errors import BadValue

__all__ = ["shape_of"]

_LARGEST_START = 8


def shape_of(height: int, width: int) -> tuple[int, tuple[int, int]]:
    """The resolution and the start (both as in `StyleGAN2Config`) that give pictures of this size.

    >>> shape_of(64, 64)
    (64, (4, 4))
    >>> shape_of(96, 64)
    (64, (6, 4))
    """
    scale = 1
    while height % (2 * scale) == 0 and width % (2 * scale) == 0 and min(height, width) // (2 * scale) >= 4:
        scale *= 2
    start = height // scale, width // scale
    if scale == 1 or min(start) > _LARGEST_START or max(start) > 4 * _LARGEST_START:
        raise BadValue(
            f"Pictures of {height} x {width} pixels cannot be learned: a StyleGAN doubles its size again and again.",
            hint="Prepare the dataset with sides such as 64, 96, 128, 192, 256, 384, 512, 768 or 1024.",
        )
    return 4 * scale, start
