"""One call's messages: failures alone again, none behind a failure, all within the time limit."""

import logging

import pytest

from durable_ingest.answers import SendFailure
from durable_ingest.deadline import Deadline
from durable_ingest.outgoing import Outgoing
from durable_ingest.receipt import Receipt
from durable_ingest.sending import Sending
from tests.model_queue import Answer, ModelQueue
from tests.records import entry
from tests.virtual_clock import VirtualClock


def run(
    queue: ModelQueue, entries: list[Outgoing], seconds: float = 5.0
) -> list[Receipt | SendFailure]:
    """Send within a time limit."""
    return Sending(queue, entries, queue.clock, Deadline.after(queue.clock, seconds)).run()


def test_all_are_stored_in_their_order() -> None:
    """A group's second message goes with the second batch."""
    queue = ModelQueue(VirtualClock())
    entries = [entry("a", "1"), entry("a", "2"), entry("b", "3")]
    results = run(queue, entries)
    assert [r.dedup_id for r in results if isinstance(r, Receipt)] == ["1", "2", "3"]
    assert [[e.dedup_id for e in batch] for batch in queue.batches] == [["1", "3"], ["2"]]
    assert queue.clock.waits == []


def test_failed_entries_alone_are_sent_again() -> None:
    """And the group's next one only after that."""
    answers = {"1": [Answer.THROTTLED, Answer.DOUBTED, Answer.STORED]}
    queue = ModelQueue(
        VirtualClock(),
        lambda e: answers[e.dedup_id].pop(0) if answers.get(e.dedup_id) else Answer.STORED,
    )
    results = run(queue, [entry("a", "1"), entry("a", "2"), entry("b", "3")])
    assert all(isinstance(result, Receipt) for result in results)
    sent = [[e.dedup_id for e in batch] for batch in queue.batches]
    assert sent == [["1", "3"], ["1"], ["1"], ["2"]]
    assert [e.dedup_id for e in queue.stored] == ["3", "1", "2"]
    assert len(queue.clock.waits) == 2


def test_nothing_goes_behind_a_refused_message() -> None:
    """Other groups go on."""
    queue = ModelQueue(
        VirtualClock(), lambda e: Answer.REFUSED if e.dedup_id == "1" else Answer.STORED
    )
    results = run(queue, [entry("a", "1"), entry("a", "2"), entry("b", "3"), entry("b", "4")])
    assert [isinstance(result, Receipt) for result in results] == [False, False, True, True]
    assert results[0] == SendFailure("REFUSED", retryable=False, in_doubt=False)
    assert results[1] == SendFailure(
        "NotAttempted", retryable=True, in_doubt=False, attempted=False
    )
    assert len(queue.batches) == 2


def test_a_doubt_stays_whatever_follows() -> None:
    """The first attempt may have stored it."""
    answers = [Answer.LOST, Answer.REFUSED]
    queue = ModelQueue(VirtualClock(), lambda _: answers.pop(0))
    (result,) = run(queue, [entry("a")])
    assert isinstance(result, SendFailure)
    assert (result.code, result.in_doubt, result.retryable) == ("REFUSED", True, False)


@pytest.mark.parametrize("answer", [Answer.THROTTLED, Answer.LOST])
@pytest.mark.parametrize("takes", [0.0, 0.3, 1.0])
def test_a_queue_that_always_fails_is_given_up_in_time(answer: Answer, takes: float) -> None:
    """After several attempts, none of which could have ended after the limit."""
    queue = ModelQueue(VirtualClock(), lambda _: answer, takes=[takes])
    results = run(queue, [entry("a", "1"), entry("a", "2")], seconds=5.0)
    assert queue.clock.elapsed <= 5.0
    assert len(queue.batches) >= 3
    assert [isinstance(r, SendFailure) and r.attempted for r in results] == [True, False]


def test_nothing_is_begun_after_the_time_limit() -> None:
    """What was begun in time may still end; the rest is not attempted."""
    queue = ModelQueue(VirtualClock(), takes=[1.9], call_limit=2.0)
    results = run(queue, [entry("a", str(n)) for n in range(5)], seconds=5.0)
    assert queue.clock.elapsed <= 5.0 + queue.call_limit
    assert [isinstance(result, Receipt) for result in results] == [True, True, True, False, False]


def test_what_was_not_confirmed_is_logged_without_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once for each batch."""
    queue = ModelQueue(VirtualClock(), lambda _: Answer.LOST)
    with caplog.at_level(logging.DEBUG):
        run(queue, [entry("a", body='{"email":"hush"}')])
    assert "1 of 1 messages" in caplog.text
    assert "hush" not in caplog.text
