"""MySQL's error codes -> what they mean for a message.

By code and SQLSTATE, never by PyMySQL's exception class: its OperationalError covers refused
connections and refused rows alike.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from durable_ingest.mysql.codes import CLIENT_CODES, CODES, SQLSTATE_CLASSES
from durable_ingest.rows import Fault

if TYPE_CHECKING:
    from collections.abc import Collection

_BY_CODE: Final = {code: fault for fault, codes in CODES.items() for code in codes}
_MEANINGS: Final = {code: text for codes in CODES.values() for code, text in codes.items()}
_FORBIDDEN_BY_OPTION: Final = 1290
_RIGHTS: Final = frozenset({1044, 1142, 1143})
_NULL_IN_A_COLUMN: Final = frozenset({1048, 3673})
_TAKEN: Final = (
    "a value of another unique index is taken, or an AUTO_INCREMENT column has run out of values"
)
_BLAMES_A_COLUMN: Final = frozenset({1048, 1264, 1265, 1292, 1366, 1406, 3673})
_COLUMN: Final = re.compile(
    r"[Cc]olumn (?:['`][^'`]+['`]\.)*['`]([^'`]+)['`] (?:at row \d+|cannot be null)$"
)
_INDEX: Final = re.compile(r"for key '([\w$.-]+)'$")
_CHECK: Final = re.compile(r"^Check constraint '([\w$.-]+)' is violated|^CONSTRAINT `([\w$.-]+)`")
_NAMED: Final = {1062: _INDEX, 1586: _INDEX, 3819: _CHECK, 4025: _CHECK}


def classify(
    code: int | None,
    sqlstate: str | None,
    message: str,
    key_columns: Collection[str] = (),
    columns: Collection[str] = (),
) -> Fault:
    """Say what an error means for the rows of a statement.

    Args:
        code: MySQL's error code; None where there is none.
        sqlstate: its SQLSTATE, if the server gave one.
        message: the server's text. Read where the code alone does not say enough: 1290 stands for
            several options, 1048 on a key column is the upsert's own alarm for another row's
            unique value, and a column that the rows do not hold is a trigger's matter.
        key_columns: the columns of the table's key.
        columns: those that the rows give values for.
    """
    if code == _FORBIDDEN_BY_OPTION:
        read_only = "read-only" in message or "read_only" in message
        return Fault.UNAVAILABLE if read_only else Fault.MISCONFIGURED
    blamed = _COLUMN.search(message) if code in _BLAMES_A_COLUMN else None
    if blamed and code in _NULL_IN_A_COLUMN and _among(blamed[1], key_columns):
        return Fault.DEPENDENT
    if blamed and columns and not _among(blamed[1], columns):
        return Fault.UNKNOWN
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code in CLIENT_CODES:
        return Fault.UNAVAILABLE
    return SQLSTATE_CLASSES.get((sqlstate or "")[:2], Fault.UNKNOWN)


def _among(name: str, columns: Collection[str]) -> bool:
    return name.lower() in {column.lower() for column in columns}


def describe(
    code: int | None,
    message: str,
    columns: Collection[str] = (),
    needs: str | None = None,
    key_columns: Collection[str] = (),
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
    if found and code in _NULL_IN_A_COLUMN and _among(found[1], key_columns):
        meaning = _TAKEN
    elif found and found[1] in columns:
        where = f"column {found[1]!r}: "
    elif code in _NAMED and (named := _NAMED[code].search(message)):
        where = f"{next(filter(None, named.groups()))!r}: "
    remedy = f"; grant {needs}" if needs is not None and code in _RIGHTS else ""
    return f"{where}{meaning}{remedy}" + (f" (MySQL error {code})" if code else "")
