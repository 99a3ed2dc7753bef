"""Brings the weights a card names: resumed where it stopped, checked, and only after the licence was agreed to.

A file arrives as `<name>.part` and gets its name when it is complete and its SHA-256 is right, so what has the name
is right.

A connection that drops is taken up again where it ended (`Range`), provided the file at the other end is still the
same one (`If-Range` with what the server said of it, kept in `<name>.part.json`); a server that knows nothing of
this sends all of it again. Nothing beyond the size in the card is read. The addresses are http and https, also
those a server points on to, and never from https back to http.

One kernel downloads for a model, the others wait and see its progress. Whoever stops it, by an exception out of
`progress` too, finds what had arrived at the next try.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import runway_lab
from runway_lab.cards import CardFile, ModelCard
from runway_lab.errors import DownloadFailed, LibraryFull, NotAgreed, Offline
from runway_lab.library.atomic import flush_folder, in_words, write_json
from runway_lab.library.locks import FileLock
from runway_lab.library.places import lock_path, path, place
from runway_lab.library.room import size
from runway_lab.library.web import opener
from runway_lab.library.weights import missing, target, where

__all__ = ["Agree", "Progress", "fetch"]

Agree = Callable[[ModelCard], bool]
"""Shows the licence of a card and answers whether the person agrees."""

Progress = Callable[[int, int, float], None]
"""Gets the bytes that are there, the bytes there will be, and the bytes per second; some times a second."""

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each new attempt; an attempt that brought a good piece starts them again."""

UNREACHABLE_ATTEMPTS = 2
MOST_ATTEMPTS = 100
TIMEOUT_SECONDS = 30.0
GOOD_PIECE = 1 << 20
_CHUNK = 1 << 18
_LONGEST_WAIT_ASKED = 30.0


class _Again(Exception):
    """This attempt failed, another one may not."""

    def __init__(self, why: str, *, unreachable: bool = False, wait: float = 0.0) -> None:
        super().__init__(why)
        self.unreachable = unreachable
        self.wait = wait


def fetch(card: ModelCard, agree: Agree | None = None, progress: Progress | None = None) -> dict[str, Path]:
    """Where each file of the card is; what is missing is downloaded.

    `agree` is asked before anything is requested, and only if something has to be. `progress` is told how far it
    is.
    """
    if not (absent := missing(card)):
        return where(card)
    for each in absent:
        if not each.url:
            raise DownloadFailed(
                f"The file {each.name!r} of {card.id!r} is missing, and its card names no address to get it from.",
                hint="Put the file beside the card, or install the model again.",
            )
    if agree is None or not agree(card):
        licence = card.licence.id or "its licence"
        raise NotAgreed(
            f"{card.id!r} needs {_amount(absent)} from {_hosts(absent)}; nobody has agreed to {licence} yet.",
            hint="Read the licence on the model's page and agree, in Python with fetch(card, agree=...).",
        )
    with FileLock(lock_path("downloads"), shared=True):
        lock = FileLock(lock_path(f"download-{card.id}"), note=f"downloading {card.id}")
        meter = _Meter(card, progress)
        while not lock.acquire(timeout=0.2):
            meter.look()
        try:
            path("downloads")
            _must_fit(card, meter)
            for file in missing(card):
                _Download(card, file, meter).run()
        finally:
            lock.release(remove=True)
    meter.look(last=True)
    return where(card)


class _Meter:
    """Adds up what has arrived of all files and tells it on, some times a second."""

    def __init__(self, card: ModelCard, progress: Progress | None) -> None:
        self.card, self.progress = card, progress
        self.total = sum(each.size for each in card.files if each.url)
        self._told = 0.0
        self._seen: list[tuple[float, int]] = []

    def look(self, last: bool = False) -> None:
        if self.progress is None or (not last and time.monotonic() - self._told < 0.1):
            return
        self._told = time.monotonic()
        done = self.done()
        self._seen = [*self._seen[-30:], (self._told, done)]
        since, before = self._seen[0]
        elapsed = self._told - since
        self.progress(done, self.total, max(0, done - before) / elapsed if elapsed else 0.0)

    def done(self) -> int:
        absent = missing(self.card)
        done = sum(each.size for each in self.card.files if each.url and each not in absent)
        for each in absent:
            with contextlib.suppress(OSError):
                part = target(self.card, each)
                done += min(each.size, part.with_name(f"{part.name}.part").stat().st_size)
        return done


