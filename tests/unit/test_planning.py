"""What the formulas say of an outage, and what a plan warns of."""

from dataclasses import replace
from typing import Any

import pytest

from durable_ingest.budget import receives_of
from durable_ingest.errors import ContractError
from durable_ingest.planning.chart import HEIGHT, WIDTH, chart
from durable_ingest.planning.cost import Prices, cost
from durable_ingest.planning.forecasting import forecast
from durable_ingest.planning.holding import held_groups, in_flight, receives
from durable_ingest.planning.scenario import GOOD_QUEUE, Scenario
from durable_ingest.planning.settings import settings
from durable_ingest.planning.verdict import advice, problems, retention_margin
from durable_ingest.planning.words import count, span

HOUR = 3600.0
DAY = 24 * HOUR
USUAL = Scenario(rate=2_000, outage=4 * HOUR, groups=100_000, concurrency=50, high_throughput=True)


def named(scenario: Scenario, catch_up: float | None = None) -> set[str]:
    """Give the names of a scenario's problems."""
    return {found.name for found in problems(scenario, forecast(scenario), catch_up)}


def test_an_outage_in_numbers() -> None:
    """2,000 writes/s for four hours; 50 functions drain 10 messages in 0.1 s each."""
    found = forecast(USUAL)
    assert found.depth == 28_800_000
    assert USUAL.capacity == 5_000
    assert found.begins == pytest.approx(0.1 * 4 * HOUR, rel=0.06)
    assert found.seconds is not None
    alone = 28_800_000 / (5_000 - 2_000)
    assert alone < found.seconds < alone + found.begins * 2
    assert found.peak_age == pytest.approx(4 * HOUR + found.begins)
    assert found.peak_depth >= found.depth


@pytest.mark.parametrize(
    ("changed", "capacity"),
    [
        ({}, 5_000),
        ({"groups": 7}, 700),
        ({"batch_size": 5}, 2_500),
        ({"row_bytes": 900_000}, 3_000),
        ({"high_throughput": False}, 3_000),
        ({"groups": 1, "batch_time": 0.001}, 3_000),
    ],
)
def test_what_can_be_drained(changed: dict[str, Any], capacity: float) -> None:
    """Few groups, small batches, a payload of 6 MB, SQS' 300 calls and a group's partition."""
    assert replace(USUAL, **changed).capacity == pytest.approx(capacity)


@pytest.mark.parametrize("outage", [5.0, HOUR, DAY, 4 * DAY, 13.7 * DAY, 14 * DAY])
def test_receives_are_the_drainers_own(outage: float) -> None:
    """The schedule is the one by which messages are hidden."""
    assert receives(replace(USUAL, outage=outage)) == receives_of(outage)


def test_few_receives_hide_longer() -> None:
    """So the catch-up begins later, and they last."""
    queue = replace(GOOD_QUEUE, max_receive_count=20)
    short = replace(USUAL, outage=2 * DAY, queue=queue)
    assert receives(short) <= 20
    assert forecast(short).begins > forecast(replace(short, queue=GOOD_QUEUE)).begins


@pytest.mark.parametrize(
    ("changed", "held", "flying"),
    [
        ({"groups": 100}, 100, 1_000),
        ({}, 12_000, 120_000),
        ({"rate": 10, "outage": 60.0}, 600, 600),
        ({"rate": 100_000, "groups": 10**7, "outage": 60.0, "concurrency": 1000}, 120_000, 120_000),
        ({"rate": 50_000, "outage": 5 * HOUR, "concurrency": 2, "batch_time": 4.0}, 900, 9_000),
    ],
)
def test_what_is_held_at_the_end(changed: dict[str, Any], held: int, flying: float) -> None:
    """All groups, or those that SQS lets be in flight or looks at, or that can be tried."""
    scenario = replace(USUAL, **changed)
    assert held_groups(scenario) == held
    assert in_flight(scenario) == pytest.approx(flying)


def test_a_good_scenario_has_no_problem() -> None:
    """And a margin of days."""
    assert named(USUAL) == set()
    assert retention_margin(USUAL, forecast(USUAL)) == pytest.approx(13.5 * DAY, rel=0.02)


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"concurrency": 20}, {"capacity"}),
        ({"hottest": 0.05}, {"hot-group"}),
        ({"high_throughput": False, "rate": 301}, {"sending"}),
        ({"rate": 1_000, "high_throughput": False, "send_batch": 4}, set()),
        ({"outage": 13.9 * DAY}, {"retention"}),
        ({"outage": 13.73 * DAY}, {"retention"}),
        ({"outage": 2 * DAY, "queue": replace(GOOD_QUEUE, max_receive_count=5)}, {"receives"}),
        ({"outage": 2 * DAY, "queue": replace(GOOD_QUEUE, retention=86_400)}, {"retention"}),
        ({"batch_time": 0.2, "function_timeout": 1.1}, {"function-timeout"}),
        ({"function_timeout": 200.0}, {"visibility-timeout"}),
        ({"row_bytes": 1_048_576, "batch_time": 0.01}, {"row-size"}),
    ],
)
def test_what_does_not_fit(changed: dict[str, Any], names: set[str]) -> None:
    """Each problem by itself."""
    assert names <= named(replace(USUAL, **changed)) <= names | {"capacity"}


