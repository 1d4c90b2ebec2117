"""What goes over the wire to a real server, and what is lost on it."""

from collections.abc import Callable
from typing import Any

import pytest

from durable_ingest import Retry, Table
from durable_ingest.testing import Action, DatabaseServer, TcpProxy, eventually
from tests.contract import store_kit
from tests.contract.store_kit import (
    ITEMS,
    ITEMS_TABLE,
    SEQUENCED,
    SEQUENCED_TABLE,
    VERSIONED,
    VERSIONED_TABLE,
    Bench,
    sent,
)

pytestmark = pytest.mark.database
bench = store_kit.bench
server = store_kit.server
proxy = store_kit.proxy

QUERY = b"\x03"
PATIENT = Retry(patience=10.0)


def once(start: bytes, action: Callable[[], Action]) -> Callable[[bytes], Action]:
    """Make a hook that acts on the first query that starts so, and lets all others through."""
    met: list[bytes] = []

    def hook(request: bytes) -> Action:
        if met or not request.startswith(QUERY + start):
            return Action.PASS
        met.append(request)
        return action()

    return hook


@pytest.mark.parametrize(
    ("table", "create", "expected"),
    [
        (VERSIONED, VERSIONED_TABLE, [b"INSERT"]),
        (SEQUENCED, SEQUENCED_TABLE, [b"INSERT"]),
        (ITEMS, ITEMS_TABLE, [b"INSERT", b"COMMIT"]),
    ],
    ids=["version", "sequence", "plain"],
)
def test_requests_for_ten_messages_of_one_table(
    bench: Bench,
    proxy: TcpProxy,
    table: Table,
    create: str,
    expected: list[bytes],
) -> None:
    """On a warm connection: one with a guard, two without."""
    bench.sql(create)
    drain = bench.drain(table, url=proxy.url(bench.url))
    ten = [{"id": n, "name": "n"} | ({"v": 1} if table is VERSIONED else {}) for n in range(10)]
    assert drain(*ten).stored == list(range(10))
    proxy.requests.clear()
    assert drain(*ten).stored == list(range(10))
    assert [request[:7] for request in proxy.requests] == [QUERY + verb for verb in expected]
    assert proxy.connections == 1


