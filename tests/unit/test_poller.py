"""Drainer.poll on the strict queue in memory, in virtual time: batches, order, leases."""

import logging
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import pytest

from durable_ingest.errors import ContractError
from durable_ingest.intake import read_received
from durable_ingest.message import message
from durable_ingest.rows import Row
from durable_ingest.sqs import SqsQueue
from durable_ingest.testing.events import record_from_message
from durable_ingest.testing.queue_faults import client_error, lost_answer, server_fault
from tests.poll_kit import LOCKED, REJECTED, Inline, Shore, Stop, in_order, key_of, number_of

HOUR = 3600


def test_a_backlog_is_drained_in_order() -> None:
    """Until the queue is empty."""
    shore = Shore()
    sent = {f"g{n}": shore.send(f"g{n}", 25) for n in range(40)}
    report = shore.poll()
    assert (report.received, report.settled, report.left) == (1000, 1000, 0)
    assert shore.depth == 0
    in_order(shore.server, sent)


class Piled(Shore):
    """A shore where several receives come before each batch is written."""

    def __init__(self, receives: int = 10, **settings: int) -> None:
        super().__init__(**settings)  # type: ignore[arg-type] # all of them numbers
        self.receives = receives

    def poll(self, **wishes: Any) -> Any:  # noqa: ANN401
        """With many receivers, which the inline workers let go one after the other."""
        return super().poll(**{"receivers": self.receives} | wishes)


def test_transactions_grow_with_the_backlog_and_are_small_without() -> None:
    """Ten messages, then more; a receive is never parted."""
    shore = Piled(20)
    shore.send("first")
    shore.poll()
    assert [len(batch) for batch in shore.store.batches] == [1]
    shore.store.batches.clear()
    for n in range(3000):
        shore.send(f"g{n}")
    shore.poll()
    sizes = [len(batch) for batch in shore.store.batches]
    assert sizes[:5] == [10, 20, 20, 30, 40]  # as the receivers begin to work
    assert max(sizes) >= 200


def test_a_group_is_whole_in_its_batch() -> None:
    """Of receives of seven, the one at the limit is not cut: what is behind a held one waits."""
    shore = Piled(20)
    for n in range(60):
        shore.send(f"g{n}", 7)
    shore.poll()
    shore.server.journal.clear()
    receive_of: dict[int, int] = {}
    for n in range(120):
        receive_of |= dict.fromkeys(shore.send(f"g{n}", 7), n)
    held = {number for n, number in enumerate(receive_of) if n % 7 == 3}
    locked_until = shore.clock.elapsed + 20

    def refuse(row: Row) -> Any:  # noqa: ANN401
        locked = number_of(row) in held and shore.clock.elapsed < locked_until
        return LOCKED if locked else None

    shore.store.refuse = refuse
    shore.store.batches.clear()
    shore.poll()
    assert shore.depth == 0
    in_order(
        shore.server, {f"g{n}": [k for k, v in receive_of.items() if v == n] for n in range(9)}
    )


def test_the_next_messages_of_a_group_wait_until_the_first_are_gone() -> None:
    """A delete that fails for good lets nothing of its group be written past it."""
    shore = Shore()
    sent = shore.send("g", 25)
    first = shore.service.stored(shore.pair.url)[3].message_id
    with shore.service.faults.fail_entries(
        lambda operation, entry: (
            operation == "DeleteMessageBatch" and entry["ReceiptHandle"].startswith(first)
        )
    ):
        shore.poll_for(100)
    assert shore.server.written() == sent[:10]
    assert shore.depth == 22
    shore.let_pass(150)
    shore.poll()
    assert shore.depth == 0
    in_order(shore.server, {"g": sent})


def test_deletes_of_a_group_come_one_after_the_other() -> None:
    """A call has one message of a group."""
    shore = Shore()
    for n in range(3):
        shore.send(f"g{n}", 10)
    shore.poll()
    for name, arguments in shore.calls:
        if name == "DeleteMessageBatch":
            handles = [entry["ReceiptHandle"].split("#")[0] for entry in arguments["Entries"]]
            assert len(handles) <= 3


