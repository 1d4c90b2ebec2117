"""Shuts a connection's socket at a deadline, whatever the connection is doing then."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock, Timer
from typing import TYPE_CHECKING, Self
from weakref import finalize

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
        self._timer = Timer(max(deadline.remaining(), 0), self._cut)
        self._timer.daemon = True
        self._lock = Lock()
        self._line: Line | None = None
        self._over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._line = None

    def guard(self, line: Line) -> None:
        """Cut this line at the deadline, or now if it has passed."""
        with self._lock:
            self._line = line
            if self._over:
                line.cut()

    def _cut(self) -> None:
        with self._lock:
            self._over = True
            if self._line is not None:
                self._line.cut()
