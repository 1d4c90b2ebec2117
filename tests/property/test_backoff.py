"""Bounds of the waits."""

from hypothesis import given
from hypothesis import strategies as st

from durable_ingest.hiding import LONGEST_HIDE, SHORTEST_HIDE, contended_seconds, hide_seconds

_ages = st.floats(-1e6, 1e9)


@given(_ages, _ages)
def test_hiding_is_bounded_and_never_shorter_for_an_older_message(one: float, other: float) -> None:
    """And at most a tenth of the age, once that is above the least."""
    younger, older = sorted((one, other))
    assert SHORTEST_HIDE <= hide_seconds(younger) <= hide_seconds(older) <= LONGEST_HIDE
    assert hide_seconds(older) <= max(SHORTEST_HIDE, older / 10 + 0.5)


@given(st.floats(0, 1, exclude_max=True))
def test_contended_messages_wait_a_few_seconds(jitter: float) -> None:
    """Never none, and never long."""
    assert 2 <= contended_seconds(jitter) <= 8
