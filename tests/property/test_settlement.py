"""The ledger against a slow and obvious account of what FIFO asks for."""

from collections import defaultdict
from enum import Enum, auto

from hypothesis import given, settings
from hypothesis import strategies as st

from durable_ingest.rows import Fault, Refusal
from durable_ingest.settlement import Ledger, deletion_rounds

REJECTED = Refusal(Fault.REJECTED, "rejected")
HELD = Refusal(Fault.UNAVAILABLE, "held")


class Outcome(Enum):
    """What would become of a message, were it tried."""

    STORED = auto()
    REJECTED = auto()
    """The database refuses it; its dead letter is confirmed."""
    UNLETTERED = auto()
    """The database refuses it; its dead letter is not confirmed."""
    HELD = auto()
    MALFORMED = auto()
    """Known before anything is written; its dead letter is confirmed."""
    UNKNOWN = auto()
    """Held before anything is written."""


_batches = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(Outcome)), max_size=10)
_SETTLES = {Outcome.STORED, Outcome.REJECTED, Outcome.MALFORMED}


def reference(batch: list[tuple[str, Outcome]]) -> list[int]:
    """Settle each group's messages up to the first that is not to be settled."""
    settled: list[int] = []
    for group in {group for group, _ in batch}:
        for index, (other, outcome) in enumerate(batch):
            if other != group:
                continue
            if outcome not in _SETTLES:
                break
            settled.append(index)
    return sorted(settled)


class Drive:
    """A drainer's loop over a ledger, in steps that a test chooses."""

    def __init__(self, batch: list[tuple[str, Outcome]], step: int) -> None:
        self.batch = batch
        self.step = step
        self.ledger = Ledger([group for group, _ in batch])
        for index, (_, outcome) in enumerate(batch):
            if outcome is Outcome.MALFORMED:
                self.ledger.reject(index, REJECTED)
            elif outcome is Outcome.UNKNOWN:
                self.ledger.hold(index, HELD)

    def check(self) -> None:
        """Nothing is settled, written or dead-lettered before its group's earlier ones."""
        settled = set(self.ledger.settled)
        due = [index for index, _ in self.ledger.due_dead_letters()]
        for index in (*settled, *due):
            assert self._before(index) <= settled
        for index in self.ledger.writable():
            earlier = self._before(index) - settled
            assert earlier <= set(self.ledger.writable())
        assert set(self.ledger.held) == set(range(len(self.batch))) - settled

    def run(self) -> list[int]:
        """Go on until nothing moves."""
        while self.ledger.writable() or self.ledger.due_dead_letters():
            self._write(self.ledger.writable()[: self.step])
            self.check()
            for index, refusal in self.ledger.due_dead_letters()[: self.step]:
                if self.batch[index][1] is Outcome.UNLETTERED:
                    self.ledger.hold(index, refusal)
                else:
                    self.ledger.settle(index)
                self.check()
        return self.ledger.settled

    def _write(self, rows: list[int]) -> None:
        stopped: set[str] = set()
        for index in rows:
            group, outcome = self.batch[index]
            if group in stopped:
                continue
            if outcome is Outcome.STORED:
                self.ledger.settle(index)
                continue
            stopped.add(group)
            if outcome is Outcome.HELD:
                self.ledger.hold(index, HELD)
            else:
                self.ledger.reject(index, REJECTED)

    def _before(self, index: int) -> set[int]:
        group = self.batch[index][0]
        return {n for n in range(index) if self.batch[n][0] == group}


@settings(max_examples=300)
@given(_batches, st.integers(1, 10))
def test_the_ledger_settles_what_the_reference_does(
    batch: list[tuple[str, Outcome]], step: int
) -> None:
    """For any batch, any outcomes, and however much is done in one step."""
    drive = Drive(batch, step)
    drive.check()
    assert drive.run() == reference(batch)
    for index, refusal in drive.ledger.held.items():
        own = batch[index][1] not in _SETTLES and drive._before(index) <= set(drive.ledger.settled)
        assert (refusal.fault is not Fault.BEHIND) >= own


@given(_batches, st.integers(1, 10), st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_held_messages_that_expire_go_in_their_groups_order(
    batch: list[tuple[str, Outcome]], step: int, expiring: set[int], confirmed: set[int]
) -> None:
    """A group's messages from its head on, as long as each is due and its copy is confirmed.

    Due are those that expire, and those that were rejected before and waited behind the head.
    """
    drive = Drive(batch, step)
    written = drive.run()
    ledger = drive.ledger
    for index in expiring & ledger.held.keys():
        ledger.reject(index, REJECTED)
    due = expiring | {n for n, (_, outcome) in enumerate(batch) if outcome is Outcome.MALFORMED}
    tried: list[int] = []
    while letters := ledger.due_dead_letters():
        for index, refusal in letters:
            tried.append(index)
            if index in confirmed:
                ledger.settle(index)
            else:
                ledger.hold(index, refusal)
    expected = set(written)
    for index in range(len(batch)):
        safe = index in due & confirmed and drive._before(index) <= expected
        expected |= {index} if safe else set()
    assert set(ledger.settled) == expected
    assert len(tried) == len(set(tried))
    assert set(tried) <= due - set(written)
    assert all(drive._before(index) <= expected for index in tried)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=10))
def test_deletions_keep_a_groups_order(settled: list[tuple[str, bool]]) -> None:
    """Each message once; of a group that needs order one in a round, earlier ones earlier."""
    numbered = [(n, group + str(free), free) for n, (group, free) in enumerate(settled)]
    rounds = deletion_rounds(numbered)
    assert sorted(n for batch in rounds for n in batch) == list(range(len(settled)))
    places: dict[str, list[int]] = defaultdict(list)
    for index, group, free in numbered:
        place = next(i for i, batch in enumerate(rounds) if index in batch)
        places[group].append(place)
        assert not free or place == 0
    for group, given_rounds in places.items():
        if group.endswith("False"):
            assert given_rounds == list(range(len(given_rounds)))
