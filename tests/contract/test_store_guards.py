"""Which of two writes of one row wins, on a real server."""

import itertools
from typing import Any

import pytest
from pydantic import BaseModel, create_model

from durable_ingest import Table
from tests.contract import store_kit
from tests.contract.store_kit import (
    ITEMS,
    ITEMS_TABLE,
    SEQUENCED,
    SEQUENCED_TABLE,
    VERSIONED,
    VERSIONED_TABLE,
    Bench,
    Drain,
    sent,
)

pytestmark = pytest.mark.database
bench = store_kit.bench

TABLES = {
    "plain": (ITEMS, ITEMS_TABLE),
    "sequence": (SEQUENCED, SEQUENCED_TABLE),
    "version": (VERSIONED, VERSIONED_TABLE),
}
# 2**128 - 1 and the numbers around the step from 20 to 21 digits; as text they sort otherwise.
SEQUENCES = [
    9,
    10,
    18_849_496_460_467_696_128,
    99_999_999_999_999_999_999,
    100_000_000_000_000_000_000,
    2**127,
    2**128 - 1,
]


def made(bench: Bench, guard: str) -> tuple[Table, Drain]:
    """Create the table of a guard and a drainer for it."""
    table, create = TABLES[guard]
    bench.sql(create)
    return table, bench.drain(table)


def write(table: Table, number: int, name: str, key: int = 1) -> dict[str, Any]:
    """Build the `number`th write of a row."""
    body: dict[str, Any] = {"id": key, "name": name}
    if table.version is not None:
        body["v"] = number
    return sent(table, body, sequence=1000 + number)


def name_of(bench: Bench, table: Table, key: int = 1) -> str:
    """Read a row's name."""
    return str(bench.sql(f"SELECT name FROM {table.name} WHERE id = %s", key)[0][0])  # noqa: S608 - a constant's name


@pytest.mark.parametrize("guard", TABLES)
def test_redelivered_in_order_the_result_is_the_same(bench: Bench, guard: str) -> None:
    """Two writes delivered twice, in one batch or one by one, leave the second one's values."""
    table, drain = made(bench, guard)
    writes = [write(table, 1, "old"), write(table, 2, "new")]
    for batch in (writes, writes, writes[:1], writes[1:]):
        assert drain(*batch).stored == list(range(len(batch)))
    assert name_of(bench, table) == "new"
    assert bench.sql(f"SELECT COUNT(*) FROM {table.name}") == [(1,)]  # noqa: S608 - a constant's name


@pytest.mark.parametrize(
    ("guard", "winner"), [("plain", "old"), ("sequence", "new"), ("version", "new")]
)
def test_an_older_one_alone_after_a_newer_one(bench: Bench, guard: str, winner: str) -> None:
    """It wins on a plain table alone; it is settled on each."""
    table, drain = made(bench, guard)
    old = write(table, 1, "old")
    assert drain(old, write(table, 2, "new")).stored == [0, 1]
    assert drain(old).stored == [0]
    assert name_of(bench, table) == winner


@pytest.mark.parametrize("guard", ["sequence", "version"])
def test_an_older_one_behind_a_newer_one_in_a_batch(bench: Bench, guard: str) -> None:
    """Where the newer comes first the older one changes nothing, within one statement too."""
    table, drain = made(bench, guard)
    assert drain(write(table, 2, "new"), write(table, 1, "old")).stored == [0, 1]
    assert name_of(bench, table) == "new"


def test_an_equal_version_is_written(bench: Bench) -> None:
    """The owner did not raise the version, and the later arrival counts."""
    table, drain = made(bench, "version")
    drain(write(table, 1, "first"))
    drain(write(table, 1, "second"))
    assert name_of(bench, table) == "second"


@pytest.mark.parametrize("guard", ["sequence", "version"])
def test_a_stored_null_is_older_than_anything(bench: Bench, guard: str) -> None:
    """Rows from before the guard's column was added are written to, and guarded from then on."""
    table, drain = made(bench, guard)
    bench.sql(f"INSERT INTO {table.name} (id, name) VALUES (1, 'before')")  # noqa: S608 - a constant's name
    drain(write(table, 2, "new"))
    assert name_of(bench, table) == "new"
    drain(write(table, 1, "old"))
    assert name_of(bench, table) == "new"


