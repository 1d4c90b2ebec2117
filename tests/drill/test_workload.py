"""The drill's workload."""

from itertools import islice

from drill.workload import Change, changes


def first(count: int, **settings: int) -> list[Change]:
    """Take the first changes of a workload."""
    return list(islice(changes(**{"seed": 1, "rate": 10, "customers": 20} | settings), count))


def test_the_same_seed_gives_the_same_history() -> None:
    """A drill can be repeated."""
    assert first(300) == first(300)


def test_another_seed_gives_another_history() -> None:
    """The seed decides."""
    assert first(300) != first(300, seed=2)


def test_changes_are_due_at_the_rate() -> None:
    """Ten a second, from the drill's begin."""
    assert [change.due for change in first(4)] == [0.0, 0.1, 0.2, 0.3]


def test_revisions_of_a_customer_count_from_one() -> None:
    """So the checker can tell older from newer."""
    revisions: dict[int, list[int]] = {}
    for change in first(300):
        revisions.setdefault(change.owner, []).append(change.customer.revision)
    assert all(found == list(range(1, len(found) + 1)) for found in revisions.values())
    assert max(map(len, revisions.values())) > 300 / 20  # some are busier than others


def test_all_customers_are_within_the_number_asked_for() -> None:
    """And each owner has one id."""
    owners = {(change.owner, change.customer.customer_id) for change in first(500)}
    assert sorted(owner for owner, _ in owners) == list(range(20))


def test_no_two_changes_are_equal() -> None:
    """A row tells by its content which change it came from."""
    made = [change.customer for change in first(300)]
    assert len(set(made)) == 300
