"""How long held messages are hidden: a tenth of their age, by the head of their group."""

from typing import Any

import pytest
from pydantic import BaseModel

from durable_ingest import MySQL, Table
from durable_ingest.clock import SystemClock
from durable_ingest.testing.waiting import free_port
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import MODES, TOO_LONG, MeddlingClient, World, handled, item

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

HIDE = "change_message_visibility_batch"
NOW = 1_800_000_000.0


class FixedClock(SystemClock):
    """The real clock, but for the time of day."""

    def __init__(self) -> None:
        """Start at a fixed time."""
        self.today = NOW

    def now(self) -> float:
        """Seconds since 1970."""
        return self.today


class Child(BaseModel):
    """A row with a parent."""

    child_id: int
    parent_id: int


@pytest.fixture
def client(world: World) -> MeddlingClient:
    """A client that remembers and can be told to fail."""
    return MeddlingClient(world.client)


def aged(world: World, age: float, body: dict[str, object], group: str) -> dict[str, Any]:
    """Build a record that was first received `age` seconds ago, and sent long before."""
    first = int((NOW - age) * 1000)
    return world.record(body, group=group, sent=first - 100_000_000, first_received=first)


def hidden(client: MeddlingClient, event: dict[str, Any]) -> dict[int, int]:
    """Give the visibility timeout that each message was given last, by its place."""
    handles = [record["receiptHandle"] for record in event["Records"]]
    return {
        handles.index(entry["ReceiptHandle"]): entry["VisibilityTimeout"]
        for entry in client.entries(HIDE)
    }


def down(world: World) -> MySQL:
    """A server that refuses connections."""
    del world
    return MySQL(f"mysql://user:password@127.0.0.1:{free_port()}/db")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("age", "seconds"),
    [(0, 5), (49, 5), (600, 60), (35_000, 3500), (36_000, 3600), (1_000_000, 3600)],
)
def test_a_tenth_of_the_age_between_five_seconds_and_an_hour(
    world: World, client: MeddlingClient, age: int, seconds: int, mode: str
) -> None:
    """In an outage, as a cold environment sees it."""
    drainer = world.drainer(
        kit.contract("plain"),
        mysql=down(world),
        client=client,
        acknowledge=mode,
        clock=FixedClock(),
    )
    event = {"Records": [aged(world, age, item(1, "x"), "A")]}
    assert handled(drainer, event).held == [0]
    assert hidden(client, event) == {0: seconds}


def test_a_group_is_hidden_as_long_as_its_head(world: World, client: MeddlingClient) -> None:
    """Any other time-out would let later messages of it come alone."""
    drainer = world.drainer(
        kit.contract("plain"), mysql=down(world), client=client, clock=FixedClock()
    )
    ages = {"A": (1000, 10, 5000), "B": (10, 9000)}
    groups = ["A", "B", "A", "B", "A"]
    left = {group: list(found) for group, found in ages.items()}
    event = {"Records": [aged(world, left[g].pop(0), item(1, "x"), g) for g in groups]}
    assert handled(drainer, event).held == [0, 1, 2, 3, 4]
    assert hidden(client, event) == {0: 100, 1: 5, 2: 100, 3: 5, 4: 100}


def test_the_head_is_the_first_that_is_held(world: World, client: MeddlingClient) -> None:
    """A settled message before it does not count; settled groups are not hidden."""
    drainer = world.drainer(world.table(), client=client, dead_letters=False, clock=FixedClock())
    event = {
        "Records": [
            aged(world, 9000, item(1, "good"), "A"),
            aged(world, 2000, item(2, TOO_LONG), "A"),
            aged(world, 5000, item(3, "behind"), "A"),
            aged(world, 5000, item(4, "good"), "B"),
        ]
    }
    assert handled(drainer, event).held == [1, 2]
    assert hidden(client, event) == {1: 200, 2: 200}


