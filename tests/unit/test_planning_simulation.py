"""The formulas and the simulation, two ways to the same numbers."""

from dataclasses import replace
from itertools import product

import pytest

from durable_ingest.planning.forecasting import forecast
from durable_ingest.planning.holding import receives
from durable_ingest.planning.scenario import MOST_IN_FLIGHT, Scenario
from durable_ingest.planning.simulation import Simulated, simulate

HOUR = 3600.0
DAY = 24 * HOUR


def scenario(
    rate: float, groups: int, outage: float, busy: float, concurrency: int
) -> Scenario | None:
    """Make one in which the writes take a share of what the drainer can do; None if it cannot be.

    A batch that takes more than half a second, or less than 4 ms, is no batch of ten upserts.
    """
    batch_time = busy * min(concurrency, groups) * 10 / rate
    if not 0.004 <= batch_time <= 0.5:
        return None
    made = Scenario(
        rate=rate,
        groups=groups,
        outage=outage,
        concurrency=concurrency,
        batch_time=batch_time,
        high_throughput=True,
    )
    return made if made.keeps_up else None


def grid(*busy: float) -> list[Scenario]:
    """Make every scenario from a drill to far more than one machine carries."""
    cases = product((50, 500, 2_000, 50_000), (1, 20, 1_000, 100_000), (300, HOUR, 4 * HOUR),
                    busy, (10, 100))  # fmt: skip
    return [made for case in cases if (made := scenario(*case)) is not None]


GRID = grid(0.7, 0.8)


def name(given: Scenario) -> str:
    """Name a case."""
    return (
        f"{given.rate:g}/s-{given.groups}-groups-{given.outage:g}s-{given.concurrency}x"
        f"{given.batch_time:.3f}s"
    )


def test_the_grid_has_more_than_fifty_cases() -> None:
    """As promised."""
    assert len(GRID) >= 50


@pytest.mark.parametrize("given", GRID, ids=name)
def test_formulas_and_simulation_agree_within_a_tenth(given: Scenario) -> None:
    """On depth and catch-up, where the writes take more than half of the drainer's capacity."""
    foretold, simulated = forecast(given), simulate(given, seed=1)
    assert simulated.depth == pytest.approx(foretold.depth, rel=0.1)
    assert simulated.seconds == pytest.approx(foretold.seconds, rel=0.1)
    assert simulated.receives <= receives(given) + 1


@pytest.mark.parametrize("given", grid(0.3), ids=name)
def test_a_fast_drainer_waits_for_what_is_hidden(given: Scenario) -> None:
    """There the start of the catch-up counts most, and that is known to a tenth of the outage."""
    foretold, simulated = forecast(given), simulate(given, seed=1)
    assert simulated.seconds == pytest.approx(foretold.seconds, rel=0.1, abs=0.1 * given.outage)


def test_days_at_any_rate_take_a_moment() -> None:
    """Its events grow with neither: 17 thousand million messages."""
    given = scenario(50_000, 100_000, 4 * DAY, 0.8, 100)
    assert given is not None
    simulated = simulate(given, seed=1)
    assert simulated.seconds == pytest.approx(forecast(given).seconds, rel=0.1)
    assert simulated.visits < 200_000


USUAL = Scenario(rate=500, outage=HOUR, groups=5_000, concurrency=20, high_throughput=True)


def test_a_seed_repeats_a_run() -> None:
    """Another gives another."""
    assert simulate(USUAL, seed=3) == simulate(USUAL, seed=3)
    assert simulate(USUAL, seed=3) != replace(simulate(USUAL, seed=4), seed=3)


def test_one_hot_group_decides() -> None:
    """It is drained by one function at a time, while the others are done long since."""
    even = simulate(USUAL, seed=1)
    given = replace(USUAL, hottest=0.15)
    hot = simulate(given, seed=1)
    assert even.seconds is not None
    assert hot.seconds is not None
    assert hot.seconds > 2 * even.seconds
    assert hot.seconds == pytest.approx(forecast(given).seconds, rel=0.1)


def test_the_calls_to_sqs_are_limited() -> None:
    """Without high-throughput mode 3,000 messages a second are drained, however many functions."""
    given = replace(USUAL, rate=2_000, send_batch=10, concurrency=200, high_throughput=False)
    simulated = simulate(given, seed=1)
    assert simulated.seconds == pytest.approx(forecast(given).seconds, rel=0.1)
    assert simulated.seconds == pytest.approx(2_000 * HOUR / 1_000, rel=0.15)


def test_no_more_is_in_flight_than_may_be() -> None:
    """Many groups reach the limit."""
    given = replace(USUAL, groups=100_000, rate=1_500)
    assert simulate(given, seed=1).in_flight == MOST_IN_FLIGHT
    assert simulate(USUAL, seed=1).in_flight == pytest.approx(50_000, rel=0.1)


@pytest.mark.parametrize("outage", [60.0, 4 * HOUR])
def test_what_cannot_catch_up_does_not(outage: float) -> None:
    """The run ends all the same, and the depth rises."""
    simulated: Simulated = simulate(replace(USUAL, outage=outage, concurrency=4), seed=1)
    assert simulated.seconds is None
    assert simulated.curve[-1].depth > simulated.depth


def test_the_curve_goes_up_and_comes_down() -> None:
    """From nothing to the depth, and back; times rise."""
    curve = simulate(USUAL, seed=1).curve
    assert [moment.at for moment in curve] == sorted(moment.at for moment in curve)
    assert curve[0].depth == 0
    assert max(moment.depth for moment in curve) >= USUAL.messages * 0.99
    assert curve[-1].depth < USUAL.messages * 0.05
    assert max(moment.age for moment in curve) < USUAL.outage * 1.15
