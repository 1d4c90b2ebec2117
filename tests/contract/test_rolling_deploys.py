"""Two functions, one contract, deployed at different times: nothing lost, nothing nulled."""

import json

import pytest
from pydantic import BaseModel

from tests.contract import drainer_kit, rolling_kit
from tests.contract.rolling_changes import CHANGES, Change, Shown
from tests.contract.rolling_kit import Rollout

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = drainer_kit.desk_fixture
world = drainer_kit.world_fixture
rollout = rolling_kit.rollout_fixture

every_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)


def create(rollout: Rollout, change: Change) -> None:
    """Make the table as it is before the change."""
    rollout.sql(f"CREATE TABLE customers (id BIGINT PRIMARY KEY, {change.columns})")


def migrate(rollout: Rollout, change: Change) -> None:
    """Change the table."""
    rollout.sql(*change.migration)
    if change.new.inbox is not None:
        rollout.create_inbox(change.new.inbox)


def body(record: BaseModel) -> str:
    """Write a record as its producer does."""
    return record.model_dump_json(by_alias=True)


def shows(rollout: Rollout, row: int, expected: Shown) -> bool:
    """Say whether a row is there, with these values."""
    found = [stored for stored in rollout.rows() if stored["id"] == row]
    if not found:
        return False
    values = {
        name: json.loads(found[0][name]) if isinstance(value, list) else found[0][name]
        for name, value in expected.items()
    }
    return values == expected


@every_change
def test_new_producer_and_old_drainer(rollout: Rollout, change: Change) -> None:
    """A warm one, where there is a row and where there is none: it stores all of it or nothing.

    What it leaves is there, with its body, until a new drainer stores it.
    """
    create(rollout, change)
    old = rollout.drainer(change.old)
    rollout.send(change.old, change.was)
    assert rollout.deliver(old).fates == {"stores"}
    migrate(rollout, change)
    before = rollout.rows()
    sent = [change.now, change.now_of(2)]
    rollout.send(change.new, *sent)
    delivery = rollout.deliver(old)
    assert delivery.fates == {change.old_drainer}
    if change.old_drainer != "stores":
        assert rollout.rows() == before
        left = rollout.waiting() + [letter.body for letter in rollout.dead()]
        assert left == [body(record) for record in sent]
    rollout.finish(rollout.drainer(change.new))
    assert shows(rollout, 1, change.written)
    assert shows(rollout, 2, change.written)


@every_change
def test_old_producer_and_new_drainer(rollout: Rollout, change: Change) -> None:
    """A new column takes its default where a row is made, and stays as it is where there is one."""
    create(rollout, change)
    migrate(rollout, change)
    new = rollout.drainer(change.new)
    rollout.send(change.old, change.was)
    assert rollout.deliver(new).fates == {"stores"}
    assert shows(rollout, 1, change.inserted)
    rollout.send(change.new, change.now)
    assert rollout.deliver(new).fates == {"stores"}
    assert shows(rollout, 1, change.written)
    rollout.send(change.old, change.was)
    assert rollout.deliver(new).fates == {"stores"}
    assert shows(rollout, 1, change.updated)


@every_change
def test_a_migration_under_a_warm_old_drainer(rollout: Rollout, change: Change) -> None:
    """What was sent before the migration is stored after it, by the old drainer or the new one."""
    create(rollout, change)
    old = rollout.drainer(change.old)
    rollout.send(change.old, change.was)
    rollout.deliver(old)
    rollout.send(change.old, change.was_of(2))
    migrate(rollout, change)
    assert rollout.deliver(old).fates == {change.migrated}
    rollout.finish(rollout.drainer(change.new))
    by_old = change.inserted_by_old or change.inserted
    assert shows(rollout, 2, by_old if change.migrated == "stores" else change.inserted)


@every_change
def test_a_new_drainer_before_its_migration(rollout: Rollout, change: Change) -> None:
    """What the table has no room for yet waits, or is dead-lettered with its body."""
    create(rollout, change)
    rollout.send(change.old, change.was)
    rollout.deliver(rollout.drainer(change.old))
    before = rollout.rows()
    new = rollout.drainer(change.new)
    rollout.send(change.new, change.now)
    assert rollout.deliver(new).fates == {change.early}
    if change.early == "stores":
        assert shows(rollout, 1, change.stored_early or change.written)
        return
    assert rollout.rows() == before
    left = rollout.waiting() + [letter.body for letter in rollout.dead()]
    assert left == [body(change.now)]
    migrate(rollout, change)
    rollout.finish(new)
    assert shows(rollout, 1, change.written)


@every_change
def test_a_rollback_of_the_drainer(rollout: Rollout, change: Change) -> None:
    """The old one leaves alone what it does not know; what it cannot store the next one does."""
    create(rollout, change)
    migrate(rollout, change)
    rollout.send(change.new, change.now)
    assert rollout.deliver(rollout.drainer(change.new)).fates == {"stores"}
    written = rollout.rows()
    rolled_back = rollout.drainer(change.old)
    rollout.send(change.old, change.was)
    assert rollout.deliver(rolled_back).fates == {change.migrated}
    if change.migrated == "stores":
        assert shows(rollout, 1, change.updated_by_old or change.updated)
    else:
        assert rollout.rows() == written
    rollout.send(change.new, change.now)
    delivery = rollout.deliver(rolled_back)
    assert delivery.fates == {change.old_drainer if change.migrated == "stores" else "holds"}
    rollout.finish(rollout.drainer(change.new))
    assert shows(rollout, 1, change.written)


@every_change
@pytest.mark.parametrize("first", ["old", "new"])
def test_drainers_of_both_ages_on_one_queue(rollout: Rollout, change: Change, first: str) -> None:
    """They take turns, as while a function is deployed; every row ends as its last write says."""
    create(rollout, change)
    migrate(rollout, change)
    drainers = [rollout.drainer(change.old), rollout.drainer(change.new)]
    if first == "new":
        drainers.reverse()
    by_old = change.inserted_by_old or change.inserted
    updated_by_old = change.updated_by_old or change.updated
    expected: dict[int, list[Shown]] = {}
    for turn in range(4):
        old_row, new_row, row_of_both, row_of_either = (4 * turn + n for n in range(4))
        rollout.send(change.old, change.was_of(old_row), change.was_of(row_of_both))
        rollout.send(change.new, change.now_of(new_row), change.now_of(row_of_both))
        rollout.send(change.new, change.now_of(row_of_either))
        rollout.send(change.old, change.was_of(row_of_either))
        rollout.step(drainers[turn % 2])
        expected[old_row] = [change.inserted, by_old]
        expected[new_row] = expected[row_of_both] = [change.written]
        expected[row_of_either] = [change.updated, updated_by_old]
        if change.old_drainer == "rejects":  # it is written late, after a redrive
            expected[row_of_either].append(change.written)
    rollout.finish(drainers[1 if first == "old" else 0])
    wrong = [
        row for row, allowed in expected.items() if not any(shows(rollout, row, a) for a in allowed)
    ]
    assert not wrong, rollout.rows()
