"""Changes that take several deploys, or that end in a dead letter: what a team has to know."""

import json
from typing import Any

import pymysql.cursors
import pytest
from pydantic import BaseModel, ConfigDict

from durable_ingest import Command, Inbox, Table
from durable_ingest.apigateway import endpoint
from durable_ingest.testing import LambdaContext, http_event
from tests.contract import drainer_kit, rolling_kit
from tests.contract.rolling_changes import age
from tests.contract.rolling_kit import Age, Rollout
from tests.contract.rolling_models import (
    Customer,
    Dropping,
    MoreStates,
    Named,
    Nicknamed,
    Renamed,
    Renaming,
    Revised,
    State,
    WithPhone,
)

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = drainer_kit.desk_fixture
world = drainer_kit.world_fixture
rollout = rolling_kit.rollout_fixture

CUSTOMERS = "CREATE TABLE customers (id BIGINT PRIMARY KEY, email VARCHAR(40) NOT NULL)"
ADD_PHONE = "ALTER TABLE customers ADD phone VARCHAR(20) NULL"
OLD, NEW = age(Customer), age(WithPhone)
AGES = ("older", "newer")


def test_a_renamed_column_step_by_step(rollout: Rollout) -> None:
    """Expand, write both, fill, contract: at each step both ages store what they are sent."""
    rollout.sql("CREATE TABLE customers (id BIGINT PRIMARY KEY, name VARCHAR(40) NOT NULL)")
    one, both, other = age(Named), age(Renaming), age(Renamed)
    before = rollout.drainer(one)
    rollout.send(one, Named(id=1, name="a"), Named(id=2, name="b"))
    rollout.deliver(before)
    rollout.sql("ALTER TABLE customers ADD full_name VARCHAR(40) NULL")
    between = rollout.drainer(both)
    rollout.send(both, Renaming(id=1, full_name="A"))
    rollout.deliver(between)
    rollout.send(one, Named(id=1, name="aa"))
    rollout.deliver(before)  # which leaves the new column as it is: `name` is what counts
    rollout.send(one, Named(id=3, name="c"))
    rollout.deliver(between)
    rollout.sql("UPDATE customers SET full_name = name WHERE NOT full_name <=> name")
    rollout.send(both, Renaming(id=2, full_name="B"))
    rollout.sql("ALTER TABLE customers DROP name, MODIFY full_name VARCHAR(40) NOT NULL")
    assert rollout.deliver(between).fates == {"holds"}
    rollout.finish(rollout.drainer(other))
    assert rollout.rows() == [
        {"id": 1, "full_name": "aa"},
        {"id": 2, "full_name": "B"},
        {"id": 3, "full_name": "c"},
    ]


def test_a_field_that_is_dropped_in_one_step(rollout: Rollout) -> None:
    """Its last messages are held until a model takes the field, if only to leave it out."""
    rollout.sql(CUSTOMERS)
    rollout.send(age(Nicknamed), Nicknamed(id=1, email="a@x", nickname="a"))
    assert rollout.deliver(rollout.drainer(OLD)).fates == {"holds"}
    assert rollout.rows() == []
    rollout.finish(rollout.drainer(age(Dropping)))
    assert rollout.rows() == [{"id": 1, "email": "a@x"}]


class WithoutDefault(Customer):
    """A field that every body must have."""

    phone: str


def test_a_required_field_without_a_default(rollout: Rollout) -> None:
    """Old bodies fail the model: they are dead letters, until a model with a default is there."""
    rollout.sql(CUSTOMERS, ADD_PHONE)
    sent = Customer(id=1, email="a@x")
    rollout.send(OLD, sent)
    assert rollout.deliver(rollout.drainer(age(WithoutDefault))).fates == {"rejects"}
    (letter,) = rollout.dead()
    assert letter.body == sent.model_dump_json()
    reason = json.loads(letter.attributes["ingest.dead"]["StringValue"])["reason"]
    assert reason == "the body fails the model: phone: missing"
    rollout.finish(rollout.drainer(NEW))
    assert rollout.rows() == [{"id": 1, "email": "a@x", "phone": None}]


