"""What is there is whole, whatever happens while it is written."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.disk import small_disk

import runway_lab
from runway_lab.errors import LibraryFull, RunwayLabError
from runway_lab.library import atomic
from runway_lab.library.atomic import new_folder, temporary, write_bytes, write_json, write_text, writer_of

ROOT = Path(runway_lab.__file__).parents[1]


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that this process may only read, even where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "note").write_text("old")
        root = os.geteuid() == 0
        folder.chmod(0o555)
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


def test_a_file_is_written_with_the_folders_above_it(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a" / "b" / "note.txt", "ü\r\n")
    assert path.read_bytes() == "ü\r\n".encode()
    write_json(path, {"ü": [1, None]})
    assert path.read_text(encoding="utf-8") == '{\n "ü": [\n  1,\n  null\n ]\n}\n'
    assert os.listdir(path.parent) == ["note.txt"]


def test_a_full_disk_leaves_the_old_content(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "note", b"old")
    with small_disk(1000), pytest.raises(LibraryFull, match="no room"):
        write_bytes(path, b"x" * 100_000)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["note"]


def test_json_that_cannot_be_leaves_the_old_content(tmp_path: Path) -> None:
    path = write_json(tmp_path / "note", 1)
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, float("nan"))
    assert path.read_text() == "1\n"


def test_a_folder_that_may_only_be_read_is_told_in_words(closed_folder: Path) -> None:
    with pytest.raises(RunwayLabError, match="may only be read"):
        write_text(closed_folder / "note", "new")
    with pytest.raises(RunwayLabError, match="may only be read"), new_folder(closed_folder / "entry"):
        pass
    assert (closed_folder / "note").read_text() == "old"


def test_a_file_where_a_folder_should_be_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunwayLabError, match="could not be written"):
        write_text(tmp_path / "file" / "note", "x")


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    real = write_text(tmp_path / "real", "old")
    real.chmod(0o640)
    (tmp_path / "link").symlink_to(real)
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "note"
    code = "import sys; from runway_lab.library.atomic import write_text\n"
    code += "for n in range(150): write_text(sys.argv[1], sys.argv[2] * 50_000)"
    write_text(path, "a" * 50_000)
    writers = [python(code, path, letter) for letter in "ab"]
    while any(writer.poll() is None for writer in writers):
        text = path.read_text()
        assert text in ("a" * 50_000, "b" * 50_000)
    assert [writer.wait() for writer in writers] == [0, 0]
    assert os.listdir(tmp_path) == ["note"]


def test_a_killed_writer_leaves_the_old_content_and_a_name_that_says_whose_it_was(tmp_path: Path) -> None:
    path = write_text(tmp_path / "note", "old")
    code = "import os, sys, time; from runway_lab.library import atomic\n"
    code += "os.fsync = lambda _: (print('there', flush=True), time.sleep(60))\n"
    code += "atomic.write_text(sys.argv[1], 'new')"
    writer = python(code, path)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "there\n"
    writer.kill()
    writer.wait()
    assert path.read_text() == "old"
    (left,) = set(os.listdir(tmp_path)) - {"note"}
    assert writer_of(left) == writer.pid


def test_only_temporary_names_have_a_writer() -> None:
    assert writer_of(temporary(Path("/x/petals")).name) == os.getpid()
    assert writer_of(temporary(Path("/x") / ("long" * 60), "gone").name) == os.getpid()
    assert len(temporary(Path("/x") / ("long" * 60)).name) < 255
    for name in ("petals", ".tmp-x", ".tmp-12-petals", ".hidden", ".tmp-1-12345678"):
        assert writer_of(name) is None


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "group" / "entry"
    with new_folder(target) as draft:
        (draft / "sub").mkdir()
        (draft / "sub" / "a").write_text("1")
        assert not target.exists()
    assert (target / "sub" / "a").read_text() == "1"
    assert os.listdir(target.parent) == ["entry"]


def test_a_body_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), new_folder(tmp_path / "entry") as draft:
        (write_text(draft / "a", "1").parent / "none").read_text()
    with small_disk(1000), pytest.raises(LibraryFull), new_folder(tmp_path / "entry") as draft:
        (draft / "a").write_bytes(b"x" * 100_000)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_there_is_kept_or_replaced_as_asked(tmp_path: Path) -> None:
    target = tmp_path / "entry"
    with new_folder(target) as draft:
        (draft / "a").write_text("old")
    with pytest.raises(RunwayLabError, match="there already"), new_folder(target):
        pytest.fail("the body of a folder that cannot be made was run")
    with pytest.raises(KeyError), new_folder(target, replace=True):
        raise KeyError
    assert (target / "a").read_text() == "old"
    with new_folder(target, replace=True) as draft:
        (draft / "b").write_text("new")
    assert os.listdir(target) == ["b"]
    assert os.listdir(tmp_path) == ["entry"]


def test_of_two_makers_of_one_folder_one_is_told(tmp_path: Path) -> None:
    target = tmp_path / "entry"

    def overtake() -> None:
        with new_folder(target) as late:
            (late / "a").write_text("late")
            with new_folder(target) as quick:
                (quick / "a").write_text("quick")

    with pytest.raises(RunwayLabError, match="there already"):
        overtake()
    assert (target / "a").read_text() == "quick"
    assert os.listdir(tmp_path) == ["entry"]


def test_a_group_that_vanishes_while_a_folder_is_made_in_it_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(path: Path, kind: str = "tmp") -> Path:
        monkeypatch.setattr(atomic, "temporary", temporary)
        path.parent.rmdir()
        return temporary(path, kind)

    monkeypatch.setattr(atomic, "temporary", vanish)
    with new_folder(tmp_path / "group" / "entry"):
        pass
    assert os.listdir(tmp_path / "group") == ["entry"]


def test_processes_that_make_and_remove_in_one_group_do_not_disturb_each_other(tmp_path: Path) -> None:
    code = "import sys, contextlib, os, shutil; from pathlib import Path\n"
    code += "from runway_lab.library.atomic import new_folder\n"
    code += "for n in range(60):\n"
    code += "    target = Path(sys.argv[1]) / 'group' / sys.argv[2]\n"
    code += "    with new_folder(target) as draft: (draft / 'a').write_text('x')\n"
    code += "    assert (target / 'a').read_text() == 'x'\n"
    code += "    shutil.rmtree(target)\n"
    code += "    with contextlib.suppress(OSError): os.rmdir(target.parent)\n"
    makers = [python(code, tmp_path, name) for name in ("one", "two", "three")]
    assert [maker.wait(60) for maker in makers] == [0, 0, 0]
