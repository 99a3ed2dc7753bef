from __future__ import annotations

import math

import torch

from runway_lab.stylegan.mapping import Dense, Mapping, normalize


def test_a_layer_starts_with_unit_variance_whatever_its_multiplier() -> None:
    torch.manual_seed(0)
    for multiplier in (1.0, 0.01):
        y = Dense(256, 256, lr_multiplier=multiplier)(torch.randn(400, 256))
        assert 0.9 < float(y.detach().std()) < 1.1


def test_a_layer_is_its_formula() -> None:
    layer = Dense(3, 2, activation="lrelu", lr_multiplier=0.01, bias=0.5)
    x = torch.randn(4, 3)
    y = x @ (layer.weight * 0.01 / math.sqrt(3)).T + 0.5
    torch.testing.assert_close(layer(x), torch.where(y > 0, y, 0.2 * y) * math.sqrt(2))


def test_z_and_the_label_are_normalised_each_for_itself() -> None:
    mapping = Mapping(6, 3, 5, layers=1)
    z, labels = torch.randn(2, 6), torch.eye(3)[:2]
    joined = torch.cat([normalize(z), normalize(mapping.embed(labels))], dim=1)
    torch.testing.assert_close(mapping(z * 7, labels), mapping.get_submodule("fc0")(joined))


def test_truncation_ends_at_the_cutoff() -> None:
    mapping = Mapping(4, 0, 4, layers=1)
    mapping.w_avg.fill_(1.0)
    ws = torch.zeros(1, 6, 4)
    assert mapping.truncate(ws, 0.25, 2)[0, :, 0].tolist() == [0.75, 0.75, 0, 0, 0, 0]
    assert mapping.truncate(ws, 0.25, None)[0, :, 0].tolist() == [0.75] * 6
    assert mapping.truncate(ws, 0.25, 0)[0, :, 0].tolist() == [0] * 6


def test_the_mean_of_w_follows_the_batches() -> None:
    mapping = Mapping(4, 0, 2, layers=1)
    mapping.track(torch.tensor([[1.0, 3.0], [3.0, 5.0]]), beta=0.5)
    assert mapping.w_avg.tolist() == [1.0, 2.0]
