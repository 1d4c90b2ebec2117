"""The FIFO batches that every consumer must get right, case by case."""

import pytest

from durable_ingest.rows import Fault, Refusal
from durable_ingest.settlement import Ledger, deletion_rounds

REJECTED = Refusal(Fault.REJECTED, "too long")
AWAY = Refusal(Fault.UNAVAILABLE, "gone")


def test_a_rejected_message_behind_a_held_one_keeps_its_reason() -> None:
    """Whoever asks why it waits hears both kinds."""
    ledger = Ledger(["a", "a", "a"])
    refused = Refusal(Fault.REJECTED, "the body is not JSON")
    ledger.hold(0, Refusal(Fault.UNAVAILABLE, "away"))
    ledger.reject(1, refused)
    assert ledger.held[1] == refused
    assert ledger.held[2].fault is Fault.BEHIND


def drive(groups: str, bad: set[int], *, letters: bool) -> Ledger:
    """Write what may be written until nothing moves; bad rows go to a dead-letter queue, if any."""
    ledger = Ledger(list(groups))
    while True:
        before = (ledger.settled, ledger.writable())
        stopped: set[str] = set()
        for index in ledger.writable():
            if groups[index] in stopped:
                continue
            if index in bad:
                ledger.reject(index, REJECTED)
                stopped.add(groups[index])
            else:
                ledger.settle(index)
        for index, refusal in ledger.due_dead_letters():
            if letters:
                ledger.settle(index)
            else:
                ledger.hold(index, refusal)
        if (ledger.settled, ledger.writable()) == before:
            return ledger


@pytest.mark.parametrize(
    ("groups", "bad", "held"),
    [
        ("11223", {2, 4}, [2, 3, 4]),
        ("11223", {0, 2}, [0, 1, 2, 3]),
        ("ABAB", {0}, [0, 2]),
        ("ABC", {0, 1, 2}, [0, 1, 2]),
        ("AAAAAAAAAA", {9}, [9]),
        ("AAC", {0}, [0, 1]),
        ("AB", set(), []),
    ],
)
def test_without_dead_letters_a_group_is_held_from_its_first_failure(
    groups: str, bad: set[int], held: list[int]
) -> None:
    """And all others are settled; with dead letters everything is."""
    ledger = drive(groups, bad, letters=False)
    assert list(ledger.held) == held
    assert ledger.settled == [n for n in range(len(groups)) if n not in held]
    assert drive(groups, bad, letters=True).settled == list(range(len(groups)))


def test_reasons_are_kept() -> None:
    """The head's own; those behind it wait for it."""
    ledger = Ledger(["a", "a"])
    ledger.hold(0, AWAY)
    assert ledger.held[0] is AWAY
    assert ledger.held[1].fault is Fault.BEHIND


def test_a_dead_letter_is_due_once_nothing_before_it_is_open() -> None:
    """A rejected message behind a pending one waits: it may come to be held."""
    ledger = Ledger(["a", "a", "b"])
    ledger.reject(1, REJECTED)
    ledger.reject(2, REJECTED)
    assert ledger.due_dead_letters() == [(2, REJECTED)]
    assert ledger.writable() == [0]
    ledger.settle(0)
    assert ledger.due_dead_letters() == [(1, REJECTED), (2, REJECTED)]
    ledger.hold(1, AWAY)
    assert ledger.due_dead_letters() == [(2, REJECTED)]


def test_nothing_behind_a_rejected_message_is_written_before_it_is_settled() -> None:
    """A crash between the two would leave the newer one without the older's dead letter."""
    ledger = Ledger(["a", "a"])
    ledger.reject(0, REJECTED)
    assert ledger.writable() == []
    ledger.settle(0)
    assert ledger.writable() == [1]


def test_deletions_of_one_group_come_one_after_the_other() -> None:
    """Round by round; order-free messages all at once."""
    settled = [(0, "a", False), (1, "b", False), (2, "a", False), (4, "c", True), (5, "c", True)]
    assert deletion_rounds(settled) == [[0, 1, 4, 5], [2]]
    assert deletion_rounds([]) == []
