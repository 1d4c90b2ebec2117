"""Losing the answer to a commit, whichever way a client commits."""

import re
import threading
from typing import Final

from durable_ingest.testing.proxy import Action

_QUERY: Final = b"\x03"
_AUTOCOMMIT: Final = re.compile(rb"\bautocommit\s*=\s*([01])", re.IGNORECASE)
_OPENS: Final = (b"BEGIN", b"START TRANSACTION")
_WRITES: Final = (b"INSERT", b"UPDATE", b"DELETE", b"REPLACE")


class CommitFaults:
    """A hook of `TcpProxy` that knows which request commits, and loses answers on order.

    That is COMMIT, or a statement that writes in autocommit mode outside a transaction. The proxy
    asks in one thread for each connection, which is what a connection's state is kept by.
    """

    def __init__(self) -> None:
        """Lose nothing yet."""
        self._connection = threading.local()
        self._lock = threading.Lock()
        self._left = 0
        self.lost = 0
        """How many answers were lost."""

    def lose(self, times: int) -> None:
        """Lose the answers to the next `times` commits; 0 ends it."""
        with self._lock:
            self._left = times

    def __call__(self, request: bytes) -> Action:
        """Decide about a request."""
        if not request.startswith(_QUERY) or not self._commits(request[1:].lstrip()):
            return Action.PASS
        with self._lock:
            if not self._left:
                return Action.PASS
            self._left -= 1
            self.lost += 1
        return Action.CUT_ANSWER

    def _commits(self, sql: bytes) -> bool:
        state = self._connection
        verb = sql[:20].upper()
        if mode := _AUTOCOMMIT.search(sql):
            state.autocommit = mode[1] == b"1"
        if verb.startswith(_OPENS):
            state.inside = True
        elif verb.startswith((b"COMMIT", b"ROLLBACK")) and b" TO " not in verb:
            state.inside = False
            return verb.startswith(b"COMMIT")
        alone = getattr(state, "autocommit", True) and not getattr(state, "inside", False)
        return bool(alone and verb.startswith(_WRITES))
