"""What is said of a run is right, comes soon, and is not said because of a single odd measurement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from runway_lab.training.measures.verdict import Row, Verdict, earliest_alarm, judge

# Dense at first, as steps are sampled.
STEPS = np.unique((np.linspace(0, 1, 50) ** 1.5 * 3000).astype(int))

Course = Callable[[np.ndarray], np.ndarray]


def learning(steps: np.ndarray) -> np.ndarray:
    return 20 + 60 * np.exp(-steps / 800)


def learned_early(steps: np.ndarray) -> np.ndarray:
    return 20 + 60 * np.exp(-steps / 200)


def getting_worse(steps: np.ndarray) -> np.ndarray:
    return learned_early(steps) + np.clip(steps - 1500, 0, None) / 60


def growing(steps: np.ndarray) -> np.ndarray:
    return 0.9 - 0.6 * np.exp(-steps / 300)


def steady(steps: np.ndarray) -> np.ndarray:
    return np.full(len(steps), 0.85)


def collapsing(steps: np.ndarray) -> np.ndarray:
    return 0.9 - np.clip(steps - 1500, 0, 600) / 1000


def handed_over(steps: np.ndarray) -> np.ndarray:
    """A transfer: the parent was more varied than what is learned."""
    return 0.7 + 0.4 * np.exp(-steps / 500)


def history(distance: Course, variety: Course, noise: float, seed: int) -> list[Row]:
    random = np.random.default_rng(seed)
    jumps = 1 + noise * random.standard_normal((2, len(STEPS)))
    return list(zip(STEPS.tolist(), distance(STEPS) * jumps[0], variety(STEPS) * jumps[1], strict=True))


def first_alarm(rows: list[Row]) -> tuple[int, Verdict] | None:
    """When somebody who looks after every measurement is first warned."""
    for at in range(1, len(rows) + 1):
        if (verdict := judge(rows[:at])).alarm:
            return rows[at - 1][0], verdict
    return None


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05])
@pytest.mark.parametrize(
    ("distance", "variety", "kind"),
    [
        (learning, growing, "improving"),
        (learning, steady, "improving"),
        (learning, handed_over, "improving"),
        (learned_early, steady, "settled"),
    ],
)
def test_a_run_that_goes_well_is_never_warned_of(noise: float, distance: Course, variety: Course, kind: str) -> None:
    for seed in range(4):
        rows = history(distance, variety, noise, seed)
        assert first_alarm(rows) is None
        assert judge(rows).kind == kind


@pytest.mark.parametrize("begin", [600, 1500, 2400])
def test_a_distance_that_recovers_is_no_alarm(begin: int) -> None:
    """As trainings do: worse for some hundred steps, then better than before."""
    steps = np.arange(0, 3000, 50)
    distance = learning(steps) * np.where((steps > begin) & (steps < 1.15 * begin), 1.25, 1)
    rows = list(zip(steps.tolist(), distance.tolist(), steady(steps).tolist(), strict=True))
    assert first_alarm(rows) is None


def test_large_jumps_are_taken_for_what_they_are() -> None:
    """Few samples make numbers that jump; only what goes beyond is an alarm."""
    alarms = [first_alarm(history(learned_early, steady, 0.12, seed)) for seed in range(12)]
    assert sum(alarm is not None for alarm in alarms) <= 1


def test_more_variety_than_the_data_has_is_nothing_to_lose() -> None:
    rows = [(step, 30.0, 1.6 - 0.6 * step / 3000) for step in range(0, 3000, 100)]
    assert judge(rows).kind == "settled"


def test_the_best_step_of_a_run_that_improves_is_a_late_one() -> None:
    assert judge(history(learning, growing, 0.02, 0)).best_step > 2400


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05])
@pytest.mark.parametrize("distance", [learned_early, getting_worse])
def test_a_collapse_is_told_soon_and_with_the_step_before_it(noise: float, distance: Course) -> None:
    for seed in range(4):
        rows = history(distance, collapsing, noise, seed)
        found = first_alarm(rows)
        assert found is not None
        step, verdict = found
        # It begins at 1500, and a tenth of the variety is gone at 1590.
        assert 1500 < step < 2000
        assert 600 < verdict.best_step < 1700
        final = judge(rows)
        assert final.kind == "losing variety"
        assert 600 < final.best_step < 1700
        assert final.sentence.startswith("Too many steps: the pictures begin to look the same")
        assert f"{final.best_step:,}" in final.sentence


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05])
def test_quality_that_turns_is_told_soon_and_with_the_step_before_it(noise: float) -> None:
    for seed in range(4):
        rows = history(getting_worse, steady, noise, seed)
        found = first_alarm(rows)
        assert found is not None
        assert 1500 < found[0] < 2150
        final = judge(rows)
        assert final.kind == "turned"
        assert 600 < final.best_step < 1750
        assert final.sentence.startswith("Quality has turned")
        assert f"{final.best_step:,}" in final.sentence


def test_a_collapse_in_the_beginning_is_told_too() -> None:
    rows = [(step, 70.0, 0.8 if step < 300 else 0.1) for step in range(0, 1000, 50)]
    found = first_alarm(rows)
    assert found is not None
    assert found[0] < 600
    assert found[1].best_step < 300


@pytest.mark.parametrize("odd", [(3, 90.0, 0.05), (25, 90.0, 0.05), (46, 90.0, 0.05), (49, 90.0, 0.05)])
def test_one_odd_measurement_changes_nothing(odd: tuple[int, float, float]) -> None:
    rows = history(learned_early, steady, 0.01, 0)
    plain = judge(rows)
    at, distance, variety = odd
    rows[at] = (rows[at][0], distance, variety)
    assert judge(rows).kind == plain.kind
    assert first_alarm(rows) is None


def test_a_single_lucky_measurement_is_not_the_best_step() -> None:
    rows = history(learning, steady, 0.0, 0)
    rows[10] = (rows[10][0], 1.0, 2.0)
    assert judge(rows).best_step > 2400


def test_little_history_is_told_as_such() -> None:
    assert judge([]) == Verdict("too early", 0, "Nothing has been measured yet.")
    early = judge([(0, 90, 0.1), (10, 70, 0.2), (20, 60, 0.3)])
    assert early.kind == "too early"
    assert not early.alarm


def test_rows_may_come_in_any_order_twice_or_broken() -> None:
    rows = history(getting_worse, steady, 0.01, 0)
    untidy = [*rows[::-1], *rows[5:9], (99_999, float("nan"), 0.5), (99_998, 20.0, float("inf"))]
    assert judge(untidy) == judge(rows)


def test_a_variety_of_nothing_is_no_obstacle() -> None:
    assert judge([(step, 0.0, 0.0) for step in range(20)]).kind == "settled"


def test_there_is_no_alarm_before_a_training_had_time_to_go_wrong() -> None:
    rows = history(getting_worse, collapsing, 0.0, 0)
    assert judge(rows).alarm
    assert judge(rows, rows[-1][0]).alarm
    early = judge(rows, rows[-1][0] + 1)
    assert early.kind == "too early"
    assert not early.alarm


@pytest.mark.parametrize(("steps", "batch", "earliest"), [(60, 16, 625), (3000, 16, 625), (20_000, 16, 4000)])
def test_both_pictures_and_steps_must_have_gone_by(steps: int, batch: int, earliest: int) -> None:
    assert earliest_alarm(steps, batch) == earliest


def test_a_turn_in_the_first_tens_of_thousands_of_images_is_none() -> None:
    rows = [(step, 60 - step / 10 if step < 400 else 20 + step / 100, 0.9) for step in range(0, 1500, 25)]
    assert judge(rows, earliest=100).kind == "turned"
    assert judge(rows, earliest=625).kind == "too early"
