"""Which settings to use for a load and an outage."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from durable_ingest.deadline import time_for_sqs
from durable_ingest.planning.scenario import CALLS

if TYPE_CHECKING:
    from durable_ingest.planning.forecasting import Forecast
    from durable_ingest.planning.scenario import Scenario

_LONGEST_RETENTION: Final = 1_209_600  # SQS API Reference, SetQueueAttributes, as the next
_MOST_RECEIVES: Final = 1000
_LONGEST_VISIBILITY: Final = 43_200
_VISIBILITY: Final = 6
"""Times the function's time-out (Lambda Developer Guide, "Creating an SQS event source")."""
_SHORTEST_TIMEOUT: Final = 30
_LONGEST_TIMEOUT: Final = 900
_LEAST_CONCURRENCY: Final = 2
_BUSY: Final = 0.8
"""Share of the drainer's capacity that the writes may take, where no catch-up is asked for."""


@dataclass(frozen=True, slots=True)
class Settings:
    """As AWS names them."""

    message_retention_period: int
    visibility_timeout: int
    max_receive_count: int
    function_timeout: int
    batch_size: int
    maximum_concurrency: int | None
    """None: no number of functions does it."""
    high_throughput: bool


def settings(scenario: Scenario, forecast: Forecast, catch_up: float | None) -> Settings:
    """Choose settings; `catch_up` is in how many seconds after the outage all is to be drained."""
    timeout = function_timeout(scenario)
    functions = concurrency(scenario, forecast, catch_up)
    calls = max(
        scenario.rate / scenario.send_batch,
        (functions or scenario.workers) / scenario.batch_time,
    )
    return Settings(
        message_retention_period=_LONGEST_RETENTION,
        visibility_timeout=min(_VISIBILITY * timeout, _LONGEST_VISIBILITY),
        max_receive_count=_MOST_RECEIVES,
        function_timeout=timeout,
        batch_size=scenario.full_batch,
        maximum_concurrency=functions,
        high_throughput=scenario.high_throughput or calls > CALLS,
    )


def database_time(scenario: Scenario, timeout: float) -> float:
    """Seconds of a function's time-out that are left to the database."""
    usable = max(timeout - scenario.retry.reserve, 0.0)
    return usable - time_for_sqs(usable)


def function_timeout(scenario: Scenario) -> int:
    """Choose a time-out: half a minute, or more where a batch and waiting for it need that."""
    needed = scenario.batch_time + scenario.retry.patience
    for timeout in range(_SHORTEST_TIMEOUT, _LONGEST_TIMEOUT):
        if database_time(scenario, timeout) >= needed:
            return timeout
    return _LONGEST_TIMEOUT


def concurrency(scenario: Scenario, forecast: Forecast, catch_up: float | None) -> int | None:
    """Count the functions that keep up with the writes, and catch up in time; None: none do."""
    needed = scenario.rate / _BUSY
    if catch_up is not None:
        left = catch_up - forecast.begins - scenario.batch_time
        if left <= 0:
            return None
        backlog = forecast.depth + scenario.rate * forecast.begins
        needed = scenario.rate + backlog / left
    functions = ceil(needed / scenario.group_capacity)
    if functions > scenario.groups:  # each group is drained by one at a time
        return None
    return max(functions, _LEAST_CONCURRENCY)
