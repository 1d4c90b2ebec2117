"""Shuts a connection's socket at a deadline, whatever the connection is doing then."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING, Self
from weakref import finalize

from durable_ingest.clock import SystemClock

if TYPE_CHECKING:
    from durable_ingest.deadline import Deadline


class Line:
    """A second handle on a connected socket.

    It outlives TLS, which takes the first one over, and can shut the connection from another
    thread: a blocked read or write ends at once.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock.dup()
        self._closing = finalize(self, self._socket.close)

    def cut(self) -> None:
        """Shut the connection."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the handle back."""
        self._closing()


class Cutoff:
    """A context in which the guarded line is cut once the deadline passes."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._lock = Lock()
        self._line: Line | None = None
        self._over = False

    def __enter__(self) -> Self:
        _WATCH.begin(self, max(self._deadline.remaining(), 0))
        return self

    def __exit__(self, *_: object) -> None:
        _WATCH.end(self)
        with self._lock:
            self._line = None

    def guard(self, line: Line) -> None:
        """Cut this line at the deadline, or now if it has passed."""
        with self._lock:
            self._line = line
            if self._over:
                line.cut()

    def cut(self) -> None:
        """The deadline has passed."""
        with self._lock:
            self._over = True
            if self._line is not None:
                self._line.cut()


class _Watch:
    """Cuts whatever is past its time: one thread for all, so that a batch need not start one.

    It goes by real time, which a test's clock does not change. The thread sleeps until the first
    that it knows of is due, though that one has ended meanwhile, and ends once nothing is left.
    """

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin anew, as in a forked process: thread, waiters and lines are the parent's."""
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._due: dict[Cutoff, float] = {}
        self._thread: Thread | None = None
        self._wakes = 0.0

    def begin(self, cutoff: Cutoff, seconds: float) -> None:
        """Cut it in so many seconds."""
        due = _REAL_TIME.monotonic() + seconds
        with self._lock:
            self._due[cutoff] = due
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="durable-ingest-cutoff", daemon=True)
                self._thread.start()
            elif due < self._wakes:
                self._changed.notify()

    def end(self, cutoff: Cutoff) -> None:
        """Cut it no more."""
        with self._lock:
            self._due.pop(cutoff, None)

    def _run(self) -> None:
        while (cutoff := self._next()) is not None:
            cutoff.cut()

    def _next(self) -> Cutoff | None:
        """Wait for one to be due; None once there is none."""
        with self._lock:
            while self._due:
                first = min(self._due, key=self._due.__getitem__)
                self._wakes = self._due[first]
                seconds = self._wakes - _REAL_TIME.monotonic()
                if seconds <= 0:
                    del self._due[first]
                    return first
                self._changed.wait(seconds)
            self._thread = None
            return None


_REAL_TIME = SystemClock()
_WATCH = _Watch()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_WATCH.renew)
