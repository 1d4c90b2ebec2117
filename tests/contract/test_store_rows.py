"""Which row a message writes, and which of its columns, on a real server."""

from typing import Any

import pytest
from pydantic import BaseModel

from durable_ingest import Table
from durable_ingest.clock import SYSTEM_CLOCK
from tests.contract import store_kit
from tests.contract.store_kit import Bench, Drain, sent

pytestmark = pytest.mark.database
bench = store_kit.bench


class Customer(BaseModel):
    """A row with a unique value besides its key."""

    id: int
    email: str
    name: str = "nobody"
    v: int = 0


CUSTOMERS = Table("customers", Customer, key="id")
GUARDED = Table("customers", Customer, key="id", sequence="seq")


class Order(BaseModel):
    """A child row."""

    id: int
    customer_id: int


ORDERS = Table("orders", Order, key="id")


def make_customers(bench: Bench, *contracts: Table, **settings: Any) -> Drain:  # noqa: ANN401 - those of Bench.drain
    """Create customers with unique e-mails, orders that refer to them, and a drainer."""
    bench.sql(
        "CREATE TABLE customers (id INT PRIMARY KEY, email VARCHAR(40) NOT NULL UNIQUE,"
        " name VARCHAR(20) DEFAULT 'unnamed', v INT DEFAULT 5, seq DECIMAL(39,0))"
    )
    bench.sql(
        "CREATE TABLE orders (id INT PRIMARY KEY, customer_id INT NOT NULL,"
        " FOREIGN KEY (customer_id) REFERENCES customers (id))"
    )
    return bench.drain(*contracts, **settings)


def customers(bench: Bench) -> list[tuple[Any, ...]]:
    """Read the customers' ids, e-mails and names."""
    return bench.sql("SELECT id, email, name FROM customers ORDER BY id")


def hours_ago(hours: float) -> int:
    """Give a time in milliseconds since 1970."""
    return int((SYSTEM_CLOCK.now() - hours * 3600) * 1000)


@pytest.mark.parametrize("sequence", [None, "seq"])
def test_insert_only_columns_are_left_alone(bench: Bench, sequence: str | None) -> None:
    """They are written when the row is made; the others follow every write."""
    table = Table("customers", Customer, key="id", sequence=sequence, insert_only=("email", "v"))
    drain = make_customers(bench, table)
    first = {"id": 1, "email": "first@x", "name": "first", "v": 1}
    assert drain(first, {"id": 1, "email": "second@x", "name": "second", "v": 2}).stored == [0, 1]
    assert drain({"id": 1, "email": "third@x", "name": "third", "v": 3}).stored == [0]
    assert bench.sql("SELECT email, name, v FROM customers") == [("first@x", "third", 1)]


@pytest.mark.parametrize("table", [CUSTOMERS, GUARDED], ids=["plain", "sequence"])
def test_an_absent_field_is_left_alone_by_an_update(bench: Bench, table: Table) -> None:
    """At insert it takes the model's default; an update changes only what the body gives.

    One batch holds bodies with different fields, interleaved.
    """
    drain = make_customers(bench, table)
    batch: list[dict[str, Any]] = [
        {"id": 1, "email": "1@x"},
        {"id": 2, "email": "2@x", "name": "two", "v": 2},
        {"id": 1, "email": "1@y", "v": 7},
        {"id": 2, "email": "2@y"},
        {"id": 1, "email": "1@z", "name": "one"},
    ]
    assert drain(*batch).stored == [0, 1, 2, 3, 4]
    found = bench.sql("SELECT id, email, name, v FROM customers ORDER BY id")
    assert found == [(1, "1@z", "one", 7), (2, "2@y", "two", 2)]
    assert drain({"id": 3, "email": "3@x"}, {"id": 2, "email": "2@z"}).stored == [0, 1]
    found = bench.sql("SELECT email, name, v FROM customers ORDER BY id")
    assert found[1:] == [("2@z", "two", 2), ("3@x", "nobody", 0)]


@pytest.mark.parametrize("table", [CUSTOMERS, GUARDED], ids=["plain", "sequence"])
def test_a_new_row_overwrites_no_other_through_a_unique_index(bench: Bench, table: Table) -> None:
    """The e-mail belongs to another row: that row stays, and the message is held as dependent."""
    drain = make_customers(bench, table)
    drain({"id": 1, "email": "taken@x", "name": "owner"})
    outcome = drain({"id": 2, "email": "taken@x", "name": "thief"})
    assert outcome.held.keys() == {0}
    assert outcome.faults == {0: "dependent 1048"}
    assert customers(bench) == [(1, "taken@x", "owner")]


