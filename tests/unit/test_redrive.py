"""Sending dead letters back, and deleting them, on strict queues in virtual time."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from durable_ingest.answers import SendFailure
from durable_ingest.errors import DurableIngestError, MisconfiguredError
from durable_ingest.letter import Letter, Resend
from durable_ingest.letter_rules import Wanted
from durable_ingest.reading import Reading, dead_letters_of
from durable_ingest.redrive import Redrive, discard
from durable_ingest.rows import Fault, Refusal
from durable_ingest.sqs_letters import SqsLetterQueue
from durable_ingest.testing import server_fault, throttled
from durable_ingest.testing.queue_faults import client_error
from tests.letters_kit import CALL_LIMIT, CONTRACTS, REFUSAL, Post, why
from tests.virtual_clock import VirtualClock

BEHIND = "an earlier letter of its group stays"
MISSING = Refusal(Fault.DEPENDENT, "no parent", 1452, "23000", "items")


def test_letters_go_back_in_their_order() -> None:
    """Each group's in its own; with their first sequence numbers, without the reason."""
    post = Post()
    first = {post.reject("sequence", n, group=f"g{n % 2}"): n for n in range(6)}
    before = {one.dedup_id: one.attributes["ingest.sequence"] for one in post.dead()}
    outcome = post.redrive()
    assert outcome.is_complete
    assert [one.message_id for one in outcome.done if first[one.message_id] % 2] == [
        number for number, n in first.items() if n % 2
    ]
    assert [n for n in post.items() if n % 2] == [1, 3, 5]
    assert post.dead() == []
    for one in post.queued():
        assert one.attributes["ingest.sequence"] in before.values()
        assert "ingest.dead" not in one.attributes


def test_a_group_is_seen_as_it_goes() -> None:
    """SQS shows ten letters of it at a time."""
    post = Post()
    for n in range(35):
        post.reject("version", n, group="one")
    outcome = post.redrive()
    assert (outcome.is_complete, outcome.seen) == (True, 35)
    assert post.items() == [*range(35)]


def test_a_look_at_a_group_is_not_called_complete() -> None:
    """Of twelve letters two are never seen: it says so."""
    post = Post()
    for n in range(12):
        post.reject("version", n, group="one")
    outcome = post.redrive(pretend=True)
    assert (outcome.seen, outcome.unseen, outcome.is_complete) == (10, 2, False)
    assert len(outcome.done) == 10
    assert len(post.dead()) == 12
    assert post.items() == []


def test_an_id_behind_ten_others_is_not_met() -> None:
    """It says that, rather than that there is none."""
    post = Post()
    ids = [post.reject("version", n, group="one") for n in range(12)]
    outcome = post.redrive(of=Wanted(ids=frozenset([ids[11], ids[2]])))
    assert outcome.missing == {ids[11]}
    assert (outcome.unseen, outcome.is_complete) == (2, False)
    assert post.items() == [2]


def test_nothing_stays_hidden() -> None:
    """Whatever was not sent is visible at the end, where it was."""
    post = Post()
    for n in range(3):
        post.reject("plain", n)
    outcome = post.redrive()
    assert [one.in_flight for one in post.dead()] == [False] * 3
    assert len(outcome.left) == 3
    assert outcome.stuck == 0


def test_what_may_not_go_holds_its_group() -> None:
    """So that nothing passes it; other groups go on."""
    post = Post()
    post.reject("version", 1, group="a")
    post.reject("unknown", 2, group="a")
    post.reject("version", 3, group="a")
    post.reject("version", 4, group="b")
    outcome = post.redrive()
    assert sorted(post.items()) == [1, 4]
    assert why(outcome)[1] == BEHIND
    assert "names the contract 'unknown'" in why(outcome)[0]