class _Download:
    """One file, in as many attempts as it takes."""

    def __init__(self, card: ModelCard, file: CardFile, meter: _Meter) -> None:
        self.card, self.file, self.meter = card, file, meter
        self.target = target(card, file)
        self.part = self.target.with_name(f"{self.target.name}.part")
        self.note = self.target.with_name(f"{self.target.name}.part.json")
        self.host = urlsplit(file.url).hostname or file.url
        self.connected = False

    def run(self) -> None:
        with in_words(self.part, "downloaded"):
            self.part.parent.mkdir(parents=True, exist_ok=True)
        failures, mixed, thrown_away = 0, False, False
        for attempt in range(MOST_ATTEMPTS):
            before = self._have()
            mixed = mixed or before > 0
            try:
                if before < self.file.size:
                    self._attempt(before)
            except _Again as again:
                failures = 0 if self._have() - before >= GOOD_PIECE else failures + 1
                self._wait_or_give_up(again, failures, last=attempt == MOST_ATTEMPTS - 1)
                continue
            if self._right():
                self._finish()
                return
            self._forget()
            if thrown_away or not mixed:
                break
            # It was put together in several attempts, perhaps of two different files: once more, in one piece.
            mixed, thrown_away = False, True
        raise DownloadFailed(
            f"{self.file.name!r} from {self.host} is not the file its card describes: its SHA-256 differs.",
            hint="What arrived was thrown away. Try again later, or tell the publisher of the model.",
        )

    def _wait_or_give_up(self, again: _Again, failures: int, last: bool) -> None:
        unreachable = again.unreachable and not self.connected
        if last or failures > (UNREACHABLE_ATTEMPTS - 1 if unreachable else len(PAUSES)):
            if unreachable:
                raise self._offline() from again
            raise DownloadFailed(
                f"The download of {self.file.name!r} from {self.host} failed: {again}.",
                hint=f"{size(self._have())} of {size(self.file.size)} are kept; the next try goes on from there.",
            ) from again
        time.sleep(max(PAUSES[max(failures, 1) - 1], again.wait))
        self.meter.look()

    def _offline(self) -> Offline:
        absent = missing(self.card)
        have = [each.name for each in self.card.files if each not in absent]
        here = f" Already here: {', '.join(have)}." if have else ""
        return Offline(
            f"{self.host} cannot be reached, and {self.card.id!r} still needs {_amount(absent)} from there.{here}",
            hint="Models whose files are here work offline: runway_lab.catalog.search(offline=True) lists them. "
            "Try again when you are connected; what has arrived is kept.",
        )

    def _attempt(self, have: int) -> None:
        headers = {"User-Agent": f"runway-lab/{runway_lab.__version__}", "Accept-Encoding": "identity"}
        kept = self._kept()
        if have:
            headers["Range"] = f"bytes={have}-"
            if kept:
                headers["If-Range"] = kept
        with self._network():
            request = urllib.request.Request(self.file.url, headers=headers)
            answer = opener().open(request, timeout=TIMEOUT_SECONDS)
        self.connected = True
        with answer:
            self._receive(answer, have, kept)

    @contextlib.contextmanager
    def _network(self) -> Iterator[None]:
        """Sorts what can go wrong on the way: worth another attempt, or not."""
        try:
            yield
        except urllib.error.HTTPError as error:
            self.connected = True
            with contextlib.closing(error):
                self._refused(error)
        except urllib.error.URLError as error:
            raise self._unreachable(error.reason) from error
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise self._unreachable(error) from error

    def _receive(self, answer: Any, have: int, kept: str) -> None:
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise self._not_as_said("it is sent compressed")
        now = _validator(answer.headers)
        start = 0
        if answer.status == 206:
            start, whole = _content_range(answer.headers.get("Content-Range", ""))
            if start != have or (kept and now and now != kept):
                self._forget()
                raise _Again("the file changed at its place in the meantime")
            announced = whole
        else:
            length = answer.headers.get("Content-Length", "")
            announced = int(length) if length.isdecimal() else None
        if announced is not None and announced != self.file.size:
            raise self._not_as_said(f"it has {size(announced)} there and {size(self.file.size)} in the card")
        with in_words(self.part, "downloaded"):
            write_json(self.note, {"url": self.file.url, "validator": now})
            # Opening it must not cut it short when it is continued.
            file = self.part.open("r+b" if start else "wb")
        with file:
            self._store(answer, file, start)

    def _store(self, answer: Any, file: IO[bytes], have: int) -> None:
        file.seek(have)
        while have <= self.file.size:
            # One byte more than there may be tells a file that is too long from one that is complete.
            with self._network():
                piece = answer.read1(min(_CHUNK, self.file.size - have + 1))
            if not piece:
                break
            have += len(piece)
            if have > self.file.size:
                break
            with in_words(self.part, "downloaded"):
                file.write(piece)
                file.flush()
            self.meter.look()
        if have > self.file.size:
            file.close()
            self._forget()
            raise self._not_as_said(f"it is longer than the {size(self.file.size)} in the card")
        with in_words(self.part, "downloaded"):
            os.fsync(file.fileno())
        if have < self.file.size:
            raise _Again(f"the connection ended after {size(have)} of {size(self.file.size)}")

    def _refused(self, error: urllib.error.HTTPError) -> None:
        if error.code == 416:
            self._forget()
            raise _Again("the server could not go on where the last try ended")
        if error.code in (408, 425, 429) or error.code >= 500:
            asked = error.headers.get("Retry-After", "")
            wait = min(float(asked), _LONGEST_WAIT_ASKED) if asked.isdecimal() else 0.0
            raise _Again(f"the server answered {error.code} {error.reason}", wait=wait) from error
        raise DownloadFailed(
            f"{self.host} does not give out {self.file.name!r}: it answered {error.code} {error.reason}.",
            hint="The file has moved or is not public; look at the model's links, or tell its publisher.",
        ) from error

    def _unreachable(self, reason: object) -> _Again:
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DownloadFailed(
                f"{self.host} does not prove that it is {self.host}: {reason.verify_message}.",
                hint="Look at the date of this machine, and at the network: a log-in page may be in the way.",
            ) from reason
        words = "it took too long" if isinstance(reason, TimeoutError | socket.timeout) else str(reason)
        return _Again(words or type(reason).__name__, unreachable=True)

    def _not_as_said(self, why: str) -> DownloadFailed:
        return DownloadFailed(
            f"{self.file.name!r} from {self.host} is not the file its card describes: {why}.",
            hint="Try again later, or tell the publisher of the model.",
        )

    def _have(self) -> int:
        try:
            taken = self.part.stat().st_size
        except FileNotFoundError:
            return 0
        # A part longer than the file, or of another address, is of no use.
        if taken > self.file.size or self._said().get("url") != self.file.url:
            self._forget()
            return 0
        return taken

    def _said(self) -> dict[str, Any]:
        try:
            said = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def _kept(self) -> str:
        return str(self._said().get("validator", ""))

    def _right(self) -> bool:
        with in_words(self.part, "read"), self.part.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.file.sha256

    def _finish(self) -> None:
        with in_words(self.target, "downloaded"):
            self.part.replace(self.target)
            flush_folder(self.target.parent)
            self.note.unlink(missing_ok=True)

    def _forget(self) -> None:
        with in_words(self.part, "thrown away"):
            self.part.unlink(missing_ok=True)
            self.note.unlink(missing_ok=True)


