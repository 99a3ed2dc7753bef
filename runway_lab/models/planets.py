"""Planets nobody has been to: 64 normally distributed numbers become a picture of 256 x 256.

The decoder knows what a ball is, and learns the rest. A point of the latent space says how large the planet is, how it
is turned and lit, and bends three small networks that are functions of a place: what the ground is like at a point of
the sphere, how dense the ring is at a distance, how the sky glows in a direction (coordinate networks with FiLM, Perez
et al. 2018). Fixed optics put these together: a ray for each pixel, daylight, shadows, glowing air. Hence rims
and rings are sharp at any size, and there is nothing in it that could make a chequerboard.

The latent was learned by a variational autoencoder. What its encoder made of the training pictures is not quite
a normal distribution; an affine map found after training, the first thing z goes through, makes it one and turns
it so that the first numbers of z change the picture most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from runway_lab.fields import Image, Number, Vector
from runway_lab.models import weights_path
from runway_lab.sdk import command, setup

__all__ = ["LATENT", "SIDE", "Planets", "Pose", "generate", "grid", "load", "render"]

LATENT = 64
SIDE = 256


Three = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Pose:
    """How large a planet is, how it is turned and lit, and what is around it; each N x 1, colours N x 1 x 3."""

    radius: Tensor
    axis: Three
    across: Three
    away: Three
    light: Three
    ring_inner: Tensor
    ring_width: Tensor
    ring_colour: Tensor
    air: Tensor
    air_colour: Tensor
    gloss: Tensor

    @classmethod
    def read(cls, numbers: Tensor) -> Pose:
        """From fifteen numbers; all of them at zero is the usual planet."""
        n = numbers.unsqueeze(2).unbind(1)
        roll, pitch = 0.1 + 0.35 * n[1], 0.12 + 0.42 * torch.sigmoid(1.2 * n[2])
        bearing, height = 2.35 + 0.5 * n[3], 0.35 + 0.45 * torch.sigmoid(1.5 * n[4])
        flat = (1 - height.square()).sqrt()
        axis = (roll.sin() * pitch.cos(), roll.cos() * pitch.cos(), pitch.sin())
        across = (roll.cos(), -roll.sin(), torch.zeros_like(roll))
        return cls(
            radius=0.53 * torch.exp(0.1 * n[0]),
            axis=axis,
            across=across,
            away=_cross(axis, across),
            light=(bearing.cos() * flat, bearing.sin() * flat, height),
            ring_inner=1.28 + 0.08 * n[6],
            # Never quite nothing, so that a ring that is missing can still be asked for.
            ring_width=F.softplus(16 * (0.24 + 0.4 * n[5])) / 16,
            ring_colour=torch.sigmoid(1 + torch.stack(n[12:15], dim=-1)),
            air=0.25 + 0.75 * torch.sigmoid(1.2 * n[7]),
            air_colour=torch.sigmoid(torch.stack(n[9:12], dim=-1)),
            gloss=0.25 * torch.sigmoid(1.5 * n[8]),
        )

    def ring(self, reach: Tensor, soft: Tensor | float) -> Tensor:
        """How much ring there is at `reach` planet radii, before its grooves."""
        inner = ((reach - self.ring_inner) / soft + 0.5).clamp(0, 1)
        outer = ((self.ring_inner + self.ring_width - reach) / soft + 0.5).clamp(0, 1)
        covered: Tensor = inner * outer * (self.ring_width / 0.08 - 0.2).clamp(0, 1)
        return covered


class Field(nn.Module):
    """A function of a place, bent by the latent: at every layer it turns channels up, down and aside."""

    def __init__(self, into: int, width: int, out: int, depth: int = 3) -> None:
        super().__init__()
        sizes = [into] + [width] * depth
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.styles = nn.ModuleList(nn.Linear(LATENT, 2 * width) for _ in range(depth))
        self.answer = nn.Linear(width, out)

    def forward(self, place: Tensor, w: Tensor) -> Tensor:
        x = place
        for layer, style in zip(self.layers, self.styles, strict=True):
            scale, shift = style(w)[:, None].chunk(2, dim=-1)
            x = F.silu(layer(x) * (1 + scale) + shift)
        answer: Tensor = self.answer(x)
        return answer


class Planets(nn.Module):
    """z, N x 64 -> pictures, N x 3 x 256 x 256, in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("turn", torch.eye(LATENT))
        self.register_buffer("middle", torch.zeros(LATENT))
        self.turn: Tensor
        self.middle: Tensor
        self.pose = nn.Sequential(nn.Linear(LATENT, 128), nn.SiLU(), nn.Linear(128, 15))
        self.ground = Field(15, 64, 3)
        self.ring = Field(7, 32, 4, depth=2)
        self.sky = Field(2, 16, 3, depth=2)
        # Stars are always in the same places: they are remembered, and the latent makes them shine.
        self.stars = nn.Parameter(torch.zeros(6, 128, 128))
        self.shine = nn.Linear(LATENT, 6)

    def forward(self, z: Tensor) -> Tensor:
        line = (torch.arange(SIDE, device=z.device) + 0.5) * (2 / SIDE) - 1
        y, x = torch.meshgrid(-line, line, indexing="ij")
        colours = self.decode(self.middle + z @ self.turn.T, x.reshape(-1), y.reshape(-1), 2 / SIDE)
        return colours.transpose(1, 2).reshape(-1, 3, SIDE, SIDE)

    def decode(self, w: Tensor, x: Tensor, y: Tensor, pixel: float) -> Tensor:
        """The colours, N x K x 3, at K places of the picture (-1..1, y up); edges are as soft as a pixel is wide."""
        pose = Pose.read(self.pose(w))
        distance = torch.hypot(x, y)[None].clamp(min=1e-3)
        disc = ((pose.radius - distance) / pixel + 0.5).clamp(0, 1)
        # Where the ray through a pixel meets the plane of the ring.
        depth = -(x * pose.axis[0] + y * pose.axis[1]) / pose.axis[2]
        band, dense = self.band(w, pose, x, y, depth, pixel)
        scene = self.night(w, pose, x, y, distance)
        layers = (
            (band, dense * (depth < 0)),
            (self.surface(w, pose, x, y, distance), disc),
            (band, dense * (depth >= 0)),
        )
        for colours, cover in layers:
            scene = torch.lerp(scene, colours, cover[..., None])
        # A gentle shoulder instead of a hard ceiling keeps the bright side from burning out.
        shown: Tensor = (1 - torch.exp(-1.4 * scene)).clamp(min=1e-4) ** (1 / 2.2)
        return shown

    def night(self, w: Tensor, pose: Pose, x: Tensor, y: Tensor, distance: Tensor) -> Tensor:
        """The sky: its colours, the stars, and the glow of the air around the planet."""
        sky = 0.3 * torch.sigmoid(self.sky(torch.stack([x, y], dim=-1)[None], w) - 2)
        spots = F.grid_sample(self.stars[None], torch.stack([x, -y], -1)[None, None], align_corners=False)[0, :, 0]
        stars = (F.softplus(self.shine(w)) @ spots)[..., None]
        facing = _ease((x * pose.light[0] + y * pose.light[1]) / distance, -0.9, 1.0)
        glow = torch.exp(-(distance - pose.radius).clamp(min=0) / 0.09) * facing * pose.air * 0.55
        return sky + stars + glow[..., None] * pose.air_colour

    def surface(self, w: Tensor, pose: Pose, x: Tensor, y: Tensor, distance: Tensor) -> Tensor:
        """The lit ground, the shadow of the ring on it, and the air above its rim."""
        # Just outside the disc the surface continues flat, so that its rim has a colour to be blended with.
        scale = torch.maximum(pose.radius, distance)
        normal = (x / scale, y / scale, (1 - (distance / scale).square()).clamp(min=1e-6).sqrt())
        daylight, toward, light = _dot(normal, pose.light), _dot(pose.axis, pose.light), pose.light
        steep = torch.where(toward < 0, toward.clamp(max=-0.08), toward.clamp(min=0.08))
        climb = -_dot(normal, pose.axis) / steep
        hit = (normal[0] + climb * light[0], normal[1] + climb * light[1], normal[2] + climb * light[2])
        shadow = 0.65 * pose.ring(_dot(hit, hit).clamp(min=1e-6).sqrt(), 0.06) * (climb > 0)
        shade = (0.05 + 0.98 * _ease(daylight, -0.12, 0.85) * (1 - 0.6 * shadow)) * (0.72 + 0.28 * normal[2])

        east, inward, north = _dot(normal, pose.across), _dot(normal, pose.away), _dot(normal, pose.axis)
        place = [east, inward, north, *_waves(east, (3,)), *_waves(inward, (3,)), *_waves(north, (2, 4, 7, 10))]
        ground = torch.sigmoid(self.ground(torch.stack(place, dim=-1), w))
        halfway = (light[0], light[1], light[2] + 1)
        glint = (_dot(normal, halfway) / _dot(halfway, halfway).sqrt()).clamp(min=1e-3) ** 28
        rim = (1 - normal[2]) ** 3 * _ease(daylight, -0.3, 0.6) * pose.air
        return ground * shade[..., None] + (pose.gloss * glint)[..., None] + rim[..., None] * pose.air_colour

    def band(self, w: Tensor, pose: Pose, x: Tensor, y: Tensor, depth: Tensor, pixel: float) -> tuple[Tensor, Tensor]:
        """The colours of the ring, dark where the planet's shadow falls on it, and how dense it is."""
        square = x.square() + y.square() + depth.square()
        reach = square.clamp(min=1e-6).sqrt() / pose.radius
        # How fast `reach` changes from pixel to pixel; worked out by hand, for the places need not be neighbours.
        slope_x, slope_y = x - depth * pose.axis[0] / pose.axis[2], y - depth * pose.axis[1] / pose.axis[2]
        slope = torch.hypot(slope_x, slope_y) / (reach * pose.radius.square()) * pixel
        part = (reach - pose.ring_inner) / pose.ring_width.clamp(min=0.05)
        grain = self.ring(torch.stack([part, *_waves(part, (3, 6, 12))], dim=-1), w)
        dense = pose.ring(reach, slope.clamp(min=1e-3)) * torch.sigmoid(grain[..., 0] + 1)
        along = x * pose.light[0] + y * pose.light[1] + depth * pose.light[2]
        aside = (square - along.square()).clamp(min=1e-6).sqrt() / pose.radius
        lit = 1 - 0.93 * _ease(-along / pose.radius, 0, 0.15) * _ease(-aside, -1.05, -0.95)
        colours = torch.sigmoid(torch.logit(pose.ring_colour) + 0.3 * grain[..., 1:])
        return colours * (0.85 * lit)[..., None], dense


