"""What a poller has done so far, and whether it may say that a queue is empty."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from durable_ingest.receiving import LEASE
from durable_ingest.report import PollReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from durable_ingest.message import Message
    from durable_ingest.pace import Gate
    from durable_ingest.polling import Desk, Wishes

_LOGGER = logging.getLogger("durable_ingest")
_EVERY: Final = 1.0


class Tally:
    """Counts.

    `unsure_until` is the moment from which an empty answer means something: what was let go of, or
    could not be deleted, has come again by then.
    """

    def __init__(self, desk: Desk, wishes: Wishes, gate: Gate) -> None:
        self._clock = desk.clock
        self._wishes = wishes
        self._gate = gate
        self._began = self._told_at = self.unsure_until = self._clock.monotonic()
        self._left: set[str] = set()
        self._so_far = PollReport()

    def count(self, **more: int) -> None:
        """Add to the report's numbers."""
        sums = {name: getattr(self._so_far, name) + count for name, count in more.items()}
        self._so_far = replace(self._so_far, **sums)

    def comes_again(self, messages: Sequence[Message]) -> None:
        """Messages are left to come again when their visibility timeout ends."""
        self.unsure_until = self._clock.monotonic() + LEASE
        self.stays(messages)

    def stays(self, messages: Iterable[Message]) -> None:
        """Messages stay in the queue: whoever is to empty it must hear of them."""
        if self._wishes.until_empty:
            self._left |= {given.id for given in messages}

    def is_settled(self, messages: Iterable[Message]) -> None:
        """Messages have their effect, or their copies."""
        if self._left:
            self._left -= {given.id for given in messages}

    def report(self) -> PollReport:
        """Sum up."""
        return replace(
            self._so_far,
            left=len(self._left),
            outages=self._gate.outages,
            database_away=self._gate.away,
            seconds=self._clock.monotonic() - self._began,
        )

    def tell(self) -> None:
        """Tell whoever wants to know, once a second at most."""
        now = self._clock.monotonic()
        if self._wishes.on_progress is None or now - self._told_at < _EVERY:
            return
        self._told_at = now
        try:
            self._wishes.on_progress(self.report())
        except Exception:  # whatever an observer does, the messages are as they are
            _LOGGER.exception("on_progress raised; the messages are not affected")
