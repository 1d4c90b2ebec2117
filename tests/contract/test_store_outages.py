"""Connections that die and servers that stop, between a real server and a drainer."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import certifi
import pytest
from pydantic import BaseModel

from durable_ingest import Table
from durable_ingest.testing import DatabaseServer, eventually
from tests.contract import store_kit
from tests.contract.store_kit import (
    ITEMS,
    ITEMS_TABLE,
    SEQUENCED,
    SEQUENCED_TABLE,
    Bench,
    Drain,
    run,
    sent,
)

pytestmark = pytest.mark.database
bench = store_kit.bench
server = store_kit.server


class Note(BaseModel):
    """A text and a moment."""

    id: int
    text: str
    at: datetime


BOTH = pytest.mark.parametrize(
    ("table", "create"),
    [(ITEMS, ITEMS_TABLE), (SEQUENCED, SEQUENCED_TABLE)],
    ids=["plain", "sequence"],
)


def warm(bench: Bench, table: Table, create: str, **settings: Any) -> Drain:  # noqa: ANN401 - Bench.drain's
    """Make a table, and a drainer with an open connection."""
    bench.sql(create)
    drain = bench.drain(table, **settings)
    assert drain({"id": 0, "name": "warm"}).stored == [0]
    return drain


def session_id(drain: Drain) -> int:
    """Give the server's id of a drainer's session."""
    return int(drain.connection.query("SELECT CONNECTION_ID()")[0][0])


def names(bench: Bench, table: Table) -> list[str]:
    """Read all names, by key."""
    return [row[0] for row in bench.sql(f"SELECT name FROM {table.name} ORDER BY id")]  # noqa: S608 - a constant's name


@BOTH
def test_a_killed_session(bench: Bench, table: Table, create: str) -> None:
    """The next batch is stored over a new connection, without a failure."""
    drain = warm(bench, table, create)
    bench.server.execute(f"KILL {session_id(drain)}")
    assert drain({"id": 0, "name": "a"}, {"id": 1, "name": "b"}).stored == [0, 1]
    assert names(bench, table) == ["a", "b"]


@BOTH
def test_an_idle_session_that_the_server_closed(bench: Bench, table: Table, create: str) -> None:
    """The next batch is stored over a new connection, without a failure.

    MySQL lets it find out by itself (2013), MariaDB leaves word (2006).
    """
    drain = warm(bench, table, create)
    number = session_id(drain)
    drain.connection.execute("SET SESSION wait_timeout = 1")
    eventually(lambda: not alive(bench, number), what="the idle time-out")
    assert drain({"id": 0, "name": "a"}).stored == [0]
    assert names(bench, table) == ["a"]


def alive(bench: Bench, number: int) -> bool:
    """Say whether a session is there."""
    return bool(
        bench.server.execute(
            "SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = %s", (number,)
        )
    )


@pytest.fixture
def both(bench: Bench) -> list[Drain]:
    """Give a plain table and a guarded one, and for each a drainer with an open connection."""
    return [warm(bench, ITEMS, ITEMS_TABLE), warm(bench, SEQUENCED, SEQUENCED_TABLE)]


def names_anew(bench: Bench, drain: Drain) -> list[str]:
    """Read all names on a connection that no restart has ended."""
    table = drain.contracts[0].name
    found = run(bench.connect(), f"SELECT name FROM {table} ORDER BY id")  # noqa: S608 - a constant's name
    return [row[0] for row in found]


def test_a_server_restarted_between_two_calls(
    bench: Bench, server: DatabaseServer, both: list[Drain]
) -> None:
    """The next batch is stored, without a failure."""
    server.stop()
    server.start()
    for drain in both:
        assert drain({"id": 0, "name": "a"}).stored == [0]
        assert names_anew(bench, drain) == ["a"]


def test_a_stopped_server(bench: Bench, server: DatabaseServer, both: list[Drain]) -> None:
    """Everything is held as unavailable, nothing is dead-lettered; once it is up it is stored."""
    batches = [
        [sent(drain.contracts[0], {"id": n, "name": f"n{n}"}) for n in range(5)] for drain in both
    ]
    server.stop()
    for _ in range(2):
        for drain, batch in zip(both, batches, strict=True):
            outcome = drain(*batch)
            assert outcome.held.keys() == set(range(5))
            assert set(outcome.faults.values()) <= {"unavailable 2003", "unavailable 2013"}
    server.start()
    for drain, batch in zip(both, batches, strict=True):
        assert drain(*batch).stored == list(range(5))
        assert names_anew(bench, drain) == [f"n{n}" for n in range(5)]


@BOTH
def test_a_read_only_server(
    bench: Bench,
    server: DatabaseServer,
    table: Table,
    create: str,
) -> None:
    """A kept connection meets it after a failover: held as unavailable, then stored."""
    bench.sql(create)
    drain = bench.drain(table)
    drain({"id": 0, "name": "warm"})
    batch = [sent(table, {"id": n, "name": f"n{n}"}) for n in range(5)]
    server.read_only(on=True)
    outcome = drain(*batch)
    assert outcome.held.keys() == set(range(5))
    assert set(outcome.faults.values()) == {"unavailable 1290"}
    server.read_only(on=False)
    assert drain(*batch).stored == list(range(5))
    assert names(bench, table) == [f"n{n}" for n in range(5)]


@BOTH
def test_a_frozen_server(
    bench: Bench,
    server: DatabaseServer,
    table: Table,
    create: str,
) -> None:
    """The call ends before the function's time does; after the thaw all is stored once."""
    bench.sql(create)
    drain = bench.drain(table)
    drain({"id": 0, "name": "warm"})
    batch = [sent(table, {"id": n, "name": f"n{n}"}) for n in range(3)]
    server.freeze()
    outcome = drain(*batch, timeout=2.5)
    assert outcome.held.keys() == {0, 1, 2}
    assert {fault.split()[0] for fault in outcome.faults.values()} == {"unavailable"}
    server.thaw()
    assert drain(*batch).stored == [0, 1, 2]
    assert names(bench, table) == ["n0", "n1", "n2"]


