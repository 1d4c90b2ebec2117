"""What becomes of held messages in an outage: how many there are, and when they come back."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from durable_ingest.backoff import FAIL_FAST
from durable_ingest.budget import left_after, longest_outage
from durable_ingest.hiding import hide_seconds, within
from durable_ingest.planning.scenario import LOOK_AHEAD, MOST_IN_FLIGHT

if TYPE_CHECKING:
    from durable_ingest.planning.scenario import Scenario

_STEPS: Final = 64
_GOLDEN: Final = 0.6180339887498949


def held_groups(scenario: Scenario) -> int:
    """Count the groups that are tried, and so hidden, when the outage ends.

    Those that are written to in it, as far as SQS looks for groups and lets messages be in flight,
    and as the functions can try them while they are hidden. A receive takes all that a group has,
    up to a batch.
    """
    written = min(scenario.groups, scenario.messages)
    of_each = _of_each(scenario)
    batches = hide_seconds(scenario.outage) * scenario.workers / scenario.batch_time
    tried = batches * scenario.full_batch / of_each
    return max(1, int(min(written, LOOK_AHEAD, MOST_IN_FLIGHT / of_each, tried)))


def in_flight(scenario: Scenario) -> float:
    """Count the messages that are in flight, hidden, when the outage ends."""
    return min(held_groups(scenario) * _of_each(scenario), scenario.messages)


def _of_each(scenario: Scenario) -> float:
    """Messages that a receive takes of a group: all that it has, up to a batch."""
    return min(scenario.full_batch, max(scenario.messages / scenario.groups, 1.0))


def hiding_time(scenario: Scenario, age: float, receives: int) -> float:
    """Seconds for which the head of a group is hidden that was received so often."""
    return within(left_after(scenario.queue, age, receives), hide_seconds(age), age)


def receives(scenario: Scenario) -> int:
    """Count the receives of a message that the outage meets, the one that writes it too.

    Its holding takes no time here, so it is the most; and more than the queue allows where its
    settings do not outlast the outage.
    """
    return len(_ages(scenario))


def delays(scenario: Scenario) -> list[float]:
    """Say after which seconds the held groups are received again, in equal shares, rising.

    How long a call holds its messages differs from call to call, and what differs at the beginning
    grows with the age. So at the end of the outage the groups are anywhere in their visibility
    timeouts: their returns are spread evenly over the last one.
    """
    held = held_groups(scenario)
    steps = min(held, _STEPS)
    last = min(held / scenario.rate, scenario.outage)
    ages = _ages(scenario)
    found = []
    for step in range(steps):
        away = scenario.outage - last * (step + 0.5) / steps
        after = max(bisect_left(ages, away), 1)
        hidden, waits = ages[after] - ages[after - 1], _patience(scenario, away)
        place = (0.5 + step * _GOLDEN) % 1
        found.append(max(0.0, place * (hidden + waits) - waits))
    return sorted(found)


def _ages(scenario: Scenario) -> list[float]:
    """Give the ages at which a message is received until it is as old as the outage."""
    outlasts = scenario.outage < longest_outage(scenario.queue)
    ages = [0.0]
    while ages[-1] < scenario.outage:
        age = ages[-1]
        hidden = hiding_time(scenario, age, len(ages)) if outlasts else hide_seconds(age)
        ages.append(age + hidden)
    return ages


def _patience(scenario: Scenario, age: float) -> float:
    """Seconds that a call waits for the database: none where calls come often.

    `Retry.patience`, unless its environment has seen the database away just before.
    """
    pause = hide_seconds(age) * scenario.concurrency / held_groups(scenario)
    return scenario.retry.patience if pause > FAIL_FAST else 0.0
