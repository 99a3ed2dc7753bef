"""What a card names arrives whole and right, or a person is told why not; against a real server that misbehaves."""

from __future__ import annotations

import hashlib
import http.server
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.disk import small_disk

import runway_lab
from runway_lab.cards import CardFile, Licence, ModelCard
from runway_lab.errors import DownloadFailed, LibraryFull, NotAgreed, Offline
from runway_lab.library import download, web
from runway_lab.library.download import fetch
from runway_lab.library.locks import FileLock
from runway_lab.library.places import lock_path
from runway_lab.library.weights import missing

ROOT = Path(runway_lab.__file__).parents[1]
DATA = random.Random(1).randbytes(300_000)
OTHER = random.Random(2).randbytes(300_000)


class Server(http.server.ThreadingHTTPServer):
    """Serves `data` and remembers what it was asked; a test changes what it does wrong."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = DATA
        self.etag = '"one"'
        self.says = ""
        self.trusting = False
        self.ranges = True
        self.drop_after: list[int] = []
        self.say_length = True
        self.status: list[int] = []
        self.location = ""
        self.headers: dict[str, str] = {}
        self.before: Callable[[], None] = lambda: None
        self.slow = 0.0
        self.asked: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/weights.pt"

    def handle_error(self, request: Any, address: Any) -> None:
        """The other end may hang up."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the test's output."""

    def do_GET(self) -> None:
        server = self.server
        server.asked.append(dict(self.headers))
        server.before()
        if server.status:
            self.send_response(server.status.pop(0))
            if server.location:
                self.send_header("Location", server.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start, wanted = 0, self.headers.get("Range", "")
        same = server.trusting or self.headers.get("If-Range", server.etag) == server.etag
        if wanted and server.ranges and same:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(server.data) - 1}/{len(server.data)}")
        else:
            self.send_response(200)
        if server.etag:
            self.send_header("ETag", server.says or server.etag)
        if server.say_length:
            self.send_header("Content-Length", str(len(server.data) - start))
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        body = server.data[start:]
        if server.drop_after:
            body = body[: server.drop_after.pop(0)]
        for at in range(0, len(body), 20_000):
            self.wfile.write(body[at : at + 20_000])
            time.sleep(server.slow)
        self.close_connection = True


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNWAY_LAB_HOME", str(tmp_path / "library"))
    monkeypatch.delenv("RUNWAY_LAB_DOWNLOADS", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setattr(download, "PAUSES", (0.01,) * 4)
    return tmp_path / "library"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def card_of(url: str, data: bytes = DATA, **changes: Any) -> ModelCard:
    file = CardFile("weights.pt", url, len(data), hashlib.sha256(data).hexdigest())
    given = {"files": (file,), "licence": Licence("CC-BY-4.0"), **changes}
    return ModelCard(id="studies/petals", title="Petals", category="generate", **given)


def yes(card: ModelCard) -> bool:
    return True


def folder_of(library: Path, data: bytes = DATA) -> Path:
    return library / "downloads" / "studies" / "petals" / hashlib.sha256(data).hexdigest()[:12]


def left(library: Path) -> list[str]:
    return sorted(os.listdir(folder_of(library)))


def test_a_file_arrives_and_is_not_asked_for_again(server: Server, library: Path) -> None:
    card = card_of(server.url)
    assert missing(card) == list(card.files)
    seen: list[tuple[int, int, float]] = []
    found = fetch(card, yes, lambda *numbers: seen.append(numbers))
    assert found == {"weights.pt": folder_of(library) / "weights.pt"}
    assert found["weights.pt"].read_bytes() == DATA
    assert seen[-1][:2] == (len(DATA), len(DATA))
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert left(library) == ["weights.pt"]
    assert missing(card) == []
    assert fetch(card) == found
    assert len(server.asked) == 1


def test_nothing_is_requested_before_the_licence_was_agreed_to(server: Server, library: Path) -> None:
    card = card_of(server.url)
    shown: list[ModelCard] = []
    for agree in (None, lambda card: shown.append(card) is not None):
        with pytest.raises(NotAgreed, match=r"weights\.pt \(300\.0 kB\) from 127\.0\.0\.1.*CC-BY-4\.0"):
            fetch(card, agree)
    assert shown == [card]
    assert server.asked == []
    assert not library.exists()


def test_a_connection_that_drops_is_taken_up_where_it_ended(server: Server, library: Path) -> None:
    server.drop_after = [100_000, 50_000]
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert [each.get("Range") for each in server.asked] == [None, "bytes=100000-", "bytes=150000-"]
    assert [each.get("If-Range") for each in server.asked] == [None, '"one"', '"one"']
    assert left(library) == ["weights.pt"]


def test_an_end_without_an_announced_length_counts_as_dropped(server: Server) -> None:
    server.say_length = False
    server.drop_after = [100_000]
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert len(server.asked) == 2


def test_a_server_that_ignores_ranges_sends_all_of_it_again(server: Server) -> None:
    server.ranges = False
    server.drop_after = [100_000, 50_000]
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert [each.get("Range") for each in server.asked] == [None, "bytes=100000-", "bytes=50000-"]


def test_after_so_many_drops_it_is_told_and_the_next_call_goes_on(server: Server, library: Path) -> None:
    server.drop_after = [100_000, 0, 0, 0, 0]
    with pytest.raises(DownloadFailed, match=r"100\.0 kB of 300\.0 kB are kept") as caught:
        fetch(card_of(server.url), yes)
    assert not isinstance(caught.value, Offline)
    assert len(server.asked) == 1 + len(download.PAUSES)
    assert left(library) == ["weights.pt.part", "weights.pt.part.json"]
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert server.asked[-1]["Range"] == "bytes=100000-"


def test_attempts_that_bring_something_are_bounded_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "GOOD_PIECE", 1)
    monkeypatch.setattr(download, "MOST_ATTEMPTS", 7)
    server.drop_after = [10] * 100
    with pytest.raises(DownloadFailed, match="70 bytes of"):
        fetch(card_of(server.url), yes)
    assert len(server.asked) == 7


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(server: Server) -> None:
    server.data, server.drop_after = OTHER, [100_000]

    def change() -> None:
        if len(server.asked) == 2:
            server.data, server.etag = DATA, '"two"'

    server.before = change
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert server.asked[1]["If-Range"] == '"one"'
    assert len(server.asked) == 2


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_a_mixture_nobody_could_notice_is_fetched_once_more_in_one_piece(server: Server, etag: str) -> None:
    server.etag, server.data, server.drop_after = etag, OTHER, [100_000]

    def change() -> None:
        if len(server.asked) == 2:
            server.data = DATA

    server.before = change
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert [each.get("Range") for each in server.asked] == [None, "bytes=100000-", None]
    assert all("If-Range" not in each for each in server.asked)


