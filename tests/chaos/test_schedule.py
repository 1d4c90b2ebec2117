"""The schedule repeats, and leaves no fault out."""

from itertools import islice

from chaos.schedule import Kind, Strike, strikes

KINDS = {"a": Kind(1, 2), "b": Kind(0, 0), "c": Kind(3, 3, weight=50)}


def first(count: int, seed: int = 7, track: str = "queue") -> list[Strike]:
    """Give the first strikes."""
    return list(islice(strikes(seed, track, KINDS, gap=4.0), count))


def test_the_same_seed_gives_the_same_faults() -> None:
    """Their lengths and their own chance too."""
    assert first(50) == first(50)
    assert first(1)[0].chance().random() == first(1)[0].chance().random()


def test_another_seed_or_track_gives_others() -> None:
    """Tracks do not march in step."""
    assert first(50) != first(50, seed=8)
    assert first(50) != first(50, track="network")


def test_every_fault_comes_once_before_any_comes_twice() -> None:
    """Heavy ones come more often after that."""
    names = [strike.fault for strike in first(200)]
    assert sorted(names[:3]) == ["a", "b", "c"]
    assert names.count("c") > 150


def test_lengths_and_gaps_are_within_their_bounds() -> None:
    """A gap is half to one and a half times the average."""
    for strike in first(200):
        kind = KINDS[strike.fault]
        assert kind.shortest <= strike.seconds <= kind.longest
        assert 2.0 <= strike.gap <= 6.0
