"""Filling an inbox with messages of the last weeks, as a drainer would have by and by."""

from contextlib import closing
from typing import Final

from durable_ingest.testing.connection import connect

DAYS: Final = 44
"""All younger than what is pruned."""
AT_ONCE: Final = 1_000_000
_THOUSAND: Final = 1_000
_LONG: Final = 600.0  # seconds
_SORTING: Final = 128 * 1024 * 1024


def fill(url: str, table: str, size: int) -> None:
    """Remember so many messages, oldest first, their identities hashes.

    So pages are split as they are by drainers. It takes long unless the buffer pool holds them.

    Args:
        url: a database that has the inbox.
        table: the inbox.
        size: how many messages.
    """
    microseconds = DAYS * 86_400 * 1_000_000 // size
    with closing(connect(url, timeout=_LONG)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET SESSION sort_buffer_size = {_SORTING}, time_zone = '+00:00'")
        cursor.execute("CREATE TEMPORARY TABLE tens (n INT PRIMARY KEY)")
        cursor.execute("CREATE TEMPORARY TABLE units (n INT PRIMARY KEY)")
        numbers = ", ".join(f"({n})" for n in range(_THOUSAND))
        for each in ("tens", "units"):
            cursor.execute(f"INSERT INTO {each} VALUES {numbers}")  # noqa: S608 - numbers
        for first in range(0, size, AT_ONCE):
            count = min(AT_ONCE, size - first)
            cursor.execute(
                f"INSERT INTO {table} (dedup_id, stored_at)"  # noqa: S608 - numbers, our own table
                f" SELECT UNHEX(SHA2({first} + n, 256)),"
                f" UTC_TIMESTAMP(6) - INTERVAL ({size} - {first} - n) * {microseconds} MICROSECOND"
                f" FROM (SELECT tens.n * {_THOUSAND} + units.n AS n FROM tens, units) AS numbers"
                f" WHERE n < {count} ORDER BY n"
            )
