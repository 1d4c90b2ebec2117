"""The checker finds every kind of violation in a history that has it, and none in a sound one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.simulation.checker import regressions, violations
from tests.simulation.history import (
    Acknowledged,
    Commit,
    DeadLettered,
    Deleted,
    Delivered,
    History,
    Invocation,
    Kind,
    NotStored,
    Row,
    Stored,
    Write,
    Written,
)
from tests.simulation.index import ALONE, ELSEWHERE, IN_ORDER, LATE, REDRIVEN, REJECTED_ONCE


def row(write: int, sequence: int) -> Row:
    """Make a row of the only key."""
    return {"id": "a", "value": write, "ingest_sequence": sequence, "total": write}


def commit(time: float, write: int, before: int | None = None, *, by: int = 1) -> Commit:
    """Make a commit of one row that follows another write's."""
    was = None if before is None else row(before, before * 10)
    now = row(write, write * 10)
    return Commit(time, by, "commit", time - 0.1, (Written("items", "a", now, was, now),))


def history(kind: Kind = "plain", *, inbox: bool = False) -> History:
    """Make a sound history: two writes of one row, one after the other."""
    made = History(kinds={"items": kind}, inbox=inbox)
    for number in (1, 2):
        began = float(number)
        made.writes[number] = Write(number, "items", "a")
        made.stored.append(
            Stored(began, f"m{number}", number * 10, "g", f"d{number}", number, "main")
        )
        made.acknowledged.append(
            Acknowledged(began, began + 0.1, number, f"m{number}", number * 10)
        )
        made.delivered.append(Delivered(began + 0.2, number, f"m{number}", 1))
        made.invocations[number] = Invocation(
            number, "drainer", began + 0.2, began + 5, began + 0.6
        )
        made.deleted.append(Deleted(began + 0.7, f"m{number}"))
    made.commits += [commit(1.5, 1), commit(2.5, 2, 1, by=2)]
    made.inbox_ids = frozenset({"d1", "d2"}) if inbox else frozenset()
    return made


KINDS: list[tuple[Kind, bool]] = [
    ("plain", False),
    ("plain", True),
    ("sequence", False),
    ("sequence", True),
    ("version", False),
    ("version", True),
    ("command", True),
]


@pytest.mark.parametrize(("kind", "inbox"), KINDS)
def test_a_sound_history_violates_nothing(kind: Kind, inbox: bool) -> None:  # noqa: FBT001 - pytest's
    """Of any kind."""
    assert violations(history(kind, inbox=inbox)) == []


def receipt_without_message(given: History) -> None:
    """A receipt for what the queue does not hold."""
    given.acknowledged[0] = replace(given.acknowledged[0], message="other")


def failure_with_message(given: History) -> None:
    """A sender is told that a write is not stored, and it is."""
    given.not_stored.append(NotStored(3.0, 2))


def messages_in_wrong_order(given: History) -> None:
    """A later write stands first."""
    for number, sequence in ((0, 20), (1, 10)):
        given.stored[number] = replace(given.stored[number], sequence=sequence)
        given.acknowledged[number] = replace(given.acknowledged[number], sequence=sequence)


def message_left(given: History) -> None:
    """A message is never drained."""
    given.left.append("m2")
    del given.deleted[1]


def deleted_without_effect(given: History) -> None:
    """A message is deleted and nothing came of it."""
    del given.commits[1]


def deleted_before_effect(given: History) -> None:
    """A message is deleted before its commit."""
    given.deleted[1] = replace(given.deleted[1], time=2.4)


def vanished(given: History) -> None:
    """A message is gone and nobody deleted it."""
    del given.deleted[0]


def overtaken(given: History) -> None:
    """A later message takes effect first."""
    given.commits = [commit(1.5, 2, by=1), commit(2.5, 1, 2, by=2)]


def overtook_a_dead_letter(given: History) -> None:
    """A later message takes effect before the dead letter of the one before it is confirmed."""
    given.writes[1] = replace(given.writes[1], odd=True, refused=True)
    del given.commits[0]
    given.dead.append(DeadLettered(2.6, "m1", 1, "rejected"))
    given.deleted[0] = replace(given.deleted[0], time=2.7)


def deleted_out_of_order(given: History) -> None:
    """A drainer deletes a group's newer message while its older one is still there."""
    given.delivered.append(Delivered(2.2, 2, "m1", 2))
    given.deleted[0] = replace(given.deleted[0], time=3.0)
    given.deleted[1] = replace(given.deleted[1], drainer=2)