def test_deletes_of_many_groups_fill_their_calls() -> None:
    """Ten messages each, whatever the receivers share."""
    shore = Piled(4)
    for n in range(600):
        shore.send(f"g{n}")
    shore.poll()
    calls = sum(ceil(len(batch) / 10) for batch in shore.store.batches)
    assert shore.count("DeleteMessageBatch") == calls


def test_a_delete_that_is_not_confirmed_is_tried_again() -> None:
    """A few times, in order, while the lease lasts."""
    shore = Shore()
    shore.send("g", 5)
    shore.service.faults.fail_entries(lambda op, _: op == "DeleteMessageBatch", times=2)
    report = shore.poll()
    assert (report.received, report.settled, report.undeleted) == (5, 5, 0)


# Slow and contended transactions


def test_slow_rows_are_all_stored_without_wasted_receives() -> None:
    """Batches that cannot end in time shrink, and the next ones are not received in vain."""
    shore = Piled(4)
    for n in range(1000):
        shore.send(f"g{n}")
    shore.store.seconds = lambda rows: 0.1 * len(rows)
    report = shore.poll()
    assert shore.depth == 0
    assert report.settled == 1000
    assert report.received <= 2000
    assert report.outages == 0


def test_a_transaction_of_half_a_minute_keeps_its_messages_hidden() -> None:
    """Those that wait behind it are hidden for longer, and each is received once."""
    shore = Shore()
    for n in range(100):
        shore.send(f"g{n}")
    shore.store.seconds = lambda _rows: 17.0
    report = shore.poll()
    assert (report.received, report.settled, report.dropped) == (100, 100, 0)


def test_locked_rows_hold_nobody_else() -> None:
    """Four of five hundred groups are locked for minutes."""
    shore = Piled(10)
    for n in range(500):
        shore.send(f"g{n}")
    locked = {f"g{n}" for n in (3, 77, 200, 499)}
    shore.store.refuse = lambda row: (
        LOCKED if key_of(row) in locked and shore.clock.elapsed < 300 else None
    )
    shore.poll_for(100)
    assert len(shore.server.rows) == 496
    shore.poll()
    assert shore.depth == 0


def test_rejected_rows_are_dead_lettered_and_their_group_goes_on() -> None:
    """As in `handle`."""
    shore = Shore()
    sent = [*shore.send("a", 3), *shore.send("b", 2)]
    shore.store.refuse = lambda row: REJECTED if number_of(row) == sent[1] else None
    report = shore.poll()
    assert (report.settled, report.dead_lettered, report.left) == (4, 1, 0)
    assert shore.dead == [sent[1]]
    assert shore.depth == 0


# Leases


def test_nothing_is_written_on_a_lease_that_is_over() -> None:
    """Another poller has written it meanwhile, and what came after it."""
    shore = Shore()
    sent = shore.send("g", 3)
    other = shore.drainer_of(shore.store)
    other._workers = Inline

    def elapse() -> None:
        shore.let_pass(151)
        sent.extend(shore.send("g"))
        other.poll(shore.pair.url, until_empty=True)

    shore.delay(elapse)
    report = shore.poll()
    assert (report.dropped, report.settled) == (3, 0)
    assert [number for _, number in shore.server.journal] == sent
    assert shore.count("ChangeMessageVisibilityBatch") == 0


def test_a_lease_counts_by_the_clock_that_went_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """`monotonic` stands still while a machine sleeps, the wall clock does not."""
    shore = Shore()
    shore.send("g", 3)
    asleep: list[float] = []
    now = shore.clock.now
    monkeypatch.setattr(shore.clock, "now", lambda: now() + sum(asleep))
    shore.delay(lambda: asleep.append(600.0))
    report = shore.poll_for(1)
    assert (report.dropped, report.batches) == (3, 0)
    assert shore.count("ChangeMessageVisibilityBatch") == 0


