"""Twice the width, twice the height: a small network that adds to a bicubic enlargement what it left out.

The network looks at the small picture only, at its own resolution, and ends in a pixel shuffle (Shi et al. 2016): four
numbers a channel for each pixel become the four pixels in its place. It predicts the difference to the bicubic
enlargement, so an untaught network is exactly bicubic and a taught one has nothing to forget. The last
layer starts with the same weights for all four pixels (Aitken et al. 2017), which keeps chequerboards away.

Large pictures are worked on in tiles that overlap by what the network can see, so the seams are exact and the memory
does not grow with the picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image as Pictures
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from runway_lab.fields import Image, Number
from runway_lab.models import weights_path
from runway_lab.sdk import command, setup

__all__ = ["Upscaler", "enlarge", "load", "upscale"]

SIGHT = 16
"""How many pixels away the network still looks: half the width of all its filters together, and a few to spare."""


class Block(nn.Module):
    """Two filters and a way around them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(F.relu(self.first(x)))
        return x + change


class Upscaler(nn.Module):
    """RGB in 0..1, N x 3 x H x W -> N x 3 x 2H x 2W."""

    def __init__(self, width: int = 32, depth: int = 6) -> None:
        super().__init__()
        self.see = nn.Conv2d(3, width, 3, padding=1)
        self.think = nn.Sequential(*[Block(width) for _ in range(depth)])
        self.draw = nn.Conv2d(width, 12, 3, padding=1)
        with torch.no_grad():
            one = torch.randn(3, width, 3, 3) * 1e-3
            self.draw.weight.copy_(one.repeat_interleave(4, dim=0))
            nn.init.zeros_(self.draw.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        seen = self.see(x - 0.5)
        detail = F.pixel_shuffle(self.draw(seen + self.think(seen)), 2).to(x.dtype)
        # `antialias` changes nothing here but the curve: with it, bicubic is the same as everybody else's.
        return detail + F.interpolate(x, scale_factor=2, mode="bicubic", antialias=True)


@torch.inference_mode()
def enlarge(network: nn.Module, picture: np.ndarray[Any, Any], tile: int = 256) -> np.ndarray[Any, Any]:
    """A picture (H x W x 3, uint8) at twice the size, tile by tile."""
    height, width = picture.shape[:2]
    device = next(network.parameters()).device
    result = np.empty((2 * height, 2 * width, 3), np.uint8)
    # The rim is repeated, not left black: a network that sees a dark frame would sharpen it.
    framed = np.pad(picture, ((SIGHT, SIGHT), (SIGHT, SIGHT), (0, 0)), mode="edge")
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            part = framed[top : bottom + 2 * SIGHT, left : right + 2 * SIGHT]
            x = torch.from_numpy(part.astype(np.float32) / 255).permute(2, 0, 1)[None].to(device)
            y = network(x.contiguous(memory_format=torch.channels_last))[0]
            y = y[:, 2 * SIGHT : -2 * SIGHT, 2 * SIGHT : -2 * SIGHT]
            drawn = y.mul(255).add(0.5).clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
            result[2 * top : 2 * bottom, 2 * left : 2 * right] = drawn.cpu().numpy()
    if (picture == picture[..., :1]).all():
        # A gray picture stays exactly gray.
        result[:] = result.mean(axis=2, keepdims=True).round()
    return result


@setup(
    options={
        "tile": Number(
            default=256,
            min=64,
            max=1024,
            step=64,
            description="Side of the squares a large picture is worked on in: smaller needs less memory.",
        )
    }
)
def load(tile: float, device: str) -> tuple[Upscaler, int]:
    """The taught network and the size of a tile."""
    network = Upscaler().eval().requires_grad_(False)
    network.load_state_dict({name: value.float() for name, value in load_file(weights_path("upscale")).items()})
    return network.to(device).to(memory_format=torch.channels_last), int(tile)


@command(
    inputs={"image": Image(channels=4, fewer=True, description="A picture of any size.")},
    outputs={"image": Image(channels=4, fewer=True, description="The same picture, twice as wide and twice as high.")},
    description="Double the size of a picture.",
)
def upscale(model: tuple[Upscaler, int], image: Pictures.Image) -> Pictures.Image:
    network, tile = model
    large = Pictures.fromarray(enlarge(network, np.asarray(image.convert("RGB")), tile))
    if "A" in image.getbands() and image.getextrema()[-1] != (255, 255):
        large.putalpha(image.getchannel("A").resize(large.size, Pictures.Resampling.BICUBIC))
    return large
