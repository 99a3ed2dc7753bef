"""What `torch.save` writes, read without torch: zip archives and the older stream of pickles.

An archive holds `<name>/data.pkl`, a pickle in which storages are names, and `<name>/data/<key>`, their
numbers, never compressed. The older stream is five pickles (a magic number, a protocol number, facts about
the machine, the object, the keys of its storages) and then, for each key, a count and the numbers; NVIDIA's
pickles hold one such stream for each tensor. Both end up as `TensorRef`s that point into the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from runway_lab.stylegan.errors import BadCheckpoint
from runway_lab.stylegan.records import Storage, Truncated, storage_kind, width_of
from runway_lab.stylegan.unpickle import Unpickler

__all__ = ["read_archive", "read_stream"]

_MAGIC = 0x1950A86A20F9469CFC6C
_LARGEST_CONTENTS = 2 * 2**20


def read_stream(data: memoryview, parent: Unpickler | None = None) -> Any:
    """The object in an older `torch.save` stream; `parent` is the reader of the pickle it was found in."""
    storages: dict[str, Storage] = {}
    budget = None if parent is None else parent.budget
    reader = Unpickler(data, persistent=_collector(storages), nested=None, budget=budget)
    magic = reader.load()
    if magic != _MAGIC:
        raise BadCheckpoint("A tensor that PyTorch did not write.", hint="This file is damaged.")
    protocol, machine = reader.load(), reader.load()
    if protocol != 1001 or not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise BadCheckpoint(
            "A tensor written by an unknown version of PyTorch or on a big-endian machine.",
            hint="Load and save it again with a current PyTorch on a usual machine.",
        )
    value, keys = reader.load(), reader.load()
    for key in keys if isinstance(keys, list) else ():
        storage = storages.get(str(key)) if type(key) in (str, int) else None
        if storage is None:
            raise BadCheckpoint("A storage that nothing uses.", hint="This file is damaged.")
        (count,) = struct.unpack("<q", reader._take(8))
        if count != storage.count:
            raise BadCheckpoint(
                f"A storage announces {storage.count} numbers and has {count}.",
                hint="This file is damaged or hostile.",
            )
        storage.data = reader._take(count * width_of(storage.kind))
    return value


def read_archive(data: memoryview) -> Any:
    """The object in a `torch.save` archive."""
    entries = _contents(data)
    pickles = [name for name in entries if name.endswith("/data.pkl") or name == "data.pkl"]
    if len(pickles) != 1:
        if any(name.endswith((".png", ".jpg", ".json")) for name in entries):
            raise BadCheckpoint(
                "This is a zip archive of other files, perhaps a data set.",
                hint="Unpack it and choose the checkpoint.",
            )
        raise BadCheckpoint("This zip archive holds no checkpoint.", hint="PyTorch writes a data.pkl into it.")
    prefix = pickles[0].removesuffix("data.pkl")
    order = entries.get(prefix + "byteorder")
    if order is not None and bytes(order[:6]) == b"big":
        raise BadCheckpoint("This file comes from a big-endian machine.", hint="Save it again on a usual one.")
    storages: dict[str, Storage] = {}
    reader = Unpickler(entries[pickles[0]], persistent=_collector(storages))
    reader.budget[0] += len(data) // 2
    value = reader.load()
    for key, storage in storages.items():
        piece = entries.get(f"{prefix}data/{key}")
        if piece is None or len(piece) < storage.count * width_of(storage.kind):
            held = 0 if piece is None else len(piece) // width_of(storage.kind)
            raise BadCheckpoint(
                f"A storage announces {storage.count} numbers and has {held}.",
                hint="This file is damaged or hostile.",
            )
        storage.data = piece
    return value


def _collector(storages: dict[str, Storage]) -> Callable[[Any], Storage]:
    def storage_of(reference: Any) -> Storage:
        if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
            raise BadCheckpoint("A reference to something that is no storage.", hint="This file is damaged.")
        _, kind, key, _, count = reference[:5]
        if type(key) not in (str, int):
            raise BadCheckpoint("A storage without a name.", hint="This file is damaged or hostile.")
        if type(count) is not int or count < 0 or (len(reference) > 5 and reference[5] is not None):
            raise BadCheckpoint("A storage of an impossible size.", hint="This file is damaged or hostile.")
        return storages.setdefault(str(key), Storage(storage_kind(kind), count))

    return storage_of


def _contents(data: memoryview) -> dict[str, memoryview]:
    """Names and bytes of a zip archive's entries, all of which lie in it uncompressed."""
    tail = bytes(data[-66_000:])
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 22 > len(tail):
        raise BadCheckpoint(
            f"This file ends after {len(data) / 1e6:.1f} MB, before its table of contents.",
            hint="It was not copied or downloaded completely; get it again.",
        )
    count, size, offset = struct.unpack("<HII", tail[at + 10 : at + 20])
    if 0xFFFF in (count,) or 0xFFFFFFFF in (size, offset):
        wide = tail.rfind(b"PK\x06\x06", 0, at)
        if wide < 0 or wide + 56 > len(tail):
            raise BadCheckpoint("This zip archive has no readable table of contents.", hint="Get it again.")
        count, size, offset = struct.unpack("<QQQ", tail[wide + 32 : wide + 56])
    if size > _LARGEST_CONTENTS or offset + size > len(data):
        raise BadCheckpoint("This zip archive's table of contents makes no sense.", hint="It is damaged or hostile.")
    table = bytes(data[offset : offset + size])
    entries: dict[str, memoryview] = {}
    at = 0
    while at + 46 <= len(table) and table[at : at + 4] == b"PK\x01\x02":
        method = struct.unpack("<H", table[at + 10 : at + 12])[0]
        packed, plain, name_size, extra_size, note_size = struct.unpack("<IIHHH", table[at + 20 : at + 34])
        local = struct.unpack("<I", table[at + 42 : at + 46])[0]
        name = table[at + 46 : at + 46 + name_size].decode("utf-8", "replace")
        extra = table[at + 46 + name_size : at + 46 + name_size + extra_size]
        plain, packed, local = _wide(extra, plain, packed, local)
        at += 46 + name_size + extra_size + note_size
        if method != 0 or plain != packed:
            raise BadCheckpoint(
                f"The entry {name[:80]!r} of this zip archive is compressed, which PyTorch never does.",
                hint="Unpack it and choose the checkpoint inside, or get the file from its maker again.",
            )
        if local + 30 > len(data):
            raise Truncated(len(data), local + 30)
        name_size, extra_size = struct.unpack("<HH", data[local + 26 : local + 30])
        start = local + 30 + name_size + extra_size
        if start + plain > len(data):
            raise Truncated(len(data), start + plain)
        entries[name] = data[start : start + plain]
    return entries


def _wide(extra: bytes, plain: int, packed: int, local: int) -> tuple[int, int, int]:
    """Sizes beyond 4 GB, which lie in an extra field, in this order, where the usual one is full of ones."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack("<HH", extra[at : at + 4])
        if kind == 1:
            numbers = list(struct.unpack(f"<{size // 8}Q", extra[at + 4 : at + 4 + size // 8 * 8]))
            wide = [numbers.pop(0) if value == 0xFFFFFFFF and numbers else value for value in (plain, packed, local)]
            return wide[0], wide[1], wide[2]
        at += 4 + size
    return plain, packed, local
