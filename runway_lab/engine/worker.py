"""The process in which one model runs.

`python -m runway_lab.engine.worker --channel N` serves the messages of `runway_lab.engine.protocol` on descriptor N.
`--spare N` loads torch first and waits on N for the channel and the log of the kernel that takes it over.
`--connect PORT` (Windows) reaches the kernel over loopback.

The main thread runs the model; a second thread reads, so that a cancel is heard while the model works and the kernel
never waits to be read. What the model prints goes to the log, never into the channel.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from runway_lab.engine.channel import Channel
from runway_lab.errors import BadFrame, BadValue, RunwayLabError
from runway_lab.fields import LOCAL, Buffer
from runway_lab.frames import Message, pack_values, unpack_values
from runway_lab.sdk.definition import Definition, definition_of
from runway_lab.signature import Command

__all__ = ["Worker", "main", "run"]

PARENT_DEATH_SIGNAL = 1
KILL = 9


class KernelGone(Exception):
    """Nobody is there to be answered; not to be mixed up with a connection of the model's own."""


class Worker:
    """One model and the kernel it answers."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.waiting: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.cancelled: set[int] = set()
        self.definition = Definition()
        self.model: Any = None
        threading.Thread(target=self._read, name="reader", daemon=True).start()

    def serve(self) -> None:
        """Starts the model and answers queries until the kernel has no more."""
        start = self.waiting.get()
        if start is None or start.type != "start" or not self._start(start):
            return
        while (message := self.waiting.get()) is not None and message.type != "stop":
            if message.type == "query":
                self._answer(message)

    def _say(self, header: Mapping[str, Any], buffers: Sequence[Buffer] = ()) -> None:
        try:
            self.channel.send(header, buffers)
        except OSError as error:
            raise KernelGone from error

    def _read(self) -> None:
        try:
            while (message := self.channel.receive()) is not None:
                if message.type == "cancel":
                    self.cancelled.add(message.header["id"])
                else:
                    self.waiting.put(message)
        except (BadFrame, OSError) as error:
            print(f"The kernel could not be understood: {error}", file=sys.stderr, flush=True)
        self.waiting.put(None)

    def _start(self, message: Message) -> bool:
        wish = message.header
        try:
            settle_in(wish)
            self.definition = load(wish["model"], message.buffers)
            options = self.definition.signature.check_options(wish["options"])
            device = choose_device(self.definition, wish["device"], wish["threads"])
            files = {name: Path(path) for name, path in wish["model"].get("files", {}).items()}
            folder = wish["model"].get("folder")
            self.model = self.definition.prepare(
                options, device=device, files=files, folder=Path(folder) if folder else None
            )
            self.definition = self.definition.fitted(self.model)
        except Exception as error:
            self._say({"type": "failed", **described(error)})
            return False
        signature = self.definition.signature.describe()
        self._say({"type": "ready", "signature": signature, "device": device})
        return True

    def _answer(self, message: Message) -> None:
        id, started = message.header["id"], time.perf_counter()
        try:
            command = self.definition.commands[message.header["command"]]
            inputs = unpack_values(command.inputs.values(), message.header["inputs"], message.buffers, LOCAL)
            if id not in self.cancelled:
                result = self.definition.call(command.name, self.model, inputs)
                if hasattr(result, "__next__"):
                    self._answer_in_parts(command, message.header, result, started)
                else:
                    self._give(command, message.header, result, started, last=True)
            if id in self.cancelled:
                self._say({"type": "cancelled", "id": id})
        except KernelGone:
            raise
        except Exception as error:
            self._say({"type": "error", "id": id, **described(error)})
        finally:
            self.cancelled.discard(id)

    def _answer_in_parts(self, command: Command, query: dict[str, Any], parts: Iterator[Any], started: float) -> None:
        given = 0
        for part in parts:
            if query["id"] in self.cancelled:
                parts.close()  # type: ignore[attr-defined]  # a generator's
                return
            result, progress = part if _tells_progress(part) else (part, None)
            self._give(command, query, result, started, last=False, progress=progress)
            given += 1
        if not given:
            raise BadValue(f"The command {command.name!r} yielded nothing.", hint="Yield its outputs at least once.")
        self._say({"type": "done", "id": query["id"], "seconds": time.perf_counter() - started})

    def _give(
        self, command: Command, query: dict[str, Any], result: Any, started: float, last: bool, progress: Any = None
    ) -> None:
        buffers: list[Buffer] = []
        values = command.check_outputs(result)
        outputs = pack_values(command.outputs.values(), values, buffers, query["encoding"])
        header = {"type": "output", "id": query["id"], "outputs": outputs, "last": last}
        if progress is not None:
            header["progress"] = min(max(float(progress), 0.0), 1.0)
        self._say(header | {"seconds": time.perf_counter() - started}, buffers)


def _tells_progress(part: Any) -> bool:
    return isinstance(part, tuple) and len(part) == 2 and isinstance(part[1], (int, float))


def load(model: Mapping[str, Any], buffers: Any) -> Definition:
    """The model that a `start` message speaks of: shipped by value, a file, or a module of this package."""
    if "value" in model:
        import cloudpickle

        remember_source(model.get("source", {}))
        return Definition(*cloudpickle.loads(buffers[model["value"]]))
    if "file" in model:
        return load_file(Path(model["file"]))
    return definition_of(importlib.import_module(model["module"]).__file__)


def load_file(path: Path) -> Definition:
    """The model that a Python file declares."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("runway_lab_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look a module up by its name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return definition_of(str(path))