def test_a_catch_up_that_takes_too_long() -> None:
    """Only where one is asked for."""
    assert named(USUAL, HOUR) == {"catch-up"}
    assert named(USUAL, 4 * HOUR) == set()


def test_it_never_catches_up() -> None:
    """Nothing is promised then, and the curve rises on."""
    found = forecast(replace(USUAL, concurrency=10))
    assert found.seconds is None
    assert found.peak_depth == found.peak_age == float("inf")
    assert found.curve[-1].depth > found.depth


def test_advice_names_the_limits() -> None:
    """Of SQS, and of groups."""
    many = replace(USUAL, queue=replace(GOOD_QUEUE, visibility_timeout=60))
    found = {given.name for given in advice(many, forecast(many))}
    assert found == {"look-ahead", "in-flight", "visibility-timeout"}
    few = replace(USUAL, rate=1, groups=3)
    assert {given.name for given in advice(few, forecast(few))} == {"few-groups"}


def test_settings_that_catch_up_in_time() -> None:
    """They do it, and not much sooner."""
    plan = replace(USUAL, concurrency=2, high_throughput=False)
    found = settings(plan, forecast(plan), 2 * HOUR)
    assert found.maximum_concurrency is not None
    assert found.high_throughput
    ready = forecast(replace(USUAL, concurrency=found.maximum_concurrency, high_throughput=True))
    assert ready.seconds is not None
    assert 1.5 * HOUR < ready.seconds <= 2 * HOUR
    assert settings(plan, forecast(plan), 60).maximum_concurrency is None
    alone = replace(plan, groups=1)
    assert settings(alone, forecast(alone), None).maximum_concurrency is None


@pytest.mark.parametrize(("batch_time", "timeout"), [(0.1, 30), (20.0, 38), (2_000.0, 900)])
def test_the_functions_time(batch_time: float, timeout: int) -> None:
    """Half a minute, or as a batch needs; the visibility timeout is six times as long."""
    plan = replace(USUAL, batch_time=batch_time)
    found = settings(plan, forecast(plan), None)
    assert found.function_timeout == timeout
    assert found.visibility_timeout == 6 * timeout


def test_a_month_by_hand() -> None:
    """One write a second: sent, received, deleted, and five pollers wait 20 s each time."""
    found = cost(Scenario(rate=1, outage=HOUR, groups=10, memory=1024, batch_time=0.5), Prices())
    writes = 30 * 86_400
    assert found.requests == writes * 3 + 5 * writes / 20
    assert found.invocations == writes
    assert found.sqs == pytest.approx(found.requests / 1e6 * 0.5)
    assert found.function == pytest.approx(writes / 1e6 * 0.2 + writes * 0.5 * 0.0000166667)
    assert found.total == found.sqs + found.function


def test_large_rows_cost_more_requests() -> None:
    """Each 64 KiB are one."""
    small, large = (
        cost(Scenario(rate=1, outage=1, groups=1, row_bytes=size), Prices())
        for size in (65_536, 65_537)
    )
    assert large.requests - small.requests == 2 * 30 * 86_400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate", 0), ("outage", -1), ("groups", 0), ("hottest", 1.1), ("row_bytes", 0),
        ("concurrency", 0), ("batch_size", 11), ("batch_time", float("nan")), ("send_batch", 0),
        ("function_timeout", float("inf")), ("memory", 0),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(name: str, value: float) -> None:
    """As everywhere."""
    changed: dict[str, Any] = {name: value}
    with pytest.raises(ContractError, match=name):
        replace(USUAL, **changed)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.25, "0.25 s"), (9.99, "9.99 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3_600, "1 h"),
        (3_700, "1 h 1 min"), (90_000, "1 d 1 h"), (86_460, "1 d"), (float("inf"), "without end"),
    ],
)  # fmt: skip
def test_times_in_words(seconds: float, words: str) -> None:
    """The two largest units."""
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (2.5, "2.5"), (12.5, "12"), (1_234_567, "1,234,567"), (float("inf"), "without end")],
)
def test_numbers_in_words(number: float, words: str) -> None:
    """Thousands are set apart."""
    assert count(number) == words


def test_a_chart_in_text() -> None:
    """A triangle has its top in the middle, and its sides are alike."""
    drawn = chart([(0, 0), (50, 8), (100, 0)], "title", count, span)
    title, *rows, axis, ruler = drawn.splitlines()
    assert title == "title"
    assert len(rows) == HEIGHT
    bars = [row.partition("|")[2].ljust(WIDTH) for row in rows]
    assert all(bar == bar[::-1] for bar in bars)
    filled = [bar.count("#") for bar in bars]
    assert filled == sorted(filled)
    assert 0 < filled[0] < filled[-1] <= WIDTH
    assert axis.endswith("-" * WIDTH)
    assert ruler.split() == ["0", "50", "s", "1", "min", "40", "s"]
    assert drawn.isascii()


def test_a_flat_chart() -> None:
    """Nothing is divided by nothing."""
    assert "#" not in chart([(0, 0), (1, 0)], "", count, span)
