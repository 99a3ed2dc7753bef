"""Messages: what is sent arrives, and whatever else arrives is refused without taking memory for it."""

from __future__ import annotations

import contextlib
import io
import json
import random
import socket
import struct
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from runway_lab import frames
from runway_lab.errors import BadFrame, BadValue
from runway_lab.fields import Array, Audio, Buffer, Image, Number, Segmentation, Text, Vector, Video
from runway_lab.frames import Message, join, pack, read, unpack, unpack_values
from runway_lab.signature import named

FIELDS = named(
    {
        "image": Image(form="array"),
        "pictures": Array(Image()),
        "z": Vector(4),
        "map": Segmentation({"a": 0, "b": 1}),
        "sound": Audio,
        "film": Video,
        "text": Text,
        "n": Number,
    }
)


def example() -> bytes:
    buffers: list[Buffer] = []
    values = {
        "image": np.arange(60, dtype=np.uint8).reshape(4, 5, 3),
        "pictures": [FIELDS["pictures"].check([np.zeros((2, 3, 3), np.uint8)])[0]],
        "z": np.ones(4, np.float32),
        "map": FIELDS["map"].check(np.eye(3, dtype=np.uint8)),
        "text": "hällo",
        "n": 0.5,
    }
    packed = frames.pack_values(FIELDS.values(), values, buffers)
    return join({"type": "query", "id": 7, "inputs": packed}, buffers)


def raw(header: bytes, body: bytes = b"", /, **change: Any) -> bytes:
    told = {"magic": b"RWL", "version": 1, "header": len(header), "body": len(body)} | change
    return struct.pack("<3sBIQ", told["magic"], told["version"], told["header"], told["body"]) + header + body


def from_bytes(data: bytes) -> Message | None:
    return read(io.BytesIO(data).readinto)


BOTH: list[Callable[[bytes], Message | None]] = [unpack, from_bytes]


@pytest.mark.parametrize("take", BOTH)
def test_what_is_sent_arrives(take: Callable[[bytes], Message | None]) -> None:
    buffers: list[Buffer] = [
        b"",
        b"abc",
        bytearray(5),
        memoryview(np.arange(3)).cast("B"),
        np.eye(2, dtype=np.float32).data,
    ]
    message = take(join({"type": "query", "a": ["ä", None, 2**60]}, buffers))
    assert message is not None
    assert message.type == "query"
    assert message.header == {"type": "query", "a": ["ä", None, 2**60]}
    assert [bytes(each) for each in message.buffers] == [bytes(memoryview(each).cast("B")) for each in buffers]


def test_the_layout_is_the_one_that_is_told() -> None:
    data = join({"type": "x"}, [b"abc"])
    magic, version, header, body = struct.unpack_from("<3sBIQ", data)
    assert (magic, version, body) == (b"RWL", 1, 3)
    assert json.loads(data[16 : 16 + header]) == {"type": "x", "buffers": [3]}
    assert data[16 + header :] == b"abc"
    assert (16 + header) % 16 == 0


def test_buffers_are_sent_as_they_are() -> None:
    pixels = np.zeros(1000, np.uint8)
    pieces = pack({"type": "x"}, [pixels.data, b"abc"])
    assert np.shares_memory(np.frombuffer(pieces[1], np.uint8), pixels)
    assert len(pieces) == 3


@pytest.mark.parametrize("count", [1, 100, 4096])
def test_many_buffers(count: int) -> None:
    buffers = [bytes([index % 256]) * (index % 5) for index in range(count)]
    assert [bytes(each) for each in unpack(join({}, buffers)).buffers] == buffers


def test_too_many_buffers_are_refused_on_both_ends() -> None:
    with pytest.raises(BadFrame, match="4097 buffers"):
        pack({}, [b""] * 4097)
    header = json.dumps({"buffers": [0] * 4097}).encode()
    for take in BOTH:
        with pytest.raises(BadFrame):
            take(raw(header))


@pytest.mark.parametrize(
    "header",
    [
        {"a": float("nan")},
        {"a": [float("inf")]},
        {"a": b"x"},
        {"a": np.float32(1)},
        {("a",): 1},
        {"a": 10**6000},
        {"buffers": [1]},
    ],
)
def test_what_is_no_json_is_not_sent(header: dict[Any, Any]) -> None:
    with pytest.raises(BadFrame):
        pack(header)


def test_what_has_no_end_is_not_sent() -> None:
    ring: dict[str, Any] = {}
    ring["ring"] = ring
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for header in (ring, {"deep": deep}):
        with pytest.raises(BadFrame):
            pack(header)
    while deep:
        deep = deep.pop()


def test_buffers_in_pieces_and_what_is_no_buffer_are_not_sent() -> None:
    for buffer in (np.zeros((4, 4))[:, ::2].data, "text", None, 5):
        with pytest.raises(BadFrame):
            pack({}, [buffer])  # type: ignore[list-item]


