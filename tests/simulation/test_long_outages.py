"""What a long outage costs a message, from end to end, in virtual time."""

import pytest

from tests.simulation.plan import Outage, Plan
from tests.simulation.runner import wrong_with
from tests.simulation.world import Outcome, run

HOUR = 3600.0
DAY = 24 * HOUR
BEGINS = 1.0


def outage_of(seconds: float, *, what: str = "stopped", seed: int = 0) -> Outcome:
    """Run a schedule in which nothing but the database fails, once."""
    return run(
        Plan(
            seed=seed,
            kinds=("plain",),
            inbox=False,
            shared_group=False,
            acknowledge="delete",
            container=False,
            drainers=1,
            producers=1,
            calls=3,
            visibility=180,
            retention=14 * 86_400,
            function_timeout=30.0,
            row_alias=True,
            tags=0.0,
            other_queue=False,
            redrives=False,
            odd_rows=0.0,
            rates={},
            outages=(Outage(what, BEGINS, seconds),),
            heals_at=BEGINS + seconds,
        )
    )


def receives(outcome: Outcome) -> int:
    """Say how often the message was received that was received most."""
    return max(delivered.receives for delivered in outcome.history.delivered)


@pytest.mark.parametrize(
    ("seconds", "what", "most"),
    [
        (60.0, "stopped", 12),
        (60.0, "read-only", 12),
        (60.0, "table-missing", 12),
        (HOUR, "stopped", 60),
        (HOUR, "read-only", 60),
        (HOUR, "table-missing", 60),
        (DAY, "stopped", 100),
        (13.5 * DAY, "stopped", 450),
    ],
)
def test_an_outage_costs_few_receives(seconds: float, what: str, most: int) -> None:
    """Fewer than `maxReceiveCount` allows, however long it takes."""
    outcome = outage_of(seconds, what=what)
    assert wrong_with(outcome) == []
    assert receives(outcome) <= most


def test_what_expires_in_an_outage_is_dead_lettered() -> None:
    """In the last six hours of the longest retention, and nothing is lost."""
    outcome = outage_of(14 * DAY)
    assert wrong_with(outcome) == []
    assert receives(outcome) <= 450
    dead = [letter.fault for letter in outcome.history.dead]
    assert dead == ["expiring"] * len(outcome.history.acknowledged) != []
    assert outcome.history.commits == []


@pytest.mark.parametrize("seconds", [60.0, HOUR, 5 * HOUR, DAY])
@pytest.mark.parametrize("seed", range(3))
def test_the_catch_up_starts_at_most_a_tenth_late(seconds: float, seed: int) -> None:
    """Or, after a short outage, within the shortest visibility timeout and a poll."""
    outcome = outage_of(seconds, seed=seed)
    ends = BEGINS + seconds
    first = min(commit.time for commit in outcome.history.commits if commit.time >= ends)
    assert first - ends <= max(seconds / 10, 5.0) + 5.0
