"""Waiting for a condition, with a deadline, instead of sleeping; and finding a port."""

import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    condition: Callable[[], T | None],
    *,
    within: float = 30.0,
    every: float = 0.02,
    what: str = "the condition",
) -> T:
    """Ask `condition` every `every` seconds until its answer is true; return that answer.

    It is asked at least once, and once more after the time is up. Its exceptions pass through.

    Raises:
        TimeoutError: `within` seconds passed; names `what` and the last answer.
    """
    deadline = time.monotonic() + within
    never = threading.Event()
    while True:
        late = time.monotonic() >= deadline
        answer = condition()
        if answer:
            return answer
        if late:
            message = f"{what} did not come true within {within:g} s; last answer: {answer!r}"
            raise TimeoutError(message)
        never.wait(every)


def free_port() -> int:
    """Find a TCP port of 127.0.0.1 on which nothing listens.

    It lies below the ports that Linux and macOS give to outgoing connections. So no client takes
    it while the server that owns it is down, and a client that connects to it meanwhile is refused
    and cannot be connected to itself.
    """
    for _ in range(200):
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = "no free TCP port between 20000 and 32000 on 127.0.0.1"
    raise OSError(message)
