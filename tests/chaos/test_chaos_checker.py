"""The chaos run's checker tells each way in which a message can go wrong, and accepts the rest."""

from dataclasses import replace

import pytest

from chaos.rows import LATE
from chaos.verdict import DeadLetter
from chaos.workload import Write
from tests.chaos.story import LEDGER, ONCE, PLAIN, SEQUENCE, VERSION, Story, bad, good

GUARDED = (SEQUENCE, VERSION)
TABLES = (PLAIN, *GUARDED)


def settled(key: str, count: int = 3) -> tuple[Story, list[Write]]:
    """Tell of writes of one key, sent and drained one after another, and nothing written yet."""
    story, writes = Story(), good(key, count)
    story.sends(*writes)
    for write in writes:
        story.drains("drainer-1", write)
    return story, writes


@pytest.mark.parametrize("key", TABLES)
def test_writes_in_order_pass(key: str) -> None:
    """Each written once, the last one stays."""
    story, writes = settled(key)
    story.writes(*writes)
    assert story.violations() == []


@pytest.mark.parametrize("key", TABLES)
def test_a_write_done_again_passes(key: str) -> None:
    """A delivery that comes again has the same result."""
    story, (first, second) = settled(key, 2)
    story.writes(first, second, second)
    assert story.violations() == []


@pytest.mark.parametrize("key", TABLES)
def test_a_missing_row_is_lost(key: str) -> None:
    """Its messages are settled."""
    story, _ = settled(key)
    assert story.kinds() == ["lost"]


@pytest.mark.parametrize("key", TABLES)
def test_a_write_that_was_skipped_is_lost(key: str) -> None:
    """A newer one came after it, but it was never written."""
    story, (first, _, third) = settled(key)
    story.writes(first, third)
    assert story.kinds() == ["lost"]


@pytest.mark.parametrize("key", TABLES)
def test_the_last_write_missing_is_lost_and_older(key: str) -> None:
    """The row is acknowledged, and not the newest."""
    story, (first, second, _) = settled(key)
    story.writes(first, second)
    assert story.kinds() == ["lost", "older"]


@pytest.mark.parametrize("key", TABLES)
def test_a_row_that_goes_back_is_older(key: str) -> None:
    """Nobody was given the older write again."""
    story, (first, second) = settled(key, 2)
    story.writes(first, second, first)
    assert story.kinds() == ["older"]


@pytest.mark.parametrize("key", TABLES)
def test_a_row_that_went_back_on_its_way_is_older(key: str) -> None:
    """It was right at the end."""
    story, (first, second) = settled(key, 2)
    story.writes(first, second, first, second)
    assert story.kinds() == ["older"]


def test_an_older_plain_write_delivered_again_may_win() -> None:
    """The matrix says so."""
    story, (first, second) = settled(PLAIN, 2)
    story.drains("drainer-2", first)
    story.writes(first, second, first)
    assert story.violations() == []


@pytest.mark.parametrize("key", GUARDED)
def test_an_older_guarded_write_delivered_again_may_not(key: str) -> None:
    """The guard is there for that."""
    story, (first, second) = settled(key, 2)
    story.drains("drainer-2", first)
    story.writes(first, second, first)
    assert story.kinds() == ["older"]


def test_an_older_plain_write_of_a_stopped_drainer_may_win() -> None:
    """It was given before the newer one and answered after it."""
    story, (first, second) = Story(), good(PLAIN, 2)
    story.sends(first, second)
    stopped = story.given("drainer-1", first)
    story.drains("drainer-2", first)
    story.drains("drainer-2", second)
    story.answers("drainer-1", stopped)
    story.writes(first, second, first)
    assert story.violations() == []


def test_an_older_plain_write_loses_where_a_newer_one_was_settled_later() -> None:
    """Both were given again together: the newer one has to stay."""
    story, (first, second) = settled(PLAIN, 2)
    story.drains("drainer-2", first, second)
    story.writes(first, second, first)
    assert story.kinds() == ["older"]
    story.writes(second)
    assert story.violations() == []


def test_an_abandoned_statement_may_win_for_a_while() -> None:
    """A drainer was killed with it; the server may carry it out late, but not for ever."""
    story, (first, second) = Story(), good(PLAIN, 2)
    story.sends(first, second)
    story.given("drainer-1", first)
    story.tell("chaos", "ended", whom="drainer-1")
    story.drains("drainer-2", first)
    story.drains("drainer-2", second)
    story.writes(first, second, first)
    assert story.violations() == []
    for event in story.events[-4:]:
        event["at"] += LATE
    assert story.kinds() == ["older"]


