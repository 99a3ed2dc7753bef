"""One step of training after the other."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from runway_lab import stylegan
from runway_lab.errors import BadValue, RunwayLabError
from runway_lab.training.loop.settings import TrainingSettings
from runway_lab.training.loop.trainer import MOST_ROLLBACKS, SAFE_EVERY, Trainer

TINY: dict[str, Any] = {
    "batch": 4,
    "channel_base": 128,
    "channel_max": 8,
    "samples": 4,
    "threads": 1,
    "r1_every": 4,
    "path_length": True,
    "path_every": 2,
    "augment": ("mirror", "shift", "scale", "turn", "colour"),
    "augment_kimg": 0.1,
    "precision": "float32",
}


def pictures(count: int = 12, size: int = 16, channels: int = 3) -> NDArray[np.uint8]:
    """Discs of different colours and sizes."""
    chance = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size - 0.5
    made = np.empty((count, size, size, channels), np.uint8)
    for picture in made:
        inside = (x**2 + y**2 < chance.uniform(0.05, 0.2))[..., None]
        picture[:] = np.where(inside, chance.integers(100, 255, channels), 20)
    return made


def trainer(**changes: Any) -> Trainer:
    return Trainer(TrainingSettings(**{**TINY, **changes}), pictures())


def advance(subject: Trainer, steps: int) -> list[dict[str, float]]:
    return [subject.one_step() for _ in range(steps)]


def everything(value: Any) -> list[NDArray[Any]]:
    if isinstance(value, torch.Tensor):
        return [value.numpy()]
    if isinstance(value, dict):
        return [array for key in value for array in everything(value[key])]
    if isinstance(value, (list, tuple)):
        return [array for each in value for array in everything(each)]
    return [np.array(value)]


def assert_equal(one: Trainer, other: Trainer) -> None:
    a, b = everything(one.state()), everything(other.state())
    assert len(a) == len(b)
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left, right)
    np.testing.assert_array_equal(one.sample(), other.sample())


def test_a_step_counts_its_pictures_and_says_how_it_went() -> None:
    subject = trainer()
    losses = subject.one_step()
    assert (subject.step, subject.images) == (1, 4)
    assert {"generator", "discriminator", "sure_of_real", "path_length", "slope", "augment"} <= losses.keys()
    assert all(map(math.isfinite, losses.values()))
    assert "slope" not in subject.one_step()


def test_both_networks_learn_and_the_average_follows() -> None:
    subject = trainer()
    before = subject.state()
    advance(subject, 3)
    after = subject.state()
    for network in ("live", "discriminator", "generator"):
        changed = [name for name in before[network] if not torch.equal(before[network][name], after[network][name])]
        assert len(changed) > 0.5 * len(before[network]), network
    assert not torch.equal(before["generator"]["mapping.w_avg"], after["generator"]["mapping.w_avg"])


def test_the_same_seed_gives_the_same_training_and_another_does_not() -> None:
    first, second, third = trainer(), trainer(), trainer(seed=1)
    for each in (first, second, third):
        advance(each, 5)
    assert_equal(first, second)
    assert not np.array_equal(first.sample(), third.sample())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_going_on_from_a_file_is_as_never_having_stopped(tmp_path: Path, precision: str) -> None:
    whole = trainer(precision=precision)
    advance(whole, 5)
    whole.write_state(tmp_path / "state.pt")
    # Somebody else's use of chance plays no part.
    torch.manual_seed(99)
    np.random.seed(99)
    advance(whole, 9)
    resumed = trainer(precision=precision)
    resumed.read_state(tmp_path / "state.pt")
    assert (resumed.step, resumed.images) == (5, 20)
    advance(resumed, 9)
    assert_equal(whole, resumed)
    assert resumed.likelihood.value > 0


def test_a_state_of_another_kind_of_device_is_gone_on_from() -> None:
    """Whose source of noise has a state of another length, as that of a graphics card has."""
    subject, other = trainer(), trainer()
    advance(subject, 2)
    other.restore({**subject.state(), "noise": torch.zeros(16, dtype=torch.uint8)})
    assert other.step == 2
    other.one_step()


def test_a_written_state_does_not_change_while_training_goes_on() -> None:
    subject = trainer()
    state = subject.state()
    before = [array.copy() for array in everything(state)]
    advance(subject, 2)
    for kept, now in zip(before, everything(state), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_a_batch_may_be_shown_in_parts() -> None:
    subject = trainer(part=2)
    losses = advance(subject, 5)
    assert subject.images == 20
    assert all(math.isfinite(value) for each in losses for value in each.values())


def test_samples_are_pictures_of_known_seeds(tmp_path: Path) -> None:
    subject = trainer()
    advance(subject, 2)
    sheet = subject.sample()
    assert sheet.shape == (4, 16, 16, 3)
    assert sheet.dtype == np.uint8
    kept = stylegan.load(subject.save(tmp_path / "model.safetensors", recipe={"steps": 2}))
    from runway_lab.latents import seed

    z = torch.from_numpy(np.stack([seed(3, subject.live.z_dim).values])).float()
    with torch.no_grad():
        image = kept.generator.synthesize(kept.generator.map(z), "const")[0].permute(1, 2, 0)
    drawn = image.mul(127.5).add(128).clamp(0, 255).numpy()
    assert np.abs(drawn - sheet[3]).max() < 1.01
    assert kept.discriminator is not None
    assert kept.recipe == {"steps": 2}


def test_samples_follow_the_training() -> None:
    subject = trainer()
    before = subject.sample()
    np.testing.assert_array_equal(subject.sample(), before)
    advance(subject, 3)
    assert not np.array_equal(subject.sample(), before)


@pytest.mark.parametrize(("batch", "part"), [(6, None), (10, 5), (2, None), (7, None), (8.0, 4.0)])
def test_any_batch_can_be_learned_from(batch: float, part: float | None) -> None:
    subject = trainer(batch=batch, part=part)
    advance(subject, 5)
    assert subject.images == 5 * batch
    assert isinstance(subject.settings.batch, int)


def test_frozen_layers_that_begin_anew_learn(tmp_path: Path) -> None:
    parent = trainer()
    start = stylegan.load(parent.save(tmp_path / "parent.safetensors"))
    larger = np.repeat(np.repeat(pictures(), 2, axis=1), 2, axis=2)
    subject = Trainer(TrainingSettings(**TINY, freeze=6), larger, start=start)
    before = subject.state()["discriminator"]
    advance(subject, 2)
    after = subject.state()["discriminator"]
    assert not torch.equal(before["b32.conv0.weight"], after["b32.conv0.weight"])
    assert torch.equal(before["b16.conv0.weight"], after["b16.conv0.weight"])


def test_a_start_s_own_average_is_not_thrown_away(tmp_path: Path) -> None:
    parent = trainer()
    start = stylegan.load(parent.save(tmp_path / "parent.safetensors"))
    start.live = trainer(seed=9).live
    subject = Trainer(TrainingSettings(**TINY), pictures(), start=start)
    before = subject.sample().astype(int)
    advance(subject, 1)
    assert np.abs(subject.sample().astype(int) - before).mean() < 2
    start.live = None
    quick = Trainer(TrainingSettings(**TINY), pictures(), start=start)
    advance(quick, 1)
    name = "synthesis.b16.conv1.weight"
    torch.testing.assert_close(quick.state()["generator"][name], quick.state()["live"][name], atol=1e-4, rtol=0)


def test_frozen_layers_stay_as_they_came(tmp_path: Path) -> None:
    start = stylegan.load(trainer().save(tmp_path / "parent.safetensors"))
    subject = Trainer(TrainingSettings(**TINY, freeze=3), pictures(), start=start)
    before = subject.state()["discriminator"]
    advance(subject, 3)
    after = subject.state()["discriminator"]
    for name in ("b16.fromrgb.weight", "b16.conv0.weight", "b16.conv1.weight"):
        assert torch.equal(before[name], after[name]), name
    for name in ("b16.skip.weight", "b8.conv0.weight", "b4.out.weight"):
        assert not torch.equal(before[name], after[name]), name


def test_augmentation_follows_the_sureness_of_the_discriminator() -> None:
    subject = trainer(augment_kimg=1, augment_target=0.0, augment_ceiling=0.3)
    subject._sureness = 4.0
    subject.step = 4
    subject._adapt()
    assert subject.likelihood.value == pytest.approx(0.016)
    without = trainer(augment=())
    without._sureness = 4.0
    without._adapt()
    assert without.likelihood.value == 0


def test_the_average_is_quick_at_first_and_slow_later() -> None:
    subject = trainer(ema_kimg=1, ema_rampup=0.05)
    before = subject.state()["generator"]
    advance(subject, 1)
    early = subject.state()
    # After the first step it is where the generator is.
    assert not torch.equal(before["synthesis.b16.conv1.weight"], early["generator"]["synthesis.b16.conv1.weight"])
    with torch.no_grad():
        subject.live.synthesis.b16.conv1.weight.add_(1)
    subject.images = 1_000_000
    subject._follow()
    late = subject.state()
    name = "synthesis.b16.conv1.weight"
    start, target = early["generator"][name], late["live"][name]
    share = ((late["generator"][name] - start).norm() / (target - start).norm()).item()
    assert share == pytest.approx(1 - 0.5 ** (4 / 1000), rel=1e-3)


def test_a_training_that_breaks_goes_back_instead_of_being_ruined() -> None:
    subject = trainer()
    advance(subject, 2)
    good = subject.state()["step"]
    with torch.no_grad():
        subject.live.synthesis.b8.conv0.weight.fill_(float("nan"))
    advance(subject, 1)
    assert subject.step < good + 1
    assert "half the learning rate" in subject.incidents[0]
    assert subject._optimizer_g.param_groups[0]["lr"] == pytest.approx(0.0025 * 2 / 3 / 2)
    assert all(map(math.isfinite, advance(subject, 3)[-1].values()))
    assert np.isfinite(subject.sample()).all()


def test_quietly_broken_weights_are_found_at_the_next_look() -> None:
    subject = trainer(path_length=False)
    advance(subject, SAFE_EVERY - 1)
    with torch.no_grad():
        # It serves no picture of this very step.
        subject.generator.synthesis.b8.conv0.weight.fill_(float("inf"))
    advance(subject, 1)
    assert subject.incidents


def test_a_training_that_breaks_again_and_again_is_given_up_in_words() -> None:
    subject = trainer()
    advance(subject, 1)
    for _ in range(MOST_ROLLBACKS):
        subject._look_after({"generator": float("nan")})
    with pytest.raises(RunwayLabError, match="unstable"):
        subject._look_after({"generator": float("nan")})


def test_the_learning_rate_survives_a_rest(tmp_path: Path) -> None:
    subject = trainer()
    advance(subject, 1)
    subject._set_rate(0.25)
    subject.write_state(tmp_path / "s.pt")
    other = trainer()
    other.read_state(tmp_path / "s.pt")
    assert other._optimizer_d.param_groups[0]["lr"] == subject._optimizer_d.param_groups[0]["lr"]
    other._set_rate(1.0)
    assert other._optimizer_g.param_groups[0]["lr"] == pytest.approx(0.0025 * 2 / 3)


def test_a_transfer_begins_with_what_the_start_draws(tmp_path: Path) -> None:
    parent = trainer()
    advance(parent, 3)
    start = stylegan.load(parent.save(tmp_path / "parent.safetensors"))
    child = Trainer(TrainingSettings(**TINY, start="parent"), pictures(), start=start)
    assert child.taken_over == []
    np.testing.assert_array_equal(child.sample(), parent.sample())
    advance(child, 2)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (np.zeros((4, 16, 16, 3), np.float32), "uint8"),
        (np.zeros((4, 16, 16), np.uint8), "shape"),
        (np.zeros((4, 16, 16, 2), np.uint8), "channels"),
        (np.zeros((1, 16, 16, 3), np.uint8), "fewer than two"),
        (np.zeros((4, 17, 16, 3), np.uint8), "17 x 16"),
    ],
)
def test_pictures_that_cannot_be_learned_are_told_in_words(wrong: Any, word: str) -> None:
    with pytest.raises(BadValue, match=word):
        Trainer(TrainingSettings(**TINY), wrong)


def test_a_device_that_is_not_there_is_told_in_words() -> None:
    with pytest.raises(BadValue, match="no device"):
        trainer(device="cuda:77")


def test_gray_and_transparent_pictures_and_other_shapes_can_be_learned() -> None:
    for shape in ((12, 16, 16, 1), (12, 24, 16, 4)):
        subject = Trainer(TrainingSettings(**TINY), np.random.default_rng(0).integers(0, 255, shape, np.uint8))
        advance(subject, 2)
        assert subject.sample().shape == (4, *shape[1:])


@pytest.mark.slow
def test_it_learns() -> None:
    """After some hundred steps the pictures have the colours and the form of what was shown."""
    real = pictures(200)
    subject = Trainer(TrainingSettings(**{**TINY, "batch": 8, "augment": (), "samples": 32}), real)
    untrained = np.abs(subject.sample().astype(float).mean(0) - real.astype(float).mean(0)).mean()
    advance(subject, 300)
    trained = np.abs(subject.sample().astype(float).mean(0) - real.astype(float).mean(0)).mean()
    assert trained < 0.4 * untrained
