"""Which messages go into the next SendMessageBatch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from durable_ingest.outgoing import MAX_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from durable_ingest.outgoing import Outgoing

MAX_ENTRIES: Final = 10
"""Entries of a batch (SQS API Reference, SendMessageBatch)."""


def next_batch(pending: Iterable[tuple[int, Outgoing]]) -> list[int]:
    """Choose the indices of the next batch from messages in their order.

    A group has one message in a batch, its first, because SQS answers each entry by itself: an
    entry that fails and is sent again would come after its followers. Groups of messages that
    are all order-free may have several. A batch holds 10 entries and 1 MiB.
    """
    batch: list[int] = []
    room = MAX_MESSAGE
    open_groups: dict[str, bool] = {}  # group -> whether a further message of it may join
    for index, entry in pending:
        if len(batch) == MAX_ENTRIES:
            break
        joins = open_groups.get(entry.group_id, True) and (
            entry.order_free or entry.group_id not in open_groups
        )
        if joins and entry.size <= room:
            batch.append(index)
            room -= entry.size
            open_groups[entry.group_id] = entry.order_free
        else:
            open_groups[entry.group_id] = False
    return batch