def remember_source(files: Mapping[str, str]) -> None:
    """Lets a traceback show the lines of a cell that is only known to its kernel."""
    import linecache

    for name, text in files.items():
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)


def settle_in(wish: Mapping[str, Any]) -> None:
    """Takes over the kernel's environment, folder and path."""
    os.environ.clear()
    os.environ.update(wish["environment"])
    with contextlib.suppress(OSError):
        os.chdir(wish["folder"])
    known = set(sys.path)
    sys.path.extend(each for each in wish["path"] if each not in known)


def choose_device(definition: Definition, wanted: str, threads: int) -> str:
    """The torch device a model asked for, found out only if it asked: torch takes a second to load."""
    import inspect

    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    asks = definition.setup is not None and "device" in inspect.signature(definition.setup).parameters
    if asks:
        import torch
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if not asks:
        if wanted not in ("auto", "cpu"):
            print(f"This model does not ask for a device, so it computes on the CPU and not on {wanted}.")
        return "cpu"
    there = ["cpu"]
    if torch.cuda.is_available():
        there += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there.append("mps")
    if wanted == "auto":
        return there[1] if len(there) > 1 else "cpu"
    if wanted not in there:
        raise BadValue(f"This machine has no device {wanted!r}.", hint=f"It has: {', '.join(there)}.")
    return wanted


def described(error: BaseException) -> dict[str, Any]:
    """An error as the kernel is told of it: the model's own words, and the traceback beside them."""
    details = "".join(traceback.format_exception(error))
    if "torchvision::" in str(error):
        what = f"it needs torchvision's compiled operators, which cannot be loaded here ({error})"
        hint = "Install the torch and torchvision that belong together; runway-lab doctor says which."
        return {"kind": "model", "what": what, "hint": hint, "details": details}
    out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if out_of_memory or "not enough memory" in str(error):
        return {"kind": "memory", "what": str(error) or "there is none left", "details": details}
    if isinstance(error, RunwayLabError):
        kind = "value" if isinstance(error, BadValue) else "model"
        return {"kind": kind, "what": error.what, "hint": error.hint, "details": details}
    return {"kind": "model", "what": f"{type(error).__name__}: {error}{_where(error)}", "details": details}


def _where(error: BaseException) -> str:
    """The last line of the model's own code on the way to an error."""
    ours = str(Path(__file__).parents[1])
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((ours, "<frozen")) and "site-packages" not in frame.filename:
            return f" (in {frame.name}, line {frame.lineno}: {frame.line})" if frame.line else ""
    return ""


def warm_up() -> None:
    """Loads what nearly every model needs and what takes long."""
    with contextlib.suppress(Exception):
        import cloudpickle
        import numpy
        import PIL.Image
        import safetensors.torch
        import torch

        # The first operation starts torch's threads and its allocator.
        torch.nn.functional.conv2d(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 3, 3))
        del cloudpickle, numpy, PIL, safetensors


def tie_to_parent() -> None:
    """Ends this process with its launcher (Linux), and offers it first where the machine runs out of memory."""
    if sys.platform == "linux":
        import ctypes

        # The launcher has one thread, so the signal follows the process and not some thread of it.
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, KILL, 0, 0, 0)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("600")


def main(arguments: list[str]) -> int:
    """Serves one kernel, then ends."""
    import faulthandler

    kind, value = arguments
    if kind == "--connect":
        channel = Channel.connect(int(value), os.environ.pop("RUNWAY_LAB_TOKEN"))
    else:
        tie_to_parent()
        channel = wait_for_channel(int(value)) if kind == "--spare" else Channel.from_descriptor(int(value))
    faulthandler.enable()
    # Opened anew, since a spare's were opened on something else; line by line, so that the log is live.
    sys.stdout = open(1, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    try:
        Worker(channel).serve()
    except KernelGone:
        # The launcher is about to end us.
        return 0
    except SystemExit as leaving:
        # A model's own; its words belong in the log.
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        print(leaving.code, file=sys.stderr)
        return 1
    return 0


def wait_for_channel(descriptor: int) -> Channel:
    """Loads torch, then waits for a kernel: its channel, and its log as our output."""
    import socket

    launcher = socket.socket(fileno=descriptor)
    warm_up()
    launcher.send(b"warm")
    words, (channel, log), _, _ = socket.recv_fds(launcher, 16, 2)
    if words != b"go":
        raise SystemExit(0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    launcher.send(b"ok")
    launcher.close()
    return Channel.from_descriptor(channel)


def leave(code: int) -> NoReturn:
    """Ends the process: what was registered for the end is done, what still runs in threads is no reason to stay."""
    import atexit

    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def run(arguments: list[str]) -> NoReturn:
    """`main`, and then the end, whatever happened."""
    code = 1
    try:
        code = main(arguments)
    except BaseException:
        traceback.print_exc()
    leave(code)