@pytest.mark.parametrize("guarded", [False, True])
def test_requests_for_several_tables(bench: Bench, proxy: TcpProxy, guarded: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    """One transaction: a statement a table, and two more at most."""
    tables = [SEQUENCED, VERSIONED, *([] if guarded else [ITEMS])]
    for create in (SEQUENCED_TABLE, VERSIONED_TABLE, ITEMS_TABLE):
        bench.sql(create)
    drain = bench.drain(*tables, url=proxy.url(bench.url))
    batch = [
        sent(table, {"id": n, "name": "n"} | ({"v": 1} if table is VERSIONED else {}))
        for table in tables
        for n in range(3)
    ]
    drain(*batch)
    proxy.requests.clear()
    assert drain(*batch).stored == list(range(len(batch)))
    assert len(proxy.requests) <= len(tables) + 2
    assert proxy.requests[-1] == QUERY + b"COMMIT"
    assert sum(request.startswith(QUERY + b"INSERT") for request in proxy.requests) == len(tables)


def test_the_servers_own_count_agrees(bench: Bench) -> None:
    """Also without the proxy: the server counts one statement and no COMMIT with a guard."""
    bench.sql(VERSIONED_TABLE)
    drain = bench.drain(VERSIONED)
    ten = [{"id": n, "name": "n", "v": 1} for n in range(10)]
    drain(*ten)

    def counts() -> dict[str, int]:
        rows = bench.server.execute(
            "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_commit', 'Com_begin')"
        )
        return {str(name): int(value) for name, value in rows}

    before = counts()
    drain(*ten)
    after = counts()
    assert {name: after[name] - before[name] for name in after} == {
        "Com_insert": 1,
        "Com_commit": 0,
        "Com_begin": 0,
    }


@pytest.mark.parametrize("action", [Action.CUT, Action.CUT_ANSWER])
def test_a_commit_whose_answer_is_lost(bench: Bench, proxy: TcpProxy, action: Action) -> None:
    """Whether it took place or not, the transaction is done again on a new connection: once."""
    bench.sql(ITEMS_TABLE)
    drain = bench.drain(ITEMS, url=proxy.url(bench.url), retry=PATIENT)
    drain({"id": 0, "name": "warm"})
    proxy.on_request = once(b"COMMIT", lambda: action)
    outcome = drain(*({"id": n, "name": f"n{n}"} for n in range(3)))
    assert outcome.stored == [0, 1, 2]
    assert bench.sql("SELECT * FROM items ORDER BY id") == [(0, "n0"), (1, "n1"), (2, "n2")]
    assert proxy.connections == 2


@pytest.mark.parametrize("action", [Action.CUT, Action.CUT_ANSWER])
@pytest.mark.parametrize("table", [SEQUENCED, VERSIONED], ids=["sequence", "version"])
def test_an_autocommitted_upsert_whose_answer_is_lost(
    bench: Bench,
    proxy: TcpProxy,
    table: Table,
    action: Action,
) -> None:
    """It is done again on a new connection, with the same result."""
    bench.sql(SEQUENCED_TABLE if table is SEQUENCED else VERSIONED_TABLE)
    drain = bench.drain(table, url=proxy.url(bench.url), retry=PATIENT)
    more = {} if table is SEQUENCED else {"v": 1}
    drain({"id": 0, "name": "warm"} | more)
    proxy.on_request = once(b"INSERT", lambda: action)
    outcome = drain(*({"id": n, "name": f"n{n}"} | more for n in range(3)))
    assert outcome.stored == [0, 1, 2]
    found = bench.sql(f"SELECT id, name FROM {table.name} ORDER BY id")  # noqa: S608 - a constant's name
    assert found == [(0, "n0"), (1, "n1"), (2, "n2")]
    assert proxy.connections == 2


def test_a_commit_that_the_server_refuses_as_read_only(
    bench: Bench, server: DatabaseServer, proxy: TcpProxy
) -> None:
    """The rows written before it are written again once the server takes writes.

    A second COMMIT on the same connection would answer OK, and the rows would be gone.
    """
    bench.sql(ITEMS_TABLE)
    drain = bench.drain(ITEMS, url=proxy.url(bench.url))
    drain({"id": 0, "name": "warm"})

    def fail_over() -> Action:
        # The open transaction would make SET GLOBAL wait for its end where that takes a lock.
        server.read_only(on=True)
        return Action.PASS

    proxy.on_request = once(b"COMMIT", fail_over)
    batch = [sent(ITEMS, {"id": n, "name": f"n{n}"}) for n in range(3)]
    outcome = drain(*batch)
    assert outcome.held.keys() == {0, 1, 2}
    assert set(outcome.faults.values()) == {"unavailable 1290"}
    assert bench.sql("SELECT * FROM items") == [(0, "warm")]
    server.read_only(on=False)
    assert drain(*batch).stored == [0, 1, 2]
    assert bench.sql("SELECT * FROM items ORDER BY id") == [(0, "n0"), (1, "n1"), (2, "n2")]


def test_a_statement_that_arrives_after_the_call_ended(bench: Bench, proxy: TcpProxy) -> None:
    """Without a guard it waits for a COMMIT that never comes: the newer value stays."""
    bench.sql(ITEMS_TABLE)
    drain = bench.drain(ITEMS, url=proxy.url(bench.url))
    drain({"id": 1, "name": "warm"})
    proxy.on_request = once(b"INSERT", lambda: Action.HOLD)
    late = sent(ITEMS, {"id": 1, "name": "late"})
    assert drain(late, timeout=2.0).held.keys() == {0}
    assert bench.drain(ITEMS)({"id": 1, "name": "newer"}).stored == [0]
    proxy.release()
    eventually(lambda: not others(bench), what="the end of the abandoned session")
    assert bench.sql("SELECT name FROM items") == [("newer",)]
    assert drain(late).stored == [0]


def others(bench: Bench) -> list[tuple[Any, ...]]:
    """List the sessions on this database that are at work."""
    return bench.server.execute(
        "SELECT ID FROM information_schema.PROCESSLIST"
        " WHERE DB = %s AND INFO LIKE 'INSERT%%late%%'",
        (bench.name,),
    )


@pytest.mark.parametrize("table", [ITEMS, SEQUENCED], ids=["plain", "sequence"])
def test_a_row_that_takes_the_connection_down_waits_alone(
    bench: Bench, proxy: TcpProxy, table: Table
) -> None:
    """A good connection that is lost each time is no outage: its neighbours are stored."""
    bench.sql(ITEMS_TABLE)
    bench.sql(SEQUENCED_TABLE)
    drain = bench.drain(table, url=proxy.url(bench.url), retry=PATIENT)
    proxy.on_request = lambda request: Action.CUT if b"'deadly'" in request else Action.PASS
    names = ["a", "b", "deadly", "c", "d"]
    outcome = drain(*({"id": n, "name": name} for n, name in enumerate(names)))
    assert (outcome.stored, set(outcome.held)) == ([0, 1, 3, 4], {2})
    assert outcome.faults == {2: "unavailable 2013"}
    assert not outcome.dead
