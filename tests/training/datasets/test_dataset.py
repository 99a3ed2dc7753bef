"""A dataset from making it to deleting it: opened, listed, renamed, shown; drawn ones too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.pictures import encoded, photo, photos

import runway_lab as rl
from runway_lab.errors import BadValue, DamagedEntry, LibraryFull, RunwayLabError, Unknown
from runway_lab.library import problems, usage
from runway_lab.library.locks import FileLock
from runway_lab.library.places import lock_path, place
from runway_lab.training.datasets import Dataset, Stopped

ROOT = Path(rl.__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return photos(tmp_path / "photos", 5)


@pytest.fixture
def data(folder: Path) -> Dataset:
    return Dataset.create("petals", folder, size=(32, 48), title="Petals", origin="my garden", licence="CC0-1.0")


def test_it_is_on_the_public_face() -> None:
    assert rl.Dataset is Dataset


def test_a_folder_becomes_a_dataset(data: Dataset, folder: Path) -> None:
    assert (data.name, data.title, len(data)) == ("petals", "Petals", 5)
    assert (data.height, data.width, data.channels) == (32, 48, 3)
    assert data.pictures.shape == (5, 32, 48, 3)
    assert data.pictures.dtype == np.uint8
    assert isinstance(data.pictures, np.memmap)
    assert data.folder == place("datasets") / "petals"
    wanted = Image.open(folder / "3.jpg").resize((48, 32), Image.Resampling.LANCZOS)
    assert np.abs(data[3].astype(int) - np.asarray(wanted)).mean() < 1
    assert data.card.licence == "CC0-1.0"
    assert data.report is not None
    assert data.report.total == 5
    with pytest.raises(ValueError, match="read-only"):
        data.pictures[0] = 0


@pytest.mark.parametrize(("channels", "depth"), [("gray", 1), ("rgb", 3), ("rgba", 4)])
def test_channels(folder: Path, channels: str, depth: int) -> None:
    data = Dataset.create(f"in-{channels}", folder, size=16, channels=channels)
    assert data.pictures.shape == (5, 16, 16, depth)
    assert "data:image/jpeg" in data._repr_html_()


def test_the_same_call_again_gives_what_is_there(data: Dataset, folder: Path) -> None:
    before = (data.folder / "pictures.npy").stat().st_mtime_ns
    again = Dataset.create("petals", folder, size=(32, 48), licence="CC-BY-4.0")
    assert again == data
    assert (data.folder / "pictures.npy").stat().st_mtime_ns == before
    assert (again.card.title, again.card.licence) == ("Petals", "CC-BY-4.0")
    with pytest.raises(BadValue, match="replace=True"):
        Dataset.create("petals", folder, size=32)
    (folder / "9.jpg").write_bytes(encoded(photo(9)))
    with pytest.raises(BadValue, match="made of other pictures"):
        Dataset.create("petals", folder, size=(32, 48))
    with pytest.raises(Stopped):
        Dataset.create("petals", folder, size=(32, 48), replace=True, stop=lambda: True)
    assert len(Dataset.open("petals")) == 5, "the old one stays until the new one is whole"
    assert len(Dataset.create("petals", folder, size=(32, 48), replace=True)) == 6
    assert sorted(os.listdir(place("datasets"))) == ["petals"]


def test_the_digest_names_the_content(data: Dataset, folder: Path) -> None:
    other = Dataset.create("other", folder, size=(32, 48), title="Another title")
    assert other.digest == data.digest
    assert Dataset.create("small", folder, size=16).digest != data.digest
    assert Dataset.create("turned", folder, size=(32, 48), crop="none", mirror=True).digest != data.digest
    (data.folder / "manifest.json").unlink()
    assert Dataset.open("petals").digest == other.digest, "it comes from the pictures where the manifest is lost"


def test_it_is_found_by_name_folder_and_itself(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.folder.parent)
    for known in ("petals", data.folder, str(data.folder), data):
        assert Dataset.open(known) == data
    with pytest.raises(Unknown, match="Did you mean 'petals'"):
        Dataset.open("petal")
    with pytest.raises(Unknown, match="no dataset"):
        Dataset.open(3)  # type: ignore[arg-type]


def test_the_list_follows_the_folder(data: Dataset, folder: Path) -> None:
    Dataset.create("asters", folder, size=16)
    assert [each.name for each in Dataset.all()] == ["asters", "petals"]
    shutil.copytree(data.folder, data.folder.with_name("copy"))
    assert [each.name for each in Dataset.all()] == ["asters", "copy", "petals"]
    assert Dataset.open("copy").digest == data.digest
    assert usage().by_kind["datasets"] > 3 * 5 * 16 * 16 * 3


def test_rename_and_delete(data: Dataset, folder: Path) -> None:
    digest = data.digest
    assert data.rename("blossoms").name == "blossoms"
    assert [each.name for each in Dataset.all()] == ["blossoms"]
    assert (Dataset.open("blossoms").digest, len(data.pictures)) == (digest, 5)
    Dataset.create("petals", folder, size=16)
    with pytest.raises(BadValue, match="already"):
        data.rename("petals")
    data.delete()
    assert [each.name for each in Dataset.all()] == ["petals"]
    assert len(os.listdir(folder)) == 5
    assert not [each for each in os.listdir(place("datasets")) if each.startswith(".")]


def test_words_can_be_changed(data: Dataset) -> None:
    data.describe(consent="everybody agreed")
    assert Dataset.open("petals").card.consent == "everybody agreed"
    assert Dataset.all()[0].card.consent == "everybody agreed"
    with pytest.raises(Unknown, match="Did you mean 'licence'"):
        data.describe(license="MIT")


@pytest.mark.parametrize("name", ["", "My Petals", "../x", "a/b", ".x", "x" * 80, "ünï", 3, None, "con\n"])
def test_names_that_cannot_be_are_told_with_one_that_can(folder: Path, name: Any) -> None:
    with pytest.raises(BadValue, match="such as"):
        Dataset.create(name, folder)


@pytest.mark.parametrize("damage", ["cut", "floats", "flat", "text", "objects", "gone", "empty"])
def test_damaged_pictures_are_told_and_set_aside(data: Dataset, damage: str) -> None:
    file = data.folder / "pictures.npy"
    if damage == "cut":
        os.truncate(file, 1000)
    elif damage == "gone":
        file.unlink()
    elif damage in ("text", "empty"):
        file.write_bytes(b"hello" if damage == "text" else b"")
    else:
        arrays: dict[str, Any] = {"floats": np.zeros((2, 4, 4, 3)), "flat": np.zeros((4, 4), np.uint8)}
        np.save(file, arrays.get(damage, np.array([{}])), allow_pickle=True)
    with pytest.raises(DamagedEntry, match="Prepare the dataset again"):
        Dataset.open("petals")
    then = time.time() - 100_000
    for each in (data.folder, *data.folder.iterdir()):
        os.utime(each, (then, then))
    assert Dataset.all() == []
    assert [each.what for each in problems()] == ["datasets/petals"]


def test_a_lost_report_and_manifest_are_no_harm(data: Dataset) -> None:
    (data.folder / "report.json").write_text("{")
    (data.folder / "manifest.json").write_text("[]")
    again = Dataset.open("petals")
    assert (again.report, again.manifest, len(again.digest)) == (None, {}, 16)
    (data.folder / "report.json").write_text('{"title": "x"}')
    assert Dataset.open("petals").report is None


def test_two_that_make_the_same_do_not_mix(folder: Path) -> None:
    with (
        FileLock(lock_path("dataset-petals"), note="the dataset petals"),
        pytest.raises(RunwayLabError, match="in use"),
    ):
        Dataset.create("petals", folder, size=16)
    code = (
        "import sys; from runway_lab.training.datasets import Dataset; Dataset.create('petals', sys.argv[1], size=16)"
    )
    many = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    said = [each.communicate()[1].decode() for each in many]
    assert 0 in [each.returncode for each in many]
    assert all(each.returncode == 0 or "is in use" in words for each, words in zip(many, said, strict=True))
    assert len(Dataset.open("petals")) == 5


def test_the_page_is_one_picture_and_escaped_words(folder: Path) -> None:
    data = Dataset.create("petals", folder, size=32, title="<script>x</script>", note="<b>&")
    page = data._repr_html_()
    assert page.count("<img") == page.count("data:image/jpeg;base64,") == 1
    assert "<script" not in page
    assert "&lt;b&gt;&amp;" in page
    assert "5 pictures of 32x32" in page
    assert repr(data) == "<Dataset petals: 5 pictures of 32x32>"


@dataclass(frozen=True)
class FakeKind:
    name: str
    title: str


@pytest.fixture
def drawer(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Draws numbers instead of faces, by the names of the real one."""
    calls: list[tuple[Any, ...]] = []

    def draw_many(kind: str, count: int, size: int, seed: int = 0, *, into: Any, progress: Any = None) -> None:
        calls.append((kind, count, size, seed))
        into[:] = np.arange(seed, seed + count, dtype=np.uint8)[:, None, None, None]

    fake = SimpleNamespace(kinds=lambda: (FakeKind("faces", "Faces"), FakeKind("cats", "Cats")), draw_many=draw_many)
    monkeypatch.setitem(sys.modules, "runway_lab.training.drawn", fake)
    return calls


