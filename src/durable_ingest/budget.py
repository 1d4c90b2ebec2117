"""How long messages may be held by their queue's settings, and how long to hide them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from durable_ingest.answers import SendFailure
from durable_ingest.hiding import LONGEST_VISIBILITY, Left, contended_seconds, hide_seconds, within
from durable_ingest.rows import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from durable_ingest.answers import QueueSettings
    from durable_ingest.clock import Clock
    from durable_ingest.deadline import Deadline
    from durable_ingest.message import Message
    from durable_ingest.ports import Queue
    from durable_ingest.rows import Refusal

_LOGGER = logging.getLogger("durable_ingest")
_KNOWN_FOR: Final = 3600
"""Seconds until settings are looked up again: somebody may mend them in the outage."""
_TRIED_AGAIN_AFTER: Final = 60
"""Seconds until a look-up that failed for the moment is made again."""
_LAST_HOURS: Final = 6 * 3600
_LAST_SHARE: Final = 1 / 4
_LONGEST_FLIGHT: Final = 6 * 900
"""Seconds that may have passed since the receive: Lambda advises a visibility timeout of six times
the function's, which is 15 minutes at most. After more, hiding is refused and that one stands."""
_LONGEST_RETENTION: Final = 1_209_600  # SQS API Reference, SetQueueAttributes, as the next
_MOST_RECEIVES: Final = 1000
_DAY: Final = 86_400


class Budgets:
    """The settings of the queues whose messages are held, looked up when they are first needed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ask_from: dict[str, float] = {}
        self._known: dict[str, QueueSettings] = {}

    def settings(self, arn: str, queue: Queue, deadline: Deadline) -> QueueSettings | None:
        """Give a queue's settings, asking SQS at most once an hour; None where they are unknown.

        Says in the log what they allow, whenever that is news. Asks nothing where the answer
        could come after the deadline.
        """
        now = self._clock.now()
        if now >= self._ask_from.get(arn, now) and deadline.allows(queue.call_limit):
            try:
                answer = queue.settings()
            except Exception as error:  # noqa: BLE001 - nothing here may change what is held
                answer = SendFailure(type(error).__name__, retryable=False, in_doubt=False)
            passes = isinstance(answer, SendFailure) and answer.retryable
            self._ask_from[arn] = now + (_TRIED_AGAIN_AFTER if passes else _KNOWN_FOR)
            self._take(arn, answer)
        return self._known.get(arn)

    def known(self, arn: str) -> QueueSettings | None:
        """Give a queue's settings if they were looked up, asking nobody."""
        return self._known.get(arn)

    def _take(self, arn: str, answer: QueueSettings | SendFailure) -> None:
        if isinstance(answer, SendFailure):
            _LOGGER.warning(
                "queue %s: its settings could not be looked up, %s (is sqs:GetQueueAttributes"
                " granted?); unless they are known, no message is dead-lettered before it expires"
                " or hidden longer because few receives are left",
                _name(arn),
                answer.code,
            )
        elif answer != self._known.get(arn):
            self._known[arn] = answer
            remedies = _remedies(answer)
            level = logging.WARNING if remedies else logging.INFO
            _LOGGER.log(level, "queue %s: %s", _name(arn), "; ".join([_allows(answer), *remedies]))


def hide_times(
    batch: Sequence[Message],
    held: Mapping[int, Refusal],
    settings: QueueSettings | None,
    last_success: float | None,
    clock: Clock,
) -> dict[int, int]:
    """Say for how many seconds to hide each held message: a group as long as its head.

    Args:
        batch: all messages.
        held: the places of those that are held, in arrival order, and why.
        settings: the queue's, where they are known.
        last_success: when a row was last stored here; an outage is no older.
        clock: the time, and chance for those that met a lock.
    """
    of_group: dict[str, int] = {}
    for index, refusal in held.items():
        head = batch[index]
        if head.group not in of_group:
            since = last_success if refusal.fault is Fault.UNAVAILABLE else None
            of_group[head.group] = _hide_head(head, refusal, settings, since, clock)
    return {index: of_group[batch[index].group] for index in held}


def _hide_head(
    head: Message,
    refusal: Refusal,
    settings: QueueSettings | None,
    last_success: float | None,
    clock: Clock,
) -> int:
    """Go by the age of what is waited for, and by what is left of the head.

    An outage is as old as its first held message, or as the last success; what waits for
    something else is as old as itself.
    """
    now = clock.now()
    since = now if head.first_received is None else head.first_received
    age = now - max(since, last_success or since)
    seconds = hide_seconds(age)
    if refusal.fault is Fault.CONTENDED:
        seconds = contended_seconds(clock.jitter())
    left = left_of(head, settings, now)
    return seconds if left is None else within(left, seconds, age)


