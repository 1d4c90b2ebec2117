"""A backlog drained by `Drainer.poll` and by a loop written by hand, with equal receivers."""

from contextlib import closing
from typing import TYPE_CHECKING, Final

import boto3

from benchmarks.children import delayed
from benchmarks.claims import Claim
from benchmarks.enqueueing import send_all
from benchmarks.pollers import Backlog, loop, poll
from benchmarks.report import Section, figure, times
from benchmarks.samples import Samples, turns
from benchmarks.writes import create_table, row
from durable_ingest.testing.connection import connect
from durable_ingest.testing.queue_service import create_queue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from benchmarks.options import Options

DELAYS: Final = (0.0, 1.0)
WRITES_EACH: Final = 5
"""How often a backlog changes one customer."""
POLL: Final = "`poll`"
LOOP: Final = "hand-written loop"
DRAINS: Final = {POLL: poll, LOOP: loop}
NOTE: Final = (
    "Until the last message is deleted. Each receiver of the loop has a connection of its own, and"
    " receives ten, writes them as one autocommitted statement, and deletes them with one call."
)


def measure(url: str, endpoint: str, options: "Options") -> Section:
    """Drain the same backlog with both, in turns, at each delay.

    Args:
        url: an empty database.
        endpoint: the queue server's URL.
        options: how many messages, receivers and backlogs.
    """
    with closing(boto3.client("sqs", endpoint_url=endpoint)) as client:
        taken = {delay: _at(delay, url, client, options) for delay in DELAYS}
    return section(taken, options.backlog, options.receivers)


def _at(delay: float, url: str, client: "SQSClient", options: "Options") -> dict[str, Samples]:
    taken = {name: Samples() for name in DRAINS}
    for number, name in turns(list(DRAINS), options.backlogs):
        kind = DRAINS[name].__name__
        queue = create_queue(client, f"{kind}-{delay:g}-{number}").url
        fill(client, queue, options.backlog)
        create_table(url)
        with delayed(url, delay) as through:
            backlog = Backlog(
                client=client,
                queue=queue,
                url=through,
                size=options.backlog,
                receivers=options.receivers,
            )
            taken[name].elapsed.append(DRAINS[name](backlog))
        check(url, options.backlog)
    return taken


def fill(client: "SQSClient", queue: str, size: int) -> None:
    """Send each customer's writes, all customers in turn."""
    customers = size // WRITES_EACH
    send_all(client, queue, [row(n % customers, n // customers) for n in range(size)])


def check(url: str, size: int) -> None:
    """See that the last write of each customer is what is stored."""
    expected = (size // WRITES_EACH, WRITES_EACH - 1)
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), MIN(version) FROM customers")
        found = cursor.fetchone()
    if found != expected:
        raise RuntimeError(f"customers and the oldest version are {found}, not {expected}")


def section(taken: dict[float, dict[str, Samples]], size: int, receivers: int) -> Section:
    """Make rows and claims of the samples of each delay."""
    rows, claims = [], []
    for delay, samples in taken.items():
        theirs = samples[LOOP].typical
        for name, each in samples.items():
            rate = figure(size / each.typical)
            rows.append([f"{name}, at {delay:g} ms", times(theirs / each.typical), rate])
        what = f"rate at {delay:g} ms: {POLL} / {LOOP}"
        claims.append(Claim(what, theirs / samples[POLL].typical, 0.85, at_least=True))
    data = {f"{ms:g} ms": {n: s.as_json() for n, s in taken[ms].items()} for ms in taken}
    title = f"A backlog of {size:,}, {receivers} receivers"
    return Section(title, ["drained by", "rate", "messages a second"], rows, claims, data, NOTE)