def test_what_is_not_meant_holds_nobody() -> None:
    """A filter passes over it."""
    post = Post()
    post.reject("unknown", 1, group="a")
    post.reject("version", 2, group="a")
    outcome = post.redrive(of=Wanted(contracts=frozenset(["version"])))
    assert post.items() == [2]
    assert outcome.left == []


def test_faults_and_limits() -> None:
    """Filters narrow it down; a limit is no failure."""
    post = Post()
    for n in range(25):
        post.reject("version", n, refusal=MISSING if n % 2 else REFUSAL)
    outcome = post.redrive(of=Wanted(faults=frozenset(["dependent"])), limit=1)
    assert post.items() == [1]
    assert outcome.left == []
    assert outcome.unseen == 15
    assert outcome.is_complete
    assert [one.fault for one in outcome.done] == ["dependent"]


def test_large_letters_go_in_several_calls() -> None:
    """A call takes 1 MiB."""
    post = Post()
    for n in range(5):
        post.reject("version", n, note="x" * 400_000)
    assert post.redrive().is_complete
    assert sorted(post.items()) == [*range(5)]


def test_a_letter_from_a_standard_queue_goes_with_a_version() -> None:
    """In a group of its own, as it lies there."""
    post = Post()
    for contract in ("version", "command"):
        post.send({"item_id": 1, "note": "", "revision": 1}, "g", ingest_name=contract)
        [given] = post.received()
        post.bury(given.changed(group_id=None))
    outcome = post.redrive()
    assert post.items() == [1]
    assert "has no message group" in why(outcome)[0]


def test_a_letter_without_room_stays() -> None:
    """It would go without what an inbox knows it by."""
    post = Post()
    own = {f"ingest_{n}": "x" for n in range(8)}
    body = '{"item_id": 1, "revision": 1}'
    post.send(body, "g", post.dead_url, ingest_name="version", ingest_bytes="base64", **own)
    assert why(post.redrive()) == ["it has no room for ingest.dedup, by which an inbox knows it"]
    assert (len(post.dead()), post.items()) == (1, [])


def test_plain_tables_go_when_they_are_told() -> None:
    """In their order all the same."""
    post = Post()
    for n in range(3):
        post.reject("plain", n, group="g")
    assert post.redrive(unordered=True).is_complete
    assert post.items() == [0, 1, 2]


def test_what_sqs_moved_goes_when_it_is_told() -> None:
    """It has no sequence number of old."""
    post = Post(max_receive_count=1)
    post.send({"item_id": 1, "revision": 1}, "g", ingest_name="sequence")
    post.move()
    assert "lost its first sequence number" in why(post.redrive())[0]
    assert post.redrive(unordered=True).is_complete
    assert post.items() == [1]


class Rejecting(SqsLetterQueue):
    """A queue with a drainer behind it that rejects everything at once."""

    def __init__(self, post: Post) -> None:
        """Take its place."""
        super().__init__(post.client, post.pair.url, CALL_LIMIT)
        self._post = post

    def resend(self, entries: Sequence[Resend]) -> list[SendFailure | None]:
        """Send; have it rejected a second later."""
        results = super().resend(entries)
        self._post.clock.elapsed += 1
        for given in self._post.received():
            self._post.bury(given)
        return results


class WrongClock(VirtualClock):
    """An operator's clock that is hours from SQS'."""

    def __init__(self, right: VirtualClock, hours: int) -> None:
        """Go with the right one."""
        super().__init__()
        self._right = right
        self._skew = hours * 3600

    def monotonic(self) -> float:
        """Tell the right one's."""
        return self._right.monotonic()

    def now(self) -> float:
        """Tell the wrong time."""
        return self._right.now() + self._skew


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_a_drainer_that_rejects_again_does_not_make_it_run_for_ever(hours: int) -> None:
    """Each goes back once, also where the operator's clock is an hour ahead or behind."""
    post = Post()
    for n in range(25):
        post.reject("version", n, group=f"g{n % 3}")
    post.clock.elapsed += 10
    with post.reading(clock=WrongClock(post.clock, hours)) as reading:
        Redrive(reading, Rejecting(post)).run()
    assert len(reading.outcome.done) == reading.outcome.seen == 25
    assert 0 < reading.outcome.newer == len(reading.outcome.left)
    assert {*why(reading.outcome)} == {"it came after the run began"}
    assert len(post.dead()) == 25


