"""The simulation finds faults: each that is planted in the library, within a few hundred seeds."""

import pytest

from tests.simulation.planted import PLANTS, Plant
from tests.simulation.runner import first_failure, shortest

SEEDS = 400


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some schedule violates a guarantee because of it."""
    plant(monkeypatch)
    assert first_failure(range(SEEDS)) is not None


def test_a_failing_schedule_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left fails too, and takes less."""
    PLANTS[0](monkeypatch)
    seed = first_failure(range(SEEDS))
    assert seed is not None
    plan, outcome = shortest(seed)
    assert plan.calls == plan.producers == 1
    assert plan.rates == {}
    assert len(outcome.trace) < 20
