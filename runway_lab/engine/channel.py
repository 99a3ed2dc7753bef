"""Messages over a socket: many writers, one reader."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from runway_lab.errors import BadFrame
from runway_lab.fields import Buffer
from runway_lab.frames import Message, pack, read
from runway_lab.settings import settings

__all__ = ["Channel"]

ROOM = 4 * 1024 * 1024
"""What the system may hold for us on the way, so that a picture goes out in one piece."""

MOST_PIECES = 512


class Channel:
    """One end of a stream of messages."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._sending = threading.Lock()
        self._most = settings().max_message_mb * 1_000_000
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            with contextlib.suppress(OSError):
                stream.setsockopt(socket.SOL_SOCKET, option, ROOM)

    @classmethod
    def from_descriptor(cls, descriptor: int) -> Channel:
        """The channel on an open socket that was handed to this process."""
        return cls(socket.socket(fileno=descriptor))

    @classmethod
    def connect(cls, port: int, token: str) -> Channel:
        """The channel to a kernel that listens on loopback and knows us by a token."""
        stream = socket.create_connection(("127.0.0.1", port), timeout=30)
        stream.settimeout(None)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.sendall(token.encode("ascii"))
        return cls(stream)

    def send(self, header: Mapping[str, Any], buffers: Sequence[Buffer] = ()) -> None:
        """Sends one message, whole, whichever thread asks."""
        pieces = [memoryview(each).cast("B") for each in pack(header, buffers)]
        total = sum(each.nbytes for each in pieces)
        if total > self._most:
            raise BadFrame(f"A message of {total} bytes is too large to send.", hint=f"Allowed: {self._most}.")
        with self._sending:
            _send_all(self.stream, pieces, total)

    def receive(self) -> Message | None:
        """The next message; None at the end of the stream."""
        return read(self.stream.recv_into, self._most)

    def close(self) -> None:
        """Ends the stream in both directions, for whoever holds a copy of it as well."""
        with contextlib.suppress(OSError):
            self.stream.shutdown(socket.SHUT_RDWR)
        self.stream.close()


def _send_all(stream: socket.socket, pieces: list[memoryview], left: int) -> None:
    if not hasattr(stream, "sendmsg"):
        for piece in pieces:
            stream.sendall(piece)
        return
    while True:
        sent = stream.sendmsg(pieces[:MOST_PIECES])
        left -= sent
        if left == 0:
            return
        while sent >= pieces[0].nbytes:
            sent -= pieces.pop(0).nbytes
        pieces[0] = pieces[0][sent:]
