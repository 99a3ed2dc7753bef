from __future__ import annotations

import pytest
import torch
from support.stylegan_files import small_stylegan2, small_stylegan3

from runway_lab.errors import BadValue
from runway_lab.stylegan import Incompatible, StyleGAN2, StyleGAN2Config, projection
from runway_lab.stylegan.generator import best_precision
from runway_lab.stylegan.projection import Progress, descend, project, psnr


def model_of_64() -> StyleGAN2:
    torch.manual_seed(0)
    config = StyleGAN2Config(resolution=64, channel_base=4096, channel_max=128, z_dim=128, w_dim=128, mapping_layers=2)
    G = StyleGAN2(config).requires_grad_(False)  # noqa: N806
    largest = G(torch.randn(4, 128)).abs().max()
    for block in G.synthesis.blocks:
        block.torgb.weight.div_(largest)
        for conv in block.convs:
            conv.noise_strength.fill_(0.05)
    return G


@pytest.mark.slow
def test_its_own_picture_is_recovered() -> None:
    G = model_of_64()  # noqa: N806
    G.precision = best_precision()
    target = G(torch.randn(1, 128))
    found = project(G, target, "w+", seed=3)
    assert found.psnr >= 25
    assert found.psnr == pytest.approx(psnr(G.synthesize(found.ws), target))
    assert "likeness" in str(found)


@pytest.mark.parametrize("make", [small_stylegan2, small_stylegan3])
@pytest.mark.parametrize("space", ["w", "w+"])
def test_it_comes_nearer_and_says_so(make, space: str) -> None:  # type: ignore[no-untyped-def]
    G = make()  # noqa: N806
    target = G(torch.randn(1, 12)).clamp(-1, 1)
    reports: list[Progress] = []
    found = project(G, target[0], space, steps=40, progress=reports.append)  # type: ignore[arg-type]
    assert [report.step for report in reports] == list(range(1, 41))
    losses = [report.loss for report in reports]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]
    assert found.ws.shape == (1, G.num_ws, 10)
    assert found.point.space == space
    if space == "w":
        assert torch.allclose(found.ws[:, :1], found.ws, atol=1e-5)


def test_it_can_be_stopped_and_keeps_the_best() -> None:
    G = small_stylegan2().requires_grad_(True)  # noqa: N806
    target = torch.zeros(1, 3, 16, 16)
    calls = []
    found = project(G, target, steps=100, stop=lambda: len(calls) >= 5, progress=calls.append)
    assert (found.steps, found.stopped) == (5, True)
    assert all(parameter.requires_grad for parameter in G.parameters())
    assert project(G, target, steps=100, seconds=0.0).steps == 0


def test_it_listens_while_it_searches_for_where_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    G = small_stylegan2()  # noqa: N806
    # As at 1024 x 1024: one candidate at a time.
    monkeypatch.setattr(projection, "_PART_PIXELS", 1)
    drawn = []
    synthesize = G.synthesize
    monkeypatch.setattr(G, "synthesize", lambda ws, *a, **k: drawn.append(len(ws)) or synthesize(ws, *a, **k))
    target = G(torch.randn(1, 12)).clamp(-1, 1)
    drawn.clear()
    found = project(G, target, steps=100, stop=lambda: len(drawn) >= 3)
    assert drawn == [1, 1, 1, 1]  # three candidates, and the picture that is given
    assert (found.steps, found.stopped) == (0, True)
    assert found.psnr == pytest.approx(psnr(found.image, target))
    steps = [(each.step, each.loss) for each in descend(G, target, steps=2)]
    assert [step for step, _ in steps] == [0] * 256 + [1, 2]
    losses = [loss for _, loss in steps]
    assert losses == sorted(losses, reverse=True)


def test_labels_and_features_have_their_say() -> None:
    G = small_stylegan2(c_dim=2)  # noqa: N806
    seen = []

    def features(image: torch.Tensor) -> torch.Tensor:
        seen.append(image.shape)
        return image.mean(dim=(2, 3))

    project(G, torch.zeros(3, 16, 16), steps=2, labels=torch.tensor([1]), features=features)
    assert len(seen) > 2


def test_other_sizes_are_refused_in_words() -> None:
    G = small_stylegan2()  # noqa: N806
    with pytest.raises(Incompatible, match="3 channels of 16 x 16"):
        project(G, torch.zeros(1, 3, 32, 32))
    with pytest.raises(BadValue, match="'w' or 'w\\+'"):
        project(G, torch.zeros(1, 3, 16, 16), "z")  # type: ignore[arg-type]
