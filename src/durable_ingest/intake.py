"""A Lambda event into rows: which contract each message is for, and what it says."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.decoding import Undecodable, decode
from durable_ingest.errors import ForeignEventError
from durable_ingest.message import NAME, Message, message
from durable_ingest.rows import Fault, Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from durable_ingest.contract import Contract

_SQS_ARN: Final = r"arn:[a-z0-9-]+:sqs:[a-z0-9-]+:[0-9]+:[A-Za-z0-9_-]+(\.fifo)?"
"""The queue's URL is made of it: nothing else may stand in it (SQS API Reference, CreateQueue)."""


def read_event(event: Mapping[str, Any]) -> tuple[list[Message], str]:
    """Read an event: its messages in arrival order, and the ARN of the queue they came from.

    Raises:
        ForeignEventError: it is no batch of SQS messages, or an empty one.
    """
    messages = []
    sources = set()
    try:
        for record in event["Records"]:
            messages.append(message(record))
            sources.add((record["eventSource"], record["eventSourceARN"]))
        ((service, arn),) = sources
        is_queue = service == "aws:sqs" and _is_queue(arn)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ForeignEventError from None
    if not is_queue:
        raise ForeignEventError
    return messages, arn


@lru_cache(maxsize=16)
def _is_queue(arn: str) -> bool:
    return re.fullmatch(_SQS_ARN, arn) is not None


def read_received(records: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Read what was received, in arrival order.

    Leaves out what cannot be read, which SQS does not give, and what is behind it in its group.
    """
    found: list[Message] = []
    unreadable: set[Any] = set()
    for record in records:
        try:
            given = message(record)
        except (KeyError, TypeError, ValueError, AttributeError):
            unreadable.add(str((record.get("attributes") or {}).get("MessageGroupId")))
            continue
        if str(given.group_id) not in unreadable:
            found.append(given)
    return found


def row_of(index: int, given: Message, contracts: Mapping[str, Contract]) -> Row:
    """Read a message's record.

    Args:
        index: the message's place in its batch.
        given: the message.
        contracts: those that the drainer knows, by name.

    Raises:
        Undecodable: it is no record of them, or stands on a queue that its contract does not go
            with.
    """
    contract = _contract_of(given, contracts)
    decoded = decode(contract, given.body, given.attributes)
    if contract.sequence is not None and given.sequence is None:
        raise _misplaced("has no sequence number, which its contract compares; use a FIFO queue")
    if given.group_id is None and contract.version is None:
        raise _misplaced("has no message group; only tables with a version do without")
    if given.group_id is None and not decoded.present >= contract.fields.columns.keys():
        raise _misplaced("has no message group and lacks fields; send whole rows")
    return Row(
        index=index,
        contract=contract,
        record=decoded.record,
        present=decoded.present,
        group=given.group,
        message=given,
    )


def _contract_of(given: Message, contracts: Mapping[str, Contract]) -> Contract:
    name = given.name
    if name is None and len(contracts) == 1:
        return next(iter(contracts.values()))
    contract = contracts.get(name or "")
    if contract is None:
        known = ", ".join(contracts)
        if name is None:
            raise _misplaced(f"names no contract; set its attribute {NAME} to one of {known}")
        remedy = "deploy a drainer that has it"
        raise _misplaced(
            f"names the contract {name[:64]!r}, and this drainer knows {known}; {remedy}"
        )
    return contract


def _misplaced(problem: str) -> Undecodable:
    return Undecodable(Refusal(Fault.MISCONFIGURED, f"a message {problem}"))
