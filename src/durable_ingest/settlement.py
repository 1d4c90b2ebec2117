"""What becomes of each message of a batch, in the order that FIFO asks for.

A message is pending, rejected (its dead letter is due), settled (it may be acknowledged) or held.
Nothing behind a held or rejected message of its group is written or settled; a rejected one lets
its group go on once it is settled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from durable_ingest.rows import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

_BEHIND: Final = Refusal(Fault.BEHIND, "an earlier message of its group is held")


class Ledger:
    """The states of a batch's messages, by their places in it.

    Args:
        groups: each message's group, in arrival order.
    """

    def __init__(self, groups: Sequence[str]) -> None:
        self._groups = groups
        self._settled: set[int] = set()
        self._rejected: dict[int, Refusal] = {}
        self._held: dict[int, Refusal] = {}

    def settle(self, index: int) -> None:
        """Its effect is committed, or its dead letter confirmed."""
        self._rejected.pop(index, None)
        self._settled.add(index)

    def reject(self, index: int, refusal: Refusal) -> None:
        """It can never be stored, or no longer be held."""
        self._held.pop(index, None)
        self._rejected[index] = refusal

    def hold(self, index: int, refusal: Refusal) -> None:
        """It stays in the queue, and its group behind it."""
        self._rejected.pop(index, None)
        self._held[index] = refusal

    def writable(self) -> list[int]:
        """Pending messages with nothing but settled or pending ones of their group before them."""
        found = self._open(self._rejected)
        return [n for n in found if n not in self._rejected] if self._rejected else found

    def due_dead_letters(self) -> list[tuple[int, Refusal]]:
        """Rejected messages that are the first of their group that is not settled."""
        if not self._rejected:
            return []
        heads: dict[str, int] = {}
        for index in self._open({}):
            heads.setdefault(self._groups[index], index)
        return [(n, self._rejected[n]) for n in sorted(heads.values()) if n in self._rejected]

    @property
    def settled(self) -> list[int]:
        """What may be acknowledged, in arrival order."""
        return sorted(self._settled)

    @property
    def held(self) -> dict[int, Refusal]:
        """What stays in the queue, and why, in arrival order."""
        if self._is_all_settled:
            return {}
        rest = (n for n in range(len(self._groups)) if n not in self._settled)
        own = self._rejected | self._held
        return {index: own.get(index, _BEHIND) for index in rest}

    @property
    def _is_all_settled(self) -> bool:
        return len(self._settled) == len(self._groups)

    def _open(self, stopping: dict[int, Refusal]) -> list[int]:
        """Give what is neither settled nor held nor behind a held or a `stopping` message."""
        if self._is_all_settled:
            return []
        found: list[int] = []
        closed: set[str] = set()
        for index, group in enumerate(self._groups):
            if index in self._settled or group in closed:
                continue
            if index in self._held:
                closed.add(group)
                continue
            found.append(index)
            if index in stopping:
                closed.add(group)
        return found


def deletion_rounds(settled: Sequence[tuple[int, str, bool]]) -> list[list[int]]:
    """Say in which order settled messages are deleted one by one.

    A group's next message is deleted only once the one before it is known to be: were a newer
    one gone and an older one delivered again, the older would win. Messages of order-free
    contracts may all go at once.

    Args:
        settled: index, group and whether its contract is order-free, in arrival order.
    """
    rounds: list[list[int]] = []
    depth: dict[str, int] = {}
    for index, group, order_free in settled:
        place = 0 if order_free else depth.get(group, 0)
        depth[group] = place + 1
        while len(rounds) <= place:
            rounds.append([])
        rounds[place].append(index)
    return rounds
