"""The paper: shapes cover what they cover, at every size, and only the pixels around them are touched."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runway_lab.training.drawn.sheet import Sheet, ellipse, mirrored, moved, ribbon, smooth, smoothstep

WHITE = np.ones((3, 1, 1), np.float32)


@pytest.mark.parametrize("size", [16, 64, 100, 256])
def test_a_disc_covers_its_area_at_every_size(size: int) -> None:
    cover = Sheet(size).shape([ellipse(0.5, 0.5, 0.3, 0.2, count=90)])
    assert cover.mean() == pytest.approx(math.pi * 0.3 * 0.2, rel=0.03)
    assert cover.max() == pytest.approx(1.0)


@pytest.mark.parametrize("size", [16, 64, 200])
def test_a_line_thinner_than_a_pixel_is_faint_not_broken(size: int) -> None:
    cover = Sheet(size).lines(np.array([[(0.1, 0.3), (0.9, 0.7)]]), 0.004)
    assert cover.sum() / size**2 == pytest.approx(0.004 * math.hypot(0.8, 0.4), rel=0.35)
    columns = cover.max(axis=0)[int(0.15 * size) : int(0.85 * size)]
    assert columns.min() > 0


def test_a_line_seen_from_near_is_a_stroke_as_heavy_as_the_line() -> None:
    path = np.array([[(0.2, 0.5), (0.5, 0.5), (0.8, 0.5)]])
    far, near = Sheet(64).lines(path, 0.012), Sheet(512).lines(path, 0.012)
    assert near.mean() == pytest.approx(far.mean(), rel=0.12)
    ends, middle = near[:, int(0.22 * 512)].sum(), near[:, 256].sum()
    assert 0 < ends < 0.8 * middle


def test_many_ribbons_at_once_are_the_ribbons_one_by_one() -> None:
    paths = mirrored([(0.1, 0.1), (0.2, 0.3), (0.4, 0.2)])
    assert paths[0, 1].tolist() == [-0.2, 0.3]
    together = ribbon(paths, [0.01, 0.03, 0.02])
    for outline, path in zip(together, paths, strict=True):
        assert np.allclose(outline, ribbon(path, [0.01, 0.03, 0.02]))


@pytest.mark.parametrize(("closer", "about"), [(1.0, (0.5, 0.5)), (1.3, (0.4, 0.6))])
def test_filling_is_painting_the_shape(closer: float, about: tuple[float, float]) -> None:
    outline = [ellipse(0.45, 0.6, 0.12, 0.2, 0.4)]
    filled, painted = (Sheet(64, closer=closer, about=about) for _ in range(2))
    filled.fill(outline, WHITE, 0.7, soft=0.01)
    painted.paint(painted.shape(outline, soft=0.01) * np.float32(0.7), WHITE)
    assert np.abs(filled.planes - painted.planes).max() < 0.02


def test_filling_beside_the_sheet_changes_nothing_and_within_stays_within() -> None:
    sheet = Sheet(32)
    sheet.fill([ellipse(1.6, 0.5, 0.2, 0.2)], WHITE)
    sheet.dab(WHITE, 1.0, -0.8, 0.5, 0.1)
    assert not sheet.planes.any()
    sheet.fill([ellipse(0.5, 0.5, 0.4, 0.4)], WHITE, within=sheet.shape([ellipse(0.5, 0.5, 0.1, 0.1)]))
    assert sheet.planes[0, 16, 16] == pytest.approx(1.0)
    assert sheet.planes[0, 16, 26] == 0


def test_a_colour_field_is_laid_where_it_lies() -> None:
    sheet = Sheet(32)
    sheet.fill([ellipse(0.7, 0.3, 0.2, 0.2)], np.stack([sheet.x, sheet.y, sheet.x * 0]))
    assert sheet.planes[0, 9, 22] == pytest.approx(sheet.x[9, 22])
    assert sheet.planes[1, 9, 22] == pytest.approx(sheet.y[9, 22])


def test_closer_by_things_are_larger_and_the_middle_stays() -> None:
    far, near = Sheet(64), Sheet(64, closer=1.5, about=(0.3, 0.6))
    disc = [ellipse(0.3, 0.6, 0.1, 0.1)]
    a, b = far.shape(disc), near.shape(disc)
    assert b.sum() == pytest.approx(a.sum() * 1.5**2, rel=0.03)
    for cover in (a, b):
        assert (cover * np.arange(64)).sum() / cover.sum() == pytest.approx(0.3 * 64 - 0.5, abs=0.2)


def test_a_dab_is_strongest_in_the_middle_and_has_no_edge() -> None:
    sheet = Sheet(64)
    sheet.dab(WHITE, 0.8, 0.5, 0.5, 0.08)
    plane = sheet.planes[0]
    assert plane.max() == pytest.approx(0.8, abs=0.02)
    steps = np.abs(np.diff(plane, axis=1)).max()
    assert steps < 0.12
    assert plane[:, 0].max() == 0


def test_a_smooth_curve_goes_through_its_points() -> None:
    corners = [(0.1, 0.2), (0.5, 0.9), (0.8, 0.3), (0.4, 0.1)]
    for closed in (True, False):
        curve = smooth(corners, closed=closed, pieces=6)
        for corner in corners:
            assert np.abs(curve - corner).sum(axis=1).min() < 1e-9


def test_a_ribbon_is_as_wide_as_it_says() -> None:
    cover = Sheet(256).shape([ribbon([(0.2, 0.5), (0.5, 0.5), (0.8, 0.5)], 0.1)])
    assert cover[:, 128].sum() / 256 == pytest.approx(0.1, abs=0.01)


def test_moved_is_the_same_outline_elsewhere() -> None:
    outline = ellipse(0.5, 0.5, 0.1, 0.2)
    assert np.allclose(moved(outline, 0.1, -0.2), ellipse(0.6, 0.3, 0.1, 0.2))


def test_smoothstep_runs_either_way() -> None:
    field = np.array([0.0, 0.5, 1.0])
    assert smoothstep(0.0, 1.0, field).tolist() == [0.0, 0.5, 1.0]
    assert smoothstep(1.0, 0.0, field).tolist() == [1.0, 0.5, 0.0]


def test_the_tooth_of_the_paper_is_slight() -> None:
    sheet = Sheet(64)
    sheet.planes += 0.5
    difference = sheet.picture().astype(int) - sheet.picture(tooth=0)
    assert 0 < np.abs(difference).mean() < 3
