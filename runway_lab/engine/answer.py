"""The answer to one query, now or later."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from typing import Any

from runway_lab.outputs import Outputs

__all__ = ["Answer"]


class Answer(Future[Outputs]):
    """A `concurrent.futures.Future` of a query's outputs, which can also be had in parts, as they come.

    answer = model.submit("walk", steps=30)
    for part in answer.partials():
        print(part.progress)
    outputs = answer.result()
    """

    def __init__(self, cancel: Callable[[], None], keep: Any = None) -> None:
        super().__init__()
        self._tell = cancel
        # Whoever waits for an answer keeps the model running.
        self._keep = keep
        self._parts: queue.SimpleQueue[Outputs | None] = queue.SimpleQueue()
        self._latest: Outputs | None = None
        self.add_done_callback(self._close)

    def cancel(self) -> bool:
        """Gives up on this query, and on no other: at once if it waits, else at its next part."""
        if self.cancelled():
            return True
        done = super().cancel()
        if done:
            # Only then do `concurrent.futures.wait` and `as_completed` hear of it.
            with contextlib.suppress(InvalidStateError):
                self.set_running_or_notify_cancel()
            self._tell()
        return done

    def partials(self) -> Iterator[Outputs]:
        """The parts of the answer as they come, the last one included; raises what `result` would."""
        while (part := self._parts.get()) is not None:
            yield part
        # A second reader finds the end as well.
        self._parts.put(None)
        if not self.cancelled() and (error := self.exception()) is not None:
            raise error

    @property
    def progress(self) -> float | None:
        """How far the model is, from 0 to 1, where it says so."""
        return 1.0 if self.done() else self._latest.progress if self._latest else None

    def add(self, part: Outputs) -> None:
        """Takes in a part of the answer."""
        self._latest = part
        self._parts.put(part)

    def finish(self, whole: Outputs | None = None) -> None:
        """Takes in the whole answer, or declares the last part to be it."""
        if whole is not None:
            self.add(whole)
        if self._latest is not None:
            # Somebody may cancel it at this very moment.
            with contextlib.suppress(InvalidStateError):
                self.set_result(self._latest)

    def fail(self, error: BaseException) -> None:
        """Takes in that there will be no answer."""
        with contextlib.suppress(InvalidStateError):
            self.set_exception(error)

    def _close(self, _: Any) -> None:
        self._parts.put(None)
        self._keep = None
