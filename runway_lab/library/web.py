"""Fetching one file over http or https from anybody's server, which may be slow, wrong or hostile.

The addresses are http and https, also those a server points on to, and never from https back to http. No more is
kept than was allowed. A server that sends next to nothing is given up on, at whatever point: urllib has a limit for
the silence between two pieces, but none for an answer that comes letter by letter, so a clock of our own watches
what arrives and shuts the connection.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit, urlunsplit

import runway_lab
from runway_lab.errors import BadValue, DownloadFailed, LibraryFull, Offline
from runway_lab.library.atomic import in_words
from runway_lab.library.room import size

__all__ = ["MOST_BYTES", "Redirects", "fetch", "is_address", "opener"]

MOST_BYTES = 4 * 2**30
"""The largest file that is fetched, where nobody says another size."""

SILENCE_SECONDS = 30.0
"""So long may nothing come at all."""

PATIENCE_SECONDS = 60.0
LEAST_BYTES = 1 << 16
"""A connection that brings less than so much in each such span is given up."""

_CHUNK = 1 << 18


def is_address(text: str) -> bool:
    """Whether this names something elsewhere, rather than a file here.

    >>> is_address("HTTPS://example.org/faces.pkl"), is_address("C:/faces.pkl")
    (True, False)
    """
    return re.match(r"\s*[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def fetch(address: str, path: Path, most_bytes: int = MOST_BYTES) -> Path:
    """Brings what lies at `address` to `path`; DownloadFailed or Offline, with the address, where it cannot."""
    url = proper(address)
    request = urllib.request.Request(
        url, headers={"User-Agent": f"runway-lab/{runway_lab.__version__}", "Accept-Encoding": "identity"}
    )
    clock = _Clock()
    with in_words(path, "downloaded"):
        file = path.open("wb")
    with file, clock, _network(url, clock), opener(clock).open(request, timeout=SILENCE_SECONDS) as answer:
        _receive(answer, file, path, url, most_bytes, clock)
    return path


def proper(address: str) -> str:
    """The address as it goes over the wire: what a person may well write is escaped, what cannot be is refused.

    >>> proper(" https://bücher.example/meine Gesichter.pkl")
    'https://xn--bcher-kva.example/meine%20Gesichter.pkl'
    """
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in ("http", "https"):
            raise BadValue(
                f"{_shown(address)} is no address that can be fetched.", hint="It begins with https:// or http://."
            )
        if parts.username is not None or parts.password is not None:
            raise BadValue(
                f"The address at {host!r} has a name or a password in it, which would be stored and shown.",
                hint="Download the file in a browser.",
            )
        name = host if ":" in host else host.encode("idna").decode("ascii")
        if not re.fullmatch(r"[\w.-]+|[0-9A-Fa-f:.]+", name):
            raise ValueError("no host")
    except ValueError as error:
        if isinstance(error, BadValue):
            raise
        raise BadValue(
            f"{_shown(address)} is no proper address.", hint="Copy it from the browser once more.", details=str(error)
        ) from None
    place = f"[{name}]" if ":" in name else name
    kept = "/%:@!$&'()*+,;=~-._"
    return urlunsplit(
        (
            parts.scheme,
            place if port is None else f"{place}:{port}",
            quote(parts.path, safe=kept),
            quote(parts.query, safe=kept + "?[]"),
            "",
        )
    )


def opener(clock: _Clock | None = None) -> urllib.request.OpenerDirector:
    """Like urllib's own, less the ways of reading files of this machine and speaking FTP."""
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler() if clock is None else _WatchedHTTP(clock),
        urllib.request.HTTPSHandler() if clock is None else _WatchedHTTPS(clock),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        Redirects(),
    ):
        made.add_handler(handler)
    return made


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http(s) alone, and never from a connection nobody can listen to into one everybody can."""

    def http_error_302(self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any) -> Any:
        # What stands beside the new address would be read whole otherwise, however much it is.
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("http", "https") or (old == "https" and new == "http"):
            raise DownloadFailed(
                f"{urlsplit(req.full_url).hostname} points on to an address that is not safe: {newurl[:200]}.",
                hint="Tell the publisher of the model.",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _receive(answer: Any, file: IO[bytes], path: Path, url: str, most_bytes: int, clock: _Clock) -> None:
    length = answer.headers.get("Content-Length", "")
    announced = int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else None
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise DownloadFailed(f"{_shown(url)} is sent compressed.", hint="Download it in a browser.")
    if announced is not None and announced > most_bytes:
        raise _too_large(url, announced, most_bytes)
    free = shutil.disk_usage(path.parent).free
    if announced is not None and announced > free:
        raise LibraryFull(
            f"{_shown(url)} has {size(announced)}, and {size(free)} are free where it would be kept.",
            hint="Free some room, or name another folder for temporary files in the variable TMPDIR.",
        )
    while piece := answer.read1(_CHUNK):
        clock.have += len(piece)
        if clock.have > most_bytes:
            raise _too_large(url, None, most_bytes)
        with in_words(path, "downloaded"):
            file.write(piece)
    with in_words(path, "downloaded"):
        file.flush()
    if clock.late:
        raise TimeoutError
    if announced is not None and clock.have < announced:
        raise DownloadFailed(f"{_shown(url)} ended after {size(clock.have)} of {size(announced)}.", hint="Try again.")


@contextlib.contextmanager
def _network(url: str, clock: _Clock) -> Iterator[None]:
    """Says in words what can go wrong on the way."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadFailed(
            f"{_shown(url)} answered {error.code} {_plainly(error.reason)}.", hint="Look whether the address is right."
        ) from None
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        if isinstance(error, DownloadFailed | BadValue):
            raise
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if clock.late or isinstance(reason, TimeoutError | socket.timeout):
            raise DownloadFailed(
                f"{_shown(url)} sends next to nothing: {size(clock.have)} so far.",
                hint="Try again later, or download it in a browser.",
            ) from None
        if clock.have:
            raise DownloadFailed(
                f"The connection to {_shown(url)} broke after {size(clock.have)}.",
                hint="Try again.",
                details=repr(reason)[:200],
            ) from None
        raise Offline(
            f"{_shown(url)} could not be reached.",
            hint="Look at your connection, or download it in a browser.",
            details=repr(reason)[:200],
        ) from None


