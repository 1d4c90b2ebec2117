"""A TCP connection within a time limit, the resolution of the name included."""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from durable_ingest.deadline import Deadline


def dial(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers.

    `getaddrinfo` knows no time limit: it runs in a thread, which is left behind where it hangs.

    Raises:
        OSError: no address could be reached in time.
    """
    failure: OSError = TimeoutError(f"the name of {host} did not resolve in time")
    for family, kind, protocol, _, address in _resolve(host, port, deadline):
        remaining = deadline.remaining()
        if remaining <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(remaining)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _resolve(host: str, port: int, deadline: Deadline) -> list[Any]:
    with suppress(ValueError):
        ip_address(host)
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    answers: SimpleQueue[list[Any] | OSError] = SimpleQueue()

    def resolve() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError as error:
            answers.put(error)

    Thread(target=resolve, name="durable-ingest-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(deadline.remaining(), 0.001))
    except Empty:
        return []
    if isinstance(answer, OSError):
        raise answer
    return answer
