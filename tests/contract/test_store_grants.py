"""The grants in docs/security.md are enough, and each of them is needed."""

import re
from collections.abc import Iterator

import pytest

from durable_ingest import Inbox, MySQL, Table
from durable_ingest.errors import MisconfiguredError
from tests.contract import store_kit
from tests.contract.accounts import PAGE, Account, account, documented
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

INBOX = Inbox()
PAGES_INBOX = "app.durable_ingest_inbox"
TABLES = [(ITEMS, ITEMS_TABLE), (SEQUENCED, SEQUENCED_TABLE), (VERSIONED, VERSIONED_TABLE)]


@pytest.fixture
def clerk(bench: Bench) -> Iterator[Account]:
    """Give a user without any right yet."""
    with account(bench.server) as made:
        yield made


def row(table: Table, name: str) -> dict[str, object]:
    """Make a row of the table."""
    values = {"id": 1, "name": name, "v": 2}
    return {column: values[column] for column in table.fields.columns}


def path(bench: Bench, table: Table) -> str:
    """Name the table as a GRANT does."""
    return f"`{bench.name}`.{table.name}"


@pytest.mark.parametrize(("table", "made"), TABLES, ids=["plain", "sequence", "version"])
def test_the_documented_grants_are_enough(
    bench: Bench, clerk: Account, table: Table, made: str
) -> None:
    """On the table alone: a row is written, changed, refused with its reason, and known as old."""
    bench.sql(made)
    clerk.grant(documented("drainer")["app.customers"], path(bench, table))
    drain = bench.drain(table, url=clerk.url(bench.url))
    first = sent(table, row(table, "old"))
    assert drain(first).stored == [0]
    assert drain(row(table, "new"), row(table, "x" * 21)).dead[1]["code"] == 1406
    assert bench.sql(f"SELECT name FROM {table.name}") == [("new",)]  # noqa: S608 - our own name
    if table is SEQUENCED:
        stale = sent(table, row(table, "x" * 21), sequence=1)
        assert drain(stale).stored == [0]


@pytest.mark.parametrize(("table", "made"), TABLES, ids=["plain", "sequence", "version"])
def test_grants_on_the_columns_are_enough(
    bench: Bench, clerk: Account, table: Table, made: str
) -> None:
    """As the page says: on the model's columns and the sequence column."""
    bench.sql(made)
    bench.sql(f"ALTER TABLE {table.name} ADD COLUMN hidden INT")
    (wide,) = re.findall(r"^GRANT (\w+ \(.*)$", PAGE.read_text(), re.MULTILINE)
    columns = [*table.fields.columns.values(), *filter(None, [table.sequence])]
    rights = wide.replace("(customer_id, email)", f"({', '.join(columns)})")
    assert rights.count("name") == 3
    clerk.grant(rights, path(bench, table))
    drain = bench.drain(table, url=clerk.url(bench.url))
    assert drain(row(table, "old")).stored == [0]
    assert drain(row(table, "new")).stored == [0]
    assert bench.sql(f"SELECT name, hidden FROM {table.name}") == [("new", None)]  # noqa: S608 - our own name


@pytest.mark.parametrize(("table", "made"), TABLES, ids=["plain", "sequence", "version"])
@pytest.mark.parametrize("right", documented("drainer")["app.customers"].split(", "))
def test_each_grant_is_needed_and_its_lack_is_named(
    bench: Bench, clerk: Account, table: Table, made: str, right: str
) -> None:
    """Held as misconfigured, with the remedy; granted, the same message is stored."""
    bench.sql(made)
    clerk.grant(documented("drainer")["app.customers"], path(bench, table))
    drain = bench.drain(table, url=clerk.url(bench.url))
    clerk.revoke(right, path(bench, table))
    message = sent(table, row(table, "x"))
    outcome = drain(message)
    assert (outcome.stored, outcome.dead) == ([], {})
    assert outcome.faults[0].startswith("misconfigured")
    assert "grant SELECT, INSERT and UPDATE on" in outcome.held[0]
    clerk.grant(right, path(bench, table))
    assert drain(message).stored == [0]


