"""What each FIFO batch comes to: stored, held or dead, by what the queue and the table say."""

import pytest

from durable_ingest.errors import BatchHeldError
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import KINDS, MODES, TOO_LONG, World, handled, item, reason

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

# A word is a message of the group that its letter names: "A" is good, "Ax" a row that the database
# refuses, "A?" no JSON. With the places that are held where nothing can be dead-lettered, and those
# that are dead where it can.
BATCHES = {
    "1 1 2x 2 3x": ([2, 3, 4], [2, 4]),
    "1x 1 2x 2 3": ([0, 1, 2, 3], [0, 2]),
    "Ax B A B": ([0, 2], [0]),
    "1x 2x 3x": ([0, 1, 2], [0, 1, 2]),
    "A A A A A A A A A Ax": ([9], [9]),
    "A B? B A C": ([1, 2], [1]),
    "Ax A C": ([0, 1], [0]),
    "A Bx A B? B": ([1, 3, 4], [1, 3]),
    "A? A? Bx Bx A": ([0, 1, 2, 3, 4], [0, 1, 2, 3]),
}


def body(place: int, word: str) -> dict[str, object] | str:
    """Write the body that a word stands for; each group has one row."""
    if word.endswith("?"):
        return f"no JSON {place}"
    note = f"n{place}" + (TOO_LONG if word.endswith("x") else "")
    return item(ord(word[0]), note, revision=place)


# A dead-letter queue out of reach is settled before any table is asked: one kind stands for all.
PLACES = [(kind, to) for kind in KINDS for to in ("none", "dead")] + [("plain", "unreachable")]


@pytest.mark.parametrize(("kind", "destination"), PLACES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("batch", BATCHES)
def test_each_message_is_stored_held_or_dead(
    world: World, batch: str, kind: str, mode: str, destination: str
) -> None:
    """Nothing behind a held message changes anything; what is not held leaves the queue."""
    words = batch.split()
    held, dead = BATCHES[batch]
    where: str | bool = {"none": False, "dead": True}.get(
        destination, f"{world.client.meta.endpoint_url}/000000000000/none.fifo"
    )
    if destination == "dead":
        held = []
    else:
        dead = []
    drainer = world.drainer(world.table(kind), dead_letters=where, acknowledge=mode)
    world.send_all([(body(place, word), word[0]) for place, word in enumerate(words)])

    invocation = world.step(drainer, reports=mode == "report")

    records = invocation.event["Records"]
    assert [r["attributes"]["MessageGroupId"] for r in records] == [word[0] for word in words]
    raises = len(held) == len(words) if mode == "report" else bool(held)
    assert isinstance(invocation.error, BatchHeldError) == raises, invocation.error
    assert world.come_back(invocation.event) == held
    stored = [place for place in range(len(words)) if place not in (*held, *dead)]
    assert world.rows() == {ord(words[place][0]): f"n{place}" for place in stored}
    letters = [reason(letter)["message_id"] for letter in world.dead()]
    assert sorted(letters) == sorted(records[place]["messageId"] for place in dead)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_two_messages_with_one_id(world: World, kind: str, mode: str) -> None:
    """The one that is held is not acknowledged by the other's success."""
    drainer = world.drainer(world.table(kind), dead_letters=False, acknowledge=mode)
    event = {
        "Records": [
            world.record(item(1, "good"), group="A", message_id="same"),
            world.record(item(2, TOO_LONG), group="B", message_id="same"),
            world.record(item(3, "good"), group="C", message_id="other"),
        ]
    }
    outcome = handled(drainer, event)
    assert world.rows() == {1: "good", 3: "good"}
    if mode == "delete":
        assert outcome.error is not None
        assert list(outcome.error.held) == ["same"]
    else:
        assert outcome.answer is not None
        assert {f["itemIdentifier"] for f in outcome.answer["batchItemFailures"]} == {"same"}


@pytest.mark.parametrize("kind", ["plain", "sequence"])
@pytest.mark.parametrize("mode", MODES)
def test_messages_without_a_group_need_a_version(world: World, kind: str, mode: str) -> None:
    """A standard queue keeps no order: only tables with a version are drained from it."""
    drainer = world.drainer(world.table(kind), acknowledge=mode)
    event = {"Records": [world.record(item(n, "x"), group=None) for n in (1, 2)]}
    outcome = handled(drainer, event)
    assert outcome.error is not None
    assert outcome.held == [0, 1]
    assert (world.rows(), world.dead()) == ({}, [])


@pytest.mark.parametrize("mode", MODES)
def test_messages_without_a_group_do_not_hold_each_other(world: World, mode: str) -> None:
    """Each message of a standard queue stands by itself; the version decides between two."""
    drainer = world.drainer(world.table("version"), dead_letters=False, acknowledge=mode)
    bodies = [item(1, "new", 2), item(2, TOO_LONG, 1), item(1, "old", 1), item(3, "good", 1)]
    event = {"Records": [world.record(body, group=None) for body in bodies]}
    assert handled(drainer, event).held == [1]
    assert world.rows() == {1: "new", 3: "good"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_a_failing_batch_leaves_nothing_for_the_next(world: World, kind: str, mode: str) -> None:
    """A warm drainer judges each batch by itself."""
    drainer = world.drainer(world.table(kind), dead_letters=False, acknowledge=mode)
    for times in range(2):
        for note, held in ((TOO_LONG, [0, 1, 2]), (f"{times}", [])):
            records = [
                world.record(item(n, note, times), group=f"{n}", message_id=f"m{n}")
                for n in range(3)
            ]
            assert handled(drainer, {"Records": records}).held == held
        assert world.rows() == dict.fromkeys(range(3), f"{times}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_delivered_again_changes_nothing(world: World, kind: str) -> None:
    """In order, the same messages come to the same rows."""
    drainer = world.drainer(world.table(kind))
    event = {"Records": [world.record(item(1, f"n{n}", n), group="A") for n in range(3)]}
    for _ in range(2):
        assert handled(drainer, event).answer == {"batchItemFailures": []}
        assert world.rows() == {1: "n2"}


@pytest.mark.parametrize("kind", ["sequence", "version"])
def test_an_older_message_that_comes_alone_changes_nothing(world: World, kind: str) -> None:
    """A guard keeps the newer row, and the older message is settled."""
    drainer = world.drainer(world.table(kind))
    older, newer = (world.record(item(1, note, n), group="A") for n, note in enumerate("on"))
    for records in ([older, newer], [older]):
        assert handled(drainer, {"Records": records}).answer == {"batchItemFailures": []}
        assert world.rows() == {1: "n"}