def test_a_batch_written_again_after_a_lost_answer_passes() -> None:
    """Only while the newer write follows again."""
    story, (first, second) = Story(), good(PLAIN, 2)
    story.sends(first, second)
    story.drains("drainer-1", first, second)
    story.writes(first, second, first)
    assert story.kinds() == ["older"]
    story.writes(second)
    assert story.violations() == []


def test_a_version_that_came_behind_a_newer_one_may_be_skipped() -> None:
    """Its messages may come in any order; the guard settles it."""
    story, (first, second) = Story(), good(VERSION, 2)
    story.sends(second)
    story.sends(first)
    story.drains("drainer-1", second)
    story.drains("drainer-1", first)
    story.writes(second, second)
    assert story.violations() == []


def test_a_write_in_doubt_may_be_there_or_not() -> None:
    """Its client was told neither."""
    story, (first, second) = Story(), good(PLAIN, 2)
    story.sends(first)
    story.drains("drainer-1", first)
    story.tell("producer-0", "send", writes=[[str(second), str(second), False]])
    doubt = [str(second), "in doubt", "InternalFailure", "", "", False]
    story.tell("producer-0", "sent", results=[doubt])
    story.writes(first)
    assert story.violations() == []
    story.drains("drainer-1", second)
    assert story.kinds() == ["lost", "older"]
    story.writes(second)
    assert story.violations() == []


@pytest.mark.parametrize("key", TABLES)
def test_a_row_that_was_never_sent_is_altered(key: str) -> None:
    """Its number is right, its content is not."""
    story, writes = settled(key)
    story.writes(*writes)
    story.stored.rows[key] = replace(story.stored.rows[key], note="?")
    assert story.kinds() == ["altered"]


def test_a_strangers_row_is_altered() -> None:
    """No message has its key."""
    story, writes = settled(PLAIN)
    story.writes(*writes)
    story.writes(*good("0-plain-0002-0", 1))
    assert story.kinds() == ["altered"]


def test_a_message_that_nobody_was_given_is_unaccounted() -> None:
    """It was acknowledged, the queue is empty, and no drainer saw it."""
    story, (first, second) = Story(), good(PLAIN, 2)
    story.sends(first, second)
    story.drains("drainer-1", first)
    story.writes(first, second)
    assert story.kinds() == ["unaccounted"]


def test_messages_in_the_queues_are_stuck() -> None:
    """All faults were healed long ago."""
    story = Story()
    story.stored.waiting = 3
    assert story.kinds() == ["stuck"]


@pytest.mark.parametrize(("key", "kinds"), [(PLAIN, ["out of order"]), (VERSION, [])])
def test_receipts_that_do_not_rise_are_out_of_order(key: str, kinds: list[str]) -> None:
    """The messages of a version may come in any order."""
    story, (first, second) = Story(), good(key, 2)
    story.sequences = {first: 7, second: 3}
    story.sends(first)
    story.sends(second)
    story.drains("drainer-1", second)
    story.drains("drainer-1", first)
    story.writes(*((second, first) if key == PLAIN else (second, second)))
    assert story.kinds() == kinds


@pytest.mark.parametrize("key", [*TABLES, ONCE, LEDGER])
def test_a_refused_write_has_one_dead_letter(key: str) -> None:
    """None is a loss, two are one too many."""
    story, write = Story(), bad(key)
    story.sends(write)
    story.drains("drainer-1", write)
    assert story.kinds() == ["lost"]
    story.buries(write)
    assert story.violations() == []
    story.buries(write)
    assert story.kinds() == ["doubled"]


def test_a_good_write_in_the_dead_letter_queue_is_told() -> None:
    """Also where its row is there."""
    story, writes = settled(PLAIN)
    story.writes(*writes)
    story.buries(writes[0])
    assert story.kinds() == ["wrongly dead-lettered"]


def test_a_dead_letter_of_an_unknown_message_is_told() -> None:
    """Such as one that the queue itself has moved."""
    story, write = Story(), bad(PLAIN)
    story.sends(write)
    story.drains("drainer-1", write)
    story.buries(write)
    story.stored.dead_letters.append(DeadLetter(str(write), "", "too many receives"))
    assert story.kinds() == ["wrongly dead-lettered"]


def test_effects_in_order_pass() -> None:
    """Each once; the counter counts them."""
    story, writes = settled(LEDGER)
    story.posts(*writes)
    assert story.violations() == []


