"""The drainers' processes: one for each place, whatever happens to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.fleet import Fleet
from chaos.history import Event, Log, read
from chaos.plan import Lane, Plan
from durable_ingest.testing import eventually

LANE = Lane(
    number=0,
    kind="tables",
    queue_url="http://127.0.0.1:1/0/lane-0.fifo",
    dead_letter_url="http://127.0.0.1:1/0/lane-0-dead.fifo",
    direct_queue_url="http://127.0.0.1:2/0/lane-0.fifo",
    direct_dead_letter_url="http://127.0.0.1:2/0/lane-0-dead.fifo",
    mysql_url="mysql://chaos:old@127.0.0.1:3/ingest",
    direct_mysql_url="mysql://root:root@127.0.0.1:4/ingest",
)
PLAN = Plan(
    seed=1,
    rate=10.0,
    keys=5,
    producers=1,
    drainers_of_lane=2,
    most_waiting=100,
    drainer="tests.chaos.idle_drainer",
    function_timeout=5.0,
    visibility_timeout=12,
    lanes=(LANE,),
)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Two drainers that are started."""
    with Log(tmp_path, "chaos") as log, Fleet(tmp_path, PLAN, log) as fleet:
        eventually(lambda: said(tmp_path, "started") == {"drainer-0001", "drainer-0002"})
        yield fleet


def said(folder: Path, what: str) -> set[str]:
    """Say whose events are of that kind."""
    return {event["who"] for event in read(folder) if event["what"] == what}


def last(folder: Path, what: str) -> Event:
    """Give the last event of that kind."""
    return [event for event in read(folder) if event["what"] == what][-1]


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    """A new password is in it from then on."""
    PLAN.save(tmp_path)
    assert Plan.load(tmp_path) == PLAN
    PLAN.with_password("new").save(tmp_path)
    [lane] = Plan.load(tmp_path).lanes
    assert lane.mysql_url == "mysql://chaos:new@127.0.0.1:3/ingest"
    assert lane.direct_mysql_url == LANE.direct_mysql_url


def test_a_killed_drainer_has_a_successor(fleet: Fleet, tmp_path: Path) -> None:
    """The end of the first is written down before the second begins."""
    place = fleet.places[0]
    fleet.kill(place)
    eventually(lambda: "drainer-0003" in said(tmp_path, "started"))
    assert place.name == "drainer-0003"
    assert last(tmp_path, "SIGKILL")["whom"] == "drainer-0001"
    ended = last(tmp_path, "ended")
    assert ended["whom"] == "drainer-0001"
    assert ended["at"] <= last(tmp_path, "started")["at"]


def test_a_drainer_that_ends_by_itself_has_a_successor(fleet: Fleet, tmp_path: Path) -> None:
    """As after a rotated password."""
    fleet.end(fleet.places[1])
    eventually(lambda: "drainer-0003" in said(tmp_path, "started"))
    assert "drainer-0002" in said(tmp_path, "ended")


def test_a_stopped_drainer_stays(fleet: Fleet, tmp_path: Path) -> None:
    """It goes on where it was."""
    place = fleet.places[0]
    fleet.stop(place)
    fleet.end(place)
    fleet.kill(fleet.places[1])
    eventually(lambda: "drainer-0003" in said(tmp_path, "started"))
    assert place.child.running
    assert "drainer-0001" not in said(tmp_path, "ended")
    fleet.go_on(place)
    eventually(lambda: "drainer-0001" in said(tmp_path, "ended"))


def test_no_process_is_left(tmp_path: Path) -> None:
    """A stopped one neither."""
    with Log(tmp_path, "chaos") as log:
        with Fleet(tmp_path, PLAN, log) as fleet:
            eventually(lambda: len(said(tmp_path, "started")) == 2)
            fleet.stop(fleet.places[0])
        assert not any(place.child.running for place in fleet.places)
    assert said(tmp_path, "ended") >= {"drainer-0001", "drainer-0002"}
