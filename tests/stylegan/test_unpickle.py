from __future__ import annotations

import builtins
import codecs
import collections
import contextlib
import io
import os
import pickle
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest

from runway_lab.stylegan import BadCheckpoint, UnsafeCheckpoint
from runway_lab.stylegan.records import Truncated, dimensions, megabytes
from runway_lab.stylegan.unpickle import Unpickler


def read(data: bytes) -> object:
    return Unpickler(memoryview(data)).load()


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_out_as_they_went_in(protocol: int) -> None:
    shared = [1, 2]
    value = {
        "numbers": [0, 1, -1, 255, 256, 70000, -70000, 2**40, 1.5, -2.5e300],
        "texts": ["", "a", "ä" * 300, "line\nbreak"],
        "others": (None, True, False, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "nested": {"a": {"b": [[]]}, 3: "three", ("x", 1): 0},
        "twice": [shared, shared],
    }
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_and_numpy_numbers(protocol: int) -> None:
    arrays = [
        np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(3, dtype=np.float16),
        np.int64(7),
        np.float32(2.5),
    ]
    found = read(pickle.dumps(arrays, protocol))
    for record, array in zip(found, arrays, strict=True):  # type: ignore[call-overload]
        value = record.state.array() if hasattr(record, "state") else record
        np.testing.assert_array_equal(value, array)


class Call:
    def __init__(self, function: object, *args: object) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> object:
        return self.function, self.args


@pytest.mark.parametrize(
    ("function", "args", "name"),
    [
        (os.system, ("touch hacked",), f"{os.name}.system"),
        (builtins.eval, ("1",), "builtins.eval"),
        (builtins.getattr, ("a", "b"), "builtins.getattr"),
        (shutil.rmtree, ("folder",), "shutil.rmtree"),
        (codecs.decode, (b"", "zlib"), "_codecs.decode"),
        (io.open, ("/etc/passwd",), "io.open"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_any_other_name_is_refused_with_its_name(function, args, name, protocol, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps({"G_ema": Call(function, *args)}, protocol)
    with pytest.raises(UnsafeCheckpoint) as caught:
        read(data)
    assert caught.value.refused.replace("__builtin__", "builtins") == name
    assert caught.value.refused in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_dotted_name_does_not_get_around_the_list() -> None:
    data = b"\x80\x04\x8c\x05numpy\x8c\x0edtype.__init__\x93."
    with pytest.raises(UnsafeCheckpoint, match="numpy.dtype.__init__"):
        read(data)


def test_extensions_and_buffers_are_refused() -> None:
    for code in (b"\x97", b"\x98"):
        with pytest.raises(BadCheckpoint, match="unknown instruction"):
            read(b"\x80\x05" + code + b".")
    for code in (b"\x82\x07", b"\x83\x07\x00", b"\x84\x07\x00\x00\x00"):
        with pytest.raises(UnsafeCheckpoint, match="function number 7"):
            read(b"\x80\x05" + code + b".")


SYSTEM = {
    "global": b"cposix\nsystem\n(S'touch hacked'\ntR",
    "instance": b"(S'touch hacked'\niposix\nsystem\n",
    "object": b"(cposix\nsystem\nS'touch hacked'\no",
    "stack global": b"\x8c\x05posix\x8c\x06system\x93\x8c\x0ctouch hacked\x85R",
    "stack global, words by memo": b"\x8c\x06system\x940\x8c\x05posixh\x00\x93\x8c\x0ctouch hacked\x85R",
    "new object": b"cposix\nsystem\n\x8c\x0ctouch hacked\x85\x81",
    "new object with keywords": b"cposix\nsystem\n\x8c\x0ctouch hacked\x85}\x92",
    "behind a state": b"}}bcposix\nsystem\n0",
    "in a frame that lies": b"\x95" + struct.pack("<Q", 3) + b"cposix\nsystem\n",
    "in a frame without end": b"\x95" + struct.pack("<Q", 2**63) + b"cposix\nsystem\n",
    "another protocol inside": b"\x80\x00cposix\nsystem\n",
    "unicode line": b"cposix\nsystem\n(Vtouch hacked\ntR",
    "a name with another's letters": "cp\u043esix\nsystem\n".encode(),
    "a module of a module": b"\x8c\x05numpy\x8c\x09os.system\x93",
    "a private place of a known one": b"cargparse\nNamespace.__init__\n",
    "a known name elsewhere": b"c__main__\nOrderedDict\n",
    "an attribute by name": b"cbuiltins\ngetattr\n",
    "a way to more names": b"cimportlib\nimport_module\n",
    "the real loader of storages": b"ctorch\nload\n",
    "a partial": b"cfunctools\npartial\n",
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", SYSTEM)
def test_no_instruction_leads_to_a_function(name: str, protocol: int, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsafeCheckpoint, match="which no checkpoint needs. Nothing of it was run"):
        read(b"\x80" + bytes([protocol]) + SYSTEM[name] + b".")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "code",
    [
        b"Pposix system\n",  # a reference by text
        b"\x8c\x05posixQ",  # a reference by value, where there are none
        b"K\x01K\x02b",  # a state for a number
        b"cnumpy\ndtype\n}b",  # a state for a name
        b"]}b",
        b"(K\x01o",  # an object of a number
        b"(o",  # an object of nothing
        b"o",
        b"cbuiltins\nset\nK\x01R",  # arguments that are none
        b"cbuiltins\nset\n)}\x8c\x01aK\x01s\x92",  # keyword arguments
        b"ctorch\nFloatStorage\n)R",  # a kind of storage is no constructor
        b"\x94",  # remembers nothing
        b"h\x05",  # recalls what nobody remembered
        b"g-1\n",
        b"(p0\n",  # remembers the mark
        b"0",
        b"2",
        b"R",
        b"(u",
        b"}(K\x01u",  # a key without a value
        b"}}K\x01s",  # a dictionary as a key
        b"]K\x01\x90",
        b"S'\\x41'\n",  # an escaped text
        b"F1e5x\n",
        b"I0x10\n",
        b"\x8b\xff\xff\xff\xff",  # a number of minus one bytes
        b"\xff",
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_instructions_that_make_no_sense_are_refused_in_words(code: bytes, protocol: int) -> None:
    with pytest.raises(BadCheckpoint):
        read(b"\x80" + bytes([protocol]) + code + b".")


def test_a_mark_that_is_remembered_is_no_value() -> None:
    with pytest.raises(BadCheckpoint):
        read(b"\x80\x02(q\x00h\x00h\x00\x86.")


def test_something_that_holds_itself_is_read() -> None:
    found = read(b"\x80\x02]q\x00h\x00a.")
    assert isinstance(found, list)
    assert found[0] is found


def test_an_encoding_other_than_latin1_is_refused() -> None:
    with pytest.raises(BadCheckpoint, match="encoding"):
        read(pickle.dumps(Call(codecs.encode, "abc", "rot13"), 2))


def test_where_a_file_ends_too_early_is_said() -> None:
    data = pickle.dumps(np.zeros(1_000_000, dtype=np.float32))
    with pytest.raises(Truncated, match=r"ends after 1\.2 of 4\.0 MB"):
        read(data[:1_200_000])
    assert megabytes(4_000_000, 4_000_100) == "4.000000 of 4.000100 MB"


@pytest.mark.parametrize("cut", range(1, 60))
def test_every_short_file_is_refused_in_words(cut: int) -> None:
    data = pickle.dumps({"a": [1, (2.0, "three")], "b": np.arange(3)})
    with pytest.raises(BadCheckpoint):
        read(data[: len(data) * cut // 60])


def test_noise_is_refused_in_words() -> None:
    random = np.random.default_rng(0)
    whole = pickle.dumps({"a": [1, (2.0, "three")] * 5, "b": np.arange(3), "c": collections.OrderedDict(d=1)})
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            data[random.integers(len(data))] = random.integers(256)
        with contextlib.suppress(BadCheckpoint):
            read(bytes(data))
    for _ in range(2000):
        with contextlib.suppress(BadCheckpoint):
            read(b"\x80\x04" + random.bytes(200))


BOMBS = {
    "claims 4 GB of bytes": b"\x80\x04B" + struct.pack("<I", 2**32 - 1) + b"abc.",
    "claims 2^63 bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**63) + b"abc.",
    "remembers at a huge place": b"\x80\x02]r" + struct.pack("<I", 2**32 - 1) + b".",
    "doubles a tuple": b"\x80\x04)" + b"2\x86" * 10_000 + b".",
    "hashes a doubled tuple": b"\x80\x04}K\x01" + b"2\x86" * 60 + b"Ns.",
    "many small things": b"\x80\x04(" + b"}" * 3_000_000 + b"l.",
    "many sets": b"\x80\x04(" + b"\x8f" * 3_000_000 + b"l.",
    "many copies of a dictionary": b"\x80\x04}q\x00("
    + b"".join(b"M" + struct.pack("<H", i) + b"N" for i in range(60_000))
    + b"u("
    + b"}h\x00b" * 50_000
    + b"l.",
    "many copies of a list": b"\x80\x04cbuiltins\nset\nq\x00]("
    + b"N" * 60_000
    + b"e\x85q\x01("
    + b"h\x00h\x01R" * 50_000
    + b"l.",
    "endless line": b"c" + b"a" * 5_000_000,
    "many long lines": b"(" + (b"V" + b"a" * 9_000 + b"\n") * 3_000 + b"l.",
    "a huge number": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"\x01" * 100 + b".",
    "a long number as text": b"I" + b"9" * 9_000 + b"\n.",
    "deep nesting": b"\x80\x04" + b"]" * 200_000 + b"a" * 199_999 + b".",
    "an array that holds nothing": pickle.dumps(np.zeros(4)).replace(b"K\x04\x85", b"J\xff\xff\xff\x7f\x85"),
    "a nested tuple where a word should be": b"\x80\x02ctorch\ndevice\nK\x01" + b"2\x86" * 27 + b"\x85R.",
    "a long key used often": b"\x80\x04(" + b"N" * 100_000 + b"t\x940}" + b"h\x00Ns" * 20_000 + b".",
    "wide text": b"\x80\x04X" + struct.pack("<I", 20_000_000) + "😀".encode() + b"a" * 19_999_996 + b".",
}

MEASURE = """
import resource, sys
from runway_lab.stylegan.records import dimensions
from runway_lab.stylegan.errors import BadCheckpoint
from runway_lab.stylegan.unpickle import Unpickler
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    Unpickler(memoryview(data)).load()
    said = "read"
except BadCheckpoint as error:
    said = "refused"
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(said, after - before)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_nothing_hangs_or_fills_the_memory(name: str) -> None:
    pytest.importorskip("resource")
    data = BOMBS[name]
    out = subprocess.run([sys.executable, "-c", MEASURE], input=data, capture_output=True, check=True, timeout=60)
    said, kilobytes = out.stdout.split()
    assert said in (b"read", b"refused")
    # The data itself was in memory before: two more of its size, and 64 MB.
    limit = 2 * len(data) + 64 * 2**20
    assert int(kilobytes) * (1024 if sys.platform != "darwin" else 1) <= limit


@pytest.mark.parametrize("shape", [("x" * 1000, 10**6), [1] * 100_000, (True, 2), "ab", (2, -1), (2.0,), None])
def test_a_shape_is_looked_at_before_it_is_multiplied(shape: object) -> None:
    with pytest.raises(BadCheckpoint, match="makes no sense"):
        dimensions(shape)
