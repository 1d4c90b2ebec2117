"""Which dead letters are meant, and which of them may go back to their queue."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from durable_ingest.contract import Command
from durable_ingest.decoding import Undecodable
from durable_ingest.intake import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from durable_ingest.contract import Contract
    from durable_ingest.letter import Letter


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant: those that fit each filter that is not empty."""

    contracts: frozenset[str] = frozenset()
    faults: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    """Message ids, in the dead-letter queue or in the first one, under which logs have them."""

    def takes(self, letter: Letter, contract: str | None) -> bool:
        """Say whether a letter, which is for this contract, is meant."""
        return (
            (not self.contracts or contract in self.contracts)
            and (not self.faults or letter.fault in self.faults)
            and (not self.ids or not self.ids.isdisjoint(ids_of(letter)))
        )


def ids_of(letter: Letter) -> set[str]:
    """Give the message ids that a letter can be asked for by."""
    return {letter.id, letter.origin}


def contract_of(letter: Letter, contracts: Mapping[str, Contract]) -> str | None:
    """Name what a letter is for: as a drainer reads it, the only contract need not be named."""
    return next(iter(contracts)) if letter.name is None and len(contracts) == 1 else letter.name


def objection(
    letter: Letter, contracts: Mapping[str, Contract], *, unordered: bool = False
) -> str | None:
    """Say why a letter may not go back; None where it may.

    What the drainer cannot read would only come back, or be held in front of its group. What no
    guard or inbox compares with newer writes would replace them.

    Args:
        letter: the letter.
        contracts: those that the drainer knows, by name.
        unordered: whether older writes may replace newer ones.
    """
    try:
        contract = row_of(0, letter.message, contracts).contract
    except Undecodable as error:
        return f"the drainer cannot read it: {error.refusal.reason}"
    except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
        return f"the drainer cannot read it: the model raised {type(error).__name__}"
    if unordered or isinstance(contract, Command) or contract.version is not None:
        return None
    if contract.sequence is None:
        return "its table has neither version nor sequence: it would replace newer rows"
    if letter.sequence is None:
        return "it has lost its first sequence number: it would replace newer rows"
    return None


def in_turn(letters: Iterable[Letter]) -> dict[str, deque[Letter]]:
    """Part letters by their groups, each in its order."""
    groups: dict[str, deque[Letter]] = {}
    for letter in letters:
        groups.setdefault(letter.group_id, deque()).append(letter)
    return groups
