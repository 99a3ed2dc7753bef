from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from support.stylegan_files import small_discriminator
from torch import Tensor

from runway_lab.errors import BadValue
from runway_lab.stylegan import Incompatible
from runway_lab.stylegan.discriminator import Conv, Discriminator, DiscriminatorBlock, DiscriminatorConfig

ROW = torch.tensor([1.0, 3.0, 3.0, 1.0])
FIR = torch.outer(ROW, ROW) / 64


def fir(x: Tensor, padding: int, step: int = 1) -> Tensor:
    return F.conv2d(x, FIR.to(x).expand(x.shape[1], 1, 4, 4), padding=padding, stride=step, groups=x.shape[1])


def plain(conv: Conv, x: Tensor, gain: float = 1.0) -> Tensor:
    """Convolution, bias, activation, gain, clamp, one after the other."""
    weight = conv.weight / math.sqrt(conv.weight[0].numel())
    size = weight.shape[2]
    if conv.halve:
        x = F.conv2d(fir(x, 2), weight, stride=2) if size == 3 else F.conv2d(fir(x, 1, 2), weight)
    else:
        x = F.conv2d(x, weight, padding=size // 2)
    if conv.bias is not None:
        x = x + conv.bias[:, None, None]
    if conv.active:
        x = F.leaky_relu(x, 0.2) * math.sqrt(2)
    x = x * gain
    return x if conv.clamp is None else x.clamp(-conv.clamp, conv.clamp)


def by_the_paper(D: Discriminator, images: Tensor) -> Tensor:  # noqa: N803
    x: Tensor | None = None
    architecture = D.config.architecture
    for resolution in D.config.resolutions:
        block: DiscriminatorBlock = D.get_submodule(f"b{resolution}")  # type: ignore[assignment]
        if hasattr(block, "fromrgb"):
            y = plain(block.fromrgb, images)
            x = y if x is None else x + y
            images = fir(images, 1, 2) if architecture == "skip" else images
        assert x is not None
        if architecture == "resnet":
            x = plain(block.skip, x, math.sqrt(0.5)) + plain(block.conv1, plain(block.conv0, x), math.sqrt(0.5))
        else:
            x = plain(block.conv1, plain(block.conv0, x))
    if architecture == "skip":
        x = x + plain(D.b4.fromrgb, images)
    count, group = len(images), D.config.mbstd_group or len(images)
    group = min(group, count)
    deviations = []
    for i in range(count // group):
        members = x[i :: count // group]
        deviations.append((members.var(0, unbiased=False) + 1e-8).sqrt().mean())
    extra = torch.stack([deviations[i % (count // group)] for i in range(count)])
    x = torch.cat([x, extra[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)
    return D.b4.out(D.b4.fc(plain(D.b4.conv, x).flatten(1)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("architecture", ["resnet", "orig", "skip"])
@pytest.mark.parametrize("count", [1, 4, 8])
def test_it_computes_what_the_papers_say(architecture: str, count: int) -> None:
    D = small_discriminator(architecture=architecture, conv_clamp=0.8, img_channels=4)  # noqa: N806
    images = torch.randn(count, 4, 16, 16)
    torch.testing.assert_close(D(images), by_the_paper(D, images), rtol=1e-4, atol=1e-5)


def test_groups_that_do_not_divide_the_batch_are_refused_in_words() -> None:
    D = small_discriminator()  # noqa: N806
    assert D(torch.randn(3, 3, 16, 16)).shape == (3, 1)
    with pytest.raises(Incompatible, match="multiple of 4"):
        D(torch.randn(6, 3, 16, 16))
    with pytest.raises(Incompatible, match=r"\[N, 3, 16, 16\]"):
        D(torch.randn(4, 1, 16, 16))


def test_labels_change_the_verdict() -> None:
    D = small_discriminator(c_dim=3, mapping_layers=2)  # noqa: N806
    images = torch.randn(2, 3, 16, 16)
    one, other = D(images, torch.tensor([0, 1])), D(images, torch.tensor([2, 1]))
    assert one.shape == (2, 1)
    assert not torch.equal(one[0], other[0])
    with pytest.raises(BadValue, match="3 labels"):
        D(images)


def test_wide_pictures_and_low_precision() -> None:
    D = small_discriminator(start=(4, 6), resolution=32)  # noqa: N806
    images = torch.randn(4, 3, 32, 48)
    exact = D(images)
    for dtype in (torch.bfloat16, torch.float16):
        D.precision = dtype
        torch.testing.assert_close(D(images), exact, rtol=0.1, atol=0.1)


def test_every_block_stays_channels_last() -> None:
    D = small_discriminator(resolution=32).requires_grad_(True)  # noqa: N806
    seen = []
    for module in D.modules():
        if isinstance(module, DiscriminatorBlock | Conv):
            module.register_forward_hook(
                lambda m, i, y: seen.append(
                    (y[0] if isinstance(y, tuple) else y).is_contiguous(memory_format=torch.channels_last)
                )
            )
    D(torch.randn(4, 3, 32, 32))
    assert len(seen) > 10
    assert all(seen)


def test_r1_can_be_trained_with() -> None:
    D = small_discriminator().double().requires_grad_(True)  # noqa: N806
    D.precision = torch.float64
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64, requires_grad=True)

    def penalty(weight: Tensor) -> Tensor:
        logits = torch.func.functional_call(D, {"b16.conv1.weight": weight}, (images,))
        (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        return slope.square().sum()

    weight = D.b16.conv1.weight.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(penalty(weight), weight)
    step = torch.randn_like(weight) * 1e-6
    measured = (penalty(weight + step) - penalty(weight - step)) / 2
    # Float32 in the last layers keeps this from more digits.
    torch.testing.assert_close((slope * step).sum(), measured.detach(), rtol=2e-2, atol=1e-9)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(BadValue, match="power of two"):
        DiscriminatorConfig(resolution=48)


def test_batches_judged_together_are_judged_as_if_alone() -> None:
    D = small_discriminator()  # noqa: N806
    one, other = torch.randn(8, 3, 16, 16), torch.randn(8, 3, 16, 16) * 3
    together = D(torch.cat([one, other]), parts=2)
    torch.testing.assert_close(together, torch.cat([D(one), D(other)]), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together, D(torch.cat([one, other])), rtol=1e-2)
