"""What must be so of every plan."""

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from durable_ingest.planning.cost import Prices, cost
from durable_ingest.planning.forecasting import forecast
from durable_ingest.planning.holding import held_groups, in_flight, receives
from durable_ingest.planning.scenario import MOST_IN_FLIGHT, Scenario
from durable_ingest.planning.settings import settings
from durable_ingest.planning.verdict import problems

HOUR = 3600.0

_scenarios = st.builds(
    Scenario,
    rate=st.floats(0.01, 100_000),
    outage=st.floats(1, 10 * 86_400),
    groups=st.integers(1, 10**7),
    hottest=st.just(0.0) | st.floats(0, 1),
    row_bytes=st.integers(1, 1_000_000),
    concurrency=st.integers(1, 1000),
    batch_size=st.integers(1, 10),
    batch_time=st.floats(0.005, 5),
    high_throughput=st.booleans(),
    send_batch=st.integers(1, 10),
)
_more = st.floats(1.05, 4)


@given(_scenarios)
def test_a_forecast_holds_together(scenario: Scenario) -> None:
    """Depth is what came in; the peaks are no less; the curve's times rise."""
    found = forecast(scenario)
    assert found.depth == scenario.rate * scenario.outage
    assert found.peak_depth >= found.depth
    assert found.peak_age >= scenario.outage
    assert 0 <= found.begins <= max(5.5, scenario.outage / 10 + 0.5)
    assert (found.seconds is None) != scenario.keeps_up
    times = [moment.at for moment in found.curve]
    assert times == sorted(times)
    assert all(moment.depth >= 0 and moment.age >= 0 for moment in found.curve)
    assert 1 <= held_groups(scenario) <= max(1, scenario.groups)
    assert in_flight(scenario) <= MOST_IN_FLIGHT * 1.0001


@given(_scenarios, _more)
def test_more_writes_are_never_drained_sooner(scenario: Scenario, more: float) -> None:
    """The depth grows with the rate, and so does the time to catch up."""
    busier = replace(scenario, rate=scenario.rate * more)
    before, after = forecast(scenario), forecast(busier)
    assert after.depth > before.depth
    if after.seconds is not None:
        assert before.seconds is not None
        slack = max(after.begins, before.begins) + scenario.batch_time
        assert before.seconds <= after.seconds * 1.01 + slack
    assert cost(busier, Prices()).sqs >= cost(scenario, Prices()).sqs * 0.999


@given(_scenarios, _more)
def test_a_longer_outage_costs_more(scenario: Scenario, more: float) -> None:
    """Depth, receives and the time to catch up."""
    longer = replace(scenario, outage=scenario.outage * more)
    before, after = forecast(scenario), forecast(longer)
    assert after.depth > before.depth
    assert receives(longer) >= receives(scenario)
    if before.seconds is not None:
        assert after.seconds is not None
        slack = max(after.begins, before.begins) + scenario.batch_time
        assert before.seconds <= after.seconds * 1.01 + slack


@given(_scenarios, st.integers(2, 5))
def test_more_functions_never_drain_less(scenario: Scenario, times: int) -> None:
    """Nor do larger batches in the same time."""
    wider = replace(scenario, concurrency=scenario.concurrency * times)
    assert wider.capacity >= scenario.capacity
    assert replace(scenario, batch_size=10).capacity >= scenario.capacity


@example(Scenario(rate=2.0, outage=100.0, groups=1, batch_size=3, batch_time=2.0))
@given(_scenarios)
def test_the_settings_given_keep_up(scenario: Scenario) -> None:
    """Where any number of functions does."""
    found = settings(scenario, forecast(scenario), None)
    if found.maximum_concurrency is None:
        return
    used = replace(
        scenario,
        concurrency=found.maximum_concurrency,
        high_throughput=True,
        send_batch=10,
        hottest=0.0,
        function_timeout=found.function_timeout,
        queue=replace(scenario.queue, visibility_timeout=found.visibility_timeout),
    )
    names = {problem.name for problem in problems(used, forecast(used), None)}
    assert "visibility-timeout" not in names
    assert "function-timeout" not in names
    if used.capacity < used.calls * used.full_batch:
        assert "capacity" not in names
