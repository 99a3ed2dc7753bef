"""Which picture comes next."""

from __future__ import annotations

import numpy as np

from runway_lab.training.loop.order import Order


def test_each_round_shows_every_picture_once() -> None:
    order = Order(10, seed=3)
    numbers, _ = order.take(20)
    assert sorted(numbers[:10]) == sorted(numbers[10:]) == list(range(10))
    assert list(numbers[:10]) != list(numbers[10:])


def test_a_batch_may_be_larger_than_the_dataset() -> None:
    numbers, mirrored = Order(3, seed=0).take(16)
    assert len(numbers) == len(mirrored) == 16
    assert set(numbers) == {0, 1, 2}


def test_two_numbers_are_enough_to_go_on() -> None:
    whole = Order(7, seed=5)
    expected = [whole.take(4) for _ in range(6)]
    first = Order(7, seed=5)
    for _ in range(3):
        first.take(4)
    second = Order(7, seed=5)
    second.round, second.place = first.round, first.place
    for numbers, mirrored in expected[3:]:
        again = second.take(4)
        np.testing.assert_array_equal(again[0], numbers)
        np.testing.assert_array_equal(again[1], mirrored)


def test_about_half_are_mirrored_and_seeds_differ() -> None:
    numbers, mirrored = Order(1000, seed=1).take(1000)
    assert 400 < mirrored.sum() < 600
    assert list(Order(1000, seed=2).take(1000)[0]) != list(numbers)
