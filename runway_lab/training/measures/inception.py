"""The Inception network that the Frechet inception distance looks through, from its public description.

It is Inception v3 (Szegedy et al. 2015) as TensorFlow published it in December 2015, which differs from the one in
torchvision: mean pooling leaves the border out of its mean, the last block pools by the maximum, and there are 1008
classes. The file names each convolution and its batch normalisation, so the network here is a function of the file: how
many channels each layer has is read in it, and only how layers are joined is written here.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from runway_lab.errors import RunwayLabError

__all__ = ["Inception", "describer"]

SIDE = 299
EPSILON = 1e-3
CLASSES = 1008


def describer(path: Path, device: str = "cpu") -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """A function from RGB pictures, uint8 of shape (number, height, width, 3), to a row of numbers for each."""
    network = Inception(_read(path), device)

    def describe(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            # A copy: a mapped file may only be read, and torch warns of such arrays.
            values = torch.from_numpy(np.array(pictures, order="C")).to(device).permute(0, 3, 1, 2)
            found: NDArray[np.float32] = network(values.float() / 255).cpu().numpy()
            return found

    return describe


class Inception:
    """The network up to its last pooling, with the weights of a state dict.

    Batch normalisation is a fixed scale and shift here, so it is multiplied into the convolution once.
    """

    def __init__(self, state: dict[str, Tensor], device: str = "cpu") -> None:
        self.layers: dict[str, tuple[Tensor, Tensor]] = {}
        for name in (key.removesuffix(".conv.weight") for key in state if key.endswith(".conv.weight")):
            scale = state[f"{name}.bn.weight"] / torch.sqrt(state[f"{name}.bn.running_var"] + EPSILON)
            weight = state[f"{name}.conv.weight"] * scale[:, None, None, None]
            bias = state[f"{name}.bn.bias"] - state[f"{name}.bn.running_mean"] * scale
            self.layers[name] = weight.float().to(device), bias.float().to(device)

    def __call__(self, pictures: Tensor) -> Tensor:
        """From RGB between 0 and 1, of any size, to (number, 2048)."""
        x = F.interpolate(pictures, (SIDE, SIDE), mode="bilinear", align_corners=False) * 2 - 1
        x = self._layer("Conv2d_1a_3x3", x, stride=2, pad=False)
        x = self._layer("Conv2d_2a_3x3", x, pad=False)
        x = self._layer("Conv2d_2b_3x3", x)
        x = F.max_pool2d(x, 3, 2)
        x = self._layer("Conv2d_3b_1x1", x)
        x = self._layer("Conv2d_4a_3x3", x, pad=False)
        x = F.max_pool2d(x, 3, 2)
        for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
            x = self._in_35(name, x)
        x = self._to_17("Mixed_6a", x)
        for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
            x = self._in_17(name, x)
        x = self._to_8("Mixed_7a", x)
        x = self._in_8("Mixed_7b", x, _mean)
        x = self._in_8("Mixed_7c", x, _most)
        return x.mean(dim=(2, 3))

    def _layer(self, name: str, x: Tensor, stride: int = 1, pad: bool = True) -> Tensor:
        """A convolution, normalised and rectified; padded so that the size stays, unless `pad` is off."""
        weight, bias = self.layers[name]
        around = (weight.shape[2] // 2, weight.shape[3] // 2) if pad else (0, 0)
        return F.relu(F.conv2d(x, weight, bias, stride=stride, padding=around))

    def _chain(self, block: str, x: Tensor, *names: str) -> Tensor:
        for name in names:
            x = self._layer(f"{block}.{name}", x)
        return x

    def _in_35(self, block: str, x: Tensor) -> Tensor:
        small = self._chain(block, x, "branch1x1")
        medium = self._chain(block, x, "branch5x5_1", "branch5x5_2")
        twice = self._chain(block, x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
        pooled = self._chain(block, _mean(x), "branch_pool")
        return torch.cat([small, medium, twice, pooled], 1)

    def _to_17(self, block: str, x: Tensor) -> Tensor:
        once = self._layer(f"{block}.branch3x3", x, stride=2, pad=False)
        twice = self._chain(block, x, "branch3x3dbl_1", "branch3x3dbl_2")
        twice = self._layer(f"{block}.branch3x3dbl_3", twice, stride=2, pad=False)
        return torch.cat([once, twice, F.max_pool2d(x, 3, 2)], 1)

    def _in_17(self, block: str, x: Tensor) -> Tensor:
        small = self._chain(block, x, "branch1x1")
        once = self._chain(block, x, "branch7x7_1", "branch7x7_2", "branch7x7_3")
        twice = self._chain(block, x, *(f"branch7x7dbl_{number}" for number in range(1, 6)))
        pooled = self._chain(block, _mean(x), "branch_pool")
        return torch.cat([small, once, twice, pooled], 1)

    def _to_8(self, block: str, x: Tensor) -> Tensor:
        small = self._chain(block, x, "branch3x3_1")
        small = self._layer(f"{block}.branch3x3_2", small, stride=2, pad=False)
        large = self._chain(block, x, "branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3")
        large = self._layer(f"{block}.branch7x7x3_4", large, stride=2, pad=False)
        return torch.cat([small, large, F.max_pool2d(x, 3, 2)], 1)

    def _in_8(self, block: str, x: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
        small = self._chain(block, x, "branch1x1")
        once = self._chain(block, x, "branch3x3_1")
        once = torch.cat([self._chain(block, once, f"branch3x3_2{each}") for each in "ab"], 1)
        twice = self._chain(block, x, "branch3x3dbl_1", "branch3x3dbl_2")
        twice = torch.cat([self._chain(block, twice, f"branch3x3dbl_3{each}") for each in "ab"], 1)
        pooled = self._chain(block, pool(x), "branch_pool")
        return torch.cat([small, once, twice, pooled], 1)


def _mean(x: Tensor) -> Tensor:
    """Of what is there: the border does not count as zeros."""
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _most(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 1, 1)


def _read(path: Path) -> dict[str, Tensor]:
    """The state dict in a file, read as data."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise _wrong(path, "it cannot be read as weights") from error
    if not isinstance(state, dict) or not all(isinstance(each, Tensor) for each in state.values()):
        raise _wrong(path, "it holds something else")
    classes = len(state["fc.weight"]) if "fc.weight" in state else 0
    if classes != CLASSES:
        raise _wrong(path, f"it knows {classes} classes instead of {CLASSES}")
    try:
        # A picture tells whether all layers are there and fit together.
        Inception(state)(torch.zeros(1, 3, 1, 1))
    except (KeyError, RuntimeError) as error:
        raise _wrong(path, f"its layers do not fit together ({str(error).splitlines()[0]})") from error
    return state


def _wrong(path: Path, why: str) -> RunwayLabError:
    return RunwayLabError(
        f"{path} is not the Inception network that the FID needs: {why}.",
        hint="It is the file pt_inception-2015-12-05-6726825d.pth; the network in torchvision is another one.",
    )
