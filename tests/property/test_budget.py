"""Hiding within what a queue's settings allow, in virtual time."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_ingest.answers import QueueSettings
from durable_ingest.budget import last_hours, longest_outage, receives_of
from durable_ingest.hiding import SHORTEST_HIDE, Left, hide_seconds, within

DAYS = 86_400
HALF_A_DAY = 43_200
_settings = st.builds(
    QueueSettings,
    retention=st.integers(60, 14 * DAYS),
    visibility_timeout=st.integers(0, HALF_A_DAY),
    max_receive_count=st.integers(1, 1000),
)
_lefts = st.builds(
    Left,
    seconds=st.floats(-7 * 3600, 14 * DAYS),
    expires=st.floats(-3600, 14 * DAYS),
    receives=st.none() | st.integers(0, 1000),
    hide=st.integers(HALF_A_DAY - 5400, HALF_A_DAY),
)


@given(st.integers(0, 14 * DAYS))
def test_the_catch_up_starts_at_most_a_tenth_of_the_outage_late(outage: int) -> None:
    """Or five seconds; half a second is rounding."""
    age = 0
    while age < outage:
        age += hide_seconds(age)
    assert age - outage <= max(SHORTEST_HIDE, outage / 10 + 0.5)


@given(st.integers(60, 14 * DAYS))
def test_a_thousand_receives_change_nothing(retention: int) -> None:
    """Each time the message is hidden for a tenth of its age."""
    whole = retention - last_hours(retention)
    age, receives = 0, 1
    while age < whole:
        left = Left(whole - age, retention - age, 1000 - receives, HALF_A_DAY)
        tenth = hide_seconds(age)
        assert within(left, tenth, age) == min(tenth, max(ceil(left.seconds), SHORTEST_HIDE))
        age, receives = age + tenth, receives + 1


@given(_settings)
def test_from_45_receives_on_a_message_is_held_for_its_whole_retention(
    settings: QueueSettings,
) -> None:
    """With fewer, not much shorter than if it were hidden ever longer by the same factor."""
    most = settings.max_receive_count or 0
    whole = ceil(settings.retention - last_hours(settings.retention))
    cap = HALF_A_DAY - min(settings.visibility_timeout, 5400)
    if most >= 45:
        assert longest_outage(settings) == pytest.approx(whole, abs=1)
    else:
        assert min(geometric(most, whole, cap), whole - 1) <= longest_outage(settings) + most
        assert longest_outage(settings) <= max(min(whole + 1, most * cap), SHORTEST_HIDE)


def geometric(most: int, whole: float, cap: int) -> float:
    """Hide by the same factor, of an age that begins at five seconds, at most for `cap`."""
    age = 0.0
    for receives in range(most - 1, 0, -1):
        start = max(age, SHORTEST_HIDE)
        growth: float = (1 + (whole - age) / start) ** (1 / receives)
        age += min(max(start * (growth - 1), hide_seconds(age)), cap)
        if age >= whole:
            return whole
    return min(age + cap, whole)


@given(_settings, st.lists(st.integers(2, 8), min_size=1))
def test_a_message_that_meets_a_lock_each_time_is_held_as_long(
    settings: QueueSettings, waits: list[int]
) -> None:
    """A few seconds each time would spend a thousand receives in an hour and a half."""
    most, cap = (settings.max_receive_count or 0) + 45, HALF_A_DAY - 5400
    whole = settings.retention - last_hours(settings.retention)
    age = 0
    for receives in range(1, most + 1):
        left = Left(whole - age, settings.retention - age, most - receives, cap)
        if left.seconds > 0:
            age += within(left, waits[receives % len(waits)], age)
    assert age >= whole


@given(st.integers(20, 1000), st.integers(0, 14 * DAYS))
def test_few_receives_double_the_outage_at_most(most: int, outage: int) -> None:
    """Or make it five seconds longer; from 20 receives on, in a fortnight's retention."""
    age, receives = 0, 1
    while age < outage and receives < most:
        left = Left(1_188_000 - age, 1_209_600 - age, most - receives, HALF_A_DAY)
        if left.seconds <= 0:
            return
        age += within(left, hide_seconds(age), age)
        receives += 1
    if receives < most:
        assert age - outage <= max(SHORTEST_HIDE, outage)


def slowest_growth(receives: int, seconds: float, age: float, cap: int) -> float:
    """Look for the smallest factor by which the age may grow each time; give the first hide."""

    def lasts(growth: float) -> bool:
        reached = age
        for _ in range(receives):
            reached += min(reached * (growth - 1), cap)
        return reached >= age + seconds

    low, high = 1.0, 1e6
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if lasts(middle) else (middle, high)
    return min(age * (high - 1), cap)


@given(
    st.integers(1, 60),
    st.floats(60, 14 * DAYS),
    st.floats(5, 10 * DAYS),
    st.integers(37_800, 43_200),
)
def test_receives_are_spread_by_the_slowest_growth_that_lasts(
    receives: int, seconds: float, age: float, cap: int
) -> None:
    """Against a search for it; at most doubled, or what no limit to one hide would ask for."""
    hidden = within(Left(seconds, seconds + 21_600, receives, cap), SHORTEST_HIDE, age)
    uncapped = (1 + seconds / age) ** (1 / receives)
    fastest = min(age * (max(uncapped, 2) - 1), slowest_growth(receives, seconds, age, cap))
    expected = max(min(fastest, ceil(seconds), cap), SHORTEST_HIDE)
    assert abs(hidden - expected) <= 1 + expected / 1e6


@given(_lefts, st.integers(2, 3600), st.floats(-1e6, 14 * DAYS))
def test_nothing_is_hidden_past_what_is_left(left: Left, seconds: int, age: float) -> None:
    """Not past SQS' limit, nor into the last hours, nor past half of what remains of those."""
    hidden = within(left, seconds, age)
    limit = left.seconds if left.seconds > 0 else left.expires / 2
    assert min(seconds, SHORTEST_HIDE) <= hidden <= left.hide
    assert hidden <= max(ceil(limit), SHORTEST_HIDE)
    if left.receives is None or left.seconds <= 0:
        assert hidden <= seconds


@given(st.integers(0, 14 * DAYS), st.integers(0, 14 * DAYS))
def test_a_longer_outage_costs_more_receives(one: int, other: int) -> None:
    """And never more than an hour's 60, a fortnight's 450."""
    shorter, longer = sorted((one, other))
    assert receives_of(shorter) <= receives_of(longer) <= 450
    if longer <= 3600:
        assert receives_of(longer) <= 60
