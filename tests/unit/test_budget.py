"""What a queue's settings allow a held message, and what the log says of it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from durable_ingest.answers import QueueSettings, SendFailure
from durable_ingest.budget import (
    Budgets,
    expiring,
    last_hours,
    left_of,
    longest_outage,
    receives_of,
)
from durable_ingest.deadline import Deadline
from durable_ingest.hiding import Left
from durable_ingest.message import Message
from durable_ingest.outgoing import Outgoing
from durable_ingest.receipt import Receipt
from durable_ingest.rows import Fault, Refusal
from tests.records import delivered
from tests.virtual_clock import VirtualClock

ARN = "arn:aws:sqs:eu-west-1:123456789012:writes.fifo"
HOUR = 3600
DAY = 24 * HOUR
GOOD = QueueSettings(retention=14 * DAY, visibility_timeout=180, max_receive_count=1000)
DENIED = SendFailure("AccessDenied", retryable=False, in_doubt=False)
SENT = 1_700_000_000.0


def given(*, received: int = 1, sent: float | None = SENT) -> Message:
    """Make a message."""
    return delivered(1).changed(sent=sent, first_received=sent, receive_count=received)


@dataclass
class Asked:
    """Implements `ports.Queue` for looking settings up."""

    answers: list[QueueSettings | SendFailure]
    call_limit: float = 1.0
    asked: int = 0
    sent: list[Outgoing] = field(default_factory=list)

    def settings(self) -> QueueSettings | SendFailure:
        """Give the next answer."""
        self.asked += 1
        return self.answers[self.asked - 1]

    def send(self, entries: Sequence[Outgoing]) -> list[Receipt | SendFailure]:
        """Not asked for."""
        pytest.fail(f"asked to send {entries}")

    def delete(self, receipt_handles: Sequence[str]) -> list[bool]:
        """Not asked for."""
        pytest.fail(f"asked to delete {receipt_handles}")

    def hide(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> list[bool]:
        """Not asked for."""
        pytest.fail(f"asked to hide {receipt_handles} for {seconds}")


@pytest.mark.parametrize(
    ("settings", "received", "expected"),
    [
        (GOOD, 1, Left(13 * DAY - 6 * HOUR, 13 * DAY, 999, 43_020)),
        (GOOD, 1000, Left(13 * DAY - 6 * HOUR, 13 * DAY, 0, 43_020)),
        (GOOD, 1200, Left(13 * DAY - 6 * HOUR, 13 * DAY, 0, 43_020)),
        (
            replace(GOOD, max_receive_count=None, visibility_timeout=12 * HOUR),
            7,
            Left(13 * DAY - 6 * HOUR, 13 * DAY, None, 37_800),
        ),
        (replace(GOOD, retention=DAY), 1, Left(-6 * HOUR, 0, 999, 43_020)),
        (replace(GOOD, retention=DAY + HOUR), 1, Left(-5 * HOUR, HOUR, 999, 43_020)),
    ],
)
def test_what_is_left_of_a_message_a_day_old(
    settings: QueueSettings, received: int, expected: Left
) -> None:
    """It is moved when it is received more often than maxReceiveCount, not as often."""
    assert left_of(given(received=received), settings, SENT + DAY) == expected


def test_what_is_left_may_be_unknown() -> None:
    """No settings, or no time of sending."""
    assert left_of(given(), None, SENT) is None
    assert left_of(given(sent=None), GOOD, SENT) is None


@pytest.mark.parametrize(
    ("retention", "expected"),
    [(14 * DAY, 6 * HOUR), (DAY, 6 * HOUR), (4 * HOUR, HOUR), (60, 15)],
)
def test_the_last_hours_are_six_or_a_quarter(retention: int, expected: float) -> None:
    """A queue that keeps messages for an hour still holds them for most of it."""
    assert last_hours(retention) == expected


def test_a_message_expires_in_its_last_hours() -> None:
    """Not a second before; the reason is kept."""
    held = {1: Refusal(Fault.DEPENDENT, "no parent", 1452, "23000", "children", detail="more")}
    batch = [given(), given()]
    start = SENT + 14 * DAY - 6 * HOUR
    assert expiring(batch, held, GOOD, start - 1) == {}
    assert expiring(batch, held, None, start) == {}
    text = "held until the last hours of its retention, dependent: "
    told = {"reason": f"{text}no parent", "detail": f"{text}more"}
    due = {1: held[1].changed(fault=Fault.EXPIRING, **told)}
    assert (
        expiring(batch, held, GOOD, start) == expiring(batch, held, GOOD, start + 7 * HOUR) == due
    )


@pytest.mark.parametrize(
    ("most", "hours"),
    [(None, 330), (1000, 330), (50, 330), (45, 330), (20, 84), (10, 52), (2, 23.9), (1, 11.95)],
)
def test_the_longest_outage(most: int | None, hours: float) -> None:
    """But for its last hours, 45 receives outlast a fortnight; ten are gone after two days."""
    found = longest_outage(replace(GOOD, max_receive_count=most))
    assert found == pytest.approx(hours * HOUR, rel=0.02)


@pytest.mark.parametrize(
    ("outage", "receives"), [(0, 1), (5, 2), (HOUR, 56), (DAY, 94), (4 * DAY, 166), (14 * DAY, 406)]
)
def test_receives_of_an_outage(outage: int, receives: int) -> None:
    """The first and the one that ends it are counted."""
    assert receives_of(outage) == receives


def look(budgets: Budgets, queue: Asked, clock: VirtualClock) -> QueueSettings | None:
    """Ask with a minute left."""
    return budgets.settings(ARN, queue, Deadline.after(clock, 60))


def test_settings_are_asked_for_once_an_hour_and_news_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Somebody may mend them in the middle of an outage; a failure keeps the last known ones."""
    caplog.set_level(logging.INFO)
    clock = VirtualClock()
    budgets = Budgets(clock)
    small = replace(GOOD, retention=4 * DAY, max_receive_count=10)
    queue = Asked([DENIED, small, small, GOOD, DENIED])
    seen = []
    for _ in range(5):
        seen.append(look(budgets, queue, clock))
        clock.elapsed += HOUR - 1
        assert look(budgets, queue, clock) == seen[-1]
        clock.elapsed += 1
    assert seen == [None, small, small, GOOD, GOOD]
    assert queue.asked == 5
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "WARNING", "INFO", "WARNING"]