def test_what_has_waited_is_hidden_for_longer_before_it_is_written() -> None:
    """So that its writing, and that of what comes before it, ends in time."""
    shore = Shore()
    shore.send("g", 3)
    shore.delay(lambda: shore.let_pass(120))
    shore.store.before = lambda _rows: ends.extend(
        m.visible_at - shore.clock.now() for m in shore.service.stored(shore.pair.url)
    )
    ends: list[float] = []
    report = shore.poll()
    assert (report.dropped, report.settled) == (0, 3)
    assert min(ends) == 150


def test_what_cannot_be_hidden_for_longer_is_left_alone() -> None:
    """One message of a receive is enough; nothing of it is written, until it comes again."""
    shore = Shore()
    sent = [*shore.send("g", 3), *shore.send("h", 3)]
    shore.delay(lambda: shore.let_pass(120))
    shore.service.faults.fail_entries(lambda op, _: op == "ChangeMessageVisibilityBatch", times=1)
    report = shore.poll()
    assert (report.dropped, report.settled, report.left) == (6, 6, 0)
    assert [number for _, number in shore.server.journal] == sent


# Receiving


def test_a_lost_answer_strands_nothing() -> None:
    """The same receive is repeated, and brings the same messages."""
    shore = Shore()
    shore.send("g", 3)
    shore.service.faults.fail_calls(
        lost_answer, lambda op, _: op == "ReceiveMessage", effect="done", times=2
    )
    report = shore.poll()
    assert (report.received, report.settled) == (3, 3)
    ids = [a["ReceiveRequestAttemptId"] for op, a in shore.calls if op == "ReceiveMessage"]
    assert ids.count(ids[0]) == 3
    assert shore.clock.elapsed < 60


def test_a_repeat_that_is_not_retryable_is_no_error() -> None:
    """SQS answers 400 then; a fresh receive follows."""
    shore = Shore()
    shore.send("g", 3)
    seen: set[str] = set()

    def repeats(operation: str, arguments: Mapping[str, Any]) -> bool:
        if operation != "ReceiveMessage":
            return False
        again = arguments["ReceiveRequestAttemptId"] in seen
        seen.add(arguments["ReceiveRequestAttemptId"])
        return again

    not_retryable = lambda op: client_error("InvalidParameterValue", "not retryable", op)  # noqa: E731
    shore.service.faults.fail_calls(not_retryable, repeats)
    shore.service.faults.fail_calls(
        lost_answer, lambda op, _: op == "ReceiveMessage", effect="done", times=1
    )
    report = shore.poll()
    assert (report.received, report.settled) == (3, 3)
    assert shore.depth == 0


def test_a_doubt_is_repeated_for_half_a_lease_at_most() -> None:
    """Then a fresh receive is made."""
    shore = Shore()
    fault = shore.service.faults.fail_calls(server_fault, lambda op, _: op == "ReceiveMessage")
    shore.poll_for(400)
    fault.end()
    assert shore.count("ReceiveMessage") < 60
    ids = [a["ReceiveRequestAttemptId"] for op, a in shore.calls if op == "ReceiveMessage"]
    assert len(dict.fromkeys(ids)) >= 4


def test_an_answer_that_comes_after_its_lease_is_thrown_away() -> None:
    """It is neither written nor given back: a repeat has brought the same handles."""
    shore = Shore()
    shore.send("g", 3)
    shore.delay(lambda: shore.let_pass(151))
    report = shore.poll_for(1)
    assert (report.dropped, report.batches) == (3, 0)
    assert shore.count("ChangeMessageVisibilityBatch") == 0


def test_an_empty_answer_that_comes_at_once_is_rested_out() -> None:
    """As at SQS' limit of messages in flight: no hot loop, and no claim that the queue is empty."""
    shore = Shore()
    shore.service._wait = None
    report = shore.poll_for(600, receivers=2)
    assert report.received == 0
    assert shore.count("ReceiveMessage") <= 2 * 600 / 5 + 2


