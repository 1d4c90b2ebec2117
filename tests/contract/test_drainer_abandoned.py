"""Statements that were given up while they waited for a lock: none takes a row back in time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from durable_ingest import Drainer, MySQL, Retry
from durable_ingest.testing import eventually
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import KINDS, World, all_quiet, handled, item

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

PATIENT = Retry(patience=60.0, reserve=0.5)
SECONDS = 2.5
"""What the older function has."""
LONG_WAIT = 30
"""Seconds of a lock wait, where the session's own setting does not hold."""


def event(world: World, *notes: str, revision: int) -> dict[str, Any]:
    """Build a batch: one message for each note, of the items 1, 2, …."""
    return {
        "Records": [
            world.record(item(number, note, revision), group=f"{number}")
            for number, note in enumerate(notes, 1)
        ]
    }


@contextmanager
def first_row_locked(world: World) -> Iterator[None]:
    """Let another transaction have the row of item 1 meanwhile."""
    other = world.database.connect(world.database.admin_url)
    with other, other.cursor() as cursor:
        cursor.execute(f"USE `{world.schema}`")
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM items WHERE item_id = 1 FOR UPDATE")
        yield
        cursor.execute("ROLLBACK")


def statements(world: World) -> list[str]:
    """List the statements on the test's database that the server is at."""
    sql = "SELECT INFO FROM information_schema.PROCESSLIST WHERE DB = %s AND INFO LIKE 'INSERT%%'"
    return [row[0] for row in world.sql(sql, [world.schema])]


def older(world: World, kind: str, read_timeout: float) -> Drainer:
    """Make a drainer with a connection, and the rows of items 1 and 2."""
    mysql = MySQL(world.url, ssl_mode="DISABLED", read_timeout=read_timeout)
    drainer = world.drainer(world.table(kind), mysql=mysql, retry=PATIENT)
    assert handled(drainer, event(world, "before", "before", revision=1)).held == []
    return drainer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("read_timeout", "lock_wait"),
    [
        pytest.param(0.4, 1, id="read_timeout"),
        pytest.param(0.4, LONG_WAIT, id="read_timeout, lock_wait ignored"),
        pytest.param(60.0, LONG_WAIT, id="deadline, lock_wait ignored"),
    ],
)
def test_a_lock_held_longer_than_the_client_waits(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    read_timeout: float,
    lock_wait: int,
) -> None:
    """Item 1 is locked, item 2 is written anew by another; then the lock goes.

    The server carries the abandoned statement on, to both rows. On a plain table no COMMIT follows,
    and on a guarded one the newer row stays.
    """
    monkeypatch.setattr("durable_ingest.mysql.connection.LOCK_WAIT_SECONDS", lock_wait)
    drainer = older(world, kind, read_timeout)
    late = event(world, "late", "late", revision=2)
    with first_row_locked(world):
        outcome = handled(drainer, late, seconds=SECONDS)
        assert 0 in outcome.held
        if lock_wait == LONG_WAIT:
            assert statements(world), "the abandoned statement goes on"
        newer = world.drainer(kit.contract(kind))
        batch = event(world, "unused", "newer", revision=3)
        batch["Records"] = batch["Records"][1:]
        assert handled(newer, batch).held == []
        assert world.rows()[2] == "newer"
    eventually(lambda: not statements(world), within=20, what="the end of the statements")
    newer._store.close()
    all_quiet(world)
    rows = world.rows()
    assert rows[2] == "newer"
    if kind == "plain":
        assert rows[1] == "before"
    again = event(world, "newest", "newest", revision=4)
    assert handled(drainer, again).held == []
    assert world.rows() == {1: "newest", 2: "newest"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_held_longer_than_a_lock_wait(world: World, kind: str) -> None:
    """It is below `read_timeout`: nothing is abandoned, and the locked row's group alone waits."""
    drainer = older(world, kind, read_timeout=10.0)
    with first_row_locked(world):
        outcome = handled(drainer, event(world, "late", "late", revision=2), seconds=20.0)
        assert outcome.held == [0]
        assert statements(world) == []
    assert world.rows() == {1: "before", 2: "late"}
