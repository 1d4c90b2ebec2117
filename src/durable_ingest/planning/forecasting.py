"""How deep a queue gets in an outage, and how long the drainer needs afterwards: formulas."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

from durable_ingest.planning.holding import delays, held_groups, receives
from durable_ingest.planning.scenario import LOOK_AHEAD

if TYPE_CHECKING:
    from durable_ingest.planning.scenario import Scenario

_REST: Final = 1 / 100


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of a curve."""

    at: float
    """Seconds since the outage began."""
    depth: float
    """Messages in the queue."""
    age: float
    """Seconds since the oldest of them was sent."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an outage comes to."""

    depth: float
    """Messages in the queue as the outage ends."""
    peak_depth: float
    peak_age: float
    """Seconds that the oldest message gets."""
    begins: float
    """Seconds after the outage until the last held group is received again."""
    seconds: float | None
    """Seconds after the outage until the queue is as good as empty; None: never."""
    receives: int
    """The most that a message needs."""
    curve: tuple[Moment, ...]


def rest(scenario: Scenario, depth: float) -> float:
    """Say at which depth a backlog is caught up: a hundredth of it, or what is always under way."""
    return max(depth * _REST, 3 * scenario.rate * scenario.batch_time, 1.0)


def forecast(scenario: Scenario) -> Forecast:
    """Work an outage out as a flow: what comes in, what is held, what can be drained.

    Messages of a held group wait until it is received again; those behind too many held ones wait
    as well, since SQS looks for free groups at the head of the queue only. Then everything is
    drained at the drainer's capacity, while writes go on.
    """
    returning = _return(scenario)
    end = _end(scenario, returning)
    begins = returning[-1][0]
    away = scenario.outage
    curve = [Moment(0.0, 0.0, 0.0), Moment(away, scenario.messages, away)]
    curve += [Moment(away + at, depth, away + at) for at, depth in returning]
    if end is None:
        later = 2 * away + begins
        growth = max(scenario.rate - scenario.capacity, 0.0) * (later - away - begins)
        curve.append(Moment(later, curve[-1].depth + growth, later))
    elif away + end > curve[-1].at:
        left = rest(scenario, scenario.messages)
        curve.append(Moment(away + end, left, left / scenario.rate))
    return Forecast(
        depth=scenario.messages,
        peak_depth=max(moment.depth for moment in curve) if end is not None else inf,
        peak_age=away + begins if end is not None else inf,
        begins=begins,
        seconds=end,
        receives=receives(scenario),
        curve=tuple(curve),
    )


def _return(scenario: Scenario) -> list[tuple[float, float]]:
    """Give the depth at each delay: what is held comes back, what is free is drained meanwhile."""
    written = min(scenario.groups, scenario.messages)
    held_share = held_groups(scenario) / written
    at, done = 0.0, 0.0
    found = []
    shares = delays(scenario)
    for step, delay in enumerate(shares):
        held = held_share * (1 - step / len(shares))
        come = scenario.messages + scenario.rate * delay
        within_reach = min(come * (1 - held), LOOK_AHEAD * (1 - held) / held)
        flow = min(scenario.capacity, scenario.group_capacity * written * (1 - held))
        done = min(done + flow * (delay - at), max(done, within_reach))
        at = delay
        found.append((at, come - done))
    return found


def _end(scenario: Scenario, returning: list[tuple[float, float]]) -> float | None:
    """Give the seconds after the outage until all is caught up; None: never."""
    if not scenario.keeps_up:
        return None
    left = rest(scenario, scenario.messages)
    begins, depth = returning[-1]
    mine = scenario.hottest_rate
    behind = max(mine * (scenario.outage + begins) - left, 0.0)
    early = next((at for at, deep in returning if deep <= left), None)
    if early is not None and not behind:
        return early + scenario.batch_time
    all_groups = max(depth - left, 0.0) / (scenario.capacity - scenario.rate)
    one_group = behind / (scenario.group_capacity - mine)
    return begins + max(all_groups, one_group) + scenario.batch_time
