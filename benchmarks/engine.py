"""What a process of its own costs: a picture there and back, a start, a stop.

    python benchmarks/engine.py [--rounds 400] [--starts 7] [--json FILE]

One run compares, interleaved round by round, a 512x512 RGB picture through a model that does nothing, through a bare
`multiprocessing.Pipe` (the same bytes, echoed), and through Gradio with its own client (`pip install
"runway-lab[bench]"`; its rows are left out, with a word, where it is not there). Then starts and stops: cold (a new
process), and warm (the machine's spare). "First answer" is a fresh Python process that imports runway-lab and asks a
shipped model; with root on Linux the file cache is emptied before, so that the machine is as cold as after a boot.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from report import Row, report

SIDE = 512


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--json", type=Path)
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["RUNWAY_LAB_HOME"] = home
        rows = echoes(wishes.rounds) + starts(wishes.starts) + first_answers()
    return report(rows, wishes.json)


def echoes(rounds: int) -> list[Row]:
    """A picture there and back, every way in turn."""
    picture = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    with contextlib.ExitStack() as stack:
        ways: dict[str, Callable[[], Any]] = {
            "pipe": stack.enter_context(bare_pipe(picture)),
            **stack.enter_context(our_models(picture)),
        }
        gradio = stack.enter_context(gradio_echo(picture))
        times: dict[str, list[float]] = {name: [] for name in [*ways, "gradio"]}
        for number in range(rounds + 20):
            # A round of Gradio takes as long as hundreds of the others.
            turn = dict(ways, gradio=gradio) if gradio is not None and number % 20 == 0 else ways
            for name, way in turn.items():
                began = time.perf_counter()
                way()
                if number >= 20:
                    times[name].append((time.perf_counter() - began) * 1e3)
    median = {name: statistics.median(each) for name, each in times.items() if each}
    what = f"{SIDE}x{SIDE} RGB there and back"
    rows = [
        Row(f"{what}, bare Pipe", median["pipe"], "ms", against="the same bytes, echoed"),
        Row(f"{what}, model with arrays", median["array"], "ms", 3.0, against="itself"),
        Row("  the same, over the Pipe", median["array"] / median["pipe"], "x", 2.0, against="bare Pipe"),
        Row(f"{what}, model with Pillow images", median["pillow"], "ms", 3.0, against="itself"),
        Row("  the same, over the Pipe", median["pillow"] / median["pipe"], "x", against="bare Pipe"),
    ]
    if "gradio" in median:
        rows.append(Row(f"{what}, Gradio", median["gradio"], "ms", against="gradio + gradio_client, loopback"))
        rows.append(Row("  over the model with arrays", median["gradio"] / median["array"], "x", against="ours"))
    else:
        print('Gradio is not here, so it is left out: pip install "runway-lab[bench]"', file=sys.stderr)
    return rows


@contextlib.contextmanager
def bare_pipe(picture: np.ndarray) -> Iterator[Callable[[], Any]]:
    """A process that sends back the bytes it gets."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_echo, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    data = picture.tobytes()

    def there_and_back() -> bytes:
        mine.send_bytes(data)
        return mine.recv_bytes()

    assert there_and_back() == data
    yield there_and_back
    mine.close()
    process.join(5)


def _echo(connection: Any) -> None:
    with contextlib.suppress(EOFError):
        while True:
            connection.send_bytes(connection.recv_bytes())


@contextlib.contextmanager
def our_models(picture: np.ndarray) -> Iterator[dict[str, Callable[[], Any]]]:
    """A model that does nothing, with arrays and with Pillow images."""
    from PIL import Image as pillow

    os.environ["RUNWAY_LAB_WARM_SPARE"] = "0"
    model = nothing()
    drawn = pillow.fromarray(picture)
    assert (model(image=picture).image == picture).all()
    assert model.query("drawn", image=drawn).image.tobytes() == picture.tobytes()
    yield {"array": lambda: model(image=picture).image, "pillow": lambda: model.query("drawn", image=drawn).image}
    model.stop()


def nothing() -> Any:
    """A running model that gives back what it gets."""
    import runway_lab as rl
    from runway_lab.fields import Image

    space: dict[str, Any] = {"__name__": "__main__", "command": rl.command, "Image": Image}
    exec(
        "@command(inputs={'image': Image(form='array')}, outputs={'image': Image(form='array')})\n"
        "def same(image):\n    return image\n"
        "@command(inputs={'image': Image()}, outputs={'image': Image()})\n"
        "def drawn(image):\n    return image\n",
        space,
    )
    return rl.run(space["same"], quiet=True)


