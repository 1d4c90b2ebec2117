"""A FIFO queue in a simulation: bundles of message groups, and what each has in it.

Nothing happens when a message is sent: each group is written to at even intervals, from a random
start, so that what lies in it at some time is counted when it is needed. Groups of one bundle are
written to at the same times, and held and drained together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from sys import maxsize
from typing import TYPE_CHECKING, Final

from durable_ingest.planning.scenario import LOOK_AHEAD, MOST_IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOOKED_AHEAD: Final = 1 / 64
"""The look-ahead is measured again when this share of it has moved."""


@dataclass(slots=True)
class Bundle:
    """Groups that are alike. Times are in seconds since the outage began."""

    groups: float
    first: float
    """When the first message of each is sent."""
    every: float
    """Seconds between two messages of one group."""
    drained: int = 0
    """Messages of each group that are gone."""
    receives: int = 0
    """Of the message at the head."""
    taken: int = 0
    """Messages of each group that were received last."""
    in_flight: float = 0.0
    """Messages of all its groups that are in flight."""
    stored: bool = False
    """What was received is being drained, one batch after the other, and no longer in the way."""

    @property
    def head(self) -> float:
        """When the oldest message was, or will be, sent."""
        return self.first + self.drained * self.every

    @property
    def behind(self) -> float:
        """When the oldest message was sent that is not about to be deleted."""
        return self.head + self.taken * self.every * self.stored

    def waiting(self, now: float) -> int:
        """Count the messages that lie in each group."""
        if now < self.first:
            return 0
        return int((now - self.first) / self.every) + 1 - self.drained


@dataclass(slots=True)
class SimulatedQueue:
    """Which bundles can be received from, the one with the oldest message first."""

    bundles: Sequence[Bundle]
    in_flight: float = 0.0
    most_in_flight: float = 0.0
    drained: float = 0.0
    held: int = 0
    """Bundles that are hidden because the database is away."""
    _ready: list[tuple[float, int]] = field(default_factory=list)
    _horizon: float = -1.0
    """Messages sent later lie behind those among which SQS looks for free groups."""
    _moved: float = 0.0
    """Messages received to be drained since that was found out."""

    def depth(self, now: float) -> float:
        """Count the messages, those in flight too."""
        return sum(bundle.groups * bundle.waiting(now) for bundle in self.bundles)

    def oldest(self, now: float) -> float:
        """Seconds since the oldest message was sent."""
        return max(0.0, now - min(bundle.head for bundle in self.bundles))

    def come_back(self, number: int) -> None:
        """A bundle has a message that may be received."""
        heappush(self._ready, (self.bundles[number].head, number))

    def next_bundle(self, now: float, *, is_still: bool) -> int | None:
        """Give the bundle with the oldest message within reach, if one may be received from.

        `is_still` says that no function is at work.
        """
        if not self._ready or self.in_flight >= MOST_IN_FLIGHT:
            return None
        if self._ready[0][0] > self._horizon:
            self._look_ahead(now, is_still=is_still)
            if self._ready[0][0] > self._horizon:
                return None
        return heappop(self._ready)[1]

    def take(self, number: int, messages: int, *, stored: bool, at_once: float) -> None:
        """Receive messages of each group of a bundle, at most so many of all its groups at once."""
        bundle = self.bundles[number]
        bundle.taken = messages
        bundle.receives += 1
        bundle.stored = stored
        if stored:
            self._moved += messages * bundle.groups
        bundle.in_flight = min(messages * bundle.groups, at_once)
        self.in_flight += bundle.in_flight
        self.most_in_flight = max(self.most_in_flight, min(self.in_flight, MOST_IN_FLIGHT))

    def delete(self, number: int) -> None:
        """Delete what was received of a bundle."""
        bundle = self.bundles[number]
        self.drained += bundle.taken * bundle.groups
        bundle.drained += bundle.taken
        bundle.receives = 0
        self.let_go(number)

    def within_reach(self, number: int) -> int:
        """Count the messages of each group of a bundle that lie among those looked at.

        Where nothing is held they all move up to there by themselves.
        """
        bundle = self.bundles[number]
        if not self.held:
            return maxsize
        return max(1, int((self._horizon - bundle.head) / bundle.every))

    def let_go(self, number: int) -> None:
        """End the visibility timeout of what was received of a bundle."""
        bundle = self.bundles[number]
        self.in_flight -= bundle.in_flight
        bundle.in_flight = 0.0
        bundle.taken = 0
        bundle.stored = False

    def _look_ahead(self, now: float, *, is_still: bool) -> None:
        """Find when the message was sent that is the last within reach."""
        enough = LOOK_AHEAD * _LOOKED_AHEAD
        if self._horizon >= 0 and not is_still and self._moved < enough:
            return
        self._moved = 0.0
        heads = [(bundle.behind, bundle.groups / bundle.every) for bundle in self.bundles]
        heapify(heads)
        at, before, flow = heads[0][0], 0.0, 0.0
        while heads and heads[0][0] <= now:
            head, own = heappop(heads)
            if before + flow * (head - at) >= LOOK_AHEAD:
                break
            before += flow * (head - at)
            at, flow = head, flow + own
        self._horizon = at + (LOOK_AHEAD - before) / flow if flow else now