class Ticket(BaseModel):
    """A row with an enumeration and a version."""

    id: int
    state: State
    revision: int


class TicketOfToday(BaseModel):
    """The same, with a member more."""

    id: int
    state: MoreStates
    revision: int


@pytest.mark.parametrize(
    ("guard", "wins"),
    [
        ({"sequence": "ingest_sequence"}, "newer"),
        ({"version": "revision"}, "newer"),
        ({}, "older"),
        ({"inbox": Inbox()}, "older"),
        ({"inbox": Inbox(), "sequence": "ingest_sequence"}, "newer"),
    ],
    ids=["sequence", "version", "plain", "inbox", "inbox and sequence"],
)
def test_a_dead_letter_of_an_old_drainer_is_redriven(
    rollout: Rollout, guard: dict[str, Any], wins: str
) -> None:
    """After newer writes of its row: a guard knows it for older, as the guarantees' matrix says."""
    rollout.sql(
        "CREATE TABLE customers (id BIGINT PRIMARY KEY, state VARCHAR(10) NOT NULL,"
        " revision BIGINT NOT NULL, ingest_sequence DECIMAL(39,0) NULL)"
    )
    rollout.create_inbox(Inbox())
    yesterday, today = age(Ticket, **guard), age(TicketOfToday, **guard)
    old = rollout.drainer(yesterday)
    rollout.send(today, TicketOfToday(id=1, state=MoreStates.CLOSED, revision=1))
    rollout.send(yesterday, Ticket(id=1, state=State.OPEN, revision=2))
    rollout.send(today, TicketOfToday(id=2, state=MoreStates.CLOSED, revision=1))
    delivery = rollout.deliver(old)
    assert (len(delivery.stored), len(delivery.dead)) == (1, 2)
    new = rollout.drainer(today)
    rollout.finish(new)
    state, revision = ("open", 2) if wins == "newer" else ("closed", 1)
    shown = [(row["id"], row["state"], row["revision"]) for row in rollout.rows()]
    assert shown == [(1, state, revision), (2, "closed", 1)]


class Order(BaseModel):
    """A row of a table that is new."""

    order_id: int
    id: int


def test_a_table_that_an_old_drainer_does_not_know(rollout: Rollout) -> None:
    """Its messages wait, and those of their group behind them; other groups go on."""
    customers = Table("customers", Customer, key="id", group="id")
    old = Age((customers,))
    new = Age((customers, Table("orders", Order, key="order_id", group="id")))
    rollout.sql(CUSTOMERS, "CREATE TABLE orders (order_id BIGINT PRIMARY KEY, id BIGINT NOT NULL)")
    rollout.send(new, Customer(id=1, email="a@x"), Order(order_id=7, id=1))
    rollout.send(old, Customer(id=1, email="b@x"), Customer(id=2, email="c@x"))
    delivery = rollout.deliver(rollout.drainer(old))
    assert len(delivery.held) == 2
    assert [(row["id"], row["email"]) for row in rollout.rows()] == [(1, "a@x"), (2, "c@x")]
    assert rollout.rows("orders") == []
    rollout.finish(rollout.drainer(new))
    assert [(row["id"], row["email"]) for row in rollout.rows()] == [(1, "b@x"), (2, "c@x")]
    assert rollout.rows("orders") == [{"order_id": 7, "id": 1}]


class Read(BaseModel):
    """A page was read."""

    page: int


class Reads(Read):
    """A page was read, several times."""

    times: int = 1


def count(cursor: pymysql.cursors.Cursor, record: Read) -> None:
    """Add to a page's counter."""
    times = record.times if isinstance(record, Reads) else 1
    cursor.execute(
        "INSERT INTO page_reads (page, times) VALUES (%s, %s)"
        " ON DUPLICATE KEY UPDATE times = times + %s",
        (record.page, times, times),
    )


