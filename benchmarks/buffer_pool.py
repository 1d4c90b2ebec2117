"""A server's buffer pool: how large it is, what it did not hold, and making it larger."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from durable_ingest.testing import GivenServer, eventually
from durable_ingest.testing.connection import Address, run

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

NEAR: Final = 0.8
"""A pool is of its new size when it has this part of its pages, or is this close to it."""


def size(url: str) -> int:
    """Ask for its bytes."""
    return int(run(url, "SELECT @@innodb_buffer_pool_size")[0][0])


def reads(url: str) -> int:
    """Ask how often a page had to be fetched because it was not there."""
    return _status(url, "Innodb_buffer_pool_reads")


def table_size(url: str, table: str) -> int:
    """Ask for the bytes of a table and its indexes."""
    run(url, f"ANALYZE TABLE {table}")
    lengths = (
        "SELECT data_length + index_length FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = %s"
    )
    return int(run(url, lengths, [table])[0][0])


def write_out(server: "DatabaseServer", url: str, table: str) -> None:
    """Have a table's changed pages written, if the server is ours.

    Else it would do so beside what is measured.
    """
    if not isinstance(server, GivenServer):
        server.execute(f"FLUSH TABLES `{Address.parse(url).database}`.`{table}` FOR EXPORT")


@contextmanager
def of_at_least(server: "DatabaseServer", wanted: int) -> Iterator[int]:
    """Have a buffer pool of so many bytes for a while, if the server is ours; give its size."""
    own = size(server.url)
    if wanted <= own or isinstance(server, GivenServer):
        yield own
        return
    _resize(server, wanted)
    try:
        yield size(server.url)
    finally:
        _resize(server, own)


def _resize(server: "DatabaseServer", wanted: int) -> None:
    """Set it, and wait until the pages are there, or gone."""
    server.execute(f"SET GLOBAL innodb_buffer_pool_size = {wanted:d}")

    def is_done() -> bool:
        pages = _status(server.url, "Innodb_buffer_pool_pages_total")
        has = pages * _status(server.url, "Innodb_page_size") / size(server.url)
        return NEAR < has < 1 / NEAR

    eventually(is_done, within=120, every=0.1, what="the buffer pool's new size")


def _status(url: str, name: str) -> int:
    return int(run(url, "SHOW GLOBAL STATUS LIKE %s", [name])[0][1])
