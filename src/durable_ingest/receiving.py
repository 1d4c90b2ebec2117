"""Receivers: each asks SQS for messages, one call at a time, and asks again where it must."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.answers import SendFailure
from durable_ingest.errors import MisconfiguredError
from durable_ingest.hand import Moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from durable_ingest.clock import Clock
    from durable_ingest.ports import Source
    from durable_ingest.workers import Workers

_LOGGER = logging.getLogger("durable_ingest")
WAIT: Final = 5
"""Seconds of a long poll."""
LEASE: Final = 150
"""Seconds for which a received message is hidden: five times what a batch may take."""
_EARLY: Final = 0.5
_LONGEST_REFUSAL: Final = 300.0
_LONGEST_PAUSE: Final = 30.0

Records = list["Mapping[str, Any]"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one receive brought."""

    records: Records
    since: Moment
    """Before the first call of this attempt."""
    is_empty: bool
    """Whether it shows the queue empty: nothing came in all the time, and at the first call."""


@dataclass(slots=True, eq=False)
class _Receiver:
    attempt: str | None = None
    since: Moment | None = None
    """Before the first call of the attempt; None where none is to be repeated."""
    began: float = 0.0
    repeats: bool = False
    call: Future[Records | SendFailure] | None = None
    free_at: float = 0.0
    failures: int = 0
    doubt_ends: float = 0.0
    """When what an unanswered call may have taken comes again; 0 where there is no such call."""


class Receivers:
    """A poller's receivers. Only the poller's own thread calls this.

    A receive whose answer was lost is repeated with its id, so that SQS gives the same messages
    again instead of hiding them for nobody; not for longer than half a lease. What comes too late
    is thrown away, never given back: a repeat has brought the same handles.

    Args:
        source: the queue.
        workers: make the calls.
        clock: the time.
        count: how many there are.
        fifo: whether the queue is FIFO; others know no attempts.
    """

    def __init__(
        self, source: Source, workers: Workers, clock: Clock, count: int, *, fifo: bool
    ) -> None:
        self._source = source
        self._workers = workers
        self._clock = clock
        self._fifo = fifo
        self._all = [_Receiver() for _ in range(count)]
        self._has_received = False
        self._refused_since: float | None = None

    @property
    def calls(self) -> list[Future[Any]]:
        """The calls that are outstanding."""
        return [one.call for one in self._all if one.call is not None]

    def free_at(self) -> float | None:
        """Say when the next of those that rest may ask again; None where none rests."""
        resting = [one.free_at for one in self._all if one.call is None]
        return min((at for at in resting if at > self._clock.monotonic()), default=None)

    def sure_at(self) -> float:
        """Say when nothing is hidden any more for receives whose answers were lost."""
        return max(one.doubt_ends for one in self._all)

    def start(self) -> bool:
        """Let one that is free ask; False where none is."""
        now = self._clock.monotonic()
        free = [one for one in self._all if one.call is None and one.free_at <= now]
        if not free:
            return False
        one = max(free, key=lambda one: one.since is not None)  # a doubt is cleared up first
        if one.since is None or one.since.since(self._clock) >= LEASE / 2:
            one.since, one.repeats = Moment.of(self._clock), False
            one.attempt = self._clock.unique() if self._fifo else None
        else:
            one.repeats = True
        one.began, attempt = now, one.attempt
        one.call = self._workers.submit(
            lambda: self._source.receive(attempt, wait=WAIT, visibility=LEASE)
        )
        return True

    def answers(self) -> list[Answer]:
        """Take what has come.

        Raises:
            MisconfiguredError: SQS refuses to be asked.
        """
        found: list[Answer] = []
        for one in self._all:
            if one.call is None or not one.call.done():
                continue
            result, one.call = one.call.result(), None
            if isinstance(result, SendFailure):
                self._failed(one, result)
                continue
            since, one.since, one.failures = one.since or Moment.of(self._clock), None, 0
            self._has_received, self._refused_since = True, None
            if one.repeats and result:
                one.doubt_ends = 0.0
            waited = self._clock.monotonic() - one.began >= WAIT - _EARLY
            if not result and not waited:
                one.free_at = one.began + WAIT
            found.append(Answer(result, since, not result and waited and not one.repeats))
        return found

    def _failed(self, one: _Receiver, failure: SendFailure) -> None:
        if failure.in_doubt:
            one.doubt_ends = self._clock.monotonic() + LEASE
        if failure.refused_call and one.repeats:
            one.since = None  # the attempt is over: "the receive call is not retryable"
            return
        if not (failure.in_doubt and self._fifo):
            one.since = None
        now = self._clock.monotonic()
        if failure.refused_call:
            if self._refused_since is None:
                self._refused_since = now
            if not self._has_received or now - self._refused_since >= _LONGEST_REFUSAL:
                raise MisconfiguredError(
                    f"SQS refuses to be polled: {failure.code}. Is the queue's URL right, are"
                    " there credentials, and are sqs:ReceiveMessage and, for a key of your own,"
                    " kms:Decrypt granted?"
                )
        one.failures += 1
        if not failure.in_doubt or one.failures > 1:
            pause = min(2.0 ** (one.failures - 1), _LONGEST_PAUSE)
            one.free_at = now + pause * (0.5 + self._clock.jitter() / 2)
        _LOGGER.warning("receiving failed: %s; it is tried again", failure.code)
