"""The candidates do the same work."""

from contextlib import ExitStack, closing

import pytest

from benchmarks.pollers import Finish
from benchmarks.writers import WRITERS, values
from benchmarks.writes import COLUMNS, batch, create_table, event
from durable_ingest.testing.connection import connect


@pytest.mark.database
@pytest.mark.parametrize("name", WRITERS)
def test_every_candidate_stores_the_same_rows(database_url: str, name: str) -> None:
    """Of the last batch; committed, so that another connection sees them."""
    create_table(database_url)
    with ExitStack() as stack:
        handle = WRITERS[name](database_url, stack)
        for number in (0, 100):  # the same customers
            handle(event(batch(number)))
        with closing(connect(database_url)) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM customers ORDER BY customer_id")  # noqa: S608 - constants
            found = cursor.fetchall()
    assert list(found) == [values(customer) for customer in batch(100)]


def test_batches_change_other_customers_until_they_come_round() -> None:
    """And then with a later version and other values."""
    first, again = batch(3), batch(103)
    assert [row.customer_id for row in first] == [row.customer_id for row in again]
    assert {row.customer_id for row in first}.isdisjoint(row.customer_id for row in batch(4))
    assert all(
        a.version < b.version and a.email != b.email for a, b in zip(first, again, strict=True)
    )


def test_a_backlog_ends_with_its_last_message() -> None:
    """Not before; what is counted after it changes nothing."""
    finish = Finish(10)
    finish.count(9)
    assert not finish.reached.is_set()
    finish.count(1)
    assert finish.reached.is_set()
    seconds = finish.seconds
    finish.count(1)
    assert finish.seconds == seconds > 0
