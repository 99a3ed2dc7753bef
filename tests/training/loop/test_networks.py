"""The networks of a training: new, or grown from a checkpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from runway_lab.errors import BadValue
from runway_lab.stylegan.checkpoint import Checkpoint
from runway_lab.stylegan.discriminator import Discriminator, DiscriminatorConfig
from runway_lab.stylegan.errors import Incompatible
from runway_lab.stylegan.stylegan2 import StyleGAN2, StyleGAN2Config
from runway_lab.stylegan.stylegan3 import StyleGAN3, StyleGAN3Config
from runway_lab.training.loop.networks import networks, shape_of
from runway_lab.training.loop.settings import TrainingSettings

SETTINGS = TrainingSettings(channel_base=256, channel_max=16)


def checkpoint(resolution: int = 32, channels: int = 3, labels: int = 0, **changes: object) -> Checkpoint:
    torch.manual_seed(0)
    config = StyleGAN2Config(
        resolution=resolution,
        img_channels=channels,
        z_dim=8,
        w_dim=8,
        c_dim=labels,
        channel_base=256,
        channel_max=16,
        mapping_layers=2,
    )
    config = replace(config, **changes)
    critic = DiscriminatorConfig(
        resolution=resolution,
        start=config.start,
        img_channels=channels,
        c_dim=labels,
        channel_base=256,
        channel_max=16,
        mapping_layers=2,
    )
    generator = StyleGAN2(config).eval()
    for name, each in generator.named_parameters():
        if name.endswith("bias"):
            each.data.normal_()
    return Checkpoint(generator, Discriminator(critic).eval(), "stylegan2", config)


def z(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(5))


def draw(generator: StyleGAN2) -> torch.Tensor:
    with torch.no_grad():
        return generator.synthesize(generator.map(z()), "none")


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(64, 64, (64, (4, 4))), (96, 64, (64, (6, 4))), (192, 256, (128, (6, 8))), (8, 8, (8, (4, 4)))],
)
def test_a_size_says_how_often_it_was_doubled(height: int, width: int, expected: object) -> None:
    assert shape_of(height, width) == expected


@pytest.mark.parametrize(("height", "width"), [(65, 64), (100, 100), (4, 4), (64, 2048)])
def test_a_size_that_cannot_be_doubled_is_told_in_words(height: int, width: int) -> None:
    with pytest.raises(BadValue, match="doubles"):
        shape_of(height, width)


@pytest.mark.parametrize("shape", [(16, 16, 1), (32, 32, 3), (24, 16, 4)])
def test_new_networks_fit_the_pictures(shape: tuple[int, int, int]) -> None:
    made = networks(SETTINGS, shape)
    height, width, channels = shape
    images = made.live.synthesize(made.live.map(torch.randn(2, made.live.z_dim)))
    assert images.shape == (2, channels, height, width)
    assert made.discriminator(images).shape == (2, 1)
    assert made.said == []


def test_the_same_size_takes_everything_over() -> None:
    start = checkpoint()
    made = networks(SETTINGS, (32, 32, 3), start)
    assert made.said == []
    torch.testing.assert_close(draw(made.live), draw(start.generator))  # type: ignore[arg-type]
    torch.testing.assert_close(draw(made.average), draw(start.generator))  # type: ignore[arg-type]
    images = torch.randn(4, 3, 32, 32)
    assert start.discriminator is not None
    torch.testing.assert_close(made.discriminator(images), start.discriminator(images))


def test_the_start_itself_is_not_touched() -> None:
    start = checkpoint()
    made = networks(SETTINGS, (32, 32, 3), start)
    before = draw(start.generator)  # type: ignore[arg-type]
    for network in (made.live, made.average, made.discriminator):
        for each in network.parameters():
            each.data.zero_()
    torch.testing.assert_close(draw(start.generator), before)  # type: ignore[arg-type]


def test_training_goes_on_from_the_live_generator_where_there_is_one() -> None:
    start = checkpoint()
    start.live = checkpoint().generator
    assert isinstance(start.live, StyleGAN2)
    start.live.synthesis.b4.const.data.add_(1)
    made = networks(SETTINGS, (32, 32, 3), start)
    torch.testing.assert_close(draw(made.live), draw(start.live))
    torch.testing.assert_close(draw(made.average), draw(start.generator))  # type: ignore[arg-type]


def test_a_larger_size_keeps_what_the_small_one_knew() -> None:
    start = checkpoint(32)
    made = networks(SETTINGS, (64, 64, 3), start)
    for resolution in (4, 8, 16, 32):
        old, new = (
            start.generator.get_submodule(f"synthesis.b{resolution}"),
            made.live.get_submodule(f"synthesis.b{resolution}"),
        )
        torch.testing.assert_close(new.conv1.weight, old.conv1.weight)
    assert any("32 x 32" in line and "64 x 64" in line for line in made.said)
    assert any("generator" in line and "64 x 64 begin anew" in line for line in made.said)
    assert any("discriminator" in line for line in made.said)


def test_a_smaller_size_takes_the_coarse_layers() -> None:
    start = checkpoint(64)
    made = networks(SETTINGS, (32, 32, 3), start)
    torch.testing.assert_close(made.live.synthesis.b32.conv1.weight, start.generator.synthesis.b32.conv1.weight)
    assert not any("generator" in line for line in made.said)
    assert made.discriminator(torch.randn(2, 3, 32, 32)).shape == (2, 1)


def test_gray_pictures_begin_as_the_mean_of_the_colours() -> None:
    start = checkpoint()
    made = networks(SETTINGS, (32, 32, 1), start)
    torch.testing.assert_close(draw(made.live), draw(start.generator).mean(1, keepdim=True))  # type: ignore[arg-type]
    gray = torch.randn(4, 1, 32, 32)
    assert start.discriminator is not None
    seen = start.discriminator(gray.expand(-1, 3, -1, -1))
    torch.testing.assert_close(made.discriminator(gray), seen, atol=1e-4, rtol=1e-4)
    assert any("in colour" in line and "gray" in line for line in made.said)


def test_a_gray_start_serves_all_colours() -> None:
    start = checkpoint(channels=1)
    made = networks(SETTINGS, (32, 32, 3), start)
    torch.testing.assert_close(draw(made.live), draw(start.generator).expand(-1, 3, -1, -1))  # type: ignore[arg-type]
    gray = torch.randn(4, 1, 32, 32)
    assert start.discriminator is not None
    seen = made.discriminator(gray.expand(-1, 3, -1, -1))
    torch.testing.assert_close(seen, start.discriminator(gray), atol=1e-4, rtol=1e-4)


def test_transparency_begins_opaque_and_unseen() -> None:
    start = checkpoint()
    made = networks(SETTINGS, (32, 32, 4), start)
    images = draw(made.live)
    torch.testing.assert_close(images[:, :3], draw(start.generator))  # type: ignore[arg-type]
    assert (images[:, 3] == 1).all()
    assert start.discriminator is not None
    seen = made.discriminator(torch.cat([images[:, :3], torch.randn(4, 1, 32, 32)], 1))
    torch.testing.assert_close(seen, start.discriminator(images[:, :3]), atol=1e-4, rtol=1e-4)


def test_another_shape_stretches_what_was_learned() -> None:
    start = checkpoint()
    made = networks(SETTINGS, (48, 32, 3), start)
    images = draw(made.live)
    assert images.shape == (4, 3, 48, 32)
    assert not any("4 x 4 begin anew" in line for line in made.said)
    flat = torch.full((4, 3, 1, 1), 0.3)
    assert start.discriminator is not None
    # Of a picture without content both think about the same; borders differ.
    tall = made.discriminator(flat.expand(-1, -1, 48, 32))
    square = start.discriminator(flat.expand(-1, -1, 32, 32))
    assert (tall - square).abs().max() < 0.5 * square.abs().max() + 0.2


def test_labels_leave_their_average() -> None:
    start = checkpoint(labels=5)
    made = networks(SETTINGS, (32, 32, 3), start)
    assert made.live.c_dim == 0
    assert any("5 labels" in line for line in made.said)
    first = start.generator.mapping.fc0
    embedded = torch.nn.functional.normalize(start.generator.mapping.embed(torch.eye(5)), dim=1) * 8**0.5
    points = torch.nn.functional.normalize(z(), dim=1) * 8**0.5
    expected = first(torch.cat([points[:1].expand(5, -1), embedded], dim=1))
    # One layer, before its bend: the average over the labels is what the new bias gives.
    linear = torch.where(expected > 0, expected, expected / 0.2).mean(0)
    found = made.live.mapping.fc0(points[:1])
    torch.testing.assert_close(torch.where(found > 0, found, found / 0.2)[0], linear, atol=1e-3, rtol=1e-3)


def test_a_start_without_discriminator_is_told() -> None:
    start = checkpoint()
    start.discriminator = None
    made = networks(SETTINGS, (32, 32, 3), start)
    assert any("no discriminator" in line for line in made.said)
    assert made.discriminator(torch.randn(2, 3, 32, 32)).shape == (2, 1)


def test_settings_that_the_start_decides_are_told() -> None:
    made = networks(TrainingSettings(channel_max=99), (32, 32, 3), checkpoint())
    assert any("how wide" in line and "8" in line for line in made.said)
    assert any("latent" in line for line in networks(TrainingSettings(latent=99), (32, 32, 3), checkpoint()).said)


def test_a_stylegan3_cannot_be_trained_on() -> None:
    config = StyleGAN3Config(resolution=16, z_dim=8, w_dim=8, channel_base=128, channel_max=8)
    start = Checkpoint(StyleGAN3(config), None, "stylegan3-t", config)
    with pytest.raises(Incompatible, match="only explored"):
        networks(SETTINGS, (16, 16, 3), start)
