"""Waiting between attempts, and giving up."""

import sys

import pytest

from durable_ingest.backoff import GIVE_UP_AFTER, SETTLED_FOR, may_be_given_up, retrying
from durable_ingest.deadline import Deadline
from durable_ingest.hiding import Left, contended_seconds, hide_seconds, within
from tests.virtual_clock import VirtualClock


@pytest.mark.parametrize(
    ("age", "expected"),
    [(-5, 5), (0, 5), (50, 5), (100, 10), (3600, 360), (36_000, 3600), (14 * 86_400, 3600)],
)
def test_a_message_is_hidden_for_a_tenth_of_its_age(age: float, expected: int) -> None:
    """Between 5 seconds and an hour."""
    assert hide_seconds(age) == expected


def test_fourteen_days_of_outage_cost_few_receives() -> None:
    """Some 400, so that a queue's maxReceiveCount of 1000 outlasts them."""
    age = receives = 0
    while age < 14 * 86_400:
        age += hide_seconds(age)
        receives += 1
    assert 350 < receives < 450


@pytest.mark.parametrize(
    ("receives", "seconds", "age", "expected"),
    [
        (None, 1_000_000, 100, 10),
        (999, 1_000_000, 100, 10),
        (9, 200_000, 100, 133),
        (9, 2000, 100, 41),
        (2, 80_000, 100, 2731),
        (2, 40_000, 100, 1903),  # 100 s, 2,003 s, 40,100 s: twenty times as old each time
        (1, 40_000, 100, 40_000),
        (1, 50_000, 100, 43_000),
        (0, 50_000, 100, 43_000),
        (0, 10, 100, 10),
        (0, 1, 100, 5),
        (3, 1_000_000, 100, 2055),
        (40, 1_000_000, 100, 44),
        (25, 1_000_000, 100, 100),
    ],
)
def test_receives_are_spread_over_the_time_that_is_left(
    receives: int | None, seconds: float, age: float, expected: int
) -> None:
    """A tenth of the age where they suffice, else as much more as makes them last."""
    left = Left(seconds, seconds + 21_600, receives, 43_000)
    assert within(left, hide_seconds(age), age) == expected


def test_each_hide_is_longer_until_it_is_the_longest() -> None:
    """Fifty receives in a fortnight: half of the age each time, then twelve hours."""
    age, hides = 0, list[int]()
    for receives in range(49, -1, -1):
        seconds = 1_188_000 - age
        if seconds > 0:
            hides.append(within(Left(seconds, seconds + 21_600, receives, 43_200), 5, age))
            age += hides[-1]
    assert hides == sorted(hides[:-1]) + hides[-1:]
    assert hides[:4] == [5, 5, 6, 9]
    assert hides[30] == 43_200
    assert 1_188_000 <= age <= 1_188_000 + 50


@pytest.mark.parametrize(
    ("expires", "expected"), [(21_600, 3600), (7200, 3600), (3600, 1800), (3, 5), (-60, 5)]
)
def test_in_its_last_hours_a_message_comes_back_at_half_of_them(
    expires: float, expected: int
) -> None:
    """However few receives are left: a last attempt must come before the end."""
    assert within(Left(expires - 21_600, expires, 1, 43_000), 3600, 1_200_000) == expected


@pytest.mark.parametrize(("jitter", "expected"), [(0.0, 2), (0.5, 5), (0.99, 7)])
def test_contended_messages_are_hidden_for_about_five_seconds(jitter: float, expected: int) -> None:
    """Two that met once do not meet again."""
    assert contended_seconds(jitter) == expected


@pytest.mark.parametrize(
    ("age", "since_outage", "expected"),
    [
        (GIVE_UP_AFTER - 1, None, False),
        (GIVE_UP_AFTER, None, True),
        (GIVE_UP_AFTER, SETTLED_FOR - 1, False),
        (GIVE_UP_AFTER, SETTLED_FOR, True),
        (GIVE_UP_AFTER - 1, SETTLED_FOR, False),
    ],
)
def test_a_dependent_message_is_given_up_after_six_hours(
    age: float,
    since_outage: float | None,
    expected: bool,  # noqa: FBT001 - the expected answer
) -> None:
    """Unless an outage was near: what would cure it may be just behind."""
    assert may_be_given_up(age, since_outage) is expected


class _Failing:
    """Fails as often as it is told, and counts."""

    def __init__(self, times: int, error: type[Exception] = OSError) -> None:
        self.times = times
        self.calls = 0
        self._error = error

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self._error
        return "done"


def test_waits_grow_and_are_jittered() -> None:
    """From 50 ms, doubling, up to a second; jitter takes up to half of it."""
    clock = VirtualClock(jitter=0.0)
    repeat = retrying(clock, Deadline.after(clock, 60), on=OSError)
    assert repeat(_Failing(7)) == "done"
    assert clock.waits == pytest.approx([0.025, 0.05, 0.1, 0.2, 0.4, 0.5, 0.5])
    late = VirtualClock(jitter=1.0)
    retrying(late, Deadline.after(late, 60), on=OSError)(_Failing(2))
    assert late.waits == pytest.approx([0.05, 0.1])


def test_attempts_are_counted() -> None:
    """The last error is raised as it was."""
    clock = VirtualClock()
    failing = _Failing(9)
    with pytest.raises(OSError, match=r"^$"):
        retrying(clock, Deadline.after(clock, 60), on=OSError, attempts=3)(failing)
    assert failing.calls == 3


def test_other_errors_are_not_repeated() -> None:
    """They are raised at once."""
    clock = VirtualClock()
    failing = _Failing(1, KeyError)
    with pytest.raises(KeyError):
        retrying(clock, Deadline.after(clock, 60), on=OSError)(failing)
    assert (failing.calls, clock.waits) == (1, [])


def test_no_attempt_is_begun_that_could_end_late() -> None:
    """Wait and attempt both have to fit."""
    clock = VirtualClock()
    failing = _Failing(1)
    with pytest.raises(OSError, match=r"^$"):
        retrying(clock, Deadline.after(clock, 1), on=OSError, attempt_takes=1.0)(failing)
    assert (failing.calls, clock.waits) == (1, [])


class _NoFileLeft:
    """Finds no module of tenacity's, as where the process may open no further file."""

    def find_spec(self, name: str, *_: object) -> None:
        """Fail as the import of a module does then."""
        if name.startswith("tenacity"):
            raise OSError(24, "Too many open files")


def test_what_failed_is_told_where_nothing_can_be_loaded_for_another_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have failed because no file can be opened, and then tenacity's neither."""
    for name in [name for name in sys.modules if name.startswith("tenacity")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_NoFileLeft(), *sys.meta_path])
    clock = VirtualClock()
    with pytest.raises(BrokenPipeError):
        retrying(clock, Deadline.after(clock, 60), on=OSError)(_Failing(1, BrokenPipeError))
