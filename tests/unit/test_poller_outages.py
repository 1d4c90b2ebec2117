"""Drainer.poll while the database is away, on the strict queue in memory, in virtual time."""

from typing import Any

import pytest

from durable_ingest.rows import NO_TIME, Fault, Refusal, Row
from tests.poll_kit import (
    AWAY,
    DEPENDENT,
    NO_LOGIN,
    Shore,
    Stop,
    in_order,
    key_of,
)

HOUR = 3600.0
DAY = 24 * HOUR


def test_nothing_is_received_while_the_database_is_away() -> None:
    """But for a look now and then; and all is stored after it, in order."""
    shore = Shore()
    sent = {f"g{n}": shore.send(f"g{n}", 5) for n in range(100)}
    shore.server.away = AWAY
    report = shore.poll_for(HOUR)
    assert report.database_away
    assert report.outages == 1
    assert report.received <= 10 * 30
    assert shore.most_receives() <= 30
    shore.server.away = None
    report = shore.poll_for(HOUR)
    assert (report.settled, report.outages, report.database_away) == (500, 0, False)
    assert shore.depth == 0
    assert shore.dead == []
    in_order(shore.server, sent)


@pytest.mark.parametrize("refusal", [AWAY, NO_LOGIN], ids=["away", "no login"])
def test_an_outage_at_the_start_costs_one_receive(refusal: Refusal) -> None:
    """The database is tried before the queue."""
    shore = Shore()
    for n in range(500):
        shore.send(f"g{n}")
    shore.server.away = refusal
    report = shore.poll()
    assert (report.received, report.held, report.left) == (10, 10, 10)
    assert report.database_away
    assert shore.clock.elapsed < 10


def test_until_empty_ends_where_the_database_goes_away() -> None:
    """The next run may find it back."""
    shore = Shore()
    for n in range(500):
        shore.send(f"g{n}")

    def go_away(_rows: Any) -> None:  # noqa: ANN401
        if len(shore.store.batches) == 5:
            shore.server.away = AWAY

    shore.store.before = go_away
    report = shore.poll()
    assert report.database_away
    assert report.settled > 0
    assert report.held == report.left > 0


def test_an_outage_in_the_middle_is_waited_out() -> None:
    """Work begins again with one receiver, within half a minute of the database's return."""
    shore = Shore()
    sent = {f"g{n}": shore.send(f"g{n}", 10) for n in range(100)}
    shore.store.seconds = lambda _rows: 1.0
    ends = 5000.0

    def look(_rows: Any = None) -> None:  # noqa: ANN401
        away = 10 < shore.clock.elapsed < ends
        shore.server.away = AWAY if away else None

    shore.store.before = look
    reach = shore.store.reach

    def reached(deadline: Any) -> Any:  # noqa: ANN401
        look()
        return reach(deadline)

    shore.store.reach = reached  # type: ignore[method-assign]
    done: list[float] = []

    def is_done() -> bool:
        if shore.clock.elapsed > ends and not done and shore.depth < 900:
            done.append(shore.clock.elapsed)
        return shore.clock.elapsed > 3 * ends

    report = shore.poll(stop=Stop(is_done))
    assert report.settled == 1000
    assert report.outages == 1
    assert shore.depth == 0
    assert shore.dead == []
    in_order(shore.server, sent)
    assert done[0] < ends + 60


@pytest.mark.parametrize("backlog", [1, 50, 1000])
@pytest.mark.parametrize(
    ("retention", "continuous"),
    [(4 * DAY, True), (HOUR, True), (4 * DAY, False)],
    ids=["4 days", "1 hour", "4 days, by a schedule"],
)
def test_what_expires_in_an_outage_is_dead_lettered(
    backlog: int, retention: float, *, continuous: bool
) -> None:
    """Nothing is lost, however long the database is away, and no message is received too often."""
    if backlog == 1000 and not continuous:
        backlog = 200
    shore = Shore(retention=int(retention))
    shore.let_pass(60)
    sent = {f"g{n}": shore.send(f"g{n}") for n in range(backlog)}
    shore.server.away = AWAY
    end = shore.clock.elapsed + retention + 600  # the dead letters' own retention is as long
    most = [0]
    shore.store.before = lambda _rows: most.append(shore.most_receives())
    if continuous:
        shore.poll(stop=Stop(lambda: shore.clock.elapsed >= end))
    else:
        while shore.clock.elapsed < end:
            shore.poll(until_empty=True)
            shore.let_pass(900)
    assert shore.service.tally(shore.pair.url).expired == 0
    assert sorted(shore.dead) == sorted(number for numbers in sent.values() for number in numbers)
    assert max(most) <= 400


