"""The last hours of a held message's retention: its copy goes where it is kept."""

import json
import logging

import pytest

from durable_ingest.rows import Fault, Refusal
from tests.model_drain import AWAY, DELETE, FORTNIGHT, HIDE, HOUR, MODES, SEND, Desk, Mode

OLD = 331.0
"""Hours, of a fortnight's 336."""
YOUNG = 329.0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", [f for f in Fault if f not in (Fault.REJECTED, Fault.BEHIND)])
def test_a_held_message_expires_whatever_holds_it(fault: Fault, mode: Mode) -> None:
    """Its copy says so, and keeps what is known of the fault that held it."""
    desk = Desk(mode)
    desk.store.refuse = lambda _: Refusal(fault, "the cause", 1234, "HY000", "customers")
    desk.drainer._handling.draining.last_outage = (
        desk.clock.now()
    )  # dependent ones are not given up just after one
    event = desk.batch(("a", OLD))
    assert desk.handle(event) == []
    ((_, [entry]),) = [call for call in desk.client.calls if call[0] == SEND]
    assert entry["MessageGroupId"] == "a"
    assert entry["MessageBody"] == event["Records"][0]["body"]
    dead = json.loads(entry["MessageAttributes"]["ingest.dead"]["StringValue"])
    assert dead["fault"] == "expiring"
    assert dead["reason"].endswith(f"{fault}: the cause")
    assert (dead["code"], dead["sqlstate"], dead["table"]) == (1234, "HY000", "customers")
    assert DELETE not in desk.client.names(), "Lambda deletes a batch that is settled as a whole"


@pytest.mark.parametrize("mode", MODES)
def test_before_its_last_hours_a_message_is_held(mode: Mode) -> None:
    """It comes back when they begin."""
    desk = Desk(mode)
    assert desk.handle(desk.batch(("a", YOUNG))) == [0]
    assert desk.letters() == []
    assert desk.hidden() == {0: HOUR}
    assert desk.handle(desk.batch(("a", 329.99))) == [0]
    assert desk.hidden() == {0: 36}


@pytest.mark.parametrize("mode", MODES)
def test_only_the_expiring_ones_are_acknowledged(mode: Mode) -> None:
    """Of a group from its head on; those behind, and other groups, wait."""
    desk = Desk(mode)
    event = desk.batch(("a", OLD), ("b", YOUNG), ("a", OLD), ("a", YOUNG), ("c", OLD))
    assert desk.handle(event) == [1, 3]
    assert desk.letters() == [0, 4, 2]
    assert set(desk.hidden()) == {1, 3}
    deleted = desk.client.done(DELETE, "ReceiptHandle")
    assert sorted(deleted) == (["h0", "h2", "h4"] if mode == "delete" else [])


def test_nothing_is_written_behind_a_message_that_expired() -> None:
    """Not by the same call: the next one has it as its head."""
    desk = Desk()
    desk.store.refuse = lambda row: AWAY if row.index == 0 else None
    assert desk.handle(desk.batch(("a", OLD), ("a", YOUNG))) == [1]
    assert desk.store.tried == [0]
    assert desk.letters() == [0]


def test_nothing_expires_behind_a_message_that_does_not() -> None:
    """As where an event leaves out when the head was sent."""
    desk = Desk()
    event = desk.batch(("a", OLD), ("a", OLD))
    del event["Records"][0]["attributes"]["SentTimestamp"]
    assert desk.handle(event) == [0, 1]
    assert desk.letters() == []


def test_what_can_be_written_is_not_dead_lettered() -> None:
    """However late it is."""
    desk = Desk()
    desk.store.refuse = lambda _: None
    assert desk.handle(desk.batch(("a", OLD), ("a", 335.9))) == []
    assert desk.store.written == [0, 1]
    assert desk.client.calls == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["the call", "the entry"])
def test_without_a_confirmed_copy_a_message_stays(mode: Mode, how: str) -> None:
    """And its group behind it; other groups' copies are confirmed."""
    desk = Desk(mode)
    if how == "the call":
        desk.client.down.add(SEND)
    else:
        desk.client.refuses = lambda name, entry: (
            name == SEND and entry["MessageDeduplicationId"] == "m0"
        )
    event = desk.batch(("a", OLD), ("a", OLD), ("b", OLD))
    alone = how == "the entry"
    assert desk.handle(event) == ([0, 1] if alone else [0, 1, 2])
    assert desk.letters() == ([2] if alone else [])
    assert desk.hidden()[0] == desk.hidden()[1] == HOUR


