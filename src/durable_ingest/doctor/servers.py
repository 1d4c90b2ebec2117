"""Whether the server keeps what it commits, and takes the drainers that will come."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from durable_ingest.doctor.findings import Finding, error, note, warning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.mysql.inspection import ServerFacts

OLDEST_VERSION: Final = (8, 0)
OLDEST_MARIADB: Final = (10, 6)
LARGEST_STATEMENT: Final = 4 * 1_048_576
"""A record of 1 MiB, escaped in hexadecimal, and its company."""
_TOO_MUCH: Final = re.compile(r"\b(ALL PRIVILEGES|SUPER|DROP|DELETE|ALTER)\b", re.IGNORECASE)
_STRICT: Final = ("STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "TRADITIONAL")


def check_server(server: ServerFacts, *, concurrency: int | None) -> list[Finding]:
    """Check what the server says of itself.

    Args:
        server: that.
        concurrency: how many drainers may connect at once; None where that is not known.
    """
    found = [*_version(server.version), *_tls(server)]
    if server.read_only:
        found.append(
            error(
                "database.read_only",
                "the server is read-only",
                "every message is held",
                "connect to the cluster's writer endpoint",
            )
        )
    if server.flush != 1:
        found.append(
            warning(
                "database.durability",
                f"innodb_flush_log_at_trx_commit is {server.flush}",
                "rows of up to a second are lost when the server crashes, after they were"
                " acknowledged",
                "set innodb_flush_log_at_trx_commit to 1, as Aurora has it",
            )
        )
    if server.character_set != "utf8mb4":
        found.append(
            warning(
                "database.character_set",
                f"the database's character set is {server.character_set}",
                "new tables refuse characters outside it, and the rows that hold them",
                "ALTER DATABASE ... CHARACTER SET utf8mb4",
            )
        )
    if not any(mode in server.sql_mode for mode in _STRICT):
        found.append(
            note(
                "database.sql_mode",
                "the server's own sql_mode is not strict",
                "the drainer's sessions are; other writers' values are cut silently",
                "add STRICT_TRANS_TABLES to sql_mode",
            )
        )
    if server.time_zone not in {"UTC", "+00:00", "SYSTEM"}:
        found.append(
            note(
                "database.time_zone",
                f"the server's time zone is {server.time_zone}",
                "the drainer writes UTC; readers whose sessions differ see TIMESTAMPs shifted",
                "SET time_zone = '+00:00' in sessions that read",
            )
        )
    if server.max_packet < LARGEST_STATEMENT:
        found.append(
            warning(
                "database.max_packet",
                f"max_allowed_packet is {server.max_packet:,} bytes",
                "records that SQS takes, up to 1 MiB, may be refused and dead-lettered",
                f"set max_allowed_packet to {16 * 1_048_576} or more",
            )
        )
    if concurrency is not None and concurrency >= server.max_connections:
        found.append(
            error(
                "database.connections",
                f"{concurrency} drainers may connect, and max_connections is"
                f" {server.max_connections}",
                "the catch-up takes every connection from everybody else",
                "lower MaximumConcurrency in the event source mapping's ScalingConfig",
            )
        )
    return found


def _version(version: str) -> list[Finding]:
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    oldest = OLDEST_MARIADB if "mariadb" in version.lower() else OLDEST_VERSION
    if numbers >= oldest:
        return []
    wanted = ".".join(map(str, oldest))
    return [
        warning(
            "database.version",
            f"the server is {version}",
            "it is not supported any more, and this library is not tested with it",
            f"upgrade to {wanted} or later",
        )
    ]


def _tls(server: ServerFacts) -> list[Finding]:
    if server.loopback:
        return []
    remedy = 'leave ssl_mode at "VERIFY_IDENTITY", and pass ssl_ca= the authorities\' file'
    if not server.encrypted:
        what, cost = "the connection is not encrypted", "rows and password can be read on the way"
    elif not server.verified:
        what = "the connection is encrypted, but nothing verifies certificate and host name"
        cost = "whoever stands between can play the server, and be given rows and password"
    else:
        return []
    return [error("database.tls", what, cost, remedy)]


def check_grants(grants: Sequence[str]) -> list[Finding]:
    """Check that the drainer's user has no more rights than it needs."""
    given = [grant.partition(" ON ")[0] for grant in grants]
    if not any(map(_TOO_MUCH.search, given)):
        return []
    return [
        note(
            "database.grants",
            "the user has more rights than SELECT, INSERT and UPDATE",
            "whoever reads the secret can do more than write rows",
            "GRANT SELECT, INSERT, UPDATE on its tables alone, to an account of the drainer's own",
        )
    ]


def check_commands(names: Sequence[str]) -> list[Finding]:
    """Say that what commands run cannot be looked at."""
    if not names:
        return []
    return [
        note(
            "database.commands",
            f"the statements of {', '.join(names)} are not looked at",
            "a table, column or right that they lack holds their messages",
            "test them: durable_ingest.testing delivers to a drainer on a real database",
        )
    ]
