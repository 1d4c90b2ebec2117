"""Taking turns, medians and quartiles."""

import pytest

from benchmarks.samples import Samples, alternate, turns


def test_every_round_has_all_and_begins_with_another() -> None:
    """So that none is always the first."""
    rounds = [name for _, name in turns("abc", 4)]
    assert ["".join(rounds[start : start + 3]) for start in range(0, 12, 3)] == [
        "abc",
        "bca",
        "cab",
        "abc",
    ]
    assert [number for number, _ in turns("ab", 2)] == [0, 0, 1, 1]


def test_the_first_rounds_and_the_preparing_do_not_count() -> None:
    """Each candidate has as many samples as rounds; each is prepared for its round's number."""
    prepared: list[int] = []
    carried_out: list[int] = []

    def prepare(number: int) -> object:
        prepared.append(number)
        return lambda: carried_out.append(number)

    taken = alternate({"a": prepare, "b": prepare}, 4, warm_up=2)  # type: ignore[dict-item]
    assert prepared == carried_out == [n for n in range(6) for _ in "ab"]
    assert [len(samples.elapsed) for samples in taken.values()] == [4, 4]
    assert [len(samples.cpu) for samples in taken.values()] == [4, 4]


def test_one_slow_round_changes_no_median() -> None:
    """The machine is noisy."""
    samples = Samples([0.001, 0.002, 90.0], [0.5, 0.1, 0.2])
    assert (samples.typical, samples.typical_cpu) == (0.002, 0.2)


@pytest.mark.parametrize(
    ("elapsed", "quartiles"), [([3e-6, 1e-6, 2e-6, 5e-6, 4e-6], [2, 3, 4]), ([7e-6], [7, 7, 7])]
)
def test_quartiles_as_json(elapsed: list[float], quartiles: list[float]) -> None:
    """In microseconds; without processor time where none was taken."""
    assert Samples(elapsed).as_json() == {"rounds": len(elapsed), "elapsed_us": quartiles}
    assert Samples(elapsed, elapsed).as_json()["cpu_us"] == quartiles
