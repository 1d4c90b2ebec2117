"""Tables, accounts and servers that are not what the contract says: held, with the remedy."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import create_model

from durable_ingest import Table
from tests.contract import store_kit
from tests.contract.store_kit import (
    ITEMS,
    ITEMS_TABLE,
    SEQUENCED_TABLE,
    VERSIONED,
    VERSIONED_TABLE,
    Bench,
    Item,
    sent,
)

pytestmark = pytest.mark.database
bench = store_kit.bench

TWICE = Table("items", Item, key="id", sequence="seq")
LONG_AGO = 1_700_000_000_000


def keyed(kind: Any) -> Table:  # noqa: ANN401 - any annotation
    """Make a contract for `items` with a key of this type."""
    return Table("items", create_model("Keyed", id=(kind, ...), name=(str, ...)), key="id")


def versioned(kind: Any) -> Table:  # noqa: ANN401 - any annotation
    """Make a contract for `items` with a version of this type."""
    model = create_model("Versioned", id=(int, ...), name=(str, ...), v=(kind, ...))
    return Table("items", model, key="id", version="v")


NAME = "name VARCHAR(20) NOT NULL"
GOOD = f"id BIGINT PRIMARY KEY, {NAME}"
V_NUMBER = {"id": 1, "name": "x", "v": 1}
V_MOMENT = {"id": 1, "name": "x", "v": "2026-01-01T00:00:00Z"}
V_AMOUNT = {"id": 1, "name": "x", "v": "1.5"}
ONE = {"id": 1, "name": "x"}

# what is wrong: contract, body, the columns, what the reason names, what mends it
WRONG: dict[str, tuple[Table, dict[str, Any], str, list[str], str]] = {
    "no column": (ITEMS, ONE, "id BIGINT PRIMARY KEY", ["'name'", "add"], f"ADD {NAME}"),
    "no sequence column": (TWICE, ONE, GOOD, ["'seq'", "add"], "ADD seq DECIMAL(39,0)"),
    "no index": (ITEMS, ONE, f"id BIGINT NOT NULL, {NAME}", ["unique", "id"], "ADD UNIQUE (id)"),
    "index not unique": (
        *(ITEMS, ONE, f"id BIGINT NOT NULL, {NAME}, INDEX (id)"),
        *(["unique", "id"], "ADD PRIMARY KEY (id)"),
    ),
    "index on more": (
        *(ITEMS, ONE, f"id BIGINT NOT NULL, {NAME}, UNIQUE (id, name)"),
        *(["exactly", "id"], "ADD UNIQUE (id)"),
    ),
    "prefix index": (
        *(keyed(str), {"id": "a", "name": "x"}, f"id VARCHAR(50) NOT NULL, {NAME}, UNIQUE (id(3))"),
        *(["exactly", "whole"], "ADD PRIMARY KEY (id)"),
    ),
    "nullable key": (
        *(ITEMS, ONE, f"id BIGINT NULL, {NAME}, UNIQUE (id)"),
        *(["'id'", "NOT NULL"], "MODIFY id BIGINT NOT NULL"),
    ),
    "unknown column without default": (
        *(ITEMS, ONE, f"{GOOD}, extra INT NOT NULL"),
        *(["'extra'", "default"], "MODIFY extra INT NOT NULL DEFAULT 0"),
    ),
    "generated column": (
        *(ITEMS, ONE, "id BIGINT PRIMARY KEY, name VARCHAR(20) AS (CONCAT('n', id)) STORED"),
        *(["'name'", "generated"], f"MODIFY {NAME}"),
    ),
    "float version": (
        *(versioned(int), V_NUMBER, f"{GOOD}, v DOUBLE"),
        *(["version", "'v'", "BIGINT"], "MODIFY v BIGINT"),
    ),
    "text version": (
        *(versioned(int), V_NUMBER, f"{GOOD}, v VARCHAR(20)"),
        *(["version", "'v'", "BIGINT"], "MODIFY v BIGINT"),
    ),
    "version in whole seconds": (
        *(versioned(datetime), V_MOMENT, f"{GOOD}, v DATETIME"),
        *(["version", "'v'", "DATETIME(6)"], "MODIFY v DATETIME(6)"),
    ),
    "version in milliseconds": (
        *(versioned(datetime), V_MOMENT, f"{GOOD}, v DATETIME(3)"),
        *(["version", "'v'", "DATETIME(6)"], "MODIFY v DATETIME(6)"),
    ),
    "version as a float": (
        *(versioned(Decimal), V_AMOUNT, f"{GOOD}, v FLOAT"),
        *(["version", "'v'", "DECIMAL"], "MODIFY v DECIMAL(20,6)"),
    ),
    "bigint sequence": (
        *(TWICE, ONE, f"{GOOD}, seq BIGINT UNSIGNED"),
        *(["'seq'", "DECIMAL(39,0)"], "MODIFY seq DECIMAL(39,0)"),
    ),
    "text sequence": (
        *(TWICE, ONE, f"{GOOD}, seq VARCHAR(39)"),
        *(["'seq'", "DECIMAL(39,0)"], "MODIFY seq DECIMAL(39,0)"),
    ),
    "short sequence": (
        *(TWICE, ONE, f"{GOOD}, seq DECIMAL(38,0)"),
        *(["'seq'", "DECIMAL(39,0)"], "MODIFY seq DECIMAL(39,0)"),
    ),
    "text key in a number": (
        *(keyed(str), {"id": "1x", "name": "x"}, GOOD),
        *(["key", "'id'", "VARCHAR"], "MODIFY id VARCHAR(20)"),
    ),
    "number key in text": (
        *(ITEMS, ONE, f"id VARCHAR(20) PRIMARY KEY, {NAME}"),
        *(["key", "'id'", "BIGINT"], "MODIFY id BIGINT"),
    ),
    "moment key in whole seconds": (
        *(keyed(datetime), {"id": "2026-01-01T00:00:00Z", "name": "x"}),
        *(f"id DATETIME PRIMARY KEY, {NAME}", ["key", "'id'", "DATETIME(6)"]),
        "MODIFY id DATETIME(6)",
    ),
    "uuid key in a number": (
        *(keyed(UUID), {"id": "0123abcd-89ab-4def-8123-456789abcdef", "name": "x"}, GOOD),
        *(["key", "'id'", "CHAR(36)", "BINARY(16)"], "MODIFY id BINARY(16)"),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_table_that_the_contract_does_not_fit(bench: Bench, name: str) -> None:
    """Held with the column and the remedy, however old; mended, it goes on without a restart."""
    table, body, columns, words, repair = WRONG[name]
    bench.sql(f"CREATE TABLE items ({columns})")
    drain = bench.drain(table)
    record = sent(table, body, first_received=LONG_AGO)
    for _ in range(2):
        outcome = drain(record)
        assert outcome.held.keys() == {0}
        assert outcome.faults[0].startswith("misconfigured")
        assert [word for word in words if word not in outcome.held[0]] == []
    assert bench.sql("SELECT COUNT(*) FROM items") == [(0,)]
    bench.sql(f"ALTER TABLE items {repair}")
    assert drain(record).stored == [0]
    assert bench.sql("SELECT COUNT(*) FROM items") == [(1,)]


def test_a_table_without_transactions(bench: Bench) -> None:
    """MyISAM cannot roll back: held until the table is InnoDB's."""
    bench.sql(f"{ITEMS_TABLE} ENGINE=MyISAM")
    drain = bench.drain(ITEMS)
    outcome = drain(ONE)
    assert outcome.faults[0].startswith("misconfigured")
    assert "InnoDB" in outcome.held[0]
    bench.sql("ALTER TABLE items ENGINE=InnoDB")
    assert drain(ONE).stored == [0]