def left_of(given: Message, settings: QueueSettings | None, now: float) -> Left | None:
    """Say what is left of a message; None where that is unknown.

    One that SQS must have deleted long ago says that its time, or the settings, are not true.
    """
    if settings is None or given.sent is None:
        return None
    age = now - given.sent
    if age > settings.retention + _LONGEST_FLIGHT:
        return None
    return left_after(settings, age, given.receive_count)


def expiring(
    batch: Sequence[Message],
    held: Mapping[int, Refusal],
    settings: QueueSettings | None,
    now: float,
) -> dict[int, Refusal]:
    """Choose the held messages that are in the last hours of their retention, with the reason.

    The fault is `expiring`; the reason and what comes with it stay those that held the message.
    What only waits behind another has its own turn first, unless the database is away.
    """
    heads: dict[str, Refusal] = {}
    for n, refusal in held.items():
        heads.setdefault(batch[n].group, refusal)
    due: dict[int, Refusal] = {}
    for n, refusal in held.items():
        left = left_of(batch[n], settings, now)
        is_away = heads[batch[n].group].fault is Fault.UNAVAILABLE
        if left and left.seconds <= 0 and (refusal.fault is not Fault.BEHIND or is_away):
            due[n] = _expired(refusal)
    return due


def log_loss(arn: str, messages: Sequence[Message], settings: QueueSettings) -> None:
    """Say as an error that SQS will delete these, because nowhere keeps their copies."""
    first = min(given.sent or 0.0 for given in messages) + settings.retention
    _LOGGER.error(
        "queue %s loses %d held messages or more, the first at %s, when its retention of %s ends:"
        " give the drainer a dead_letter_queue_url, or raise MessageRetentionPeriod (at most %d)",
        _name(arn),
        len(messages),
        datetime.fromtimestamp(first, UTC).isoformat(timespec="seconds"),
        _span(settings.retention),
        _LONGEST_RETENTION,
    )


def longest_outage(settings: QueueSettings) -> float:
    """Seconds that a message can be held: until its last hours, or until it is moved.

    For one that is received as soon as it is sent, and no receive of which is lost.
    """
    age, receives = 0, 1
    while (left := left_after(settings, age, receives)).seconds > 0:
        age += within(left, hide_seconds(age), age)
        if left.receives == 0:
            return age
        receives += 1
    return settings.retention - last_hours(settings.retention)


def receives_of(outage: float) -> int:
    """Count the receives that an outage of so many seconds costs a message."""
    age, receives = 0, 1
    while age < outage:
        age += hide_seconds(age)
        receives += 1
    return receives


def last_hours(retention: float) -> float:
    """Seconds before its end in which a held message is dead-lettered: six hours.

    A quarter of a retention of less than a day, so that an outage still has its time.
    """
    return min(_LAST_HOURS, retention * _LAST_SHARE)


def left_after(settings: QueueSettings, age: float, received: int) -> Left:
    """Say what a queue leaves a message of so many seconds that was received so often."""
    most = settings.max_receive_count
    expires = settings.retention - age
    return Left(
        seconds=expires - last_hours(settings.retention),
        expires=expires,
        # "When the ReceiveCount for a message exceeds the maxReceiveCount" it is moved instead of
        # delivered (SQS Developer Guide, "Dead-letter queues"): received that often, it is not.
        receives=None if most is None else max(most - received, 0),
        hide=LONGEST_VISIBILITY - min(settings.visibility_timeout, _LONGEST_FLIGHT),
    )


def _expired(refusal: Refusal) -> Refusal:
    before = f"held until the last hours of its retention, {refusal.fault}: "
    return refusal.changed(
        fault=Fault.EXPIRING,
        reason=before + refusal.reason,
        detail=None if refusal.detail is None else before + refusal.detail,
    )


def _allows(settings: QueueSettings) -> str:
    most = settings.max_receive_count
    limit = "no redrive policy" if most is None else f"a maxReceiveCount of {most}"
    return (
        f"a retention of {_span(settings.retention)} and {limit} outlast an outage of"
        f" {_span(longest_outage(settings))}; the whole retention takes {_needed(settings)}"
        " receives"
    )


def _remedies(settings: QueueSettings) -> list[str]:
    found = []
    if settings.max_receive_count is not None and settings.max_receive_count < _needed(settings):
        found.append(
            "held messages are hidden longer than a tenth of the outage, and moved out of their"
            f" order when it lasts longer: set maxReceiveCount to {_MOST_RECEIVES}"
        )
    if settings.retention < _LONGEST_RETENTION:
        found.append(f"set MessageRetentionPeriod to {_LONGEST_RETENTION}, which is 14 days")
    return found


def _needed(settings: QueueSettings) -> int:
    return receives_of(settings.retention - last_hours(settings.retention))


def _span(seconds: float) -> str:
    for unit, name in ((_DAY, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} seconds"


def _name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]