def test_a_server_that_goes_on_with_another_file_is_noticed_each_time(server: Server) -> None:
    server.trusting = True
    server.drop_after = [100_000, 300_000, 100_000]

    def change() -> None:
        number = len(server.asked)
        server.says = f'"{number}"'
        server.data = OTHER if number in (1, 3) else DATA

    server.before = change
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert [each.get("If-Range") for each in server.asked] == [None, '"1"', None, '"3"', None]


def test_a_server_that_goes_away_half_way_is_no_lack_of_a_network(server: Server) -> None:
    server.drop_after = [100_000]

    def vanish() -> None:
        if len(server.asked) > 1:
            raise ConnectionError

    server.before = vanish
    with pytest.raises(DownloadFailed, match=r"100\.0 kB of") as caught:
        fetch(card_of(server.url), yes)
    assert not isinstance(caught.value, Offline)
    assert len(server.asked) == 1 + len(download.PAUSES)


def test_wrong_bytes_are_thrown_away_and_told(server: Server, library: Path) -> None:
    server.data = OTHER
    with pytest.raises(DownloadFailed, match=r"SHA-256 differs.*thrown away"):
        fetch(card_of(server.url), yes)
    assert len(server.asked) == 1
    assert left(library) == []
    server.drop_after = [10, len(OTHER), 10]
    with pytest.raises(DownloadFailed, match="SHA-256 differs"):
        fetch(card_of(server.url), yes)
    assert len(server.asked) == 5
    server.data = DATA
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA


def test_another_length_is_refused_before_it_is_read(server: Server, library: Path) -> None:
    server.data = DATA * 20
    with pytest.raises(DownloadFailed, match=r"6\.0 MB there and 300\.0 kB in the card"):
        fetch(card_of(server.url), yes)
    assert left(library) == []


def test_no_more_than_the_declared_size_is_kept(server: Server, library: Path) -> None:
    server.data, server.say_length = DATA * 20, False
    written: list[int] = []
    with pytest.raises(DownloadFailed, match="longer than the"):
        fetch(card_of(server.url), yes, lambda done, total, speed: written.append(done))
    assert left(library) == []
    assert max(written, default=0) <= len(DATA)


def test_a_compressed_answer_is_refused(server: Server) -> None:
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(DownloadFailed, match="compressed"):
        fetch(card_of(server.url), yes)
    assert server.asked[0]["Accept-Encoding"] == "identity"


def test_a_busy_server_is_asked_again_and_one_that_refuses_is_not(server: Server) -> None:
    server.status = [503, 429]
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert len(server.asked) == 3
    server.status = [404]
    with pytest.raises(DownloadFailed, match="404"):
        fetch(card_of(server.url, OTHER), yes)
    assert len(server.asked) == 4


def test_new_weights_of_the_same_size_are_not_taken_for_the_old_ones(server: Server) -> None:
    old = fetch(card_of(server.url), yes)["weights.pt"]
    server.data = OTHER
    assert missing(card_of(server.url, OTHER)) != []
    assert fetch(card_of(server.url, OTHER), yes)["weights.pt"].read_bytes() == OTHER
    assert old.read_bytes() == DATA


def test_a_part_the_server_cannot_go_on_with_is_fetched_anew(server: Server, library: Path) -> None:
    server.drop_after = [100_000, 0, 0, 0, 0]
    with pytest.raises(DownloadFailed):
        fetch(card_of(server.url), yes)
    server.status = [416]
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert "Range" not in server.asked[-1]