def test_a_missing_table_leaves_the_other_contracts_alone(bench: Bench) -> None:
    """Messages around its own are stored; created, its own follow."""
    bench.sql(VERSIONED_TABLE)
    drain = bench.drain(ITEMS, VERSIONED)
    other = {"id": 1, "name": "x", "v": 1}
    batch = [
        sent(VERSIONED, other),
        sent(ITEMS, ONE),
        sent(VERSIONED, other | {"id": 2}),
        sent(ITEMS, ONE | {"id": 2}, group="versioned:3"),
        sent(VERSIONED, other | {"id": 3}),
    ]
    outcome = drain(*batch)
    assert outcome.stored == [0, 2]
    assert outcome.held.keys() == {1, 3, 4}
    assert outcome.faults.keys() == {1, 3}
    assert "'items'" in outcome.held[1]
    assert "create" in outcome.held[1]
    bench.sql(ITEMS_TABLE)
    assert drain(*batch).stored == list(range(5))


@pytest.mark.parametrize(
    ("change", "repair"),
    [
        ("DROP TABLE items", ITEMS_TABLE),
        ("ALTER TABLE items DROP COLUMN name", "ALTER TABLE items ADD name VARCHAR(20)"),
        ("ALTER TABLE items ADD extra INT NOT NULL", "ALTER TABLE items DROP COLUMN extra"),
    ],
)
def test_a_schema_that_changes_under_an_open_connection(
    bench: Bench, change: str, repair: str
) -> None:
    """The server's error is met, not a preflight's: held, other contracts go on, then mended."""
    bench.sql(ITEMS_TABLE)
    bench.sql(SEQUENCED_TABLE)
    other = Table("sequenced", Item, key="id", sequence="seq")
    drain = bench.drain(ITEMS, other)
    batch = [sent(other, ONE), sent(ITEMS, ONE), sent(other, ONE | {"id": 2})]
    assert drain(*batch).stored == [0, 1, 2]
    bench.sql(change)
    for _ in range(2):
        outcome = drain(*batch)
        assert outcome.stored == [0, 2]
        assert outcome.faults[1].startswith("misconfigured")
    bench.sql(repair)
    assert drain(*batch).stored == [0, 1, 2]
    assert bench.sql("SELECT id, name FROM items") == [(1, "x")]


def test_a_table_made_anew_is_checked_anew(bench: Bench) -> None:
    """Under an open connection: without its unique index each delivery would add a row."""
    bench.sql(ITEMS_TABLE)
    drain = bench.drain(ITEMS)
    assert drain(ONE).stored == [0]
    bench.sql("DROP TABLE items")
    assert drain(ONE).held.keys() == {0}
    bench.sql(f"CREATE TABLE items (id BIGINT NOT NULL, {NAME})")
    outcome = drain(ONE)
    assert outcome.faults[0].startswith("misconfigured")
    assert "unique" in outcome.held[0]


def test_a_column_that_changes_its_type_rejects_no_good_row(bench: Bench) -> None:
    """UUIDs are text or bytes by the column's type, which a migration may change at any time."""
    table = Table("tokens", create_model("Token", id=(int, ...), token=(UUID, ...)), key="id")
    bench.sql("CREATE TABLE tokens (id INT PRIMARY KEY, token CHAR(36))")
    drain = bench.drain(table)
    token = UUID("0123abcd-89ab-4def-8123-456789abcdef")
    assert drain({"id": 1, "token": str(token)}).stored == [0]
    bench.sql("ALTER TABLE tokens DROP COLUMN token, ADD token BINARY(16)")
    assert drain({"id": 1, "token": str(token)}).stored == [0]
    assert bench.sql("SELECT token FROM tokens") == [(token.bytes,)]
