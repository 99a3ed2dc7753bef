from __future__ import annotations

import contextlib
import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from support.stylegan_files import torch_bytes

from runway_lab.stylegan import BadCheckpoint
from runway_lab.stylegan.records import Truncated, floats
from runway_lab.stylegan.torchfile import read_archive, read_stream

VALUES = {
    "a": torch.arange(6.0).view(2, 3).T,
    "b": torch.linspace(-2, 2, 5).bfloat16(),
    "c": torch.arange(3),
    "d": torch.ones(2, 2).half()[1],
    "e": torch.nn.Parameter(torch.zeros([])),
    "f": torch.zeros(0, 3),
}


@pytest.mark.parametrize("archive", [True, False])
def test_tensors_come_out_as_they_went_in(archive: bool) -> None:
    data = memoryview(torch_bytes(VALUES, _use_new_zipfile_serialization=archive))
    found = read_archive(data) if archive else read_stream(data)
    assert list(found) == list(VALUES)
    for name, tensor in VALUES.items():
        np.testing.assert_array_equal(floats(found[name].array()), tensor.detach().float().numpy())


@pytest.mark.parametrize("archive", [True, False])
def test_a_short_file_is_refused_in_words(archive: bool) -> None:
    data = torch_bytes({"x": torch.zeros(1_000_000)}, _use_new_zipfile_serialization=archive)
    with pytest.raises(BadCheckpoint, match="ends after") as caught:
        (read_archive if archive else read_stream)(memoryview(data[:1_200_000]))
    if not archive:
        assert isinstance(caught.value, Truncated)
        assert "1.2 of 4.0 MB" in str(caught.value)


def changed(data: bytes, name: str, new: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", method) as made:
        for entry in old.namelist():
            made.writestr(entry, new if entry.endswith(name) else old.read(entry))
    return out.getvalue()


def test_a_compressed_archive_is_refused() -> None:
    bomb = changed(torch_bytes(VALUES), "data/0", bytes(50_000_000), zipfile.ZIP_DEFLATED)
    assert len(bomb) < 200_000
    with pytest.raises(BadCheckpoint, match="compressed"):
        read_archive(memoryview(bomb))


def test_a_tensor_that_claims_more_than_its_storage_is_refused() -> None:
    data = torch_bytes({"x": torch.zeros(4)})
    for new in (b"", b"1234"):
        with pytest.raises(BadCheckpoint, match="announces 4 numbers"):
            read_archive(memoryview(changed(data, "data/0", new)))
    stretched = torch_bytes({"x": torch.zeros(1).expand(10**12)})
    with pytest.raises(BadCheckpoint, match="claims more than the 1 numbers"):
        read_archive(memoryview(stretched))


def test_a_stream_whose_storage_lies_about_its_size_is_refused() -> None:
    data = bytearray(torch_bytes({"x": torch.zeros(4)}, _use_new_zipfile_serialization=False))
    at = data.rindex(struct.pack("<q", 4))
    data[at : at + 8] = struct.pack("<q", 2**40)
    with pytest.raises(BadCheckpoint, match="announces 4 numbers"):
        read_stream(memoryview(data))


def test_other_zip_archives_are_called_what_they_are() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("images/1.png", b"")
    with pytest.raises(BadCheckpoint, match="data set"):
        read_archive(memoryview(out.getvalue()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("x", b"")
    with pytest.raises(BadCheckpoint, match="no checkpoint"):
        read_archive(memoryview(out.getvalue()))


def test_other_references_are_refused() -> None:
    class Reference(pickle.Pickler):
        def persistent_id(self, value: object) -> object:
            return ("module", "os", "x", "cpu", 1) if value == "here" else None

    out = io.BytesIO()
    Reference(out).dump({"x": "here"})
    with pytest.raises(BadCheckpoint, match="no storage"):
        read_archive(memoryview(changed(torch_bytes(VALUES), "data.pkl", out.getvalue())))


def test_damaged_archives_are_refused_in_words() -> None:
    random = np.random.default_rng(0)
    whole = torch_bytes({"x": torch.zeros(4), "y": torch.ones(2)})
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(random.integers(1, 6)):
            data[random.integers(len(data))] = random.integers(256)
        with contextlib.suppress(BadCheckpoint):
            read_archive(memoryview(data))
