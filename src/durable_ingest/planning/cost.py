"""What a month costs at list prices."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from durable_ingest.planning.scenario import Scenario

# US East (N. Virginia), first tier, without the free tier, as of November 2026:
# aws.amazon.com/sqs/pricing and aws.amazon.com/lambda/pricing. Other regions differ.
SQS_FIFO_MILLION: Final = 0.50
"""US dollars for a million requests to a FIFO queue; each 64 KiB of a payload are one."""
LAMBDA_MILLION: Final = 0.20
"""US dollars for a million invocations."""
LAMBDA_GB_SECOND: Final = 0.0000166667
"""US dollars, on x86."""

_CHUNK: Final = 65_536
_MONTH: Final = 30 * 86_400
_IDLE_POLLERS: Final = 5
_LONG_POLL: Final = 20
"""Lambda keeps five pollers at least, and each waits up to 20 s for a message (Lambda Developer
Guide, "Configuring scaling behavior for SQS event source mappings")."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars."""

    sqs_million: float = SQS_FIFO_MILLION
    lambda_million: float = LAMBDA_MILLION
    gb_second: float = LAMBDA_GB_SECOND


@dataclass(frozen=True, slots=True)
class Cost:
    """A month of 30 days without an outage, in US dollars; the producing function aside."""

    requests: float
    """To SQS: sending, receiving and deleting."""
    invocations: float
    """Of the drainer's function."""
    sqs: float
    function: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.sqs + self.function


def cost(scenario: Scenario, prices: Prices) -> Cost:
    """Estimate a month.

    Batches are as full as they get when all functions work: what comes in during a batch's time is
    shared by them. Where fewer work, batches are fuller and it costs less.
    """
    writes = scenario.rate * _MONTH
    during_a_batch = scenario.rate * scenario.batch_time / scenario.workers
    of_a_batch = min(max(during_a_batch, 1.0), scenario.full_batch)
    batches = writes / of_a_batch
    sends = writes / scenario.send_batch * ceil(scenario.send_batch * scenario.row_bytes / _CHUNK)
    receives = batches * ceil(of_a_batch * scenario.row_bytes / _CHUNK)
    empty = _IDLE_POLLERS * _MONTH / _LONG_POLL
    requests = sends + receives + batches + empty
    gb_seconds = batches * scenario.batch_time * scenario.memory / 1024
    return Cost(
        requests=requests,
        invocations=batches,
        sqs=requests / 1e6 * prices.sqs_million,
        function=batches / 1e6 * prices.lambda_million + gb_seconds * prices.gb_second,
    )
