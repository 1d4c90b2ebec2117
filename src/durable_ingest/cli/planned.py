"""A plan as text."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Final

import click

from durable_ingest.planning.chart import chart
from durable_ingest.planning.holding import in_flight
from durable_ingest.planning.scenario import LOOK_AHEAD, MOST_IN_FLIGHT
from durable_ingest.planning.words import count, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable_ingest.cli.plan import Plan

_WIDTH: Final = 90


def text(made: Plan) -> str:
    """Write a plan; colour is for the terminal to show, or for click to leave out."""
    parts = [_verdict(made), _table(_outcome(made)), *_charts(made), _notes(made)]
    parts += ["settings to use\n" + _table(_settings(made)), _cost(made)]
    return "\n\n".join(part for part in parts if part)


def _verdict(made: Plan) -> str:
    given = made.scenario
    asked = (
        f"an outage of {span(given.outage)} at {count(given.rate)} writes/s"
        f" to {count(given.groups)} groups"
    )
    if made.fits:
        return click.style("fits", fg="green", bold=True) + f": {asked}"
    lines = [click.style("does not fit", fg="red", bold=True) + f": {asked}"]
    lines += [_wrapped(f"  {finding.name}: {finding.text}") for finding in made.problems]
    return "\n".join(lines)


def _wrapped(line: str) -> str:
    return fill(line, _WIDTH, subsequent_indent="    ", break_on_hyphens=False)


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    listed = list(rows)
    width = max(len(row[0]) for row in listed)
    second = max(len(row[1]) for row in listed)
    lines = []
    for name, *values in listed:
        rest = f"  {values[1]}" if len(values) > 1 else ""
        lines.append(f"  {name:<{width}}  {values[0]:<{second}}{rest}".rstrip())
    return "\n".join(lines)


def _outcome(made: Plan) -> Iterator[tuple[str, ...]]:
    given, foretold, run = made.scenario, made.forecast, made.simulated

    def row(name: str, formula: str, simulated: str = "") -> tuple[str, ...]:
        return (name, formula, simulated) if run else (name, formula)

    if run:
        yield ("", "formulas", f"simulation, seed {run.seed}")
    yield row("depth at the end", count(foretold.depth), count(run.depth) if run else "")
    yield row("deepest", count(foretold.peak_depth), count(run.peak_depth) if run else "")
    yield row("drained at most", f"{count(given.capacity)}/s")
    yield row("held groups come back within", span(foretold.begins))
    yield row("caught up after", _time(foretold.seconds), _time(run.seconds) if run else "")
    yield row("oldest message", span(foretold.peak_age), span(run.peak_age) if run else "")
    most = f"of {count(given.queue.max_receive_count or 0)}"
    yield row(
        "receives of a message", f"{foretold.receives} {most}", str(run.receives) if run else ""
    )
    yield row(
        "in flight",
        f"{count(in_flight(given))} of {count(MOST_IN_FLIGHT)}",
        count(run.in_flight) if run else "",
    )
    beyond = count(max(foretold.depth - LOOK_AHEAD, 0))
    yield row("behind the look-ahead", beyond)
    left = made.margin
    yield row("before it would expire", span(left) if left > 0 else "nothing left")


def _time(seconds: float | None) -> str:
    return "never" if seconds is None else span(seconds)


def _charts(made: Plan) -> Iterator[str]:
    curve = (made.simulated or made.forecast).curve
    depth = [(moment.at, moment.depth) for moment in curve]
    age = [(moment.at, moment.age) for moment in curve]
    yield chart(depth, "messages in the queue", count, span)
    yield chart(age, "age of the oldest", span, span)


def _notes(made: Plan) -> str:
    return "\n".join(_wrapped(f"note, {finding.name}: {finding.text}") for finding in made.advice)


def _settings(made: Plan) -> Iterator[tuple[str, ...]]:
    wanted = made.wanted
    yield ("MessageRetentionPeriod", str(wanted.message_retention_period))
    yield ("VisibilityTimeout", str(wanted.visibility_timeout))
    yield ("maxReceiveCount", str(wanted.max_receive_count))
    yield ("high-throughput mode", "yes" if wanted.high_throughput else "not needed")
    yield ("Timeout of the function", str(wanted.function_timeout))
    yield ("BatchSize", str(wanted.batch_size))
    functions = wanted.maximum_concurrency
    yield (
        "MaximumConcurrency",
        "no number does it" if functions is None else f"{functions} or more",
    )


def _cost(made: Plan) -> str:
    spent = made.cost
    return (
        f"a month, at list prices (US East; regions differ): about ${spent.total:,.2f}\n"
        f"  SQS {count(spent.requests / 1e6)} million requests ${spent.sqs:,.2f};"
        f" drainer {count(spent.invocations / 1e6)} million invocations ${spent.function:,.2f}"
    )
