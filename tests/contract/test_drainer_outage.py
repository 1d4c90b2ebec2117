"""An outage dead-letters nothing: all is held, and after it all is stored, in order."""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import pytest

from durable_ingest import Drainer, MySQL, Retry
from durable_ingest.clock import SystemClock
from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import Invocation, eventually
from durable_ingest.testing.queue_service import depth
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import KINDS, World, frozen, item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable_ingest.testing import DatabaseServer

pytestmark = [pytest.mark.database, pytest.mark.queue, pytest.mark.chaos]
desk = kit.desk_fixture
world = kit.world_fixture

IMPATIENT = Retry(patience=0.1)


@contextmanager
def stopped(database: "DatabaseServer") -> "Iterator[None]":
    """Shut the server down, then start it again."""
    database.stop()
    try:
        yield
    finally:
        database.start()


@contextmanager
def killed(database: "DatabaseServer") -> "Iterator[None]":
    """Kill the server, then start it again."""
    database.kill()
    try:
        yield
    finally:
        database.start()


@contextmanager
def read_only(database: "DatabaseServer") -> "Iterator[None]":
    """Let the server refuse writes, as a demoted writer does."""
    database.read_only(True)  # noqa: FBT003 - its one argument
    try:
        yield
    finally:
        database.read_only(False)  # noqa: FBT003


Outage = Callable[["DatabaseServer"], AbstractContextManager[None]]
# Stopping a server takes seconds: one kind of table stands for all there.
OUTAGES = [
    *((read_only, kind) for kind in KINDS),
    *((frozen, kind) for kind in KINDS),
    (stopped, "plain"),
    (killed, "sequence"),
]


def stored(world: World, drainer: Drainer, *, reports: bool) -> Invocation | None:
    """Deliver once; None where the server is not quite back."""
    invocation = world.step(drainer, reports=reports)
    if invocation.answer == {"batchItemFailures": []}:
        return invocation
    world.unhide(invocation.event)
    return None


@pytest.mark.parametrize(("warm", "mode"), [("warm", "delete"), ("cold", "report")])
@pytest.mark.parametrize(("outage", "kind"), OUTAGES, ids=lambda p: getattr(p, "__name__", p))
def test_an_outage_holds_everything(
    world: World, outage: Outage, kind: str, warm: str, mode: str
) -> None:
    """Over several redeliveries; good rows only, so nothing may end as a dead letter."""
    mysql = MySQL(world.url, connect_timeout=1.0, read_timeout=1.0)
    drainer = world.drainer(world.table(kind), mysql=mysql, retry=IMPATIENT, acknowledge=mode)
    expected = {}
    if warm == "warm":
        world.send(item(0, "before"), group="0")
        assert world.step(drainer).error is None
        expected[0] = "before"
    for place, number in enumerate([1, 2, 1, 3, 2, 1]):
        world.send(item(number, f"n{place}", place), group=f"{number}")
    with outage(world.database):
        for _ in range(2):
            held = world.step(drainer, reports=mode == "report")
            assert isinstance(held.error, BatchHeldError)
            assert len(held.event["Records"]) == len(held.error.held) == 6
            world.unhide(held.event)
    again = eventually(lambda: stored(world, drainer, reports=mode == "report"), within=30)
    order = [record["messageId"] for record in held.event["Records"]]
    assert [record["messageId"] for record in again.event["Records"]] == order
    assert world.rows() == expected | {1: "n5", 2: "n4", 3: "n3"}
    assert world.dead() == []
    assert depth(world.client, world.queue.url) == 0


class EndsTheOutage(SystemClock):
    """The real clock, but the database takes writes again once somebody waits."""

    def __init__(self, world: World) -> None:
        """Count the waits."""
        self.waits = 0
        self._world = world

    def sleep(self, seconds: float) -> None:
        """Wait, as far as anybody can tell."""
        del seconds
        self.waits += 1
        self._world.database.read_only(False)  # noqa: FBT003 - its one argument


@pytest.mark.parametrize("kind", KINDS)
def test_one_call_waits_out_a_short_outage(world: World, kind: str) -> None:
    """Within `patience` nothing has to be held: a failover to read-only that ends."""
    clock = EndsTheOutage(world)
    drainer = world.drainer(world.table(kind), retry=Retry(patience=10.0), clock=clock)
    world.send(item(1, "first"), group="A")
    assert world.step(drainer).error is None
    world.send(item(1, "second"), group="A")
    with read_only(world.database):
        assert world.step(drainer).error is None
    assert clock.waits == 1
    assert world.rows() == {1: "second"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kept_connection_that_was_killed_is_replaced(world: World, kind: str) -> None:
    """Nothing is held for it."""
    drainer = world.drainer(world.table(kind))
    for note in ("first", "second"):
        world.send(item(1, note), group="A")
        assert world.step(drainer).error is None
        assert world.rows() == {1: note}
        for (thread,) in world.sql(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = %s AND USER <> 'root'",
            [world.schema],
        ):
            world.sql(f"KILL {thread}")
