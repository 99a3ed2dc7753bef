"""What a worker makes of the kernel it is told about."""

from __future__ import annotations

import os
import sys

import pytest
from support.cells import cell

import runway_lab as rl
from runway_lab.engine import worker
from runway_lab.errors import BadValue


def test_it_sees_the_kernel_s_environment_folder_and_path(monkeypatch, tmp_path):
    (tmp_path / "my_colours.py").write_text("FAVOURITE = 'teal'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARK", "here")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    space = cell("""
        @rl.setup
        def prepare():
            import os
            import my_colours
            return [my_colours.FAVOURITE, os.environ["MARK"], os.getcwd()]

        @rl.command(outputs={"all": Array(Text())})
        def look(found):
            return found
    """)
    with rl.run(space["look"], quiet=True) as running:
        assert running().all == ["teal", "here", str(tmp_path)]


def test_options_reach_the_setup_checked(echo):
    space = cell("""
        @rl.setup(options={"strength": Number(default=0.5, min=0, max=1), "style": Category(["ink", "oil"])})
        def prepare(strength, style, device, folder=None):
            return f"{style} {strength} {device}"

        @rl.command(outputs={"said": Text()})
        def look(prepared):
            return prepared
    """)
    with rl.run(space["look"], quiet=True, style="oil") as running:
        assert running().said == "oil 0.5 cpu"
        assert running.device == "cpu"
    with pytest.raises(BadValue, match="'strength' cannot be 2. Allowed: a number from 0 to 1"):
        rl.run(space["look"], quiet=True, strength=2)
    with pytest.raises(BadValue, match="has no option 'stile'. Did you mean 'style'"):
        rl.run(space["look"], quiet=True, stile="oil")


def test_a_signature_fits_what_was_loaded():
    space = cell("""
        @rl.setup(options={"length": Number(default=3, step=1)})
        def prepare(length):
            return length

        @rl.command(inputs=lambda length: {"z": Vector(length)}, outputs={"sum": Number()})
        def add(length, z):
            return float(z.sum())
    """)
    with rl.run(space["add"], quiet=True, length=5) as running:
        assert running.signature.command().inputs["z"].length == 5
        assert running(z=rl.seed(0, 5)).sum == pytest.approx(float(rl.seed(0, 5).values.sum()), rel=1e-6)


def test_a_device_that_is_not_there_is_told():
    space = cell("""
        @rl.setup
        def prepare(device):
            return device

        @rl.command(outputs={"said": Text()})
        def look(device):
            return device
    """)
    with pytest.raises(BadValue, match="This machine has no device 'cuda:7'. It has: cpu"):
        rl.run(space["look"], device="cuda:7", quiet=True)


def test_threads_are_what_was_asked():
    space = cell("""
        @rl.command(outputs={"threads": Array(Number())})
        def look():
            import os, torch
            return [torch.get_num_threads(), int(os.environ["OMP_NUM_THREADS"])]
    """)
    with rl.run(space["look"], threads=1, quiet=True) as running:
        assert running().threads == [1, 1]


def test_a_model_that_needs_no_torch_gets_none():
    space = cell("""
        @rl.command(outputs={"torch": Boolean()})
        def look():
            import sys
            return "torch" in sys.modules
    """)
    with rl.run(space["look"], quiet=True) as running:
        assert not running().torch


def test_a_file_is_a_model(tmp_path):
    (tmp_path / "colours.py").write_text("NAMES = ['teal']\n")
    (tmp_path / "model.py").write_text(
        "import dataclasses\n"
        "from runway_lab.fields import Text\n"
        "from runway_lab.sdk import command\n"
        "import colours\n"
        "@dataclasses.dataclass\n"
        "class Colour:\n"
        "    name: str\n"
        "@command(outputs={'name': Text()})\n"
        "def first():\n"
        "    return Colour(colours.NAMES[0]).name\n"
    )
    for named in (tmp_path / "model.py", str(tmp_path)):
        with rl.run(named, quiet=True) as running:
            assert running().name == "teal"


def test_errors_are_described_in_kind():
    assert worker.described(MemoryError())["kind"] == "memory"
    assert worker.described(BadValue("no", hint="yes"))["kind"] == "value"
    assert worker.described(KeyError("x"))["what"] == "KeyError: 'x'"

    class OutOfMemoryError(RuntimeError):
        """As torch's is called."""

    assert worker.described(OutOfMemoryError("CUDA out of memory"))["kind"] == "memory"


@pytest.mark.skipif(sys.platform != "linux", reason="the order in which Linux ends processes")
def test_the_system_ends_the_model_before_the_kernel_when_memory_runs_out():
    space = cell("""
        @rl.command(outputs={"score": Number()})
        def look():
            return int(open("/proc/self/oom_score_adj").read())
    """)
    with rl.run(space["look"], quiet=True) as running:
        assert running().score > int(open("/proc/self/oom_score_adj").read())


def test_what_was_registered_for_the_end_is_done(tmp_path):
    mark = tmp_path / "done"
    space = cell(f"""
        @rl.setup
        def prepare():
            import atexit, pathlib
            atexit.register(pathlib.Path({str(mark)!r}).write_text, "bye")

        @rl.command(outputs={{"fine": Boolean()}})
        def look(_):
            return True
    """)
    with rl.run(space["look"], quiet=True) as running:
        assert running().fine
    assert mark.read_text() == "bye"
    assert os.path.exists(mark)


def test_a_device_that_nobody_asks_for_is_mentioned(echo):
    with rl.run(echo["same"], device="cuda", quiet=True) as running:
        assert running.device == "cpu"
        assert "computes on the CPU and not on cuda" in running.log[0]
