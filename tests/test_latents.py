from __future__ import annotations

import json
import math
from pathlib import Path as FilePath

import numpy as np
import pytest

from runway_lab.errors import BadValue
from runway_lab.latents import (
    EASINGS,
    Direction,
    Keyframe,
    Path,
    Point,
    circle,
    grid,
    interpolate,
    load_directions,
    mix,
    neighbours,
    save_directions,
    seed,
    slerp,
)


def w_plus(*rows: float, size: int = 3) -> Point:
    return Point("w+", [[row] * size for row in rows])


def test_a_seed_gives_the_z_of_the_reference_tools() -> None:
    for number, size in [(0, 512), (7, 512), (2**32 - 1, 64)]:
        expected = np.random.RandomState(number).randn(1, size).astype(np.float32)
        np.testing.assert_array_equal(seed(number, size).values, expected[0])
    with pytest.raises(BadValue, match="whole number from 0"):
        seed(-1)


def test_points_are_values() -> None:
    point = seed(1, 8)
    with pytest.raises(ValueError, match="read-only"):
        point.values[0] = 1
    assert len({point, seed(1, 8), seed(2, 8)}) == 2
    assert np.asarray(point).shape == (8,)
    assert Point("z", np.zeros((1, 4))).values.shape == (4,)
    with pytest.raises(BadValue, match="no latent space 'x'"):
        Point("x", [1.0])
    with pytest.raises(BadValue, match=r"\[layers, size\]"):
        Point("w+", [1.0])
    with pytest.raises(BadValue, match="not finite"):
        Point("w", [math.nan])


def test_points_survive_storage_with_their_provenance() -> None:
    direction = Direction("smile", np.ones(3, np.float32), (1, 2))
    points = [
        seed(5),
        interpolate(seed(1, 4), seed(2, 4), 0.3),
        Point("w", [1, 2, 3], seed=4, psi=0.7, label=2, note="mine").moved(direction, 1.5, layers=4),
    ]
    for point in points:
        assert Point.from_json(json.loads(json.dumps(point.to_json()))) == point
    assert "values" not in seed(5).to_json()
    assert points[2].edits[0].name == "smile"
    with pytest.raises(BadValue, match="no point"):
        Point.from_json({"space": "w"})


def test_slerp_keeps_to_the_sphere() -> None:
    a, b = seed(1).values, seed(2).values
    lengths = [np.linalg.norm(slerp(a, b, t)) for t in np.linspace(0, 1, 9)]
    assert np.ptp(lengths) < abs(np.linalg.norm(a) - np.linalg.norm(b)) + 1e-3
    steps = [np.linalg.norm(slerp(a, b, t) - slerp(a, b, t + 0.1)) for t in np.arange(0, 0.9, 0.1)]
    assert np.ptp(steps) < 0.1 * np.mean(steps)
    np.testing.assert_allclose(slerp([1, 0], [-1, 0], 0.5), [0, 0], atol=1e-6)
    np.testing.assert_allclose(slerp([0, 0], [2, 0], 0.5), [1, 0])


def test_interpolation_chooses_its_way_by_the_space() -> None:
    a, b = Point("w", [0.0, 2.0]), Point("w", [2.0, 0.0])
    assert interpolate(a, b, 0.25).values.tolist() == [0.5, 1.5]
    assert interpolate(a, b, 1) is b
    wide = interpolate(a, Point("w+", [[1, 1], [3, 3]]), 0.5)
    assert wide.values.tolist() == [[0.5, 1.5], [1.5, 2.5]]
    with pytest.raises(BadValue, match="nothing in between"):
        interpolate(a, seed(1, 2), 0.5)


def test_neighbours_are_as_alike_as_asked() -> None:
    centre = seed(3)
    for similarity in (0.0, 0.5, 0.9, 1.0):
        found = neighbours(centre, 20, similarity, seed=1)
        alike = np.mean([np.corrcoef(centre.values, each.values)[0, 1] for each in found])
        assert abs(alike - similarity) < 0.05
    assert neighbours(centre, 2, 0.5, seed=4) == neighbours(centre, 2, 0.5, seed=4)
    with pytest.raises(BadValue, match="from 0 to 1"):
        neighbours(centre, 1, 2.0)
    near = neighbours(w_plus(1, 2), 1, 0.9)[0]
    offset = near.values - w_plus(1, 2).values
    np.testing.assert_allclose(offset[0], offset[1], atol=1e-6)


