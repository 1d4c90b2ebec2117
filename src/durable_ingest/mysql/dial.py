"""A TCP connection within a time limit, the resolution of the name included."""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from durable_ingest.bounded import run_within

if TYPE_CHECKING:
    from durable_ingest.deadline import Deadline


def dial(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers; each gets its share of the time left.

    `getaddrinfo` knows no time limit: it runs in a thread, which is left behind where it hangs.

    Raises:
        OSError: no address could be reached in time.
    """
    failure: OSError = TimeoutError(f"no time was left to reach {host}")
    addresses = _resolve(host, port, deadline)
    for place, address in enumerate(addresses):
        share = deadline.remaining() / (len(addresses) - place)
        if share <= 0:
            break
        try:
            return _connect(*address, seconds=share)
        except OSError as error:
            failure = error
    raise failure


def _connect(
    family: int,
    kind: int,
    protocol: int,
    _: str,
    address: Any,  # noqa: ANN401 - of any family
    *,
    seconds: float,
) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.settimeout(seconds)
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except OSError:
        sock.close()
        raise
    return sock


def _resolve(host: str, port: int, deadline: Deadline) -> list[Any]:
    def resolve() -> list[Any]:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)

    with suppress(ValueError):
        ip_address(host)
        return resolve()
    try:
        return run_within(deadline.remaining(), resolve)
    except UnicodeError as error:
        msg = f"{host} is no host name"
        raise OSError(msg) from error
