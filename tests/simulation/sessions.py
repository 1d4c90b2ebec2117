"""Sessions of the model server, and what they have not committed yet."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from durable_ingest.mysql.connection import ServerError

if TYPE_CHECKING:
    from tests.simulation.history import Written
    from tests.simulation.scheduler import Event
    from tests.simulation.sql import Row

LOST = ServerError(2013, None, "Lost connection to MySQL server during query")

Key = tuple[str, object]
"""A row, or a value of a unique index: the table or index, and the value."""
Work = Generator[Key, None, "Rows | int"]
"""A running statement: gives each lock that it has to wait for, returns its answer."""
Rows = list[tuple[Any, ...]]
Answer = Rows | int | ServerError


@dataclass
class Transaction:
    """What a session has written and locked since its last commit."""

    rows: dict[Key, Row] = field(default_factory=dict)
    locks: list[Key] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    marked: bool = False
    """Whether it has a savepoint."""


@dataclass(eq=False)
class ServerSession:
    """The server's end of a connection."""

    number: int
    autocommit: bool
    idle_limit: float
    owner: int = 0
    """The invocation that last asked something."""
    begun: bool = False
    alive: bool = True
    client_gone: bool = False
    transaction: Transaction = field(default_factory=Transaction)
    work: Work | None = None
    waiting_for: Key | None = None
    waiting: Event | None = None
    idle: Event | None = None
    asked_at: float = 0.0
    reply: Callable[[Answer], None] | None = None