def test_a_header_has_a_limit_on_both_ends() -> None:
    with pytest.raises(BadFrame, match="Allowed: 16777216"):
        pack({"a": "x" * 16_777_216})
    for take in BOTH:
        with pytest.raises(BadFrame, match="Allowed: 16777216"):
            take(raw(b"", header=16_777_217))


HOSTILE = {
    "nothing": b"",
    "short": b"RWL\1",
    "other": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "old": raw(b"{}", version=0),
    "new": raw(b"{}", version=2),
    "no header": raw(b""),
    "no JSON": raw(b"{'a': 1}"),
    "no object": raw(b"[]"),
    "no UTF-8": raw(b'{"a": "\xff"}'),
    "UTF-16": raw('{"a": 1}'.encode("utf-16")),
    "UTF-32": raw('{"a": 1}'.encode("utf-32-le")),
    "nan": raw(b'{"a": NaN}'),
    "infinity": raw(b'{"a": [-Infinity]}'),
    "hidden infinity": raw(b'{"a": 1e999}'),
    "long number": raw(b'{"a": ' + b"9" * 5000 + b"}"),
    "deep": raw(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "two": raw(b"{}") + raw(b"{}"),
    "header too long": raw(b"{}", header=3),
    "header too short": raw(b'{"a": 1}', header=2),
    "body without buffers": raw(b"{}", b"abc"),
    "body missing": raw(b'{"buffers": [3]}', b"", body=3),
    "buffers too long": raw(b'{"buffers": [4]}', b"abc"),
    "buffers too short": raw(b'{"buffers": [2]}', b"abc"),
    "buffers negative": raw(b'{"buffers": [4, -1]}', b"abc"),
    "buffers bool": raw(b'{"buffers": [2, true]}', b"abc"),
    "buffers float": raw(b'{"buffers": [3.0]}', b"abc"),
    "buffers no list": raw(b'{"buffers": {"0": 3}}', b"abc"),
    "buffers null": raw(b'{"buffers": null}', b"abc"),
    "buffers huge": raw(b'{"buffers": [' + b",".join([b"9" * 4300] * 20) + b"]}", b"abc"),
    "body of exabytes": raw(b"{}", body=2**64 - 1),
}
ALSO_FINE_ON_A_STREAM = {"nothing", "two"}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("take", BOTH)
def test_a_hostile_message_is_a_bad_frame_in_a_short_sentence(
    name: str, take: Callable[[bytes], Message | None]
) -> None:
    if take is from_bytes and name in ALSO_FINE_ON_A_STREAM:
        return
    with pytest.raises(BadFrame) as caught:
        take(HOSTILE[name])
    assert len(str(caught.value)) < 300


def test_another_version_says_what_to_do() -> None:
    with pytest.raises(BadFrame, match="version 2.*the same version of runway-lab on both ends"):
        unpack(HOSTILE["new"])


def test_no_bytes_at_all_are_a_bad_frame() -> None:
    for data in (np.zeros((4, 4))[:, ::2].data, "text", None):
        with pytest.raises(BadFrame):
            unpack(data)  # type: ignore[arg-type]


def test_the_type_of_a_message_is_a_word() -> None:
    assert Message({"type": "query"}).type == "query"
    for header in ({}, {"type": None}, {"type": [[[]]]}, {"type": 5}):
        assert Message(header).type == ""


def test_a_stream_ends_properly_only_between_two_messages() -> None:
    data = join({"type": "a"}, [b"xyz"])
    stream = io.BytesIO(data + data)
    assert [read(stream.readinto), read(stream.readinto)] == [unpack(data)] * 2
    assert read(stream.readinto) is None
    for length in range(1, len(data)):
        with pytest.raises(BadFrame, match="ends early"):
            from_bytes(data[:length])


def test_a_stream_may_come_byte_by_byte() -> None:
    here, there = socket.socketpair()
    data = example()

    def trickle() -> None:
        with there:
            for index in range(len(data)):
                there.sendall(data[index : index + 1])

    thread = threading.Thread(target=trickle)
    thread.start()
    with here:
        assert read(here.recv_into) == unpack(data)
        assert read(here.recv_into) is None
    thread.join()


def test_a_buffer_that_is_larger_than_a_step_grows_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "STEP", 1000)
    here, there = socket.socketpair()
    body = random.Random(4).randbytes(50_000)

    def send() -> None:
        with there:
            for piece in pack({"type": "a"}, [body[:49_000], body[49_000:]]):
                there.sendall(piece)

    thread = threading.Thread(target=send)
    thread.start()
    asked: list[int] = []

    def receive_into(free: memoryview) -> int:
        asked.append(len(free))
        return here.recv_into(free[:777])

    with here:
        message = read(receive_into)
    thread.join()
    assert message is not None
    assert b"".join(bytes(each) for each in message.buffers) == body
    # Never is more than twice of what is there already waiting to be filled.
    assert max(asked) <= 32_000


