"""Events that are no SQS batch raise; messages that this drainer does not understand are held."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from durable_ingest import Table
from durable_ingest.errors import BatchHeldError, ForeignEventError
from durable_ingest.testing import LambdaContext
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import MODES, World, handled, item, reason

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

SNS = {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {"Message": "{}"}}]}
S3 = {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "x"}}}]}
KINESIS = {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "e30="}}]}
FOREIGN: dict[str, Any] = {
    "None": None,
    "nothing": {},
    "no records": {"Records": []},
    "null records": {"Records": None},
    "records of text": {"Records": "text"},
    "records by name": {"Records": {"a": {}}},
    "a null record": {"Records": [None]},
    "a list": [],
    "a text": "text",
    "SNS": SNS,
    "S3": S3,
    "Kinesis": KINESIS,
    "EventBridge": {"source": "aws.events", "detail": {}},
    "a bare message": {"item_id": 1, "note": "x", "revision": 1},
}


class Address(BaseModel):
    """A nested value."""

    street: str


class Person(BaseModel):
    """A row with nested values."""

    person_id: int
    address: Address
    others: list[Address] = []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("event", FOREIGN)
def test_a_foreign_event_raises(world: World, event: str, mode: str) -> None:
    """Answered with no failures, Lambda would take it for done."""
    drainer = world.drainer(world.table(), acknowledge=mode)
    with pytest.raises(ForeignEventError):
        drainer.handle(FOREIGN[event], LambdaContext())
    assert (world.rows(), world.dead()) == ({}, [])


@pytest.mark.parametrize("missing", ["attributes", "body", "messageId", "receiptHandle"])
def test_a_record_without_its_parts_raises_and_stores_nothing(world: World, missing: str) -> None:
    """A good record beside it comes again with the batch."""
    drainer = world.drainer(world.table())
    broken = world.record(item(2, "x"), group="B")
    del broken[missing]
    event = {"Records": [world.record(item(1, "x"), group="A"), broken]}
    with pytest.raises(ForeignEventError):
        drainer.handle(event, LambdaContext())
    assert world.rows() == {}


def test_a_batch_of_two_sources_raises(world: World) -> None:
    """One message of SQS does not make an event SQS' own."""
    drainer = world.drainer(world.table())
    event = {"Records": [world.record(item(1, "x"), group="A"), S3["Records"][0]]}
    with pytest.raises(ForeignEventError):
        drainer.handle(event, LambdaContext())
    assert world.rows() == {}


def test_handle_works_without_a_context(world: World) -> None:
    """Outside Lambda it has a minute."""
    drainer = world.drainer(world.table())
    event = {"Records": [world.record(item(1, "x"), group="A")]}
    assert drainer.handle(event) == {"batchItemFailures": []}
    assert world.rows() == {1: "x"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("names", [("items", "other"), ("items",)])
def test_an_unknown_contract_is_held_with_its_group(
    world: World, names: tuple[str, ...], mode: str
) -> None:
    """A producer was deployed first: no dead letter, nothing overtakes, other groups go on."""
    tables = [world.table("sequence", name) for name in names]
    drainer = world.drainer(*tables, acknowledge=mode)
    for place, word in enumerate(["A i", "A u", "A i", "B i", "C u", "A i"]):
        group, name = word.split()
        known = {"i": "items", "u": "unheard_of"}[name]
        world.send(item(ord(group), f"n{place}"), group=group, ingest_name=known)
    invocation = world.step(drainer, reports=mode == "report")
    assert isinstance(invocation.error, BatchHeldError) == (mode == "delete")
    assert world.come_back(invocation.event) == [1, 2, 4, 5]
    assert world.rows() == {ord("A"): "n0", ord("B"): "n3"}
    assert world.dead() == []


def test_without_a_name_one_contract_is_meant_and_two_are_not(world: World) -> None:
    """The attribute is optional only where a drainer has one contract."""
    one, other = world.table(), world.table(name="other")
    event = {"Records": [world.record(item(1, "x"), group="A")]}
    assert handled(world.drainer(one), event).held == []
    assert handled(world.drainer(one, other), event).held == [0]
    assert (world.rows(), world.rows("other")) == ({1: "x"}, {})


@pytest.mark.parametrize("kinds", [("plain", "plain"), ("sequence", "version")])
def test_several_contracts_in_one_batch(world: World, kinds: tuple[str, str]) -> None:
    """Each message goes to its table; a shared group keeps its order over both."""
    tables = [world.table(kind, name) for kind, name in zip(kinds, ("items", "other"), strict=True)]
    drainer = world.drainer(*tables, dead_letters=False)
    words = ["A items", "A other", "B other", "A items", "A otherx", "A items", "B items"]
    for place, word in enumerate(words):
        group, name = word.split()
        note = f"n{place}" + (kit.TOO_LONG if name.endswith("x") else "")
        body = item(ord(group), note, place)
        world.send(body, group=group, ingest_name=name.removesuffix("x"))
    invocation = world.step(drainer)
    assert world.come_back(invocation.event) == [4, 5]
    assert world.rows("items") == {ord("A"): "n3", ord("B"): "n6"}
    assert world.rows("other") == {ord("A"): "n1", ord("B"): "n2"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "unknown",
    [
        {"address": {"street": "s"}, "new_column": 1},
        {"address": {"street": "s", "town": "t"}},
        {"address": {"street": "s"}, "others": [{"street": "s"}, {"street": "s", "town": "t"}]},
    ],
    ids=["top level", "nested", "in a list"],
)
def test_an_unknown_field_is_held_with_its_group(
    world: World, unknown: dict[str, object], mode: str
) -> None:
    """An old drainer must not drop a new column."""
    world.sql("CREATE TABLE people (person_id BIGINT PRIMARY KEY, address JSON, others JSON)")
    drainer = world.drainer(Table("people", Person, key="person_id"), acknowledge=mode)
    known = {"address": {"street": "s"}}
    world.send({"person_id": 1, **known}, group="A")
    world.send({"person_id": 2, **unknown}, group="A")
    world.send({"person_id": 3, **known}, group="A")
    world.send({"person_id": 4, **known}, group="B")
    invocation = world.step(drainer, reports=mode == "report")
    assert world.come_back(invocation.event) == [1, 2]
    assert world.sql("SELECT person_id FROM people ORDER BY 1") == [(1,), (4,)]
    assert world.dead() == []


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[]", "null", "7", '"text"', "{", json.dumps({"item_id": "x"}), "[" * 100_000],
    ids=["empty", "text", "list", "null", "number", "string", "cut", "wrong type", "deep"],
)
def test_a_malformed_body_is_dead_lettered_and_its_group_goes_on(world: World, text: str) -> None:
    """No later message can cure it."""
    drainer = world.drainer(world.table())
    event = {
        "Records": [
            world.record(item(1, "before"), group="A"),
            world.record(text or " ", group="A"),
            world.record(item(1, "after"), group="A"),
        ]
    }
    assert handled(drainer, event).answer == {"batchItemFailures": []}
    assert world.rows() == {1: "after"}
    (letter,) = world.dead()
    assert (letter["Body"], reason(letter)["fault"]) == (text or " ", "rejected")