@pytest.mark.parametrize("first", ["old", "new"])
def test_a_command_whose_model_grows(rollout: Rollout, first: str) -> None:
    """Drainers of both ages take turns: each command has its whole effect, once."""
    rollout.sql("CREATE TABLE page_reads (page BIGINT PRIMARY KEY, times BIGINT NOT NULL)")
    rollout.create_inbox(Inbox())
    old = Age((Command("page_read", Read, group="page", apply=count),), Inbox())
    new = Age((Command("page_read", Reads, group="page", apply=count),), Inbox())
    drainers = [rollout.drainer(old), rollout.drainer(new)]
    if first == "new":
        drainers.reverse()
    for turn in range(6):
        rollout.send(old, Read(page=1), Read(page=2))
        rollout.send(new, Reads(page=1, times=10), Reads(page=3, times=100))
        invocation = rollout.step(drainers[turn % 2])
        if invocation is not None and invocation.error is None:  # delivered again to the new one
            drainers[0 if first == "new" else 1](invocation.event, LambdaContext())
    rollout.finish(drainers[1 if first == "old" else 0])
    assert rollout.rows("page_reads") == [
        {"page": 1, "times": 6 + 60},
        {"page": 2, "times": 6},
        {"page": 3, "times": 600},
    ]


def test_a_guard_protects_a_row_that_a_new_drainer_has_written(rollout: Rollout) -> None:
    """What an old one wrote has no sequence number, so the next write of any age replaces it."""
    rollout.sql(CUSTOMERS, "ALTER TABLE customers ADD ingest_sequence DECIMAL(39,0) NULL")
    guarded = age(Customer, sequence="ingest_sequence")
    old, new = rollout.drainer(OLD), rollout.drainer(guarded)
    events = []
    for turn, drainer in enumerate([old, old, new]):
        rollout.send(OLD, Customer(id=1, email=f"{turn}@x"))
        invocation = rollout.step(drainer)
        assert invocation is not None
        events.append(invocation.event)
    new(events[0], LambdaContext())
    assert rollout.rows()[0]["email"] == "2@x"


class Revising(Customer):
    """A version on its way: what does not have it yet is the oldest."""

    revision: int = 0


def test_a_version_that_is_a_new_field(rollout: Rollout) -> None:
    """First the field, with a default; the guard once no body is left that lacks it."""
    rollout.sql(CUSTOMERS, "ALTER TABLE customers ADD revision BIGINT NOT NULL DEFAULT 0")
    field, guard = age(Revising), age(Revised, version="revision")
    between = rollout.drainer(field)
    rollout.send(OLD, Customer(id=1, email="a@x"))
    rollout.send(field, Revising(id=2, email="b@x", revision=7))
    rollout.finish(between)
    late = Customer(id=3, email="late@x")
    rollout.send(OLD, late)
    rollout.send(guard, Revised(id=1, email="c@x", revision=1))
    rollout.send(guard, Revised(id=2, email="older@x", revision=6))
    last = rollout.drainer(guard)
    assert rollout.deliver(last).dead == [late.model_dump_json()]
    rollout.finish(between)
    assert [tuple(row.values()) for row in rollout.rows()] == [
        (1, "c@x", 1),
        (2, "b@x", 7),
        (3, "late@x", 0),
    ]


@pytest.mark.parametrize(("drained_by", "wins"), [("new", "newer"), ("old", "older")])
def test_a_version_comes_to_the_drainer_first(rollout: Rollout, drained_by: str, wins: str) -> None:
    """A producer that has it need not keep the order: a failed entry is sent after a newer one."""
    rollout.sql(CUSTOMERS, "ALTER TABLE customers ADD revision BIGINT NOT NULL")
    ages = {"old": age(Revised), "new": age(Revised, version="revision")}
    rollout.faults.fail_entries(
        lambda operation, entry: (
            operation == "SendMessageBatch" and "older" in entry["MessageBody"]
        ),
        times=1,
    )
    records = [Revised(id=1, email=f"{which}@x", revision=n) for n, which in enumerate(AGES)]
    rollout.producer(ages["new"]).enqueue_many(records)
    rollout.finish(rollout.drainer(ages[drained_by]))
    assert rollout.rows()[0]["email"] == f"{wins}@x"


