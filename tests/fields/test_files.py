"""Files and folders: paths and addresses from a person, handles of uploads from a network."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from runway_lab.errors import BadValue
from runway_lab.fields import LOCAL, NETWORK, Array, Buffer, Directory, File, Wire
from runway_lab.fields.files import path_of


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "a letter.TXT"
    path.write_text("dear")
    return path


def test_a_file_is_a_path_that_is_there(letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert File().check(letter) == File().check(str(letter)) == letter
    monkeypatch.chdir(letter.parent)
    assert File().check("a letter.TXT") == letter
    monkeypatch.setenv("HOME", str(letter.parent))
    monkeypatch.setenv("USERPROFILE", str(letter.parent))
    assert File().check("~/a letter.TXT") == letter


def test_an_extension_is_looked_for_without_regard_to_case(letter: Path) -> None:
    for extension in ("txt", ".txt", ".TXT"):
        assert File(extension=extension).check(letter) == letter
    with pytest.raises(BadValue, match="Allowed: a .md file that is there"):
        File(extension="md").check(letter)
    packed = letter.with_name("data.tar.gz")
    packed.touch()
    assert File(extension="tar.gz").check(packed) == packed
    with pytest.raises(BadValue):
        File(extension="tar.gz").check(letter)


@pytest.mark.parametrize(
    "wrong", ["", "no such file", "a\0b", "x" * 300, "x" * 100_000, "~no-such-person/x", b"/etc/passwd", 5, None, True]
)
def test_what_is_no_file_is_refused(wrong: object) -> None:
    for field in (File(), Directory()):
        with pytest.raises(BadValue, match="Allowed: a (file|folder) that is there"):
            field.check(wrong)
    assert path_of("a\0b") is None


def test_a_folder_is_no_file_and_a_file_no_folder(letter: Path) -> None:
    assert Directory().check(letter.parent) == letter.parent
    for field, wrong in ((File(), letter.parent), (Directory(), letter)):
        with pytest.raises(BadValue):
            field.check(wrong)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders on this system")
def test_a_pipe_or_a_device_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for wrong in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(BadValue):
            File().check(wrong)


@pytest.mark.parametrize("kind", [File, Directory])
def test_nothing_but_an_upload_comes_from_a_network(kind: type[File], letter: Path) -> None:
    there = str(letter if kind is File else letter.parent)
    field = kind()
    assert field.check(there)
    for data in (
        there,
        "http://127.0.0.1/x",
        "file://" + there,
        {"path": there},
        {"upload": "a", "path": there},
        {"upload": there},
        {"upload": 5},
        {"upload": ["a"]},
        [there],
        5,
        None,
    ):
        for wire in (NETWORK, Wire(upload=lambda handle: Path(there).parent / handle)):
            with pytest.raises(BadValue, match="Allowed: "):
                field.from_json(data, wire)
            with pytest.raises(BadValue, match="Allowed: "):
                field.unpack(data, [], wire)
            with pytest.raises(BadValue, match="Allowed: "):
                Array(kind()).from_json([data], wire)
    assert field.from_json(there, LOCAL) == Path(there)
    assert field.unpack(there, [], LOCAL) == Path(there)


@pytest.mark.parametrize(
    "handle",
    ["../../etc/passwd", "/etc/passwd", "..", ".hidden", "a/b", "a\\b", "C:x", "a\0", "", "a\n", "x" * 300, "é"],
)
def test_a_handle_is_a_name_and_never_a_path(handle: str) -> None:
    def upload(handle: str) -> Path:
        raise AssertionError("asked for")

    with pytest.raises(BadValue, match="the handle of a file that was uploaded before"):
        File().from_json({"upload": handle}, Wire(upload=upload))


def test_an_upload_becomes_the_file_that_was_uploaded(letter: Path) -> None:
    uploads = {"up-1": letter}
    wire = Wire(upload=uploads.__getitem__)
    assert File(extension="txt").from_json({"upload": "up-1"}, wire) == letter
    for field, data in ((File(), {"upload": "up-2"}), (File(extension="md"), {"upload": "up-1"})):
        with pytest.raises(BadValue):
            field.from_json(data, wire)
    for error in (OSError, ValueError, LookupError):

        def fail(handle: str, error: type[Exception] = error) -> Path:
            raise error("x")

        with pytest.raises(BadValue):
            File().from_json({"upload": "up-1"}, Wire(upload=fail))


def test_a_default_may_come_to_be_later(tmp_path: Path) -> None:
    field = File(default=tmp_path / "later.txt")
    assert field.default == tmp_path / "later.txt"
    assert not field.required
    with pytest.raises(BadValue):
        field.from_json(str(field.default), NETWORK)
    field.default.touch()
    # It is the model's own word, so a caller may repeat it.
    assert field.from_json(str(field.default), NETWORK) == field.default
    assert File(default="~/x").default == Path("~/x").expanduser()


def test_a_path_is_sent_as_words(letter: Path) -> None:
    buffers: list[Buffer] = []
    assert File().pack(letter, buffers) == File().to_json(letter) == str(letter)
    assert buffers == []


@pytest.fixture
def address() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            found = "missing" not in self.path
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"dear")

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_an_address_that_a_person_gives_is_fetched_once(address: tuple[str, list[str]]) -> None:
    url, asked = address
    path = File(extension="txt").check(f"{url}/deep/a%20letter.txt?x=1")
    assert path.read_text() == "dear"
    assert path.name == "a_letter.txt"
    assert File().from_json(f"{url}/deep/a%20letter.txt?x=1", LOCAL) == path
    assert len(asked) == 1
    path.unlink()
    assert File().check(f"{url}/deep/a%20letter.txt?x=1").read_text() == "dear"
    with pytest.raises(BadValue, match="an upload"):
        File().from_json(f"{url}/deep/a%20letter.txt?x=1", NETWORK)
    assert len(asked) == 2


@pytest.mark.parametrize("path", ["/%2e%2e%2f%2e%2e%2fetc", "/..", "/%00", "/.bashrc", "", "/" + "x" * 500])
def test_a_fetched_file_stays_in_its_folder(address: tuple[str, list[str]], path: str) -> None:
    found = File().check(address[0] + path)
    assert found.parent.parent.name.startswith("runway-lab-")
    assert found.is_file()
    assert not found.name.startswith(".")


def test_an_address_without_an_answer_is_refused(address: tuple[str, list[str]]) -> None:
    with pytest.raises(BadValue, match="an address that answers"):
        File().check(f"{address[0]}/missing")
    with pytest.raises(BadValue, match="a folder that is there"):
        Directory().check(address[0])
    with pytest.raises(BadValue, match="Allowed: a .md file"):
        File(extension="md").check(f"{address[0]}/letter.txt")
