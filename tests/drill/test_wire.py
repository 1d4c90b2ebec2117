"""MySQL's protocol, as far as the connection proxy knows it."""

import io
import struct

import pytest
from pymysql._auth import scramble_native_password

from drill.alternatives import wire
from drill.alternatives.wire import Answer, Packet, read_packet

NONCE = bytes(range(1, 21))


def ok(flags: int, rows: bytes = b"\x01") -> bytes:
    """Make an OK packet's payload."""
    return b"\x00" + rows + b"\x00" + struct.pack("<HH", flags, 0)


def end(flags: int) -> bytes:
    """Make an EOF packet's payload."""
    return b"\xfe" + struct.pack("<HH", 0, flags)


def follow(*payloads: bytes) -> Answer:
    """Take an answer's packets; only the last may end it."""
    answer = Answer()
    for payload in payloads[:-1]:
        answer.take(payload)
        assert not answer.ended
    answer.take(payloads[-1])
    assert answer.ended
    return answer


def test_packets_are_read_as_they_were_written() -> None:
    """One after another, empty ones too; a stream that ends is said."""
    packets = [Packet(0, b"abc"), Packet(255, b""), Packet(7, bytes(70_000))]
    stream = io.BytesIO(b"".join(packet.encoded() for packet in packets) + b"\x01\x00")
    assert [read_packet(stream) for _ in packets] == packets
    with pytest.raises(ConnectionError):
        read_packet(stream)


@pytest.mark.parametrize("password", ["secret", ""])
def test_a_password_is_mixed_as_clients_do(password: str) -> None:
    """As PyMySQL does it."""
    assert wire.scramble(password, NONCE) == scramble_native_password(password.encode(), NONCE)


@pytest.mark.parametrize(
    ("user", "password", "welcome"),
    [("app", "secret", True), ("app", "wrong", False), ("other", "secret", False)],
)
def test_who_may_come_in(user: str, password: str, welcome: bool) -> None:  # noqa: FBT001  a case
    """The user by the password."""
    mixed = wire.scramble(password, NONCE)
    login = bytes(32) + user.encode() + b"\x00" + bytes([len(mixed)]) + mixed + b"database\x00"
    assert wire.is_welcome(login, NONCE, "app", "secret") is welcome


@pytest.mark.parametrize(
    ("flags", "open_"), [(0x0002, False), (0x0003, True), (0x0000, True), (0x0001, True)]
)
@pytest.mark.parametrize(
    "rows", [b"\x01", b"\xfc\x00\x01", b"\xfd\x00\x00\x01", b"\xfe" + bytes(8)]
)
def test_a_statements_answer_says_whether_a_transaction_is_open(
    flags: int,
    open_: bool,  # noqa: FBT001  a case
    rows: bytes,
) -> None:
    """Without autocommit one always may be."""
    assert follow(ok(flags, rows)).in_transaction is open_


def test_a_result_ends_with_its_second_end() -> None:
    """Whatever its rows begin with."""
    rows = [b"\x00", b"\x01a", b"\xfe" + bytes(20)]
    assert not follow(b"\x01", b"\x03def", end(2), *rows, end(2)).in_transaction


def test_an_error_ends_an_answer() -> None:
    """Alone, and among rows."""
    follow(wire.error(9501, "no"))
    follow(b"\x01", b"\x03def", end(2), b"\x01a", wire.error(1317, "no"))


def test_several_results_end_with_the_last() -> None:
    """Of one command."""
    follow(ok(0x000A), b"\x01", b"\x03def", end(0x000A), end(0x000A), ok(0x0002))
