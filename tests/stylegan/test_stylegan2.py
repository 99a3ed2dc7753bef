from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
import torch.nn.functional as F
from support.stylegan_files import small_stylegan2
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from runway_lab.errors import BadValue
from runway_lab.stylegan import onednn
from runway_lab.stylegan.incremental import IncrementalSynthesis
from runway_lab.stylegan.stylegan2 import StyledConv, StyleGAN2, StyleGAN2Config, SynthesisBlock

ROW = torch.tensor([1.0, 3.0, 3.0, 1.0])
FIR = torch.outer(ROW, ROW) / 64


def filtered(x: Tensor, up: int, before: int, after: int, gain: float) -> Tensor:
    spread = x.new_zeros(*x.shape[:2], x.shape[2] * up, x.shape[3] * up)
    spread[:, :, ::up, ::up] = x
    spread = F.pad(spread, (before, after, before, after))
    return F.conv2d(spread, (FIR * gain).expand(x.shape[1], 1, 4, 4), groups=x.shape[1])


def by_the_paper(G: StyleGAN2, ws: Tensor, noise: bool = True) -> Tensor:  # noqa: N803
    """One picture after the other, equations 1 and 3 as they stand."""
    pictures = []
    for w in ws:
        index, rgb = 0, None
        x = G.synthesis.blocks[0].const[None]
        for block in G.synthesis.blocks:
            before = x
            for conv in block.convs:
                style = conv.affine(w[index][None])[0]
                weight = conv.weight * style[None, :, None, None]
                weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
                if conv.up:
                    x = filtered(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, 1, 1, 4.0)
                else:
                    x = F.conv2d(x, weight, padding=1)
                if noise and conv.use_noise:
                    x = x + conv.noise_const * conv.noise_strength
                x = F.leaky_relu(x + conv.bias[:, None, None], 0.2) * conv.gain
                x = x if conv.clamp is None else x.clamp(-conv.clamp, conv.clamp)
                index += 1
            if hasattr(block, "skip"):
                shortcut = F.conv2d(before, block.skip.weight * math.sqrt(0.5 / before.shape[1]))
                x = x + filtered(shortcut, 2, 2, 1, 4.0)
            if rgb is not None:
                rgb = filtered(rgb, 2, 2, 1, 4.0)
            if block.has_rgb:
                style = block.torgb.affine(w[index][None])[0] / math.sqrt(x.shape[1])
                y = F.conv2d(x, block.torgb.weight * style[None, :, None, None], block.torgb.bias)
                y = y if block.torgb.clamp is None else y.clamp(-block.torgb.clamp, block.torgb.clamp)
                rgb = y if rgb is None else rgb + y
        pictures.append(rgb)
    return torch.cat(pictures)  # type: ignore[arg-type]


def off(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max() / (b.max() - b.min()))


CONFIGS = [
    {},
    {"architecture": "resnet", "conv_clamp": 256.0},
    {"architecture": "orig", "img_channels": 4},
    {"start": (4, 6), "img_channels": 1},
    {"use_noise": False},
    {"resolution": 4},
    {"conv_clamp": 0.5},
    {"channel_base": 256, "channel_max": 7, "resolution": 64},  # pictures are computed one by one from some block on
]


@pytest.mark.parametrize("changes", CONFIGS, ids=str)
def test_all_forms_give_what_the_equations_give(changes: dict) -> None:  # type: ignore[type-arg]
    G = small_stylegan2(**changes)  # noqa: N806
    ws = torch.randn(3, G.num_ws, 10)
    expected = by_the_paper(G, ws)
    assert expected.shape == (3, G.img_channels, *G.config.size)
    assert off(G.synthesize(ws), expected) < 1e-5
    assert off(G.synthesize(ws[:1]), expected[:1]) < 1e-5
    G.requires_grad_(True)
    assert off(G.synthesize(ws).detach(), expected) < 1e-5


@pytest.mark.parametrize("changes", CONFIGS, ids=str)
def test_without_noise(changes: dict) -> None:  # type: ignore[type-arg]
    G = small_stylegan2(**changes)  # noqa: N806
    ws = torch.randn(2, G.num_ws, 10)
    expected = by_the_paper(G, ws, noise=False)
    assert off(G.synthesize(ws, noise="none"), expected) < 1e-5
    assert off(G.synthesize(ws[1:], noise="none"), expected[1:]) < 1e-5
    G.requires_grad_(True)
    assert off(G.synthesize(ws, noise="none").detach(), expected) < 1e-5


