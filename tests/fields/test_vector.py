"""Rows of numbers: what is taken for one, and how it travels without a copy."""

from __future__ import annotations

import io
import struct
import tracemalloc
from array import array

import numpy as np
import pytest

from runway_lab import frames
from runway_lab.errors import BadValue
from runway_lab.fields import Array, Buffer, Vector
from runway_lab.fields.vector import array_from_npy
from runway_lab.latents import Point, seed


def npy(value: np.ndarray, **options: bool) -> bytes:
    stream = io.BytesIO()
    np.save(stream, value, **options)
    return stream.getvalue()


def header(text: str, version: tuple[int, int] = (1, 0), body: bytes = b"") -> bytes:
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text.encode("latin1") + body


@pytest.mark.parametrize(
    "value",
    [
        [1, 2, 3],
        (1.0, 2, 3),
        [[1, 2, 3]],
        range(1, 4),
        array("d", [1, 2, 3]),
        np.array([1, 2, 3]),
        np.array([[1, 2, 3]], np.float16),
        np.array([1, 2, 3], ">f8"),
        np.array([1, 0, 2, 0, 3, 0], np.float32)[::2],
        [np.float32(1), np.int64(2), np.array(3.0)],
        npy(np.array([1, 2, 3], np.float64)),
        memoryview(npy(np.array([[1, 2, 3]], ">i2"))),
    ],
    ids=repr,
)
def test_a_row_in_any_clothes(value: object) -> None:
    row = Vector(3).check(value)
    assert row.dtype == np.float32
    assert row.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        "123",
        ["1", "2", "3"],
        [True, False, True],
        [1, 2],
        [1, 2, None],
        [1, 2, 10**400],
        [1, 2, 1e39],
        [1, 2, 1e300],
        [1, 2, 1j],
        [1, 2, [3]],
        [[1, 2], [3]],
        [[1], [2], [3]],
        {1, 2, 3},
        {0: 1, 1: 2, 2: 3},
        [1, 2, float("nan")],
        np.array([1, 2, np.inf]),
        np.array([1, 2, 1e300]),
        np.array([True, True, False]),
        np.array([1, 2, 3j]),
        np.array(["1", "2", "3"]),
        np.array([1, 2, None]),
        np.zeros((3, 1)),
        b"[1, 2, 3]",
        ["x" * 1000, 1, 2],
    ],
    ids=repr,
)
def test_what_is_no_row_is_refused(value: object) -> None:
    with pytest.raises(BadValue, match="Allowed: a row of 3 finite numbers"):
        Vector(3).check(value)


def test_a_tensor_is_a_row_wherever_it_remembers_to_come_from() -> None:
    import torch

    assert Vector(2).check(torch.tensor([1.0, 2.0], requires_grad=True)).tolist() == [1, 2]
    assert Vector(2).check(torch.tensor([[1, 2]], dtype=torch.bfloat16)).tolist() == [1, 2]
    assert Vector(2).check([torch.tensor(1.0), torch.tensor(2)]).tolist() == [1, 2]
    with pytest.raises(BadValue):
        Vector(2).check(torch.tensor([1.0, float("nan")]))
    with pytest.raises(BadValue):
        Vector(2).check(torch.zeros(2).to_sparse())


def test_a_float32_array_is_taken_as_it_is() -> None:
    row = np.ones(4, np.float32)
    assert Vector(4).check(row) is row


def test_the_length_comes_from_the_default() -> None:
    assert Vector(default=[1, 2, 3]).length == 3
    assert Vector(default=np.zeros((1, 5))).length == 5
    assert not Vector(default=[0]).required
    assert Vector(1).required
    for wrong in (0, -1, 2.5, "3", True, 10**12, float("nan"), 10**400):
        with pytest.raises(BadValue, match="length"):
            Vector(wrong)  # type: ignore[arg-type]
    with pytest.raises(BadValue, match="length"):
        Vector()
    with pytest.raises(BadValue):
        Vector(3, default=[1, 2])


def test_a_seed_gives_what_the_stylegan_tools_give() -> None:
    assert np.array_equal(Vector(512).sample(7), np.random.RandomState(7).randn(1, 512)[0].astype(np.float32))
    drawn = Vector(1000, sampling_mean=10, sampling_std=0).sample(1)
    assert set(drawn.tolist()) == {10.0}
    assert not np.array_equal(Vector(8).sample(), Vector(8).sample())
    for wrong in (-1, 2**32, "x", 0.5):
        with pytest.raises(BadValue, match="A seed cannot be"):
            Vector(8).sample(wrong)  # type: ignore[arg-type]


