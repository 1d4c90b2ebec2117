"""Taking turns, medians and quartiles."""

from itertools import pairwise

import pytest

from benchmarks.samples import Samples, alternate, turns


def test_every_round_has_all_in_an_order_of_its_own() -> None:
    """So that none is always the first, and none has always the same one before it."""
    names = [name for _, name in turns("abcd", 100)]
    rounds = [tuple(names[start : start + 4]) for start in range(0, 400, 4)]
    assert all(set(each) == set("abcd") for each in rounds)
    assert {each[0] for each in rounds} == set("abcd")
    before = {pair for each in rounds for pair in pairwise(each)}
    assert before == {(one, other) for one in "abcd" for other in "abcd" if one != other}
    assert [number for number, _ in turns("ab", 2)] == [0, 0, 1, 1]


def test_every_second_round_is_the_one_before_in_reverse() -> None:
    """Two candidates are first as often as each other, however few the rounds."""
    names = [name for _, name in turns("ab", 4)]
    assert names[:2] == names[3:1:-1]
    assert names[4:6] == names[7:5:-1]


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