def test_the_fallback_without_packed_weights_is_the_same(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    G = small_stylegan2(resolution=32)  # noqa: N806
    ws = torch.randn(2, G.num_ws, 10)
    packed = G.synthesize(ws)
    monkeypatch.setattr(onednn, "available", lambda dtype: False)
    assert off(copy.deepcopy(G).synthesize(ws), packed) < 1e-5


@pytest.mark.parametrize(("dtype", "limit"), [(torch.bfloat16, 0.03), (torch.float16, 0.004)])
def test_low_precision_is_near(dtype: torch.dtype, limit: float) -> None:
    G = small_stylegan2(resolution=64)  # noqa: N806
    ws = torch.randn(3, G.num_ws, 10)
    exact = G.synthesize(ws)
    G.precision = dtype
    assert 0 < off(G.synthesize(ws), exact) < limit
    assert G.synthesize(ws).dtype == torch.float32
    G.requires_grad_(True)
    assert 0 < off(G.synthesize(ws).detach(), exact) < limit


def test_random_noise_repeats_with_its_seed() -> None:
    G = small_stylegan2(resolution=64)  # noqa: N806
    ws = torch.randn(2, G.num_ws, 10)
    one, same = G.synthesize(ws, noise="random", seed=1), G.synthesize(ws, noise="random", seed=1)
    other = G.synthesize(ws, noise="random", seed=2)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    G.requires_grad_(True)
    assert off(G.synthesize(ws, noise="random", seed=1).detach(), one) < 1e-5
    twins = G.requires_grad_(False).synthesize(ws[:1].repeat(2, 1, 1), noise="random", seed=1)
    assert not torch.equal(twins[0], twins[1])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("count", [1, 3])
def test_every_block_and_layer_stays_channels_last(training: bool, dtype: torch.dtype, count: int) -> None:
    G = small_stylegan2(resolution=64).requires_grad_(training)  # noqa: N806
    G.precision = dtype
    seen = []

    def look(module, inputs, output) -> None:  # type: ignore[no-untyped-def]
        x = output
        while isinstance(x, tuple):
            x = x[0]
        seen.append(x.is_contiguous(memory_format=torch.channels_last))

    for module in G.modules():
        if isinstance(module, SynthesisBlock | StyledConv):
            module.register_forward_hook(look)
    G.synthesize(torch.randn(count, G.num_ws, 10))
    assert len(seen) >= 14
    assert all(seen)


def test_changed_weights_are_noticed() -> None:
    G = small_stylegan2()  # noqa: N806
    ws = torch.randn(2, G.num_ws, 10)
    G.synthesize(ws)
    with torch.inference_mode():
        for name in ("weight", "bias", "noise_strength", "noise_const", "affine.weight", "affine.bias"):
            before = G.synthesize(ws)
            parameter = dict(G.synthesis.b8.conv0.named_parameters()) | dict(G.synthesis.b8.conv0.named_buffers())
            parameter[name].mul_(1.7).add_(0.1)
            assert off(G.synthesize(ws), by_the_paper(G, ws)) < 1e-5
            assert off(G.synthesize(ws), before) > 1e-5, name


def test_a_model_made_in_inference_mode_keeps_what_it_has_packed() -> None:
    with torch.inference_mode():
        G = small_stylegan2()  # noqa: N806
        G.synthesize(torch.randn(1, G.num_ws, 10))
        kept = G.synthesis.b8.conv1._bakery.last
        G.synthesize(torch.randn(1, G.num_ws, 10))
        assert kept is not None
        assert G.synthesis.b8.conv1._bakery.last is kept


def test_it_can_be_copied_and_pickled_after_use() -> None:
    G = small_stylegan2()  # noqa: N806
    ws = torch.randn(1, G.num_ws, 10)
    image = G.synthesize(ws)
    torch.testing.assert_close(copy.deepcopy(G).synthesize(ws), image)
    torch.testing.assert_close(pickle.loads(pickle.dumps(G)).synthesize(ws), image)


@pytest.mark.parametrize("up", [False, True])
def test_a_layer_can_be_differentiated_twice(up: bool) -> None:
    torch.manual_seed(3)
    layer = StyledConv(3, 2, 4, (4, 4), up=up).double()
    layer.noise_strength.data.fill_(0.3)
    x = torch.randn(2, 3, 2 if up else 4, 2 if up else 4, dtype=torch.float64, requires_grad=True)
    w = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, w: Tensor, weight: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, (x, w, "const"))  # type: ignore[no-any-return]

    weight = layer.weight.detach().clone().requires_grad_()
    assert gradcheck(run, (x, w, weight))
    assert gradgradcheck(run, (x, w, weight))


