"""The Frechet distance is computed right, and the weights it needs come by a path or by a download one agreed to."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.drawn_sets import blurred, two_sets
from support.inception_file import write

from runway_lab.cards import CardFile
from runway_lab.errors import BadValue, NotAgreed, RunwayLabError
from runway_lab.training.measures import fid
from runway_lab.training.measures.fid import INCEPTION, FrechetDistance, Statistics, fetch_inception, find_inception


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "library"))
    monkeypatch.delenv("RUNWAY_LAB_DOWNLOADS", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    return tmp_path / "library"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("weights") / fid.FILE)


def rows(count: int, width: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixed: np.ndarray = random.standard_normal((count, width)) @ random.standard_normal((width, width))
    return mixed + random.standard_normal(width)


def test_the_distance_of_normal_distributions_is_right() -> None:
    one, other = Statistics.of(rows(400, 6, 1)), Statistics.of(rows(400, 6, 2))
    # The root of a product of two covariances, by another way: its eigenvalues are real though it is not symmetric.
    roots = np.sqrt(np.linalg.eigvals(one.covariance @ other.covariance).astype(complex)).sum().real
    wanted = np.sum((one.mean - other.mean) ** 2) + np.trace(one.covariance + other.covariance) - 2 * roots
    assert one.distance(other) == pytest.approx(wanted, rel=1e-9)
    assert other.distance(one) == pytest.approx(wanted, rel=1e-9)


def test_in_one_dimension_it_is_what_one_writes_on_a_blackboard() -> None:
    one, other = Statistics.of(np.array([[-1.0], [1.0]])), Statistics.of(np.array([[7.0], [13.0]]))
    assert one.distance(other) == pytest.approx(10**2 + (np.sqrt(18) - np.sqrt(2)) ** 2)


def test_equal_sets_have_none_also_with_less_pictures_than_numbers() -> None:
    few = Statistics.of(rows(10, 40, 1))
    assert few.distance(few) == pytest.approx(0, abs=1e-6 * np.trace(few.covariance))


def test_from_few_rows_it_is_the_same_number() -> None:
    one, other = rows(30, 12, 1), rows(20, 12, 2)
    assert fid.from_few(one, other) == pytest.approx(Statistics.of(one).distance(Statistics.of(other)), rel=1e-9)
    few, fewer = rows(7, 40, 1), rows(5, 40, 2)
    assert fid.from_few(few, fewer) == pytest.approx(Statistics.of(few).distance(Statistics.of(fewer)), rel=1e-6)


def test_the_weights_may_be_named_by_a_setting(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fid.inception_at_hand() is None
    monkeypatch.setenv("RUNWAY_LAB_INCEPTION", str(weights))
    assert fid.inception_at_hand() == find_inception() == weights


def test_measuring_loads_no_downloader() -> None:
    code = (
        "import sys, runway_lab.training.experiments.process; "
        "print([name for name in ('http.client', 'runway_lab.library.download') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_statistics_are_written_and_read(tmp_path: Path) -> None:
    given = Statistics.of(rows(20, 5, 1))
    found = Statistics.read(given.write(tmp_path / "statistics.npz"))
    assert found.count == 20
    assert np.array_equal(found.mean, given.mean)
    assert np.array_equal(found.covariance, given.covariance)
    (tmp_path / "broken.npz").write_bytes(b"PK nothing")
    with pytest.raises(RunwayLabError, match="no statistics that can be read"):
        Statistics.read(tmp_path / "broken.npz")
    with pytest.raises(BadValue, match="different networks"):
        given.distance(Statistics.of(rows(20, 6, 1)))
    with pytest.raises(BadValue, match="two pictures"):
        Statistics.of(rows(1, 6, 1))


def test_pictures_are_measured_with_the_weights_of_a_path(weights: Path) -> None:
    real, other = (each[:40] for each in two_sets(48, 32))
    told: list[tuple[int, int]] = []
    distance = FrechetDistance(real, weights=weights, tell=lambda *numbers: told.append(numbers))
    assert told == [(32, 40), (40, 40)]
    assert distance.real.count == 40
    assert distance(real) == pytest.approx(0, abs=1e-3 * np.trace(distance.real.covariance))
    assert 0 < distance(other) < distance(blurred(other, 3))
    again = FrechetDistance(distance.real, weights=weights)
    assert again(other) == pytest.approx(distance(other), rel=1e-6)


def test_gray_and_transparent_pictures_are_measured(weights: Path) -> None:
    real = two_sets(48, 32)[0][:4]
    distance = FrechetDistance(real, weights=weights)
    gray = real[..., :1]
    opaque = np.concatenate([real, np.full_like(gray, 255)], axis=3)
    assert np.allclose(distance.statistics(opaque).mean, distance.real.mean, rtol=1e-4, atol=1e-5)
    assert np.allclose(distance.statistics(gray).mean, distance.statistics(np.repeat(gray, 3, axis=3)).mean)


def test_without_weights_it_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunwayLabError, match=r"are not here yet.*fetch_inception\(agree=.*weights="):
        FrechetDistance(two_sets()[0])
    with pytest.raises(RunwayLabError, match="no Inception weights at"):
        find_inception(tmp_path / "nowhere.pth")


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the test's output."""

    def do_GET(self) -> None:
        data: bytes = self.server.data  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def address(weights: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.data = weights.read_bytes()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{fid.FILE}"
        server.shutdown()
        thread.join()


def test_weights_are_fetched_once_after_somebody_agreed(
    address: str, weights: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = weights.read_bytes()
    file = CardFile(fid.FILE, address, len(data), hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(fid, "INCEPTION", replace(INCEPTION, files=(file,)))
    with pytest.raises(NotAgreed, match="Apache-2.0"):
        fetch_inception()
    assert not library.exists()
    shown = []
    path = fetch_inception(lambda card: not shown.append(card))
    assert shown[0].licence.id == "Apache-2.0"
    assert path.read_bytes() == data
    assert path.is_relative_to(library)
    # It is found now, and nobody is asked again.
    assert find_inception() == path == fetch_inception()
    assert FrechetDistance(two_sets(48, 32)[0][:4]).real.mean.shape == (128,)
