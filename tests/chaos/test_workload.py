"""A write's name says its row, everywhere the same."""

import random

import pytest

from chaos.contracts import CONTRACTS, record
from chaos.workload import LONGEST_NOTE, Slot, Write, content, refusal


def test_a_name_can_be_read_back() -> None:
    """The key may hold any number of dashes."""
    write = Write("3-plain-0017-2", 42)
    assert str(write) == "3-plain-0017-2.42"
    assert Write.parse(str(write)) == write
    assert write.table == "plain"


def test_a_write_has_one_content() -> None:
    """Of its seed."""
    write = Write("0-plain-0001-0", 3)
    assert content(1, write) == content(1, write)
    assert content(1, write) != content(2, write)
    assert content(1, write) != content(1, Write("0-plain-0001-0", 4))


def test_some_writes_are_refused() -> None:
    """A few, in each way; their content is what the table refuses."""
    writes = [Write("0-plain-0001-0", n) for n in range(1, 5000)]
    kinds = [refusal(1, write) for write in writes]
    assert 10 < len(kinds) - kinds.count("") < 100
    for write, kind in zip(writes, kinds, strict=True):
        row = content(1, write)
        assert (len(row.note) > LONGEST_NOTE) is (kind == "too long")
        assert (row.amount < 0) is (kind == "check")


def test_a_slot_changes_its_key() -> None:
    """A new key begins with its first write."""
    slot, chance = Slot(0, "plain", 7), random.Random(1)  # noqa: S311  has to repeat
    writes = [slot.next_write(chance) for _ in range(500)]
    assert writes[0] == Write("0-plain-0007-0", 1)
    firsts = [write for write in writes if write.n == 1]
    assert len(firsts) == slot.generation + 1 > 5
    assert all(write.key.startswith(slot.prefix) for write in writes)
    assert len(set(writes)) == 500


@pytest.mark.parametrize(
    "table", [contract.name for contracts in CONTRACTS.values() for contract in contracts]
)
def test_every_contract_has_its_record(table: str) -> None:
    """With the content of the write."""
    write = Write(f"0-{table}-0001-0", 1)
    made = record(write, content(1, write))
    assert made.write_id == str(write)
    assert made.key == write.key
