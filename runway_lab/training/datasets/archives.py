"""Zip and tar archives as sources of pictures.

An archive may come from a stranger. Nothing is unpacked to the disk, so no name in it can lead anywhere; links are not
followed; and what comes out is counted while it comes out, so that an archive which promises little and holds
terabytes ends with words and not with a full memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import stat
import struct
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from runway_lab.errors import BadValue
from runway_lab.settings import settings
from runway_lab.training.datasets.sources import ENDINGS, LARGEST_FILE, Item, Source, is_hidden, shown

__all__ = ["open_archive"]

PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "lzma"}
HEAD = 512
"""So much is read of what does not promise to be a picture."""

MOST_ENTRIES = 20
"""No archive may have more entries than this many for each picture a dataset may have."""


def open_archive(data: Path | bytes, head: bytes, title: str) -> Source | None:
    """The pictures in an archive; None where this is none."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip(data, title)
    packing = next((name for start, name in PACKED.items() if head.startswith(start)), "")
    if packing or head[257:262] == b"ustar" or str(title).lower().endswith(".tar"):
        return _tar(data, packing, title)
    return None


def _identity(data: Path | bytes) -> str:
    if isinstance(data, bytes):
        return f"archive {hashlib.sha256(data).hexdigest()}"
    seen = data.stat()
    return f"archive {data.resolve()} {seen.st_size} {seen.st_mtime_ns}"


def _opened(data: Path | bytes) -> IO[bytes]:
    return io.BytesIO(data) if isinstance(data, bytes) else data.open("rb")


def _cannot(title: str, why: object) -> BadValue:
    return BadValue(
        f"The archive {title} cannot be read: {why}.", hint="Pack it again, or unpack it and give the folder."
    )


def _budget() -> int:
    return int(settings().dataset_gb * 1e9)


def _zip(data: Path | bytes, title: str) -> Source:
    """The entries of a zip, each unpacked by whoever looks at it."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data)
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError) as error:
        raise _cannot(title, error) from error
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES * settings().dataset_images:
        raise _cannot(title, f"it has {len(entries):,} entries")
    spent, one_at_a_time = 0, threading.Lock()

    def reader(entry: zipfile.ZipInfo) -> Callable[[int], bytes]:
        def read(most: int) -> bytes:
            nonlocal spent
            if entry.flag_bits & 1:
                raise OSError("it is locked with a password")
            try:
                with archive.open(entry) as file:
                    content = file.read(most)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, struct.error) as error:
                raise OSError(f"its part of the archive is damaged ({error})") from error
            with one_at_a_time:
                spent += len(content)
            return content

        return read

    def items() -> Iterator[Item]:
        for number, entry in enumerate(entries):
            name = _name(entry.filename, number)
            if entry.is_dir():
                continue
            mode = entry.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                yield Item(
                    name, finding="other", note="a link, which is not followed" if stat.S_ISLNK(mode) else "no file"
                )
            else:
                hidden = "hidden" if is_hidden(name) else ""
                yield Item(name, entry.file_size, entry.CRC, reader(entry), finding=hidden)

    class Zip(Source):
        @property
        def bytes_read(self) -> int:
            return spent

    return Zip(title, items, len([each for each in entries if not each.is_dir()]), _identity(data))


class _Bounded:
    """A file that tar reads through: it can only go so far, and only so much at once."""

    def __init__(self, file: Any, most: int) -> None:
        self.file, self.most = file, most

    def read(self, count: int = -1) -> bytes:
        if count < 0 or count > 2 * LARGEST_FILE or self.file.tell() + count > self.most:
            raise tarfile.ReadError("it unpacks to more than a dataset may have")
        data: bytes = self.file.read(count)
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        if whence or place > self.most:
            raise tarfile.ReadError("it unpacks to more than a dataset may have")
        return int(self.file.seek(place))

    def tell(self) -> int:
        return int(self.file.tell())


def _tar(data: Path | bytes, packing: str, title: str) -> Source:
    """The members of a tar, one after another: each is read when its turn has come."""
    import lzma

    broken = (tarfile.TarError, lzma.LZMAError, zlib.error, struct.error)
    broken += (OSError, EOFError, ValueError, MemoryError, RecursionError)  # type: ignore[assignment]

    @contextlib.contextmanager
    def unpacking() -> Iterator[tarfile.TarFile]:
        with contextlib.ExitStack() as open_files:
            try:
                raw = open_files.enter_context(_opened(data))
                file = open_files.enter_context(_unpacked(raw, packing))
                # Twice what a dataset may have: there is more than pictures in an archive.
                bounded: Any = _Bounded(file, 2 * _budget() + (64 << 20))
                archive = open_files.enter_context(tarfile.open(fileobj=bounded, mode="r:"))
            except broken as error:
                raise _cannot(title, error) from error
            yield archive

    def items() -> Iterator[Item]:
        number = 0
        with unpacking() as archive:
            while True:
                try:
                    member = archive.next()
                    # What was read is forgotten, or an archive of millions of names would fill the memory.
                    archive.members = []  # type: ignore[attr-defined]
                    item = _member(archive, member, number) if member is not None and not member.isdir() else None
                except broken as error:
                    yield Item(f"{title}: the rest", finding="truncated", note=f"the archive ends here ({error})")
                    return
                if member is None:
                    return
                number += 1
                if item is not None:
                    yield item

    with unpacking():
        return Source(title, items, None, _identity(data))


def _unpacked(raw: IO[bytes], packing: str) -> Any:
    import bz2
    import gzip
    import lzma

    if packing == "gzip":
        return gzip.GzipFile(fileobj=raw)
    if packing == "bz2":
        return bz2.BZ2File(raw)
    return lzma.LZMAFile(raw) if packing == "lzma" else raw


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo, number: int) -> Item:
    name = _name(member.name, number)
    if not member.isreg():
        return Item(
            name,
            finding="other",
            note="a link, which is not followed" if member.issym() or member.islnk() else "no file",
        )
    if is_hidden(name):
        finding = "hidden"
    elif member.size > LARGEST_FILE:
        return Item(name, member.size, finding="too_large", note=f"{member.size:,} bytes")
    else:
        finding = ""
    ending = name[name.rfind(".") :].lower()
    file = archive.extractfile(member)
    content = file.read(-1 if ending in ENDINGS and member.size <= LARGEST_FILE else HEAD) if file else b""
    return Item(name, member.size, int(member.mtime), lambda most: content[:most], finding=finding)


def _name(name: str, number: int) -> str:
    """A name to show: it is never used to open or write anything."""
    parts = [part for part in shown(name.replace("\\", "/")).split("/") if part not in ("", ".", "..")]
    return "/".join(parts)[-300:] or f"entry {number}"