def test_a_refusal_at_the_start_is_an_error() -> None:
    """It names the permission."""
    shore = Shore()
    denied = lambda op: client_error("AccessDenied", "no", op, status=403)  # noqa: E731
    shore.service.faults.fail_calls(denied, lambda op, _: op == "ReceiveMessage")
    with pytest.raises(Exception, match="sqs:ReceiveMessage"):
        shore.poll()


def test_a_refusal_between_good_receives_is_waited_out() -> None:
    """A policy that propagates, a token that expires; five minutes of it are an error."""
    shore = Shore()
    shore.send("g", 30)
    good = [0]

    def later(operation: str, _: Mapping[str, Any]) -> bool:
        good[0] += operation == "ReceiveMessage"
        return operation == "ReceiveMessage" and good[0] > 1

    denied = lambda op: client_error("AccessDenied", "no", op, status=403)  # noqa: E731
    fault = shore.service.faults.fail_calls(denied, later, times=3)
    report = shore.poll()
    assert (report.settled, fault.hits) == (30, 3)
    good[0] = 0
    shore.send("g", 30)
    shore.service.faults.fail_calls(denied, later)
    began = shore.clock.elapsed
    with pytest.raises(Exception, match="refuses to be polled"):
        shore.poll()
    assert 300 <= shore.clock.elapsed - began < 400


def test_refused_deletes_are_an_error() -> None:
    """Stored messages would come again and again, and end in the dead-letter queue."""
    shore = Shore()
    shore.send("g", 50)
    denied = lambda op: client_error("AccessDenied", "no", op, status=403)  # noqa: E731
    shore.service.faults.fail_calls(denied, lambda op, _: op == "DeleteMessageBatch")
    for n in range(5):
        shore.send(f"h{n}", 10)
    with pytest.raises(Exception, match="sqs:DeleteMessage"):
        shore.poll()
    assert max(m.receives for m in shore.service.stored(shore.pair.url)) == 1


def test_a_message_reads_as_it_does_for_handle() -> None:
    """Attributes and all, whatever their type."""
    shore = Shore()
    shore.client.send_message(
        QueueUrl=shore.pair.url,
        MessageBody='{"customer_id": "ä"}',
        MessageGroupId="g",
        MessageDeduplicationId="d",
        MessageAttributes={
            "ingest.sequence": {"DataType": "Number", "StringValue": "7"},
            "ingest.dedup": {"DataType": "String", "StringValue": "ab" * 32},
            "other": {"DataType": "Binary", "BinaryValue": b"x"},
        },
    )
    queue = SqsQueue(shore.client, shore.pair.url, 1.0)
    received = queue.receive("a", wait=0, visibility=0)
    assert isinstance(received, list)
    [polled] = read_received(received)
    [raw] = shore.client.receive_message(
        QueueUrl=shore.pair.url,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
        ReceiveRequestAttemptId="b",
    )["Messages"]
    handled = message(record_from_message(raw, shore.pair.arn))
    assert (polled.sequence, polled.identity) == (7, bytes.fromhex("ab" * 32))
    for name in ("id", "body", "group_id", "sequence", "sent", "first_received", "attributes"):
        assert getattr(polled, name) == getattr(handled, name)