def test_a_receiver_may_keep_what_it_was_given() -> None:
    data, kept, start = join({}, [bytes(10_000_000)]), [], 0

    def receive_into(free: memoryview) -> int:
        nonlocal start
        kept.append(free)
        count = min(len(free), len(data) - start)
        free[:count] = data[start : start + count]
        start += count
        return count

    assert read(receive_into) is not None
    assert len(kept) > 3


def test_memory_follows_what_arrives_and_not_what_is_claimed() -> None:
    claims = [
        raw(b"{}", body=512 * 1024 * 1024),
        raw(b"", header=16 * 1024 * 1024),
        raw(b'{"buffers":[536870912]}', b"x", body=2**29),
    ]
    for data in claims:
        for take, most in ((unpack, 100_000), (from_bytes, 10_000_000)):
            tracemalloc.start()
            try:
                with pytest.raises(BadFrame):
                    take(data)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert peak < most


def test_the_most_can_be_less() -> None:
    data = join({}, [bytes(1001)])
    with pytest.raises(BadFrame, match="Allowed: 1000"):
        unpack(data, most=1000)
    with pytest.raises(BadFrame, match="Allowed: 1000"):
        read(io.BytesIO(data).readinto, most=1000)
    assert unpack(data, most=1001).buffers


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The data with one of the things that go wrong on the way, or that somebody does to it."""
    broken = bytearray(data)
    how = chance.randrange(7)
    if how == 0:
        return data[: chance.randrange(len(data))]
    if how == 1:
        for _ in range(chance.randint(1, 8)):
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
    elif how == 2:
        start = chance.randrange(len(broken))
        broken[start:start] = chance.randbytes(chance.randint(1, 40))
    elif how == 3:
        start = chance.randrange(len(broken))
        del broken[start : start + chance.randint(1, 40)]
    elif how == 4:
        broken[4:16] = struct.pack(
            "<IQ", chance.getrandbits(chance.randint(1, 32)), chance.getrandbits(chance.randint(1, 64))
        )
    elif how == 5:
        # In the header, one number or word becomes another.
        text = data[16 : 16 + struct.unpack_from("<I", data, 4)[0]]
        words = [
            b"0",
            b"1",
            b"-1",
            b"null",
            b"true",
            b'"raw"',
            b"[]",
            b"{}",
            b"1e308",
            b"99999999999",
            b'"png"',
            b'"L"',
            b"[9,9]",
        ]
        old = chance.choice([b"0", b"1", b"2", b"3", b'"raw"', b'"RGB"', b'"<f4"', b"[5,4]", b'{"buffer"', b"60"])
        text = text.rstrip().replace(old, chance.choice(words), chance.randint(1, 3))
        return raw(text, data[16 + struct.unpack_from("<I", data, 4)[0] :])
    else:
        broken += data
    return bytes(broken)


@pytest.mark.parametrize("take", BOTH)
def test_thousands_of_damaged_messages_raise_nothing_else(take: Callable[[bytes], Message | None]) -> None:
    chance, data = random.Random(2024), example()
    arrived = 0
    for _ in range(3000):
        with contextlib.suppress(BadFrame, BadValue):
            message = take(damaged(data, chance))
            if message is not None:
                arrived += 1
                for name in FIELDS:
                    with contextlib.suppress(BadFrame, BadValue):
                        inputs = message.header.get("inputs")
                        unpack_values([FIELDS[name]], inputs, message.buffers)
    # Else the fields were never tried.
    assert arrived > 300


def test_values_that_are_no_object_are_a_bad_frame() -> None:
    for data in (None, [], "text", 5):
        with pytest.raises(BadFrame):
            unpack_values(FIELDS.values(), data, [])


def test_values_come_back_and_others_are_ignored() -> None:
    message = unpack(example())
    values = unpack_values(FIELDS.values(), message.header["inputs"] | {"other": 1}, message.buffers)
    assert list(values) == ["image", "pictures", "z", "map", "text", "n"]
    assert values["image"].sum() == sum(range(60))
    assert values["text"] == "hällo"


def test_what_a_field_cannot_foresee_is_a_bad_frame_as_well() -> None:
    class Odd(Text):
        def unpack(self, *args: Any) -> Any:
            raise RecursionError("x" * 10_000)

    with pytest.raises(BadFrame) as caught:
        unpack_values(named({"odd": Odd()}).values(), {"odd": 1}, [])
    assert "'odd'" in str(caught.value)
    assert len(str(caught.value)) < 300