def test_each_queue_has_its_own_settings() -> None:
    """A drainer may serve several mappings."""
    clock = VirtualClock()
    budgets = Budgets(clock)
    one, other = Asked([GOOD]), Asked([DENIED])
    assert look(budgets, one, clock) == GOOD
    assert budgets.settings(ARN + "2", other, Deadline.after(clock, 60)) is None
    assert (one.asked, other.asked) == (1, 1)


def test_nothing_is_asked_that_could_be_answered_too_late() -> None:
    """It is asked for at the next hold."""
    clock = VirtualClock()
    budgets, queue = Budgets(clock), Asked([GOOD])
    assert budgets.settings(ARN, queue, Deadline.after(clock, 0.9)) is None
    assert queue.asked == 0
    assert look(budgets, queue, clock) == GOOD


@pytest.mark.parametrize(
    ("settings", "level", "text"),
    [
        (
            GOOD,
            "INFO",
            (
                "a retention of 14 days and a maxReceiveCount of 1000 outlast an outage of 13.8"
                " days; the whole retention takes 400 receives"
            ),
        ),
        (
            replace(GOOD, max_receive_count=None),
            "INFO",
            (
                "a retention of 14 days and no redrive policy outlast an outage of 13.8 days;"
                " the whole retention takes 400 receives"
            ),
        ),
        (
            replace(GOOD, retention=4 * DAY, max_receive_count=3),
            "WARNING",
            (
                "a retention of 4 days and a maxReceiveCount of 3 outlast an outage of 24.3 hours;"
                " the whole retention takes 160 receives; held messages are hidden longer than a"
                " tenth of the outage, and moved out of their order when it lasts longer: set"
                " maxReceiveCount to 1000; set MessageRetentionPeriod to 1209600, which is 14 days"
            ),
        ),
        (
            replace(GOOD, retention=60),
            "WARNING",
            (
                "a retention of 60 seconds and a maxReceiveCount of 1000 outlast an outage of 45"
                " seconds; the whole retention takes 10 receives; set MessageRetentionPeriod to"
                " 1209600, which is 14 days"
            ),
        ),
    ],
)
def test_the_log_says_what_the_settings_allow(
    settings: QueueSettings, level: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And what to change."""
    caplog.set_level(logging.INFO)
    clock = VirtualClock()
    look(Budgets(clock), Asked([settings]), clock)
    ((_, found, said),) = caplog.record_tuples
    assert (logging.getLevelName(found), said) == (level, f"queue writes.fifo: {text}")


def test_a_message_that_cannot_be_there_any_more_does_not_expire() -> None:
    """Its time is made up, as in a test's event, or a clock is wrong."""
    now = SENT + GOOD.retention + 2 * HOUR
    assert left_of(given(), GOOD, now) is None
    assert left_of(given(), GOOD, now - HOUR) is not None


def test_a_client_that_cannot_look_up_changes_nothing() -> None:
    """Whatever goes wrong with it."""
    queue = Asked([])
    clock = VirtualClock()
    assert Budgets(clock).settings(ARN, queue, Deadline.after(clock, 60)) is None
    assert queue.asked == 1


@pytest.mark.parametrize(
    ("head", "due"),
    [(Fault.UNAVAILABLE, {0, 1}), (Fault.MISCONFIGURED, {0}), (Fault.DEPENDENT, {0})],
)
def test_what_is_only_behind_has_its_own_turn_first(head: Fault, due: set[int]) -> None:
    """Unless the database is away: a good row is not dead-lettered untried."""
    held = {0: Refusal(head, "reason"), 1: Refusal(Fault.BEHIND, "behind")}
    end = SENT + 14 * DAY - HOUR
    assert expiring([given(), given()], held, GOOD, end).keys() == due


def test_a_look_up_that_failed_for_the_moment_is_made_again_soon() -> None:
    """An hour is a sixth of the last hours."""
    clock = VirtualClock()
    budgets = Budgets(clock)
    queue = Asked([SendFailure("Throttling", retryable=True, in_doubt=False), GOOD])
    assert look(budgets, queue, clock) is None
    clock.elapsed += 59
    assert look(budgets, queue, clock) is None
    clock.elapsed += 1
    assert look(budgets, queue, clock) == GOOD
