"""A loopback TCP proxy in front of a server, which can count, cut or hold what passes through.

It makes the faults of a network at an exact moment, such as a COMMIT whose answer is lost.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from typing import Final, Self

from durable_ingest.testing.connection import Address

PIECE: Final = 65_536
REMEMBERED: Final = 200
"""How many bytes of each request `TcpProxy.requests` keeps."""
_CONNECT_WITHIN: Final = 5.0
_END_WITHIN: Final = 10.0
# MySQL's protocol ("Protocol Basics" in its source documentation): a packet is 3 bytes of length,
# a sequence id, which is 0 in the packet that starts a command, and the payload. A payload of
# 32 bytes in the client's first packet asks for TLS; what follows cannot be read.
_HEADER: Final = 4
_TLS_REQUEST: Final = 32
_HANDSHAKE_V10: Final = 10
_CLIENT_SSL: Final = 0x0800


class Action(Enum):
    """What becomes of a request."""

    PASS = "pass"  # noqa: S105  no password
    """It goes to the server."""
    CUT = "cut"
    """The connection ends; the server does not see the request."""
    CUT_ANSWER = "cut answer"
    """The server carries it out; the connection ends in place of the answer."""
    HOLD = "hold"
    """It waits, and its connection with it, until `TcpProxy.release`; then it goes to the server,
    also where the client has gone away meanwhile."""


Hook = Callable[[bytes], Action]
"""Decides about a request, in a thread of the proxy's. May run code of its own first."""


def pass_all(request: bytes) -> Action:
    """Let every request through: the hook of a proxy that is given none."""
    del request
    return Action.PASS


class TcpProxy:
    """A context manager: listens on a free port of 127.0.0.1 while it is entered.

    A MySQL request is one command of the client: its first byte says which (3 is a query), the
    rest is its text. The log-in is not among them, and a connection with TLS is passed on unread.

    Args:
        port: the server's port.
        host: the server's address.
        on_request: asked about every request before it is passed on.
        mysql: False for any other protocol; a request is then whatever one read gives.
        listen: the port to listen on; a free one by default.
        without_tls: hide from clients that the server can do TLS, so that requests can be read. A
            client that demands it gives up.
    """

    def __init__(  # noqa: PLR0913  by name
        self,
        port: int,
        host: str = "127.0.0.1",
        *,
        on_request: Hook = pass_all,
        mysql: bool = True,
        listen: int = 0,
        without_tls: bool = False,
    ) -> None:
        """Keep the settings; nothing is opened."""
        self.upstream = (host, port)
        self.mysql = mysql
        self._listen = listen
        self._edit_greeting = hide_tls if without_tls else None
        self.on_request = on_request
        """May be replaced at any time."""
        self.requests: list[bytes] = []
        """The requests so far, in order, each cut to `REMEMBERED` bytes; may be cleared."""
        self.connections = 0
        """How many connections were accepted."""
        self._lock = threading.Lock()
        self._links: list[_Link] = []
        self._holding = False
        self._closing = False
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Where it listens.

        Raises:
            RuntimeError: it is not entered.
        """
        if self._listener is None:
            message = "the proxy is not open; use it in a with statement"
            raise RuntimeError(message)
        return int(self._listener.getsockname()[1])

    def url(self, url: str) -> str:
        """Give a database URL that leads through the proxy."""
        return replace(Address.parse(url), host="127.0.0.1", port=self.port).url

    def cut(self) -> None:
        """End every connection; new ones are accepted."""
        for link in self._open_links():
            link.cut()

    def hold(self) -> None:
        """Let nothing pass in either direction, on new connections neither."""
        with self._lock:
            self._holding = True
        for link in self._open_links():
            link.gate.clear()

    def release(self) -> None:
        """Let everything that is held go on."""
        with self._lock:
            self._holding = False
        for link in self._open_links():
            link.gate.set()

    def __enter__(self) -> Self:
        """Listen."""
        listener = socket.create_server(("127.0.0.1", self._listen))
        self._closing = False
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every connection and stop listening. May be called again."""
        if self._listener is None:
            return
        self._closing = True
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
            pass  # wakes accept()
        if self._acceptor is not None:
            self._acceptor.join(_END_WITHIN)
        for link in self._open_links():
            link.cut()
            link.thread.join(_END_WITHIN)
        self._listener.close()
        self._listener = self._acceptor = None

    def _open_links(self) -> "list[_Link]":
        with self._lock:
            self._links = [link for link in self._links if link.thread.is_alive()]
            return list(self._links)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            client, _ = listener.accept()
            if self._closing:
                client.close()
                return
            try:
                server = socket.create_connection(self.upstream, _CONNECT_WITHIN)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self.connections += 1
                pieces = _mysql_packets if self.mysql else _plain_pieces
                link = _Link(client, server, pieces(client), self._decide, self._edit_greeting)
                if self._holding:
                    link.gate.clear()
                self._links.append(link)
                link.thread.start()

    def _decide(self, request: bytes) -> Action:
        with self._lock:
            self.requests.append(request[:REMEMBERED])
        return self.on_request(request)