@contextlib.contextmanager
def gradio_echo(picture: np.ndarray) -> Iterator[Callable[[], Any] | None]:
    """The same through Gradio: its server, its client, its picture component."""
    if importlib.util.find_spec("gradio") is None or importlib.util.find_spec("gradio_client") is None:
        yield None
        return
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    import gradio
    from gradio_client import Client, handle_file
    from PIL import Image as pillow

    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "picture.png")
        pillow.fromarray(picture).save(file, compress_level=1)
        page = gradio.Interface(
            lambda image: image,
            gradio.Image(type="numpy", format="png"),
            gradio.Image(type="numpy", format="png"),
            api_name="predict",
        )
        page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
        client = Client(page.local_url, verbose=False)
        yield lambda: client.predict(handle_file(file), api_name="/predict")
        page.close()


def starts(count: int) -> list[Row]:
    """Starts and stops of the shipped upscaler, cold and from the spare in turn, with an answer each."""
    import runway_lab as rl
    from runway_lab.engine import spare

    picture = np.zeros((64, 64, 3), np.uint8)
    times: dict[str, list[float]] = {"cold": [], "warm": [], "stop": [], "stop busy": []}
    for _ in range(count):
        for kind in ("cold", "warm"):
            os.environ["RUNWAY_LAB_WARM_SPARE"] = "1" if kind == "warm" else "0"
            if kind == "warm":
                spare.prepare()
                wait_until_warm()
            began = time.perf_counter()
            model = rl.run("upscale/x2", quiet=True)
            model(image=picture)
            times[kind].append(time.perf_counter() - began)
            os.environ["RUNWAY_LAB_WARM_SPARE"] = "0"
            began = time.perf_counter()
            model.stop()
            times["stop"].append(time.perf_counter() - began)
        model = nothing()
        model.submit(image=np.zeros((8000, 8000, 3), np.uint8))
        began = time.perf_counter()
        model.stop()
        times["stop busy"].append(time.perf_counter() - began)
    middle = {name: statistics.median(each) for name, each in times.items()}
    return [
        Row("start to answer, cold", middle["cold"], "s", 5.0, against="a new process, torch and all"),
        Row("start to answer, warm", middle["warm"], "s", 1.0, against="the machine's spare"),
        Row("  slowest warm one", max(times["warm"]), "s", against="the machine's spare"),
        Row("stop", middle["stop"], "s", 1.0, against="an idle model"),
        Row("stop, slowest", max(times["stop"] + times["stop busy"]), "s", 1.0, against="busy with 192 MB, too"),
    ]


def wait_until_warm() -> None:
    """Until the spare has loaded what it loads and rests."""
    import psutil

    end = time.monotonic() + 60
    while time.monotonic() < end:
        for each in psutil.process_iter(["cmdline"]):
            if "--spare" in (each.info["cmdline"] or []) and each.memory_info().rss > 150e6:
                used = each.cpu_times().user
                time.sleep(0.3)
                if each.cpu_times().user - used < 0.02:
                    return
        time.sleep(0.1)
    raise SystemExit("The spare did not get warm.")


FIRST = """
import sys, time
began = time.perf_counter()
import runway_lab as rl
imported = time.perf_counter() - began
class Watch:
    said = None
    def write(self, words):
        if self.said is None and words.strip():
            self.said = time.perf_counter() - began
    def flush(self): pass
    def isatty(self): return False
sys.stderr = watch = Watch()
model = rl.run("upscale/x2")
import numpy
model(image=numpy.zeros((64, 64, 3), numpy.uint8)).image
print(imported, watch.said, time.perf_counter() - began, "torch" in sys.modules)
model.stop()
"""


def first_answers(count: int = 3) -> list[Row]:
    """The first minute of a person, on a machine that has read none of it from its disk yet."""
    imported, said, answered = [], [], []
    emptied = False
    for _ in range(count):
        emptied = empty_file_cache()
        answer = subprocess.run(
            [sys.executable, "-c", FIRST],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "RUNWAY_LAB_WARM_SPARE": "0"},
        )
        *figures, torch = answer.stdout.split()
        assert torch == "False", "the kernel imported torch"
        for kept, figure in zip((imported, said, answered), figures, strict=True):
            kept.append(float(figure))
    cold = "file cache emptied" if emptied else "file cache warm"
    with_cache = float(subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True).stdout)
    return [
        Row("import runway_lab", with_cache * 1e3, "ms", 150, against="a fresh process, median of 9"),
        Row("  from a cold disk", statistics.median(imported) * 1e3, "ms", against=cold),
        Row("first words of rl.run", statistics.median(said) * 1e3, "ms", 300, against=f"import included, {cold}"),
        Row("first answer", statistics.median(answered), "s", 5.0, against=f"import included, {cold}"),
    ]


IMPORT = """
import statistics, subprocess, sys
line = "import time; t = time.perf_counter(); import runway_lab; print(time.perf_counter() - t)"
run = lambda: float(subprocess.run([sys.executable, "-c", line], capture_output=True, text=True).stdout)
print(statistics.median(run() for _ in range(9)))
"""


def empty_file_cache() -> bool:
    """Forgets what was read from the disk, where this system lets us."""
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
