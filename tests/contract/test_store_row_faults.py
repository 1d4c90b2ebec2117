"""Rows that a real server refuses: the guilty one alone, and nothing of it changed or cut."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, create_model

from durable_ingest import Table
from durable_ingest.testing import DatabaseServer, TcpProxy
from tests.contract import store_kit
from tests.contract.store_kit import ITEMS, ITEMS_TABLE, VERSIONED, Bench, Item, sent

pytestmark = pytest.mark.database
bench = store_kit.bench
server = store_kit.server
proxy = store_kit.proxy


@dataclass(frozen=True)
class Case:
    """A column, a value that it takes, one that it refuses, and with which codes."""

    column: str
    good: object
    bad: object
    codes: set[int]
    kind: Any = str | int | None


CASES = {
    "too long": Case("VARCHAR(5) NOT NULL", "short", "longer", {1406}),
    "too long for bytes": Case("VARBINARY(4)", "\u00e9\u00e9", "\u00e9\u00e9\u00e9", {1406}),
    "out of range": Case("TINYINT", 127, 128, {1264}),
    "negative for unsigned": Case("INT UNSIGNED", 0, -1, {1264}),
    "wide decimal": Case("DECIMAL(5,2)", 999, 1000, {1264}),
    "no date": Case("DATETIME(6)", "2026-01-01 00:00:00", "2026-02-30 00:00:00", {1292}),
    "zero date": Case("DATE", "2026-01-01", "2026-00-10x", {1292, 1265}),
    "null": Case("VARCHAR(5) NOT NULL", "x", None, {1048}),
    "no number": Case("INT", 1, "one", {1366}),
    "not in the enum": Case("ENUM('a', 'b')", "a", "c", {1265}),
    "not in the character set": Case(
        "VARCHAR(9) CHARACTER SET latin1", "caf\u00e9", "\u4e2d", {1366}
    ),
    "check": Case("INT CHECK (bad > 0)", 1, 0, {3819, 4025}),
    "json": Case("JSON", "[1]", "[1", {3140, 4025}),
}


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_guilty_row_alone_is_rejected(bench: Bench, name: str, guarded: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    """Nine good rows around it are stored, and what it would have changed is as it was."""
    case = CASES[name]
    model = create_model("Faulty", id=(int, ...), bad=(case.kind, ...))
    table = Table("faulty", model, key="id", sequence="seq" if guarded else None)
    bench.sql(f"CREATE TABLE faulty (id INT PRIMARY KEY, bad {case.column}, seq DECIMAL(39))")
    drain = bench.drain(table)
    assert drain({"id": 6, "bad": case.good}).stored == [0]
    before = bench.sql("SELECT * FROM faulty WHERE id = 6")
    outcome = drain(*({"id": n, "bad": case.bad if n == 6 else case.good} for n in range(10)))
    assert outcome.stored == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    assert outcome.dead.keys() == {6}
    letter = outcome.dead[6]
    assert (letter["fault"], letter["table"]) == ("rejected", "faulty")
    assert letter["code"] in case.codes
    assert letter["sqlstate"]
    assert bench.sql("SELECT COUNT(*) FROM faulty") == [(10,)]
    assert bench.sql("SELECT * FROM faulty WHERE id = 6") == before


def test_several_guilty_rows_of_different_kinds(bench: Bench) -> None:
    """Each is found, whatever stands beside it."""
    bench.sql("CREATE TABLE items (id TINYINT PRIMARY KEY, name VARCHAR(5) NOT NULL)")
    drain = bench.drain(ITEMS)
    names = ["ok", "too long", "ok", "too long", "too long", "ok", "ok", "ok", "ok", "too long"]
    outcome = drain(*({"id": 200 if n == 7 else n, "name": name} for n, name in enumerate(names)))
    assert outcome.stored == [0, 2, 5, 6, 8]
    assert {n: letter["code"] for n, letter in outcome.dead.items()} == {
        1: 1406,
        3: 1406,
        4: 1406,
        7: 1264,
        9: 1406,
    }


def test_without_a_dead_letter_queue_the_guilty_row_is_held(bench: Bench) -> None:
    """It stays in the queue with its reason, without the row's content; others are stored."""
    bench.sql("CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(5) NOT NULL)")
    drain = bench.drain(ITEMS, dead_letters=False)
    outcome = drain(
        {"id": 1, "name": "ok"},
        sent(ITEMS, {"id": 2, "name": "confidential"}),
        sent(ITEMS, {"id": 2, "name": "later"}),
        {"id": 3, "name": "ok"},
    )
    assert (outcome.stored, outcome.faults) == ([0, 3], {1: "rejected 1406"})
    assert outcome.held.keys() == {1, 2}
    assert "'name'" in outcome.held[1]
    assert "confidential" not in str(outcome.held)
    assert bench.sql("SELECT id FROM items ORDER BY id") == [(1,), (3,)]


