"""What is found out before there is a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support.experiments import dots

from runway_lab.errors import BadValue
from runway_lab.library.places import path
from runway_lab.training.experiments.beginning import begin
from runway_lab.training.experiments.checking import check_device, check_pictures, check_size, check_start
from runway_lab.training.experiments.devices import VARIABLE, devices
from runway_lab.training.experiments.shelf import Experiments


def test_a_device_is_one_that_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    devices.cache_clear()
    monkeypatch.setenv(VARIABLE, "cuda:0,cuda:1,cpu")
    for fine in ("auto", "cpu", "cuda", "cuda:1", "cuda:0,cuda:1"):
        check_device(fine)
    with pytest.raises(BadValue, match="no device 'tpu'"):
        check_device("tpu")
    with pytest.raises(BadValue, match="no device 'cuda:2'.*It has: cuda:0, cuda:1, cpu"):
        check_device("cuda:2")


def test_a_size_that_cannot_be_learned() -> None:
    check_size({"make_from": "x", "options": {}})
    check_size({"make_from": "x", "options": {"size": (96, 64)}})
    with pytest.raises(BadValue, match="50 x 50 pixels cannot be learned"):
        check_size({"make_from": "x", "options": {"size": 50}})
    with pytest.raises(BadValue, match="50 x 64 pixels cannot be learned"):
        check_size({"height": 50, "width": 64})


def test_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="no picture in"):
        check_pictures(tmp_path)
    (tmp_path / "notes.txt").write_text("many words\n" * 20)
    for where in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(BadValue, match="no picture in"):
            check_pictures(where)
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    with pytest.raises(BadValue, match="only one picture in"):
        check_pictures(tmp_path)
    Image.new("RGB", (40, 40)).save(tmp_path / "without-ending", format="PNG")
    check_pictures(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("bad.pkl", b"no pickle"), ("bad.pt", b""), ("bad.safetensors", b"x" * 50), ("cut.safetensors", b"\xff\x00")],
)
def test_a_start_that_is_none(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadValue, match=f"'{name}' is no checkpoint, or is damaged"):
        check_start(tmp_path / name, name)


def test_starts_that_begin_as_they_should(tmp_path: Path) -> None:
    for name, content in (("a.pkl", b"\x80\x03}"), ("b.pt", b"PK\x03\x04..."), ("c.pt", b"\x80\x02")):
        (tmp_path / name).write_bytes(content)
        check_start(tmp_path / name, name)


def test_nothing_is_left_of_what_cannot_be(tmp_path: Path) -> None:
    dots()
    (tmp_path / "bad.pkl").write_bytes(b"no pickle")
    (tmp_path / "empty").mkdir()
    for data, start, settings, prepare in (
        ("dots", "", {"device": "tpu"}, {}),
        ("dots", tmp_path / "bad.pkl", {}, {}),
        (tmp_path / "empty", "", {}, {}),
        ("cats", "", {}, {"size": 50}),
    ):
        with pytest.raises(BadValue):
            begin("Petals", data, start, settings, prepare=prepare)
    assert len(Experiments()) == 0
    assert not (path("experiments") / "petals").exists()