class _Link:
    """One connection through the proxy: a thread for each direction."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        pieces: Iterator[tuple[bytes, bytes | None]],
        decide: Hook,
        edit_greeting: Callable[[bytes], bytes] | None,
    ) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self._client = client
        self._server = server
        self._pieces = pieces
        self._decide = decide
        self._edit_greeting = edit_greeting
        self._answer_is_cut = False
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def cut(self) -> None:
        """End both sides; both threads come to their ends."""
        for side in (self._client, self._server):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
        self.gate.set()

    def _run(self) -> None:
        answers = threading.Thread(target=self._pass_answers, daemon=True)
        answers.start()
        self._pass_requests()
        answers.join()
        self._client.close()
        self._server.close()

    def _pass_requests(self) -> None:
        try:
            for piece, request in self._pieces:
                self._pass_on(piece, request)
            with suppress(OSError):  # the client has gone; the server may still be at work
                self._server.shutdown(socket.SHUT_WR)
        except BaseException:
            self.cut()  # also where the hook raises: its test must not wait for an answer
            raise

    def _pass_on(self, piece: bytes, request: bytes | None) -> None:
        action = Action.PASS if request is None else self._decide(request)
        if action is Action.CUT:
            self.cut()
            return
        if action is Action.HOLD:
            self.gate.clear()
        elif action is Action.CUT_ANSWER:
            self._answer_is_cut = True
        self.gate.wait()
        with suppress(OSError):
            self._server.sendall(piece)

    def _pass_answers(self) -> None:
        with suppress(OSError):
            if self._edit_greeting is not None:
                greeting = self._edit_greeting(_first_packet(self._server))
                self.gate.wait()
                self._client.sendall(greeting)
            while piece := self._server.recv(PIECE):
                if self._answer_is_cut:
                    break
                self.gate.wait()
                self._client.sendall(piece)
        self.cut()


def hide_tls(greeting: bytes) -> bytes:
    """Take the capability TLS out of a server's first packet, its header included.

    MySQL's source documentation, "Protocol::HandshakeV10": after the protocol's version, the
    server's, which ends in NUL, the connection's number (4 bytes), 8 bytes for authentication and
    a filler byte stand the lower two bytes of the capabilities. A server that refuses the
    connection at once sends an error instead, which starts with 255.
    """
    if len(greeting) <= _HEADER or greeting[_HEADER] != _HANDSHAKE_V10:
        return greeting
    place = greeting.index(0, _HEADER + 1) + 1 + 4 + 8 + 1
    edited = bytearray(greeting)
    capabilities = int.from_bytes(edited[place : place + 2], "little") & ~_CLIENT_SSL
    edited[place : place + 2] = capabilities.to_bytes(2, "little")
    return bytes(edited)


def _first_packet(server: socket.socket) -> bytes:
    """Read a whole packet; less where the server hangs up."""
    packet = b""
    while len(packet) < _HEADER or len(packet) < _HEADER + int.from_bytes(packet[:3], "little"):
        piece = server.recv(PIECE)
        if not piece:
            break
        packet += piece
    return packet


def _plain_pieces(client: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """Give what is read, each piece as a request."""
    with suppress(OSError):
        while piece := client.recv(PIECE):
            yield piece, piece


def _mysql_packets(client: socket.socket) -> Iterator[tuple[bytes, bytes | None]]:
    """Give packet by packet, with the request where it starts one."""
    first, waiting = True, b""
    with suppress(OSError):
        while piece := client.recv(PIECE):
            waiting += piece
            while len(waiting) >= _HEADER:
                end = _HEADER + int.from_bytes(waiting[:3], "little")
                if len(waiting) < end:
                    break
                packet, waiting = waiting[:end], waiting[end:]
                yield packet, None if first or packet[3] else packet[_HEADER:]
                if first and end == _HEADER + _TLS_REQUEST:
                    yield waiting, None
                    while piece := client.recv(PIECE):
                        yield piece, None
                    return
                first = False
