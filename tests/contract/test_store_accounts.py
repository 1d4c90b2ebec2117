"""Accounts and databases that a drainer cannot use: held, with the remedy."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from durable_ingest.testing.connection import Address
from tests.contract import store_kit
from tests.contract.store_kit import (
    ITEMS,
    ITEMS_TABLE,
    VERSIONED,
    VERSIONED_TABLE,
    Bench,
    Drain,
    Outcome,
    sent,
)

pytestmark = pytest.mark.database
bench = store_kit.bench

ONE = {"id": 1, "name": "x"}


@pytest.fixture
def clerk(bench: Bench) -> Iterator[Address]:
    """Give the address of a user without any right yet."""
    user = f"clerk_{bench.name[-8:]}"
    bench.server.execute(f"CREATE USER {user}@'%' IDENTIFIED BY 'secret'")
    yield replace(Address.parse(bench.url), user=user, password="secret")
    bench.server.execute(f"DROP USER {user}@'%'")


def grant(bench: Bench, clerk: Address, rights: str, table: str) -> None:
    """Let the clerk do something."""
    bench.server.execute(f"GRANT {rights} ON `{bench.name}`.{table} TO {clerk.user}@'%'")


@pytest.mark.parametrize("rights", ["SELECT", "SELECT, INSERT", "SELECT, UPDATE"])
def test_a_user_who_may_not_write_the_table(bench: Bench, clerk: Address, rights: str) -> None:
    """Held as misconfigured; another table's messages are stored; granted, it goes on."""
    bench.sql(ITEMS_TABLE)
    bench.sql(VERSIONED_TABLE)
    grant(bench, clerk, "SELECT, INSERT, UPDATE", "versioned")
    grant(bench, clerk, rights, "items")
    drain = bench.drain(ITEMS, VERSIONED, url=clerk.url)
    batch = [sent(VERSIONED, {"id": 1, "name": "x", "v": 1}), sent(ITEMS, ONE)]
    outcome = drain(*batch)
    assert (outcome.stored, outcome.faults) == ([0], {1: "misconfigured 1142"})
    assert "right" in outcome.held[1]
    grant(bench, clerk, "INSERT, UPDATE", "items")
    assert drain(*batch).stored == [0, 1]


def test_a_user_who_may_not_see_the_table(bench: Bench, clerk: Address) -> None:
    """The server hides it: the reason says that it is missing or that a right is."""
    bench.sql(ITEMS_TABLE)
    bench.sql(VERSIONED_TABLE)
    grant(bench, clerk, "SELECT, INSERT, UPDATE", "versioned")
    drain = bench.drain(ITEMS, url=clerk.url)
    outcome = drain(ONE)
    assert outcome.faults[0].startswith("misconfigured")
    assert "grant" in outcome.held[0]
    grant(bench, clerk, "SELECT, INSERT, UPDATE", "items")
    assert drain(ONE).stored == [0]


def held_at_connect(drain: Drain) -> Outcome:
    """Drain a message that must be held as misconfigured."""
    outcome = drain(ONE)
    assert outcome.held.keys() == {0}
    assert outcome.faults[0].startswith("misconfigured")
    return outcome


def test_a_wrong_password(bench: Bench, clerk: Address) -> None:
    """Held, the password not shown; set right on the server, the same drainer goes on."""
    bench.sql(ITEMS_TABLE)
    grant(bench, clerk, "ALL", "*")
    drain = bench.drain(ITEMS, url=replace(clerk, password="rotated").url)
    outcome = held_at_connect(drain)
    assert outcome.faults == {0: "misconfigured 1045"}
    assert "password" in outcome.held[0]
    assert "rotated" not in outcome.held[0]
    bench.server.execute(f"ALTER USER {clerk.user}@'%' IDENTIFIED BY 'rotated'")
    assert drain(ONE).stored == [0]


def test_an_unknown_database(bench: Bench) -> None:
    """Held; created, the same drainer goes on."""
    missing = f"{bench.name}_later"
    drain = bench.drain(ITEMS, url=bench.url + "_later")
    assert held_at_connect(drain).faults == {0: "misconfigured 1049"}
    bench.server.execute(f"CREATE DATABASE {missing}")
    bench.server.databases.append(missing)
    bench.server.execute(ITEMS_TABLE.replace("TABLE items", f"TABLE {missing}.items"))
    assert drain(ONE).stored == [0]
