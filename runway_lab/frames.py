"""One message of ours: a JSON header and raw buffers, the same over a local pipe and over a WebSocket.

    offset  bytes  what
    0       3      b"RWL"
    3       1      the version of this layout, 1
    4       4      length of the header, little-endian
    8       8      length of all buffers together, little-endian
    16      ...    the header: a JSON object in UTF-8; its key "buffers" lists the length of each buffer.
                   Spaces behind it bring the first buffer to a multiple of 16, where numbers are read in place
    ...     ...    the buffers, one right after the other

A header says what the message is (`"type": "query"`, ...); who says what to whom is told in
`runway_lab.engine.protocol`. Values that are bytes (pictures, vectors, sounds) stand in the header as
`{"buffer": 0, ...}` and lie in the buffer of that number: no base64, no copy.

A reader believes nothing: lengths are bounded before they are used, memory grows as bytes arrive and not as a
header claims, and whatever does not fit raises `BadFrame` and says why.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runway_lab.errors import BadFrame, BadValue, shorten
from runway_lab.fields.field import NETWORK, Buffer, Field, Wire

__all__ = ["Message", "join", "pack", "pack_values", "read", "unpack", "unpack_value", "unpack_values"]

MAGIC = b"RWL"
VERSION = 1
PREFIX = struct.Struct("<3sBIQ")
MOST_HEADER = 16 * 1024 * 1024
MOST_BUFFERS = 4096
MOST_BODY = 512 * 1024 * 1024
STEP = 4 * 1024 * 1024
"""How far memory is taken ahead of the bytes that arrived."""


@dataclass
class Message:
    """A header and the buffers it speaks of."""

    header: dict[str, Any]
    buffers: Sequence[Buffer] = field(default_factory=list)

    @property
    def type(self) -> str:
        """What the message is; empty where it does not say so in a word."""
        kind = self.header.get("type")
        return kind if isinstance(kind, str) else ""


def pack(header: Mapping[str, Any], buffers: Sequence[Buffer] = ()) -> list[Buffer]:
    """The message as pieces to be written one after another; the buffers are not copied.

    >>> pieces = pack({"type": "query"}, [b"abc"])
    >>> unpack(b"".join(pieces)).header
    {'type': 'query'}
    """
    try:
        views = [memoryview(each) for each in buffers]
    except TypeError as error:
        raise BadFrame(f"A buffer of a message is bytes: {error}.") from error
    if not all(view.c_contiguous for view in views):
        raise BadFrame("A buffer of a message must lie in one piece.", hint="Copy it with np.ascontiguousarray.")
    if len(views) > MOST_BUFFERS:
        raise BadFrame(f"A message cannot have {len(views)} buffers.", hint=f"Allowed: {MOST_BUFFERS}.")
    if "buffers" in header:
        raise BadFrame('A header cannot have a key "buffers" of its own: the lengths of the buffers stand there.')
    lengths = [view.nbytes for view in views]
    try:
        whole = {**header, "buffers": lengths} if lengths else header
        text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise BadFrame(f"This is not JSON, so it cannot be sent: {shorten(str(error))[1:-1]}.") from error
    text += b" " * (-(PREFIX.size + len(text)) % 16)
    if len(text) > MOST_HEADER:
        raise BadFrame(f"A header cannot have {len(text)} bytes.", hint=f"Allowed: {MOST_HEADER}.")
    return [PREFIX.pack(MAGIC, VERSION, len(text), sum(lengths)) + text, *buffers]


def join(header: Mapping[str, Any], buffers: Sequence[Buffer] = ()) -> bytes:
    """The message as one piece."""
    return b"".join(pack(header, buffers))


def unpack(data: Buffer, most: int = MOST_BODY) -> Message:
    """The message in these bytes, its buffers looking into them."""
    try:
        view = memoryview(data).cast("B")
    except TypeError as error:
        raise BadFrame(f"A message is bytes in one piece: {error}.") from error
    if view.nbytes < PREFIX.size:
        raise BadFrame(f"This message ends after {view.nbytes} bytes, before its header begins.")
    header_length, body_length = _lengths(view[: PREFIX.size], most)
    start = PREFIX.size + header_length
    if view.nbytes != start + body_length:
        raise BadFrame(f"This message has {view.nbytes} bytes, but announces {start + body_length}.")
    return _message(bytes(view[PREFIX.size : start]), view[start:])


def read(receive_into: Callable[[memoryview], int], most: int = MOST_BODY) -> Message | None:
    """The next message from a stream; None where the stream ends properly, between two messages.

    `receive_into` fills some of the memory it is given and says how much, 0 at the end (as `socket.recv_into`).
    """
    prefix = _receive(receive_into, PREFIX.size, at_rest=True)
    if prefix is None:
        return None
    header_length, body_length = _lengths(memoryview(prefix), most)
    header = _receive(receive_into, header_length)
    body = _receive(receive_into, body_length)
    return _message(bytes(header or b""), memoryview(body or b""))


def _lengths(prefix: memoryview, most: int) -> tuple[int, int]:
    magic, version, header_length, body_length = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise BadFrame(f"This is no message of runway-lab: it begins with {bytes(prefix[:4])!r}.")
    if version != VERSION:
        raise BadFrame(
            f"This message is of version {version}, this runway-lab speaks version {VERSION}.",
            hint="Use the same version of runway-lab on both ends.",
        )
    if header_length > MOST_HEADER:
        raise BadFrame(f"This message announces a header of {header_length} bytes.", hint=f"Allowed: {MOST_HEADER}.")
    if body_length > most:
        raise BadFrame(f"This message announces {body_length} bytes.", hint=f"Allowed: {most}.")
    return header_length, body_length


def _receive(receive_into: Callable[[memoryview], int], length: int, at_rest: bool = False) -> bytearray | None:
    data = bytearray(min(length, STEP))
    filled = 0
    while filled < length:
        if filled == len(data):
            data.extend(bytes(min(length - filled, max(STEP, filled))))
        # Both are let go before the memory may have to grow.
        with memoryview(data) as view, view[filled:] as free:
            count = receive_into(free)
        if count == 0:
            if at_rest and filled == 0:
                return None
            raise BadFrame(f"This message ends early: {filled} of {length} bytes arrived.")
        filled += count
    return data


def _message(text: bytes, body: memoryview) -> Message:
    try:
        header = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"The header of this message is not JSON: {shorten(str(error))[1:-1]}.") from error
    if not isinstance(header, dict):
        raise BadFrame("The header of this message is not a JSON object.")
    lengths = header.pop("buffers", [])
    fine = isinstance(lengths, list) and len(lengths) <= MOST_BUFFERS
    if not fine or not all(type(length) is int and 0 <= length <= body.nbytes for length in lengths):
        raise BadFrame("The lengths of this message's buffers are not those of what arrived.")
    if sum(lengths) != body.nbytes:
        raise BadFrame(f"This message's buffers add up to {sum(lengths)} bytes, but {body.nbytes} arrived.")
    buffers, start = [], 0
    for length in lengths:
        buffers.append(body[start : start + length])
        start += length
    return Message(header, buffers)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        # 1e999 is a number to JSON, and infinity to everybody who reads it.
        raise ValueError(f"{text[:20]} is too large")
    return number


def pack_values(
    fields: Iterable[Field], values: Mapping[str, Any], buffers: list[Buffer], encoding: str = "raw"
) -> dict[str, Any]:
    """Values by name as JSON, their bytes appended to `buffers`."""
    return {each.name: each.pack(values[each.name], buffers, encoding) for each in fields if each.name in values}


def unpack_values(
    fields: Iterable[Field], data: Any, buffers: Sequence[Buffer], wire: Wire = NETWORK
) -> dict[str, Any]:
    """Values by name from `pack_values`' form."""
    if not isinstance(data, dict):
        raise BadFrame("The values of this message are not a JSON object.")
    views = [memoryview(each) for each in buffers]
    return {each.name: unpack_value(each, data[each.name], views, wire) for each in fields if each.name in data}


def unpack_value(field: Field, data: Any, buffers: list[memoryview], wire: Wire = NETWORK) -> Any:
    """One value; whatever is wrong with its description is a BadValue or a BadFrame."""
    try:
        return field.unpack(data, buffers, wire)
    except (BadValue, BadFrame):
        raise
    except Exception as error:
        raise BadFrame(f"The value of {shorten(field.name)} is described wrongly: {shorten(error)}.") from error