def test_a_right_that_is_taken_back_holds_what_comes_after(bench: Bench, clerk: Account) -> None:
    """On a connection that is open already, too."""
    bench.sql(ITEMS_TABLE)
    clerk.grant("SELECT, INSERT, UPDATE", path(bench, ITEMS))
    drain = bench.drain(ITEMS, url=clerk.url(bench.url))
    assert drain(row(ITEMS, "x")).stored == [0]
    clerk.revoke("INSERT", path(bench, ITEMS))
    assert drain(row(ITEMS, "y")).held.keys() == {0}
    clerk.grant("INSERT", path(bench, ITEMS))
    assert drain(row(ITEMS, "y")).stored == [0]


def inbox_path(bench: Bench) -> str:
    """Name the inbox as a GRANT does."""
    return f"`{bench.name}`.{INBOX.table}"


@pytest.mark.parametrize("right", ["", *documented("drainer")[PAGES_INBOX].split(", ")])
def test_an_inbox_needs_its_own_grants(bench: Bench, clerk: Account, right: str) -> None:
    """With all of them each effect is had once; without one nothing is lost."""
    bench.sql(ITEMS_TABLE)
    INBOX.create(MySQL(bench.url))
    clerk.grant(documented("drainer")["app.customers"], path(bench, ITEMS))
    clerk.grant(documented("drainer")[PAGES_INBOX], inbox_path(bench))
    drain = bench.drain(ITEMS, inbox=INBOX, url=clerk.url(bench.url))
    first, second = sent(ITEMS, row(ITEMS, "first")), sent(ITEMS, row(ITEMS, "second"))
    assert drain(first).stored == [0]
    if right:
        clerk.revoke(right, inbox_path(bench))
        outcome = drain(first, second)
        assert outcome.held.keys() == {0, 1}
        assert outcome.faults[0].startswith("misconfigured")
        assert "grant SELECT and INSERT on it" in outcome.held[0]
        clerk.grant(right, inbox_path(bench))
    assert drain(second, first).stored == [0, 1]
    assert bench.sql("SELECT name FROM items") == [("second",)]


@pytest.mark.parametrize("right", documented("pruner")[PAGES_INBOX].split(", "))
def test_pruning_needs_its_own_grants(bench: Bench, clerk: Account, right: str) -> None:
    """And names the one that is missing."""
    mysql = MySQL(clerk.url(bench.url))
    INBOX.create(MySQL(bench.url))
    bench.sql(
        "INSERT INTO durable_ingest_inbox"
        " VALUES (REPEAT('x', 32), UTC_TIMESTAMP(6) - INTERVAL 50 DAY)"
    )
    clerk.grant(documented("pruner")[PAGES_INBOX], inbox_path(bench))
    clerk.revoke(right, inbox_path(bench))
    with pytest.raises(MisconfiguredError, match="grant SELECT and DELETE on"):
        INBOX.prune(mysql)
    clerk.grant(right, inbox_path(bench))
    assert INBOX.prune(mysql) == 1


def test_making_an_inbox_needs_its_own_grants(bench: Bench, clerk: Account) -> None:
    """On a table that is not there yet."""
    mysql = MySQL(clerk.url(bench.url))
    bench.sql(ITEMS_TABLE)
    clerk.grant("SELECT", path(bench, ITEMS))  # or it could not use the database
    with pytest.raises(MisconfiguredError, match="grant CREATE and SELECT on"):
        INBOX.create(mysql)
    clerk.grant(documented("deployer")[PAGES_INBOX], inbox_path(bench))
    INBOX.create(mysql)
    INBOX.create(mysql)
    assert bench.sql(f"SELECT COUNT(*) FROM {INBOX.table}") == [(0,)]  # noqa: S608 - our own name


def test_the_pages_sql_is_sql(bench: Bench) -> None:
    """Every statement of it, with the test's own names."""
    bench.sql("CREATE TABLE customers (customer_id INT PRIMARY KEY, email VARCHAR(40))")
    INBOX.create(MySQL(bench.url))
    blocks = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    suffix = bench.name[-8:]
    text = "".join(blocks).replace(" app.", f" {bench.name}.")
    text = re.sub(r"'(\w+)'@'%'", rf"'\1_{suffix}'@'%'", text)
    try:
        for statement in filter(None, map(str.strip, text.split(";"))):
            bench.server.execute(statement)
    finally:
        for user in ("drainer", "pruner", "deployer"):
            bench.server.execute(f"DROP USER IF EXISTS '{user}_{suffix}'@'%'")
    assert text.count("GRANT") == 5
