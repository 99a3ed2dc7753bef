"""A landscape keeps its hour and its season, and the sun is where it shines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from runway_lab.training.drawn.landscapes import HOURS, SEASONS, View, draw_landscape


@pytest.fixture(scope="module")
def views() -> list[tuple[View, Any]]:
    return [
        (View.chance(np.random.default_rng(seed)), draw_landscape(np.random.default_rng(seed), 64).planes)
        for seed in range(100)
    ]


def test_nights_are_dark_and_days_are_light(views: list[tuple[View, Any]]) -> None:
    light = {hour: [planes.mean() for view, planes in views if view.hour == hour] for hour in HOURS}
    assert min(len(each) for each in light.values()) >= 7
    assert max(light["night"]) < min(light["day"])
    assert np.mean(light["night"]) < np.mean(light["dusk"]) < np.mean(light["dawn"])


def test_winters_are_white_and_other_meadows_are_not(views: list[tuple[View, Any]]) -> None:
    def colourful(season: str) -> float:
        ground = [planes[:, 50:60] for view, planes in views if view.season == season and view.hour == "day"]
        return float(np.mean([each.max(axis=0) - each.min(axis=0) for each in ground]))

    assert colourful("winter") < 0.12
    assert min(colourful(season) for season in SEASONS if season != "winter") > 0.25


def test_the_sun_is_bright_where_it_stands(views: list[tuple[View, Any]]) -> None:
    brighter = []
    for view, planes in views:
        if view.hour == "night" or view.clouds or (view.sun_y > 0.28 and view.peaks):
            continue
        row, column = int(view.sun_y * 64), int(view.sun_x * 64)
        brighter.append(planes[:, row, column].mean() > planes[:, row, 63 - column].mean())
    assert len(brighter) > 8
    assert all(brighter)


def test_windows_are_lit_in_the_evening_only(views: list[tuple[View, Any]]) -> None:
    def yellow(view: View, planes: Any) -> float:
        column, row = int(view.house * 64), int((0.735 if view.lake else 0.70) * 64)
        box = planes[:, row - 5 : row, column - 4 : column + 5]
        return float((box[0] - box[2]).max())

    evening = [yellow(*each) for each in views if each[0].house and each[0].hour == "night"]
    noon = [yellow(*each) for each in views if each[0].house and each[0].hour == "day" and each[0].season == "winter"]
    assert min(len(evening), len(noon)) >= 2
    assert min(evening) > max(noon)


def test_views_are_of_all_kinds(views: list[tuple[View, Any]]) -> None:
    seen = [view for view, _ in views]
    assert {each.season for each in seen} == set(SEASONS)
    for what in ("lake", "conifers", "house", "peaks", "clouds"):
        assert {bool(getattr(each, what)) for each in seen} == {True, False}
