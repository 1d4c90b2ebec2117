"""Servers that stop talking at a given step, or say a byte at a time."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.contract.rds_front import greeting, packet, read_packet

VERSION = "8.0.39"
Talk = Callable[[socket.socket, threading.Event], None]
"""What a server does with a connection, until the event is set."""


@contextmanager
def odd_server(talk: Talk) -> Iterator[int]:
    """Listen on a port of 127.0.0.1; each connection gets a thread."""
    over = threading.Event()
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError, EOFError):
            talk(connection, over)

    def accept() -> None:
        while not over.is_set():
            connection, _ = listener.accept()
            connections.append(connection)
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            socket.create_connection(listener.getsockname()).close()
            acceptor.join(5)
            for connection, thread in zip(connections, threads, strict=True):
                _shut(connection)
                thread.join(5)


def drip(connection: socket.socket, over: threading.Event) -> None:
    """Send a byte now and then, each well in time."""
    while not over.wait(0.05):
        connection.sendall(b"x")


def silent_in_tls(connection: socket.socket, over: threading.Event) -> None:
    """Offer TLS, and say nothing to the client's first word of it."""
    connection.sendall(greeting(VERSION, offers_tls=True))
    read_packet(connection)
    over.wait(60)


def trickling_in_tls(connection: socket.socket, over: threading.Event) -> None:
    """Begin a long message of TLS' handshake, and send it a byte at a time."""
    connection.sendall(greeting(VERSION, offers_tls=True))
    read_packet(connection)
    connection.sendall(b"\x16\x03\x03\x40\x00")
    drip(connection, over)


def silent_at_log_in(connection: socket.socket, over: threading.Event) -> None:
    """Take the log-in, and never answer it."""
    connection.sendall(greeting(VERSION, offers_tls=False))
    read_packet(connection)
    over.wait(60)


def trickling_at_log_in(connection: socket.socket, over: threading.Event) -> None:
    """Answer the log-in with a long packet, a byte at a time."""
    connection.sendall(greeting(VERSION, offers_tls=False))
    read_packet(connection)
    connection.sendall(packet(2, bytes(9_000))[:10])
    drip(connection, over)


class SlowAnswers:
    """A way to a real server whose answers can be made to come a byte at a time."""

    def __init__(self) -> None:
        self.slow = threading.Event()
        self.port = 0

    @contextmanager
    def before(self, port: int) -> Iterator["SlowAnswers"]:
        """Lead to this port."""

        def talk(client: socket.socket, over: threading.Event) -> None:
            with ExitStack() as stack:
                server = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                back = threading.Thread(target=self._answer, args=(server, client, over))
                back.start()
                stack.callback(back.join, 5)
                stack.callback(_shut, client)
                with suppress(OSError):
                    while piece := client.recv(65_536):
                        server.sendall(piece)
                _shut(server)

        with odd_server(talk) as self.port:
            yield self

    def _answer(self, server: socket.socket, client: socket.socket, over: threading.Event) -> None:
        with suppress(OSError):
            while piece := server.recv(65_536):
                while self.slow.is_set() and piece and not over.wait(0.5):
                    client.sendall(piece[:1])
                    piece = piece[1:]
                client.sendall(piece)
        _shut(client)


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