def test_what_is_rejected_within_the_second_goes_back_once() -> None:
    """Whatever the Date says: its identity is known."""
    post = Post()
    for n in range(5):
        post.reject("version", n, group=f"g{n}")
    with post.reading() as reading:
        reading._began += 3600
        Redrive(reading, Rejecting(post)).run()
    assert len(reading.outcome.done) == 5
    assert {*why(reading.outcome)} == {"its message has gone back from another letter"}


def test_letters_that_came_since_are_left() -> None:
    """By SQS' own clock."""
    post = Post()
    post.reject("version", 1)
    dead = post.letters()
    facts = dead_letters_of(dead, post.target(), None, post.clock)
    post.clock.elapsed += 2
    post.reject("version", 2)
    assert facts.told_at is not None
    with Reading(dead, facts, post.reading().contracts.values(), clock=post.clock) as reading:  # type: ignore[arg-type]
        Redrive(reading, post.target()).run()
    assert post.items() == [1]
    assert why(reading.outcome) == ["it came after the run began"]
    assert reading.outcome.newer == 1


def test_one_message_goes_back_once() -> None:
    """Of two copies that a drainer made more than five minutes apart, the second is left."""
    post = Post()
    post.send({"item_id": 1, "revision": 1}, "g", ingest_name="version")
    [given] = post.received()
    post.bury(given)
    post.clock.elapsed += 400
    post.bury(given)
    outcome = post.redrive()
    assert post.items() == [1]
    assert why(outcome) == ["its message has gone back from another letter"]


def test_two_runs_at_once_send_nothing_twice() -> None:
    """SQS gives each letter to one of them, and a group's next to nobody meanwhile."""
    post = Post()
    for n in range(40):
        post.reject("version", n, group=f"g{n % 4}")
    with post.reading() as one, post.reading() as two:
        runs = [Redrive(one, post.target()), Redrive(two, post.target())]
        readings = [iter(one), iter(two)]
        while readings:
            for run, letters in zip(list(runs), list(readings), strict=True):
                batch = next(letters, None)
                if batch is None:
                    readings.remove(letters)
                    runs.remove(run)
                else:
                    run._send(run._choose(batch))
    assert sorted(post.items()) == [*range(40)]
    for group in range(4):
        assert [n for n in post.items() if n % 4 == group] == [*range(group, 40, 4)]


def test_a_long_run_ends_and_sends_each_once() -> None:
    """3,000 letters at a second a send, of which the first few hundred are not meant."""
    post = Post()
    for n in range(3000):
        contract = "unknown" if n < 300 else "version"
        letter = json.dumps({"item_id": n, "revision": 1})
        post.send(letter, f"g{n}", post.dead_url, ingest_name=contract)

    class Slow(SqsLetterQueue):
        """Takes its time."""

        def resend(self, entries: Any) -> Any:  # noqa: ANN401
            """Send."""
            post.clock.elapsed += len(entries)
            return super().resend(entries)

    queue = Slow(post.client, post.pair.url, CALL_LIMIT)
    with post.reading(wanted=Wanted(contracts=frozenset(["version"]))) as reading:
        Redrive(reading, queue).run()
    assert post.clock.elapsed > 2700
    assert reading.outcome.is_complete
    assert sorted(post.items()) == [*range(300, 3000)]
    assert {one.receives for one in post.dead()} == {1}


