"""The one session of a drainer: when it is given up."""

from typing import Any

import pytest
from pydantic import BaseModel

from durable_ingest import MySQL, Retry, Table
from durable_ingest.deadline import Deadline
from durable_ingest.mysql.keeping import IDLE_FOR
from durable_ingest.mysql.store import MySQLStore
from tests.virtual_clock import VirtualClock


class Item(BaseModel):
    """A row."""

    item_id: str


class Line:
    """Nothing to cut."""

    def cut(self) -> None:
        """Do nothing."""


class Interrupted:
    """Plays a connection during whose trial the process is told to end."""

    line = Line()
    closed = False

    def answers(self, _: Deadline) -> bool:
        """Be interrupted before the answer has come."""
        raise KeyboardInterrupt

    def close(self, *, politely: bool) -> None:
        """Note how it ended."""
        self.closed = not politely


def test_a_connection_is_given_up_when_its_trial_is_interrupted() -> None:
    """Its answer would be taken for the next statement's."""
    connection = Interrupted()

    def connect(*_: object, **__: object) -> Any:  # noqa: ANN401 - plays a Connection
        return connection

    clock = VirtualClock()
    items = Table("items", Item, key="item_id")
    store = MySQLStore(MySQL("mysql://u:p@db/d"), [items], clock, Retry(), connect=connect)
    soon = Deadline.after(clock, 10 * IDLE_FOR)
    assert store.reach(soon) is None
    clock.elapsed += 2 * IDLE_FOR
    with pytest.raises(KeyboardInterrupt):
        store.reach(soon)
    assert store.session is None
    assert connection.closed