@pytest.mark.chaos
def test_an_outage_is_no_older_than_this_environments_last_success(
    world: World, client: MeddlingClient
) -> None:
    """Old messages in a backlog do not wait an hour for a blip."""
    clock = FixedClock()
    drainer = world.drainer(world.table(), client=client, clock=clock)
    assert handled(drainer, {"Records": [aged(world, 0, item(1, "x"), "A")]}).held == []
    clock.today += 700
    event = {"Records": [aged(world, 30_000, item(1, "y"), "A")]}
    world.database.read_only(True)  # noqa: FBT003 - its one argument
    try:
        assert handled(drainer, event).held == [0]
    finally:
        world.database.read_only(False)  # noqa: FBT003
    assert hidden(client, event) == {0: 70}


def test_a_contended_message_is_hidden_for_about_five_seconds(
    world: World, client: MeddlingClient
) -> None:
    """Somebody else's lock is soon gone: an outage would hide these for more than a minute."""
    table = world.table()
    world.sql("INSERT INTO items VALUES (1, 'held', 1, NULL)")
    drainer = world.drainer(
        table, mysql=MySQL(world.url, read_timeout=3.0), client=client, clock=FixedClock()
    )
    event = {
        "Records": [
            aged(world, 700, item(1, "x"), "A"),
            aged(world, 700, item(2, "free"), "B"),
        ]
    }
    other = world.database.connect(world.url)
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM items WHERE item_id = 1 FOR UPDATE")
            outcome = handled(drainer, event)
    finally:
        other.close()
    assert outcome.held == [0]
    assert world.rows() == {1: "held", 2: "free"}
    assert 2 <= hidden(client, event)[0] <= 8


def test_a_dependent_message_waits_as_long_as_itself_is_old(
    world: World, client: MeddlingClient
) -> None:
    """Its parent may be just behind; after six hours nobody believes in it."""
    world.sql("CREATE TABLE parents (parent_id BIGINT PRIMARY KEY)")
    world.sql(
        "CREATE TABLE children (child_id BIGINT PRIMARY KEY, parent_id BIGINT NOT NULL,"
        " FOREIGN KEY (parent_id) REFERENCES parents (parent_id))"
    )
    drainer = world.drainer(
        Table("children", Child, key="child_id"), client=client, clock=FixedClock()
    )

    def event(age: float) -> dict[str, Any]:
        return {"Records": [aged(world, age, {"child_id": 1, "parent_id": 7}, "A")]}

    young = event(20_000)
    assert handled(drainer, young).held == [0]
    assert hidden(client, young) == {0: 2000}
    assert world.dead() == []

    assert handled(drainer, event(6 * 3600 + 1)).held == []
    (letter,) = world.dead()
    assert (kit.reason(letter)["fault"], kit.reason(letter)["code"]) == ("dependent", 1452)

    world.sql("INSERT INTO parents VALUES (7)")
    assert handled(drainer, event(30_000)).held == []
    assert world.sql("SELECT * FROM children") == [(1, 7)]


@pytest.mark.parametrize("how", ["the call", "one entry"])
@pytest.mark.parametrize("mode", MODES)
def test_a_failing_hide_changes_nothing_else_and_is_logged(
    world: World, client: MeddlingClient, mode: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is best effort: the queue's own visibility timeout stands in."""
    if how == "the call":
        client.down.add(HIDE)
    else:
        client.refuses = lambda operation, entry: operation == HIDE and entry["Id"] == "0"
    drainer = world.drainer(world.table(), client=client, dead_letters=False, acknowledge=mode)
    for place, group in enumerate("ABC"):
        world.send(item(place, TOO_LONG if group != "B" else "good"), group=group)
    event = world.receive()
    assert handled(drainer, event).held == [0, 2]
    assert world.rows() == {1: "good"}
    kept = [0, 2] if mode == "delete" else [0, 1, 2]
    assert world.come_back(event) == kept
    errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert any("ChangeMessageVisibility" in text for text in errors), errors