def test_a_parent_that_was_away_is_waited_for_after_the_outage() -> None:
    """Its child is old by then, and nobody gives it up for that."""
    for restarts in (False, True):
        shore = Shore()
        child = shore.send("child")
        parent = shore.send("parent")

        def refuse(row: Row, shore: Shore = shore) -> Refusal | None:
            if key_of(row) == "child" and "parent" not in shore.server.rows:
                return DEPENDENT
            return None

        shore.store.refuse = refuse
        parents_turn = shore.clock.elapsed + 10.5 * HOUR
        shore.store.refuse = lambda row, shore=shore, turn=parents_turn, own=refuse: (  # type: ignore[misc]
            DEPENDENT if key_of(row) == "parent" and shore.clock.elapsed < turn else own(row)
        )
        shore.poll_for(60)
        shore.server.away = AWAY
        shore.poll_for(10 * HOUR)
        shore.server.away = None
        if restarts:
            shore.restart()
        shore.poll_for(3 * HOUR)
        assert shore.dead == []
        assert sorted(shore.server.written()) == sorted(child + parent)


def test_nobody_can_log_in_is_an_outage_for_dependents_too() -> None:
    """A password that was wrong for hours."""
    shore = Shore()
    shore.poll_for(20)
    before = shore.drainer._handling.draining.last_outage
    shore.server.away = NO_LOGIN
    shore.send("g")
    shore.poll_for(HOUR)
    after = shore.drainer._handling.draining.last_outage
    assert before is not None
    assert after is not None
    assert after - before > HOUR / 2


def test_a_lack_of_time_is_no_outage() -> None:
    """Only the batches get smaller."""
    shore = Shore()
    for n in range(50):
        shore.send(f"g{n}")
    shore.store.refuse = lambda _row: NO_TIME if shore.clock.elapsed < 20 else None
    report = shore.poll()
    assert (report.outages, report.left) == (0, 0)
    assert shore.depth == 0


def test_a_row_that_takes_the_connection_down_is_no_outage() -> None:
    """The others go on."""
    poison = Refusal(Fault.UNAVAILABLE, "the connection was lost", 2013, table="customers")
    shore = Shore()
    for n in range(100):
        shore.send(f"g{n}")
    shore.store.refuse = lambda row: poison if key_of(row) == "g7" else None
    report = shore.poll_for(300)
    assert report.outages == 0
    assert len(shore.server.rows) == 99


def test_a_server_without_writes_costs_few_receives() -> None:
    """It accepts connections: the pause between attempts grows all the same."""
    shore = Shore()
    for n in range(3000):
        shore.send(f"g{n}")
    shore.server.away = Refusal(Fault.UNAVAILABLE, "the server is read-only", 1290, everywhere=True)
    report = shore.poll_for(HOUR)
    assert shore.count("ReceiveMessage") <= 2 * HOUR / 15
    assert report.received <= 10 * 160
    shore.server.away = None
    shore.poll_for(HOUR)
    assert shore.depth == 0


def test_an_outage_leaves_an_end_to_until_empty() -> None:
    """Also where all that is left is hidden for longer than the run."""
    shore = Shore()
    shore.send("g")
    shore.server.away = AWAY
    shore.poll_for(2 * HOUR)
    shore.server.away = None
    report = shore.poll()
    assert not report.database_away


def test_stopped_in_an_outage_it_ends_at_once() -> None:
    """Whatever it waits for."""
    shore = Shore()
    shore.send("g")
    shore.server.away = AWAY
    began = shore.clock.elapsed
    shore.poll(stop=Stop(lambda: shore.clock.elapsed > began + 1000))
    assert shore.clock.elapsed - began < 1002