def test_path_length_regularisation_reaches_every_weight() -> None:
    G = small_stylegan2(resolution=32).train().requires_grad_(True)  # noqa: N806
    ws = G.map(torch.randn(2, 12))
    images = G.synthesize(ws)
    (slope,) = torch.autograd.grad((images * torch.randn_like(images)).sum(), ws, create_graph=True)
    slope.square().sum(2).mean(1).sqrt().mean().backward()
    without = [name for name, p in G.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert {name.rsplit(".", 1)[-1] for name in without} <= {"bias", "noise_strength"}
    assert not [name for name in without if "mapping" in name or "affine.weight" in name]


@pytest.mark.parametrize("resolution", [4, 8, 32, 1024])
def test_sizes(resolution: int) -> None:
    config = StyleGAN2Config(
        resolution=resolution, z_dim=4, w_dim=4, channel_base=1024, channel_max=4, mapping_layers=1
    )
    with torch.device("meta"):
        G = StyleGAN2(config)  # noqa: N806
    assert G.num_ws == 2 * int(math.log2(resolution)) - 2
    assert G.config.width(resolution) == min(1024 // resolution, 4)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(BadValue, match="power of two"):
        StyleGAN2Config(resolution=100)
    with pytest.raises(BadValue, match="'skip', 'resnet' or 'orig'"):
        StyleGAN2Config(architecture="unet")


def test_what_was_baked_is_forgotten_when_training_begins_or_ends() -> None:
    G = small_stylegan2().requires_grad_(False)  # noqa: N806
    ws = torch.randn(1, G.num_ws, 10)
    G.synthesize(ws)
    # As an optimiser or a moving average may do it: no version is counted.
    G.synthesis.b8.conv0.weight.data.add_(0.3)
    G.eval()
    assert off(G.synthesize(ws), by_the_paper(G, ws)) < 1e-5


def changed_in_secret(G: StyleGAN2) -> None:  # noqa: N803
    """As an optimiser or a moving average may do it: no version is counted."""
    for parameter in G.synthesis.parameters():
        parameter.data.mul_(1.3)


WAYS = {
    "said": lambda g: g.forget(),
    "moved": lambda g: g.to("cpu"),
    "converted and back": lambda g: g.double().float(),
    "loaded": lambda g: g.load_state_dict(g.state_dict()),
    "put in place": lambda g: g.load_state_dict(g.state_dict(), assign=True),
    "one layer moved": lambda g: [conv.cpu() for block in g.synthesis.blocks for conv in block.convs],
    "one layer loaded": lambda g: [
        conv.load_state_dict(conv.state_dict()) for block in g.synthesis.blocks for conv in block.convs
    ],
    "trained": lambda g: g.train(),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_old_is_drawn_from_after_the_weights_changed(way: str) -> None:
    G = small_stylegan2().requires_grad_(False)  # noqa: N806
    ws = torch.randn(1, G.num_ws, 10)
    explore = IncrementalSynthesis(G)
    G.synthesize(ws)
    explore(ws)
    changed_in_secret(G)
    WAYS[way](G)
    assert off(G.synthesize(ws), by_the_paper(G, ws)) < 1e-5
    # Who explores step by step hears of it as well.
    assert off(explore(ws), by_the_paper(G, ws)) < 1e-5
    assert explore.computed == 3


def test_every_parameter_of_a_layer_gets_its_gradient() -> None:
    G = small_stylegan2().requires_grad_(False)  # noqa: N806
    strength = G.synthesis.b8.conv0.noise_strength.requires_grad_(True)
    assert G.synthesize(torch.randn(1, G.num_ws, 10)).requires_grad
    assert strength.requires_grad
