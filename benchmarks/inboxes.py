"""A batch through an inbox that remembers millions of messages, beside an empty one."""

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from benchmarks import buffer_pool
from benchmarks.claims import Claim
from benchmarks.inbox_plans import explained, plans
from benchmarks.remembered import fill
from benchmarks.report import Section, figure, times
from benchmarks.samples import Prepare, Samples, alternate
from benchmarks.writers import PLAIN, Handler
from benchmarks.writes import batch, create_table, event
from durable_ingest import Drainer, Inbox, MySQL
from durable_ingest.testing import LambdaContext, fresh_database

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

FULL: Final = Inbox()
EMPTY: Final = Inbox("empty_inbox")
ROOM: Final = 200
"""Bytes of the buffer pool for each message, so that both indexes stay in it."""
MEBI: Final = 1024 * 1024
Timed = dict[str, Samples]
Reads = dict[str, float]
NOTE: Final = (
    "Ten new messages a batch into a plain table, with the two inboxes in turns. Page reads: what"
    " the server's buffer pool did not have for a batch. Identities are hashes, so each of the ten"
    " lies on another page of the full inbox."
)
_numbers = itertools.count()


def measure(server: "DatabaseServer", size: int, rounds: int) -> list[Section]:
    """Time both with a buffer pool that holds the full one, and with the server's own.

    A server that is given by its URL keeps its pool.

    Args:
        server: whose user may create databases.
        size: messages that the full one remembers.
        rounds: batches of each.
    """
    url = fresh_database(server)
    create_table(url)
    taken: dict[int, tuple[Timed, Reads]] = {}
    with buffer_pool.of_at_least(server, size * ROOM) as pool:
        for inbox in (FULL, EMPTY):
            inbox.create(_mysql(url))
        fill(url, FULL.table, size)
        buffer_pool.write_out(server, url, FULL.table)
        taken[pool] = _timed(url, rounds)
    own = buffer_pool.size(url)
    if own != pool:
        taken[own] = _timed(url, rounds)
    held = buffer_pool.table_size(url, FULL.table)
    return [section(taken, size, held), plans(explained(url, FULL))]


def _mysql(url: str) -> MySQL:
    return MySQL(url, ssl_mode="DISABLED")


def _timed(url: str, rounds: int) -> tuple[Timed, Reads]:
    candidates = {inbox.table: _batches(_handler(url, inbox)) for inbox in (EMPTY, FULL)}
    samples = alternate(candidates, rounds)
    return samples, {name: _page_reads(url, candidates[name], rounds) for name in candidates}


def _handler(url: str, inbox: Inbox) -> Handler:
    drainer = Drainer(_mysql(url), PLAIN, inbox=inbox)
    context = LambdaContext(86_400)
    return lambda event: drainer.handle(event, context)


def _batches(handle: Handler) -> Prepare:
    """Give it batches that nobody has had."""

    def prepare(_: int) -> Callable[[], object]:
        given = event(batch(next(_numbers)))
        return lambda: handle(given)

    return prepare


def _page_reads(url: str, prepare: Prepare, rounds: int) -> float:
    before = buffer_pool.reads(url)
    for number in range(rounds):
        prepare(number)()
    return (buffer_pool.reads(url) - before) / rounds


def section(taken: dict[int, tuple[Timed, Reads]], size: int, held: int) -> Section:
    """Make rows and claims of what was taken with each buffer pool.

    Args:
        taken: by the pool's bytes.
        size: messages in the full inbox.
        held: bytes of the full inbox.
    """
    rows, claims = [], []
    for pool, (samples, reads) in taken.items():
        empty = samples[EMPTY.table].typical
        for inbox, count in ((EMPTY, 0), (FULL, size)):
            spent = samples[inbox.table].typical
            name = f"{count:,} messages, a buffer pool of {pool // MEBI:,} MiB"
            page_reads = figure(reads[inbox.table])
            rows.append([name, times(spent / empty), figure(spent * 1e3), page_reads])
        place = "all in memory" if pool >= held else f"{pool / held:.0%} of it in memory at most"
        what = f"an inbox of {size:,}, {place}: time / an empty one"
        claims.append(Claim(what, samples[FULL.table].typical / empty, 1.3))
    data = {
        "messages": size,
        "bytes": held,
        "pools": {
            str(pool): {name: each.as_json() for name, each in samples.items()}
            | {"page_reads": reads}
            for pool, (samples, reads) in taken.items()
        },
    }
    title = f"An inbox of {size:,} messages, {held // MEBI:,} MiB"
    return Section(
        title, ["an inbox of", "time", "ms a batch", "page reads"], rows, claims, data, NOTE
    )