def _validator(headers: Any) -> str:
    """What tells this file from another at the same address; a weak ETag cannot."""
    tag = headers.get("ETag", "")
    return str(tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", ""))


def _content_range(text: str) -> tuple[int, int | None]:
    """The start and the whole length out of "bytes 5-9/10"."""
    try:
        unit, _, rest = text.partition(" ")
        span, _, whole = rest.partition("/")
        if unit != "bytes":
            raise ValueError
        return int(span.partition("-")[0]), None if whole == "*" else int(whole)
    except ValueError:
        return -1, None


def _must_fit(card: ModelCard, meter: _Meter) -> None:
    free, needed = shutil.disk_usage(place("downloads")).free, meter.total - meter.done()
    if needed > free:
        raise LibraryFull(
            f"{card.id!r} needs {size(needed)} more on the disk of {place('downloads')}, and {size(free)} are free.",
            hint="Free some room, or move the downloads with runway_lab.library.move_downloads(to).",
        )


def _amount(files: list[CardFile]) -> str:
    names = ", ".join(each.name for each in files[:5]) + (" ..." if len(files) > 5 else "")
    return f"{names} ({size(sum(each.size for each in files))})"


def _hosts(files: list[CardFile]) -> str:
    return ", ".join(sorted({urlsplit(each.url).hostname or "?" for each in files}))
