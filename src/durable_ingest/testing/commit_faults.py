"""Losing the answer to a commit, whichever way a client commits."""

import re
import threading
from dataclasses import dataclass
from typing import Final, Self

from durable_ingest.testing.proxy import Action

_QUERY: Final = b"\x03"
_AUTOCOMMIT: Final = re.compile(rb"\bautocommit\s*=\s*([01])", re.IGNORECASE)
_OPENS: Final = (b"BEGIN", b"START TRANSACTION")
_WRITES: Final = (b"INSERT", b"UPDATE", b"DELETE", b"REPLACE")


@dataclass(eq=False)
class CommitFault:
    """The answers to some commits, lost in the block that it is the context manager of."""

    _left: int
    lost: int = 0
    """How many answers were lost."""

    def __enter__(self) -> Self:
        """Change nothing: it has been on order since it was made."""
        return self

    def __exit__(self, *_: object) -> None:
        """Lose no more."""
        self._left = 0

    def takes(self) -> bool:
        """Say whether this answer is to be lost, and count it."""
        if self._left <= 0:
            return False
        self._left -= 1
        self.lost += 1
        return True


class CommitFaults:
    """A hook of `TcpProxy` that knows which request commits, and loses answers on order.

    That is COMMIT, or a statement that writes in autocommit mode outside a transaction. The proxy
    asks in one thread for each connection, which is what a connection's state is kept by.
    """

    def __init__(self) -> None:
        """Lose nothing yet."""
        self._connection = threading.local()
        self._lock = threading.Lock()
        self._faults: list[CommitFault] = []

    def lose(self, times: int) -> CommitFault:
        """Lose the answers to the next `times` commits, once those ordered before are lost."""
        fault = CommitFault(times)
        self._faults.append(fault)
        return fault

    def __call__(self, request: bytes) -> Action:
        """Decide about a request."""
        if not request.startswith(_QUERY) or not self._commits(request[1:].lstrip()):
            return Action.PASS
        with self._lock:
            lost = any(fault.takes() for fault in self._faults)
        return Action.CUT_ANSWER if lost else Action.PASS

    def _commits(self, sql: bytes) -> bool:
        state = self._connection
        verb = sql[:20].upper()
        if verb.startswith(b"SET") and (mode := _AUTOCOMMIT.search(sql)):
            state.autocommit = mode[1] == b"1"
        if verb.startswith(_OPENS):
            state.inside = True
        elif verb.startswith((b"COMMIT", b"ROLLBACK")) and b" TO " not in verb:
            state.inside = False
            return verb.startswith(b"COMMIT")
        alone = getattr(state, "autocommit", True) and not getattr(state, "inside", False)
        return bool(alone and verb.startswith(_WRITES))