def test_a_letter_whose_time_is_over_is_not_sent() -> None:
    """Another run may have it by now."""
    post = Post()
    for n in range(3):
        post.reject("version", n, group="g")
    with post.reading() as reading:
        letters = next(iter(reading))
        post.clock.elapsed += 121
        run = Redrive(reading, post.target())
        run._send(run._choose(letters))
    assert post.items() == []
    assert why(reading.outcome) == ["its time in hand ran out", BEHIND, BEHIND]


def test_a_machine_that_slept_knows_that_time_passed() -> None:
    """Its monotonic clock stood still."""
    post = Post()
    post.reject("version", 1)
    with post.reading() as reading:
        letters = next(iter(reading))
        still = post.clock.elapsed
        post.clock.elapsed += 200
        post.clock.monotonic = lambda: still  # type: ignore[method-assign]
        run = Redrive(reading, post.target())
        run._send(run._choose(letters))
    assert post.items() == []


def test_a_short_lease_is_made_longer() -> None:
    """While it lasts, SQS is asked for more."""
    post = Post()
    post.reject("version", 1)
    with post.reading() as reading:
        letters = next(iter(reading))
        post.clock.elapsed += 110
        run = Redrive(reading, post.target())
        run._send(run._choose(letters))
    assert post.items() == [1]
    assert post.dead() == []


# What SQS does not do


def test_an_unconfirmed_delete_holds_its_group() -> None:
    """Or the next run would send the first one after the second."""
    post = Post()
    for n in range(3):
        post.reject("version", n, group="g")
    post.service.faults.fail_entries(
        lambda operation, _: operation == "DeleteMessageBatch", code="Odd", sender_fault=True
    )
    outcome = post.redrive()
    assert post.items() == [0]
    assert why(outcome) == ["it was sent and not deleted, Odd; run again soon", BEHIND, BEHIND]
    post.service.faults.clear()
    assert post.redrive().is_complete
    assert post.items() == [0, 1, 2]


def test_nothing_is_deleted_that_was_not_sent() -> None:
    """Whatever SQS' reason."""
    post = Post()
    for n in range(3):
        post.reject("version", n, group=f"g{n}")
    post.service.faults.fail_entries(
        lambda operation, entry: (
            operation == "SendMessageBatch" and '"item_id": 1' in entry["MessageBody"]
        ),
        code="InvalidMessageContents",
        sender_fault=True,
    )
    outcome = post.redrive()
    assert sorted(post.items()) == [0, 2]
    assert why(outcome) == ["it was not sent, InvalidMessageContents"]
    assert len(post.dead()) == 1


def test_a_doubtful_send_is_not_deleted() -> None:
    """It is asked again and again; then it stays, and the next run sends it once."""
    post = Post()
    post.reject("version", 1)
    fault = post.service.faults.fail_calls(
        server_fault, lambda operation, _: operation == "SendMessageBatch", effect="done"
    )
    outcome = post.redrive()
    assert "may be on its way all the same" in why(outcome)[0]
    assert (len(post.dead()), post.items()) == (1, [1])
    fault.end()
    assert post.redrive().is_complete
    assert post.items() == [1]


def test_a_throttled_run_waits() -> None:
    """For a few seconds."""
    post = Post()
    for n in range(3):
        post.reject("version", n)
    post.service.faults.fail_calls(throttled, times=2)
    assert post.redrive().is_complete


def test_sqs_that_stays_away_ends_the_run() -> None:
    """What was in hand comes back by itself."""
    post = Post()
    post.reject("version", 1)
    with post.reading() as reading:
        post.service.faults.fail_calls(throttled)
        with pytest.raises(DurableIngestError, match="does not answer sqs:ReceiveMessage"):
            Redrive(reading, post.target()).run()


