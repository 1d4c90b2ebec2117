"""The commands of the documentation, as they stand there, on a real database."""

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from durable_ingest import Command, Inbox, MySQL
from tests.contract import store_kit
from tests.contract.store_kit import Bench, Outcome, sent

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.database
bench = store_kit.bench

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def commands() -> dict[str, Command]:
    """Run the page's Python."""
    made: dict[str, Command] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        namespace: dict[str, object] = {"__name__": "docs"}
        exec(compile(block, "commands.md", "exec", dont_inherit=True), namespace)  # noqa: S102 - our own text
        made |= {n: value for n, value in namespace.items() if isinstance(value, Command)}
    return made


COMMANDS = commands()


@pytest.fixture(autouse=True)
def tables(bench: Bench) -> None:
    """Make the tables that the page takes for granted."""
    for table in (
        "customers (customer_id VARCHAR(9) PRIMARY KEY, email VARCHAR(40), name VARCHAR(40))",
        "orders (order_id VARCHAR(9) PRIMARY KEY, customer_id VARCHAR(9), total DECIMAL(9,2))",
        (
            "order_lines (order_id VARCHAR(9), sku VARCHAR(9), quantity INT,"
            " PRIMARY KEY (order_id, sku),"
            " FOREIGN KEY (order_id) REFERENCES orders (order_id) ON DELETE CASCADE)"
        ),
        "stock (sku VARCHAR(9) PRIMARY KEY, quantity INT NOT NULL)",
        "page_reads (page VARCHAR(9) PRIMARY KEY, times INT NOT NULL)",
    ):
        bench.sql(f"CREATE TABLE {table}")
    Inbox().create(MySQL(bench.url))


def twice(bench: Bench, *messages: tuple[str, "Mapping[str, Any]"]) -> list[Outcome]:
    """Deliver a batch two times."""
    drain = bench.drain(*COMMANDS.values(), inbox=Inbox())
    batch = [sent(COMMANDS[name], body) for name, body in messages]
    return [drain(*batch), drain(*batch)]


def order(number: str, **quantities: int) -> "Mapping[str, Any]":
    """Write the body of an order."""
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
    return {"order_id": number, "customer_id": "c1", "total": "9.50", "lines": lines}


def test_an_order_takes_its_stock_once(bench: Bench) -> None:
    """One that cannot be met leaves nothing behind and goes to the dead letters."""
    bench.sql("INSERT INTO stock VALUES ('pen', 10), ('ink', 1)")
    first, again = twice(
        bench,
        ("place_order", order("o1", pen=3, ink=1)),
        ("place_order", order("o2", pen=3, ink=1)),
        ("place_order", order("o3", pen=2)),
    )
    assert first.stored == again.stored == [0, 2]
    assert first.dead[1]["reason"] == "not enough of ink"
    assert dict(bench.sql("SELECT sku, quantity FROM stock")) == {"pen": 5, "ink": 0}
    assert bench.sql("SELECT order_id, total FROM orders ORDER BY order_id") == [
        ("o1", Decimal("9.50")),
        ("o3", Decimal("9.50")),
    ]
    assert bench.sql("SELECT COUNT(*) FROM order_lines") == [(3,)]


def test_a_partial_update_leaves_the_rest(bench: Bench) -> None:
    """And does not undo what came after it when it comes again."""
    bench.sql("INSERT INTO customers VALUES ('c1', 'old', 'Ann')")
    drain = bench.drain(*COMMANDS.values(), inbox=Inbox())
    change = COMMANDS["change_email"]
    first = sent(change, {"customer_id": "c1", "email": "first"})
    drain(first)
    drain(sent(change, {"customer_id": "c1", "email": "second"}))
    assert drain(first).stored == [0]
    assert bench.sql("SELECT email, name FROM customers") == [("second", "Ann")]


def test_a_counter_counts_once(bench: Bench) -> None:
    """Each message, not each delivery."""
    twice(bench, ("page_read", {"page": "p"}), ("page_read", {"page": "p", "times": 4}))
    assert bench.sql("SELECT page, times FROM page_reads") == [("p", 5)]


def test_what_is_erased_stays_erased(bench: Bench) -> None:
    """An order that came before it does not come back with a late delivery."""
    bench.sql("INSERT INTO customers VALUES ('c1', 'mail', 'Ann')")
    bench.sql("INSERT INTO stock VALUES ('pen', 10)")
    first, again = twice(
        bench, ("place_order", order("o1", pen=1)), ("erase_customer", {"customer_id": "c1"})
    )
    assert first.stored == again.stored == [0, 1]
    for table in ("customers", "orders", "order_lines"):
        assert bench.sql(f"SELECT COUNT(*) FROM {table}") == [(0,)]  # noqa: S608 - our own names
