"""Faults of the team's own code and files hold what they concern, and nothing else."""

from pathlib import Path

import pytest
from pydantic import BaseModel, computed_field

from durable_ingest import Table
from tests.contract import store_kit
from tests.contract.store_kit import ITEMS, ITEMS_TABLE, Bench, sent

bench = store_kit.bench
pytestmark = pytest.mark.database


class Brittle(BaseModel):
    """A row that cannot always be read out."""

    id: int
    parts: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def share(self) -> int:
        """Divide."""
        return 100 // self.parts


BRITTLE = Table("brittle", Brittle, key="id")


def test_a_model_that_raises_holds_its_own_message(bench: Bench) -> None:
    """The neighbours are stored; the message waits for a mended model."""
    bench.sql("CREATE TABLE brittle (id BIGINT PRIMARY KEY, parts BIGINT, share BIGINT)")
    bodies = [{"id": 1, "parts": 1}, {"id": 2, "parts": 0}, {"id": 3, "parts": 2}]
    outcome = bench.drain(BRITTLE)(*bodies)
    assert outcome.stored == [0, 2]
    assert "ZeroDivisionError" in outcome.held[1]
    assert bench.sql("SELECT id FROM brittle ORDER BY id") == [(1,), (3,)]


def test_certificates_that_cannot_be_read_hold_everything(bench: Bench, tmp_path: Path) -> None:
    """The handler says which argument is wrong; no message is rejected for it."""
    bench.sql(ITEMS_TABLE)
    missing = str(tmp_path / "bundle.pem")
    drain = bench.drain(ITEMS, ssl_ca=missing, ssl_mode="VERIFY_CA")
    outcome = drain({"id": 1, "name": "a"})
    assert "ssl_ca" in outcome.held[0]
    assert not outcome.dead


def test_looking_for_a_newer_row_leaves_no_transaction_open(bench: Bench) -> None:
    """A warm function that waits for its next batch must not block a migration."""

    class Row(BaseModel):
        id: int
        name: str
        v: int

    guarded = Table("guarded", Row, key="id", version="v")
    bench.sql(ITEMS_TABLE)
    bench.sql("CREATE TABLE guarded (id BIGINT PRIMARY KEY, name VARCHAR(5), v BIGINT)")
    bench.sql("INSERT INTO guarded VALUES (1, 'new', 2)")
    drain = bench.drain(guarded, ITEMS)
    outcome = drain(sent(guarded, {"id": 1, "name": "too long", "v": 1}))
    assert outcome.stored == [0]
    bench.sql("SET lock_wait_timeout = 2")
    bench.sql("ALTER TABLE guarded ADD COLUMN extra INT")
    assert bench.sql("SELECT name, v FROM guarded") == [("new", 2)]