def test_a_receive_that_sqs_does_not_repeat() -> None:
    """It refuses the attempt's id where it knows it no longer: then a new one is made."""
    post = Post()
    for n in range(3):
        post.reject("version", n)
    attempts: list[str] = []

    def is_a_repeat(operation: str, arguments: Mapping[str, Any]) -> bool:
        if operation != "ReceiveMessage":
            return False
        attempts.append(arguments["ReceiveRequestAttemptId"])
        return len(attempts) > len({*attempts})

    def refused(operation: str) -> Exception:
        return client_error("InvalidParameterValue", "not retryable", operation)

    post.service.faults.fail_calls(refused, is_a_repeat, times=1)
    post.service.faults.fail_calls(
        throttled, lambda operation, _: operation == "ReceiveMessage", times=1
    )
    assert post.redrive().is_complete
    assert len(post.items()) == 3


def denied(operation: str) -> Exception:
    """Refuse for lack of a permission."""
    return client_error("AccessDenied", "no", operation, status=403)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("ReceiveMessage", "sqs:ReceiveMessage"),
        ("SendMessageBatch", "sqs:SendMessage"),
        ("DeleteMessageBatch", "sqs:DeleteMessage"),
        ("GetQueueAttributes", "sqs:GetQueueAttributes"),
    ],
)
def test_a_missing_permission_is_named(operation: str, action: str) -> None:
    """And ends the run at once, with what was done so far."""
    post = Post()
    for n in range(30):
        post.reject("version", n)
    post.service.faults.fail_calls(denied, lambda asked, _: asked == operation)
    with pytest.raises(MisconfiguredError, match=f"{action} on .*AccessDenied"):
        post.redrive()
    assert len(post.dead()) == 30
    assert len(post.items()) <= 10


def test_letters_that_cannot_be_kept_are_not_gone_through_again() -> None:
    """They become visible in the midst of the run, and come again and again."""
    post = Post()
    for n in range(60):
        post.reject("plain" if n < 20 else "version", n)
    faults = post.service.faults
    faults.fail_calls(denied, lambda asked, _: asked == "ChangeMessageVisibilityBatch")

    class Slow(SqsLetterQueue):
        """Takes its time."""

        def receive(self, seconds: int, attempt: str) -> list[Letter] | SendFailure:
            """Receive."""
            post.clock.elapsed += 40
            return super().receive(seconds, attempt)

    queue = Slow(post.client, post.dead_url, 1.0)
    facts = dead_letters_of(queue, post.target(), None, post.clock)
    with Reading(queue, facts, CONTRACTS, clock=post.clock) as reading:
        Redrive(reading, SqsLetterQueue(post.client, post.pair.url, 1.0)).run()
    assert max(one.receives for one in post.dead()) > 1
    assert len(post.items()) == len({*post.items()}) == len(reading.outcome.done)
    assert len(reading.outcome.left) == 20


def test_sqs_that_is_away_from_the_beginning() -> None:
    """Is asked a few times."""
    post = Post()
    post.service.faults.fail_calls(throttled)
    with pytest.raises(DurableIngestError, match="does not answer sqs:GetQueueAttributes"):
        post.redrive()


def test_letters_that_could_not_be_given_back_are_counted() -> None:
    """They stay hidden for two minutes."""
    post = Post()
    post.reject("plain", 1)
    post.service.faults.fail_calls(denied, lambda asked, _: asked == "ChangeMessageVisibilityBatch")
    assert post.redrive().stuck == 1


def test_a_run_that_is_told_to_stop() -> None:
    """Sends no more, and gives back what it has."""
    post = Post()
    for n in range(30):
        post.reject("version", n, group="g")
    outcome = post.redrive(stop=lambda: len(post.queued()) >= 13)
    assert post.items() == [*range(13)]
    assert not any(one.in_flight for one in post.dead())
    assert outcome.stopped == "it was told to stop"
    assert not outcome.is_complete


def test_a_run_that_is_told_to_stop_before_its_limit() -> None:
    """It has not done what it was asked for."""
    post = Post()
    for n in range(5):
        post.reject("version", n, group="g")
    outcome = post.redrive(limit=5, stop=lambda: len(post.queued()) >= 2)
    assert (len(outcome.done), outcome.is_complete) == (2, False)


