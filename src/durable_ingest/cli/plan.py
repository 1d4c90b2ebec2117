"""`durable-ingest plan`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from durable_ingest.answers import QueueSettings
from durable_ingest.cli.durations import Duration
from durable_ingest.errors import ContractError
from durable_ingest.planning.cost import Cost, Prices, cost
from durable_ingest.planning.forecasting import Forecast, forecast
from durable_ingest.planning.holding import held_groups, in_flight
from durable_ingest.planning.scenario import Scenario
from durable_ingest.planning.settings import Settings, settings
from durable_ingest.planning.simulation import Simulated, simulate
from durable_ingest.planning.verdict import Finding, advice, problems, retention_margin

if TYPE_CHECKING:
    from collections.abc import Callable

_USUAL = Scenario(rate=1, outage=1, groups=1)
_PRICES = Prices()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is worked out."""

    scenario: Scenario
    forecast: Forecast
    simulated: Simulated | None
    wanted: Settings
    problems: list[Finding]
    advice: list[Finding]
    cost: Cost

    @property
    def fits(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.problems

    @property
    def margin(self) -> float:
        """Seconds between the oldest message's age and the last hours of its retention."""
        return retention_margin(self.scenario, self.forecast)


def _option(name: str, kind: Any, text: str, default: Any = None) -> Callable[..., Any]:  # noqa: ANN401 - click's
    """Make an option; one without a default is required."""
    if default is None:
        return click.option(name, type=kind, required=True, help=text)
    return click.option(name, type=kind, default=default, show_default=True, help=text)


def _whole(
    name: str, text: str, low: int, high: int, default: int | None = None
) -> Callable[..., Any]:
    return _option(name, click.IntRange(low, high), text, default)


_BIG = 10**12
_TIME = Duration()
_ABOVE_ZERO = click.FloatRange(min=0, min_open=True)
_OPTIONS = (
    _option("--rate", _ABOVE_ZERO, "Writes a second, day and night."),
    _option("--outage", _TIME, "How long the database is away: 90s, 15m, 4h, 1d12h."),
    _whole("--groups", "Message groups written to: keys, as a rule.", 1, _BIG),
    click.option("--hottest", type=click.FloatRange(0, 1), default=0.0,
                 help="The busiest group's share of the writes.  [default: as any other]"),
    _whole("--row-size", "Bytes of a record as JSON.", 1, 1_048_576, _USUAL.row_bytes),
    _whole("--concurrency", "MaximumConcurrency of the mapping.", 1, 2000, _USUAL.concurrency),
    _whole("--batch-size", "BatchSize of the mapping.", 1, 10, _USUAL.batch_size),
    _option("--batch-time", _TIME, "From a full batch's receive to its delete.", "0.1s"),
    _option("--function-timeout", _TIME, "The drainer's time-out.", "30s"),
    _whole("--memory", "The drainer's memory, in MB.", 128, 10_240, _USUAL.memory),
    _option("--visibility-timeout", _TIME, "The queue's.", "180s"),
    _option("--retention", _TIME, "The queue's MessageRetentionPeriod.", "14d"),
    _whole("--max-receive-count", "Of its redrive policy.", 1, 1000, 1000),
    click.option("--high-throughput", is_flag=True, help="The queue has high-throughput mode."),
    _whole("--send-batch", "Messages that a producer sends with one call.", 1, 10, 1),
    click.option("--catch-up-in", type=_TIME,
                 help="How soon after the outage all is to be drained."),
    _option("--sqs-price", _ABOVE_ZERO, "US dollars for a million requests.", _PRICES.sqs_million),
    _option("--invocation-price", _ABOVE_ZERO, "US dollars for a million.",
            _PRICES.lambda_million),
    _option("--gb-second-price", _ABOVE_ZERO, "US dollars for one.", _PRICES.gb_second),
    click.option("--simulate", "simulated", is_flag=True,
                 help="Run the outage, event by event, beside the formulas."),
    click.option("--seed", type=int, default=1, show_default=True, help="Of the simulation."),
    click.option("--json", "as_json", is_flag=True, help="Answer in JSON."),
)  # fmt: skip


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(
    epilog="""Example, a four-hour upgrade at 2,000 writes a second:

    durable-ingest plan --rate 2000 --outage 4h --groups 100000 --concurrency 50
    --batch-time 0.1s --high-throughput --simulate"""
)
@_with_options
@click.pass_context
def plan(ctx: click.Context, /, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - click's
    """Say what an outage does to a queue and its drainer: depth, catch-up, limits, cost.

    Asks nobody: it computes from what it is told. The exit status is 0 if it fits, 1 if it does
    not; the answer says why.
    """
    made = make(**given)
    if as_json:
        click.echo(json.dumps(as_facts(made)))
    else:
        from durable_ingest.cli.planned import text  # noqa: PLC0415 - only where it is read

        click.echo(text(made))
    ctx.exit(0 if made.fits else 1)


def make(*, simulated: bool, seed: int, catch_up_in: float | None, **given: Any) -> Plan:  # noqa: ANN401 - the options, by name
    """Work a plan out; a wrong option ends the command with status 2."""
    try:
        scenario = _scenario(**given)
    except ContractError as error:
        raise click.UsageError(str(error)) from error
    foretold = forecast(scenario)
    found = problems(scenario, foretold, catch_up_in)
    cannot_run = {"receives", "retention"} & {finding.name for finding in found}
    prices = Prices(given["sqs_price"], given["invocation_price"], given["gb_second_price"])
    return Plan(
        scenario=scenario,
        forecast=foretold,
        simulated=simulate(scenario, seed) if simulated and not cannot_run else None,
        wanted=settings(scenario, foretold, catch_up_in),
        problems=found,
        advice=advice(scenario, foretold),
        cost=cost(scenario, prices),
    )


def _scenario(**given: Any) -> Scenario:  # noqa: ANN401 - the options, by name
    names = (
        *("rate", "outage", "groups", "hottest", "concurrency", "batch_size", "batch_time"),
        *("function_timeout", "memory", "high_throughput", "send_batch"),
    )
    return Scenario(
        **{name: given[name] for name in names},
        row_bytes=given["row_size"],
        queue=QueueSettings(
            retention=round(given["retention"]),
            visibility_timeout=round(given["visibility_timeout"]),
            max_receive_count=given["max_receive_count"],
        ),
    )


def as_facts(made: Plan) -> dict[str, Any]:
    """Give a plan as JSON has it: times in seconds, prices in US dollars."""
    foretold = asdict(made.forecast)
    if made.forecast.seconds is None:
        foretold["peak_depth"] = foretold["peak_age"] = None
    retry = made.scenario.retry
    patient = {name: getattr(retry, name) for name in ("patience", "reserve", "attempts")}
    return {
        "fits": made.fits,
        "scenario": asdict(made.scenario) | {"retry": patient},
        "capacity": made.scenario.capacity,
        "forecast": foretold,
        "held_groups": held_groups(made.scenario),
        "in_flight": in_flight(made.scenario),
        "retention_margin": made.margin,
        "simulated": None if made.simulated is None else asdict(made.simulated),
        "settings": asdict(made.wanted),
        "problems": [asdict(finding) for finding in made.problems],
        "advice": [asdict(finding) for finding in made.advice],
        "monthly_cost": asdict(made.cost) | {"total": made.cost.total},
    }
