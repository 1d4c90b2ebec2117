"""The partial batch response through the real runtime, as an event source mapping reads it."""

import pytest

from durable_ingest import Enqueuer
from tests.runtime.functions.contracts import Item, items
from tests.runtime.lambda_process import FunctionError
from tests.runtime.stage import Stage

pytestmark = [pytest.mark.runtime, pytest.mark.database]
TABLE = """
CREATE TABLE items (
  item_id INT PRIMARY KEY,
  note VARCHAR(10) NOT NULL,
  ingest_sequence DECIMAL(39, 0)
)
"""


def test_what_is_held_stays_in_the_queue(stage: Stage) -> None:
    """The mapping deletes the rest; where all are held, the handler raises."""
    stage.database.execute(TABLE)
    drainer = stage.own_function("reporting")
    enqueuer = Enqueuer(stage.queue.url, items, client=stage.queue.client)
    notes = [(1, "one"), (2, "too long for the column"), (2, "two"), (3, "three")]
    receipts = enqueuer.enqueue_many([Item(item_id=number, note=note) for number, note in notes])
    first, *held, last = [receipt.message_id for receipt in receipts]

    partial = stage.deliver(drainer, reports=True)
    assert partial.answer == {"batchItemFailures": [{"itemIdentifier": one} for one in held]}
    assert partial.deleted == (first, last)
    assert "could not be hidden" not in drainer.log
    assert [row["item_id"] for row in stage.database.rows("items")] == [1, 3]

    stage.end_visibility_timeouts(partial)
    none = stage.deliver(drainer, reports=True)
    assert isinstance(none.error, FunctionError)
    assert none.error.kind == "BatchHeldError"
    assert none.deleted == ()

    stage.database.execute("ALTER TABLE items MODIFY note VARCHAR(40) NOT NULL")
    stage.end_visibility_timeouts(none)
    assert stage.deliver(drainer, reports=True).deleted == tuple(held)
    assert [row["note"] for row in stage.database.rows("items")] == ["one", "two", "three"]
    assert stage.queue.messages() == []