def test_a_doubt_stays_one() -> None:
    """Also where the repeats were refused for another reason."""
    post = Post()
    post.reject("version", 1)
    faults = post.service.faults

    def is_a_send(operation: str, _: object) -> bool:
        return operation == "SendMessageBatch"

    faults.fail_calls(server_fault, is_a_send, effect="done", times=1)
    faults.fail_calls(throttled, is_a_send)
    assert why(post.redrive()) == [
        "it was not sent, RequestThrottled, and may be on its way all the same"
    ]


def test_an_exception_gives_letters_back() -> None:
    """Ctrl-C as well."""
    post = Post()
    post.reject("version", 1)

    def interrupted() -> None:
        with post.reading() as reading:
            assert next(iter(reading))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [one.in_flight for one in post.dead()] == [False]


# Which queues


def test_queues_that_are_not_a_pair_are_refused() -> None:
    """Live traffic must not be taken for dead letters."""
    post = Post()
    other = post.service.create_queue("other")
    standard = post.service.create_queue("standard", fifo=False)
    queue, dead = post.pair.url, post.dead_url

    def made(url: str) -> SqsLetterQueue:
        return SqsLetterQueue(post.client, url, CALL_LIMIT)

    def check(dead_url: str, queue_url: str | None, own: str | None = None) -> None:
        source = None if queue_url is None else made(queue_url)
        dead_letters_of(made(dead_url), source, own, post.clock)

    check(dead, queue)
    check(dead, None, own=dead)
    check(dead, other.url, own=dead)
    for wrong in [
        (queue, dead),
        (other.dead_letter_url, queue),
        (dead, None),
        (dead, None, other.dead_letter_url),
        (dead, dead, dead),
        (standard.dead_letter_url, standard.url),
        (dead, standard.url, dead),
    ]:
        with pytest.raises(MisconfiguredError):
            check(*wrong)  # type: ignore[arg-type]


# Deleting


def test_discarding() -> None:
    """Deletes what is meant, group by group to its end."""
    post = Post()
    for n in range(25):
        post.reject("version", n, group="g")
    post.reject("sequence", 99)
    outcome = post.discard(of=Wanted(contracts=frozenset(["version"])))
    assert (len(outcome.done), len(post.dead()), post.items()) == (25, 1, [])
    assert outcome.is_complete


def test_discarding_leaves_what_came_since() -> None:
    """Nobody has seen it."""
    post = Post()
    post.reject("version", 1)
    with post.reading() as reading:
        reading._began -= 3600
        discard(reading)
    assert why(reading.outcome) == ["it came after the run began"]
    assert len(post.dead()) == 1


def test_discarding_what_was_agreed_to() -> None:
    """And nothing that has shown since."""
    post = Post()
    for n in range(12):
        post.reject("version", n, group="g")
    wanted = Wanted(contracts=frozenset(["version"]))
    planned = post.discard(of=wanted, pretend=True)
    assert (len(planned.done), len(post.dead())) == (10, 12)
    outcome = post.discard(of=wanted, only={one.id for one in planned.done})
    assert (len(outcome.done), len(post.dead())) == (10, 2)
    assert why(outcome) == ["it was hidden when you were asked"] * 2


def test_a_delete_that_is_not_confirmed_is_told() -> None:
    """With SQS' reason."""
    post = Post()
    post.reject("version", 1)
    post.service.faults.fail_entries(code="Odd", sender_fault=True)
    outcome = post.discard(of=Wanted(contracts=frozenset(["version"])))
    assert (outcome.done, why(outcome)) == ([], ["it was not deleted, Odd"])
    post.service.faults.clear()
    post.clock.elapsed += 120
    post.service.faults.fail_calls(denied, lambda asked, _: asked == "DeleteMessageBatch")
    with pytest.raises(MisconfiguredError, match="sqs:DeleteMessage"):
        post.discard(of=Wanted(contracts=frozenset(["version"])))
