"""What the doctor looks at: every check by its name, which is stable."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Severity(IntEnum):
    """From worst to best; findings are listed in this order."""

    ERROR = 0
    """Writes can be lost, reordered, or held for ever."""
    WARNING = 1
    """It works today, and will not on a bad day."""
    UNSEEN = 2
    """It could not be looked at."""
    NOTE = 3
    """Worth knowing."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked at."""

    worst: Severity
    finds: str
    """What is found, where something is."""


_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

PARTS: Final = {
    "mapping": "the event source mappings of the queue",
    "function": "the drainer's function",
    "queue": "the queue that writes go through",
    "dead_letters": "the drainer's dead-letter queue, or else the redrive policy's",
    "database": "the server, with the drainer's own rights",
    "table": "each contract against its table",
    "inbox": "the inbox, if there is one",
}
"""What the checks are of; a check's name begins with its part's."""
CHECKS: Final = {
    "mapping.response_types": Check(
        _ERROR, '`ReportBatchItemFailures` is missing; with `acknowledge="report"` that is loss'
    ),
    "mapping.missing": Check(_ERROR, "no mapping takes from the queue"),
    "mapping.several": Check(_ERROR, "more than one does"),
    "mapping.function": Check(_ERROR, "it calls another function than `--function` names"),
    "mapping.filters": Check(_ERROR, "filter criteria, which delete what they do not match"),
    "mapping.disabled": Check(_WARNING, "it is disabled"),
    "mapping.concurrency": Check(_WARNING, "its concurrency has no limit"),
    "mapping.batch_size": Check(_NOTE, "batches of fewer than 10 messages"),
    "function.missing": Check(_ERROR, "there is none of that name"),
    "function.runtime": Check(_ERROR, "a Python that this library does not run on"),
    "function.permissions": Check(_ERROR, "an action that its role is not allowed"),
    "function.network": Check(_ERROR, "a VPC without a way to SQS, or to the secret"),
    "function.concurrency": Check(_ERROR, "reserved concurrency below the mapping's"),
    "function.timeout": Check(_WARNING, "a time-out of less than 30 s; a warning below 10 s"),
    "function.memory": Check(_NOTE, "less than 256 MB"),
    "queue.missing": Check(_ERROR, "there is none at that URL"),
    "queue.kind": Check(_ERROR, "a standard queue"),
    "queue.retention": Check(_ERROR, "a retention shorter than the outage, or than 14 days"),
    "queue.redrive": Check(_ERROR, "a `maxReceiveCount` that the outage uses up"),
    "queue.visibility": Check(_ERROR, "a visibility timeout below six times the function's"),
    "queue.encryption": Check(_WARNING, "no encryption at rest"),
    "queue.message_size": Check(_WARNING, "a `MaximumMessageSize` below 1 MiB"),
    "queue.throughput": Check(_NOTE, "deduplication and throughput for the whole queue"),
    "queue.delay": Check(_NOTE, "a delay of every message"),
    "dead_letters.missing": Check(_ERROR, "there is none at that URL"),
    "dead_letters.same": Check(_ERROR, "it is the queue itself"),
    "dead_letters.kind": Check(_WARNING, "a standard queue"),
    "dead_letters.drainer": Check(_WARNING, "the drainer has no `dead_letter_queue_url`"),
    "dead_letters.retention": Check(_WARNING, "a retention shorter than 14 days"),
    "dead_letters.encryption": Check(_WARNING, "no encryption at rest"),
    "dead_letters.other": Check(_NOTE, "SQS moves messages to another queue than the drainer"),
    "database.connection": Check(_ERROR, "the server refuses the log-in, or TLS fails for good"),
    "database.tls": Check(_ERROR, "a connection in clear, or a server that is not verified"),
    "database.read_only": Check(_ERROR, "a read-only server"),
    "database.connections": Check(_ERROR, "fewer connections than drainers"),
    "database.durability": Check(_WARNING, "commits that a crash undoes"),
    "database.version": Check(_WARNING, "a server older than MySQL 8.0 or MariaDB 10.6"),
    "database.character_set": Check(_WARNING, "a default other than utf8mb4"),
    "database.max_packet": Check(_WARNING, "statements of less than 4 MiB"),
    "database.sql_mode": Check(_NOTE, "no strict mode for other writers"),
    "database.time_zone": Check(_NOTE, "a time zone other than UTC"),
    "database.grants": Check(_NOTE, "more rights than a drainer needs"),
    "database.commands": Check(_NOTE, "commands, whose statements cannot be looked at"),
    "table.contract": Check(
        _ERROR,
        "a missing table, column or unique key; a key or guard column"
        " of another type; a column that nobody fills",
    ),
    "table.privileges": Check(_ERROR, "the upsert would be refused, such as for a missing right"),
    "table.auto_increment": Check(_ERROR, "a counter beside the key that is 80% used up"),
    "table.unique": Check(_WARNING, "further unique indexes"),
    "table.null": Check(_WARNING, "None for a column that is NOT NULL"),
    "table.rounding": Check(_WARNING, "a scale, precision or type that MySQL rounds to silently"),
    "table.character_set": Check(_WARNING, "text in another character set than utf8mb4"),
    "table.width": Check(_NOTE, "text or bytes that are longer than the column"),
    "table.range": Check(_NOTE, "numbers that are larger than the column"),
    "table.key_collation": Check(_NOTE, "a key whose collation takes different texts for one"),
    "table.guard": Check(_NOTE, "neither `version` nor `sequence`, nor an inbox"),
    "inbox.table": Check(_ERROR, "a missing table, or one that is no inbox"),
    "inbox.privileges": Check(_ERROR, "the INSERT or SELECT would be refused"),
    "inbox.keep": Check(_WARNING, "messages that outlive its memory"),
}


def part_of(name: str) -> str:
    """Give the part that a check is of."""
    return name.partition(".")[0]


def is_asked_for(name: str, only: tuple[str, ...], ignored: tuple[str, ...]) -> bool:
    """Say whether findings of a check, or of a whole part, are wanted.

    Args:
        name: a check or a part.
        only: the checks and parts that are wanted; all of them, if none is named.
        ignored: those that are not.
    """
    if any(_covers(each, name) for each in ignored):
        return False
    return not only or any(_covers(each, name) or _covers(name, each) for each in only)


def is_looked_at(part: str, only: tuple[str, ...], ignored: tuple[str, ...]) -> bool:
    """Say whether any check of a part is wanted."""
    return any(is_asked_for(name, only, ignored) for name in CHECKS if part_of(name) == part)


def _covers(given: str, name: str) -> bool:
    return name == given or name.startswith(f"{given}.")