def _waves(x: Tensor, frequencies: Sequence[float]) -> list[Tensor]:
    return [wave(k * x) for k in frequencies for wave in (torch.sin, torch.cos)]


def _cross(a: Three, b: Three) -> Three:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _dot(a: Three, b: Three) -> Tensor:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _ease(x: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, and smooth between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


@torch.inference_mode()
def render(network: nn.Module, z: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Pictures (N x 256 x 256 x 3, uint8) of latents (N x 64)."""
    device = next(network.parameters()).device
    latents = torch.as_tensor(z, dtype=torch.float32, device=device)
    # A few at a time: every pixel of every picture is a row of its own in the networks.
    parts = [network(few).mul(255).add(0.5).clamp(0, 255).to(torch.uint8) for few in torch.split(latents, 4)]
    return np.asarray(torch.cat(parts).permute(0, 2, 3, 1).contiguous().cpu().numpy())


@setup
def load(device: str) -> Planets:
    """The taught network."""
    network = Planets().eval().requires_grad_(False)
    network.load_state_dict({name: value.float() for name, value in load_file(weights_path("planets")).items()})
    return network.to(device)


TRUNCATION = Number(
    default=0.8,
    min=0.0,
    max=1.5,
    step=0.05,
    description="Low: planets close to the average. High: more unusual ones.",
)


@command(
    inputs={
        "z": Vector(length=LATENT, sampling_mean=0.0, sampling_std=1.0, description="Where in the space of planets."),
        "truncation": TRUNCATION,
    },
    outputs={"image": Image(description="A planet, 256 x 256.")},
    description="The planet at a point of the latent space.",
)
def generate(model: Planets, z: np.ndarray[Any, Any], truncation: float) -> np.ndarray[Any, Any]:
    picture: np.ndarray[Any, Any] = render(model, np.asarray(z, np.float32)[None] * truncation)[0]
    return picture


@command(
    inputs={
        "seed": Number(default=0, min=0, max=2**31 - 1, step=1, description="Another seed, other planets."),
        "columns": Number(default=4, min=1, max=8, step=1),
        "rows": Number(default=3, min=1, max=8, step=1),
        "truncation": TRUNCATION,
    },
    outputs={"image": Image(description="The planets side by side.")},
    description="A sheet of different planets.",
)
def grid(model: Planets, seed: float, columns: float, rows: float, truncation: float) -> np.ndarray[Any, Any]:
    across, down = int(columns), int(rows)
    z = np.random.default_rng(int(seed)).standard_normal((across * down, LATENT)) * truncation
    sheet = render(model, z).reshape(down, across, SIDE, SIDE, 3)
    return sheet.transpose(0, 2, 1, 3, 4).reshape(down * SIDE, across * SIDE, 3)