@pytest.mark.parametrize("mode", MODES)
def test_a_message_comes_again_after_its_copy(mode: Mode) -> None:
    """A crash before the delete, or an answer that was lost: the same copy is sent once more."""
    desk = Desk(mode)
    event = desk.batch(("a", OLD), ("a", OLD), ("b", YOUNG))
    desk.client.down.add(DELETE)
    assert desk.handle(event) == ([0, 1, 2] if mode == "delete" else [2])
    desk.client.down.clear()
    desk.restart()
    assert desk.handle(event) == [2]
    assert desk.letters() == [0, 1, 0, 1], "with the same deduplication ids"


@pytest.mark.parametrize(
    ("seconds", "call"), [(5.0, 0.4), (10.0, 1.0), (20.0, 1.0), (30.0, 3.0), (900.0, 3.0)]
)
def test_a_database_that_hangs_leaves_time_for_it_all(seconds: float, call: float) -> None:
    """Looking up, a copy, deleting and hiding, however slow each of them is."""
    desk = Desk()
    desk.store.hangs = True
    desk.client.takes = 0.99 * call
    assert desk.handle(desk.batch(("a", OLD), ("a", OLD), ("b", YOUNG)), seconds) == [1, 2]
    assert desk.letters() == [0]
    assert desk.client.names() == ["get_queue_attributes", SEND, DELETE, HIDE]
    assert desk.clock.elapsed <= seconds - 1.0


def test_a_short_functions_settings_are_looked_up_too() -> None:
    """Once, though its database takes all its time: or nothing of it would ever expire.

    With a slow SQS that costs one hiding, which is best effort, and no deleting.
    """
    desk = Desk()
    desk.store.refuse = lambda row: AWAY if row.group == "b" else None
    desk.store.hangs = True
    desk.client.takes = 0.39
    event = desk.batch(("a", 1.0), ("b", 1.0))
    assert desk.handle(event, 3.0) == [1]
    assert desk.client.names() == ["get_queue_attributes", DELETE]
    desk.client.calls.clear()
    assert desk.handle(event, 3.0) == [1]
    assert desk.client.names() == [DELETE, HIDE]


def test_the_deadline_comes_between_two_copies() -> None:
    """What is copied is deleted; the rest is tried again, from the next message on."""
    desk = Desk()
    event = desk.batch(*[("a", OLD)] * 10)
    desk.handle(event)
    assert desk.letters() == list(range(10))
    desk.client.calls.clear()
    desk.client.takes = 2.9
    desk.store.hangs = True
    assert desk.handle(event) == list(range(2, 10)), "the settings are known by now"
    assert desk.letters() == [0, 1]
    assert desk.client.names() == [SEND, SEND, DELETE, DELETE]


