"""Archives of strangers: nothing escapes, nothing explodes, and what is damaged is told."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.pictures import encoded, photo

from runway_lab.errors import BadValue
from runway_lab.training.datasets import doctor
from runway_lab.training.datasets.sources import open_source


def zipped(files: dict[str, bytes], **how: object) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


FILES = {"in/0.jpg": encoded(photo(0)), "in/1.png": encoded(photo(1), "PNG"), "readme.txt": b"hello", "._x.jpg": b"x"}


@pytest.mark.parametrize("form", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("how", ["path", "bytes"])
def test_pictures_come_out_of_every_archive(form: str, how: str, tmp_path: Path) -> None:
    data = zipped(FILES) if form == "zip" else tarred(FILES, form)
    (tmp_path / "pack").write_bytes(data)
    source = open_source(tmp_path / "pack" if how == "path" else data)
    for _ in range(2):
        told = [(item.name, item.finding, item.read(1 << 20)) for item in source]
        assert [each[:2] for each in told] == [(name, "hidden" if name == "._x.jpg" else "") for name in FILES]
        assert [each[2] for each in told[:3]] == list(FILES.values())[:3]
    report = doctor.examine(source, size=32)
    assert report.taken == 2
    assert report["other"].files == ("readme.txt",)


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_no_name_leads_anywhere(form: str, tmp_path: Path) -> None:
    inside = {"../../evil.jpg": b"a", "/etc/passwd.jpg": b"b", "C:\\windows\\c.jpg": b"c", "..\\..\\d.jpg": b"d"}
    data = zipped(inside) if form == "zip" else tarred(inside)
    before = sorted(os.listdir(tmp_path))
    got = [item.name for item in open_source(data)]
    assert got == ["evil.jpg", "etc/passwd.jpg", "C:/windows/c.jpg", "d.jpg"]
    assert sorted(os.listdir(tmp_path)) == before


def test_links_are_not_followed(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, kind in (("a.jpg", tarfile.SYMTYPE), ("b.jpg", tarfile.LNKTYPE), ("c.jpg", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert [item.finding for item in open_source(stream.getvalue())] == ["other"] * 3
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("a.jpg")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert [item.finding for item in open_source(stream.getvalue())] == ["other"]


def test_a_bomb_in_a_zip_ends_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_DATASET_GB", "0.005")
    data = zipped({f"{number}.png": bytes(2_000_000) for number in range(10)})
    assert len(data) < 100_000
    report = doctor.examine(data, size=32)
    assert report["unreadable"].count == 10
    data = zipped({f"{number}.png": encoded(photo(number), "PNG") + bytes(2_000_000) for number in range(10)})
    with pytest.raises(BadValue, match="dataset_gb"):
        doctor.examine(data, size=32)


def test_a_zip_that_lies_about_its_sizes_is_damaged(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.png": encoded(photo(), "PNG") + bytes(100_000)}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(mark) + offset
        data[at : at + 4] = (50).to_bytes(4, "little")
    assert doctor.examine(bytes(data), size=32)["unreadable"].count == 1


def test_a_bomb_in_a_tar_ends_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_LAB_DATASET_GB", "0.01")
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as packed:
        info = tarfile.TarInfo("a.txt")
        info.size = 100_000_000
        packed.write(info.tobuf())
        for _ in range(100):
            packed.write(bytes(1_000_000))
    report = doctor.examine(stream.getvalue(), size=32)
    assert "unpacks to more" in str(report)


def test_a_name_that_claims_gigabytes_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    info = tarfile.TarInfo("long")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
    stream.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(512 * 40))
    with pytest.raises(BadValue, match="more than a dataset may have|cannot be read"):
        list(open_source(stream.getvalue()))


def test_a_locked_zip_is_told(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.jpg": encoded(photo())}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + offset] |= 1
    report = doctor.examine(bytes(data), size=32)
    assert "password" in str(report["unreadable"].notes)


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_an_archive_that_was_cut_is_words(form: str) -> None:
    files = {f"{number}.jpg": encoded(photo(number)) for number in range(20)}
    data = zipped(files) if form == "zip" else tarred(files, "w:gz")
    for length in (10, 300, 600, len(data) // 2, len(data) - 5):
        if form == "zip":
            with pytest.raises(BadValue, match="cannot be read"):
                doctor.examine(data[:length], size=32)
        elif length > 300:
            report = doctor.examine(data[:length], size=32)
            assert report.taken < 20 or length == len(data) - 5
