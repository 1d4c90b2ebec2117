"""What a client meets at RDS with IAM authentication, in front of a real server.

It greets, insists on nothing, and asks for the password as it is (mysql_clear_password). A log-in
that it takes goes on as a session of the real server's. The packets are those of MySQL's source
documentation, "Connection Phase".
"""

import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pymysql

from durable_ingest.testing.connection import Address

SSL = 0x0800
_CAPABILITIES = 0x0001 | 0x0008 | 0x0200 | 0x2000 | 0x8000 | 0x20000 | 0x80000
"""Long password, a database, protocol 4.1, transactions, its log-in, several results, plugins."""
_OK = b"\x00\x00\x00\x02\x00\x00\x00"
_SALT = b"12345678901234567890"


def greeting(version: str, *, offers_tls: bool) -> bytes:
    """Write a server's first packet."""
    flags = _CAPABILITIES | (SSL if offers_tls else 0)
    payload = (
        b"\x0a"
        + version.encode()
        + b"\0"
        + struct.pack("<I", 7)
        + _SALT[:8]
        + b"\0"
        + struct.pack("<HBHHB", flags & 0xFFFF, 45, 2, flags >> 16, len(_SALT) + 1)
        + bytes(10)
        + _SALT[8:]
        + b"\0"
        + b"mysql_native_password\0"
    )  # fmt: skip - in the order of the documentation's table
    return packet(0, payload)


def packet(number: int, payload: bytes) -> bytes:
    """Frame a payload."""
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def read_packet(sock: Any) -> bytes:  # noqa: ANN401 - a socket, with TLS or without
    """Read one packet's payload; "" at the end."""
    head = _exactly(sock, 4)
    return _exactly(sock, int.from_bytes(head[:3], "little"))


def _exactly(sock: Any, size: int) -> bytes:  # noqa: ANN401
    found = b""
    while len(found) < size:
        piece = sock.recv(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


class RdsFront:
    """The front: what it was told, and what it does.

    Args:
        url: the real server's, with an account that it logs in with.
        tls: its TLS settings; None to offer none.
        refuses: the code and text with which it refuses a user and a token; None takes them.
    """

    def __init__(
        self,
        url: str,
        tls: ssl.SSLContext | None,
        refuses: Callable[[str, str], tuple[int, str] | None],
    ) -> None:
        self.address = Address.parse(url)
        self.tls = tls
        self.refuses = refuses
        self.passwords: list[str] = []
        """As they were sent, over TLS."""
        self.unencrypted: list[bytes] = []
        """Log-ins that came without TLS."""
        self.port = 0
        self._links: list[tuple[threading.Thread, socket.socket]] = []

    @contextmanager
    def listening(self) -> Iterator["RdsFront"]:
        """Listen on 127.0.0.1 meanwhile."""
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                client, _ = listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,))
                self._links.append((thread, client.dup()))  # TLS takes the first handle over
                thread.start()

        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            acceptor = threading.Thread(target=accept)
            acceptor.start()
            try:
                yield self
            finally:
                over.set()
                socket.create_connection(listener.getsockname()).close()
                acceptor.join(10)
                self.cut()

    def cut(self) -> None:
        """End every connection."""
        for thread, client in self._links:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            client.close()
        self._links.clear()

    def _serve(self, client: socket.socket) -> None:
        where = self.address
        behind: Any = pymysql.connect(
            host=where.host,
            port=where.port,
            user=where.user,
            password=where.password,
            database=where.database,
            ssl_disabled=True,
        )
        with client, suppress(OSError, EOFError), behind:
            client.sendall(greeting(behind.get_server_info(), offers_tls=self.tls is not None))
            first = read_packet(client)
            if self.tls is None or not int.from_bytes(first[:4], "little") & SSL:
                self.unencrypted.append(first)
                read_packet(client)
                return
            with self.tls.wrap_socket(client, server_side=True) as line:
                if self._lets_in(line):
                    _splice(line, behind._sock)

    def _lets_in(self, line: ssl.SSLSocket) -> bool:
        user = read_packet(line)[32:].split(b"\0")[0].decode()
        line.sendall(packet(3, b"\xfemysql_clear_password\0"))
        self.passwords.append(read_packet(line).removesuffix(b"\0").decode())
        refusal = self.refuses(user, self.passwords[-1])
        if refusal is None:
            line.sendall(packet(5, _OK))
            return True
        code, text = refusal
        line.sendall(packet(5, b"\xff" + struct.pack("<H", code) + b"#28000" + text.encode()))
        return False


def _splice(line: ssl.SSLSocket, behind: socket.socket) -> None:
    """Pass on what either side says, one after the other, as they take turns."""
    behind.settimeout(30)
    while True:
        ready = [line] if line.pending() else select.select([line, behind], [], [], 30)[0]
        if not ready:
            return
        for side in ready:
            piece = side.recv(65_536)
            if not piece:
                return
            (behind if side is line else line).sendall(piece)
