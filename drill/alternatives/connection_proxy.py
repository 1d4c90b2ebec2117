"""A: a connection proxy in front of the database, which holds its clients while there is none.

As RDS Proxy does it: clients log in at the proxy and stay connected; a connection to the database
is borrowed for each transaction; who waits longer than the borrow time-out gets error 9501.
"""

import contextlib
import secrets
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from io import BufferedIOBase
from itertools import count
from typing import Self

from drill.alternatives import wire
from drill.alternatives.candidate import Candidate, Setting, behind_a_gateway
from drill.alternatives.direct import DirectHandler
from drill.alternatives.pool import BorrowTimeoutError, Pool, Upstream
from durable_ingest.testing.connection import Address

POOL = 40
QUERY, QUIT, PING = 0x03, 0x01, 0x0E
NO_CONNECTION = 9501
ACCESS_DENIED = 1045


class ConnectionProxy:
    """A context manager: listens on a free port of 127.0.0.1 while it is entered.

    Args:
        url: the database; the proxy's clients log in with the same user and password.
        borrow_timeout: seconds.
        size: connections to the database at most.
    """

    def __init__(self, url: str, *, borrow_timeout: float, size: int = POOL) -> None:
        """Listen; nobody is answered before it is entered."""
        self._address = Address.parse(url)
        self._pool = Pool(url, size=size, borrow_timeout=borrow_timeout)
        self._server = _Server(self._pool, self._address)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def url(self) -> str:
        """What clients connect to."""
        host, port = self._server.server_address[:2]
        return replace(self._address, host=str(host), port=int(port)).url

    def __enter__(self) -> Self:
        """Answer clients."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every connection."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        self._pool.close()


class _Server(socketserver.ThreadingTCPServer):
    """Accepts clients; knows who is there."""

    request_queue_size = 1024

    def __init__(self, pool: Pool, address: Address) -> None:
        self.pool = pool
        self.address = address
        self.numbers = count(1)
        self._clients: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Session)

    def note(self, client: socket.socket) -> None:
        self._clients.add(client)

    def forget(self, client: socket.socket) -> None:
        self._clients.discard(client)

    def hang_up(self) -> None:
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


class _Session(socketserver.StreamRequestHandler):
    """One client, in a thread of its own."""

    server: _Server
    request: socket.socket
    rfile: BufferedIOBase

    def setup(self) -> None:
        super().setup()
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.note(self.request)
        self._lent: Upstream | None = None
        self._pinned = False

    def handle(self) -> None:
        # Whichever side ends its connection, this session is over.
        with contextlib.suppress(OSError):
            if self._log_in():
                while self._serve(wire.read_packet(self.rfile).payload):
                    pass

    def finish(self) -> None:
        self.server.forget(self.request)
        if self._lent is not None:
            self.server.pool.discard(self._lent)
        super().finish()

    def _log_in(self) -> bool:
        # Without NUL, which would end it.
        nonce = bytes(1 + byte % 127 for byte in secrets.token_bytes(wire.NONCE))
        self._send(0, wire.greeting(next(self.server.numbers), nonce))
        login = wire.read_packet(self.rfile)
        address = self.server.address
        if wire.is_welcome(login.payload, nonce, address.user, address.password):
            self._send(login.number + 1, wire.ok())
            return True
        self._send(login.number + 1, wire.error(ACCESS_DENIED, "Access denied", "28000"))
        return False

    def _serve(self, command: bytes) -> bool:
        if command[0] == QUIT:
            return False
        if command[0] == PING or command.startswith(b"\x03SET NAMES utf8mb4"):
            self._send(1, wire.ok())  # as all connections of the pool have it
            return True
        # What a session sets is its own: it keeps the connection ("pinning").
        self._pinned = self._pinned or command[:5].upper() == b"\x03SET "
        try:
            upstream = self._lent or self.server.pool.borrow()
        except BorrowTimeoutError:
            text = "Timed-out waiting to acquire database connection"
            self._send(1, wire.error(NO_CONNECTION, text))
            return True
        self._lent = upstream
        if not self._pass_on(command, upstream) and not self._pinned:
            self.server.pool.give_back(upstream)
            self._lent = None
        return True

    def _pass_on(self, command: bytes, upstream: Upstream) -> bool:
        """Pass a command and its answer on; say whether a transaction is open after it."""
        upstream.socket.sendall(wire.Packet(0, command).encoded())
        answer = wire.Answer()
        while not answer.ended:
            packet = wire.read_packet(upstream.stream)
            answer.take(packet.payload)
            self.wfile.write(packet.encoded())
        return answer.in_transaction

    def _send(self, number: int, payload: bytes) -> None:
        self.wfile.write(wire.Packet(number, payload).encoded())


@contextlib.contextmanager
def candidate(setting: Setting) -> Iterator[Candidate]:
    """Let today's function write through the proxy."""
    limits = setting.limits
    with ConnectionProxy(setting.stage.url, borrow_timeout=limits.borrow) as proxy:
        # The proxy decides how long the function waits.
        patience, url = limits.function, proxy.url
        with behind_a_gateway(setting, lambda _: DirectHandler(url, timeout=patience)) as (
            gateway,
            function,
        ):
            yield Candidate(gateway, function)
