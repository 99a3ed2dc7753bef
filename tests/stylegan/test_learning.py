from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support.stylegan_files import small_discriminator, small_stylegan2
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from runway_lab.stylegan import learning
from runway_lab.stylegan.learning import SLOPE, activate, combine, convolve, energy, inner, modulate, slopes_of_inputs

LAST = torch.channels_last


def tensor(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def away_from_the_kink(*shape: int) -> Tensor:
    x = torch.randn(*shape, dtype=torch.float64)
    return (x + x.sign()).requires_grad_()


GROUND = torch.stack([torch.ones(2, 6), 0.1 * torch.linspace(-1, 1, 12).view(2, 6)], dim=2).double()


CASES: dict[str, Callable[[], tuple[Callable[..., Tensor], tuple[Tensor, ...]]]] = {
    "same size": lambda: (
        lambda x, w, b: convolve(x, w, b, padding=1),
        (tensor(2, 3, 4, 5), tensor(2, 3, 3, 3), tensor(2)),
    ),
    "1x1": lambda: (convolve, (tensor(2, 3, 2, 2), tensor(2, 3, 1, 1))),
    "halving": lambda: (lambda x, w: convolve(x, w, stride=2), (tensor(2, 2, 5, 7), tensor(3, 2, 3, 3))),
    "doubling": lambda: (
        lambda x, w: convolve(x, w, stride=2, transposed=True),
        (tensor(2, 2, 2, 3), tensor(2, 3, 3, 3)),
    ),
    "with leaky ReLU": lambda: (
        lambda x, w, b: convolve(x, w, b, stride=2, active=True),
        (tensor(2, 3, 5, 5), tensor(2, 3, 3, 3), tensor(2)),
    ),
    "energy": lambda: (energy, (tensor(2, 3, 2, 2),)),
    "modulate": lambda: (modulate, (tensor(2, 3, 2, 2), tensor(2, 3))),
    "inner": lambda: (inner, (tensor(2, 3, 2, 2), tensor(2, 3, 2, 2))),
    "combine": lambda: (combine, (tensor(2, 4, 2, 3), tensor(2, 3, 4))),
    "activate": lambda: (
        lambda x, shares: activate(x * 1, GROUND, shares),
        (away_from_the_kink(2, 3, 2, 3), (0.1 * tensor(2, 2, 3)).detach().requires_grad_()),
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_everything_can_be_differentiated_twice(case: str) -> None:
    torch.manual_seed(1)
    operation, inputs = CASES[case]()
    assert gradcheck(operation, inputs)
    assert gradgradcheck(operation, inputs)


def test_they_compute_what_their_names_say() -> None:
    x, w, s = torch.randn(2, 4, 6, 6), torch.randn(3, 4, 3, 3), torch.randn(2, 4)
    torch.testing.assert_close(convolve(x, w, torch.ones(3), padding=1), F.conv2d(x, w, torch.ones(3), padding=1))
    wide = F.conv_transpose2d(x, w.transpose(0, 1), stride=2)
    torch.testing.assert_close(convolve(x, w.transpose(0, 1), stride=2, transposed=True), wide)
    torch.testing.assert_close(modulate(x, s), x * s[:, :, None, None])
    torch.testing.assert_close(inner(x, x), x.square().sum((2, 3)))
    torch.testing.assert_close(energy(x), x.square().sum((2, 3)))
    halved = F.leaky_relu(F.conv2d(x, w, torch.ones(3), stride=2), SLOPE)
    torch.testing.assert_close(convolve(x, w, torch.ones(3), stride=2, active=True), halved)
    torch.testing.assert_close(combine(x, s[:, None]), (x * s[:, :, None, None]).sum(1, keepdim=True))
    noise, bias, strength = torch.randn(2, 1, 6, 6), torch.randn(4), torch.randn(2, 4)
    lead = torch.stack([torch.ones(2, 36), noise.flatten(1)], dim=2)
    shares = torch.stack([bias.expand(2, 4), strength], dim=1)
    expected = F.leaky_relu(x + bias[:, None, None] + noise * strength[:, :, None, None], SLOPE)
    torch.testing.assert_close(activate(x.clone(), lead, shares), expected)


def test_activate_writes_over_what_lies_right_and_spares_what_does_not() -> None:
    lead, shares = torch.ones(2, 16, 1), torch.zeros(2, 1, 3)
    right = torch.randn(2, 3, 4, 4).contiguous(memory_format=LAST)
    assert activate(right, lead, shares).data_ptr() == right.data_ptr()
    wrong = torch.randn(2, 3, 4, 4)
    before = wrong.clone()
    assert activate(wrong, lead, shares).is_contiguous(memory_format=LAST)
    assert torch.equal(wrong, before)


def test_slopes_of_inputs_leave_out_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[list[bool]] = []
    plain = learning._convolution_backward

    def counted(*given: Any) -> Any:
        wanted.append(given[-1])
        return plain(*given)

    monkeypatch.setattr(learning, "_convolution_backward", counted)
    x, w = tensor(1, 2, 4, 4), tensor(2, 2, 3, 3)
    with slopes_of_inputs():
        (slope,) = torch.autograd.grad(convolve(x, w, padding=1).square().sum(), x, create_graph=True)
    assert not wanted
    slope.square().sum().backward()
    assert wanted
    assert all(by_weight for _, by_weight, _ in wanted)
    assert w.grad is not None


def layouts_of_gradients(root: Tensor) -> list[tuple[str, bool]]:
    """Runs the backward pass and looks at every gradient of features on the way: from whom, and how it lies."""
    found: list[tuple[str, bool]] = []
    seen, waiting = set(), [root.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [following for following, _ in node.next_functions]

        def look(gradients: tuple[Tensor | None, ...], name: str = node.name()) -> None:
            for gradient in gradients:
                if gradient is not None and gradient.ndim == 4 and gradient.shape[1] > 4 and gradient.shape[2] > 4:
                    found.append((name, gradient.is_contiguous(memory_format=LAST)))

        node.register_prehook(look)
    root.backward()
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_have_their_channels_last_all_the_way_back(dtype: torch.dtype) -> None:
    G = small_stylegan2(resolution=32).requires_grad_(True).train()  # noqa: N806
    D = small_discriminator(resolution=32)  # noqa: N806
    G.precision = D.precision = dtype
    images = G.synthesize(torch.randn(4, G.num_ws, 10), "random", seed=1)
    found = layouts_of_gradients(D(images).sum())
    assert len(found) > 20
    assert not [name for name, last in found if not last]
