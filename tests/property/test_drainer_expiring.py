"""Batches of old and young messages against a database and SQS that fail at will."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from durable_ingest.rows import Fault, Refusal, Row
from tests.model_drain import DELETE, MODES, SEND, Desk, Mode

_FAULTS = [fault for fault in Fault if fault not in (Fault.BEHIND, Fault.EXPIRING)]


@dataclass(frozen=True)
class Given:
    """One message, and what becomes of it where it is tried."""

    group: str
    old: bool
    """In the last hours of its retention."""
    fault: Fault | None
    letter: bool
    """SQS takes its copy."""
    delete: bool
    """SQS confirms its delete."""

    @property
    def rejected(self) -> bool:
        """Whether its group goes on in the same call, once its copy is confirmed."""
        return self.fault is Fault.REJECTED or (self.fault is Fault.DEPENDENT and self.old)


_batches = st.lists(
    st.builds(
        Given,
        group=st.sampled_from("ab"),
        old=st.booleans(),
        fault=st.sampled_from([None, *_FAULTS]),
        letter=st.booleans(),
        delete=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


def handled(batch: list[Given], mode: Mode) -> tuple[Desk, set[int]]:
    """Drain a batch once; give what is acknowledged."""
    desk = Desk(mode)

    def refuse(row: Row) -> Refusal | None:
        fault = batch[row.index].fault
        return None if fault is None else Refusal(fault, "the cause")

    def refuses(operation: str, entry: object) -> bool:
        assert isinstance(entry, dict)
        if operation == SEND:
            return not batch[int(entry["MessageDeduplicationId"][1:])].letter
        return operation == DELETE and not batch[int(entry["ReceiptHandle"][1:])].delete

    desk.store.refuse, desk.client.refuses = refuse, refuses
    held = desk.handle(desk.batch(*[(one.group, 331.0 if one.old else 3.0) for one in batch]))
    return desk, set(range(len(batch))) - set(held)


@given(_batches, st.sampled_from(MODES))
def test_nothing_is_lost_and_no_group_is_out_of_order(batch: list[Given], mode: Mode) -> None:
    """Whatever fails: what SQS deletes is stored, or its copy is confirmed, in arrival order."""
    desk, gone = handled(batch, mode)
    written, letters = desk.store.written, desk.letters()
    assert gone <= {*written, *letters}
    for group in "ab":
        own = [n for n, one in enumerate(batch) if one.group == group]
        done = sorted({*written, *letters} & set(own))
        assert done == own[: len(done)], "from the head on, without a gap"
        assert [n for n in letters if n in own] == sorted(set(letters) & set(own))
        assert sorted(gone & set(own)) == own[: len(gone & set(own))]
        copied = [n for n in own if n in letters and not batch[n].rejected]
        assert not copied or max(set(written) & set(own), default=-1) < copied[0]
    for n in letters:
        behind = n not in desk.store.tried
        assert batch[n].rejected or batch[n].old
        assert batch[n].fault is not None or behind, "what can be written is written"


@given(_batches, st.sampled_from(MODES))
def test_every_old_message_goes_that_nothing_keeps(batch: list[Given], mode: Mode) -> None:
    """Where SQS takes every copy and delete, no group's head is held in its last hours.

    What only waited behind another has its turn with the next delivery.
    """
    left = [Given(one.group, one.old, one.fault, letter=True, delete=True) for one in batch]
    gone = {0}
    while left and gone:
        _, gone = handled(left, mode)
        left = [one for n, one in enumerate(left) if n not in gone]
    for group in "ab":
        kept = [one for one in left if one.group == group]
        assert not kept or not kept[0].old
