"""The generator as an ONNX file, for programs that have no PyTorch: a web page, a game, an installation.

    save_onnx(checkpoint.generator, "faces.onnx")

    z           float [n, z_dim]         normally distributed
    label       float [n, c_dim]         only where the model has labels
    truncation  float [1]                psi, for all layers; 1 leaves everything as it is
    image       float [n, C, H, W]       around [-1, 1], not clipped

n is free. The graph is written down by hand rather than traced, so that it holds standard operators of opset
17 only and reads like the networks it comes from: `s` and `d` scale activations around one shared weight
(`stylegan2`), resampling filters are depthwise (transposed) convolutions. Factors known beforehand are
multiplied into the weights. Everything is float32, whatever the generator's `precision`.

What ONNX has no word for is left out: random noise, and a truncation with a cut-off.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from runway_lab import __version__
from runway_lab.errors import BadValue, RunwayLabError
from runway_lab.library.atomic import write_bytes
from runway_lab.stylegan.generator import Generator
from runway_lab.stylegan.mapping import Dense, Mapping
from runway_lab.stylegan.resample import taps
from runway_lab.stylegan.stylegan2 import StyledConv, StyleGAN2, SynthesisNetwork, ToRGB
from runway_lab.stylegan.stylegan3 import AliasFreeLayer, AliasFreeSynthesis, FourierInput, StyleGAN3

__all__ = ["save_onnx"]

_OPSET, _IR_VERSION = 17, 8  # both of 2022, so that runtimes of some age read it too
_LARGEST = 2**31 - 2**24  # protobuf ends at 2 GiB, and the graph needs some room beside the weights
_SLOPE = 0.2
_ACTIVATIONS = {
    "lrelu": ("LeakyRelu", math.sqrt(2)),
    "relu": ("Relu", math.sqrt(2)),
    "sigmoid": ("Sigmoid", 1.0),
    "swish": ("Sigmoid", math.sqrt(2)),
    "tanh": ("Tanh", 1.0),
}


def save_onnx(
    generator: Generator,
    path: str | Path,
    *,
    noise: Literal["const", "none"] = "const",
    title: str = "",
    labels: Sequence[str] = (),
    licence: str = "",
    lineage: Sequence[Any] = (),
) -> Path:
    """Write `generator` to `path`, with its own constant `noise` or with none.

    `title`, `labels` and `lineage` (as JSON lists) and `licence` go into the file's metadata.
    """
    if noise not in ("const", "none"):
        raise BadValue(f"An ONNX file cannot have the noise {noise!r}.", hint="It is 'const' or 'none'.")
    graph = _Graph(_onnx())
    with torch.no_grad():
        w = _mapped(graph, generator.mapping)
        if isinstance(generator, StyleGAN2):
            image = _stylegan2(graph, generator.synthesis, w, noise)
        else:
            assert isinstance(generator, StyleGAN3)
            image = _stylegan3(graph, generator.synthesis, w)
    graph.node("Identity", image, output="image")
    about = {"title": title, "licence": licence}
    about |= {name: json.dumps(list(each)) for name, each in (("labels", labels), ("lineage", lineage)) if each}
    write_bytes(path, graph.model(generator, {name: text for name, text in about.items() if text}))
    return Path(path)


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise RunwayLabError(
            "Writing an ONNX file takes the package onnx, which is not installed.",
            hint='Type: pip install "runway-lab[onnx]"',
            details=repr(error),
        ) from None
    return onnx


class _Graph:
    """An ONNX graph in the making. Values go by their names; `place` begins the names of what is added."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.place = ""
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.size = 0

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Apply a standard operator; gives the name of its result."""
        name = output or f"{self.place}.{operator}.{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name: str, value: Tensor | float) -> str:
        """A constant of this place, float32."""
        return self._constant(f"{self.place}.{name}", _array(value))

    def shared(self, name: str, value: Tensor | float) -> str:
        """A constant that is the same wherever it goes by this name."""
        return self._constant(name, _array(value))

    def whole(self, *numbers: int) -> str:
        """Whole numbers, as axes and shapes are given."""
        return self._constant("whole." + ".".join(map(str, numbers)), np.array(numbers, dtype=np.int64))

    def _constant(self, name: str, array: np.ndarray[Any, Any]) -> str:
        if name not in self.constants:
            self.size += array.nbytes
            if self.size > _LARGEST:
                raise BadValue(
                    "This model is too large for an ONNX file, which ends at 2 GB.", hint="Save it as .safetensors."
                )
            self.constants[name] = self.onnx.numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name

    def model(self, generator: Generator, about: dict[str, str]) -> bytes:
        """The whole file."""

        def value(name: str, shape: Sequence[str | int], words: str) -> Any:
            return self.onnx.helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, shape, words)

        inputs = [value("z", ["n", generator.z_dim], "Normally distributed.")]
        if generator.c_dim:
            inputs.append(value("label", ["n", generator.c_dim], "How much of each class, usually 1 of one."))
        inputs.append(value("truncation", [1], "psi: 0 gives the average picture, 1 leaves everything as it is."))
        output = value("image", ["n", generator.img_channels, *generator.size], "Around [-1, 1], not clipped.")
        constants = list(self.constants.values())
        graph = self.onnx.helper.make_graph(self.nodes, "generator", inputs, [output], constants)
        model = self.onnx.helper.make_model(
            graph,
            producer_name="runway-lab",
            producer_version=__version__,
            ir_version=_IR_VERSION,
            opset_imports=[self.onnx.helper.make_opsetid("", _OPSET)],
        )
        self.onnx.helper.set_model_props(model, about)
        data: bytes = model.SerializeToString()
        return data


def _array(value: Tensor | float) -> np.ndarray[Any, Any]:
    if isinstance(value, Tensor):
        return value.detach().float().cpu().numpy()
    return np.array(value, dtype=np.float32)


def _mapped(g: _Graph, mapping: Mapping) -> str:
    """w, truncated."""
    g.place = "mapping"
    x = _normalized(g, "z")
    if mapping.c_dim:
        label = _dense(g, "mapping.embed", mapping.embed, "label")
        x = g.node("Concat", x, _normalized(g, label), axis=1)
    for i in range(mapping.layers):
        dense = mapping.get_submodule(f"fc{i}")
        assert isinstance(dense, Dense)
        x = _dense(g, f"mapping.fc{i}", dense, x)
    g.place = "mapping"
    average = g.weight("w_avg", mapping.w_avg)
    return g.node("Add", average, g.node("Mul", g.node("Sub", x, average), "truncation"))


def _normalized(g: _Graph, x: str) -> str:
    mean = g.node("ReduceMean", g.node("Mul", x, x), axes=[1], keepdims=1)
    return g.node("Div", x, g.node("Sqrt", g.node("Add", mean, g.shared("epsilon", 1e-8))))


def _dense(g: _Graph, place: str, dense: Dense, x: str, scale: float = 1.0) -> str:
    """A fully connected layer; `scale` is for linear ones."""
    g.place = place
    weight = g.weight("weight", dense.weight * (dense.gain * scale))
    x = g.node("Gemm", x, weight, g.weight("bias", dense.bias * (dense.lr_multiplier * scale)), transB=1)
    if dense.activation == "linear":
        return x
    operator, gain = _ACTIVATIONS[dense.activation]
    y = _leaky_relu(g, x) if operator == "LeakyRelu" else g.node(operator, x)
    if dense.activation == "swish":
        y = g.node("Mul", x, y)
    return y if gain == 1.0 else g.node("Mul", y, g.shared("sqrt2", gain))


def _leaky_relu(g: _Graph, x: str) -> str:
    return g.node("LeakyRelu", x, alpha=_SLOPE)


def _scaled(g: _Graph, x: str, factors: str) -> str:
    """x [n, C, H, W] times one factor [n, C] for each channel."""
    return g.node("Mul", x, g.node("Unsqueeze", factors, g.whole(2, 3)))


def _demodulation(g: _Graph, style: str, weight: Tensor, gain: float) -> str:
    """d [n, O], times `gain`."""
    energy = g.weight("energy", weight.square().sum((2, 3)).T / gain**2)
    total = g.node("MatMul", g.node("Mul", style, style), energy)
    return g.node("Reciprocal", g.node("Sqrt", g.node("Add", total, g.weight("epsilon", 1e-8 / gain**2))))


def _clamped(g: _Graph, x: str, clamp: float | None) -> str:
    if clamp is None:
        return x
    return g.node("Clip", x, g.shared(f"clamp.-{clamp}", -clamp), g.shared(f"clamp.{clamp}", clamp))


def _stylegan2(g: _Graph, network: SynthesisNetwork, w: str, noise: str) -> str:
    x = rgb = ""
    channels = network.config.img_channels
    for block in network.blocks:
        place = g.place = f"synthesis.b{block.resolution}"
        shortcut = ""
        if block.first:
            x = g.weight("const", block.const[None])  # the first style, [n, C, 1, 1], makes n of it
        else:
            if block.architecture == "resnet":
                weight = block.skip.weight
                narrow = g.node("Conv", x, g.weight("skip.weight", weight * math.sqrt(0.5 / weight.shape[1])))
                shortcut = _up(g, narrow, len(weight))
            x = _styled(g, f"{place}.conv0", block.conv0, x, w, noise)
        x = _styled(g, f"{place}.conv1", block.conv1, x, w, noise)
        g.place = place
        if shortcut:
            x = g.node("Add", shortcut, x)
        rgb = _up(g, rgb, channels) if rgb else ""
        if block.has_rgb:
            y = _to_rgb(g, f"{place}.torgb", block.torgb, x, w)
            rgb = g.node("Add", rgb, y) if rgb else y
    return rgb


def _styled(g: _Graph, place: str, conv: StyledConv, x: str, w: str, noise: str) -> str:
    style = _dense(g, f"{place}.affine", conv.affine, w)
    g.place = place
    demod = _demodulation(g, style, conv.weight, conv.gain)
    x = _scaled(g, x, style)
    if conv.up:
        x = g.node("ConvTranspose", x, g.weight("weight", conv.weight.transpose(0, 1)), strides=[2, 2])
        channels = len(conv.weight)
        x = g.node("Conv", x, _filter(g, channels), group=channels, pads=[1, 1, 1, 1])
    else:
        x = g.node("Conv", x, g.weight("weight", conv.weight), pads=[1, 1, 1, 1])
    x = _scaled(g, x, demod)
    added = conv.noise(noise, 1, None)
    if added is not None and float(conv.noise_strength):
        x = g.node("Add", x, g.weight("noise", added * conv.noise_strength * conv.gain))
    x = g.node("Add", x, g.weight("bias", conv.bias[:, None, None] * conv.gain))
    return _clamped(g, _leaky_relu(g, x), conv.clamp)


def _to_rgb(g: _Graph, place: str, layer: ToRGB, x: str, w: str) -> str:
    style = _dense(g, f"{place}.affine", layer.affine, w, scale=1 / math.sqrt(layer.weight.shape[1]))
    g.place = place
    x = g.node("Conv", _scaled(g, x, style), g.weight("weight", layer.weight), g.weight("bias", layer.bias))
    return _clamped(g, x, layer.clamp)


def _up(g: _Graph, x: str, channels: int) -> str:
    return g.node("ConvTranspose", x, _filter(g, channels), group=channels, strides=[2, 2], pads=[1, 1, 1, 1])


def _filter(g: _Graph, channels: int) -> str:
    return g.shared(f"filter.{channels}", taps(channels, 4.0, torch.float32, torch.device("cpu")))


def _stylegan3(g: _Graph, network: AliasFreeSynthesis, w: str) -> str:
    x = _waves(g, network.input, w)
    for name in network.layer_names:
        layer = network.get_submodule(name)
        assert isinstance(layer, AliasFreeLayer)
        x = _alias_free(g, f"synthesis.{name}", layer, x, w)
    return g.node("Mul", x, g.weight("output_scale", network.output_scale))


def _waves(g: _Graph, source: FourierInput, w: str) -> str:
    """The Fourier input, with `transform` as it is now."""
    t = _dense(g, "synthesis.input.affine", source.affine, w)
    g.place = "synthesis.input"
    turn = g.node("Slice", t, g.whole(0), g.whole(2), g.whole(1))
    t = g.node("Div", t, g.node("ReduceL2", turn, axes=[1], keepdims=1))
    # Turn [[cos, -sin], [sin, cos]] and move [[1, 0, -x], [0, 1, -y]] are both linear in t = (cos, sin, x, y).
    turning, moving = torch.zeros(4, 2, 2), torch.zeros(4, 2, 3)
    turning[0, 0, 0] = turning[0, 1, 1] = turning[1, 1, 0] = 1.0
    turning[1, 0, 1] = moving[2, 0, 2] = moving[3, 1, 2] = -1.0
    turn = g.node("Reshape", g.node("MatMul", t, g.weight("turning", turning.view(4, 4))), g.whole(-1, 2, 2))
    move = g.node("Reshape", g.node("MatMul", t, g.weight("moving", moving.view(4, 6))), g.whole(-1, 2, 3))
    move = g.node("Add", move, g.weight("unmoved", torch.eye(2, 3)))
    whole = g.node("MatMul", g.node("MatMul", turn, move), g.weight("transform", source.transform))
    # Of each wave, [n, C, 3]: its frequencies across and down, and its phase.
    waves = g.node("MatMul", g.weight("freqs", source.freqs), whole)
    freqs = g.node("Slice", waves, g.whole(0), g.whole(2), g.whole(2))
    norm = g.node("ReduceL2", freqs, axes=[2], keepdims=1)
    room = source.rate / 2 - source.bandwidth
    left = g.node("Sub", g.weight("edge", source.rate / 2), norm)
    share = g.node("Mul", left, g.weight("steepness", 1 / room))
    amplitudes = g.node("Clip", share, g.shared("zero", 0.0), g.shared("one", 1.0))
    phases = torch.nn.functional.pad(source.phases[:, None], (2, 0))
    line = ((torch.arange(source.size) * 2 + 1) / source.size - 1) * (0.5 * source.size / source.rate)
    across, down = torch.meshgrid(line, line, indexing="xy")
    grid = torch.stack([across, down, torch.ones_like(across)]).view(3, -1)
    x = g.node("MatMul", g.node("Add", waves, g.weight("phases", phases)), g.weight("grid", grid))
    x = g.node("Sin", g.node("Mul", x, g.shared("2pi", 2 * math.pi)))
    weight = g.weight("weight", source.weight / math.sqrt(source.channels))
    x = g.node("MatMul", weight, g.node("Mul", x, amplitudes))
    return g.node("Reshape", x, g.whole(0, source.channels, source.size, source.size))


def _alias_free(g: _Graph, place: str, layer: AliasFreeLayer, x: str, w: str) -> str:
    style = _dense(g, f"{place}.affine", layer.affine, w)
    g.place = place
    gain = float(layer.magnitude_ema.rsqrt())
    x = _scaled(g, x, style)
    pads = [layer.kernel - 1] * 4
    if layer.plan.is_rgb:
        weight = g.weight("weight", layer.weight * (gain / math.sqrt(layer.plan.inputs)))
        x = g.node("Conv", x, weight, g.weight("bias", layer.bias), pads=pads)
    else:
        # The network also bounds the styles before it squares them, which demodulation takes out again.
        own = layer.weight * layer.weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
        demod = _demodulation(g, style, own, gain * math.sqrt(2))
        x = _scaled(g, g.node("Conv", x, g.weight("weight", own), pads=pads), demod)
        x = g.node("Add", x, g.weight("bias", layer.bias[:, None, None] * math.sqrt(2)))
        x = _leaky_relu(g, _upsampled(g, layer, x))
    return _downsampled(g, layer, _clamped(g, x, layer.clamp))


def _upsampled(g: _Graph, layer: AliasFreeLayer, x: str) -> str:
    low, high = layer.padding
    factor, channels = layer.up_factor, layer.plan.outputs
    if layer.up_filter is None:
        return _padded(g, x, low, high)
    filter_taps = layer.up_filter.flip(0) * factor
    count = len(filter_taps)
    first, last = count - 1 - low, count - 1 - high - (factor - 1)
    for vertical in (True, False):
        kernel = _line(g, "up_filter", filter_taps, channels, vertical)
        strides = [factor, 1] if vertical else [1, factor]
        crop = [max(first, 0), max(last, 0)]
        pads = [crop[0], 0, crop[1], 0] if vertical else [0, crop[0], 0, crop[1]]
        x = g.node("ConvTranspose", x, kernel, group=channels, strides=strides, pads=pads)
    return _padded(g, x, max(-first, 0), max(-last, 0))


def _padded(g: _Graph, x: str, low: int, high: int) -> str:
    """With zeros around it, or cropped where a number is negative."""
    return g.node("Pad", x, g.whole(0, 0, low, low, 0, 0, high, high)) if low or high else x


def _downsampled(g: _Graph, layer: AliasFreeLayer, x: str) -> str:
    factor, channels = layer.down_factor, layer.plan.outputs
    if layer.down_filter is None:
        return x
    if layer.down_filter.ndim == 2:
        kernel = g.weight("down_filter", layer.down_filter.expand(channels, 1, -1, -1))
        return g.node("Conv", x, kernel, group=channels, strides=[factor, factor])
    for vertical in (True, False):
        kernel = _line(g, "down_filter", layer.down_filter, channels, vertical)
        x = g.node("Conv", x, kernel, group=channels, strides=[factor, 1] if vertical else [1, factor])
    return x


def _line(g: _Graph, name: str, filter_taps: Tensor, channels: int, vertical: bool) -> str:
    """One-dimensional taps as the weight of a depthwise convolution, along one of the two axes."""
    shape = (1, 1, -1, 1) if vertical else (1, 1, 1, -1)
    kernel = filter_taps.view(shape).expand(channels, -1, -1, -1)
    return g.weight(f"{name}.{'vertical' if vertical else 'horizontal'}", kernel)
