"""A session whose server fails while a table is looked at."""

import pytest
from pydantic import BaseModel

from durable_ingest import Table
from durable_ingest.deadline import Deadline
from durable_ingest.mysql.connection import ServerError
from durable_ingest.mysql.refused import RefusedError
from durable_ingest.mysql.session import Session
from durable_ingest.rows import Fault, Row
from tests.records import delivered
from tests.virtual_clock import VirtualClock


class Item(BaseModel):
    """A row with a guard."""

    item_id: str
    n: int


ITEMS = Table("items", Item, key="item_id", version="n")
ROW = Row(
    index=0,
    contract=ITEMS,
    record=Item(item_id="a", n=1),
    present=frozenset({"item_id", "n"}),
    group="a",
    message=delivered(1),
)


class FullServer:
    """A connection to a server with no room for the result of a query."""

    autocommit = True

    def __init__(self, code: int) -> None:
        self.code = code

    def execute(self, sql: str) -> int:
        """Take a statement."""
        del sql
        return 0

    def query(self, sql: str, arguments: object = ()) -> list[tuple[object, ...]]:
        """Fail."""
        del sql, arguments
        raise ServerError(self.code, "HY000", "Error writing file '/tmp/MYfd=42' (Errcode: 28)")


@pytest.mark.parametrize(("code", "fault"), [(3, Fault.UNAVAILABLE), (9999, Fault.UNKNOWN)])
def test_a_table_that_could_not_be_looked_at_shows_nothing(code: int, fault: Fault) -> None:
    """The row is refused for it, and nobody asks its guard."""
    session = Session(FullServer(code))  # type: ignore[arg-type]
    with pytest.raises(RefusedError) as caught:
        session.write([ROW], Deadline.after(VirtualClock(), 10))
    assert caught.value.refusal.fault is fault
    assert session.shows_stale(ROW) is False
