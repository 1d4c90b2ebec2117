"""What will not work in a plan, and what to know about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from durable_ingest.budget import last_hours, longest_outage
from durable_ingest.outgoing import MAX_RECORD
from durable_ingest.planning.holding import held_groups, in_flight
from durable_ingest.planning.scenario import LOOK_AHEAD, MOST_IN_FLIGHT
from durable_ingest.planning.settings import database_time
from durable_ingest.planning.words import count, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable_ingest.planning.forecasting import Forecast
    from durable_ingest.planning.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    name: str
    text: str


def retention_margin(scenario: Scenario, forecast: Forecast) -> float:
    """Seconds between the age that the oldest message gets and its last hours; below 0: expires."""
    retention = scenario.queue.retention
    return retention - last_hours(retention) - scenario.outage - forecast.begins


def problems(scenario: Scenario, forecast: Forecast, catch_up: float | None) -> list[Finding]:
    """List what makes the scenario fail; nothing where it fits."""
    return [*_of_the_rate(scenario), *_of_holding(scenario, forecast), *_of_settings(scenario),
            *_of_the_wish(forecast, catch_up)]  # fmt: skip


def _of_the_rate(scenario: Scenario) -> Iterator[Finding]:
    if scenario.rate >= scenario.capacity:
        yield Finding(
            "capacity",
            f"{count(scenario.rate)} writes/s come and {count(scenario.capacity)} can be drained:"
            " it never catches up; raise MaximumConcurrency, or make batches faster",
        )
    if scenario.hottest_rate >= scenario.group_capacity:
        yield Finding(
            "hot-group",
            f"the busiest group gets {count(scenario.hottest_rate)} writes/s, and a group is"
            f" drained by one function at a time, at {count(scenario.group_capacity)}/s: choose a"
            " finer group, or make batches faster",
        )
    if scenario.rate / scenario.send_batch > scenario.calls:
        yield Finding(
            "sending",
            f"{count(scenario.rate / scenario.send_batch)} calls/s would send, and SQS takes"
            f" {count(scenario.calls)}: give the queue high-throughput mode, or send in batches"
            " (enqueue_many)",
        )


def _of_holding(scenario: Scenario, forecast: Forecast) -> Iterator[Finding]:
    longest = longest_outage(scenario.queue)
    if scenario.outage >= longest:
        yield Finding(
            "receives" if longest < _held_until(scenario) - 1 else "retention",
            f"the queue's settings outlast {span(longest)}: after that messages are moved or"
            " dead-lettered as expiring; use the settings below",
        )
    elif retention_margin(scenario, forecast) < 0:
        yield Finding(
            "retention",
            f"the oldest message gets {span(forecast.peak_age)} old, and in the last"
            f" {span(last_hours(scenario.queue.retention))} of the retention of"
            f" {span(scenario.queue.retention)} it would be dead-lettered as expiring",
        )


def _held_until(scenario: Scenario) -> float:
    return scenario.queue.retention - last_hours(scenario.queue.retention)


def _of_settings(scenario: Scenario) -> Iterator[Finding]:
    has = database_time(scenario, scenario.function_timeout)
    if scenario.batch_time > has:
        yield Finding(
            "function-timeout",
            f"a function of {span(scenario.function_timeout)} leaves the database {span(has)}, and"
            f" a batch takes {span(scenario.batch_time)}",
        )
    if scenario.queue.visibility_timeout < scenario.function_timeout:
        yield Finding(
            "visibility-timeout",
            f"Lambda refuses a visibility timeout of {span(scenario.queue.visibility_timeout)}"
            f" for a function of {span(scenario.function_timeout)}",
        )
    if scenario.row_bytes > MAX_RECORD:
        yield Finding("row-size", f"a record may have {count(MAX_RECORD)} bytes")


def _of_the_wish(forecast: Forecast, catch_up: float | None) -> Iterator[Finding]:
    if catch_up is not None and forecast.seconds is not None and forecast.seconds > catch_up:
        yield Finding(
            "catch-up",
            f"catching up takes {span(forecast.seconds)}, and {span(catch_up)} are wanted",
        )


def advice(scenario: Scenario, forecast: Forecast) -> list[Finding]:
    """List what is worth knowing, and no failure."""
    found = []
    if scenario.workers < scenario.concurrency:
        found.append(
            Finding(
                "few-groups",
                f"a group is drained by one function at a time: {count(scenario.workers)} of"
                f" {count(scenario.concurrency)} can work at once",
            )
        )
    if forecast.depth > LOOK_AHEAD and held_groups(scenario) > 1:
        found.append(
            Finding(
                "look-ahead",
                f"SQS looks for free groups in the first {count(LOOK_AHEAD)} messages: until the"
                " held groups there come back, what lies behind them waits",
            )
        )
    if in_flight(scenario) > MOST_IN_FLIGHT * 0.99:
        found.append(
            Finding(
                "in-flight",
                f"{count(MOST_IN_FLIGHT)} messages are in flight in the outage, and more may not"
                " be: other groups are not tried until it is over",
            )
        )
    if scenario.queue.visibility_timeout < 6 * scenario.function_timeout:
        found.append(
            Finding(
                "visibility-timeout",
                "AWS advises a visibility timeout of six times the function's time-out",
            )
        )
    return found