def _too_large(url: str, announced: int | None, most_bytes: int) -> DownloadFailed:
    has = "more" if announced is None else size(announced)
    return DownloadFailed(
        f"{_shown(url)} has {has}; {size(most_bytes)} are allowed.",
        hint="If that is right, allow it: load(..., most_bytes=...).",
    )


def _plainly(reason: object) -> str:
    """A server's own words, of which urllib makes several lines when it is led around in a circle."""
    return " ".join(str(reason).split())[:200]


def _shown(url: str) -> str:
    return url if len(url) <= 200 else f"{url[:197]}..."


class _Clock:
    """Shuts the connections of one download when too little comes; `have` is what has come."""

    def __init__(self) -> None:
        self.have = 0
        self.late = False
        self._lines: list[socket.socket] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="download clock", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def watch(self, line: socket.socket) -> None:
        self._lines.append(line)

    def _watch(self) -> None:
        before = 0
        while not self._done.wait(PATIENCE_SECONDS):
            if self.have - before < LEAST_BYTES:
                self.late = True
                for line in self._lines:
                    with contextlib.suppress(OSError):
                        line.shutdown(socket.SHUT_RDWR)
                return
            before = self.have


class _WatchedHTTP(urllib.request.HTTPHandler):
    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self.clock = clock

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_watched(http.client.HTTPConnection, self.clock), req)


class _WatchedHTTPS(urllib.request.HTTPSHandler):
    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self.clock = clock

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_watched(http.client.HTTPSConnection, self.clock), req)


def _watched(kind: type[http.client.HTTPConnection], clock: _Clock) -> Any:
    """A connection whose socket the clock knows."""

    class Watched(kind):  # type: ignore[valid-type, misc]
        def connect(self) -> None:
            super().connect()
            clock.watch(self.sock)

    return Watched
