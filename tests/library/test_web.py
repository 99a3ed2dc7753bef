"""Whatever a server does, a download ends in time and in words that name the address; against one that does it."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runway_lab.errors import BadValue, DownloadFailed, LibraryFull, Offline
from runway_lab.library import web
from runway_lab.library.web import fetch, is_address, proper

Send = Callable[[bytes], None]


class Server(socketserver.ThreadingTCPServer):
    """Answers each path with what a test put there: bytes, or a function that sends them."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, bytes | Callable[[Send], None]] = {}
        self.asked: list[str] = []
        self.over = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request: Any, address: Any) -> None:
        """The other end may hang up."""


class Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        path = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        self.server.asked.append(path)
        answer = self.server.answers[path]
        if isinstance(answer, bytes):
            self.wfile.write(answer)
        else:
            answer(self.wfile.write)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def ok(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Connection: close", *headers, b"", body])


def redirect(to: str, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 302 Found", b"Connection: close", b"Location: " + to.encode(), *headers, b"", b""])


def test_a_file_arrives(server: Server, tmp_path: Path) -> None:
    server.answers["/faces.pkl"] = ok(b"faces", b"Content-Length: 5")
    server.answers["/moved"] = redirect(server.url("/faces.pkl"), b"Content-Length: 0")
    server.answers["/in%20pieces%20%C3%A4?key=a%20b"] = ok(
        b"2\r\nfa\r\n3\r\nces\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"
    )
    server.answers["/unannounced"] = ok(b"faces")
    for path in ("/faces.pkl", "/moved", "/in pieces ä?key=a b", "/unannounced", "/faces.pkl#there"):
        assert fetch(server.url(path), tmp_path / "x").read_bytes() == b"faces"
    assert fetch(f"  {server.url('/faces.pkl').replace('http', 'HTTP')}\n", tmp_path / "x").read_bytes() == b"faces"


@pytest.mark.parametrize(
    "text",
    ["https://a.org/x", "HTTPS://A.org", " http://a", "Http://a b", "ftp://a/x", "file:///etc/passwd", "s3://a/b"],
)
def test_what_is_an_address(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text", ["faces.pkl", "C:/faces.pkl", "C:\\faces.pkl", "https:/a.org/x", "//a.org/x", "", "a b"]
)
def test_what_is_none(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http:///faces.pkl",
        "http://[::1/faces.pkl",
        "http://[fe80::1%25eth0]/faces.pkl",
        "http://a.org:port/faces.pkl",
        "http://a.org:99999/faces.pkl",
        "http://a..org/faces.pkl",
        "http://a b.org/faces.pkl",
        "http://a\u2100b.org/faces.pkl",
        f"http://{'a' * 70}.org/faces.pkl",
        "http://\ud800.org/",
        "ftp://a.org/faces.pkl",
        "file:///etc/passwd",
        "javascript://a/%0aalert",
    ],
)
def test_addresses_that_are_none_are_refused_with_their_text(address: str, tmp_path: Path) -> None:
    with pytest.raises(BadValue) as caught:
        fetch(address, tmp_path / "x")
    assert address in caught.value.what
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_address_may_be_written_as_people_write() -> None:
    assert proper("https://a.org/x y?z=ü&q=%20[1]#part") == "https://a.org/x%20y?z=%C3%BC&q=%20[1]"
    assert proper("http://[::1]:80/x") == "http://[::1]:80/x"


def test_a_password_is_neither_sent_nor_shown(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"a\.org.*a password in it") as caught:
        fetch("https://me:secret@a.org/x", tmp_path / "x")
    assert "secret" not in str(caught.value) + caught.value.details


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered 404 Not Found"),
        (b"HTTP/1.1 500\r\n\r\n", "answered 500"),
        (ok(b"half", b"Content-Length: 8"), "ended after 4 bytes of 8 bytes"),
        (ok(b"8\r\nhalf", b"Transfer-Encoding: chunked"), "broke after|ended after|could not be reached"),
        (ok(b"zz\r\nhalf", b"Transfer-Encoding: chunked"), "could not be reached"),
        (ok(b"-5\r\nhalf", b"Transfer-Encoding: chunked"), "could not be reached|broke after"),
        (ok(b"faces", b"Content-Encoding: gzip"), "is sent compressed"),
        (b"\0\1\2 what is this\r\n\r\n", "could not be reached"),
        (b"", "could not be reached"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", "could not be reached"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n", "could not be reached"),
        (redirect("file:///etc/passwd"), "file:///etc/passwd' is not allowed"),
        (redirect("FTP://127.0.0.1/x"), "not safe: ftp"),
        (redirect("http://[::1/x"), "could not be reached"),
        (redirect("/x"), "answered 302"),
    ],
)
def test_servers_that_misbehave(answer: bytes, match: str, server: Server, tmp_path: Path) -> None:
    server.answers["/x"] = answer
    with pytest.raises(DownloadFailed, match=match) as caught:
        fetch(server.url("/x"), tmp_path / "x")
    assert "127.0.0.1" in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize("length", [b"many", b"-1", b"9" * 5000, b"1e3", "٣".encode()])
