"""An outage, event by event: the same scenario as the formulas', and seeded.

So that hours at any rate take about a second, it is coarser than life where that changes little:

- Groups come in at most a few hundred bundles (`simulated_queue`), functions in at most a few dozen
  teams that share their work. Numbers of messages are the real ones.
- A team stays with what it has received for several batches where the queue is deep: for a
  hundredth of the backlog at most.
- Batch times vary by a quarter; each group is written to at even intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf, sqrt
from random import Random
from typing import TYPE_CHECKING, Final

from durable_ingest.backoff import FAIL_FAST
from durable_ingest.planning.forecasting import Moment, forecast, rest
from durable_ingest.planning.holding import hiding_time
from durable_ingest.planning.simulated_queue import Bundle, SimulatedQueue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from durable_ingest.planning.scenario import Scenario

_BUNDLES: Final = 256
_TEAMS: Final = 32
_VISITS: Final = 100
"""Visits of all teams in which a backlog is drained, at least."""
_LONGEST: Final = 3
"""How often as long as foretold a catch-up may take before the simulation ends."""
_MANY: Final = 2
"""Groups of a bundle from which on it fills batches of its own."""
_SPREAD: Final = 0.25
_POINTS: Final = 96
_LAST_WAIT: Final = 1.0
"""Seconds, at most, by which a call gives up before its patience ends: its waits are that long."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of it."""

    seed: int
    depth: float
    """Messages in the queue as the outage ended."""
    peak_depth: float
    peak_age: float
    """Seconds that the oldest message got."""
    seconds: float | None
    """Seconds after the outage until all was caught up; None: it was not, as long as it ran."""
    receives: int
    """The most that a message needed."""
    in_flight: float
    """The most messages in flight at once."""
    visits: int
    """Receives that were simulated."""
    curve: tuple[Moment, ...]


def simulate(scenario: Scenario, seed: int) -> Simulated:
    """Run an outage and its catch-up; the same seed gives the same run."""
    return _Run(scenario, seed).run()


@dataclass(frozen=True, slots=True)
class _Visit:
    """What a team has received."""

    bundles: Sequence[int]
    stored: bool
    teams: int


