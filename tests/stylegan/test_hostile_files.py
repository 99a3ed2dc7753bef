"""No file takes more than three times its size and 64 MB, none hangs the reader, each is refused for what it is.

All are read in one process, which forks for each of them: so the peak of each is its own, and one that hangs or
bursts is ended by the system and does no harm.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.hostile_files import FILES, honest_files, write_all
from support.stylegan_files import nvidia_pickle, small_discriminator, small_stylegan2

READER = """
import json, os, resource, signal, sys
from pathlib import Path
from runway_lab.stylegan import BadCheckpoint, load

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

def read(path):
    signal.alarm(60)
    room = 3 * path.stat().st_size + (256 << 20)
    if sys.platform == "linux":
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + room, taken + room))
    before = peak()
    try:
        load(path, live=True)
        said = ""
    except BadCheckpoint as error:
        said = str(error)
    return said, peak() - before

load(sys.argv[1], live=True)
for path in sorted(Path(sys.argv[2]).iterdir()):
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = read(path)
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"[:1000], 0
        os.write(theirs, json.dumps(answer).encode())
        os._exit(0)
    os.close(theirs)
    answer = b"".join(iter(lambda: os.read(ours, 65536), b""))
    os.close(ours)
    os.waitpid(child, 0)
    print(json.dumps([path.name, *(json.loads(answer) if answer else ["it hung or burst", 0])]))
"""


def read_all(small: Path, folder: Path) -> dict[str, tuple[str, int]]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    out = subprocess.run(
        [sys.executable, "-c", READER, small, folder], capture_output=True, check=True, env=environment
    )
    return {name: (said, grown) for name, said, grown in map(json.loads, out.stdout.splitlines())}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int, int, str]]:
    pytest.importorskip("resource")
    folder = tmp_path_factory.mktemp("hostile")
    small = folder.parent / "small.pkl"
    small.write_bytes(nvidia_pickle(small_stylegan2(), small_discriminator()))
    expected = write_all(folder)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    found = read_all(small, folder)
    return {name: (*found[name], sizes[name], expected[name]) for name in expected}


@pytest.mark.parametrize("name", FILES)
def test_it_is_refused_for_what_it_is_and_takes_little(
    name: str, answers: dict[str, tuple[str, int, int, str]]
) -> None:
    said, grown, size, expected = answers[name]
    assert any(words in said for words in expected.split("|")), said
    assert grown <= 3 * size + 64 * 2**20


def test_honest_files_that_come_near_are_read(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    small = tmp_path / "small.pkl"
    small.write_bytes(nvidia_pickle(small_stylegan2(), small_discriminator()))
    folder = tmp_path / "honest"
    folder.mkdir()
    honest_files(folder)
    for name, (said, grown) in read_all(small, folder).items():
        assert said == "", name
        assert grown <= 3 * (folder / name).stat().st_size + 64 * 2**20, name
