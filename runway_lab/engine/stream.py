"""A stream of queries in which only the newest matters: a finger on a pad, a camera.

At most two queries are on the way at a time. One that comes meanwhile waits in a place for one; a newer one takes
that place, and the older is dropped. So nothing queues, and what is shown is never older than two answers.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from runway_lab.engine.answer import Answer
from runway_lab.errors import ModelStopped
from runway_lab.outputs import Outputs

if TYPE_CHECKING:
    from runway_lab.engine.running import RunningModel

__all__ = ["Stats", "Stream"]

FLIGHT = 2
WINDOW = 2.0
"""Seconds that frames are counted over."""


@dataclass(frozen=True)
class Stats:
    """How a stream is doing: latencies in milliseconds, from `send` until the callback is called."""

    fps: float
    latency_p50: float
    latency_p95: float
    sent: int
    shown: int
    dropped: int


class Stream:
    """Queries to one command, newest wins.

        with model.stream(lambda outputs: show(outputs.image)) as stream:
            for frame in camera:
                stream.send(image=frame)

    It lives as long as somebody holds it, or until it is closed. The callback runs in a thread of the stream's own;
    what goes wrong there or in the model is given to `on_error` and kept in `error`. A query is on the way until its
    callback has returned, so a slow screen slows the model down instead of being flooded.
    """

    def __init__(
        self,
        model: RunningModel,
        on_output: Callable[[Outputs], Any],
        command: str | None = None,
        *,
        encoding: str = "raw",
        on_error: Callable[[BaseException], Any] | None = None,
    ) -> None:
        self._model = model
        self._command = command
        self._encoding = encoding
        self._on_output = on_output
        self._on_error = on_error
        self._lock = threading.Lock()
        self._next: tuple[Mapping[str, Any], float] | None = None
        self._flying = 0
        self._closed = False
        self._idle = threading.Condition(self._lock)
        self._finished: queue.SimpleQueue[tuple[Answer, float] | None] = queue.SimpleQueue()
        self._shown_at: deque[float] = deque(maxlen=1000)
        self._latencies: deque[float] = deque(maxlen=400)
        self._sent = self._shown = self._dropped = 0
        self.error: BaseException | None = None
        """The last thing that went wrong, if anything did."""
        # The thread holds the queue and not the stream, so that a stream nobody holds lets its model go.
        arguments = (weakref.ref(self), self._finished)
        threading.Thread(target=_serve, args=arguments, name=f"{model.name} stream", daemon=True).start()
        weakref.finalize(self, self._finished.put, None).atexit = False

    def send(self, **inputs: Any) -> None:
        """Hands over the newest inputs. Returns at once."""
        now = time.perf_counter()
        with self._lock:
            if self._closed:
                raise ModelStopped(f"This stream to {self._model.name} is closed.", hint="Open another with .stream().")
            self._sent += 1
            if self._flying >= FLIGHT:
                self._dropped += self._next is not None
                self._next = (inputs, now)
                return
            self._flying += 1
        self._ask(inputs, now)

    def stats(self) -> Stats:
        """How the stream is doing."""
        with self._lock:
            now = time.perf_counter()
            recent = [at for at in self._shown_at if at > now - WINDOW]
            # From the first of them and not over the whole window: a stream that just began is not slow.
            fps = (len(recent) - 1) / (now - recent[0]) if len(recent) > 1 else 0.0
            p50, p95 = np.percentile(list(self._latencies) or [0.0], [50, 95]) * 1e3
            return Stats(fps, float(p50), float(p95), self._sent, self._shown, self._dropped)

    def drain(self, timeout: float | None = None) -> bool:
        """Waits until all that was sent is shown or dropped; False after `timeout` seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: self._flying == 0 and self._next is None, timeout)

    def close(self) -> None:
        """Ends the stream; the model goes on."""
        with self._idle:
            if self._closed:
                return
            self._closed, self._next, self._flying = True, None, 0
            self._idle.notify_all()
        self._finished.put(None)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.drain(10)
        self.close()

    def _ask(self, inputs: Mapping[str, Any], at: float) -> None:
        try:
            answer = self._model.session.ask(self._command, inputs, self._encoding, keep=self._model)
        except Exception as error:
            answer = Answer(lambda: None)
            answer.fail(error)
        finished = self._finished
        answer.add_done_callback(lambda done: finished.put((answer, at)))

    def show(self, answer: Answer, at: float) -> None:
        """Gives one answer to the callback, then sends what waits."""
        try:
            outputs = answer.result()
            with self._lock:
                if self._closed:
                    return
                now = time.perf_counter()
                self._latencies.append(now - at)
                self._shown_at.append(now)
                self._shown += 1
            self._on_output(outputs)
        except Exception as error:
            self.error = error
            if self._on_error is not None:
                with contextlib.suppress(Exception):
                    self._on_error(error)
        with self._idle:
            if self._closed:
                return
            following, self._next = self._next, None
            if following is None:
                self._flying -= 1
                self._idle.notify_all()
                return
        self._ask(*following)


def _serve(stream: weakref.ref[Stream], finished: queue.SimpleQueue[tuple[Answer, float] | None]) -> None:
    """Shows answers until the stream is closed or gone."""
    while (each := finished.get()) is not None:
        alive = stream()
        if alive is None:
            return
        alive.show(*each)
        del alive, each