@pytest.mark.parametrize("guard", ["sequence", "version"])
@pytest.mark.parametrize("first", [True, False])
def test_all_columns_change_or_none(bench: Bench, guard: str, first: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    """The guard compares with the stored value to the last column, wherever its column stands."""
    names = [f"c{n}" for n in range(30)]
    fields: dict[str, Any] = dict.fromkeys(["id", *names], (int, ...))
    if guard == "version":
        fields = {"v": (int, ...), **fields} if first else {**fields, "v": (int, ...)}
        table = Table("wide", create_model("Wide", **fields), key="id", version="v")
    else:
        table = Table("wide", create_model("Wide", **fields), key="id", sequence="v")
    columns = ", ".join(f"{name} INT" for name in names)
    v = "v DECIMAL(39,0)" if guard == "sequence" else "v BIGINT"
    bench.sql(f"CREATE TABLE wide ({v}, id INT PRIMARY KEY, {columns})")
    drain = bench.drain(table)

    def wide(number: int) -> dict[str, Any]:
        body = {"id": 1} | dict.fromkeys(names, number)
        if guard == "version":
            body["v"] = number
        return sent(table, body, sequence=number)

    for number, stored in ((2, 2), (3, 3), (1, 3), (5, 5), (4, 5)):
        assert drain(wide(number)).stored == [0]
        assert bench.sql("SELECT * FROM wide") == [(stored, 1, *[stored] * len(names))]


@pytest.mark.parametrize(("low", "high"), list(itertools.pairwise(SEQUENCES)))
def test_sequence_numbers_are_compared_as_numbers(bench: Bench, low: int, high: int) -> None:
    """Up to 39 digits, the larger number wins in either order of arrival, and is stored whole."""
    table, drain = made(bench, "sequence")
    for key, (one, other) in enumerate([(low, high), (high, low)]):
        body = {"id": key, "name": "low" if one == low else "high"}
        drain(sent(table, body, sequence=one))
        body = {"id": key, "name": "low" if other == low else "high"}
        drain(sent(table, body, sequence=other))
        assert bench.sql("SELECT name, seq FROM sequenced WHERE id = %s", key) == [("high", high)]


def test_a_redriven_message_counts_as_old_as_it_was(bench: Bench) -> None:
    """Its `ingest.sequence` is smaller than the number that SQS gave it on the way back."""
    table, drain = made(bench, "sequence")
    drain(sent(table, {"id": 1, "name": "new"}, sequence=2000))
    redriven = sent(
        table, {"id": 1, "name": "old"}, sequence=3000, attributes={"ingest.sequence": "1000"}
    )
    assert drain(redriven).stored == [0]
    assert bench.sql("SELECT name, seq FROM sequenced") == [("new", 2000)]


@pytest.mark.parametrize("forged", ["9999", str(2**128), "-1", "1e9", "0x7fff", "x", ""])
def test_a_forged_sequence_makes_nothing_newer(bench: Bench, forged: str) -> None:
    """A number above SQS' own, or none at all, leaves SQS' own in force."""
    table, drain = made(bench, "sequence")
    drain(sent(table, {"id": 1, "name": "new"}, sequence=2000))
    attributes = {"ingest.sequence": forged}
    drain(sent(table, {"id": 1, "name": "forged"}, sequence=1500, attributes=attributes))
    drain(sent(table, {"id": 2, "name": "other"}, sequence=1500, attributes=attributes))
    assert bench.sql("SELECT name, seq FROM sequenced ORDER BY id") == [
        ("new", 2000),
        ("other", 1500),
    ]


@pytest.mark.parametrize("guard", TABLES)
def test_one_key_several_times_in_a_batch(bench: Bench, guard: str) -> None:
    """Interleaved with another key, each row ends at its last write."""
    table, drain = made(bench, guard)
    batch = [write(table, n, f"{key}-{n}", key) for n in range(5) for key in (2, 1)]
    assert drain(*batch).stored == list(range(10))
    assert [name_of(bench, table, key) for key in (1, 2)] == ["1-4", "2-4"]


class Person(BaseModel):
    """A row with a text key."""

    handle: str
    name: str


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("collation", ["utf8mb4_general_ci", "utf8mb4_unicode_ci", "default"])
def test_keys_that_the_collation_takes_for_equal(
    bench: Bench,
    collation: str,
    guarded: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """'bob' and then 'Bob' in one batch, in one group as an enqueuer addresses them.

    They are one row, and the later one's values are in it.
    """
    collate = "" if collation == "default" else f"COLLATE {collation}"
    bench.sql(
        f"CREATE TABLE people (handle VARCHAR(20) CHARACTER SET utf8mb4 {collate} PRIMARY KEY,"
        " name VARCHAR(20), seq DECIMAL(39,0))"
    )
    table = Table("people", Person, key="handle", sequence="seq" if guarded else None)
    drain = bench.drain(table)
    for n, (first, second) in enumerate([("bob", "Bob"), ("Zoe", "zoë"), ("ada", "ADA")]):
        batch = [
            sent(table, {"handle": first, "name": "first"}, group=f"g{n}"),
            sent(table, {"handle": "other", "name": "between"}),
            sent(table, {"handle": second, "name": "second"}, group=f"g{n}"),
        ]
        assert drain(*batch).stored == [0, 1, 2]
        assert bench.sql("SELECT name FROM people WHERE handle = %s", first) == [("second",)]
    assert bench.sql("SELECT COUNT(*) FROM people") == [(4,)]