class _Run:
    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._seed = seed
        self._chance = Random(seed)  # noqa: S311 - so that a run can be repeated
        self._teams = min(scenario.workers, _TEAMS)
        self._team = scenario.workers / self._teams
        """Functions of one team."""
        self._idle = [-inf] * self._teams
        """When each idle team saw the database away last."""
        foretold = forecast(scenario).seconds or scenario.outage
        self._until = scenario.outage + foretold * _LONGEST
        self._step = (scenario.outage + foretold) / _POINTS
        self._queue = SimulatedQueue(list(self._bundles()))
        self._events: list[tuple[float, int, int | _Visit]] = []
        self._ties = 0
        self._may_call = 0.0
        self._visits = 0
        self._receives = 0

    def run(self) -> Simulated:
        outage, queue = self._scenario.outage, self._queue
        left = rest(self._scenario, self._scenario.messages)
        curve = [Moment(0.0, 0.0, 0.0)]
        now, depth, caught_up = 0.0, None, None
        for number, bundle in enumerate(queue.bundles):
            self._at(bundle.first, number)
        while caught_up is None and self._events and self._events[0][0] <= self._until:
            now, _, event = heappop(self._events)
            if depth is None and now >= outage:
                curve.append(self._moment(outage))
                depth = curve[-1].depth
            elif now >= curve[-1].at + self._step:
                curve.append(self._moment(now))
            self._next(now, event)
            if now >= outage and self._backlog(now) <= left:
                caught_up = now - outage
        curve.append(self._moment(now))
        return Simulated(
            seed=self._seed,
            depth=queue.depth(outage) if depth is None else depth,
            peak_depth=max(moment.depth for moment in curve),
            peak_age=max(moment.age for moment in curve),
            seconds=caught_up,
            receives=self._receives,
            in_flight=queue.most_in_flight,
            visits=self._visits,
            curve=tuple(curve),
        )

    def _bundles(self) -> Iterator[Bundle]:
        """Divide the groups, the busiest for itself; starts are spread evenly."""
        scenario = self._scenario
        others, rate = scenario.groups, scenario.rate
        if scenario.hottest * scenario.groups > 1:
            every = 1 / scenario.hottest_rate
            yield Bundle(1, self._chance.random() * every, every)
            others, rate = others - 1, rate - scenario.hottest_rate
        if not others or rate <= 0:
            return
        every = others / rate
        enough = _BUNDLES * max(1.0, every / scenario.outage)  # so many are written to in it
        # A team's functions can share a bundle only if it has a group for each.
        count = max(1, int(min(others / self._team, enough)))
        for number in range(count):
            first = (number + self._chance.random()) / count * every
            if first > self._until:
                break
            yield Bundle(others / count, first, every)

    def _at(self, when: float, event: int | _Visit) -> None:
        self._ties += 1
        heappush(self._events, (when, self._ties, event))

    def _next(self, now: float, event: int | _Visit) -> None:
        """A bundle becomes visible, or a visit ends."""
        if isinstance(event, int):
            if self._queue.bundles[event].taken:
                self._queue.held -= 1
            self._queue.let_go(event)
            self._queue.come_back(event)
        else:
            self._idle += [-inf if event.stored else now] * event.teams
            for number in event.bundles:
                self._settle(now, number, stored=event.stored)
        while self._idle and (taken := self._receive(now)):
            self._work(now, *taken)

    def _settle(self, now: float, number: int, *, stored: bool) -> None:
        """Delete what was stored; hide what was held."""
        bundle = self._queue.bundles[number]
        if not stored:
            hidden = hiding_time(self._scenario, now - bundle.head, bundle.receives)
            self._queue.held += 1
            self._at(now + hidden, number)
            return
        self._queue.delete(number)
        if bundle.head <= now:
            self._queue.come_back(number)
        else:
            self._at(bundle.head, number)

    def _receive(self, now: float) -> tuple[list[int], float, float] | None:
        """Take the oldest bundles within reach.

        Says how many batches each function gets, and how many it must drain one after the other.
        """
        batch = self._scenario.full_batch
        away = now < self._scenario.outage
        at_once = batch * self._team
        room = at_once if away else at_once * max(1, int(self._share(now)))
        numbers: list[int] = []
        messages, longest = 0.0, 1.0
        while messages < room:
            number = self._queue.next_bundle(now, is_still=len(self._idle) == self._teams)
            if number is None:
                break
            bundle = self._queue.bundles[number]
            most = max(1, int((room - messages) / bundle.groups))
            if not away:
                most = min(most, self._queue.within_reach(number))
            elif bundle.groups >= _MANY:
                most = batch
            taken = min(bundle.waiting(now), most)
            self._queue.take(number, taken, stored=not away, at_once=inf if away else at_once)
            self._receives = max(self._receives, bundle.receives)
            numbers.append(number)
            messages += taken * bundle.groups
            # Of one group a function drains a batch after the other, however large its team.
            longest = max(longest, taken / batch)
        return (numbers, messages / at_once, longest) if numbers else None

    def _work(self, now: float, numbers: list[int], batches: float, longest: float) -> None:
        """Let a team store what it has received, or hold it; idle ones take a share of much."""
        scenario = self._scenario
        self._visits += 1
        teams = max(1, min(len(self._idle), int(batches / longest)))
        seen_away = self._idle.pop()
        del self._idle[len(self._idle) - teams + 1 :]
        begin = max(now, self._may_call)
        self._may_call = begin + batches * self._team / scenario.calls
        batches = max(batches / teams, longest)
        works = batches * scenario.batch_time * self._vary(_SPREAD / sqrt(batches))
        gives_up = begin
        if begin - seen_away > FAIL_FAST * batches:  # of many calls, few come after a pause
            gives_up += max(0.0, scenario.retry.patience - _LAST_WAIT * self._chance.random())
        stored = gives_up >= scenario.outage
        starts = max(begin, scenario.outage) if stored else gives_up
        self._at(starts + works, _Visit(numbers, stored, teams))

    def _vary(self, share: float) -> float:
        return 1 + share * (2 * self._chance.random() - 1)

    def _share(self, now: float) -> float:
        """Batches that a function may drain in one visit: a hundredth of its part of all."""
        functions = self._teams * self._team
        return self._backlog(now) / (_VISITS * functions * self._scenario.full_batch)

    def _backlog(self, now: float) -> float:
        return self._scenario.rate * now - self._queue.drained

    def _moment(self, at: float) -> Moment:
        return Moment(at, self._queue.depth(at), self._queue.oldest(at))
