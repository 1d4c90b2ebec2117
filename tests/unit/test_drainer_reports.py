"""What a drainer reports of each batch."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from durable_ingest import Drainer
from durable_ingest.errors import BatchHeldError, ContractError
from durable_ingest.report import BatchReport
from durable_ingest.rows import NO_TIME, Fault, Refusal, Row
from tests.model_drain import AWAY, FORTNIGHT, HOUR, MODES, Desk, Mode
from tests.records import CUSTOMERS

TOO_LONG = Refusal(Fault.REJECTED, "too long", 1406, "22001", "customers")
FIELDS = ("fault", "code", "sqlstate", "table", "held", "received")


def refusing(**refusals: Refusal) -> Callable[[Row], Refusal | None]:
    """Refuse the rows of these groups."""
    return lambda row: refusals.get(getattr(row.record, "customer_id", ""))


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_that_is_stored(mode: Mode) -> None:
    """Counts, ages and times."""
    desk = Desk(mode=mode)

    def refuse(_row: Row) -> None:
        desk.clock.elapsed += 0.25

    desk.store.refuse = refuse
    desk.handle(desk.batch(("a", 1.0), ("b", 0.5)))
    assert desk.reports == [
        BatchReport(
            queue="customers.fifo",
            received=2,
            settled=2,
            oldest_seconds=HOUR + 0.5,
            database_seconds=0.5,
            seconds=0.5,
        )
    ]


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_of_all_kinds(mode: Mode) -> None:
    """Every message is counted once: stored, dead-lettered, or held by its fault."""
    desk = Desk(mode=mode)
    locked = AWAY.changed(fault=Fault.CONTENDED)
    desk.store.refuse = refusing(a=TOO_LONG, b=locked)
    desk.handle(desk.batch(("a", 0), ("b", 0), ("b", 0), ("c", 0)))
    [report] = desk.reports
    assert report.settled == 1
    assert report.dead_lettered == {"rejected": 1}
    assert report.held == {"contended": 1, "behind": 1}
    assert not report.outage
    assert (report.undeleted, report.unhidden) == (0, 0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("refusal", "outage"), [(AWAY, True), (NO_TIME, False)])
def test_an_outage_is_told_from_a_lack_of_time(
    mode: Mode, refusal: Refusal, *, outage: bool
) -> None:
    """Both hold as unavailable; only one says something about the database."""
    desk = Desk(mode=mode)
    desk.store.refuse = lambda _row: refusal
    desk.handle(desk.batch(("a", 0), ("b", 0)))
    [report] = desk.reports
    assert report.held == {"unavailable": 2}
    assert report.outage is outage


def test_what_expires_is_reported_as_dead_lettered() -> None:
    """Under its own fault, though an outage held it."""
    desk = Desk()
    desk.handle(desk.batch(("a", FORTNIGHT / HOUR - 1)))
    [report] = desk.reports
    assert report.dead_lettered == {"expiring": 1}
    assert report.held == {}
    assert report.settled == 0


def test_deletes_and_hiding_that_failed_are_counted() -> None:
    """They cost receives, or bring messages again."""
    desk = Desk()
    desk.store.refuse = refusing(b=AWAY)
    desk.client.refuses = lambda _method, _entry: True
    desk.handle(desk.batch(("a", 0), ("b", 0)))
    [report] = desk.reports
    assert (report.undeleted, report.unhidden) == (1, 1)


def test_repeats_are_counted_by_the_batch() -> None:
    """The store counts from its start."""
    desk = Desk()

    def refuse(_row: Row) -> None:
        desk.store.repeats += 3

    desk.store.refuse = refuse
    for _ in range(2):
        desk.handle(desk.batch(("a", 0)))
    assert [report.retries for report in desk.reports] == [3, 3]


def test_an_observer_that_raises_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; the answer is the same, and so is the error."""

    def on_report(_report: BatchReport) -> None:
        raise KeyError("observer")

    desk = Desk()
    desk.drainer = Drainer(
        desk.store, CUSTOMERS, client=desk.client, on_report=on_report, clock=desk.clock
    )
    with caplog.at_level(logging.ERROR), pytest.raises(BatchHeldError):
        desk.drainer.handle(desk.batch(("a", 0)))
    desk.store.refuse = lambda _row: None
    assert desk.drainer.handle(desk.batch(("a", 0))) == {"batchItemFailures": []}
    assert caplog.text.count("on_report raised") == 2


def test_what_cannot_be_called_is_refused() -> None:
    """At construction, by its name."""
    wrong: Any = "metrics"
    with pytest.raises(ContractError, match="on_report"):
        Drainer(Desk().store, CUSTOMERS, on_report=wrong, clock=Desk().clock)


def test_logs_have_fields(caplog: pytest.LogCaptureFixture) -> None:
    """By which structured logs are searched."""
    desk = Desk()
    desk.store.refuse = refusing(a=TOO_LONG, b=AWAY)
    with caplog.at_level(logging.WARNING, "durable_ingest"):
        desk.handle(desk.batch(("a", 0), ("b", 0)))
    fields = [{name: vars(record).get(name) for name in FIELDS} for record in caplog.records[:2]]
    assert fields == [
        dict(zip(FIELDS, ("rejected", 1406, "22001", "customers", None, None), strict=True)),
        dict(zip(FIELDS, ("unavailable", None, None, None, 1, 2), strict=True)),
    ]