def test_a_message_between_drainers_with_and_without_an_inbox(rollout: Rollout) -> None:
    """Delivered again to the other, it has the same result; nothing of it is lost."""
    inbox = Inbox()
    rollout.sql(CUSTOMERS)
    rollout.create_inbox(inbox)
    drainers = [rollout.drainer(OLD), rollout.drainer(age(Customer, inbox=inbox))]
    for row, (first, second) in enumerate([drainers, reversed(drainers)]):
        rollout.send(OLD, Customer(id=row, email="a@x"))
        invocation = rollout.step(first)
        assert invocation is not None
        second(invocation.event, LambdaContext())
    assert [row["id"] for row in rollout.rows()] == [0, 1]
    assert rollout.sql("SELECT COUNT(*) FROM durable_ingest_inbox") == [(2,)]


def test_another_group_after_the_queue_is_drained(rollout: Rollout) -> None:
    """Without a version there is no order between a row's old group and its new one."""
    rollout.sql(CUSTOMERS)
    regrouped = age(Customer, group="email")
    drainer = rollout.drainer(OLD)
    rollout.send(OLD, Customer(id=1, email="a@x"))
    rollout.finish(drainer)
    rollout.send(regrouped, Customer(id=1, email="b@x"))
    rollout.finish(drainer)  # an old one: what it orders by is the message's own group
    assert rollout.rows() == [{"id": 1, "email": "b@x"}]


class Forbidding(Customer):
    """Refuses what it does not know."""

    model_config = ConfigDict(extra="forbid")


def answer(rollout: Rollout, deployed: Age, **body: object) -> tuple[int, dict[str, Any]]:
    """Let a client's request come to the endpoint of a producer; give status and answer."""
    handler = endpoint(rollout.producer(deployed), deployed.contracts[0])
    answered = handler(http_event(body), LambdaContext())
    parsed: dict[str, Any] = json.loads(answered["body"])
    return answered["statusCode"], parsed


def test_endpoints_of_both_ages(rollout: Rollout) -> None:
    """Each answers 202, and their writes of a row are of one group, so stay in order."""
    rollout.sql(CUSTOMERS, ADD_PHONE)
    answers = [
        answer(rollout, NEW, id=1, email="a@x", phone="555"),
        answer(rollout, OLD, id=1, email="b@x"),
        answer(rollout, NEW, id=2, email="c@x", phone="556"),
    ]
    assert [status for status, _ in answers] == [202, 202, 202]
    assert answers[0][1]["group_id"] == answers[1][1]["group_id"]
    assert len(rollout.deliver(rollout.drainer(OLD)).held) == 3
    rollout.finish(rollout.drainer(NEW))
    assert rollout.rows() == [
        {"id": 1, "email": "b@x", "phone": "555"},
        {"id": 2, "email": "c@x", "phone": "556"},
    ]


def test_an_old_clients_request_to_a_new_endpoint(rollout: Rollout) -> None:
    """A record is a whole row: what the client leaves out has the model's default, and is sent."""
    rollout.sql(CUSTOMERS, ADD_PHONE)
    answer(rollout, NEW, id=1, email="a@x", phone="555")
    answer(rollout, NEW, id=1, email="b@x")
    rollout.finish(rollout.drainer(NEW))
    assert rollout.rows() == [{"id": 1, "email": "b@x", "phone": None}]


def test_a_new_clients_request_to_an_old_endpoint(rollout: Rollout) -> None:
    """A model that forbids extra fields answers 400; by default pydantic leaves them out."""
    rollout.sql(CUSTOMERS)
    status, problem = answer(rollout, age(Forbidding), id=1, email="a@x", phone="555")
    assert status == 400
    assert [error["field"] for error in problem["errors"]] == ["phone"]
    assert rollout.waiting() == []
    assert answer(rollout, OLD, id=1, email="a@x", phone="555")[0] == 202
    assert json.loads(rollout.waiting()[0]) == {"id": 1, "email": "a@x"}