def older_without_a_cause(given: History) -> None:
    """An older write wins, although nobody was paused and nothing came again."""
    given.commits.append(commit(2.55, 1, 2, by=1))


def dead_lettered_in_an_outage(given: History) -> None:
    """A sound write is dead-lettered."""
    given.dead.append(DeadLettered(1.6, "m1", 1, "unavailable"))


def dead_lettered_by_sqs(given: History) -> None:
    """SQS moves a refused write before the drainer could."""
    given.writes[1] = replace(given.writes[1], odd=True)
    given.dead.append(DeadLettered(1.6, "m1", 1, None))


def late_handler(given: History) -> None:
    """A handler runs beyond its limit."""
    given.invocations[2].ended = 8.0


def endless_handler(given: History) -> None:
    """A handler is ended by Lambda."""
    given.invocations[2].ended = None


def late_write(given: History) -> None:
    """A handler's statement lands after its end, by itself."""
    given.invocations[2].ended = 2.3
    given.commits[1] = replace(given.commits[1], how="autocommit")


def late_commit(given: History) -> None:
    """A handler asks for a COMMIT after its end."""
    given.invocations[2].ended = 2.3


@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        (receipt_without_message, "receipts_are_true"),
        (failure_with_message, "receipts_are_true"),
        (messages_in_wrong_order, "receipts_are_in_order"),
        (message_left, "nothing_is_left"),
        (deleted_without_effect, "nothing_acknowledged_is_lost"),
        (deleted_before_effect, "nothing_acknowledged_is_lost"),
        (vanished, "nothing_acknowledged_is_lost"),
        (overtaken, "groups_keep_their_order"),
        (overtook_a_dead_letter, "groups_keep_their_order"),
        (deleted_out_of_order, "drainers_delete_in_order"),
        (older_without_a_cause, "older_wins_only_where_it_may"),
        (dead_lettered_in_an_outage, "outages_dead_letter_nothing"),
        (dead_lettered_by_sqs, "outages_dead_letter_nothing"),
        (late_handler, "handlers_end_in_time"),
        (endless_handler, "handlers_end_in_time"),
        (late_write, "no_write_outlives_its_handler"),
        (late_commit, "no_write_outlives_its_handler"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_a_violation_is_found(harm: Callable[[History], None], rule: str) -> None:
    """By the rule that is broken."""
    given = history()
    harm(given)
    assert rule in {text.split(":")[0] for text in violations(given)}


@pytest.mark.parametrize("kind", ["sequence", "version"])
def test_a_guard_that_falls_is_found(kind: Kind) -> None:
    """It falls, an older write wins, and the row does not hold the newest."""
    given = history(kind)
    given.commits.append(commit(2.55, 1, 2))
    assert {text.split(":")[0] for text in violations(given)} == {
        "guards_never_fall",
        "older_wins_only_where_it_may",
        "the_newest_write_stays",
    }


@pytest.mark.parametrize("kind", ["plain", "sequence", "version", "command"])
def test_a_second_effect_is_found_where_there_is_an_inbox(kind: Kind) -> None:
    """Also one that changes nothing."""
    given = history(kind, inbox=True)
    given.commits.append(commit(2.55, 2, 2, by=2))
    assert "one_effect_with_an_inbox" in {text.split(":")[0] for text in violations(given)}
    assert violations(history(kind)) == []


@pytest.mark.parametrize("remembered", [{"d1"}, {"d1", "d2", "d3"}])
def test_an_inbox_that_is_not_its_tables_own_is_found(remembered: set[str]) -> None:
    """An effect that it does not hold, or an id without an effect."""
    given = history(inbox=True)
    given.writes[3] = Write(3, "items", "a", odd=True)
    given.stored.append(Stored(3.0, "m3", 30, "g", "d3", 3, "main"))
    given.dead.append(DeadLettered(3.1, "m3", 3, "rejected"))
    given.deleted.append(Deleted(3.2, "m3"))
    given.inbox_ids = frozenset(remembered)
    assert [text.split(":")[0] for text in violations(given)] == ["one_effect_with_an_inbox"]


def test_a_counter_that_counts_wrong_is_found() -> None:
    """A command's total is the number of commands."""
    given = history("command", inbox=True)
    wrong = {**row(2, 20), "total": 3}
    last = replace(given.commits[1].written[0], given=wrong, after=wrong)
    given.commits[1] = replace(given.commits[1], written=(last,))
    assert [text.split(":")[0] for text in violations(given)] == [
        "counters_count_each_command_once"
    ]


def test_a_plain_table_lets_the_older_win_where_the_matrix_says_so() -> None:
    """After a redelivery alone, or by a paused process; with an inbox neither is allowed."""
    given = history()
    given.delivered.append(Delivered(3.2, 3, "m1", 2))
    given.invocations[3] = Invocation(3, "drainer", 3.2, 9.0, 3.9)
    given.commits.append(commit(3.5, 1, 2, by=3))
    assert violations(given) == []
    assert [found.cause for found in regressions(given)] == [ALONE]
    given.invocations[3].stopped = True
    assert [found.cause for found in regressions(given)] == [LATE]
    given.inbox = True
    assert [found.cause for found in regressions(given)] == [None]


def harmless_copy(given: History) -> None:
    """The first message is a dead letter, its delete is lost, and it is accepted later."""
    given.writes[1] = replace(given.writes[1], odd=True)
    given.dead.append(DeadLettered(1.5, "m1", 1, "rejected"))
    given.delivered.append(Delivered(3.2, 3, "m1", 2))


def redriven_copy(given: History) -> None:
    """The first message is a dead letter that was sent back."""
    given.writes[1] = replace(given.writes[1], odd=True)
    given.dead.append(DeadLettered(1.5, "m1", 1, "rejected"))
    given.stored.append(Stored(3.0, "m3", 30, "g", "r1", 1, "main", redriven_from=10))
    given.delivered.append(Delivered(3.2, 3, "m3", 1))
    given.deleted.append(Deleted(3.8, "m3"))


def copy_elsewhere(given: History) -> None:
    """The second write is drained from another queue before the first one is from its own."""
    given.stored.append(Stored(1.0, "o2", 20, "g", "d2", 2, "other"))
    given.delivered.append(Delivered(1.2, 2, "o2", 1))
    given.delivered.append(Delivered(1.3, 3, "m1", 1))
    given.deleted.append(Deleted(4.0, "o2"))
    given.deleted[0] = replace(given.deleted[0], time=4.0)


@pytest.mark.parametrize(
    ("happens", "cause"),
    [
        (harmless_copy, REJECTED_ONCE),
        (redriven_copy, REDRIVEN),
        (copy_elsewhere, ELSEWHERE),
    ],
)
def test_one_effect_may_come_late(happens: Callable[[History], None], cause: str) -> None:
    """With an inbox, where the matrix says no more than "one effect"."""
    given = history(inbox=True)
    happens(given)
    given.commits = [commit(2.5, 2, by=2), commit(3.5, 1, 2, by=3)]
    given.invocations[3] = Invocation(3, "drainer", 3.2, 9.0, 3.9)
    assert violations(given) == []
    assert [found.cause for found in regressions(given)] == [cause]


@pytest.mark.parametrize(
    ("fault", "tagged", "age", "wrong"),
    [
        ("dependent", True, 6 * 3600.0, False),
        ("dependent", True, 5 * 3600.0, True),
        ("dependent", False, 6 * 3600.0, True),
        ("expiring", False, 14 * 86_400 - 6 * 3600.0, False),
        ("expiring", False, 13 * 86_400.0, True),
    ],
)
def test_what_waits_is_dead_lettered_late(
    fault: str,
    tagged: bool,  # noqa: FBT001 - pytest's
    age: float,
    wrong: bool,  # noqa: FBT001 - pytest's
) -> None:
    """A dependent message after six hours, any in the last six hours of its retention."""
    given = history()
    given.writes[2] = replace(given.writes[2], tagged=tagged)
    del given.commits[1]
    given.dead.append(DeadLettered(2.2 + age, "m2", 2, fault))
    given.deleted[1] = replace(given.deleted[1], time=2.3 + age)
    found = [text.split(":")[0] for text in violations(given)]
    assert found == (["outages_dead_letter_nothing"] if wrong else [])


def test_writing_a_batch_again_in_order_may_show_the_older_for_a_while() -> None:
    """And has to end with the newer."""
    given = history()
    given.delivered.append(Delivered(2.2, 2, "m1", 2))
    given.commits += [commit(2.55, 1, 2, by=2), commit(2.6, 2, 1, by=2)]
    assert violations(given) == []
    assert [found.cause for found in regressions(given)] == [IN_ORDER]
    del given.commits[-1]
    assert [text.split(":")[0] for text in violations(given)] == ["the_newest_write_stays"]