@pytest.mark.parametrize("guarded", [False, True])
def test_a_rejected_row_that_is_stale_is_settled(bench: Bench, guarded: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    """A guard that is already newer shows that its refusal does not matter any more."""
    bench.sql("CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(5) NOT NULL, seq DECIMAL(39))")
    table = Table("items", Item, key="id", sequence="seq" if guarded else None)
    drain = bench.drain(table)
    bad = sent(table, {"id": 1, "name": "too long"}, sequence=1)
    drain(sent(table, {"id": 1, "name": "new"}, sequence=2))
    outcome = drain(bad)
    assert (outcome.stored == [0]) == guarded
    assert bench.sql("SELECT name FROM items") == [("new",)]


def test_an_equal_version_does_not_make_a_rejected_row_stale(bench: Bench) -> None:
    """A good row of it would have been written."""
    bench.sql("CREATE TABLE versioned (id INT PRIMARY KEY, name VARCHAR(5) NOT NULL, v BIGINT)")
    drain = bench.drain(VERSIONED)
    drain({"id": 1, "name": "new", "v": 2})
    assert drain({"id": 1, "name": "too long", "v": 2}).dead.keys() == {0}
    assert drain({"id": 1, "name": "too long", "v": 1}).stored == [0]


class Named(BaseModel):
    """A row with a text key."""

    id: str
    name: str


@pytest.mark.parametrize("key", ["100%", "%s", "%(x)s", "a'b\\"])
def test_a_stale_row_is_found_by_any_key(bench: Bench, key: str) -> None:
    """A key may hold what a driver takes for a placeholder or a quote."""
    bench.sql("CREATE TABLE named (id VARCHAR(9) PRIMARY KEY, name VARCHAR(5), seq DECIMAL(39))")
    table = Table("named", Named, key="id", sequence="seq")
    drain = bench.drain(table)
    drain(sent(table, {"id": key, "name": "new"}, sequence=2, group="g"))
    outcome = drain(sent(table, {"id": key, "name": "too long"}, sequence=1, group="g"))
    assert outcome.stored == [0]
    assert bench.sql("SELECT id, name FROM named") == [(key, "new")]


@pytest.fixture
def small_packets(server: DatabaseServer) -> Iterator[int]:
    """Let the server take packets of 64 KiB at most."""
    [(before,)] = server.execute("SELECT @@GLOBAL.max_allowed_packet")
    server.execute("SET GLOBAL max_allowed_packet = 65536")
    yield 65536
    server.execute(f"SET GLOBAL max_allowed_packet = {before}")


class Page(BaseModel):
    """A large text."""

    id: int
    text: str


PAGES = Table("pages", Page, key="id")


@pytest.mark.parametrize("letter", ["x", "\u00e9", "'"])
def test_a_row_over_the_packet_limit(bench: Bench, small_packets: int, letter: str) -> None:
    """It is rejected like any other, not taken for an outage; sizes count as sent, in bytes."""
    bench.sql("CREATE TABLE pages (id INT PRIMARY KEY, text MEDIUMTEXT)")
    drain = bench.drain(PAGES)
    large = letter * small_packets
    outcome = drain(*({"id": n, "text": large if n == 4 else "small"} for n in range(10)))
    assert outcome.stored == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert (outcome.dead[4]["fault"], outcome.dead[4]["code"]) == ("rejected", 1153)


@pytest.mark.parametrize("letter", ["x", "\u00e9", "'"])
def test_a_batch_over_the_packet_limit(
    bench: Bench, small_packets: int, proxy: TcpProxy, letter: str
) -> None:
    """Rows that fit one by one go in statements of their own, in one transaction."""
    bench.sql("CREATE TABLE pages (id INT PRIMARY KEY, text MEDIUMTEXT)")
    drain = bench.drain(PAGES, url=proxy.url(bench.url))
    width = len(letter.encode()) * (2 if letter == "'" else 1)
    text = letter * ((small_packets - 500) // width)
    drain({"id": 0, "text": "warm"})
    proxy.requests.clear()
    assert drain(*({"id": n, "text": text} for n in range(10))).stored == list(range(10))
    assert [request[1:7] for request in proxy.requests] == [*[b"INSERT"] * 10, b"COMMIT"]
    assert bench.sql("SELECT COUNT(*), MIN(text) = MAX(text) FROM pages") == [(10, 1)]


def test_a_field_that_the_model_does_not_know_is_held(bench: Bench) -> None:
    """An old drainer must not drop a new column."""
    bench.sql(ITEMS_TABLE)
    outcome = bench.drain(ITEMS)({"id": 1, "name": "x", "new": 1}, {"id": 2, "name": "y"})
    assert (outcome.stored, list(outcome.held)) == ([1], [0])
    assert "'new'" in outcome.held[0]


def test_an_error_of_no_known_kind_needs_evidence(bench: Bench) -> None:
    """A trigger's own error: alone it is held; between rows that are stored it is the row's."""
    bench.sql(ITEMS_TABLE)
    bench.sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON items FOR EACH ROW IF NEW.name = 'bad' THEN"
        " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bad names are refused'; END IF"
    )
    drain = bench.drain(ITEMS)
    alone = drain({"id": 5, "name": "bad"})
    assert (list(alone.held), alone.faults) == ([0], {0: "unknown 1644"})
    outcome = drain(*({"id": n, "name": "bad" if n == 5 else f"n{n}"} for n in range(10)))
    assert outcome.stored == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert (outcome.dead[5]["fault"], outcome.dead[5]["code"]) == ("rejected", 1644)
    every = drain(*({"id": n, "name": "bad"} for n in range(10, 13)))
    assert list(every.held) == [0, 1, 2]