def test_drawn_pictures_are_a_dataset_too(drawer: list[Any]) -> None:
    data = Dataset.drawn("faces", 10, 16, seed=3)
    assert drawer == [("faces", 10, 16, 3)]
    assert data.name == "faces-16px-10-seed-3"
    assert data.pictures[:, 0, 0, 0].tolist() == list(range(3, 13))
    assert (data.card.licence, data.report) == ("CC0-1.0", None)
    assert Dataset.drawn("faces", 10, 16, seed=3) == data
    assert len(drawer) == 1, "what is there is not drawn again"
    assert Dataset.drawn("faces", 10, 16, seed=3, name="mine").digest == data.digest
    assert Dataset.drawn("faces", 10, 16).digest != data.digest
    with pytest.raises(BadValue, match="already"):
        Dataset.drawn("cats", 10, 16, name="mine")
    with pytest.raises(Unknown, match="Did you mean 'faces'"):
        Dataset.drawn("face", 10, 16)
    with pytest.raises(BadValue):
        Dataset.drawn("faces", 0, 16)


def test_drawn_pictures_that_do_not_fit_are_told(drawer: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "posix_fallocate"):
        pytest.skip("room is reserved by writing here")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(LibraryFull):
        Dataset.drawn("faces", 10, 16)
    assert os.listdir(place("datasets")) == []
    assert drawer == []


def test_faces_are_drawn_as_they_are_drawn_one_by_one() -> None:
    from runway_lab.training import drawn

    data = Dataset.drawn("faces", 3, 16, seed=5)
    assert np.array_equal(data[2], drawn.draw("faces", 7, size=16))
    assert data.title == "Faces, drawn"
    assert "data:image/jpeg" in data._repr_html_()
