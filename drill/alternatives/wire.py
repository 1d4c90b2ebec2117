"""MySQL's protocol, as far as a proxy has to know it.

From MySQL's source documentation, "Connection Phase" and "Command Phase". A packet is 3 bytes of
length, a sequence number and the payload; payloads of 16 MB and more, which take several, are not
known here.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass
from io import BufferedIOBase

OK, EOF, ERROR = 0x00, 0xFE, 0xFF
NATIVE_PASSWORD = b"mysql_native_password"
UTF8MB4 = 45
NONCE = 20
_SHORTEST_ROW_LIKE_EOF = 9
_AUTOCOMMIT = 0x0002
_IN_TRANSACTION = 0x0001
_MORE_RESULTS = 0x0008
# LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION,
# MULTI_RESULTS, PLUGIN_AUTH: all that PyMySQL needs. Without DEPRECATE_EOF, so that results end
# the same way on both sides.
CAPABILITIES = 0x1 | 0x4 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x20000 | 0x80000


@dataclass(frozen=True)
class Packet:
    """One packet."""

    number: int
    payload: bytes

    def encoded(self) -> bytes:
        """Give it as it travels."""
        header = len(self.payload).to_bytes(3, "little") + bytes([self.number & 0xFF])
        return header + self.payload


def read_packet(stream: BufferedIOBase) -> Packet:
    """Read one.

    Raises:
        ConnectionError: the other side has ended the connection.
    """
    header = _read(stream, 4)
    return Packet(header[3], _read(stream, int.from_bytes(header[:3], "little")))


def _read(stream: BufferedIOBase, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        message = "the connection has ended"
        raise ConnectionError(message)
    return data


def greeting(number: int, nonce: bytes) -> bytes:
    """Give the first packet's payload: who is there, and what the password is to be mixed with."""
    low, high = CAPABILITIES & 0xFFFF, CAPABILITIES >> 16
    return b"".join((
        b"\x0a8.0.0-proxy\x00",
        struct.pack("<I", number),
        nonce[:8],
        b"\x00",
        struct.pack("<HBHHB", low, UTF8MB4, _AUTOCOMMIT, high, NONCE + 1),
        bytes(10),
        nonce[8:],
        b"\x00",
        NATIVE_PASSWORD + b"\x00",
    ))  # fmt: skip


def is_welcome(login: bytes, nonce: bytes, user: str, password: str) -> bool:
    """Check the client's answer to the greeting."""
    name, rest = login[32:].split(b"\x00", 1)
    given = rest[1 : 1 + rest[0]]
    return name == user.encode() and hmac.compare_digest(given, scramble(password, nonce))


def scramble(password: str, nonce: bytes) -> bytes:
    """Mix a password with the nonce (`mysql_native_password`)."""
    if not password:
        return b""
    once = _sha1(password.encode())
    mixed = _sha1(nonce + _sha1(once))
    return bytes(a ^ b for a, b in zip(once, mixed, strict=True))


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def ok() -> bytes:
    """Give the payload that says that all is well, outside a transaction."""
    return struct.pack("<BBBHH", OK, 0, 0, _AUTOCOMMIT, 0)


def error(code: int, text: str, sqlstate: str = "HY000") -> bytes:
    """Give an error's payload."""
    return struct.pack("<BH", ERROR, code) + b"#" + f"{sqlstate}{text}".encode()


@dataclass
class Answer:
    """Follows a server's answer to one command, packet by packet, to its end."""

    ended: bool = False
    in_transaction: bool = False
    _ends_of_lists: int = 0
    _first: bool = True

    def take(self, payload: bytes) -> None:
        """Look at the next packet."""
        kind = payload[0]
        if kind == ERROR:
            self.ended = True
        elif self._first and kind == OK:
            self._status(struct.unpack_from("<H", payload, _after_two_numbers(payload))[0])
        elif kind == EOF and len(payload) < _SHORTEST_ROW_LIKE_EOF:
            self._ends_of_lists += 1
            if self._ends_of_lists == 2:  # noqa: PLR2004  the columns' and the rows'
                self._status(struct.unpack_from("<H", payload, 3)[0])
        else:
            self._first = False

    def _status(self, flags: int) -> None:
        self.in_transaction = bool(flags & _IN_TRANSACTION) or not flags & _AUTOCOMMIT
        self.ended = not flags & _MORE_RESULTS
        self._first, self._ends_of_lists = True, 0


def _after_two_numbers(payload: bytes) -> int:
    """Skip the two length-encoded integers of an OK packet: rows affected, last insert id."""
    place = 1
    for _ in range(2):
        place += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(payload[place], 1)
    return place