@pytest.mark.parametrize("mode", MODES)
def test_without_a_dead_letter_queue_the_loss_is_announced(
    mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    """Held to the end, tried ever more often, and an error says which queue loses them when."""
    desk = Desk(mode, dead_letters=False)
    event = desk.batch(("a", OLD), ("b", YOUNG), ("c", 335.0))
    assert desk.handle(event) == [0, 1, 2]
    assert desk.hidden() == {0: HOUR, 1: HOUR, 2: HOUR // 2}
    (error,) = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert "customers.fifo loses 2 held messages" in error
    assert "2023-11-14T23:13:20+00:00" in error, "an hour after the clock's 22:13:20"
    assert "dead_letter_queue_url" in error


@pytest.mark.parametrize("mode", MODES)
def test_unknown_settings_change_nothing(mode: Mode, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing expires, and nothing is hidden longer; a warning says so, once."""
    desk = Desk(mode, max_receive_count=3)
    desk.client.down.add("get_queue_attributes")
    event = desk.batch(("a", OLD))
    for _ in range(2):
        assert desk.handle(event) == [0]
    assert desk.letters() == []
    assert desk.hidden() == {0: HOUR}
    warnings = [text for text in caplog.messages if "GetQueueAttributes" in text]
    assert len(warnings) == 1
    assert desk.client.names().count("get_queue_attributes") == 1


def test_settings_are_not_looked_up_before_something_is_held() -> None:
    """A drainer that works makes no call; one that holds makes one an hour."""
    desk = Desk()
    desk.store.refuse = lambda _: None
    desk.handle(desk.batch(("a", 0)))
    assert desk.client.calls == []
    desk.store.refuse = lambda _: AWAY
    for minutes in (0, 30, 59, 61):
        desk.clock.elapsed = minutes * 60
        desk.handle(desk.batch(("a", 0)))
    assert desk.client.names().count("get_queue_attributes") == 2


@pytest.mark.parametrize(
    ("most", "received", "hours", "hidden"),
    [
        (1000, 1, 0, 5),
        (10, 1, 0, 15),
        (100, 1, 0, 5),
        (100, 90, 24, 43_170),
        (1000, 1000, 24, 43_170),
        (1000, 1000, 329, 3600),
        (None, 5000, 24, 3600),
    ],
)
def test_a_message_near_its_last_receive_is_hidden_longer(
    most: int | None, received: int, hours: float, hidden: int
) -> None:
    """Up to SQS' twelve hours, less what may have passed since the receive."""
    desk = Desk(max_receive_count=most)
    record = desk.record("a", hours * HOUR, 0, received=received)
    assert desk.handle({"Records": [record]}) == [0]
    assert desk.hidden() == {0: hidden}


def test_only_an_outage_is_as_old_as_the_last_success() -> None:
    """What waits for something else is as old as itself."""
    desk = Desk()
    desk.store.refuse = lambda _: None
    desk.handle(desk.batch(("a", 1.0)))
    desk.clock.elapsed += 700
    for fault, hidden in ((Fault.UNAVAILABLE, 70), (Fault.UNKNOWN, 720)):
        desk.store.refuse = lambda _, fault=fault: Refusal(fault, "the cause")  # type: ignore[misc]
        desk.handle(desk.batch(("a", 2.0)))
        assert desk.hidden() == {0: hidden}


def test_a_lock_that_is_never_given_back_spends_no_thousand_receives() -> None:
    """Seconds while the message is young; later the receives are spread over its retention."""
    desk = Desk()
    desk.store.refuse = lambda _: Refusal(Fault.CONTENDED, "a lock was not had in time", 1205)
    for hours, received, hidden in ((0, 1, 5), (0.25, 100, 8), (24, 500, 455)):
        desk.handle({"Records": [desk.record("a", hours * HOUR, 0, received=received)]})
        assert desk.hidden() == {0: hidden}


@pytest.mark.parametrize(("outage", "most"), [(HOUR, 60), (FORTNIGHT, 450)])
@pytest.mark.parametrize("mode", MODES)
def test_receives_of_an_outage(outage: int, most: int, mode: Mode) -> None:
    """In virtual time, through the drainer: until it is written or its copy is confirmed."""
    desk = Desk(mode)
    start = desk.clock.now()
    desk.store.refuse = lambda _: AWAY if desk.clock.now() < start + outage else None
    receives, age = 1, 0.0
    while desk.handle({"Records": [desk.record("a", age, 0, received=receives)]}):
        desk.clock.elapsed += desk.hidden()[0]
        age = desk.clock.now() - start
        receives += 1
    assert receives <= most
    if outage == FORTNIGHT:
        assert (desk.letters(), desk.store.written) == ([0], [])
        assert age == FORTNIGHT - 6 * HOUR
    else:
        assert (desk.letters(), desk.store.written) == ([], [0])
        assert age - outage <= outage / 10


@pytest.mark.parametrize(("most", "hours"), [(10, 52), (20, 84), (45, 330), (50, 330)])
def test_few_receives_are_not_burnt(most: int, hours: float) -> None:
    """Two days with ten, three and a half with twenty; from 45 on until the last hours."""
    desk = Desk(max_receive_count=most)
    start, receives, age = desk.clock.now(), 1, 0.0
    while receives <= most:
        if not desk.handle({"Records": [desk.record("a", age, 0, received=receives)]}):
            break
        desk.clock.elapsed += desk.hidden()[0]
        age = desk.clock.now() - start
        receives += 1
    assert age == pytest.approx(hours * HOUR, rel=0.02)
    assert desk.letters() == ([0] if hours == 330 else [])
