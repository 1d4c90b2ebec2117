"""A pool of connections to the server, and borrowers who wait for one."""

import contextlib
import select
import threading
import time
from typing import TYPE_CHECKING, Any

import pymysql

from durable_ingest.testing.connection import connect

if TYPE_CHECKING:
    from io import BufferedIOBase
    from socket import socket

    from pymysql.connections import Connection

PROBE_EVERY = 0.05
"""Seconds between two attempts to connect, while they fail; one borrower makes it for all."""
ANSWERS_WITHIN = 60.0


class BorrowTimeoutError(Exception):
    """No connection came free in time."""


class Upstream:
    """A connection to the server, logged in, that packets can be passed through."""

    def __init__(self, url: str) -> None:
        """Connect.

        Raises:
            pymysql.err.Error: the server cannot be reached, or is no writer.
        """
        self._connection: Connection[Any] = connect(url, timeout=ANSWERS_WITHIN)
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT @@global.read_only")
            if cursor.fetchone() != (0,):
                self.close()
                raise pymysql.err.OperationalError(0, "the server is no writer")
        # PyMySQL has done the log-in, its own packets are of no more use.
        self.socket: socket = self._connection._sock  # type: ignore[attr-defined]  # noqa: SLF001
        self.stream: BufferedIOBase = self._connection._rfile  # type: ignore[attr-defined]  # noqa: SLF001

    def is_alive(self) -> bool:
        """Say whether the server has kept its end open: idle, it has nothing to say but goodbye."""
        return not select.select([self.socket], [], [], 0)[0]

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(pymysql.err.Error, OSError):
            self._connection.close()


class Pool:
    """Lends connections. Thread-safe.

    A borrower waits while all are lent or the server has no writer, up to the time-out.

    Args:
        url: the server's database.
        size: connections at most.
        borrow_timeout: seconds.
    """

    def __init__(self, url: str, *, size: int, borrow_timeout: float) -> None:
        """Open nothing."""
        self._url = url
        self._size = size
        self._timeout = borrow_timeout
        self._changed = threading.Condition()
        self._idle: list[Upstream] = []
        self._open = 0
        self._next_attempt = 0.0

    def borrow(self) -> Upstream:
        """Wait for a connection.

        Raises:
            BorrowTimeoutError: too long.
        """
        deadline = time.monotonic() + self._timeout
        while True:
            with self._changed:
                while self._idle:
                    if (upstream := self._idle.pop()).is_alive():
                        return upstream
                    self._forget(upstream)
                now = time.monotonic()
                if now >= deadline:
                    raise BorrowTimeoutError
                if self._open == self._size or now < self._next_attempt:
                    until = deadline if self._open == self._size else self._next_attempt
                    self._changed.wait(min(deadline, until) - now)
                    continue
                self._open += 1
                self._next_attempt = now + PROBE_EVERY
            if (opened := self._try_to_open()) is not None:
                return opened

    def _try_to_open(self) -> Upstream | None:
        try:
            upstream = Upstream(self._url)
        except (pymysql.err.Error, OSError):
            with self._changed:
                self._open -= 1
            return None
        with self._changed:
            self._next_attempt = 0.0
            self._changed.notify_all()
        return upstream

    def give_back(self, upstream: Upstream) -> None:
        """Return one that can be used again."""
        with self._changed:
            self._idle.append(upstream)
            self._changed.notify()

    def discard(self, upstream: Upstream) -> None:
        """Return one that cannot."""
        with self._changed:
            self._forget(upstream)
            self._changed.notify()

    def _forget(self, upstream: Upstream) -> None:
        self._open -= 1
        upstream.close()

    def close(self) -> None:
        """Close those that are not lent."""
        with self._changed:
            while self._idle:
                self._forget(self._idle.pop())
