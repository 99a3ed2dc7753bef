"""How many pictures fit into memory at once.

What a step needs grows with the pictures at once and with the features of a picture, the numbers that both networks
make of it: measured at 64 to 256 pixels about 60 bytes for each feature in half precision and 100 in float32, most of
it for the second derivatives of R1.
"""

from __future__ import annotations

import psutil
import torch

from runway_lab.stylegan.stylegan2 import StyleGAN2Config

__all__ = ["free_memory", "pictures_at_once"]

BYTES_HALF, BYTES_WHOLE = 60, 100
SHARE = 0.6
"""So much of the free memory is for this; the rest is for weights, their averages and for others."""


def free_memory(device: torch.device) -> int:
    """Bytes that are free where the networks are."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def pictures_at_once(config: StyleGAN2Config, wanted: int, dtype: torch.dtype, free: int) -> int:
    """The largest part of `wanted` pictures that fits, at least two where that divides them.

    >>> pictures_at_once(StyleGAN2Config(resolution=256), 16, torch.bfloat16, free=8 << 30)
    4
    """
    area = config.start[0] * config.start[1] / 16
    features = sum(config.width(each) * each * each * area for each in config.resolutions)
    each = features * (BYTES_WHOLE if dtype == torch.float32 else BYTES_HALF)
    parts = [part for part in range(wanted, 0, -1) if wanted % part == 0 and (part > 1 or wanted == 1)]
    return next((part for part in parts if part * each <= SHARE * free), parts[-1])
