"""Behind an event source mapping: nothing is lost, whatever the mapping's settings are."""

import itertools

import pytest

from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import EventSource, Invocation, eventually
from durable_ingest.testing.queue_service import depth
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import KINDS, TOO_LONG, World, item

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

# "delete" loses nothing with either setting of the mapping; "report" needs it.
SETTINGS = [("delete", False), ("delete", True), ("report", True)]


@pytest.mark.parametrize(("mode", "reports"), SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_held_messages_come_again_in_order(
    world: World,
    kind: str,
    mode: str,
    reports: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """What was in the way goes away; then all is stored, at its latest value."""
    table = world.table(kind)
    world.sql("ALTER TABLE items ADD CONSTRAINT small CHECK (item_id < 3)")
    drainer = world.drainer(table, dead_letters=False, acknowledge=mode)
    for place, number in enumerate([1, 3, 2, 3, 1, 3, 2]):
        world.send(item(number, f"n{place}", place), group=f"{number}")

    first = world.step(drainer, reports=reports)
    assert world.rows() == {1: "n4", 2: "n6"}
    world.unhide(first.event)
    second = world.step(drainer, reports=reports)
    kept = [first.event["Records"][place] for place in (1, 3, 5)]
    assert [r["body"] for r in second.event["Records"]] == [r["body"] for r in kept]
    assert isinstance(second.error, BatchHeldError)
    assert second.deleted == ()

    world.sql("ALTER TABLE items DROP CONSTRAINT small")
    world.unhide(second.event)
    third = world.step(drainer, reports=reports)
    assert [r["body"] for r in third.event["Records"]] == [r["body"] for r in kept]
    assert third.answer == {"batchItemFailures": []}
    assert world.rows() == {1: "n4", 2: "n6", 3: "n5"}
    assert depth(world.client, world.queue.url) == 0


@pytest.mark.parametrize(("mode", "reports"), SETTINGS)
def test_many_batches_with_bad_rows_lose_nothing(
    world: World,
    mode: str,
    reports: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Every message is stored or a dead letter, with two pollers at once."""
    table = world.table("sequence")
    numbers = itertools.count()
    bad = 0
    for _ in range(6):
        messages = []
        for group in "ABCDEFGHIJ":
            place = next(numbers)
            is_bad = place % 7 == 3
            bad += is_bad
            note = f"n{place}" + (TOO_LONG if is_bad else "")
            messages.append((item(ord(group), note, place), group))
        world.send_all(messages)
    seen: list[Invocation] = []
    source = EventSource(
        world.client,
        world.queue.url,
        lambda: world.drainer(table, acknowledge=mode).handle,
        report_batch_item_failures=reports,
        on_invocation=seen.append,
    )
    with source:
        eventually(lambda: depth(world.client, world.queue.url) == 0, within=20, what="the end")
    assert [i.error for i in seen if i.error] == []
    expected = {ord("A") + n % 10: f"n{n}" for n in range(60) if n % 7 != 3}
    assert world.rows() == expected
    assert world.queue.dead_letter_url
    assert depth(world.client, world.queue.dead_letter_url) == bad


def test_report_needs_the_mappings_setting(world: World) -> None:
    """The warning of the documentation is true: a mapping without it deletes what is held."""
    drainer = world.drainer(world.table(), dead_letters=False, acknowledge="report")
    world.send(item(1, "good"), group="A")
    world.send(item(2, TOO_LONG), group="B")
    invocation = world.step(drainer, reports=False)
    assert world.come_back(invocation.event) == []
    assert world.rows() == {1: "good"}