def test_an_effect_that_is_missing_is_lost() -> None:
    """The others are there."""
    story, (first, _, third) = settled(LEDGER)
    story.posts(first, third)
    assert story.kinds() == ["lost"]


def test_an_effect_that_came_twice_is_doubled() -> None:
    """Also where its message was delivered twice."""
    story, (first, second) = settled(LEDGER, 2)
    story.drains("drainer-2", second)
    story.posts(first, second, second)
    assert story.kinds() == ["doubled"]


@pytest.mark.parametrize(("counter", "kind"), [((3, 0), "doubled"), ((1, 0), "lost")])
def test_a_counter_that_differs_is_told(counter: tuple[int, int], kind: str) -> None:
    """Half of a transaction was done again, or not at all."""
    story, writes = settled(LEDGER, 2)
    story.posts(*writes)
    story.stored.counters[LEDGER] = counter
    assert story.kinds() == [kind]


def test_effects_out_of_order_are_older() -> None:
    """Each is there once, in another order than the queue's."""
    story, (first, second) = settled(LEDGER, 2)
    story.posts(second, first)
    assert story.kinds() == ["older"]


def test_a_write_sent_again_late_has_one_effect() -> None:
    """After the deduplication window it is another message with the same identity."""
    story, (first, second) = settled(LEDGER, 2)
    late = [str(first), "stored", "900", "id-late", f"dedup-{first}", True]
    story.tell("producer-0", "send", writes=[[str(first), str(first), True]])
    story.tell("producer-0", "sent", results=[late])
    message = ["id-late", "900", 1, str(first), f"dedup-{first}"]
    story.tell("drainer-1", "given", invocation=99, messages=[message])
    story.answers("drainer-1", 99)
    story.posts(first, second)
    assert story.violations() == []
    story.posts(first)
    assert story.kinds() == ["doubled", "older"]


def test_a_row_behind_an_inbox_is_written_once() -> None:
    """Twice would show in its journal."""
    story, writes = settled(ONCE)
    story.writes(*writes)
    assert story.violations() == []
    story.writes(writes[-1])
    assert story.kinds() == ["doubled"]


def test_an_older_row_behind_an_inbox_never_wins() -> None:
    """Although it was delivered again."""
    story, (first, second) = settled(ONCE, 2)
    story.drains("drainer-2", first)
    story.writes(first, second, first)
    assert story.kinds() == ["doubled", "older"]


def test_an_inbox_that_forgot_is_told() -> None:
    """The effect is there, and would come a second time."""
    story, writes = settled(ONCE)
    story.writes(*writes)
    story.stored.remembered.clear()
    assert story.kinds() == ["lost"]


def test_an_inbox_that_remembers_a_refused_write_is_told() -> None:
    """A rejected row leaves no trace in it."""
    story, write = Story(), bad(ONCE)
    story.sends(write)
    story.drains("drainer-1", write)
    story.buries(write)
    story.stored.remembered.add(f"dedup-{write}")
    assert story.kinds() == ["altered"]


def test_an_answer_after_the_functions_time_is_late() -> None:
    """One of a stopped process is not."""
    story, (first, second) = Story(), good(PLAIN, 2)
    story.sends(first, second)
    story.given("drainer-1", first)
    story.tell("chaos", "SIGSTOP", whom="drainer-1")
    story.events[-1]["at"] += 7
    story.tell("drainer-1", "answered", invocation=1, held=[], why="")
    story.events[-1]["at"] += 9
    story.drains("drainer-2", second)
    story.writes(first, second)
    assert story.violations() == []
    story.events[-1]["at"] += 9
    assert story.kinds() == ["late"]


@pytest.mark.parametrize(("doomed", "kinds"), [(True, ["lost"]), (False, ["late", "lost"])])
def test_an_invocation_that_had_to_be_killed_is_late(*, doomed: bool, kinds: list[str]) -> None:
    """Unless that was the fault that struck."""
    story, (first,) = Story(), good(PLAIN, 1)
    story.sends(first)
    story.given("drainer-1", first)
    story.tell("drainer-1", "timed out", doomed=doomed)
    assert story.kinds() == kinds


def test_a_handler_that_raises_what_it_should_not_is_told() -> None:
    """Only `BatchHeldError` tells Lambda what it has to know."""
    story, (first,) = Story(), good(PLAIN, 1)
    story.sends(first)
    story.given("drainer-1", first)
    story.tell("drainer-1", "answered", invocation=1, held=None, why="RuntimeError: ?")
    story.writes(first)
    assert story.kinds() == ["raised"]