def test_a_message_that_cannot_be_read_stays_with_its_group(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It stops nobody else."""
    shore = Shore()
    sent = [*shore.send("a", 2), *shore.send("b", 2)]
    receive = SqsQueue.receive

    def broken(self: SqsQueue, attempt: str | None, **more: int) -> Any:  # noqa: ANN401
        found = receive(self, attempt, **more)
        assert isinstance(found, list)
        for record in found[:1]:
            record["body"] = None  # type: ignore[index]
        return found

    monkeypatch.setattr(SqsQueue, "receive", broken)
    with caplog.at_level(logging.ERROR):
        report = shore.poll_for(20)
    assert shore.server.written() == sent[2:]
    assert report.dropped == 2
    assert "cannot be read" in caplog.text


def test_what_is_in_hand_is_bounded() -> None:
    """By messages and by bytes, whatever the receivers."""
    shore = Shore()
    most = [0]
    shore.store.before = lambda _rows: most.append(shore.in_flight)
    for n in range(3000):
        shore.send(f"g{n}")
    shore.poll(receivers=20)
    assert max(most) <= 1000
    most[:] = [0]
    body = '{"customer_id": "%s", "email": "1"}' % ("\N{GRINNING FACE}" * 200_000)
    for n in range(60):
        shore.send(f"h{n}", body=body)
    shore.poll(receivers=2)
    assert 0 < max(most) * 800_000 < (16 + 3 * 10) * 2**20
    assert shore.depth == 0


# Ending


def test_it_does_not_end_while_its_own_messages_lock_a_group() -> None:
    """Empty answers that began meanwhile say nothing."""
    shore = Shore()
    sent = shore.send("g", 25)
    shore.store.seconds = lambda _rows: 12.0
    assert shore.poll(receivers=4).settled == 25
    assert shore.server.written() == sent


def test_it_does_not_end_before_what_it_dropped_has_come_again() -> None:
    """Nor before what it could not delete has."""
    shore = Shore()
    shore.send("g", 3)
    shore.service.faults.fail_entries(lambda op, _: op == "DeleteMessageBatch", times=3)
    report = shore.poll()
    assert shore.depth == 0
    assert (report.received, report.settled, report.undeleted, report.left) == (6, 6, 3, 0)


@pytest.mark.parametrize("receivers", [1, 8])
def test_an_empty_queue_ends_it(receivers: int) -> None:
    """After two long polls."""
    shore = Shore()
    report = shore.poll(receivers=receivers)
    assert (report.received, report.database_away) == (0, False)
    assert 10 <= shore.clock.elapsed < 100


def test_what_is_held_is_told_of() -> None:
    """The queue is not empty, though nothing more comes."""
    shore = Shore()
    shore.send("g", 3)
    shore.send("h")
    shore.store.refuse = lambda row: LOCKED if key_of(row) == "g" else None
    end = shore.clock.elapsed + 60
    report = shore.poll(until_empty=True, stop=Stop(lambda: shore.clock.elapsed > end))
    assert report.left == 3
    assert report.settled == 1


def test_stopped_it_gives_back_what_it_has_not_written() -> None:
    """Each group in its order, none behind one that is not confirmed; nothing stays hidden."""
    shore = Piled(10)
    for n in range(20):
        shore.send(f"g{n}", 10)
    shore.store.refuse = lambda row: REJECTED if number_of(row) == 1 else None
    report = shore.poll(stop=Stop(lambda: len(shore.store.batches) == 3))
    assert report.received == 50
    assert report.received == report.settled + report.dead_lettered + report.given_back
    assert report.given_back == 30
    assert shore.in_flight == 0
    given: dict[str, list[str]] = {}
    for name, arguments in shore.calls:
        if name == "ChangeMessageVisibilityBatch":
            ids = [entry["ReceiptHandle"].split("#")[0] for entry in arguments["Entries"]]
            groups = {m.message_id: m.group_id for m in shore.service.stored(shore.pair.url)}
            assert len({groups[i] for i in ids}) == len(ids)
            for one in ids:
                given.setdefault(str(groups[one]), []).append(one)
    order = [m.message_id for m in shore.service.stored(shore.pair.url)]
    for ids in given.values():
        assert ids == sorted(ids, key=order.index)


def test_within_bounds_it_all() -> None:
    """Receives, batches and deletes."""
    shore = Shore()
    for n in range(3000):
        shore.send(f"g{n}")
    shore.store.seconds = lambda _rows: 2.0
    report = shore.poll(within=50)
    assert 30 < shore.clock.elapsed <= 50
    assert report.settled > 0
    assert shore.in_flight == 0


def test_within_an_empty_queue() -> None:
    """It polls until the time is over."""
    shore = Shore()
    shore.poll(within=60)
    assert 40 <= shore.clock.elapsed <= 60


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("queue_url", {"queue_url": "writes.fifo"}),
        ("receivers", {"receivers": 0}),
        ("receivers", {"receivers": 21}),
        ("within", {"within": 20.0}),
        ("stop", {"stop": True}),
        ("on_progress", {"on_progress": 1}),
    ],
)
def test_wrong_arguments_are_named(name: str, wrong: Mapping[str, Any]) -> None:
    """Before anything is done."""
    shore = Shore()
    arguments: dict[str, Any] = {"queue_url": shore.pair.url, **wrong}
    with pytest.raises(ContractError, match=name):
        shore.drainer.poll(**arguments)


def test_a_client_that_would_end_a_long_poll_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each idle receive would be in doubt."""
    shore = Shore()

    class Config:
        read_timeout = 3

    monkeypatch.setattr(shore.client.meta, "config", Config, raising=False)
    with pytest.raises(ContractError, match="read_timeout"):
        shore.poll()


def test_one_drainer_is_at_work_once() -> None:
    """Neither polled twice at a time, nor handed a batch meanwhile."""
    shore = Shore()
    shore.send("g")
    errors: list[RuntimeError] = []

    def enter(_rows: Sequence[Row]) -> None:
        for enter_again in (
            lambda: shore.drainer.poll(shore.pair.url),
            lambda: shore.drainer.handle({"Records": []}),
        ):
            try:
                enter_again()
            except RuntimeError as error:
                errors.append(error)

    shore.store.before = enter
    shore.poll()
    assert len(errors) == 2


def test_progress_is_told_and_an_observer_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once a second at most."""
    shore = Shore()
    shore.send("g", 5)
    told: list[int] = []

    def on_progress(report: Any) -> None:  # noqa: ANN401
        told.append(report.settled)
        raise KeyError

    with caplog.at_level(logging.ERROR):
        shore.poll(on_progress=on_progress)
    assert told[-1] == 5
    assert "on_progress raised" in caplog.text


def test_each_batch_is_reported_after_its_deletes() -> None:
    """To `on_report`, from the caller's thread."""
    shore = Shore()
    shore.send("g", 12)
    shore.service.faults.fail_calls(server_fault, lambda op, _: op == "DeleteMessageBatch", times=4)
    shore.poll()
    assert [r.queue for r in shore.reports] == ["writes.fifo"] * len(shore.reports)
    assert sum(r.settled for r in shore.reports) >= 12
    assert shore.reports[0].undeleted == 10


def test_an_exception_gives_back_what_is_in_hand() -> None:
    """Whatever raises; the error comes out."""
    shore = Piled(10)
    for n in range(200):
        shore.send(f"g{n}")

    def broken(_rows: Sequence[Row]) -> None:
        if len(shore.store.batches) == 1:
            raise ZeroDivisionError

    shore.store.before = broken
    with pytest.raises(ZeroDivisionError):
        shore.poll()
    size = 20  # of the batch that was under way
    assert shore.in_flight <= size
    shore.store.before = lambda _rows: None
    assert shore.poll().left == 0


def test_an_interrupt_gives_back_what_is_in_hand() -> None:
    """KeyboardInterrupt, and SystemExit from a signal's handler."""
    shore = Piled(10)
    for n in range(200):
        shore.send(f"g{n}")

    def interrupted() -> bool:
        if shore.store.batches:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        shore.poll(stop=Stop(interrupted))
    assert shore.in_flight == 0


def test_a_standard_queue_is_polled_without_attempts() -> None:
    """It knows none; tables with a version are drained from it."""
    shore = Shore(fifo=False)
    shore.send("g", 3)
    report = shore.poll_for(1)
    assert report.held >= 3  # a plain table has no order there
    receives = [arguments for op, arguments in shore.calls if op == "ReceiveMessage"]
    assert all("ReceiveRequestAttemptId" not in arguments for arguments in receives)
    assert not shore.server.journal
