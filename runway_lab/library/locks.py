"""Locks between processes: a lock is a file that the system holds for one process.

The system lets go when the process ends, however it ends, so a lock never has to be cleaned up after a crash.
The file stays where it is, or is removed by its holder; whoever locked a file that was removed in the meantime
notices (its inode is no longer the one at that path) and takes the new one.

The exclusive holder writes who it is into the file, for people: `holder()` reads that. It is a hint, not a lock;
the content outlives a crash and is then recognised by its dead process.

Any number of processes share a lock, or one holds it exclusively. Windows knows exclusive ones only, so there
sharers wait for each other. A forked child shares its parent's locks; a started program does not.

The standard library is enough here, and this module imports nothing else: the engine takes locks in processes that
must start quickly.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

__all__ = ["FileLock", "Holder"]

_BUSY = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.02


@dataclass(frozen=True)
class Holder:
    """Who holds a lock exclusively, what for, and since when (seconds since 1970)."""

    pid: int
    note: str
    since: float

    def __str__(self) -> str:
        about = f": {self.note}" if self.note else ""
        return f"process {self.pid}, since {time.strftime('%H:%M:%S', time.localtime(self.since))}{about}"


class FileLock:
    """A lock on a file, exclusive or shared.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> first, second = (FileLock(Path(folder.name) / "slot", note=who) for who in ("first", "second"))
    >>> with first:
    ...     second.acquire(timeout=0), second.holder().note
    (False, 'first')
    >>> second.acquire(timeout=0)
    True
    >>> second.release(remove=True)
    >>> folder.cleanup()

    As a context manager it waits for `timeout` seconds (None: for ever) and raises when they are over.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        shared: bool = False,
        note: str = "",
        timeout: float | None = None,
    ) -> None:
        self.path = Path(path)
        self.shared = shared
        self.note = note
        self.timeout = timeout
        self._file: int | None = None

    def __repr__(self) -> str:
        kind = "shared" if self.shared else "exclusive"
        return f"<FileLock {self.path} {kind}, {'held' if self.held else 'not held'}>"

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file is not None

    def acquire(self, timeout: float | None = None) -> bool:
        """Takes the lock; False if others held it for all of `timeout` seconds. None waits for ever, 0 not at all."""
        if self._file is not None:
            raise RuntimeError(f"{self!r} cannot be taken twice; use a FileLock of its own for each holder.")
        end = None if timeout is None else time.monotonic() + timeout
        pause = _FIRST_PAUSE
        while not self._try():
            left = _LONGEST_PAUSE if end is None else end - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE)
        return True

    def release(self, remove: bool = False) -> None:
        """Lets go. With `remove` the file goes too; only an exclusive holder may do that."""
        file, self._file = self._file, None
        if file is None:
            return
        if not self.shared:
            with contextlib.suppress(OSError):
                os.ftruncate(file, 0)
        remove = remove and not self.shared
        if remove and sys.platform != "win32":
            with contextlib.suppress(OSError):
                os.unlink(self.path)
        _unlock(file)
        os.close(file)
        if remove and sys.platform == "win32":
            # An open file cannot be removed there: if another process has opened it by now, it stays.
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def fileno(self) -> int:
        """The descriptor that carries the lock, to be handed to another process."""
        if self._file is None:
            raise RuntimeError(f"{self!r} has nothing to hand on.")
        return self._file

    def hand_over(self) -> None:
        """Leaves the lock to the process that has a copy of its descriptor by now."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def holder(self) -> Holder | None:
        """Who holds the lock exclusively, as it wrote down itself; None if nobody does or it left no word."""
        try:
            said = json.loads(self.path.read_bytes()[:4096])
            holder = Holder(int(said["pid"]), str(said["note"]), float(said["since"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return holder if _alive(holder.pid) else None

    def __enter__(self) -> FileLock:
        if not self.acquire(self.timeout):
            from runway_lab.errors import RunwayLabError

            holder = self.holder()
            raise RunwayLabError(
                f"{self.path.name} is in use{f' by {holder}' if holder else ''}.",
                hint="Wait until that is done, or stop it, and try again.",
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _try(self) -> bool:
        """One attempt; the lock counts only if the file is still the one at its path."""
        while True:
            file = self._open()
            try:
                if not _lock(file, self.shared):
                    os.close(file)
                    return False
                if _same_file(file, self.path):
                    self._sign(file)
                    self._file = file
                    return True
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError:
                if not self.shared:
                    raise
                return os.open(self.path, os.O_RDONLY)
        except OSError as error:
            from runway_lab.errors import RunwayLabError

            raise RunwayLabError(
                f"The lock file {self.path} cannot be opened: {error.strerror or error}.",
                hint="Look whether its folder may be written to and has room.",
            ) from error

    def _sign(self, file: int) -> None:
        if self.shared:
            return
        said = json.dumps({"pid": os.getpid(), "note": self.note, "since": time.time()}).encode()
        # A full disk takes the word of who holds it, not the lock.
        with contextlib.suppress(OSError):
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)
            os.write(file, said)


def _same_file(file: int, path: Path) -> bool:
    try:
        there = os.stat(path)
    except OSError:
        return False
    here = os.fstat(file)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


if sys.platform == "win32":
    import msvcrt

    # A byte far behind the content: what is locked there cannot be read by others.
    _BYTE = 1 << 30

    def _lock(file: int, shared: bool) -> bool:
        os.lseek(file, _BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in _BUSY:
                return False
            raise
        return True

    def _unlock(file: int) -> None:
        os.lseek(file, _BYTE, os.SEEK_SET)
        with contextlib.suppress(OSError):
            msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

    def _alive(pid: int) -> bool:
        return True
else:
    import fcntl

    def _lock(file: int, shared: bool) -> bool:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _BUSY:
                return False
            from runway_lab.errors import RunwayLabError

            raise RunwayLabError(
                f"The file system of the library cannot lock files: {error.strerror}.",
                hint="Put the library on another disk with RUNWAY_LAB_HOME.",
            ) from error
        return True

    def _unlock(file: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)

    def _alive(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError, ValueError):
            return False
        except OSError:
            return True
        return pid > 0
