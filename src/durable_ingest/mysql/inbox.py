"""Inbox: the table by which each message's effect happens exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.deadline import Deadline
from durable_ingest.errors import ContractError
from durable_ingest.mysql.upsert import column, quoted
from durable_ingest.names import check_table_name

if TYPE_CHECKING:
    from durable_ingest.clock import Clock
    from durable_ingest.mysql.target import MySQL

IDENTITY: Final = "dedup_id"
"""Its key: the deduplication id, as bytes."""
IDENTITY_BYTES: Final = 32
STORED_AT: Final = "stored_at"
BATCH: Final = 1000
"""Rows that one statement of `prune` deletes."""
_FOREVER: Final = 1e9  # seconds


@dataclass(frozen=True)
class Inbox:
    """Remembers every message in the transaction of its effect: give it to a `Drainer`.

    Args:
        table: the table, `"table"` or `"schema.table"`, in the database of the drainer's tables.
        keep: how long a message is remembered. It should be longer than a message can take: 14
            days in the queue, 14 in the dead-letter queue, and 14 again after a redrive.

    Raises:
        ContractError: an argument is wrong; the text starts with its name.
    """

    table: str = "durable_ingest_inbox"
    keep: timedelta = timedelta(days=45)

    def __post_init__(self) -> None:
        check_table_name("table", self.table)
        try:
            is_positive = self.keep > timedelta(0)
        except TypeError:
            is_positive = False
        if not is_positive:
            raise ContractError("keep", "must be a timedelta of more than 0")

    def create(self, mysql: MySQL, *, clock: Clock = SYSTEM_CLOCK) -> None:
        """Make the table, unless it is there.

        Needs the privileges CREATE and SELECT: it looks at what it finds. A message takes some 150
        bytes, both indexes included.

        Raises:
            DatabaseUnavailableError: no connection, or it was lost.
            MisconfiguredError: no privilege, or another table has the name.
        """
        from durable_ingest.mysql.once import inbox_problems  # noqa: PLC0415 - PyMySQL loads here
        from durable_ingest.mysql.statements import facts_of  # noqa: PLC0415 - likewise
        from durable_ingest.mysql.upkeep import maintained  # noqa: PLC0415 - likewise

        with maintained(mysql, clock, f"CREATE and SELECT on {self.table!r}") as connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {quoted(self.table)} ("
                f"{column(IDENTITY)} BINARY({IDENTITY_BYTES}) NOT NULL PRIMARY KEY, "
                f"{column(STORED_AT)} DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), "
                f"KEY {column(STORED_AT)} ({column(STORED_AT)})) ENGINE=InnoDB"
            )
            problems = inbox_problems(self.table, facts_of(connection, self.table))
            if problems:
                raise ContractError("table", "; ".join(problems))

    def prune(
        self, mysql: MySQL, *, within: float | None = None, clock: Clock = SYSTEM_CLOCK
    ) -> int:
        """Forget messages older than `keep`; return how many.

        Deletes in small batches, oldest first, each a transaction of its own, so that drainers
        go on beside it. Needs the privileges SELECT and DELETE.

        Args:
            mysql: how to connect.
            within: begin no further batch after so many seconds; without it, stop when all is done.
            clock: another clock, for tests.

        Raises:
            DatabaseUnavailableError: no connection, or it was lost; what is deleted stays so.
            MisconfiguredError: no privilege, or no such table.
        """
        from durable_ingest.mysql.upkeep import delete_older, maintained  # noqa: PLC0415 - likewise

        deadline = Deadline.after(clock, _FOREVER if within is None else within)
        with maintained(mysql, clock, f"SELECT and DELETE on {self.table!r}") as connection:
            return delete_older(connection, self, deadline)