def test_a_grid_has_its_corners() -> None:
    corners = [seed(i, 16) for i in range(4)]
    rows = grid(corners, 3, 5)
    assert [len(row) for row in rows] == [5, 5, 5]
    assert [rows[0][0], rows[0][-1], rows[-1][0], rows[-1][-1]] == corners


def test_a_circle_closes() -> None:
    loop = circle(seed(1), seed(2), 36)
    radius = np.linalg.norm(seed(1).values)
    steps = [np.linalg.norm(a.values - b.values) for a, b in zip(loop, [*loop[1:], loop[0]], strict=True)]
    assert np.ptp(steps) < 1e-3
    assert all(abs(np.linalg.norm(point.values) - radius) < 1e-3 for point in loop)


def test_styles_are_mixed_by_layer() -> None:
    a, b = Point("w", [1, 1, 1], seed=1), w_plus(5, 6, 7, 8)
    assert mix(a, b, (2, 3)).values[:, 0].tolist() == [1, 1, 7, 8]
    assert mix(a, b, [0]).values[:, 0].tolist() == [5, 1, 1, 1]
    assert mix(a, Point("w", [2, 2, 2]), (0, 0), count=2).values[:, 0].tolist() == [2, 1]
    assert mix(a, b, (2, 3)).seed == 1
    with pytest.raises(BadValue, match="layers are 0 to 3"):
        mix(a, b, (2, 4))
    with pytest.raises(BadValue, match="count="):
        mix(a, a, (0, 1))
    with pytest.raises(BadValue, match="Map them to W"):
        mix(seed(1, 3), b, (0, 1))


def test_directions_move_their_layers_only(tmp_path: FilePath) -> None:
    whole = Direction("age", np.array([1, 0, 0], np.float32))
    some = Direction("hair", np.array([0, 1, 0], np.float32), (1, 2), "SeFa", 0.25)
    assert Point("w", [1, 1, 1]).moved(whole, 2).values.tolist() == [3, 1, 1]
    moved = w_plus(0, 0, 0, 0).moved(some, -1)
    assert moved.values[:, 1].tolist() == [0, -1, -1, 0]
    save_directions(tmp_path / "d.json", [whole, some.named("beard")])
    one, two = load_directions(tmp_path / "d.json")
    assert (one.name, one.layers, two.name, two.layers, two.share) == ("age", None, "beard", (1, 2), 0.25)
    np.testing.assert_array_equal(two.vector, some.vector)
    with pytest.raises(BadValue, match="another model"):
        Point("w", [1.0, 2.0]).moved(whole, 1)
    with pytest.raises(BadValue, match="no directions"):
        load_directions(_broken(tmp_path))


def _broken(folder: FilePath) -> FilePath:
    (folder / "e.json").write_text("[1]")
    return folder / "e.json"


def test_a_path_passes_its_key_frames_on_time() -> None:
    a, b, c = (Point("w", [value]) for value in (0.0, 1.0, 3.0))
    path = Path([Keyframe(a, 1, "linear"), Keyframe(b, 2, "hold"), Keyframe(c, 4)])
    assert path.duration == 3
    assert [float(path.at(t).values[0]) for t in (-1, 0, 0.25, 1, 1.9, 2.9, 3, 9)] == [0, 0, 0.25, 1, 1, 1, 3, 3]
    assert len(path.frames(10)) == 30
    assert path.frames(10)[-1] == c


def test_a_closed_path_joins_without_a_repeated_frame() -> None:
    points = [seed(i, 8) for i in range(3)]
    path = Path.through(points, 1.0, closed=True, easing="smooth")
    frames = path.frames(20)
    assert len(frames) == 60
    assert frames[0] == points[0]
    assert frames[20] == points[1]
    assert frames[-1] != points[0]
    assert path.at(3.0) == points[0]


def test_easings_begin_and_end_where_they_should() -> None:
    for name, easing in EASINGS.items():
        assert (easing(0.0), easing(1.0)) == (0, 1), name
        assert all(easing(i / 10) <= easing((i + 1) / 10) for i in range(10))
    with pytest.raises(BadValue, match="no easing"):
        Path([Keyframe(seed(1), 0, "bounce")])
    with pytest.raises(BadValue, match="one after the other"):
        Path([Keyframe(seed(1), 1), Keyframe(seed(2), 1)])
