"""One model's run: from "starting" to "stopped" or "failed", and every query on the way.

A session owns a connection and the thread that reads from it. All of its methods return at once and may be called
from any thread; a query that comes before the model is ready waits in line. When nobody has asked anything for
the idle time, the model is put to sleep: its process ends, and the next query starts it again.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from runway_lab.engine.answer import Answer
from runway_lab.engine.protocol import Connection, Ending, error_from
from runway_lab.errors import BadFrame, ModelCrashed, ModelStopped, OutOfMemory, RunwayLabError
from runway_lab.fields import Buffer
from runway_lab.frames import Message, pack_values
from runway_lab.outputs import Outputs
from runway_lab.signature import Signature

__all__ = ["Session", "Status"]

Status = Literal["starting", "running", "stopping", "stopped", "failed"]
GRACE = 0.3
"""Seconds a worker has to leave by itself before it is ended."""


class Session:
    """The states of one model, and its queries."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], tuple[Connection, Mapping[str, Any], list[Buffer]]],
        *,
        idle: float = 0,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.device = ""
        self.status: Status = "starting"
        self.signature: Signature | None = None
        self.error: RunwayLabError | None = None
        self.asleep = False
        self.idle = idle
        self.seconds_to_start: float | None = None
        self._connect = connect
        self._on_ready = on_ready
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._ids = itertools.count(1)
        self._asked: dict[int, tuple[Answer, str]] = {}
        self._waiting: list[tuple[int, str | None, Mapping[str, Any], str]] = []
        self._last_use = time.monotonic()
        self._timer: threading.Timer | None = None
        self._connection: Connection | None = None
        self._listener: threading.Thread | None = None
        self._begin()

    # What a person asks

    def ask(self, command: str | None, inputs: Mapping[str, Any], encoding: str = "raw", keep: Any = None) -> Answer:
        """The answer to a query, later. What can be seen to be wrong with it is raised now."""
        id = next(self._ids)
        answer = Answer(lambda: self._cancel(id), keep)
        with self._lock:
            if self.status == "stopped" and self.asleep:
                self._begin()
            falling_asleep = self.status == "stopping" and self.asleep
            if self.status in ("stopping", "stopped", "failed") and not falling_asleep:
                raise self._not_running()
            self._last_use = time.monotonic()
            if self.status == "starting" or falling_asleep:
                self._asked[id] = (answer, command or "")
                self._waiting.append((id, command, inputs, encoding))
                return answer
        self._send(id, answer, command, inputs, encoding)
        return answer

    def wait(self, timeout: float | None = None) -> None:
        """Waits until the model runs; raises why it does not."""
        with self._changed:
            if self.status == "stopped" and self.asleep:
                self._begin()
            if not self._changed.wait_for(lambda: self.status != "starting", timeout):
                raise ModelStopped(f"{self.name} is still starting after {timeout} s.", hint="Wait longer.")
            if self.status != "running":
                raise self._not_running()

    def stop(self, asleep: bool = False) -> None:
        """Stops the model, whatever it is doing, in well under a second. Harmless when it has ended."""
        with self._changed:
            if self.status in ("stopped", "failed"):
                self.asleep = False
                return
            if asleep and (self.status != "running" or not self._is_idle()):
                return
            connection, self.status, self.asleep = self._connection, "stopping", asleep
            self._changed.notify_all()
        if threading.current_thread() is self._listener:
            # Called by somebody's callback on an answer: who listens cannot wait for what it will hear.
            if connection is not None:
                connection.end()
            return
        if connection is not None:
            # A worker in the middle of something does not read, so the polite word must not block.
            threading.Thread(target=_say_stop, args=(connection,), daemon=True).start()
            if connection.wait(GRACE) is None:
                connection.end()
            connection.wait(5)
        with self._changed:
            self._changed.wait_for(lambda: self.status == "stopped", 5)

    def make_room(self) -> bool:
        """Puts the model to sleep if it has nothing to do; the next query wakes it. Whether it did."""
        with self._lock:
            if self.status != "running" or self._asked:
                return False
            self._last_use = 0.0
        self.stop(asleep=True)
        return self.asleep

    @property
    def last_use(self) -> float:
        """When it was last asked something, on the clock of `time.monotonic`."""
        return self._last_use

    def let_go(self) -> None:
        """Stops the model some time soon, whichever thread says so and whatever it holds."""
        threading.Thread(target=self.stop, name=f"{self.name} let go", daemon=True).start()

    @property
    def log(self) -> list[str]:
        """What the model wrote."""
        return [] if self._connection is None else self._connection.log

    # The way of a run

    def _begin(self) -> None:
        """Starts a worker, in the thread that will read from it."""
        self.status, self.error, self.asleep = "starting", None, False
        self._last_use = time.monotonic()
        self._listener = threading.Thread(target=self._live, name=f"{self.name} answers", daemon=True)
        self._listener.start()

    def _live(self) -> None:
        """From the start of a worker to its end."""
        started = time.monotonic()
        try:
            connection, start, buffers = self._connect()
        except RunwayLabError as error:
            self._ended(Ending(None), error)
            return
        except Exception as error:
            self._ended(Ending(None), ModelCrashed(f"{self.name} could not be started: {error}."))
            return
        with self._lock:
            self._connection = connection
            wanted = self.status == "starting"
        if not wanted:
            connection.end()
        failed: RunwayLabError | None = None
        try:
            failed = self._listen(connection, start, buffers, started)
        except RunwayLabError as error:
            failed = error
        except Exception as error:
            failed = ModelCrashed(f"{self.name} said something that cannot be taken in: {error!r}.")
        finally:
            # However it came about, nobody listens to the worker any more.
            if connection.wait(0.5) is None:
                connection.end()
            self._ended(connection.wait(10) or Ending(None), failed)

    def _listen(
        self, connection: Connection, start: Mapping[str, Any], buffers: list[Buffer], started: float
    ) -> RunwayLabError | None:
        """Sends the start, then takes in what the worker says until it says no more. Why it failed, if it said so."""
        failed: RunwayLabError | None = None
        try:
            connection.send(start, buffers)
            while (message := connection.receive()) is not None:
                if message.type == "ready":
                    self._ready(message, time.monotonic() - started)
                elif message.type == "failed":
                    # Its last words are worth waiting for.
                    connection.wait(1)
                    failed = error_from(message.header, self.name, connection.log, starting=True)
                else:
                    self._take(message)
        except BadFrame as error:
            # A worker killed in the middle of a message ends it early; how it ended is the better reason.
            if connection.wait(0.5) is None:
                failed = ModelCrashed(f"{self.name} said something that cannot be understood: {error}")
        except OSError:
            pass
        return failed

    def _ready(self, message: Message, seconds: float) -> None:
        with self._changed:
            if self.status != "starting":
                return
            self.signature = Signature.from_description(message.header["signature"])
            self.device, self.status, self.seconds_to_start = message.header["device"], "running", seconds
            waiting, self._waiting = self._waiting, []
            self._last_use = time.monotonic()
            self._changed.notify_all()
            self._watch_idle()
        for id, command, inputs, encoding in waiting:
            answer, _ = self._asked.pop(id, (None, ""))
            if answer is not None and not answer.done():
                try:
                    self._send(id, answer, command, inputs, encoding)
                except Exception as error:
                    answer.fail(error)
        with contextlib.suppress(Exception):
            self._on_ready()

    def _send(self, id: int, answer: Answer, command: str | None, inputs: Mapping[str, Any], encoding: str) -> None:
        assert self.signature is not None
        called = self.signature.command(command)
        buffers: list[Buffer] = []
        packed = pack_values(called.inputs.values(), called.check_inputs(inputs), buffers)
        header = {"type": "query", "id": id, "command": called.name, "inputs": packed, "encoding": encoding}
        with self._lock:
            if self.status != "running" or self._connection is None:
                raise self._not_running()
            connection = self._connection
            self._asked[id] = (answer, called.name)
        try:
            connection.send(header, buffers)
        except OSError:
            # The thread that reads is about to say how the worker ended, to this answer too.
            pass
        except BaseException:
            self._asked.pop(id, None)
            raise

    def _take(self, message: Message) -> None:
        """One message about a query."""
        header = message.header
        ends = message.type != "output" or header.get("last", True)
        with self._lock:
            self._last_use = time.monotonic()
            answer, command = (self._asked.pop if ends else self._asked.get)(header["id"], (None, ""))
        if answer is None or self.signature is None:
            return
        if message.type == "output":
            fields = self.signature.command(command).outputs
            outputs = Outputs(
                fields,
                header["outputs"],
                message.buffers,
                progress=header.get("progress"),
                seconds=header.get("seconds"),
            )
            (answer.finish if ends else answer.add)(outputs)
        elif message.type == "done":
            answer.finish()
        elif message.type == "error":
            answer.fail(error_from(header, self.name, self.log))

    def _ended(self, ending: Ending, failed: RunwayLabError | None) -> None:
        with self._changed:
            wanted = self.status == "stopping"
            if wanted:
                self.status = "stopped"
                self.error = None
            else:
                self.status = "failed"
                self.error = failed or self._crash(ending)
            later = {each[0] for each in self._waiting} if self.asleep else set()
            asked = {id: each for id, each in self._asked.items() if id not in later}
            self._asked = {id: each for id, each in self._asked.items() if id in later}
            self._waiting = [each for each in self._waiting if each[0] in later]
            if self._timer is not None:
                self._timer.cancel()
            error = self.error or self._not_running()
            self._changed.notify_all()
            if self._waiting:
                self._begin()
        for answer, _ in asked.values():
            answer.fail(error)

    def _crash(self, ending: Ending) -> RunwayLabError:
        log, hint = list(ending.log), "rl.run starts it again; its log may say more."
        code = ending.code
        if ending.ran_out:
            return OutOfMemory(
                f"{self.name} ran out of memory: it used {ending.memory / 1e9:.1f} GB when the system ended it.",
                hint="Use smaller pictures, stop other models, or run it on a machine with more memory.",
                log=log,
            )
        if code is not None and code < 0:
            return ModelCrashed(f"{self.name} ended: {_signal_in_words(-code)}.", hint=hint, log=log)
        if code is None:
            return ModelCrashed(f"{self.name} ended: the process that guards it was killed.", hint=hint, log=log)
        how = "left" if self.signature is not None else "left before it was ready"
        return ModelCrashed(f"{self.name} {how} by itself, with the exit code {code}.", hint=hint, log=log)

    def _not_running(self) -> RunwayLabError:
        if self.error is not None:
            # A copy: an error that is raised again and again would carry all its tracebacks with it.
            return copy.copy(self.error).with_traceback(None)
        doing = "is being stopped" if self.status == "stopping" else "was stopped"
        return ModelStopped(f"{self.name} {doing}, so it cannot answer.", hint="rl.run starts it again.")

    def _cancel(self, id: int) -> None:
        with self._lock:
            connection = self._connection
            self._waiting = [each for each in self._waiting if each[0] != id]
        if connection is not None and self._asked.pop(id, None) is not None:
            with contextlib.suppress(OSError):
                connection.send({"type": "cancel", "id": id})

    def _is_idle(self) -> bool:
        return not self._asked and time.monotonic() - self._last_use >= max(self.idle, 0.001)

    def _watch_idle(self) -> None:
        """Puts the model to sleep when its idle time is over, else looks again when it could be."""
        with self._lock:
            if self.idle <= 0 or self.status != "running":
                return
            left = self.idle if self._asked else self.idle - (time.monotonic() - self._last_use)
            if left > 0:
                self._timer = threading.Timer(left, self._watch_idle)
                self._timer.daemon = True
                self._timer.start()
                return
        self.stop(asleep=True)
        with self._lock:
            if self.status == "running":
                # Somebody asked something at this very moment.
                self._timer = threading.Timer(self.idle, self._watch_idle)
                self._timer.daemon = True
                self._timer.start()


def _say_stop(connection: Connection) -> None:
    with contextlib.suppress(OSError):
        connection.send({"type": "stop"})


def _signal_in_words(number: int) -> str:
    words = {
        "SIGSEGV": "it touched memory that is not its own (a segmentation fault in compiled code)",
        "SIGBUS": "it touched memory that is not there (a bus error in compiled code)",
        "SIGABRT": "compiled code gave up (abort)",
        "SIGFPE": "a calculation in compiled code is impossible",
        "SIGILL": "compiled code is made for another processor",
        "SIGKILL": "it was killed, from outside or because memory ran out",
        "SIGTERM": "something asked it to end",
    }
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"by signal {number}"
    return f"{words.get(name, 'by a signal')} ({name})"