def test_a_row_travels_without_a_copy() -> None:
    field = Vector(512)
    field.name = "z"
    row = field.sample(3)
    buffers: list[Buffer] = []
    packed = frames.pack_values([field], {"z": row}, buffers)
    assert np.shares_memory(np.frombuffer(buffers[0], "<f4"), row)
    data = frames.join({"type": "query", "inputs": packed}, buffers)
    message = frames.unpack(data)
    again = frames.unpack_values([field], message.header["inputs"], message.buffers)["z"]
    assert np.shares_memory(again, np.frombuffer(data, np.uint8))
    assert np.array_equal(again, row)
    assert again.flags.aligned


def test_a_row_that_lies_askew_is_put_straight() -> None:
    field = Vector(2)
    data = memoryview(b"x" + np.array([1, 2], "<f4").tobytes())[1:]
    row = field.unpack({"buffer": 0, "encoding": "raw", "dtype": "<f4"}, [data])
    assert row.tolist() == [1, 2]
    assert row.flags.aligned


def test_a_point_of_a_latent_space_is_taken() -> None:
    point = seed(7, 6)
    row = Vector(6).check(point)
    assert row.tolist() == point.values.tolist()
    row[0] = 1  # what a model gets it may write into
    assert Vector(6).check(Point("w+", [[1, 2, 3], [4, 5, 6]])).tolist() == [1, 2, 3, 4, 5, 6]
    assert Vector(6).check(Point("w", [1, 2, 3])).tolist() == [1, 2, 3, 1, 2, 3]
    for wrong in (seed(7, 3), Point("w", [1, 2, 3, 4]), Point("w+", [[1, 2, 3]])):
        with pytest.raises(BadValue, match="a row of 6 finite numbers"):
            Vector(6).check(wrong)


def test_rows_of_the_wrong_size_in_a_frame_are_refused() -> None:
    field = Vector(2)
    for size in (0, 4, 7, 12):
        with pytest.raises(BadValue, match="Allowed: a row of 2 numbers"):
            field.unpack({"buffer": 0, "encoding": "raw", "dtype": "<f4"}, [memoryview(bytes(size))])
    with pytest.raises(BadValue, match="not finite"):
        field.unpack({"buffer": 0, "dtype": "<f4"}, [memoryview(b"\xff" * 8)])


def test_json_is_a_list() -> None:
    assert Vector(2).to_json(np.array([0.5, 1], np.float32)) == [0.5, 1.0]
    assert Vector(2).from_json([0.5, 1]).tolist() == [0.5, 1]
    assert Vector(1, default=[2]).describe()["default"] == [2.0]
    assert Vector(1).describe()["default"] is None


def test_an_npy_file_is_read_where_it_lies() -> None:
    data = npy(np.arange(6, dtype="<f4").reshape(2, 3))
    found = array_from_npy(data)
    assert found is not None
    assert found.shape == (2, 3)
    assert np.shares_memory(found, np.frombuffer(data, np.uint8))
    turned = array_from_npy(npy(np.asfortranarray(np.arange(6).reshape(2, 3))))
    assert turned is not None
    assert turned.tolist() == [[0, 1, 2], [3, 4, 5]]


DESCRIPTION = "{'descr': %s, 'fortran_order': False, 'shape': %s, }\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        npy(np.array([{}, 1], dtype=object), allow_pickle=True),
        npy(np.array(["a"])),
        npy(np.array([True])),
        npy(np.zeros(3))[:-1],
        npy(np.zeros(3)) + b"x",
        header(DESCRIPTION % ("'<f4'", "(100000000000,)"), body=bytes(12)),
        header(DESCRIPTION % ("'<f4'", "(-1, -3)"), body=bytes(12)),
        header(DESCRIPTION % ("'<f4'", "(0, 3)")),
        header(DESCRIPTION % ("'<f4'", "(" + "1," * 80 + ")"), body=bytes(4)),
        header(DESCRIPTION % ("'|O'", "(1,)"), body=bytes(8)),
        header(DESCRIPTION % ("[('a', '<f4')]", "(3,)"), body=bytes(12)),
        header(DESCRIPTION % ("'<f4'", "__import__('os').getcwd()"), body=bytes(12)),
        header(DESCRIPTION % ("'<f4'", "(3L,"), body=bytes(12)),
        header("{'descr': '<f4'\n'''", body=bytes(12)),
        header("(" * 9000, body=bytes(12)),
        header("{" * 60000, body=bytes(12)),
        header(DESCRIPTION % ("'<f4'", "(3,)"), (9, 9), bytes(12)),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'",
        npy(np.zeros(3)).replace(b"(3,)", b"(3.)"),
    ],
    ids=lambda data: repr(data[:60]),
)
def test_a_hostile_npy_file_is_none_and_takes_no_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        assert array_from_npy(data) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
    with pytest.raises(BadValue, match="bytes"):
        Vector(3).check(data)


def test_words_in_a_list_take_no_memory() -> None:
    # NumPy would give each of ten thousand items the room of the longest.
    value = ["x" * 1_000_000, *[1.0] * 9_999]
    tracemalloc.start()
    try:
        with pytest.raises(BadValue):
            Array(Vector(10_000)).from_json([value])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