@pytest.mark.parametrize("table", [CUSTOMERS, GUARDED], ids=["plain", "sequence"])
def test_collisions_among_many_rows(bench: Bench, table: Table) -> None:
    """With stored rows, within the batch, and of an existing row: only the colliding are held."""
    drain = make_customers(bench, table)
    drain({"id": 1, "email": "1@x", "name": "one"}, {"id": 2, "email": "2@x", "name": "two"})
    outcome = drain(
        {"id": 3, "email": "3@x", "name": "three"},
        {"id": 4, "email": "1@x", "name": "thief"},
        {"id": 5, "email": "3@x", "name": "thief"},
        {"id": 2, "email": "1@x", "name": "thief"},
        {"id": 6, "email": "6@x", "name": "six"},
    )
    assert outcome.stored == [0, 4]
    assert {n: fault.split()[0] for n, fault in outcome.faults.items()} == dict.fromkeys(
        [1, 2, 3], "dependent"
    )
    assert customers(bench) == [
        (1, "1@x", "one"),
        (2, "2@x", "two"),
        (3, "3@x", "three"),
        (6, "6@x", "six"),
    ]


def test_a_collision_is_cured_by_another_message(bench: Bench) -> None:
    """Once the owner lets the value go, the held message is stored."""
    drain = make_customers(bench, CUSTOMERS)
    drain({"id": 1, "email": "wanted@x"})
    waiting = sent(CUSTOMERS, {"id": 2, "email": "wanted@x"})
    assert drain(waiting).held.keys() == {0}
    assert drain({"id": 1, "email": "other@x"}).stored == [0]
    assert drain(waiting).stored == [0]
    assert [row[1] for row in customers(bench)] == ["other@x", "wanted@x"]


def test_a_missing_parent_is_waited_for(bench: Bench) -> None:
    """The child is held as dependent, others are stored; the parent's arrival cures it."""
    drain = make_customers(bench, CUSTOMERS, ORDERS)
    child = sent(ORDERS, {"id": 10, "customer_id": 1})
    outcome = drain(child, sent(CUSTOMERS, {"id": 2, "email": "2@x"}))
    assert (outcome.stored, outcome.faults) == ([1], {0: "dependent 1452"})
    assert "parent" in outcome.held[0]
    assert drain(sent(CUSTOMERS, {"id": 1, "email": "1@x"})).stored == [0]
    assert drain(child).stored == [0]
    assert bench.sql("SELECT * FROM orders") == [(10, 1)]


def test_a_parent_in_front_of_its_child_in_one_batch(bench: Bench) -> None:
    """Runs of different tables are written in arrival order."""
    drain = make_customers(bench, ORDERS, CUSTOMERS)
    batch = [
        sent(CUSTOMERS, {"id": 1, "email": "1@x"}, group="one"),
        sent(ORDERS, {"id": 10, "customer_id": 1}, group="one"),
        sent(CUSTOMERS, {"id": 2, "email": "2@x"}, group="two"),
        sent(ORDERS, {"id": 11, "customer_id": 2}, group="two"),
    ]
    assert drain(*batch).stored == [0, 1, 2, 3]
    assert bench.sql("SELECT * FROM orders ORDER BY id") == [(10, 1), (11, 2)]


@pytest.mark.parametrize(("hours", "given_up"), [(5, False), (7, True)])
@pytest.mark.parametrize("case", ["parent", "unique"])
def test_a_dependent_message_is_given_up_after_six_hours(
    bench: Bench,
    case: str,
    hours: float,
    given_up: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """Counted from its first receive; the dead letter says why, and its group goes on."""
    drain = make_customers(bench, CUSTOMERS, ORDERS)
    drain(sent(CUSTOMERS, {"id": 1, "email": "taken@x"}))
    since = hours_ago(hours)
    if case == "parent":
        old = sent(ORDERS, {"id": 10, "customer_id": 9}, group="g", first_received=since)
        behind = sent(ORDERS, {"id": 10, "customer_id": 1}, group="g")
    else:
        body = {"id": 2, "email": "taken@x"}
        old = sent(CUSTOMERS, body, group="g", first_received=since)
        behind = sent(CUSTOMERS, {"id": 2, "email": "free@x"}, group="g")
    outcome = drain(old, behind)
    if given_up:
        assert outcome.dead[0]["fault"] == "dependent"
        assert outcome.dead[0]["code"] in (1452, 1048)
        assert outcome.stored == [1]
    else:
        assert outcome.held.keys() == {0, 1}


class Pair(BaseModel):
    """A key of two columns and no other."""

    left: str
    right: int


@pytest.mark.parametrize("sequence", [None, "seq"])
def test_a_compound_key_without_other_columns(bench: Bench, sequence: str | None) -> None:
    """Parts of keys do not make two rows one; a second write of a pair changes nothing."""
    bench.sql(
        "CREATE TABLE pairs (seq DECIMAL(39), `right` INT, `left` VARCHAR(9),"
        " PRIMARY KEY (`right`, `left`))"
    )
    drain = bench.drain(Table("pairs", Pair, key=("left", "right"), sequence=sequence))
    pairs = [("a", 1), ("a", 2), ("b", 1), ("a", 1)]
    assert drain(*({"left": a, "right": n} for a, n in pairs)).stored == [0, 1, 2, 3]
    found = bench.sql("SELECT `left`, `right` FROM pairs ORDER BY 1, 2")
    assert found == [("a", 1), ("a", 2), ("b", 1)]