def test_a_length_that_is_none_is_not_believed(length: bytes, server: Server, tmp_path: Path) -> None:
    server.answers["/x"] = ok(b"faces", b"Content-Length: " + length)
    with contextlib.suppress(DownloadFailed):
        assert fetch(server.url("/x"), tmp_path / "x").read_bytes() == b"faces"


def endlessly(head: bytes, piece: bytes, pause: float, server: Server) -> Callable[[Send], None]:
    def answer(send: Send) -> None:
        send(head)
        while not server.over.wait(pause):
            send(piece)

    return answer


def test_no_more_is_kept_than_was_allowed(server: Server, tmp_path: Path) -> None:
    server.answers["/announced"] = ok(b"", b"Content-Length: 1000001")
    server.answers["/endless"] = endlessly(ok(b""), bytes(100_000), 0, server)
    with pytest.raises(DownloadFailed, match=r"/announced has 1\.0 MB; 1\.0 MB are allowed.*most_bytes="):
        fetch(server.url("/announced"), tmp_path / "x", 1_000_000)
    with pytest.raises(DownloadFailed, match=r"/endless has more; 1\.0 MB are allowed"):
        fetch(server.url("/endless"), tmp_path / "x", 1_000_000)
    assert (tmp_path / "x").stat().st_size <= 1_000_000


def test_what_stands_beside_a_new_address_is_not_read(server: Server, tmp_path: Path) -> None:
    server.answers["/x"] = endlessly(redirect(server.url("/y")), bytes(100_000), 0, server)
    server.answers["/y"] = ok(b"faces")
    assert fetch(server.url("/x"), tmp_path / "x").read_bytes() == b"faces"


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X: a\r\n"),
        (ok(b""), b"a"),
        (ok(b"", b"Content-Length: 1000"), b"a"),
        (ok(b"", b"Transfer-Encoding: chunked"), b"0"),
        (ok(b"", b"Transfer-Encoding: chunked"), b"1\r\na\r\n"),
    ],
)
def test_a_server_that_sends_letter_by_letter_is_given_up(
    head: bytes, piece: bytes, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PATIENCE_SECONDS", 0.3)
    server.answers["/x"] = endlessly(head, piece, 0.02, server)
    with pytest.raises(DownloadFailed, match="/x sends next to nothing: ") as caught:
        fetch(server.url("/x"), tmp_path / "x")
    assert not isinstance(caught.value, Offline)


@pytest.mark.parametrize("head", [b"", ok(b"faces"), ok(b"faces", b"Content-Length: 10")])
def test_a_server_that_falls_silent_is_given_up(
    head: bytes, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "SILENCE_SECONDS", 0.2)
    server.answers["/x"] = endlessly(head, b"", 60, server)
    with pytest.raises(DownloadFailed, match="/x sends next to nothing: "):
        fetch(server.url("/x"), tmp_path / "x")


def test_a_slow_but_steady_server_is_waited_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(web, "LEAST_BYTES", 1)

    def answer(send: Send) -> None:
        send(ok(b""))
        for _ in range(20):
            server.over.wait(0.03)
            send(b"faces")

    server.answers["/x"] = answer
    assert fetch(server.url("/x"), tmp_path / "x").read_bytes() == b"faces" * 20


def test_no_server_and_no_room(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers["/x"] = ok(b"", b"Content-Length: 5000")
    monkeypatch.setattr(web.shutil, "disk_usage", lambda _: SimpleNamespace(free=4000))
    with pytest.raises(LibraryFull, match=r"/x has 5\.0 kB, and 4\.0 kB are free"):
        fetch(server.url("/x"), tmp_path / "x")
    with pytest.raises(Offline, match="http://localhost:9/x could not be reached"):
        fetch("http://localhost:9/x", tmp_path / "x")
