"""MySQL's error codes -> what they mean for a message.

By code and SQLSTATE, never by PyMySQL's exception class: its OperationalError covers refused
connections and refused rows alike. Codes are those of the MySQL 8.4 Error Message Reference and
MariaDB's error codes; 2000-2061 are the client's own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from durable_ingest.ports import Fault

if TYPE_CHECKING:
    from collections.abc import Collection

CODES: Final[dict[Fault, dict[int, str]]] = {
    Fault.UNAVAILABLE: {
        0: "the connection is closed",
        1021: "the disk is full",
        1030: "the storage engine failed",
        1037: "out of memory",
        1038: "out of sort memory",
        1040: "too many connections",
        1041: "out of memory",
        1053: "the server is shutting down",
        1077: "the server is shutting down",
        1078: "the server is shutting down",
        1079: "the server is shutting down",
        1080: "the server is shutting down",
        1105: "an unspecified error, as zero-downtime patching gives it",
        1114: "the table or the disk is full",
        1158: "the network failed",
        1159: "the network failed",
        1160: "the network failed",
        1161: "the network failed",
        1180: "the commit failed",
        1203: "too many connections of this user",
        1226: "a limit of this user is reached",
        1317: "the statement was interrupted",
        1792: "the transaction is read-only",
        1836: "the server is read-only",
        1927: "the connection was killed",
        1969: "the statement ran out of time",
        2002: "the server refuses connections",
        2003: "the server refuses connections",
        2004: "no socket could be made",
        2005: "the server's name does not resolve",
        2006: "the connection is gone",
        2012: "the handshake failed",
        2013: "the connection was lost",
        2014: "commands out of step",
        2027: "a packet was malformed",
        2055: "the connection was lost",
        3024: "the statement ran out of time",
        3032: "the server is in offline mode",
        3168: "the server is not ready",
        3169: "the session was killed",
        3675: "the disk is full",
        3989: "the database is read-only",
        4031: "the server closed an idle connection",
    },
    Fault.CONTENDED: {
        1020: "the row changed since it was read",
        1205: "a lock was not had in time",
        1213: "a deadlock",
        3572: "a lock was not to be had at once",
    },
    Fault.REJECTED: {
        1048: "a column may not be NULL",
        1153: "the row is larger than max_allowed_packet",
        1264: "a value is out of range",
        1265: "a value does not fit its column",
        1292: "a value is no date, time or number of its column's",
        1365: "a division by zero",
        1366: "a value does not fit its column's type or character set",
        1406: "a value is too long for its column",
        1411: "a value is no date or time of its column's",
        1690: "an expression is out of range",
        3140: "a value is no valid JSON",
        3141: "a value is no valid JSON",
        3819: "a CHECK constraint refuses the row",
        4025: "a CHECK constraint refuses the row",
    },
    Fault.DEPENDENT: {
        1062: "a value of another unique index is taken",
        1169: "a value of another unique index is taken",
        1216: "the parent row is missing",
        1217: "a child row refers to the row",
        1451: "a child row refers to the row",
        1452: "the parent row is missing",
        1586: "a value of another unique index is taken",
    },
    Fault.MISCONFIGURED: {
        1044: "the user has no right to the database",
        1045: "the user or the password is wrong",
        1049: "the database does not exist",
        1054: "a column does not exist",
        1064: "the statement's syntax is not this server's",
        1129: "the server has blocked this host",
        1130: "the server does not let this host in",
        1136: "the columns do not match",
        1142: "the user has no right to the table",
        1143: "the user has no right to the column",
        1146: "the table does not exist",
        1193: "a variable does not exist",
        1227: "the user lacks a right",
        1231: "a variable cannot have this value",
        1267: "collations do not match",
        1290: "an option of the server forbids the statement",
        1305: "a function does not exist",
        1356: "a view refers to what does not exist",
        1364: "a column without default is not written",
        1370: "the user has no right to a routine",
        1449: "the definer of a trigger or view does not exist",
        1524: "the authentication plugin is missing",
        1665: "READ COMMITTED does not go with this binary log format",
        1698: "the user or the password is wrong",
        1820: "the password has expired",
        1862: "the password has expired",
        2026: "the TLS connection failed",
        2059: "the authentication plugin is missing",
        3118: "the account is locked",
        3159: "the server requires TLS",
        4151: "the account is locked",
    },
}
"""Every code that the library knows, by fault, and what it means."""

_BY_CODE: Final = {code: fault for fault, codes in CODES.items() for code in codes}
_MEANINGS: Final = {code: text for codes in CODES.values() for code, text in codes.items()}
_BY_SQLSTATE_CLASS: Final = {
    "08": Fault.UNAVAILABLE,
    "22": Fault.REJECTED,
    "23": Fault.DEPENDENT,
    "25": Fault.UNAVAILABLE,
    "28": Fault.MISCONFIGURED,
    "40": Fault.CONTENDED,
    "42": Fault.MISCONFIGURED,
    "70": Fault.UNAVAILABLE,
}
_FORBIDDEN_BY_OPTION: Final = 1290
_RIGHTS: Final = frozenset({1044, 1142, 1143})
_NULL_IN_A_COLUMN: Final = 1048
_NULL_COLUMN: Final = re.compile(r"Column '([^']+)' cannot be null")
_COLUMN: Final = re.compile(
    r"(?:for|column:?|Column) '?`?([^'`]+?)['`]? ?(?:at row \d+|cannot be null)?$"
)
_INDEX: Final = re.compile(r"for key '([\w$.-]+)'$")
_CHECK: Final = re.compile(r"^Check constraint '([\w$.-]+)' is violated|^CONSTRAINT `([\w$.-]+)`")
_NAMED: Final = {1062: _INDEX, 1586: _INDEX, 3819: _CHECK, 4025: _CHECK}


def classify(
    code: int | None, sqlstate: str | None, message: str, key_columns: Collection[str] = ()
) -> Fault:
    """Say what an error means for the rows of a statement.

    Args:
        code: MySQL's error code; None where there is none.
        sqlstate: its SQLSTATE, if the server gave one.
        message: the server's text. Read for two codes only: 1290 stands for several options, and
            1048 on a key column is the upsert's own alarm for another row's unique value.
        key_columns: the columns of the table's key.
    """
    if code == _FORBIDDEN_BY_OPTION:
        read_only = "read-only" in message or "read_only" in message
        return Fault.UNAVAILABLE if read_only else Fault.MISCONFIGURED
    if code == _NULL_IN_A_COLUMN:
        found = _NULL_COLUMN.search(message)
        taken = found is not None and found[1].lower() in {c.lower() for c in key_columns}
        return Fault.DEPENDENT if taken else Fault.REJECTED
    if code in _BY_CODE:
        return _BY_CODE[code]
    return _BY_SQLSTATE_CLASS.get((sqlstate or "")[:2], Fault.UNKNOWN)


def describe(
    code: int | None, message: str, columns: Collection[str] = (), needs: str | None = None
) -> str:
    """Say in words what an error is, without the row's content, which MySQL's own texts quote.

    A column is named where the text ends in one of the table's; an index or a constraint where
    the text names it at its fixed place. `needs` is said where the user lacks a right: those that
    make it good.
    """
    meaning = _MEANINGS.get(code or 0, "an error of an unknown kind")
    if classify(code, None, message) is Fault.UNAVAILABLE and code == _FORBIDDEN_BY_OPTION:
        meaning = "the server is read-only"
    where = ""
    found = _COLUMN.search(message)
    if found and found[1] in columns:
        where = f"column {found[1]!r}: "
    elif code in _NAMED and (named := _NAMED[code].search(message)):
        where = f"{next(filter(None, named.groups()))!r}: "
    remedy = f"; grant {needs}" if needs is not None and code in _RIGHTS else ""
    return f"{where}{meaning}{remedy}" + (f" (MySQL error {code})" if code else "")
