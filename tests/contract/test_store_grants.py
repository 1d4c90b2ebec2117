"""The grants on the security page are enough, and each of them is needed."""

import re
from collections.abc import Iterator

import pytest

from durable_ingest import Table
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
    assert "grant SELECT, INSERT and UPDATE" in outcome.held[0]
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