def test_tls_is_used_where_the_server_offers_it(bench: Bench) -> None:
    """To loopback, where no certificate says more, it is preferred by default."""
    drain = warm(bench, ITEMS, ITEMS_TABLE, ssl_mode="VERIFY_IDENTITY")
    query = drain.connection.query
    [(_, cipher)] = query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    offers = bench.server.flavour == "mysql"  # a MariaDB of 10.11 makes itself no certificate
    assert bool(cipher) == offers


@pytest.fixture
def odd_settings(server: DatabaseServer) -> Iterator[None]:
    """Let the server's own settings be such as would change values."""
    odd = {
        "sql_mode": "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT",
        "time_zone": "+05:00",
        "autocommit": 0,
        "innodb_lock_wait_timeout": 1000,
    }
    before = {name: server.execute(f"SELECT @@GLOBAL.{name}")[0][0] for name in odd}
    for name, value in odd.items():
        server.execute(f"SET GLOBAL {name} = %s", (value,))
    yield
    for name, value in before.items():
        server.execute(f"SET GLOBAL {name} = %s", (value,))


@pytest.mark.usefixtures("odd_settings")
@pytest.mark.parametrize("version", [None, "at"])
def test_the_servers_own_settings_change_nothing(bench: Bench, version: str | None) -> None:
    """Quotes, backslashes and moments are stored as they are; what does not fit is refused."""
    bench.sql("CREATE TABLE notes (id INT PRIMARY KEY, text VARCHAR(30), at TIMESTAMP(6) NULL)")
    drain = bench.drain(Table("notes", Note, key="id", version=version))
    text = "\\' \" \\n || \U0001f600 %"
    good = {"id": 1, "text": text, "at": "2026-01-01T00:00:00.000001Z"}
    outcome = drain(good, good | {"id": 2, "text": "x" * 31})
    assert (outcome.stored, outcome.faults) == ([0], {1: "rejected 1406"})
    moment = datetime(2026, 1, 1, 0, 0, 0, 1)  # noqa: DTZ001 - MySQL's have no zone
    assert bench.sql("SELECT text, at FROM notes") == [(text, moment)]


@pytest.mark.parametrize("mode", ["VERIFY_CA", "VERIFY_IDENTITY"])
def test_a_certificate_that_nobody_trusts(bench: Bench, mode: str) -> None:
    """Neither is one's own certificate taken, nor a server without any: misconfigured."""
    bench.sql(ITEMS_TABLE)
    drain = bench.drain(ITEMS, ssl_mode=mode, ssl_ca=certifi.where())
    outcome = drain({"id": 1, "name": "x"})
    assert outcome.faults == {0: "misconfigured 2026"}
    assert "TLS" in outcome.held[0]