def test_a_redirect_to_http_is_followed_with_the_range(server: Server) -> None:
    server.drop_after = [100_000]

    def move() -> None:
        if len(server.asked) in (1, 3):
            server.status, server.location = [302], server.url + "?moved"

    server.before = move
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert server.asked[-1]["Range"] == "bytes=100000-"


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_a_redirect_elsewhere_is_refused(server: Server, library: Path, to: str) -> None:
    server.status, server.location = [302], to
    with pytest.raises(DownloadFailed, match=r"not safe|not allowed|302"):
        fetch(card_of(server.url), yes)
    assert left(library) == []


def test_a_redirect_from_https_to_http_is_refused() -> None:
    request = download.urllib.request.Request("https://a.org/x")
    with pytest.raises(DownloadFailed, match="not safe"):
        web.Redirects().redirect_request(request, None, 302, "", {}, "http://a.org/x")
    assert web.Redirects().redirect_request(request, None, 302, "", {}, "https://b.org/x") is not None


def test_an_endless_redirect_ends(server: Server) -> None:
    server.status, server.location = [302] * 50, server.url
    with pytest.raises(DownloadFailed):
        fetch(card_of(server.url), yes)


def test_offline_says_what_is_missing_and_what_still_works(library: Path) -> None:
    with Server() as gone:
        url = gone.url
    have = folder_of(library, b"abc") / "names.txt"
    have.parent.mkdir(parents=True)
    have.write_text("abc")
    card = card_of(url)
    card = card_of(url, files=(*card.files, CardFile("names.txt", url, 3, hashlib.sha256(b"abc").hexdigest())))
    with pytest.raises(Offline) as caught:
        fetch(card, yes)
    for words in ("127.0.0.1 cannot be reached", "weights.pt (300.0 kB)", "Already here: names.txt", "offline=True"):
        assert words in str(caught.value)


def test_a_name_nobody_knows_is_offline_too() -> None:
    with pytest.raises(Offline):
        fetch(card_of("http://nobody.invalid/weights.pt"), yes)
    with pytest.raises(Offline):
        fetch(card_of(f"http://{'a' * 70}.invalid/weights.pt"), yes)


def test_stopping_it_keeps_what_arrived(server: Server, library: Path) -> None:
    server.slow = 0.03

    class Stop(ConnectionError):
        """Looks like trouble on the way, and is a person's wish."""

    def stop(done: int, total: int, speed: float) -> None:
        if done > 50_000:
            raise Stop

    with pytest.raises(Stop):
        fetch(card_of(server.url), yes, stop)
    assert len(server.asked) == 1
    server.slow = 0.0
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA
    assert int(server.asked[1]["Range"].removeprefix("bytes=").rstrip("-")) > 50_000


def test_a_full_disk_is_told_before_or_while_it_is_written(
    server: Server, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(100_000), pytest.raises(LibraryFull, match="no room"):
        fetch(card_of(server.url), yes)
    assert "weights.pt.part" in left(library)
    huge = CardFile("weights.pt", server.url, 1 << 60, "0" * 64)
    with pytest.raises(LibraryFull, match="move_downloads"):
        fetch(card_of(server.url, files=(huge,)), yes)
    assert len(server.asked) == 1
    assert fetch(card_of(server.url), yes)["weights.pt"].read_bytes() == DATA


def test_two_kernels_share_one_download(server: Server, library: Path) -> None:
    server.slow = 0.05
    other = threading.Event()
    server.before = other.set
    code = "import sys; sys.path.insert(0, sys.argv[1])\n"
    code += "from pathlib import Path; from runway_lab.cards import ModelCard; from runway_lab.library import fetch\n"
    code += "print(fetch(ModelCard.read(Path(sys.argv[2])), lambda card: True)['weights.pt'])"
    card = card_of(server.url).write(library.parent / "card.toml")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(ROOT), str(card.source)], stdout=subprocess.PIPE, text=True
    )
    assert other.wait(20)
    seen: list[int] = []
    found = fetch(card, yes, lambda done, total, speed: seen.append(done))
    assert process.communicate()[0].strip() == str(found["weights.pt"])
    assert found["weights.pt"].read_bytes() == DATA
    assert len(server.asked) == 1
    assert len(set(seen)) > 2, "the one who waits sees how far the other is"


def test_files_beside_the_card_are_taken_from_there(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(DATA)
    card = card_of(server.url).write(tmp_path)
    assert fetch(card) == {"weights.pt": tmp_path / "weights.pt"}
    (tmp_path / "weights.pt").write_bytes(b"damaged")
    assert missing(card) == list(card.files)
    bare = card_of(server.url, files=(CardFile("other.pt"),)).write(tmp_path)
    with pytest.raises(DownloadFailed, match="names no address"):
        fetch(bare, yes)
    assert server.asked == []


def test_the_locks_are_free_after_a_failure(server: Server) -> None:
    server.status = [404]
    with pytest.raises(DownloadFailed):
        fetch(card_of(server.url), yes)
    assert FileLock(lock_path("downloads")).acquire(timeout=0)
    assert not lock_path("download-studies/petals").exists()
